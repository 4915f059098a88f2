//! `okiagari reproduce`: the thesis's experiments, with one command.

use super::experiment::{How, shown};
use super::{Exit, interruption, overview};
use crate::campaign;
use crate::experiment::{Experiment, pictures};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args, Default)]
pub(super) struct Reproduce {
    /// Every block of every experiment, not just a few
    #[arg(long)]
    full: bool,
    /// Folder for the results, one folder an experiment [default: results]. What is finished there is not run again
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

impl Reproduce {
    pub(super) fn run(self, quiet: bool) -> anyhow::Result<Exit> {
        let out = self.out.clone().unwrap_or_else(|| Path::new("results").to_path_buf());
        let interrupted = interruption()?;
        let experiments = self.experiments()?;
        // What stands in the way of the last is better known before the first.
        for experiment in experiments.iter().filter(|_| !self.how.overwrites()) {
            campaign::look(&out.join(&experiment.name), experiment)?;
        }
        if !self.how.is_dry() && !self.how.listen(quiet) {
            return Ok(Exit::Inconclusive);
        }
        if !self.how.is_dry() {
            overview::begin(&out)?;
        }
        let mut worst = Exit::Good;
        for experiment in &experiments {
            let out = out.join(&experiment.name);
            let exit = if self.how.is_dry() {
                self.how.forecast(experiment, &out, &interrupted)?
            } else if let Some(exit) = self.how.one(experiment, &out, &interrupted, quiet)? {
                exit
            } else {
                if !quiet {
                    eprintln!("{} is finished already; --overwrite runs it again", experiment.name);
                }
                shown(&out)?
            };
            if exit == Exit::Interrupted {
                return Ok(exit);
            }
            worst = worst.or(exit);
        }
        if !self.how.is_dry() {
            overview::write(&out)?;
        }
        Ok(worst)
    }

    fn experiments(&self) -> anyhow::Result<Vec<Experiment>> {
        let mut all = vec![];
        for (name, _) in Experiment::of_the_thesis() {
            let whole = Experiment::load(name)?;
            // Its decoder is built on request, and its question is not the thesis's.
            if pictures::count(&whole.workload.input)?.is_some() {
                continue;
            }
            all.push(if self.full { whole } else { whole.small() });
        }
        Ok(all)
    }
}
