//! The results folder of a campaign: what of the experiment is finished in it, and who may write to it.

use super::pace::Pace;
use crate::experiment::Experiment;
use crate::history::{self, History, LeftOut, Run, Tables};
use crate::output::{Begin, lock};
use crate::picture;
use crate::provenance::{Build, Sitting};
use crate::report::{self, RunFile};
use crate::schedule::SCHEDULE;
use pipelines::message::Failure;
use pipelines::sink::refused;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A folder of results that are not finished, and that this process alone writes to.
pub struct Results {
    dir: PathBuf,
    tables: Tables,
    /// The runs that are finished: the first of the schedule.
    finished: Vec<Run>,
    left_out: LeftOut,
    _lock: File,
}

/// What was found where results are to be written.
pub(super) enum Opened {
    /// All that the experiment asks for. Nothing is left to be done.
    Finished,
    /// Nothing, or a part of it.
    Begun(Box<Results>),
}

impl Results {
    /// Takes hold of a folder, which is made if need be, and sees how far the experiment is there. `place` is where
    /// trials write their tiles; it is noted in `run.toml`.
    ///
    /// # Errors
    /// When it cannot be made or written, another run writes to it, it has results of another experiment or of another
    /// build of this program (unless they are to be overwritten), or what is in it is damaged.
    pub(super) fn open(
        dir: &Path,
        experiment: &Experiment,
        begin: Begin,
        place: &Path,
    ) -> Result<Opened, Failure> {
        fs::create_dir_all(dir).map_err(|e| refused("write to", dir, &e))?;
        let _lock = lock(dir)?;
        if begin == Begin::Overwrite {
            clear(dir)?;
        }
        let found = look(dir, experiment)?;
        if matches!(found, Found::Finished(_)) {
            return Ok(Opened::Finished);
        }
        let build = Build::of_this_program();
        // It takes its time, and so goes first: tables without a run.toml belong to nobody.
        let sitting = Sitting::now(dir, place);
        let (mut file, (tables, finished, left_out)) = match found {
            Found::Part(file) => {
                same_build(dir, file.build.as_ref(), &build)?;
                remove(dir, report::LAST)?;
                (*file, Tables::go_on(dir)?)
            }
            _ => (RunFile::of(experiment), (Tables::begin(dir)?, Vec::new(), LeftOut::default())),
        };
        in_order(dir, experiment, &finished)?;
        file.build = Some(build);
        file.options = experiment.expanded();
        file.sitting.push(Sitting { first_run: finished.len() as u32, ..sitting });
        report::write_run_file(dir, &file)?;
        let dir = dir.to_path_buf();
        Ok(Opened::Begun(Box::new(Self { dir, tables, finished, left_out, _lock })))
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// How many runs were finished when it was opened.
    pub fn finished(&self) -> usize {
        self.finished.len()
    }

    /// What was left of a run that was cut short, and is removed.
    pub fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// What the finished runs took.
    pub fn pace(&self) -> Pace {
        Pace::of(&self.finished)
    }

    /// Puts the picture of the input there, if it has none yet. Most inputs have one, and nothing depends on it.
    ///
    /// # Errors
    /// The place for the output refuses.
    pub(super) fn picture(&self, of: impl FnOnce() -> Option<Vec<u8>>) -> Result<(), Failure> {
        if self.dir.join(picture::FILE).exists() {
            return Ok(());
        }
        of().map_or(Ok(()), |bytes| history::write_whole(&self.dir, picture::FILE, &bytes))
    }

    /// Adds a run that is finished.
    ///
    /// # Errors
    /// The place for the output refuses.
    pub(super) fn append(&mut self, history: &History) -> Result<(), Failure> {
        self.tables.append(history)
    }
}

/// How far an experiment is in a folder.
pub enum Found {
    /// There is nothing of it.
    Nothing,
    /// It was begun.
    Part(Box<RunFile>),
    /// It is finished, and so is its report; so many runs.
    Finished(usize),
}

/// Looks into a folder without touching it.
///
/// # Errors
/// When it has results of another experiment, or such that are no longer known to be of any, or cannot be read.
pub fn look(dir: &Path, experiment: &Experiment) -> Result<Found, Failure> {
    let of_another = |why: &str| {
        Err(Failure::output(format!(
            "{} has results {why}: --overwrite removes them, --out takes another folder",
            dir.display()
        )))
    };
    if !dir.join(report::RUN).exists() {
        return match report::TABLES.iter().find(|name| dir.join(name).exists()) {
            Some(name) => of_another(&format!("({name}) but no {}", report::RUN)),
            None => Ok(Found::Nothing),
        };
    }
    let file = report::read_run_file(dir)?;
    if file.experiment != *experiment {
        // One that never came to its first run leaves nothing to lose.
        if history::runs(dir).is_ok_and(|runs| runs.is_empty()) {
            return Ok(Found::Nothing);
        }
        return of_another(&format!("of {}", difference(&file.experiment, experiment)));
    }
    // `okiagari judge` writes that file for a part, too.
    let concluded = dir.join(report::LAST).exists();
    let runs = if concluded { history::runs(dir)?.len() } else { 0 };
    let all = concluded && runs == experiment.schedule().len();
    Ok(if all { Found::Finished(runs) } else { Found::Part(Box::new(file)) })
}

/// What the experiment that was found has that the one asked for has not.
fn difference(found: &Experiment, asked: &Experiment) -> String {
    if found.name != asked.name {
        return format!("the experiment {}, not {}", found.name, asked.name);
    }
    let but = if (found.blocks, found.seed) == (asked.blocks, asked.seed) {
        "something else in its file".to_owned()
    } else if found.seed == asked.seed {
        format!("{} blocks, not {}", found.blocks, asked.blocks)
    } else {
        format!("seed {}, not {}", found.seed, asked.seed)
    };
    format!("{} with {but}", found.name)
}

/// Runs of two programs do not belong to one experiment.
fn same_build(dir: &Path, was: Option<&Build>, is: &Build) -> Result<(), Failure> {
    if was.is_none_or(|was| was.binary_blake3 == is.binary_blake3) {
        return Ok(());
    }
    Err(Failure::output(format!(
        "{} was begun by another build of okiagari, whose runs do not belong together with those of this one: \
         --overwrite begins anew, --out takes another folder",
        dir.display()
    )))
}

/// What is finished must be what the schedule begins with.
fn in_order(dir: &Path, experiment: &Experiment, finished: &[Run]) -> Result<(), Failure> {
    let schedule = experiment.schedule();
    let same = |(run, trial): (&Run, &crate::experiment::Trial)| {
        (run.run, run.block, &run.subject, run.faults, run.seed)
            == (trial.run, trial.block, &trial.subject, trial.faults, trial.seed)
    };
    if finished.len() <= schedule.len() && finished.iter().zip(&schedule).all(same) {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{} does not have the runs that the experiment begins with: --overwrite begins anew",
        dir.join("runs.csv").display()
    )))
}

/// Removes what the harness wrote into a folder: first what says that it is finished, then what makes its runs count.
fn clear(dir: &Path) -> Result<(), Failure> {
    // A schedule may be what the experiment reads its faults from; it is written anew at the end.
    let derived = report::derived_files().into_iter().filter(|name| name != SCHEDULE);
    let names = [report::LAST.to_owned()].into_iter().chain(derived);
    names.into_iter().try_for_each(|name| remove(dir, &name))?;
    Tables::remove(dir)?;
    remove(dir, picture::FILE)?;
    remove(dir, report::RUN)
}

fn remove(dir: &Path, name: &str) -> Result<(), Failure> {
    match fs::remove_file(dir.join(name)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            Err(refused("remove", &dir.join(name), &e))
        }
        _ => Ok(()),
    }
}
