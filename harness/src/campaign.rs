//! Runs an experiment: golden runs, then every trial of its schedule, each in a fresh folder.

use crate::experiment::{Experiment, Options, Trial as Scheduled, pictures};
use crate::golden::Golden;
use crate::history::{History, collect};
use crate::output::BLACK_BOX;
use crate::plan::FaultPlan;
use crate::schedule::{self, Armed};
use crate::subject::{Spec, Subject};
use crate::trial::{Trial, try_out};
use anyhow::{Context, Result};
use pipelines::black_box::BlackBox;
use pipelines::image::job::Job;
use pipelines::image::layout::{Layout, Split};
use pipelines::message::Failure;
use pipelines::pipeline::WORKERS_MAX;
use pipelines::sink::PARTIAL;
use pipelines::sink::journal::{self, Journal};
use pipelines::source;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A subject that shows no progress for this long, over its own deadline, is ended and called a hang.
const STALL: Duration = Duration::from_secs(10);
/// Room that a folder in memory must have to be used for the tiles of trials.
const TMPFS_BYTES_MIN: u64 = 1 << 30;

/// What a campaign tells while it runs.
pub enum News<'a> {
    /// The golden runs begin.
    Golden,
    /// A trial begins: its number, of how many, whose it is.
    Begins(&'a Scheduled, usize),
    /// The trial has settled so many items.
    Settled(u64, u64),
    /// The trial is over; its events are there now, and in the result no more.
    Over(&'a History),
}

/// Runs all trials of an experiment. `None` when it was interrupted.
///
/// # Errors
/// When the input cannot be read, or the harness itself cannot go on.
pub fn run(
    experiment: &Experiment,
    interrupted: &Arc<AtomicBool>,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Option<Vec<History>>> {
    let decided = experiment.schedule.as_deref().map(schedule::read).transpose()?;
    let plan = |trial: &Scheduled| match &decided {
        Some(armed) if trial.faults => {
            let specs = schedule::specs(&schedule::of_run(armed, trial.run))?;
            Ok(FaultPlan { specs, seed: trial.seed })
        }
        _ => Ok(experiment.plan(trial)),
    };
    let trials = experiment.schedule().into_iter().map(|trial| Ok((plan(&trial)?, trial)));
    let trials = trials.collect::<Result<Vec<_>, Failure>>()?;
    all(experiment, &trials, interrupted, tell)
}

/// Runs one trial of an experiment again, with the faults of `armed`. `None` when it was interrupted.
///
/// # Errors
/// As [`run()`].
pub fn again(
    experiment: &Experiment,
    trial: Scheduled,
    armed: &[Armed],
    interrupted: &Arc<AtomicBool>,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Option<Vec<History>>> {
    let plan = FaultPlan { specs: schedule::specs(armed)?, seed: trial.seed };
    all(experiment, &[(plan, trial)], interrupted, tell)
}

fn all(
    experiment: &Experiment,
    trials: &[(FaultPlan, Scheduled)],
    interrupted: &Arc<AtomicBool>,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Option<Vec<History>>> {
    let scratch = tempfile::Builder::new().prefix("okiagari-").tempdir_in(place_for_tiles())?;
    let job = job(experiment)?;
    let (sound, struck) = layouts(experiment, scratch.path())?;
    let spec = |(plan, trial): &(FaultPlan, Scheduled), dir: &Path| {
        let layout = if trial.faults { &struck } else { &sound };
        Ok::<_, anyhow::Error>(Spec {
            plan: plan.clone(),
            ..spec(experiment, trial, layout, &job, dir)?
        })
    };
    let Some(first) = trials.first() else { return Ok(Some(vec![])) };
    tell(News::Golden);
    let for_golden = Spec { layout: sound.clone(), ..spec(first, scratch.path())? };
    for_golden.check()?;
    try_out(&for_golden)?;
    let Some(golden) = Golden::of(&for_golden, scratch.path(), interrupted)? else {
        return Ok(None);
    };
    let mut histories = Vec::with_capacity(trials.len());
    for trial in trials {
        tell(News::Begins(&trial.1, trials.len()));
        let dir = tempfile::tempdir_in(scratch.path()).context("no room for a trial")?;
        let spec = spec(trial, dir.path())?;
        let history = one(&trial.1, &spec, &golden, interrupted, tell)?;
        let Some(mut history) = history else { return Ok(None) };
        tell(News::Over(&history));
        // Whoever wants them has them; a thousand runs of them would fill the memory.
        history.events = Vec::new();
        histories.push(history);
    }
    Ok(Some(histories))
}

fn one(
    trial: &Scheduled,
    spec: &Spec,
    golden: &Golden,
    interrupted: &Arc<AtomicBool>,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Option<History>> {
    std::fs::create_dir(spec.dir.join(PARTIAL)).context("no room for a trial")?;
    Journal::create(&spec.dir, &journal::Subject::new())?;
    let items = spec.layout.items();
    let armed = !spec.plan.specs.is_empty();
    let black_box = BlackBox::create(&spec.black_box, items, armed)?;
    let stall = STALL + spec.deadline;
    let interrupted = interrupted.clone();
    let finished = Trial { spec, black_box: &black_box, stall, interrupted }
        .run(|settled| tell(News::Settled(settled, items)))?;
    if finished.interrupted {
        return Ok(None);
    }
    Ok(Some(collect(trial, spec, &black_box, &finished, golden)?))
}

/// The input of fault-free trials, and that of trials with faults. It is one for the whole experiment: what differs
/// between blocks is what strikes.
fn layouts(experiment: &Experiment, scratch: &Path) -> Result<(Layout, Layout)> {
    let (workload, seed) = (&experiment.workload, experiment.seed);
    if let Some(count) = pictures::count(&workload.input)? {
        return Ok(pictures::make(scratch, count, seed)?);
    }
    let split = match workload.strips {
        Some(rows) => Split::Strips(rows),
        None => Split::Tiles(workload.tile_px().unwrap_or(256)),
    };
    let inputs = std::slice::from_ref(&workload.input);
    let layout = source::probe(inputs, split, seed, scratch)?;
    Ok((layout.clone(), layout))
}

fn job(experiment: &Experiment) -> Result<Job> {
    let workload = &experiment.workload;
    let wrong = |e: &dyn std::fmt::Display| Failure::input(format!("[workload]: {e}"));
    let operations = workload.operation.iter().map(|o| o.parse()).collect::<Result<_, _>>();
    Ok(Job {
        operations: operations.map_err(|e| wrong(&e))?,
        library: workload.library.parse().map_err(|e| wrong(&e))?,
        format: workload.format.parse().map_err(|e| wrong(&e))?,
        ballast_bytes: (workload.ballast_mib as usize) << 20,
    })
}

fn spec(
    experiment: &Experiment,
    trial: &Scheduled,
    layout: &Layout,
    job: &Job,
    dir: &Path,
) -> Result<Spec> {
    let options = experiment.subject.get(&trial.subject).copied().unwrap_or_default();
    let Options { spares, workers, attempts, deadline_ms, sandbox, max_demand, .. } = options;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let subject: Subject = trial.subject.parse().map_err(Failure::input)?;
    Ok(Spec {
        subject,
        dir: dir.to_path_buf(),
        black_box: dir.join(BLACK_BOX),
        layout: layout.clone(),
        job: job.clone(),
        workers: workers.map_or(cores, |n| n as usize).min(WORKERS_MAX),
        max_demand: max_demand.map_or(1, |n| n as usize),
        spares: spares.map_or(1, |n| n as usize),
        attempts: attempts.unwrap_or(3),
        deadline: Duration::from_millis(deadline_ms.unwrap_or(10_000)),
        limits: options.limits(),
        recycling: options.recycling(),
        sandbox: sandbox.unwrap_or(false),
        plan: FaultPlan::quiet(trial.seed),
        events: None,
        observer: std::process::id() as i32,
    })
}

/// A folder in memory if there is one with room, so that the disk's mood is not measured.
fn place_for_tiles() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    let room = rustix::fs::statvfs(&shm).map_or(0, |s| s.f_bavail * s.f_frsize);
    let writable = tempfile::tempfile_in(&shm).is_ok();
    match std::env::var_os("TMPDIR") {
        Some(dir) => dir.into(),
        None if room >= TMPFS_BYTES_MIN && writable => shm,
        None => std::env::temp_dir(),
    }
}
