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
        let template =
            format!("{{prefix:12}} {{bar:36}} {{pos}}/{{len}} {unit}  {{eta}} left  {{msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        bar.set_prefix(label.to_owned());
        let now = Instant::now();
        let (label, plain) = (label.to_owned(), !terminal && !quiet);
        Self { bar, plain, label, total, begun: now, said: now }
    }

    /// So many steps are done.
    pub fn at(&mut self, done: u64, message: &str) {
        self.bar.set_position(done);
        self.bar.set_message(message.to_owned());
        if self.plain && self.said.elapsed() >= PLAIN_EVERY {
            self.said = Instant::now();
            let left = left(self.begun.elapsed(), done, self.total);
            eprintln!("{}: {done} of {}{left}{}{message}", self.label, self.total, sep(message));
        }
    }

    /// Takes the bar away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

fn sep(message: &str) -> &'static str {
    if message.is_empty() { "" } else { ", " }
}

fn left(elapsed: Duration, done: u64, total: u64) -> String {
    if done == 0 || done >= total {
        return String::new();
    }
    let seconds = elapsed.as_secs_f64() / done as f64 * (total - done) as f64;
    format!(", about {seconds:.0} s left")
}
