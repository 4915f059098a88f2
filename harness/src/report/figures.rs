//! Which figures an experiment has, and what a page says of each.

use super::{outcomes, page, rate};
use crate::experiment::Experiment;
use crate::figure::{self, Figure};
use crate::history::History;
use crate::measure::Measure;
use pipelines::message::Failure;

/// Every figure there can be, by name.
pub(super) const NAMES: [&str; 5] = ["progress", "recovery", "throughput", "outcomes", "rate"];

/// The files of the figure with this name: a drawing, and its pixels.
pub(super) fn files(name: &str) -> [String; 2] {
    [format!("{name}.svg"), format!("{name}.png")]
}

/// A figure with what a page says of it.
pub(super) struct Drawn {
    files: [String; 2],
    seen: String,
    table: &'static str,
    figure: Figure,
}

impl Drawn {
    fn new(name: &str, table: &'static str, seen: impl Into<String>, figure: Figure) -> Self {
        Self { files: files(name), seen: seen.into(), table, figure }
    }

    pub(super) fn on_a_page(&self) -> page::Figure<'_> {
        let Self { files: [file, _], seen, table, figure } = self;
        page::Figure { file, seen, table, svg: &figure.svg }
    }

    /// Its files with what is in them.
    pub(super) fn into_files(self) -> [(String, Vec<u8>); 2] {
        let [svg, png] = self.files;
        [(svg, self.figure.svg.into_bytes()), (png, self.figure.png)]
    }
}

/// The figures, in the order in which a page shows them.
///
/// # Errors
/// Only if a drawing itself fails, which is the engine's fault.
pub(super) fn drawn(
    experiment: &Experiment,
    histories: &[History],
    measures: &[Measure],
) -> Result<Vec<Drawn>, Failure> {
    let mut all = vec![
        Drawn::new(
            "progress",
            "items.csv",
            "Tiles that were done over time, a line for each run with faults.",
            figure::progress(experiment, histories)?,
        ),
        Drawn::new(
            "recovery",
            "injections.csv",
            "How long struck tiles took to come back, a dot for each fault.",
            figure::recovery(experiment, histories)?,
        ),
        Drawn::new(
            "throughput",
            "runs.csv",
            "Throughput without and with faults, a pair for each block.",
            figure::throughput(experiment, histories)?,
        ),
        Drawn::new(
            "outcomes",
            "faults.csv",
            "What became of each fault under each subject, by its worst outcome.",
            outcomes::drawn(experiment, histories)?,
        ),
    ];
    let lines = rate::lines(experiment, measures);
    if !lines.is_empty() {
        all.push(Drawn::new(
            "rate",
            "measures.csv",
            "What was done right in a second, against the mean time between faults.",
            figure::rate(&experiment.name, &lines)?,
        ));
    }
    Ok(all)
}
