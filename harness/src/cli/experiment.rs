//! `okiagari experiment`: one experiment.

use super::{Exit, interruption, say};
use crate::campaign::{self, News};
use crate::experiment::Experiment;
use crate::history;
use crate::progress::Progress;
use crate::report::{self, Standing};
use clap::Args;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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
    /// Folder for the results [default: results/NAME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let mut experiment = Experiment::load(&self.name)?;
        experiment.blocks = self.trials.unwrap_or(experiment.blocks);
        experiment.seed = self.seed.unwrap_or(experiment.seed);
        experiment
            .check()
            .map_err(|(key, why)| pipelines::message::Failure::input(format!("{key} {why}")))?;
        let out = self.out.unwrap_or_else(|| Path::new("results").join(&experiment.name));
        one(&experiment, &out, &interruption()?)
    }
}

/// Runs one experiment, writes its results to `out`, and says what came of it.
pub(super) fn one(
    experiment: &Experiment,
    out: &Path,
    interrupted: &Arc<AtomicBool>,
) -> anyhow::Result<Exit> {
    // A folder that cannot be written is better known before the work than after it.
    std::fs::create_dir_all(out).map_err(|e| pipelines::sink::refused("write to", out, &e))?;
    let subjects: Vec<_> = experiment.subject.keys().map(String::as_str).collect();
    let (blocks, seed) = (experiment.blocks_in_all(), experiment.seed);
    eprintln!("{}: {}", experiment.name, experiment.question);
    eprintln!(
        "{blocks} blocks of {} on {}, seed {seed}",
        subjects.join(", "),
        experiment.workload.input
    );
    let total = experiment.schedule().len() as u64;
    let mut progress = Progress::new(&experiment.name, total, "trials", false);
    let mut over = 0;
    let mut who = String::new();
    history::create_events(out)?;
    let mut kept = Ok(());
    let histories = campaign::run(experiment, interrupted, &mut |news| match news {
        News::Golden => progress.at(0, "golden runs"),
        News::Begins(trial, _) => {
            let twin = if trial.faults { "" } else { ", without faults" };
            who = format!("{}{twin}", trial.subject);
            progress.at(over, &who);
        }
        News::Settled(..) => progress.at(over, &who),
        News::Over(history) => {
            over += 1;
            if kept.is_ok() {
                kept = history::append_events(out, history);
            }
        }
    })?;
    progress.clear();
    kept?;
    let Some(histories) = histories else {
        history::remove_events(out);
        eprintln!(
            "interrupted after {over} of {total} trials; nothing was written to {}",
            out.display()
        );
        return Ok(Exit::Interrupted);
    };
    let summary = report::write(out, experiment, &histories)?;
    say(&report::table(experiment, &histories));
    say(&format!("results, figures and claims are in {}\n\n", out.display()));
    Ok(match summary.standing() {
        Standing::Held => Exit::Good,
        Standing::Failed => Exit::Bad,
        Standing::Unknown => Exit::Inconclusive,
    })
}
