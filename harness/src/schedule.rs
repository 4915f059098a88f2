//! What was armed, in order: `schedule.csv`. Each run writes it, and `--schedule` has exactly these faults strike again.

use crate::history::{History, table};
use crate::plan::{Attempts, Conditions, FaultSpec, Trigger, Which};
use pipelines::black_box::{BlackBox, Receipt};
use pipelines::fault::{Fault, Point};
use pipelines::message::{Failure, ItemId};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The file's name.
pub const SCHEDULE: &str = "schedule.csv";
const COLUMNS: &str = "fault,point,item,attempt,lane,at_ns,fired";
const COLUMNS_OF_RUNS: &str = "run,fault,point,item,attempt,lane,at_ns,fired";

/// One fault that was armed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// The run of an experiment it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u32>,
    /// What was armed.
    pub fault: Fault,
    /// Where it was to fire; as the table says if it is not given.
    #[serde(default)]
    pub point: Option<Point>,
    /// The item.
    pub item: ItemId,
    /// The attempt of it, from 0.
    pub attempt: u32,
    /// The lane that it went to.
    #[serde(default)]
    pub lane: u8,
    /// When it was armed, in nanoseconds since the start.
    #[serde(default)]
    pub at_ns: u64,
    /// Whether it fired.
    #[serde(default)]
    pub fired: bool,
}

impl Armed {
    fn of(receipt: &Receipt, start_ns: u64) -> Self {
        let Receipt { fault, point, item, attempt, lane, armed_ns, fired_ns, .. } = *receipt;
        let at_ns = armed_ns.saturating_sub(start_ns);
        let fired = fired_ns.is_some();
        Self { run: None, fault, point: Some(point), item, attempt, lane, at_ns, fired }
    }

    /// What makes a decision what it is: fault, point, item and attempt.
    pub fn decision(&self) -> (Fault, Point, ItemId, u32) {
        (self.fault, self.point(), self.item, self.attempt)
    }

    fn point(&self) -> Point {
        self.point.unwrap_or(self.fault.point())
    }

    fn spec(&self) -> Result<FaultSpec, String> {
        let trigger = Trigger::Item(Which::One(self.item), Attempts::Only(self.attempt));
        let (point, only) = (self.point(), Conditions::default());
        FaultSpec { fault: self.fault, point, trigger, only }.checked()
    }
}

/// What was armed in the trial of this black box so far.
pub fn of(black_box: &BlackBox) -> Vec<Armed> {
    let start_ns = black_box.started_ns();
    black_box.read_receipts().iter().map(|receipt| Armed::of(receipt, start_ns)).collect()
}

/// What was armed in a trial of an experiment.
pub fn of_history(history: &History) -> Vec<Armed> {
    let armed = history.injections.iter().map(|i| Armed {
        run: Some(history.run.run),
        fault: i.fault,
        point: Some(i.point),
        item: i.item,
        attempt: i.attempt,
        lane: i.lane,
        at_ns: i.armed_ns,
        fired: i.fired_ns.is_some(),
    });
    armed.collect()
}

/// The file of one run.
///
/// # Errors
/// None that anybody knows of.
pub fn csv(armed: &[Armed]) -> Result<Vec<u8>, Failure> {
    table(COLUMNS, armed)
}

/// The file of an experiment, with a column that says which run.
///
/// # Errors
/// None that anybody knows of.
pub fn csv_of_runs(histories: &[History]) -> Result<Vec<u8>, Failure> {
    table(COLUMNS_OF_RUNS, histories.iter().flat_map(of_history))
}

/// Reads a file that a run wrote, or one by hand: only `fault`, `item` and `attempt` must be there.
///
/// # Errors
/// One sentence with the file and the line; the input is to blame.
pub fn read(path: &Path) -> Result<Vec<Armed>, Failure> {
    let file = path.display();
    let text = std::fs::read(path)
        .map_err(|e| Failure::input(format!("the schedule {file} cannot be read: {e}")))?;
    let mut from = csv::Reader::from_reader(text.as_slice());
    let row = |row: csv::Result<Armed>| {
        row.map_err(|e| {
            let line = e.position().map_or(1, csv::Position::line);
            let why = match e.kind() {
                csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
                csv::ErrorKind::UnequalLengths { .. } => "it has another number of cells".into(),
                _ => "it is no CSV".into(),
            };
            Failure::input(format!("the schedule {file}, line {line}: {why}"))
        })
    };
    from.deserialize().map(row).collect()
}

/// The specs that have exactly these faults strike: at their items, attempts and points, those by moment too. None of them
/// draws anything, so that any seed does.
///
/// # Errors
/// A fault that cannot strike at its point; the input is to blame.
pub fn specs(armed: &[Armed]) -> Result<Vec<FaultSpec>, Failure> {
    armed
        .iter()
        .map(|a| a.spec().map_err(|why| Failure::input(format!("schedule: {why}"))))
        .collect()
}

/// Those of a file that belong to this run: all of a file that is of one run.
pub fn of_run(armed: &[Armed], run: u32) -> Vec<Armed> {
    armed.iter().filter(|a| a.run.is_none_or(|r| r == run)).cloned().collect()
}

#[cfg(test)]
mod tests;
