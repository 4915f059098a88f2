//! How far a run is: on a terminal a bar with the time left, and above it what else moves; elsewhere now and then a plain
//! line.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two plain lines at least this long.
const PLAIN_EVERY: Duration = Duration::from_secs(5);
/// Columns of a terminal that does not say how many it has.
const COLUMNS: u16 = 80;

/// What standard error can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Nothing is to be shown.
    Dark,
    /// No terminal, or one that can only add lines.
    Plain,
    /// A terminal whose lines can be drawn again, without colours.
    Grey,
    /// The same with colours.
    Colour,
}

impl Screen {
    /// That of this process. With `quiet` it is dark.
    pub fn here(quiet: bool) -> Self {
        let var = |name| std::env::var(name).unwrap_or_default();
        Self::of(quiet, std::io::stderr().is_terminal(), &var("TERM"), &var("NO_COLOR"))
    }

    /// By `TERM`, and by `NO_COLOR`, which any value sets (<https://no-color.org>).
    fn of(quiet: bool, terminal: bool, term: &str, no_color: &str) -> Self {
        match (quiet, terminal && term != "dumb", no_color) {
            (true, ..) => Self::Dark,
            (_, false, _) => Self::Plain,
            (_, true, "") => Self::Colour,
            (_, true, _) => Self::Grey,
        }
    }

    /// Lines can be drawn again.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Grey | Self::Colour)
    }
}

/// Progress on standard error.
pub struct Progress {
    bar: ProgressBar,
    screen: Screen,
    label: String,
    total: u64,
    begun: Instant,
    said: Instant,
}

impl Progress {
    /// For `total` steps called `unit`.
    pub fn new(label: &str, total: u64, unit: &str, screen: Screen) -> Self {
        let target = if screen.is_live() {
            ProgressDrawTarget::stderr_with_hz(15)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = format!("{{prefix}}{label:12} {{bar:36}} {{pos}}/{{len}} {unit}  {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        let now = Instant::now();
        Self { bar, screen, label: label.to_owned(), total, begun: now, said: now }
    }

    /// What it is shown on.
    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// Columns there are now: a window can be made larger.
    pub fn columns(&self) -> usize {
        let size = rustix::termios::tcgetwinsize(std::io::stderr());
        size.map_or(COLUMNS, |size| if size.ws_col == 0 { COLUMNS } else { size.ws_col }).into()
    }

    /// Draws a line above the bar, in the place of the one before it; an empty one takes it away.
    pub fn above(&self, line: &str) {
        self.bar.set_prefix(if line.is_empty() { String::new() } else { format!("{line}\n") });
    }

    /// Draws a line that stays.
    pub fn stays(&self, line: &str) {
        self.above("");
        self.bar.println(line);
    }

    /// So many steps are done; the others are expected to take as long.
    pub fn at(&mut self, done: u64, message: &str) {
        let left = left(self.begun.elapsed(), done, self.total);
        self.at_with(done, left, message);
    }

    /// So many steps are done, and the others will take so long, if anybody knows.
    pub fn at_with(&mut self, done: u64, left: Option<Duration>, message: &str) {
        let left = left.map(|left| format!("about {} left", rough(left)));
        let parts: Vec<_> = left.as_deref().into_iter().chain([message]).collect();
        let told = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        self.bar.set_position(done);
        self.bar.set_message(told.clone());
        if self.screen == Screen::Plain && self.said.elapsed() >= PLAIN_EVERY {
            self.said = Instant::now();
            let sep = if told.is_empty() { "" } else { ", " };
            eprintln!("{}: {done} of {}{sep}{told}", self.label, self.total);
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn left(elapsed: Duration, done: u64, total: u64) -> Option<Duration> {
    let to_do = total.checked_sub(done).filter(|to_do| *to_do > 0 && done > 0)?;
    Some(elapsed.mul_f64(to_do as f64 / done as f64))
}

/// A time as one would say it: `40 s`, `12 min`, `2 h 05 min`.
pub(crate) fn rough(time: Duration) -> String {
    match time.as_secs_f64().round() as u64 {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", (s + 30) / 60),
        s => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_can_is_told_by_its_environment() {
        for (quiet, terminal, term, no_color, screen) in [
            (false, true, "xterm", "", Screen::Colour),
            (false, true, "", "", Screen::Colour),
            (false, true, "xterm", "1", Screen::Grey),
            (false, true, "xterm", "0", Screen::Grey),
            (false, true, "dumb", "", Screen::Plain),
            (false, false, "xterm", "", Screen::Plain),
            (true, true, "xterm", "", Screen::Dark),
            (true, false, "", "1", Screen::Dark),
        ] {
            assert_eq!(Screen::of(quiet, terminal, term, no_color), screen, "{term} {no_color}");
        }
    }

    #[test]
    fn time_is_told_as_one_would_say_it() {
        for (s, said) in [
            (0.4, "0 s"),
            (119.0, "119 s"),
            (120.0, "2 min"),
            (725.0, "12 min"),
            (7199.0, "120 min"),
            (7500.0, "2 h 05 min"),
        ] {
            assert_eq!(rough(Duration::from_secs_f64(s)), said);
        }
    }

    #[test]
    fn steps_are_expected_to_take_as_long_as_those_before() {
        let ten = Duration::from_secs(10);
        assert_eq!(left(ten, 0, 4), None);
        assert_eq!(left(ten, 1, 4), Some(3 * ten));
        assert_eq!((left(ten, 4, 4), left(ten, 5, 4)), (None, None));
    }
}
