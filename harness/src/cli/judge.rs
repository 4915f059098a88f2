//! `okiagari judge` and `okiagari report`: stored results, looked at again; and the judges themselves.

use super::{Exit, interruption, say};
use crate::report::{self, Standing};
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
            Some(dir) => again(&dir),
            None => self_test(self.seed),
        }
    }
}

impl Report {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        report::draw(&self.dir)?;
        again(&self.dir)
    }
}

fn again(dir: &Path) -> anyhow::Result<Exit> {
    let summary = report::judge(dir)?;
    let (experiment, histories) = report::read(dir)?;
    say(&report::table(&experiment, &histories));
    Ok(match summary.standing() {
        Standing::Held => Exit::Good,
        Standing::Failed => Exit::Bad,
        Standing::Unknown => Exit::Inconclusive,
    })
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
