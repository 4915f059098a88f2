//! `okiagari explain`: what one injection did, in words, from stored files alone.

use super::{Exit, say};
use crate::history::{History, read_events};
use crate::measure::Twins;
use crate::report::{self, Story};
use anyhow::Result;
use clap::Args;
use pipelines::message::Failure;
use std::path::PathBuf;

#[derive(Args)]
pub(super) struct Explain {
    /// Folder of an experiment's results, with a colon and the number of a run behind it: results/e3-ffi-abort:7. Without a
    /// run: all runs
    #[arg(value_name = "DIR[:RUN]")]
    what: String,
    /// Number of the injection in its run; without it: all of them
    injection: Option<u32>,
}

impl Explain {
    pub(super) fn run(self) -> Result<Exit> {
        let (dir, run) = parted(&self.what);
        let (_, histories) = report::read(&dir)?;
        let twins = Twins::of(&histories);
        let Some(run) = run else {
            if self.injection.is_some() {
                let what = &self.what;
                return Err(Failure::input(format!(
                    "an injection belongs to a run: okiagari explain {what}:RUN INJECTION"
                ))
                .into());
            }
            say(&report::list_of_runs(&histories, &twins));
            return Ok(Exit::Good);
        };
        let history = find(&histories, run, &dir.display().to_string())?;
        let Some(number) = self.injection else {
            say(&report::list_of_injections(history, &twins));
            return Ok(Exit::Good);
        };
        let found = history.injections.iter().find(|i| i.injection == number);
        let injection = found.ok_or_else(|| {
            let n = history.injections.len();
            Failure::input(format!("run {run} has no injection {number}; it has {n}, from 0"))
        })?;
        // Without them the story is shorter, not wrong.
        let events = read_events(&dir, run).unwrap_or_default();
        say(&Story { history, injection, twins: &twins, events: &events }.tell());
        Ok(Exit::Good)
    }
}

fn find<'a>(histories: &'a [History], run: u32, dir: &str) -> Result<&'a History, Failure> {
    histories.iter().find(|h| h.run.run == run).ok_or_else(|| {
        let n = histories.len();
        Failure::input(format!("{dir} has no run {run}; it has {n}, from 0"))
    })
}

/// A folder and a run, if one is named; a folder may have a colon in its name.
fn parted(what: &str) -> (PathBuf, Option<u32>) {
    let path = PathBuf::from(what);
    match what.rsplit_once(':') {
        Some((dir, run)) if !path.exists() => match run.parse() {
            Ok(run) => (PathBuf::from(dir), Some(run)),
            Err(_) => (path, None),
        },
        _ => (path, None),
    }
}
