//! How far a run is: a bar with the time left on a terminal, now and then a plain line elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Between two plain lines at least this long.
const PLAIN_EVERY: Duration = Duration::from_secs(5);

/// Progress on standard error.
pub struct Progress {
    bar: ProgressBar,
    plain: bool,
    label: String,
    total: u64,
    begun: Instant,
    said: Instant,
}

impl Progress {
    /// For `total` steps called `unit`. With `quiet` nothing is shown.
    pub fn new(label: &str, total: u64, unit: &str, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !quiet {
            ProgressDrawTarget::stderr_with_hz(15)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total), target);
        let template = format!("{{prefix:12}} {{bar:36}} {{pos}}/{{len}} {unit}  {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        bar.set_prefix(label.to_owned());
        let now = Instant::now();
        let (label, plain) = (label.to_owned(), !terminal && !quiet);
        Self { bar, plain, label, total, begun: now, said: now }
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
        if self.plain && self.said.elapsed() >= PLAIN_EVERY {
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
