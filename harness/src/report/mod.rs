//! The results of an experiment in a folder: written once from what was observed, and judged and drawn again from the
//! stored files whenever someone asks. No pipeline runs here.

mod claims;
mod closing;
mod comparison;
mod control;
mod lines;
mod outcomes;
pub mod page;
mod story;
#[cfg(test)]
mod tests;

pub use claims::{Claim, Standing, Summary, claims};
pub use closing::table;
pub use comparison::{Difference, Line, Stored, compare, comparison, smallest_effects};
pub(crate) use lines::{columns, wrap};
pub use story::{Story, list_of_injections, list_of_runs};

use crate::experiment::Experiment;
use crate::figure;
use crate::history::{self, History, write_whole};
use crate::measure::{self, Measure};
use crate::schedule::{self, SCHEDULE};
use pipelines::message::Failure;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

const RUN: &str = "run.toml";

/// What of `run.toml` belongs to the experiment; whoever knows the machine may add tables behind it.
#[derive(Serialize, Deserialize)]
struct Provenance {
    version: String,
    seed: u64,
    experiment: Experiment,
}

/// Writes everything about an experiment into a folder, which is made if need be: `run.toml`, the CSV files (but
/// `events.csv`, which is written while trials run) and the three figures, each whole or not at all. Says whether the expectations held.
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
    let provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").into(),
        seed: experiment.seed,
        experiment: experiment.clone(),
    };
    let text = toml::to_string(&provenance).map_err(Failure::engine)?;
    write_whole(dir, RUN, text.as_bytes())?;
    history::write(dir, histories)?;
    for (name, bytes) in
        tables(experiment, histories)?.into_iter().chain(shown(experiment, histories, &text)?)
    {
        write_whole(dir, name, &bytes)?;
    }
    Ok(claims(experiment, histories))
}

/// Reads an experiment and its histories back from a folder.
///
/// # Errors
/// One sentence that names the file, and the line where there is one; the input is to blame.
pub fn read(dir: &Path) -> Result<(Experiment, Vec<History>), Failure> {
    let path = dir.join(RUN);
    let wrong = |e: &dyn std::fmt::Display| {
        Failure::input(format!("{} cannot be read: {e}", path.display()).replace('\n', " "))
    };
    let text = fs::read_to_string(&path).map_err(|e| wrong(&e))?;
    let found: Provenance = toml::from_str(&text).map_err(|e| wrong(&e.message()))?;
    found.experiment.check().map_err(|(key, why)| wrong(&format!("{key} {why}")))?;
    Ok((found.experiment, history::read(dir)?))
}

/// Whether a folder is that of an experiment's results.
pub fn is_results(dir: &Path) -> bool {
    dir.join(RUN).is_file()
}

/// Judges and measures stored histories again: writes `measures.csv`, `claims.csv`,
/// `schedule.csv` and `faults.csv` of that folder anew.
///
/// # Errors
/// Those of [`read()`] and [`write()`].
pub fn judge(dir: &Path) -> Result<Summary, Failure> {
    let (experiment, histories) = read(dir)?;
    for (name, bytes) in tables(&experiment, &histories)? {
        write_whole(dir, name, &bytes)?;
    }
    Ok(claims(&experiment, &histories))
}

/// Draws the figures and the page of a folder anew from its stored histories.
///
/// # Errors
/// Those of [`read()`] and [`write()`].
pub fn draw(dir: &Path) -> Result<(), Failure> {
    let (experiment, histories) = read(dir)?;
    for (name, bytes) in shown(&experiment, &histories, &provenance(dir)?)? {
        write_whole(dir, name, &bytes)?;
    }
    Ok(())
}

/// The names of those stored tables and figures that do not follow, byte for byte, from the stored histories.
///
/// # Errors
/// Those of [`read()`].
pub fn differing(dir: &Path) -> Result<Vec<&'static str>, Failure> {
    let (experiment, histories) = read(dir)?;
    let shown = shown(&experiment, &histories, &provenance(dir)?)?;
    let all = tables(&experiment, &histories)?.into_iter().chain(shown);
    let differs =
        |(name, bytes): &(&str, Vec<u8>)| fs::read(dir.join(name)).ok().as_ref() != Some(bytes);
    Ok(all.filter(differs).map(|(name, _)| name).collect())
}

/// The text of `run.toml`.
fn provenance(dir: &Path) -> Result<String, Failure> {
    let path = dir.join(RUN);
    fs::read_to_string(&path)
        .map_err(|e| Failure::input(format!("{} cannot be read: {e}", path.display())))
}

type File = (&'static str, Vec<u8>);

fn tables(experiment: &Experiment, histories: &[History]) -> Result<[File; 4], Failure> {
    let measures = measure::csv(&experiment.name, &measures(experiment, histories))?;
    let claims = claims::csv(&claims(experiment, histories))?;
    let schedule = schedule::csv_of_runs(histories)?;
    let faults = ("faults.csv", measure::faults_csv(histories)?);
    Ok([("measures.csv", measures), ("claims.csv", claims), (SCHEDULE, schedule), faults])
}

/// The figures, and the page that shows them.
fn shown(
    experiment: &Experiment,
    histories: &[History],
    provenance: &str,
) -> Result<Vec<File>, Failure> {
    let drawn = [
        (
            "progress.svg",
            "Tiles that were done over time, a line for each run with faults.",
            figure::progress(experiment, histories)?,
        ),
        (
            "recovery.svg",
            "How long struck tiles took to come back, a dot for each fault.",
            figure::recovery(experiment, histories)?,
        ),
        (
            "throughput.svg",
            "Throughput without and with faults, a pair for each block.",
            figure::throughput(experiment, histories)?,
        ),
        (
            "outcomes.svg",
            "What became of each fault under each subject, by its worst outcome.",
            outcomes::drawn(experiment, histories)?,
        ),
    ];
    let tables = ["items.csv", "injections.csv", "runs.csv", "faults.csv"];
    let figures = drawn.iter().zip(tables);
    let figures: Vec<_> =
        figures.map(|((file, seen, svg), table)| page::Figure { file, seen, table, svg }).collect();
    let mut answers = closing::answers(histories);
    if experiment.is_control() {
        answers.push(control::control(&measure::controls(histories)));
    }
    let page = page::page(&page::Contents {
        experiment,
        runs: histories.len(),
        answers: &answers,
        claims: &claims(experiment, histories),
        measures: &measures(experiment, histories),
        figures: &figures,
        provenance,
    });
    let drawn = drawn.into_iter().map(|(file, _, svg)| (file, svg.into_bytes()));
    Ok(drawn.chain([("index.html", page.into_bytes())]).collect())
}

/// All measures of an experiment; of one in which nothing strikes also what equal runs say.
pub(crate) fn measures(experiment: &Experiment, histories: &[History]) -> Vec<Measure> {
    let mut all = measure::summarise(histories);
    if experiment.is_control() {
        all.extend(measure::control_rows(histories));
    }
    all
}
