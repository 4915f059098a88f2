//! Runs an experiment: golden runs, then every trial of its schedule, each in a fresh folder. What is finished is
//! written at once, and is not run again when the campaign goes on after an interruption.

mod forecast;
mod pace;
mod results;
mod scratch;

pub use forecast::{Basis, Forecast, forecast};
pub use pace::Pace;
use results::Opened;
pub use results::{Found, Results, look};

use crate::experiment::{
    ATTEMPTS, DEADLINE_MS, Experiment, Options, SPARES, Trial as Scheduled, pictures,
};
use crate::golden::Golden;
use crate::history::{self, History, collect};
use crate::noise::{Noise, Ticks};
use crate::output::{BLACK_BOX, Begin};
use crate::picture;
use crate::plan::FaultPlan;
use crate::schedule::{self, Armed};
use crate::subject::{Program, Spec, foreign};
use crate::trial::{Look, Trial, try_out};
use anyhow::{Context, Result};
use pipelines::black_box::BlackBox;
use pipelines::image::job::Job;
use pipelines::image::layout::{Layout, Split};
use pipelines::image::operations::Operation;
use pipelines::isolation::cgroup;
use pipelines::message::Failure;
use pipelines::pipeline::WORKERS_MAX;
use pipelines::sink::PARTIAL;
use pipelines::sink::journal::{self, Journal};
use pipelines::source;
use scratch::Scratch;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A subject that shows no progress for this long, over its own deadline, is ended and called a hang.
const STALL: Duration = Duration::from_secs(10);

