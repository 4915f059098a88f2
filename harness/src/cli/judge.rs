//! `okiagari judge` and `okiagari report`: stored results, looked at again; and the judges themselves.

use super::experiment::exit;
use super::{Exit, interruption, say};
use crate::report;
use crate::selftest;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Judge {
    /// Folder of an experiment's results
    #[arg(required_unless_present = "self_test")]
    dir: Option<PathBuf>,
    /// Judge the judges: a small run is made, harmed in its files and its journal, and every harm must be found
    #[arg(long, conflicts_with = "dir")]
    self_test: bool,
    /// With --self-test: decides the picture, and which bits are flipped
    #[arg(long, value_name = "N", default_value_t = 1, requires = "self_test")]
    seed: u64,
}

#[derive(Args)]
pub(super) struct Report {
    /// Folder of an experiment's results
    dir: PathBuf,
}

impl Judge {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        match self.dir {
            Some(dir) => again(&dir, false),
            None => self_test(self.seed),
        }
    }
}

impl Report {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        again(&self.dir, true)
    }
}

fn again(dir: &Path, figures: bool) -> anyhow::Result<Exit> {
    let (experiment, histories) = report::read(dir)?;
    let (runs, all) = (histories.len(), experiment.schedule().len());
    if runs < all {
        eprintln!(
            "{} is not finished: {runs} of {all} runs; okiagari experiment goes on with it",
            dir.display()
        );
    }
    if figures {
        report::draw(dir, &experiment, &histories)?;
    }
    let summary = report::judge(dir, &experiment, &histories)?;
    say(&report::table(&experiment, &histories));
    Ok(exit(&summary))
}

fn self_test(seed: u64) -> anyhow::Result<Exit> {
    let Some(tested) = selftest::run(seed, &interruption()?)? else {
        return Ok(Exit::Interrupted);
    };
    let found = tested.harms - (tested.missed.len() as u64).min(tested.harms);
    say(&format!("{found} of {} harms were found, each by whom it concerns\n", tested.harms));
    for missed in &tested.missed {
        say(&format!("missed: {missed}\n"));
    }
    Ok(if tested.missed.is_empty() { Exit::Good } else { Exit::Bad })
}
