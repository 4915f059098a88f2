//! `okiagari experiment`: one experiment.

use super::{Exit, forecast, interruption, overview, say};
use crate::campaign::{self, Campaign, News, Pace, Results};
use crate::experiment::{Experiment, Trial};
use crate::measure::words::counted;
use crate::noise;
use crate::output::Begin;
use crate::progress::Progress;
use crate::report::{self, Standing, Summary};
use clap::Args;
use pipelines::message::Failure;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

#[derive(Args)]
pub(super) struct Arguments {
    /// One of `okiagari list`, or the path of a TOML file
    name: String,
    /// Blocks to run, instead of what the experiment says
    #[arg(long, value_name = "N")]
    trials: Option<u32>,
    /// Decides the order and every fault, instead of what the experiment says
    #[arg(long)]
    seed: Option<u64>,
    /// Folder for the results [default: results/NAME]. One that was begun is gone on with
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// If the results are finished already, show them, and run nothing
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    #[command(flatten)]
    how: How,
}

/// How campaigns are run.
#[derive(Args, Default)]
pub(super) struct How {
    /// Remove earlier results, and begin anew
    #[arg(long)]
    overwrite: bool,
    /// Say what would be run, in which order, and what it would take; run nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not begin while this machine is busy with something else
    #[arg(long)]
    refuse_noise: bool,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let mut experiment = Experiment::load(&self.name)?;
        experiment.blocks = self.trials.unwrap_or(experiment.blocks);
        experiment.seed = self.seed.unwrap_or(experiment.seed);
        experiment.check().map_err(|(key, why)| Failure::input(format!("{key} {why}")))?;
        let out = self.out.unwrap_or_else(|| Path::new("results").join(&experiment.name));
        let interrupted = interruption()?;
        if self.how.is_dry() {
            return self.how.forecast(&experiment, &out, &interrupted);
        }
        if !self.how.listen() {
            return Ok(Exit::Inconclusive);
        }
        if let Some(exit) = self.how.one(&experiment, &out, &interrupted)? {
            if exit != Exit::Interrupted {
                overview::after(&out)?;
            }
            return Ok(exit);
        }
        if self.resume {
            return shown(&out);
        }
        Err(Failure::output(format!(
            "{} has all results of this experiment already: --resume shows them again, --overwrite begins anew, --out \
             takes another folder",
            out.display()
        ))
        .into())
    }
}

impl How {
    pub(super) fn is_dry(&self) -> bool {
        self.dry_run
    }

    pub(super) fn overwrites(&self) -> bool {
        self.overwrite
    }

    /// Says whether the machine is quiet, and whether to go on.
    pub(super) fn listen(&self) -> bool {
        let objections = noise::listen().objections();
        if objections.is_empty() {
            return true;
        }
        let objections = objections.join("; ");
        if self.refuse_noise {
            eprintln!(
                "okiagari: this machine is too busy to measure anything: {objections}; wait until it is quiet"
            );
        } else {
            eprintln!(
                "this machine is not quiet: {objections}. Runs that are disturbed are marked as noisy"
            );
        }
        !self.refuse_noise
    }

    /// Says what an experiment would do.
    pub(super) fn forecast(
        &self,
        experiment: &Experiment,
        out: &Path,
        interrupted: &Arc<AtomicBool>,
    ) -> anyhow::Result<Exit> {
        let Some(found) = campaign::forecast(experiment, out, self.overwrite, interrupted)? else {
            return Ok(Exit::Interrupted);
        };
        forecast::tell(experiment, out, &found);
        Ok(Exit::Good)
    }

