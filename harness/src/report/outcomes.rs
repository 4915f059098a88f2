//! What became of the faults that fired, as the figure of it wants it.

use crate::experiment::Experiment;
use crate::figure::{self, Cell, Figure, subjects};
use crate::history::History;
use crate::measure::{Outcome, Twins, outcome};
use pipelines::message::Failure;
use std::collections::{BTreeMap, BTreeSet};

/// How bad an outcome is, for [`Cell::severity`].
fn severity(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Recovered | Outcome::Masked | Outcome::NotActivated => 0,
        Outcome::RecoveredLate | Outcome::Degraded | Outcome::Duplicated => 1,
        Outcome::DeclaredLoss | Outcome::Hang | Outcome::Abort => 2,
        Outcome::SilentLoss | Outcome::Sdc | Outcome::Catastrophic | Outcome::Invalid => 3,
    }
}

/// The figure `outcomes`.
///
/// # Errors
/// Those of [`figure::outcomes`].
pub(super) fn drawn(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let (names, twins) = (subjects(histories), Twins::of(histories));
    let mut seen: BTreeMap<(String, &str), BTreeMap<Outcome, u64>> = BTreeMap::new();
    for h in histories {
        for i in h.fired() {
            let cell = seen.entry((i.fault.to_string(), &*h.run.subject)).or_default();
            *cell.entry(outcome(h, i, &twins)).or_default() += 1;
        }
    }
    let faults: BTreeSet<_> = seen.keys().map(|(fault, _)| fault.clone()).collect();
    let faults: Vec<_> = faults.into_iter().collect();
    let cell = |fault: &String, name: &str| {
        let outcomes = seen.get(&(fault.clone(), name))?;
        let outcomes: Vec<_> = outcomes.iter().rev().map(|(o, n)| (*o, *n)).collect();
        let severity = outcomes.first().map_or(0, |(worst, _)| severity(*worst));
        let outcomes = outcomes.into_iter().map(|(o, n)| (o.name(), n)).collect();
        Some(Cell { outcomes, severity })
    };
    let row = |fault| names.iter().map(|name| cell(fault, name)).collect();
    let cells: Vec<Vec<_>> = faults.iter().map(row).collect();
    figure::outcomes(&experiment.name, &faults, &names, &cells)
}
