//! Figures for people who were not there: each has a title that says what it shows, and is drawn from histories alone,
//! as an SVG and as a PNG.
//! They come out for a single run and for no fault at all, too.

mod ablation;
mod break_even;
mod canvas;
mod coverage;
mod distribution;
mod isolation;
mod library;
mod outcomes;
mod palette;
mod phases;
mod picture;
mod pixels;
mod progress;
mod rate;
mod recovery;
mod scale;
mod style;
#[cfg(test)]
mod tests;
mod throughput;
mod timeline;
mod type_face;

pub use ablation::{Combination, Effect, ablation};
pub(crate) use break_even::POINTS;
pub use break_even::{BreakEven, Course, break_even};
pub use coverage::coverage;
pub use distribution::distribution;
pub use isolation::{Cost, isolation};
pub use library::{Rival, library};
pub use outcomes::{Cell, outcomes};
pub use phases::phases;
pub use picture::{Fate, Grid, Mosaic, Panel, Piece, picture};
pub use progress::progress;
pub use rate::{Line, rate};
pub use recovery::recovery;
pub use style::Figure;
pub use throughput::throughput;
pub use timeline::timeline;

use crate::history::History;
use std::collections::BTreeSet;

/// The subjects of these trials, each once, in the order in which every figure and table shows them: by name.
pub(crate) fn subjects(histories: &[History]) -> Vec<&str> {
    let names: BTreeSet<_> = histories.iter().map(|h| h.run.subject.as_str()).collect();
    names.into_iter().collect()
}
