//! `okiagari judge` and `okiagari report`: stored results, looked at again.

use super::experiment::exit;
use super::{Exit, say};
use crate::report;
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Judge {
    /// Folder of an experiment's results
    dir: PathBuf,
}

impl Judge {
    pub(super) fn run(self, figures: bool) -> anyhow::Result<Exit> {
        let (experiment, histories) = report::read(&self.dir)?;
        let (runs, all) = (histories.len(), experiment.schedule().len());
        if runs < all {
            eprintln!(
                "{} is not finished: {runs} of {all} runs; okiagari experiment goes on with it",
                self.dir.display()
            );
        }
        if figures {
            report::draw(&self.dir, &experiment, &histories)?;
        }
        let summary = report::judge(&self.dir, &experiment, &histories)?;
        say(&report::table(&experiment, &histories));
        Ok(exit(&summary))
    }
}
