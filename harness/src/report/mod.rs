//! The results of an experiment in a folder: written once from what was observed, and judged and drawn again from the
//! stored files whenever someone asks. No pipeline runs here.

mod ablation;
mod break_even;
mod claims;
mod closing;
mod comparison;
mod control;
mod figures;
mod isolation;
mod library;
mod lines;
mod machine;
mod outcomes;
pub mod overview;
mod package;
pub mod page;
mod picture;
mod rate;
mod story;
#[cfg(test)]
mod tests;

pub use claims::{Claim, Standing, Summary, claims};
pub use closing::{standing, table};
pub use comparison::{Difference, Line, Stored, compare, comparison, smallest_effects};
pub(crate) use lines::{columns, wrap};
pub use story::{Story, list_of_injections, list_of_runs};

use crate::experiment::{Experiment, Options};
use crate::history::{self, History, write_whole};
use crate::measure::{self, Measure};
use crate::picture::Picture;
use crate::provenance::{Build, Sitting};
use crate::schedule::{self, SCHEDULE};
use pipelines::message::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What was run: the experiment, by which program, where and when.
pub(crate) const RUN: &str = "run.toml";
/// The page.
pub(crate) const PAGE: &str = "index.html";
/// What was observed.
pub(crate) const TABLES: [&str; 5] =
    ["events.csv", "items.csv", "resources.csv", "injections.csv", "runs.csv"];
/// What follows from it.
const DERIVED: [&str; 5] = ["measures.csv", SCHEDULE, "faults.csv", "index.html", package::FILE];
/// This follows, too; it is written last, and where it stands beside all runs, everything stands.
pub(crate) const LAST: &str = "claims.csv";

/// The names of all files that follow, but the last; not every experiment has every figure.
pub(crate) fn derived_files() -> Vec<String> {
    DERIVED.map(str::to_owned).into_iter().chain(figures::files()).collect()
}

/// The file `run.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFile {
    /// The version of the program.
    pub version: String,
    /// The experiment's seed.
    pub seed: u64,
    /// The experiment as it was run.
    pub experiment: Experiment,
    /// The program that ran it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<Build>,
    /// Each subject's options with what the experiment does not give.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Options>,
    /// Its starts, in order of time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sitting: Vec<Sitting>,
}

impl RunFile {
    /// That of an experiment of which nothing else is known.
    pub fn of(experiment: &Experiment) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            seed: experiment.seed,
            experiment: experiment.clone(),
            build: None,
            options: BTreeMap::new(),
            sitting: Vec::new(),
        }
    }
}

/// Writes everything about an experiment into a folder, which is made if need be: `run.toml`, what was observed, and
/// what follows from it, each file whole or not at all. Says whether the expectations held.
///
/// # Errors
/// The place for the output refuses.
pub fn write(
    dir: &Path,
    experiment: &Experiment,
    histories: &[History],
) -> Result<Summary, Failure> {
    fs::create_dir_all(dir)
        .map_err(|e| Failure::output(format!("{} cannot be made: {e}", dir.display())))?;
    write_run_file(dir, &RunFile::of(experiment))?;
    history::write(dir, histories)?;
    conclude(dir, experiment, histories)
}

/// Writes what follows from the histories of an experiment into the folder that has them.
///
/// # Errors
/// The place for the output refuses.
pub fn conclude(
    dir: &Path,
    experiment: &Experiment,
    histories: &[History],
) -> Result<Summary, Failure> {
    conclude_from(dir, experiment, histories, &measures(experiment, histories))?;
    Ok(claims(experiment, histories))
}

/// The same, with the measures that were made of them.
fn conclude_from(
    dir: &Path,
    experiment: &Experiment,
    histories: &[History],
    measures: &[Measure],
) -> Result<(), Failure> {
    history::derive(dir, histories)?;
    for (name, bytes) in derived(experiment, histories, measures, &Around::of(dir)?)? {
        write_whole(dir, &name, &bytes)?;
    }
    Ok(())
}

/// Writes `run.toml`.
///
/// # Errors
/// The place for the output refuses.
pub(crate) fn write_run_file(dir: &Path, file: &RunFile) -> Result<(), Failure> {
    let text = toml::to_string(file).map_err(Failure::engine)?;
    write_whole(dir, RUN, text.as_bytes())
}

/// Reads `run.toml`.
///
/// # Errors
/// One sentence that names the file; the input is to blame.
pub(crate) fn read_run_file(dir: &Path) -> Result<RunFile, Failure> {
    let path = dir.join(RUN);
    let wrong = |e: &dyn std::fmt::Display| {
        Failure::input(format!("{} cannot be read: {e}", path.display()).replace('\n', " "))
    };
    let text = fs::read_to_string(&path).map_err(|e| wrong(&e))?;
    let found: RunFile = toml::from_str(&text).map_err(|e| wrong(&e.message()))?;
    found.experiment.check().map_err(|(key, why)| wrong(&format!("{key} {why}")))?;
    Ok(found)
}

/// Reads an experiment and its histories back from a folder.
///
/// # Errors
/// One sentence that names the file, and the line where there is one; the input is to blame.
pub fn read(dir: &Path) -> Result<(Experiment, Vec<History>), Failure> {
    Ok((read_run_file(dir)?.experiment, history::read(dir)?))
}

