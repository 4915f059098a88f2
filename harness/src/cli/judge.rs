//! `okiagari judge` and `okiagari report`: stored results, looked at again; and the judges themselves.

use super::experiment::exit;
use super::{Exit, interruption, say};
use crate::experiment::Experiment;
use crate::history::History;
use crate::report::{self, overview};
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
    /// Folder of an experiment's results, or one that holds such folders: then each of them is drawn, and a page over all
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
        if !report::is_results(&self.dir) && !overview::folders(&self.dir)?.is_empty() {
            return all(&self.dir);
        }
        let exit = again(&self.dir, true)?;
        super::overview::after(&self.dir)?;
        Ok(exit)
    }
}

/// Draws every experiment of a folder again, then the page over all.
fn all(dir: &Path) -> anyhow::Result<Exit> {
    super::overview::begin(dir)?;
    let (mut folders, mut worst) = (vec![], Exit::Good);
    for results in overview::folders(dir)? {
        let folder = overview::Folder::read(&results)?;
        let (experiment, histories) = &*folder.stored;
        unfinished(&results, experiment, histories);
        folder.conclude(&results)?;
        say(&format!("{}: {}\n", folder.name, report::standing(folder.summary())));
        worst = worst.or(exit(folder.summary()));
        folders.push(folder);
    }
    super::overview::tell(dir, &folders)?;
    Ok(worst)
}

fn again(dir: &Path, figures: bool) -> anyhow::Result<Exit> {
    let (experiment, histories) = report::read(dir)?;
    unfinished(dir, &experiment, &histories);
    if figures {
        report::draw(dir, &experiment, &histories)?;
    }
    let summary = report::judge(dir, &experiment, &histories)?;
    say(&report::table(&experiment, &histories));
    Ok(exit(&summary))
}

/// Says so, if it is.
fn unfinished(dir: &Path, experiment: &Experiment, histories: &[History]) {
    let (runs, all) = (histories.len(), experiment.schedule().len());
    if runs < all {
        eprintln!(
            "{} is not finished: {runs} of {all} runs; okiagari experiment goes on with it",
            dir.display()
        );
    }
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
