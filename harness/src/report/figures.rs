//! Which figures an experiment has, and what a page says of each.

use super::{ablation, break_even, isolation, library, outcomes, page, picture, rate};
use crate::experiment::Experiment;
use crate::figure::{self, Figure};
use crate::history::History;
use crate::measure::Measure;
use crate::picture::Picture;
use pipelines::message::Failure;

/// Every figure there can be, by name.
pub(super) const NAMES: [&str; 10] = [
    "progress",
    "recovery",
    "throughput",
    "outcomes",
    "rate",
    "library",
    "isolation",
    "break-even",
    "ablation",
    "picture",
];

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
    input: Option<&Picture>,
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
    let rivals = library::rows(experiment, measures);
    if !rivals.is_empty() {
        all.push(Drawn::new(
            "library",
            "measures.csv",
            "How fast each subject is with operations in C, against the same in Rust.",
            figure::library(&experiment.name, &rivals)?,
        ));
    }
    let costs = isolation::costs(experiment, histories);
    if !costs.is_empty() {
        all.push(Drawn::new(
            "isolation",
            "runs.csv",
            "What a process for each worker costs, against the work that a tile is.",
            figure::isolation(&experiment.name, &costs)?,
        ));
    }
    if let Some(found) = break_even::of(experiment, histories) {
        all.push(Drawn::new(
            "break-even",
            "runs.csv",
            "From which rate of faults on a subject takes less time than its rival.",
            figure::break_even(&experiment.name, &found)?,
        ));
    }
    if let Some((rows, effects)) = ablation::of(experiment, histories) {
        all.push(Drawn::new(
            "ablation",
            "items.csv",
            "Which of delivery, isolation and supervision saves how many tiles.",
            figure::ablation(&experiment.name, &rows, &effects)?,
        ));
    }
    if let Some(mosaic) = picture::of(experiment, histories, input) {
        all.push(Drawn::new(
            "picture",
            "items.csv",
            "The image after one run of each subject: which tiles were struck, and which are there.",
            figure::picture(&experiment.name, &mosaic)?,
        ));
    }
    Ok(all)
}
