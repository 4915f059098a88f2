//! Figures for people who were not there: each is an SVG whose title says what it shows, drawn from histories alone.
//! They come out for a single run and for no fault at all, too.

mod outcomes;
mod progress;
mod rate;
mod recovery;
mod style;
#[cfg(test)]
mod tests;
mod throughput;

pub use outcomes::{Cell, outcomes};
pub use progress::progress;
pub use rate::{Line, rate};
pub use recovery::recovery;
pub use throughput::throughput;

use crate::history::History;
use std::collections::BTreeSet;

/// The subjects of these trials, each once, in the order in which every figure and table shows them: by name.
pub(crate) fn subjects(histories: &[History]) -> Vec<&str> {
    let names: BTreeSet<_> = histories.iter().map(|h| h.run.subject.as_str()).collect();
    names.into_iter().collect()
}
