//! All experiments of a folder on one page, and all claims about them in one table: what a reader sees first. Both
//! follow from the stored files alone.

mod card;
mod claims;
mod finding;
mod page;
mod row;
mod table;
#[cfg(test)]
mod tests;

use super::{RunFile, Stored, Summary, is_results, measures, read, read_run_file};
use crate::claim::{Claims, Results};
use crate::history::write_whole;
use crate::measure::Measure;
use pipelines::message::Failure;
use row::Row;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The page.
pub const PAGE: &str = "index.html";
/// The claims.
pub const CLAIMS: &str = "CLAIMS.md";
/// What the page says of itself in its head. A page without it is somebody else's, and is left alone.
const KIND: &str = "okiagari overview";

/// One experiment's results, read.
pub struct Folder {
    /// Its name in the folder of results.
    pub name: String,
    /// What was run, and where.
    pub run: RunFile,
    /// The experiment, and what was observed.
    pub stored: Rc<Stored>,
    measures: Vec<Measure>,
    summary: Summary,
    rows: Vec<Row>,
}

impl Folder {
    /// Reads one.
    ///
    /// # Errors
    /// Those of [`read()`].
    pub fn read(dir: &Path) -> Result<Self, Failure> {
        let name = dir.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let (run, stored) = (read_run_file(dir)?, Rc::new(read(dir)?));
        let (experiment, histories) = &*stored;
        let measures = measures(experiment, histories);
        let summary = super::claims(experiment, histories);
        let rows = row::rows(histories, &measures);
        Ok(Self { name, run, stored, measures, summary, rows })
    }

    /// Writes what follows from it into the folder that it was read from, as [`super::conclude`] does.
    ///
    /// # Errors
    /// The place for the output refuses.
    pub fn conclude(&self, dir: &Path) -> Result<(), Failure> {
        let (experiment, histories) = &*self.stored;
        super::conclude_from(dir, experiment, histories, &self.measures)
    }

    /// What it expected, and whether that was so.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}

/// The folders of experiments' results in a folder, by name.
///
/// # Errors
/// It cannot be read.
pub fn folders(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let refused = |e| Failure::input(format!("{} cannot be read: {e}", dir.display()));
    let entries = fs::read_dir(dir).map_err(refused)?.collect::<Result<Vec<_>, _>>();
    let entries = entries.map_err(refused)?;
    let mut all: Vec<_> =
        entries.iter().map(fs::DirEntry::path).filter(|p| is_results(p)).collect();
    all.sort();
    Ok(all)
}

/// Those of them that have a page of their own, which the overview leads to.
///
/// # Errors
/// Those of [`folders`].
pub fn drawn(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let all = folders(dir)?.into_iter();
    Ok(all.filter(|folder| folder.join(super::PAGE).is_file()).collect())
}

/// Whether a folder has a page over all its experiments, by us.
pub fn is_in(dir: &Path) -> bool {
    fs::read_to_string(dir.join(PAGE)).is_ok_and(|page| is_ours(&page))
}

/// Whether the folder above the results of an experiment has one.
pub(super) fn is_above(dir: &Path) -> bool {
    is_in(&dir.join(".."))
}

fn is_ours(page: &str) -> bool {
    page.contains(&format!("<meta name=\"generator\" content=\"{KIND}\">"))
}

/// Writes the page and the claims into the folder that holds these results; it may hold none yet.
///
/// # Errors
/// The place for the output refuses, or has a page of somebody else's.
pub fn write(dir: &Path, all: &[Folder]) -> Result<(), Failure> {
    let page = dir.join(PAGE);
    if page.exists() && !is_in(dir) {
        return Err(Failure::output(format!(
            "{} is not a page of okiagari's and is not overwritten: move it, or use another folder for results",
            page.display()
        )));
    }
    for (name, text) in files(all)? {
        write_whole(dir, name, text.as_bytes())?;
    }
    Ok(())
}

/// The names of those two files in a folder that do not follow, byte for byte, from the results in it.
///
/// # Errors
/// Those of [`read()`] and [`folders`].
pub fn differing(dir: &Path) -> Result<Vec<&'static str>, Failure> {
    let all = drawn(dir)?.iter().map(|dir| Folder::read(dir)).collect::<Result<Vec<_>, _>>()?;
    let differs = |(name, text): &(&str, String)| {
        fs::read_to_string(dir.join(name)).ok().as_ref() != Some(text)
    };
    Ok(files(&all)?.into_iter().filter(differs).map(|(name, _)| name).collect())
}

fn files(all: &[Folder]) -> Result<[(&'static str, String); 2], Failure> {
    let claims = Claims::load(None)?;
    let mut results = Results::default();
    // A claim is about the folder that is called like the experiment.
    for folder in all.iter().filter(|folder| folder.name == folder.stored.0.name) {
        results.add_measured(folder.stored.clone(), folder.measures.clone());
    }
    let findings = crate::claim::judge(&claims, &results);
    let limits = crate::claim::limits(&claims, &findings, &results);
    Ok([
        (PAGE, page::page(all, &findings, &limits)),
        (CLAIMS, claims::text(&findings, claims.confidence)),
    ])
}
