//! Which figures an experiment has, and what a page says of each.

use super::{ablation, break_even, isolation, library, outcomes, page, picture, rate};
use crate::experiment::Experiment;
use crate::figure::{self, Figure};
use crate::history::History;
use crate::measure::Measure;
use crate::picture::Picture;
use pipelines::message::Failure;

/// What figures are drawn from.
pub(super) struct Source<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) histories: &'a [History],
    pub(super) measures: &'a [Measure],
    /// A small picture of the input.
    pub(super) input: Option<&'a Picture>,
}

/// A figure that there can be.
struct Kind {
    name: &'static str,
    /// The table that it is drawn from.
    table: &'static str,
    /// What is seen, in a sentence or two.
    seen: &'static str,
    /// `None` where the experiment has nothing to show in it.
    draw: fn(&Source<'_>) -> Result<Option<Figure>, Failure>,
}

/// All of them, in the order in which a page shows them.
static KINDS: [Kind; 14] = [
    Kind {
        name: "timeline",
        table: "items.csv",
        seen: "Throughput over time: one run with faults of each subject, before the band of its fault-free runs. Who \
               falls stops, who gets up goes on.",
        draw: |from| where_struck(from, figure::timeline),
    },
    Kind {
        name: "progress",
        table: "items.csv",
        seen: "Tiles that were done over time, a line for each run with faults.",
        draw: |from| figure::progress(from.experiment, from.histories).map(Some),
    },
    Kind {
        name: "recovery",
        table: "injections.csv",
        seen: "How long struck tiles took to come back, a dot for each fault.",
        draw: |from| figure::recovery(from.experiment, from.histories).map(Some),
    },
    Kind {
        name: "distribution",
        table: "injections.csv",
        seen: "Which share of the struck tiles is back by which time. A curve that ends below 100 % belongs to a \
               subject that lost tiles.",
        draw: |from| where_struck(from, figure::distribution),
    },
    Kind {
        name: "phases",
        table: "injections.csv",
        seen: "What a recovery's time goes into, from the fault to the accepted result, phase by phase. The tile's own \
               work is hollow.",
        draw: |from| where_struck(from, figure::phases),
    },
    Kind {
        name: "throughput",
        table: "runs.csv",
        seen: "Throughput without and with faults, a pair for each block.",
        draw: |from| figure::throughput(from.experiment, from.histories).map(Some),
    },
    Kind {
        name: "coverage",
        table: "injections.csv",
        seen: "Which share of the faults was handled, between exact bounds (one-sided, 95 %). The dashed line is \
               at 0.99.",
        draw: |from| where_struck(from, figure::coverage),
    },
    Kind {
        name: "outcomes",
        table: "faults.csv",
        seen: "What became of each fault under each subject, by its worst outcome.",
        draw: |from| outcomes::drawn(from.experiment, from.histories).map(Some),
    },
    Kind {
        name: "rate",
        table: "measures.csv",
        seen: "What was done right in a second, against the mean time between faults.",
        draw: |from| rate::drawn(from.experiment, from.measures),
    },
    Kind {
        name: "library",
        table: "measures.csv",
        seen: "How fast each subject is with operations in C, against the same in Rust.",
        draw: |from| {
            let rivals = library::rows(from.experiment, from.measures);
            let name = &from.experiment.name;
            (!rivals.is_empty()).then(|| figure::library(name, &rivals)).transpose()
        },
    },
    Kind {
        name: "isolation",
        table: "runs.csv",
        seen: "What a process for each worker costs, against the work that a tile is.",
        draw: |from| {
            let costs = isolation::costs(from.experiment, from.histories);
            let name = &from.experiment.name;
            (!costs.is_empty()).then(|| figure::isolation(name, &costs)).transpose()
        },
    },
    Kind {
        name: "break-even",
        table: "runs.csv",
        seen: "From which rate of faults on a subject takes less time than its rival.",
        draw: |from| {
            let found = break_even::of(from.experiment, from.histories);
            found.map(|found| figure::break_even(&from.experiment.name, &found)).transpose()
        },
    },
    Kind {
        name: "ablation",
        table: "items.csv",
        seen: "Which of delivery, isolation and supervision saves how many tiles.",
        draw: |from| {
            let found = ablation::of(from.experiment, from.histories);
            let name = &from.experiment.name;
            found.map(|(rows, effects)| figure::ablation(name, &rows, &effects)).transpose()
        },
    },
    Kind {
        name: "picture",
        table: "items.csv",
        seen: "The image after one run of each subject: which tiles were struck, and which are there.",
        draw: |from| {
            let mosaic = picture::of(from.experiment, from.histories, from.input);
            mosaic.map(|mosaic| figure::picture(&from.experiment.name, &mosaic)).transpose()
        },
    },
];

/// A figure of faults, if any fired.
fn where_struck(
    from: &Source<'_>,
    draw: fn(&Experiment, &[History]) -> Result<Figure, Failure>,
) -> Result<Option<Figure>, Failure> {
    let struck = from.histories.iter().any(|h| h.fired().next().is_some());
    struck.then(|| draw(from.experiment, from.histories)).transpose()
}

/// The files of every figure that there can be: a drawing of each, and its pixels.
pub(super) fn files() -> impl Iterator<Item = String> {
    KINDS.iter().flat_map(|kind| named(kind.name))
}

fn named(name: &str) -> [String; 2] {
    [format!("{name}.svg"), format!("{name}.png")]
}

/// A figure that was drawn.
pub(super) struct Drawn {
    kind: &'static Kind,
    files: [String; 2],
    figure: Figure,
}

impl Drawn {
    pub(super) fn on_a_page(&self) -> page::Figure<'_> {
        let Kind { seen, table, .. } = self.kind;
        page::Figure { file: &self.files[0], seen, table, svg: &self.figure.svg }
    }

    /// Its files with what is in them.
    pub(super) fn into_files(self) -> [(String, Vec<u8>); 2] {
        let [svg, png] = self.files;
        [(svg, self.figure.svg.into_bytes()), (png, self.figure.png)]
    }
}

/// The figures of an experiment, in the order in which a page shows them.
///
/// # Errors
/// Only if a drawing itself fails, which is the engine's fault.
pub(super) fn drawn(from: &Source<'_>) -> Result<Vec<Drawn>, Failure> {
    let draw = |kind: &'static Kind| {
        let figure = (kind.draw)(from).transpose()?;
        Some(figure.map(|figure| Drawn { kind, files: named(kind.name), figure }))
    };
    KINDS.iter().filter_map(draw).collect()
}
