//! The stored results that claims are about.

use super::Claims;
use crate::experiment::Experiment;
use crate::history::History;
use crate::measure::Measure;
use crate::report::{self, Stored};
use pipelines::message::Failure;
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A folder that holds one folder an experiment, read.
#[derive(Debug, Default)]
pub struct Results {
    experiments: BTreeMap<String, Kept>,
}

/// An experiment and what was observed in it, with what follows once it was asked for.
#[derive(Debug)]
struct Kept {
    stored: Rc<Stored>,
    measures: OnceCell<Vec<Measure>>,
}

impl Results {
    /// Reads what `claims` are about; an experiment without a folder is left out.
    ///
    /// # Errors
    /// A folder that is there cannot be read, or `dir` is not one of results.
    pub fn read(dir: &Path, claims: &Claims) -> Result<Self, Failure> {
        if report::is_results(dir) {
            return Err(Failure::input(format!(
                "{0} is the folder of one experiment; give the folder that it lies in",
                dir.display()
            )));
        }
        if !dir.is_dir() {
            return Err(Failure::input(format!("{} is no folder", dir.display())));
        }
        let mut found = Self::default();
        for claim in &claims.claim {
            let folder = dir.join(&claim.experiment);
            if !found.experiments.contains_key(&claim.experiment) && report::is_results(&folder) {
                found.add(report::read(&folder)?);
            }
        }
        Ok(found)
    }

    /// Adds an experiment and what was observed in it.
    pub fn add(&mut self, stored: impl Into<Rc<Stored>>) {
        let stored = stored.into();
        let name = stored.0.name.clone();
        self.experiments.insert(name, Kept { stored, measures: OnceCell::new() });
    }

    /// The same, with the measures that were made of it.
    pub(crate) fn add_measured(&mut self, stored: Rc<Stored>, measures: Vec<Measure>) {
        let name = stored.0.name.clone();
        self.experiments.insert(name, Kept { stored, measures: measures.into() });
    }

    /// The experiment of this name, and what was observed in it.
    pub fn of(&self, name: &str) -> Option<&(Experiment, Vec<History>)> {
        self.experiments.get(name).map(|kept| &*kept.stored)
    }

    /// All measures of the experiment of this name; none if it is not there.
    pub(super) fn measures(&self, name: &str) -> &[Measure] {
        self.experiments.get(name).map_or(&[], |kept| {
            let (experiment, histories) = &*kept.stored;
            kept.measures.get_or_init(|| report::measures(experiment, histories))
        })
    }

    /// All that is there, by name.
    pub fn all(&self) -> impl Iterator<Item = &(Experiment, Vec<History>)> {
        self.experiments.values().map(|kept| &*kept.stored)
    }

    /// The first of `places` that has results which `claims` are about.
    pub fn place(places: &[PathBuf], claims: &Claims) -> Option<PathBuf> {
        let any = |dir: &&PathBuf| {
            claims.claim.iter().any(|claim| report::is_results(&dir.join(&claim.experiment)))
        };
        places.iter().find(any).cloned()
    }
}