/// Whether a folder is that of an experiment's results.
pub fn is_results(dir: &Path) -> bool {
    dir.join(RUN).is_file()
}

/// Writes the tables that follow from stored histories anew, and the columns that need a run's twin.
///
/// # Errors
/// The place for the output refuses.
pub fn judge(
    dir: &Path,
    experiment: &Experiment,
    histories: &[History],
) -> Result<Summary, Failure> {
    history::derive(dir, histories)?;
    for (name, bytes) in tables(experiment, histories, &measures(experiment, histories))? {
        write_whole(dir, &name, &bytes)?;
    }
    Ok(claims(experiment, histories))
}

/// Draws the figures and the page that follow from stored histories anew, and describes the tables.
///
/// # Errors
/// The place for the output refuses, or `run.toml` cannot be read.
pub fn draw(dir: &Path, experiment: &Experiment, histories: &[History]) -> Result<(), Failure> {
    let around = Around::of(dir)?;
    write_whole(dir, package::FILE, &package::json(experiment, around.input.is_some())?)?;
    let measures = measures(experiment, histories);
    for (name, bytes) in shown(experiment, histories, &measures, &around)? {
        write_whole(dir, &name, &bytes)?;
    }
    Ok(())
}

/// The names of those stored tables and figures that do not follow, byte for byte, from the stored histories.
///
/// # Errors
/// Those of [`read()`].
pub fn differing(dir: &Path) -> Result<Vec<String>, Failure> {
    let (experiment, histories) = read(dir)?;
    let measures = measures(&experiment, &histories);
    let all = derived(&experiment, &histories, &measures, &Around::of(dir)?)?.into_iter();
    let differs = |(name, bytes): &File| fs::read(dir.join(name)).ok().as_ref() != Some(bytes);
    Ok(all.filter(differs).map(|(name, _)| name).collect())
}

/// What figures and pages show that is not in the histories.
struct Around {
    /// The text of `run.toml`.
    provenance: String,
    /// The starts that it names.
    sittings: Vec<Sitting>,
    /// Whether the folder above has a page over all experiments.
    overview: bool,
    /// A small picture of the input.
    input: Option<Picture>,
}

impl Around {
    fn of(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(RUN);
        let provenance = fs::read_to_string(&path)
            .map_err(|e| Failure::input(format!("{} cannot be read: {e}", path.display())))?;
        let sittings = read_run_file(dir)?.sitting;
        Ok(Self {
            provenance,
            sittings,
            overview: overview::is_above(dir),
            input: Picture::read(dir),
        })
    }
}

type File = (String, Vec<u8>);

/// Everything that follows, in the order in which it is written.
fn derived(
    experiment: &Experiment,
    histories: &[History],
    measures: &[Measure],
    around: &Around,
) -> Result<Vec<File>, Failure> {
    let [numbers, schedule, faults, claims] = tables(experiment, histories, measures)?;
    let mut all = vec![numbers, schedule, faults];
    all.extend(shown(experiment, histories, measures, around)?);
    all.push((package::FILE.into(), package::json(experiment, around.input.is_some())?));
    all.push(claims);
    Ok(all)
}

fn tables(
    experiment: &Experiment,
    histories: &[History],
    measures: &[Measure],
) -> Result<[File; 4], Failure> {
    let measures = measure::csv(&experiment.name, measures)?;
    let claims = claims::csv(&claims(experiment, histories))?;
    let schedule = schedule::csv_of_runs(histories)?;
    let faults = measure::faults_csv(histories)?;
    let named = |name: &str, bytes| (name.to_owned(), bytes);
    Ok([
        named("measures.csv", measures),
        named(SCHEDULE, schedule),
        named("faults.csv", faults),
        named(LAST, claims),
    ])
}

/// The figures, and the page that shows them.
fn shown(
    experiment: &Experiment,
    histories: &[History],
    measures: &[Measure],
    around: &Around,
) -> Result<Vec<File>, Failure> {
    let input = around.input.as_ref();
    let drawn = figures::drawn(&figures::Source { experiment, histories, measures, input })?;
    let figures: Vec<_> = drawn.iter().map(|drawn| drawn.on_a_page()).collect();
    let mut answers = closing::answers(histories, measures);
    if experiment.is_control() {
        answers.push(control::control(&measure::controls(histories)));
    }
    let page = page::page(&page::Contents {
        experiment,
        runs: histories.len(),
        answers: &answers,
        claims: &claims(experiment, histories),
        measures,
        figures: &figures,
        provenance: &around.provenance,
        sittings: &around.sittings,
        overview: around.overview,
    });
    let files = drawn.into_iter().flat_map(figures::Drawn::into_files);
    Ok(files.chain([("index.html".to_owned(), page.into_bytes())]).collect())
}

/// All measures of an experiment; of one in which nothing strikes also what equal runs say.
pub(crate) fn measures(experiment: &Experiment, histories: &[History]) -> Vec<Measure> {
    let mut all = measure::summarise(histories);
    if experiment.is_control() {
        all.extend(measure::control_rows(histories));
    }
    all
}
