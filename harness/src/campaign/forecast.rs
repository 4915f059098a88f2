//! What a campaign would do, and what it would take; for `--dry-run`.

use super::pace::Pace;
use super::{Ground, look, results::Found, works};
use crate::experiment::{Experiment, Trial};
use crate::golden;
use crate::history;
use crate::report;
use crate::subject::Spec;
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Bytes that an item takes in the tables, about; used where no earlier results tell.
const ITEM_ROW_BYTES: u64 = 150;

/// What a campaign would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// Trials that are finished already.
    pub finished: usize,
    /// Those to be run, each with the faults that its plan has for first attempts. A subject that falls meets fewer; what
    /// strikes a later attempt comes on top.
    pub trials: Vec<(Trial, u64)>,
    /// Items of each trial.
    pub items: u64,
    /// The golden runs and the trials.
    pub time: Duration,
    /// What the times were taken from.
    pub basis: Basis,
    /// What the tables will take on top of what is there.
    pub results_bytes: u64,
    /// What the tiles of a trial take at most, in [`Self::tiles`]; they are removed after each.
    pub tiles_bytes_max: u64,
    /// Where they are written.
    pub tiles: PathBuf,
}

/// What a forecast's times were taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Basis {
    /// Runs of the same workload in this folder, by subject.
    Earlier(PathBuf),
    /// The plain program, run once for each list of operations: their mean. Subjects that pause take longer, those that fall early less.
    GoldenRun(Duration),
}

/// Says what `experiment` would do in `out`, if `anew` after removing what is there. No trial is run; where there are no earlier results, a golden run is. `None`
/// when that was interrupted.
///
/// # Errors
/// Those that the campaign would meet before its first trial.
pub fn forecast(
    experiment: &Experiment,
    out: &Path,
    anew: bool,
    interrupted: &Arc<AtomicBool>,
) -> Result<Option<Forecast>> {
    let found = if anew { Found::Nothing } else { look(out, experiment)? };
    let finished = match found {
        Found::Nothing => 0,
        Found::Part(_) => history::runs(out)?.len(),
        Found::Finished(runs) => runs,
    };
    let ground = Ground::new(experiment)?;
    let specs =
        works(experiment).iter().map(|t| ground.for_golden(t)).collect::<Result<Vec<_>>>()?;
    let (items, scratch) = (ground.sound.items(), ground.scratch.path());
    let schedule = experiment.schedule();
    let to_do = schedule.get(finished..).unwrap_or_default();
    let (basis, pace, run_bytes) = match earlier(experiment, out) {
        Some((dir, pace, run_bytes)) => (Basis::Earlier(dir), pace, run_bytes),
        None => {
            let mut pace = Pace::default();
            for spec in &specs {
                let took = golden::time(spec, scratch, interrupted)?;
                let Some(took) = took else { return Ok(None) };
                pace.add("baseline", false, took);
            }
            let mean = pace.expect("baseline", false).unwrap_or_default();
            (Basis::GoldenRun(mean), pace, items * ITEM_ROW_BYTES)
        }
    };
    let tiles_bytes = |spec: &Spec| {
        let places = (0..items).filter_map(|item| spec.layout.place(item));
        places.map(|p| spec.job.result_bytes_max(p.head) as u64).sum::<u64>()
    };
    let golden = if to_do.is_empty() { None } else { pace.expect("baseline", false) };
    let trials = pace.left(to_do, Duration::ZERO).unwrap_or_default();
    Ok(Some(Forecast {
        finished,
        trials: to_do.iter().map(|t| (t.clone(), faults(experiment, t, items))).collect(),
        items,
        time: trials + 2 * specs.len() as u32 * golden.unwrap_or_default(),
        basis,
        results_bytes: run_bytes * to_do.len() as u64,
        tiles_bytes_max: specs.iter().map(tiles_bytes).max().unwrap_or(0),
        tiles: super::scratch::place(),
    }))
}

/// What the plan of a trial has for first attempts, and for the time that it may take.
fn faults(experiment: &Experiment, trial: &Trial, items: u64) -> u64 {
    experiment.plan(trial).first_attempts(items)
}

/// Earlier runs of this experiment's workload: where they are, what they took, and their bytes for each run.
fn earlier(experiment: &Experiment, out: &Path) -> Option<(PathBuf, Pace, u64)> {
    let results = Path::new("results");
    let name = &experiment.name;
    let places = [out.to_path_buf(), results.join(name), results.join("reference").join(name)];
    places.into_iter().find_map(|dir| {
        let file = report::read_run_file(&dir).ok()?;
        let same = file.experiment.name == *name && file.experiment.workload == experiment.workload;
        let runs = history::runs(&dir).ok().filter(|runs| same && !runs.is_empty())?;
        let bytes = |table: &str| std::fs::metadata(dir.join(table)).map_or(0, |m| m.len());
        let bytes: u64 = report::TABLES.iter().map(|table| bytes(table)).sum();
        Some((dir, Pace::of(&runs), bytes / runs.len() as u64))
    })
}