    /// Runs one experiment, or what is left of it, writes its results to `out`, and says what came of it. `None` if
    /// they were there already.
    pub(super) fn one(
        &self,
        experiment: &Experiment,
        out: &Path,
        interrupted: &Arc<AtomicBool>,
    ) -> anyhow::Result<Option<Exit>> {
        let begin = if self.overwrite { Begin::Overwrite } else { Begin::Resume };
        // A folder that cannot be written is better known before the work than after it.
        let Some(mut campaign) = Campaign::open(experiment, out, begin)? else { return Ok(None) };
        introduce(experiment, campaign.results());
        let (over, finished) = watched(experiment, &mut campaign, interrupted)?;
        if !finished {
            eprintln!(
                "interrupted after {over} of {}, which are in {}; the same command goes on",
                counted(experiment.schedule().len() as u64, "trial"),
                out.display()
            );
            return Ok(Some(Exit::Interrupted));
        }
        let (_, histories) = report::read(out)?;
        let summary = report::conclude(out, experiment, &histories)?;
        say(&report::table(experiment, &histories));
        say(&format!("results, figures and claims are in {}\n\n", out.display()));
        Ok(Some(exit(&summary)))
    }
}

fn introduce(experiment: &Experiment, results: &Results) {
    let subjects: Vec<_> = experiment.subject.keys().map(String::as_str).collect();
    let (blocks, seed) = (u64::from(experiment.blocks_in_all()), experiment.seed);
    eprintln!("{}: {}", experiment.name, experiment.question);
    eprintln!(
        "{} of {} on {}, seed {seed}",
        counted(blocks, "block"),
        subjects.join(", "),
        experiment.workload.input
    );
    if results.finished() > 0 {
        let trials = experiment.schedule().len() as u64;
        eprintln!("{} of {} are finished already", results.finished(), counted(trials, "trial"));
    }
    let left = results.left_out();
    if left.rows + left.torn > 0 {
        let (rows, torn) = (counted(left.rows, "row"), left.torn);
        eprintln!("one was cut short: {rows} of it and {torn} torn ones were removed");
    }
}

/// Runs what is left of an experiment, with a bar. Returns how many trials are finished, and whether all are.
fn watched(
    experiment: &Experiment,
    campaign: &mut Campaign<'_>,
    interrupted: &Arc<AtomicBool>,
) -> anyhow::Result<(usize, bool)> {
    let schedule = experiment.schedule();
    let mut progress = Progress::new(&experiment.name, schedule.len() as u64, "trials", false);
    let (mut over, mut pace) = (campaign.results().finished(), campaign.results().pace());
    let (mut who, mut begun) = (String::new(), Instant::now());
    let mut show = |over: usize, pace: &Pace, passed: Duration, who: &str| {
        let left = pace.left(schedule.get(over..).unwrap_or_default(), passed);
        progress.at_with(over as u64, left, who);
    };
    let finished = campaign.run(interrupted, &mut |news| match news {
        News::Golden => show(over, &pace, Duration::ZERO, "golden runs"),
        News::Begins(trial) => {
            (who, begun) = (name(trial), Instant::now());
            show(over, &pace, Duration::ZERO, &who);
        }
        News::Settled(..) => show(over, &pace, begun.elapsed(), &who),
        News::Over(history) => {
            pace.add(&history.run.subject, history.run.faults, begun.elapsed());
            over += 1;
        }
    })?;
    progress.clear();
    Ok((over, finished))
}

fn name(trial: &Trial) -> String {
    let twin = if trial.faults { "" } else { ", without faults" };
    format!("{}{twin}", trial.subject)
}

/// Shows results that are there already.
pub(super) fn shown(out: &Path) -> anyhow::Result<Exit> {
    let (experiment, histories) = report::read(out)?;
    say(&report::table(&experiment, &histories));
    say(&format!("results, figures and claims are in {}\n\n", out.display()));
    Ok(exit(&report::claims(&experiment, &histories)))
}

/// The exit code of an experiment with these claims.
pub(super) fn exit(summary: &Summary) -> Exit {
    match summary.standing() {
        Standing::Held => Exit::Good,
        Standing::Failed => Exit::Bad,
        Standing::Unknown => Exit::Inconclusive,
    }
}
