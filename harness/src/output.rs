//! The folder of a run: who may write into it, and what is already there.

use crate::schedule::SCHEDULE;
use blake3::Hasher;
use pipelines::message::Failure;
use pipelines::sink::journal::{self, JOURNAL, Journal, Record, State};
use pipelines::sink::quarantine::QUARANTINE;
use pipelines::sink::{PARTIAL, refused};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The manifest's name.
pub const MANIFEST: &str = "manifest.csv";
/// The summary's name.
pub const RUN_JSON: &str = "run.json";
/// The black box's name; it is removed when a run ends in order.
pub const BLACK_BOX: &str = "black_box";
/// Inputs fetched from the network lie in folders with this prefix while a run lasts.
pub const FETCHED: &str = ".input-";

/// What to do with a folder that is not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Refuse it.
    Fresh,
    /// Go on where the journal ends.
    Resume,
    /// Remove what an earlier run wrote, and begin anew.
    Overwrite,
}

/// A folder that this process alone writes to.
pub struct Output {
    dir: PathBuf,
    begin: Begin,
    made: bool,
    _lock: File,
}

impl Output {
    /// Makes the folder if need be, and takes hold of it.
    ///
    /// # Errors
    /// When it cannot be made or written, is not empty, or another run writes to it.
    pub fn open(dir: &Path, begin: Begin) -> Result<Self, Failure> {
        let made = !dir.exists();
        if !made && !dir.is_dir() {
            let dir = dir.display();
            return Err(Failure::output(format!("{dir} is a file, not a folder: choose another")));
        }
        let no = |e: io::Error| refused("write to", dir, &e);
        fs::create_dir_all(dir).map_err(no)?;
        let lock = lock(dir)?;
        let mut entries = fs::read_dir(dir).map_err(no)?;
        if begin == Begin::Fresh && entries.next().is_some() {
            return Err(Failure::output(format!(
                "{} is not empty: --resume goes on with an earlier run, --overwrite begins anew",
                dir.display()
            )));
        }
        // A folder that exists may still be read-only: that is better known before the work begins.
        fs::create_dir_all(dir.join(PARTIAL)).map_err(no)?;
        crate::trial::clear_partial(dir);
        for entry in fs::read_dir(dir).map_err(no)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(FETCHED) {
                fs::remove_dir_all(entry.path()).ok();
            }
        }
        Ok(Self { dir: dir.to_path_buf(), begin, made, _lock: lock })
    }

    /// Leaves the folder as it was found: nothing will be written.
    pub fn abandon(self) {
        fs::remove_dir(self.dir.join(PARTIAL)).ok();
        if self.made {
            fs::remove_dir(&self.dir).ok();
        }
    }

    /// Begins or goes on with the journal of `subject`. Returns what is already settled: of what a
    /// journal calls done, only files whose bytes are those that were written.
    ///
    /// # Errors
    /// When the journal is that of something else, or cannot be read or written.
    pub fn begin(&self, subject: &journal::Subject) -> Result<Vec<Record>, Failure> {
        let story = match self.begin {
            Begin::Fresh => None,
            Begin::Resume => journal::read(&self.dir)?,
            Begin::Overwrite => {
                self.remove_earlier()?;
                None
            }
        };
        let Some(story) = story else {
            Journal::create(&self.dir, subject)?;
            return Ok(vec![]);
        };
        same(&self.dir, &story.subject, subject)?;
        let (good, bad): (Vec<_>, Vec<_>) =
            story.records.iter().cloned().partition(|r| r.state != State::Done || self.is_whole(r));
        if bad.is_empty() {
            journal::mend(&self.dir, &story)?;
        } else {
            self.rewrite(subject, &good)?;
        }
        Ok(good)
    }

    fn is_whole(&self, record: &Record) -> bool {
        file_blake3(&self.dir.join(&record.file)).is_some_and(|hash| hash == record.file_blake3)
    }

    /// A journal with fewer records takes the old one's place in one step.
    fn rewrite(&self, subject: &journal::Subject, records: &[Record]) -> Result<(), Failure> {
        let partial = self.dir.join(PARTIAL);
        Journal::create(&partial, subject)?.append(records)?;
        let (from, to) = (partial.join(JOURNAL), self.dir.join(JOURNAL));
        fs::rename(from, &to).map_err(|e| refused("write", &to, &e))
    }

    /// Removes the files that an earlier run's journal names, and the run's own. Others are not ours.
    fn remove_earlier(&self) -> Result<(), Failure> {
        let story = journal::read(&self.dir).unwrap_or_default().unwrap_or_default();
        let tiles = story.records.iter().filter(|r| r.state == State::Done).map(|r| &*r.file);
        for name in tiles.chain([MANIFEST, RUN_JSON, SCHEDULE, BLACK_BOX, JOURNAL]) {
            let path = self.dir.join(name);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    return Err(refused("remove", &path, &e));
                }
                _ => {}
            }
        }
        let quarantine = self.dir.join(QUARANTINE);
        match fs::remove_dir_all(&quarantine) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                Err(refused("remove", &quarantine, &e))
            }
            _ => Ok(()),
        }
    }
}

/// Takes hold of a folder until the file that is returned is closed, so that two runs never write to it at once.
///
/// # Errors
/// When another run has it, or it cannot be opened.
pub(crate) fn lock(dir: &Path) -> Result<File, Failure> {
    let lock = File::open(dir).map_err(|e| refused("write to", dir, &e))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        let dir = dir.display();
        return Err(Failure::output(format!("another run is writing to {dir}: wait for it")));
    }
    Ok(lock)
}

/// BLAKE3 of a file, in hex; `None` when it cannot be read.
pub fn file_blake3(path: &Path) -> Option<String> {
    let mut hasher = Hasher::new();
    hasher.update_reader(File::open(path).ok()?).ok()?;
    Some(hasher.finalize().to_hex().to_string())
}

/// Refuses to go on with the journal of something else.
fn same(dir: &Path, was: &journal::Subject, is: &journal::Subject) -> Result<(), Failure> {
    let keys = was.keys().chain(is.keys());
    let Some(key) = keys.into_iter().find(|key| was.get(*key) != is.get(*key)) else {
        return Ok(());
    };
    let of = |subject: &journal::Subject| subject.get(key).map_or("nothing", |v| v).to_owned();
    Err(Failure::input(format!(
        "the journal in {} is of another run: its {key} is {}, not {}; give the same options, or use \
         --overwrite",
        dir.display(),
        of(was),
        of(is)
    )))
}
