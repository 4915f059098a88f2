//! The paper: its sources, and what of stored results they read. Everything is laid out in one folder, which Typst then
//! sets ([`typst`]). No number stands in the sources: each is read when the paper is built.

#[cfg(test)]
mod digits;
mod facts;
#[cfg(test)]
mod tests;
pub mod typst;

use crate::claim::{Claims, Results};
use crate::experiment::Experiment;
use crate::report;
use facts::Facts;
use pipelines::message::Failure;
use pipelines::sink::refused;
use std::fs;
use std::io;
use std::path::Path;

/// The source that Typst is given.
pub const MAIN: &str = "paper.typ";
/// All sources, by file name.
const SOURCES: [(&str, &str); 8] = [
    (MAIN, include_str!("../../../paper/paper.typ")),
    ("method.typ", include_str!("../../../paper/method.typ")),
    ("results.typ", include_str!("../../../paper/results.typ")),
    ("discussion.typ", include_str!("../../../paper/discussion.typ")),
    ("tables.typ", include_str!("../../../paper/tables.typ")),
    ("numbers.typ", include_str!("../../../paper/numbers.typ")),
    ("layout.typ", include_str!("../../../paper/layout.typ")),
    ("references.bib", include_str!("../../../paper/references.bib")),
];
/// Which files there are (Typst cannot ask), and what is known of faults and claims.
const FACTS: &str = "facts.json";
/// The tables of an experiment that the paper reads: small ones, which follow from what was observed.
const READ: [&str; 4] = ["run.toml", "runs.csv", "measures.csv", "faults.csv"];
/// What is measured outside of any experiment, beside their folders.
const BESIDE: [&str; 1] = ["rivals.csv"];

/// What a paper was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Experiments whose results are in it.
    pub told: Vec<&'static str>,
    /// Experiments without results: where the paper comes to one, it says that it was not run.
    pub missing: Vec<&'static str>,
}

/// Lays out sources and results in the folder `to`, which is empty. With `complete`, a number that the results of an
/// experiment lack is an error when the paper is set; without, it is a dash.
///
/// # Errors
/// `results` has no experiment, one cannot be read, or `to` refuses.
pub fn stage(
    results: &Path,
    claims: &Claims,
    complete: bool,
    to: &Path,
) -> Result<Contents, Failure> {
    let found = Results::read(results, claims)?;
    let mut contents = Contents { told: vec![], missing: vec![] };
    let mut files = vec![];
    for (name, _) in Experiment::embedded() {
        let folder = results.join(name);
        if !report::is_results(&folder) || !folder.join("measures.csv").is_file() {
            contents.missing.push(*name);
            continue;
        }
        contents.told.push(*name);
        files.extend(copy(&folder, &to.join("results").join(name), name)?);
    }
    if contents.told.is_empty() {
        return Err(Failure::input(format!(
            "{} has no results of any experiment: `okiagari reproduce` makes some",
            results.display()
        )));
    }
    for name in BESIDE.iter().filter(|name| results.join(name).is_file()) {
        let from = results.join(name);
        fs::copy(&from, to.join("results").join(name)).map_err(|e| refused("copy", &from, &e))?;
        files.push((*name).to_owned());
    }
    let facts = Facts::new(files, complete, claims, &found)?;
    let facts = serde_json::to_string(&facts).map_err(Failure::engine)?;
    for (name, text) in SOURCES.into_iter().chain([(FACTS, &*facts)]) {
        let path = to.join(name);
        fs::write(&path, text).map_err(|e| refused("write", &path, &e))?;
    }
    Ok(contents)
}

/// Copies what the paper reads of one experiment; says which files these are.
fn copy(from: &Path, to: &Path, name: &str) -> Result<Vec<String>, Failure> {
    let no = |e: io::Error| refused("copy", from, &e);
    fs::create_dir_all(to).map_err(no)?;
    let mut copied = vec![];
    for entry in fs::read_dir(from).map_err(no)? {
        let entry = entry.map_err(no)?;
        let Ok(file) = entry.file_name().into_string() else { continue };
        if file.ends_with(".svg") {
            let svg = fs::read_to_string(entry.path()).map_err(no)?;
            fs::write(to.join(&file), faced(&svg)).map_err(no)?;
        } else if READ.contains(&&*file) {
            fs::copy(entry.path(), to.join(&file)).map_err(no)?;
        } else {
            continue;
        }
        copied.push(format!("{name}/{file}"));
    }
    // A folder lists its files in any order.
    copied.sort();
    Ok(copied)
}

/// A figure in the paper's own face: what a reader's machine takes for `sans-serif` would differ from one to the next.
fn faced(svg: &str) -> String {
    svg.replace("font-family=\"sans-serif\"", "font-family=\"Libertinus Serif\"")
}
