//! The tables of a campaign that is under way: each run is appended as soon as it is over.

use super::csv::{LeftOut, RUNS, TABLES, Table, parse_error, scan};
use super::rows::RunRow;
use super::whole::write_whole;
use super::{History, Run};
use crate::measure::Twins;
use pipelines::message::Failure;
use pipelines::sink::refused;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The tables of a folder, open to be written at their ends. Nobody else may write to them meanwhile.
pub struct Tables {
    dir: PathBuf,
    files: Vec<File>,
}

/// The only column that all tables of histories have.
#[derive(Deserialize)]
struct OfRun {
    #[serde(rename = "run")]
    _run: u32,
}

impl Tables {
    /// Begins all tables of a folder anew.
    ///
    /// # Errors
    /// The place for the output refuses.
    pub fn begin(dir: &Path) -> Result<Self, Failure> {
        for table in &TABLES {
            write_whole(dir, table.file, table.header().as_bytes())?;
        }
        Self::open(dir)
    }

    /// Goes on with the tables of a folder: says which runs are finished, and removes what is left of one that is not.
    ///
    /// # Errors
    /// Those of [`super::recover`], and the place for the output refuses.
    pub fn go_on(dir: &Path) -> Result<(Self, Vec<Run>, LeftOut), Failure> {
        if !dir.join(RUNS.file).exists() {
            return Ok((Self::begin(dir)?, Vec::new(), LeftOut::default()));
        }
        let mut left_out = LeftOut::default();
        let (runs, good_bytes) = finished(dir, &mut left_out)?;
        cut(dir, &RUNS, good_bytes)?;
        let numbers: BTreeSet<u32> = runs.iter().map(|r| r.run).collect();
        for table in TABLES.iter().filter(|t| t.file != RUNS.file) {
            let counts = |run| numbers.contains(&run);
            let good_bytes = scan(dir, table, Some(&counts), &mut left_out, |_, _: OfRun| Ok(()))?;
            cut(dir, table, good_bytes)?;
        }
        Ok((Self::open(dir)?, runs, left_out))
    }

    fn open(dir: &Path) -> Result<Self, Failure> {
        let append = |table: &Table| {
            let path = dir.join(table.file);
            let file = OpenOptions::new().append(true).open(&path);
            file.map_err(|e| refused("write", &path, &e))
        };
        let files = TABLES.iter().map(append).collect::<Result<_, _>>()?;
        Ok(Self { dir: dir.to_path_buf(), files })
    }

    /// Adds a finished run. What it needs to count is on the disk before its row in `runs.csv` is written, so that it
    /// counts whole or not at all, also after a power cut.
    ///
    /// # Errors
    /// The place for the output refuses. The run then does not count.
    pub fn append(&mut self, history: &History) -> Result<(), Failure> {
        let alone = Twins::of(&[]);
        for (table, file) in TABLES.iter().zip(&mut self.files) {
            let rows = table.rows(history, &alone)?;
            file.write_all(&rows)
                .and_then(|()| file.sync_data())
                .map_err(|e| refused("write", &self.dir.join(table.file), &e))?;
        }
        Ok(())
    }

    /// Removes the tables of a folder, first the one that makes runs count.
    ///
    /// # Errors
    /// The place for the output refuses.
    pub fn remove(dir: &Path) -> Result<(), Failure> {
        for table in TABLES.iter().rev() {
            let path = dir.join(table.file);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(refused("remove", &path, &e));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The finished runs of a folder, without what belongs to them; none if there is no such table.
///
/// # Errors
/// Those of [`super::recover`].
pub fn runs(dir: &Path) -> Result<Vec<Run>, Failure> {
    if !dir.join(RUNS.file).exists() {
        return Ok(Vec::new());
    }
    finished(dir, &mut LeftOut::default()).map(|(runs, _)| runs)
}

/// The finished runs, and the bytes that they take in their table.
fn finished(dir: &Path, left_out: &mut LeftOut) -> Result<(Vec<Run>, u64), Failure> {
    let mut runs = Vec::new();
    let good_bytes = scan(dir, &RUNS, None, left_out, |line, row: RunRow| {
        runs.push(row.run().map_err(|why| parse_error(dir, RUNS.file, line, &why))?);
        Ok(())
    })?;
    Ok((runs, good_bytes))
}

fn cut(dir: &Path, table: &Table, bytes: u64) -> Result<(), Failure> {
    let path = dir.join(table.file);
    let cut = OpenOptions::new().write(true).open(&path).and_then(|file| file.set_len(bytes));
    cut.map_err(|e| refused("write", &path, &e))
}