/// What a campaign tells while it runs.
pub enum News<'a> {
    /// The golden runs begin.
    Golden,
    /// A trial of so many items begins.
    Begins(&'a Scheduled, u64),
    /// The trial goes on: what is seen of it.
    Goes(Look<'a>),
    /// The trial is over, and its rows are written.
    Over(&'a History),
}

/// All trials of an experiment that are not finished yet, ready to run.
pub struct Campaign<'a> {
    ground: Ground<'a>,
    /// What strikes, where a file says it.
    decided: Option<Vec<Armed>>,
    results: Results,
}

impl<'a> Campaign<'a> {
    /// Prepares an experiment and takes hold of the folder for its results, see [`Results::open`]. `None`: they are
    /// finished. What could not be run at all leaves the folder as it is.
    ///
    /// # Errors
    /// When the input cannot be read or worked on, and those of [`Results::open`].
    pub fn open(experiment: &'a Experiment, dir: &Path, begin: Begin) -> Result<Option<Self>> {
        if begin != Begin::Overwrite && matches!(look(dir, experiment)?, Found::Finished(_)) {
            return Ok(None);
        }
        let decided = experiment.schedule.as_deref().map(schedule::read).transpose()?;
        let ground = Ground::new(experiment)?;
        Ok(match Results::open(dir, experiment, begin, &scratch::place())? {
            Opened::Finished => None,
            Opened::Begun(results) => {
                results.picture(|| picture::of(&ground.sound))?;
                Some(Self { ground, decided, results: *results })
            }
        })
    }

    /// The folder for its results, as it was found.
    pub fn results(&self) -> &Results {
        &self.results
    }

    /// Runs what is not finished yet. `false` when it was interrupted.
    ///
    /// # Errors
    /// When the input is not what it was, the results cannot be written, or the harness itself cannot go on.
    pub fn run(
        &mut self,
        interrupted: &Arc<AtomicBool>,
        tell: &mut dyn FnMut(News<'_>),
    ) -> Result<bool> {
        let schedule = self.ground.experiment.schedule();
        let to_do = schedule.get(self.results.finished()..).unwrap_or_default();
        if to_do.is_empty() {
            return Ok(true);
        }
        let Some(goldens) = self.ground.goldens(interrupted, tell)? else { return Ok(false) };
        as_before(&self.results, self.ground.experiment, &goldens)?;
        for trial in to_do {
            let plan = self.plan(trial)?;
            let operations = self.ground.experiment.operations(&trial.subject);
            let golden = goldens.get(operations).context("a trial has no golden run")?;
            let history = self.ground.run(trial, plan, golden, interrupted, tell)?;
            let Some(history) = history else { return Ok(false) };
            self.results.append(&history)?;
            tell(News::Over(&history));
        }
        Ok(true)
    }

    fn plan(&self, trial: &Scheduled) -> Result<FaultPlan, Failure> {
        match &self.decided {
            Some(armed) if trial.faults => {
                let specs = schedule::specs(&schedule::of_run(armed, trial.run))?;
                Ok(FaultPlan { specs, seed: trial.seed })
            }
            _ => Ok(self.ground.experiment.plan(trial)),
        }
    }
}

/// Runs one trial of an experiment again, with the faults of `armed`. `None` when it was interrupted.
///
/// # Errors
/// When the input cannot be read or worked on, or the harness itself cannot go on.
pub fn again(
    experiment: &Experiment,
    trial: &Scheduled,
    armed: &[Armed],
    interrupted: &Arc<AtomicBool>,
    tell: &mut dyn FnMut(News<'_>),
) -> Result<Option<History>> {
    let plan = FaultPlan { specs: schedule::specs(armed)?, seed: trial.seed };
    let ground = Ground::new(experiment)?;
    tell(News::Golden);
    let Some(golden) = ground.golden(trial, interrupted)? else { return Ok(None) };
    ground.run(trial, plan, &golden, interrupted, tell)
}

/// What every tile should be, by the operations: subjects that do the same with a tile are judged by one golden run.
type Goldens<'a> = BTreeMap<&'a [String], Golden>;

/// The first trial of each list of operations.
fn works(experiment: &Experiment) -> Vec<Scheduled> {
    let mut seen = BTreeSet::new();
    let mut all = experiment.schedule();
    all.retain(|trial| seen.insert(experiment.operations(&trial.subject)));
    all
}

/// Runs that are finished were judged by a golden run, too. Where it is another today, something else has changed.
fn as_before(
    results: &Results,
    experiment: &Experiment,
    goldens: &Goldens<'_>,
) -> Result<(), Failure> {
    let as_it_was = |trial: &Scheduled| -> Result<bool, Failure> {
        let Some(golden) = goldens.get(experiment.operations(&trial.subject)) else {
            return Ok(false);
        };
        // That run may be one of a foreign program, which is judged by pixels.
        let before = history::golden(results.dir(), trial.run)?;
        let same = |now: &[_]| before.iter().copied().eq(now.iter().copied().map(Some));
        Ok(same(&golden.file_blake3) || same(&golden.pixels_blake3))
    };
    let mut all = true;
    for trial in works(experiment).iter().filter(|t| (t.run as usize) < results.finished()) {
        all &= as_it_was(trial)?;
    }
    if all {
        return Ok(());
    }
    Err(Failure::input(format!(
        "the tiles are not those of the runs that are finished in {}: the input or a library has changed since; \
         --overwrite begins anew",
        results.dir().display()
    )))
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
    let before = Ticks::now();
    let finished = Trial { spec, black_box: &black_box, stall, interrupted }
        .run(|look| tell(News::Goes(look)))?;
    let after = Ticks::now();
    if finished.interrupted {
        return Ok(None);
    }
    if let Some(failure) = finished.last_words.clone().filter(|_| spec.subject.is_foreign()) {
        return Err(failure.into());
    }
    let mut history = collect(trial, spec, &black_box, &finished, golden)?;
    if let Some((before, after)) = before.zip(after) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        history.run.noise = Noise::between(&before, &after, finished.wall_ns, cores);
    }
    Ok(Some(history))
}

/// What all trials of an experiment have in common.
struct Ground<'a> {
    experiment: &'a Experiment,
    scratch: Scratch,
    job: Job,
    /// The input of fault-free trials.
    sound: Layout,
    /// That of trials with faults. It is one for the whole experiment: what differs between blocks is what strikes.
    struck: Layout,
}

impl<'a> Ground<'a> {
    fn new(experiment: &'a Experiment) -> Result<Self> {
        for options in experiment.subject.values() {
            if let Some(group) = options.cgroup()? {
                cgroup::check(&group)?;
            }
        }
        let scratch = Scratch::new()?;
        let job = job(experiment)?;
        let (sound, struck) = layouts(experiment, scratch.path())?;
        let ground = Self { experiment, scratch, job, sound, struck };
        for trial in works(experiment) {
            try_out(&ground.for_golden(&trial)?)?;
        }
        Ok(ground)
    }

    /// What every tile should be in every trial. `None` when interrupted.
    fn goldens(
        &self,
        interrupted: &Arc<AtomicBool>,
        tell: &mut dyn FnMut(News<'_>),
    ) -> Result<Option<Goldens<'a>>> {
        tell(News::Golden);
        let mut all = Goldens::new();
        for trial in works(self.experiment) {
            let Some(golden) = self.golden(&trial, interrupted)? else { return Ok(None) };
            all.insert(self.experiment.operations(&trial.subject), golden);
        }
        Ok(Some(all))
    }

    /// What every tile should be in this trial. `None` when interrupted.
    fn golden(&self, trial: &Scheduled, interrupted: &Arc<AtomicBool>) -> Result<Option<Golden>> {
        Golden::of(&self.for_golden(trial)?, self.scratch.path(), interrupted)
    }

    /// One trial, in a folder of its own. `None` when interrupted.
    fn run(
        &self,
        trial: &Scheduled,
        plan: FaultPlan,
        golden: &Golden,
        interrupted: &Arc<AtomicBool>,
        tell: &mut dyn FnMut(News<'_>),
    ) -> Result<Option<History>> {
        let dir = tempfile::tempdir_in(self.scratch.path()).context("no room for a trial")?;
        let mut spec = Spec { plan, ..self.spec(trial, dir.path())? };
        if let Program::Command(words) = &mut spec.subject.program {
            *words = foreign::given(words, &spec.layout, self.scratch.path())?;
        }
        tell(News::Begins(trial, spec.layout.items()));
        one(trial, &spec, golden, interrupted, tell)
    }

    fn spec(&self, trial: &Scheduled, dir: &Path) -> Result<Spec> {
        let layout = if trial.faults { &self.struck } else { &self.sound };
        spec(self.experiment, trial, layout, &self.job, dir)
    }

    /// The work of this trial without faults, checked.
    fn for_golden(&self, trial: &Scheduled) -> Result<Spec> {
        let layout = self.sound.clone();
        let spec = Spec { layout, ..self.spec(trial, self.scratch.path())? };
        spec.check()?;
        Ok(spec)
    }
}

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
    Ok(Job {
        operations: operations(&workload.operation)?,
        library: workload.library.parse().map_err(|e| wrong(&e))?,
        format: workload.format.parse().map_err(|e| wrong(&e))?,
        ballast_bytes: (workload.ballast_mib as usize) << 20,
    })
}

fn operations(words: &[String]) -> Result<Vec<Operation>, Failure> {
    let all = words.iter().map(|word| word.parse()).collect::<Result<_, Failure>>();
    all.map_err(|e| Failure::input(format!("[workload]: {e}")))
}

fn spec(
    experiment: &Experiment,
    trial: &Scheduled,
    layout: &Layout,
    job: &Job,
    dir: &Path,
) -> Result<Spec> {
    let options = experiment.subject.get(&trial.subject).cloned().unwrap_or_default();
    let Options { spares, workers, attempts, deadline_ms, sandbox, max_demand, .. } = options;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let subject = experiment.subject_called(&trial.subject);
    let subject = subject.map_err(|(key, why)| Failure::input(format!("{key} {why}")))?;
    let library = options.library.as_deref().map(str::parse).transpose();
    let library = library.map_err(|e| Failure::input(format!("library: {e}")))?;
    let job = Job {
        operations: operations(experiment.operations(&trial.subject))?,
        library: library.unwrap_or(job.library),
        ..job.clone()
    };
    Ok(Spec {
        subject,
        dir: dir.to_path_buf(),
        black_box: dir.join(BLACK_BOX),
        layout: layout.clone(),
        job,
        workers: workers.map_or(cores, |n| n as usize).min(WORKERS_MAX),
        max_demand: max_demand.map_or(1, |n| n as usize),
        spares: spares.unwrap_or(SPARES) as usize,
        attempts: attempts.unwrap_or(ATTEMPTS),
        deadline: Duration::from_millis(deadline_ms.unwrap_or(DEADLINE_MS)),
        limits: options.limits(),
        memory_budget_bytes: options.memory_budget_bytes(),
        cgroup: options.cgroup()?,
        recycling: options.recycling(),
        sandbox: sandbox.unwrap_or(false),
        plan: FaultPlan::quiet(trial.seed),
        events: None,
        observer: std::process::id() as i32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_control_group_that_is_none_is_refused_before_anything_runs() {
        let text = "name = \"mine\"\nquestion = \"Does it?\"\nseed = 1\nblocks = 1\n\
                    [workload]\ninput = \"synthetic:64x64\"\noperation = [\"grayscale\"]\n\
                    [subject.okiagari]\ncgroup = \"/nowhere\"\n";
        let experiment = Experiment::parse(text, "mine.toml").unwrap();
        let refused = Ground::new(&experiment).err().unwrap().to_string();
        assert!(refused.contains("/nowhere is no control group of version 2"), "{refused}");
        assert!(!refused.contains('\n'), "{refused}");
    }
}
