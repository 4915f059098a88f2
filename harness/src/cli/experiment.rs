//! `okiagari experiment`: one experiment.

use super::completions::hinted;
use super::spectator::Spectator;
use super::{Exit, forecast, interruption, overview, say};
use crate::campaign::{self, Campaign, Results};
use crate::experiment::Experiment;
use crate::measure::words::counted;
use crate::noise;
use crate::output::Begin;
use crate::progress::Screen;
use crate::report::{self, Standing, Summary};
use clap::Args;
use clap::builder::StringValueParser;
use pipelines::message::Failure;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[derive(Args)]
pub(super) struct Arguments {
    /// One of `okiagari list`, or the path of a TOML file
    #[arg(value_parser = hinted(StringValueParser::new(), Experiment::names()), hide_possible_values = true)]
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
    pub(super) fn run(self, quiet: bool) -> anyhow::Result<Exit> {
        let mut experiment = Experiment::load(&self.name)?;
        experiment.blocks = self.trials.unwrap_or(experiment.blocks);
        experiment.seed = self.seed.unwrap_or(experiment.seed);
        experiment.check().map_err(|(key, why)| Failure::input(format!("{key} {why}")))?;
        let out = self.out.unwrap_or_else(|| Path::new("results").join(&experiment.name));
        let interrupted = interruption()?;
        if self.how.is_dry() {
            return self.how.forecast(&experiment, &out, &interrupted);
        }
        if !self.how.listen(quiet) {
            return Ok(Exit::Inconclusive);
        }
        if let Some(exit) = self.how.one(&experiment, &out, &interrupted, quiet)? {
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
    pub(super) fn listen(&self, quiet: bool) -> bool {
        let objections = noise::listen().objections();
        if objections.is_empty() {
            return true;
        }
        let objections = objections.join("; ");
        if self.refuse_noise {
            eprintln!(
                "okiagari: this machine is too busy to measure anything: {objections}; wait until it is quiet"
            );
        } else if !quiet {
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
        quiet: bool,
    ) -> anyhow::Result<Option<Exit>> {
        let begin = if self.overwrite { Begin::Overwrite } else { Begin::Resume };
        // A folder that cannot be written is better known before the work than after it.
        let Some(mut campaign) = Campaign::open(experiment, out, begin)? else { return Ok(None) };
        if !quiet {
            introduce(experiment, campaign.results());
        }
        let screen = Screen::here(quiet);
        let mut spectator = Spectator::new(experiment, campaign.results(), interrupted, screen);
        let finished = campaign.run(interrupted, &mut |news| spectator.hear(news));
        spectator.leave();
        if !finished? {
            if !quiet {
                eprintln!(
                    "interrupted after {} of {}, which are in {}; the same command goes on",
                    spectator.over(),
                    counted(experiment.schedule().len() as u64, "trial"),
                    out.display()
                );
            }
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
