//! `okiagari reproduce`: the thesis's experiments, with one command.

use super::experiment::one;
use super::{Exit, interruption};
use crate::experiment::{Experiment, pictures};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args, Default)]
pub(super) struct Reproduce {
    /// Every block of every experiment, not just a few
    #[arg(long)]
    full: bool,
    /// Folder for the results, one folder an experiment [default: results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Reproduce {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let out = self.out.unwrap_or_else(|| Path::new("results").to_path_buf());
        let interrupted = interruption()?;
        let mut worst = Exit::Good;
        for (name, _) in Experiment::of_the_thesis() {
            let whole = Experiment::load(name)?;
            // Its decoder is built on request, and its question is not the thesis's.
            if pictures::count(&whole.workload.input)?.is_some() {
                continue;
            }
            let experiment = if self.full { whole } else { whole.small() };
            let exit = one(&experiment, &out.join(name), &interrupted)?;
            worst = match (worst, exit) {
                (_, Exit::Interrupted) => return Ok(exit),
                (Exit::Bad, _) | (_, Exit::Good) => worst,
                _ => exit,
            };
        }
        Ok(worst)
    }
}
