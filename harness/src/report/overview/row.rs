//! What became of one subject in one experiment, in one row.

use crate::figure::subjects;
use crate::history::{Ending, History, Injection};
use crate::measure::{Measure, Toll, toll};
use crate::stats::{Estimate, clopper_pearson};

/// The subjects that have a name of their own, each in words for somebody who has never heard of it.
pub(super) const NAMED: [(&str, &str); 6] = [
    (
        "baseline",
        "the control: plain threads and nobody who watches them; native code runs inside the program",
    ),
    (
        "restart",
        "the same, started again from the beginning when it dies, as a service manager does",
    ),
    ("resume", "the same, started again to go on where its journal ends"),
    (
        "broadway",
        "a model of Broadway (Elixir) in this project's engine: threads under supervisors; tiles are handed over to them and die \
         with them",
    ),
    (
        "htpipe",
        "a model of HtPipe (Elixir): the same, but native code runs in one shared child process; a call takes 0.1 s, and some \
         7 s after a death",
    ),
    (
        "okiagari",
        "this project: every tile stays owned until its result is there, each worker is a process of its own, and a spare one \
         stands ready",
    ),
];

/// Bounds of shares are one-sided, with this confidence.
pub(super) const CONFIDENCE: f64 = 0.95;

/// The numbers of a subject: over its runs with faults, where it does not say otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) subject: String,
    pub(super) runs: u64,
    /// Runs that ended in order.
    pub(super) complete: u64,
    pub(super) toll: Toll,
    pub(super) fired: u64,
    /// Faults whose tile came back.
    pub(super) recovered: u64,
    /// Median time until it did, in ns.
    pub(super) recovery: Option<Estimate>,
    /// Throughput without faults, in pixels per second.
    pub(super) throughput: Option<Estimate>,
    /// The same ÷ that of the baseline.
    pub(super) to_baseline: Option<Estimate>,
    /// Throughput with faults ÷ without; only of a subject that was struck, and ended in order each time.
    pub(super) to_twin: Option<Estimate>,
}

impl Row {
    /// The least share of faults recovered that the data still allow, with [`CONFIDENCE`]. The same for a sum of rows.
    pub(super) fn recovered_at_least(recovered: u64, fired: u64) -> Option<f64> {
        clopper_pearson(recovered, fired, 1.0 - CONFIDENCE).map(|(low, _)| low)
    }

    /// Tiles that were not delivered right, for whatever reason.
    pub(super) fn missing(&self) -> u64 {
        self.toll.items - self.toll.right.min(self.toll.items)
    }

    /// Which of the named subjects it is, also in one of several values of an option: `okiagari-64mib` is `okiagari`.
    pub(super) fn is_a(&self, name: &str) -> bool {
        let rest = self.subject.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// Whether it is one of [`NAMED`].
    pub(super) fn is_named(&self) -> bool {
        NAMED.iter().any(|(name, _)| self.is_a(name))
    }
}

/// A row for each subject of an experiment, by name.
pub(super) fn rows(histories: &[History], measures: &[Measure]) -> Vec<Row> {
    subjects(histories).into_iter().map(|name| row(name, histories, measures)).collect()
}

fn row(name: &str, histories: &[History], measures: &[Measure]) -> Row {
    let struck: Vec<_> =
        histories.iter().filter(|h| h.run.subject == name && h.run.faults).collect();
    let fired = || struck.iter().flat_map(|h| h.fired());
    let find = |faults: bool, measure: &str| {
        let mine = |m: &&Measure| (&*m.subject, m.faults, m.measure) == (name, faults, measure);
        measures.iter().find(mine).map(|m| m.estimate).filter(|e| e.value.is_some())
    };
    let complete = struck.iter().filter(|h| h.run.ending == Ending::Complete).count();
    Row {
        subject: name.into(),
        runs: struck.len() as u64,
        complete: complete as u64,
        toll: struck.iter().map(|h| toll(h)).sum(),
        fired: fired().count() as u64,
        recovered: fired().filter_map(Injection::recovery_ns).count() as u64,
        recovery: find(true, "recovery"),
        throughput: find(false, "throughput"),
        to_baseline: find(false, "throughput_to_baseline"),
        to_twin: find(true, "throughput_to_twin")
            .filter(|_| complete == struck.len() && fired().count() > 0),
    }
}
