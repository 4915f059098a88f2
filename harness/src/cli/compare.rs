//! `okiagari compare`: two results of one experiment.

use super::{Exit, say};
use crate::report::{self, Stored, compare, comparison, smallest_effects};
use anyhow::Result;
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Experiments in which nothing strikes; the better control first.
const CONTROLS: [&str; 2] = ["a-a", "e1-availability"];

#[derive(Args)]
pub(super) struct Compare {
    /// Folder of an experiment's results
    a: PathBuf,
    /// Folder of other results of the same experiment
    b: PathBuf,
}

impl Compare {
    pub(super) fn run(self) -> Result<Exit> {
        let (a, b): (Stored, Stored) = (report::read(&self.a)?, report::read(&self.b)?);
        let control = self.control();
        let least = match &control {
            Some(place) => smallest_effects(&report::read(place)?.1),
            None => BTreeMap::new(),
        };
        let lines = compare(&a, &b, &least)?;
        let place = control.map(|p| p.display().to_string());
        say(&comparison(&a, &b, &lines, place.as_deref()));
        Ok(Exit::Good)
    }

    /// A control that lies beside one of the two.
    fn control(&self) -> Option<PathBuf> {
        let beside = [&self.a, &self.b].map(|dir| dir.parent().unwrap_or(Path::new("")));
        let all = CONTROLS.iter().flat_map(|name| beside.map(|dir| dir.join(name)));
        all.into_iter().find(|dir| report::is_results(dir))
    }
}
