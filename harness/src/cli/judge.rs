//! `okiagari judge` and `okiagari report`: stored results, looked at again.

use super::{Exit, say};
use crate::report::{self, Standing};
use clap::Args;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Judge {
    /// Folder of an experiment's results
    dir: PathBuf,
}

impl Judge {
    pub(super) fn run(self, figures: bool) -> anyhow::Result<Exit> {
        let summary = report::judge(&self.dir)?;
        if figures {
            report::draw(&self.dir)?;
        }
        let (experiment, histories) = report::read(&self.dir)?;
        say(&report::table(&experiment, &histories));
        Ok(match summary.standing() {
            Standing::Held => Exit::Good,
            Standing::Failed => Exit::Bad,
            Standing::Unknown => Exit::Inconclusive,
        })
    }
}
