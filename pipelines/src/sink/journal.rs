//! What is settled, in the order in which it was, so that a killed run can go on.
//!
//! A text file with one JSON object a line: first what the run is of, then one record for each settled
//! item, appended only after the item's file has its name. A line is written with one call; one that
//! was torn by a kill has no newline, and is cut off.

use super::disk::Pen;
use super::refused;
use crate::message::{Failure, ItemId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

/// The journal's name in its folder.
pub const JOURNAL: &str = "journal";

/// What became of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its file is in the folder.
    Done,
    /// Every attempt returned an error.
    Failed,
    /// Every attempt killed its worker.
    Quarantined,
}

/// One settled item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which item.
    pub item: ItemId,
    /// What became of it.
    pub state: State,
    /// Attempts begun for it.
    pub attempts: u32,
    /// Its file's name; empty when there is none.
    pub file: String,
    /// BLAKE3 of the file, in hex.
    pub file_blake3: String,
    /// BLAKE3 of the pixels before encoding, in hex.
    pub pixels_blake3: String,
}

/// What a run is of: option and value, as its user would write them.
pub type Subject = BTreeMap<String, String>;

/// The end of a journal that can be appended to.
pub struct Journal {
    file: File,
    path: PathBuf,
}

impl Journal {
    /// Begins a new journal in `dir`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(dir: &Path, subject: &Subject) -> Result<Self, Failure> {
        let path = dir.join(JOURNAL);
        let file = File::create(&path).map_err(|e| refused("write", &path, &e))?;
        let this = Self { file, path };
        this.write(&[subject], Pen::new(&|_| None))?;
        Ok(this)
    }

    /// Opens the journal in `dir` to append to it.
    ///
    /// # Errors
    /// When there is none, or it cannot be written.
    pub fn append_to(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join(JOURNAL);
        let file = OpenOptions::new().append(true).open(&path);
        let file = file.map_err(|e| refused("append to", &path, &e))?;
        Ok(Self { file, path })
    }

    /// Appends records with one call: after it they survive this process.
    ///
    /// # Errors
    /// When there is no room.
    pub fn append(&self, records: &[Record]) -> Result<(), Failure> {
        self.write(records, Pen::new(&|_| None))
    }

    /// The same, with a pen through which a fault may strike.
    pub(super) fn append_with(&self, records: &[Record], pen: Pen<'_>) -> Result<(), Failure> {
        self.write(records, pen)
    }

    fn write<T: Serialize>(&self, lines: &[T], mut pen: Pen<'_>) -> Result<(), Failure> {
        let mut text = Vec::with_capacity(lines.len() * 256);
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(Failure::engine)?;
            text.push(b'\n');
        }
        pen.append(&self.file, &text).map_err(|e| refused("append to", &self.path, &e))
    }
}

/// What a journal says.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// What the run is of.
    pub subject: Subject,
    /// What is settled, in the order in which it was written.
    pub records: Vec<Record>,
    /// Bytes of whole lines; a torn one may follow.
    pub whole_bytes: u64,
}

/// Reads the journal in `dir`; `None` when there is none, or nothing whole in it.
///
/// # Errors
/// When it cannot be read, or does not begin as a journal does.
pub fn read(dir: &Path) -> Result<Option<Story>, Failure> {
    let path = dir.join(JOURNAL);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(refused("read", &path, &e)),
    };
    let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let mut lines = text[..whole].split(|b| *b == b'\n').enumerate();
    let bad = |n: usize, e: serde_json::Error| {
        let path = path.display();
        Failure::input(format!("line {} of {path} makes no sense: {e}; use --overwrite", n + 1))
    };
    let Some((n, head)) = lines.next().filter(|(_, line)| !line.is_empty()) else {
        return Ok(None);
    };
    let mut story = Story { whole_bytes: whole as u64, ..Story::default() };
    story.subject = serde_json::from_slice(head).map_err(|e| bad(n, e))?;
    // A line that a full disk tore makes no sense, and the next one may have been appended to it: their
    // items count as not settled, and are done again.
    story.records.extend(lines.filter_map(|(_, line)| serde_json::from_slice::<Record>(line).ok()));
    Ok(Some(story))
}

/// Cuts a torn last line off the journal in `dir`.
///
/// # Errors
/// When it cannot be written.
pub fn mend(dir: &Path, story: &Story) -> Result<(), Failure> {
    let path = dir.join(JOURNAL);
    let cut = OpenOptions::new().write(true).open(&path).and_then(|f| f.set_len(story.whole_bytes));
    cut.map_err(|e| refused("mend", &path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn record(item: ItemId) -> Record {
        let text = |s: &str| format!("{s}{item}");
        let (file, file_blake3, pixels_blake3) = (text("a_"), text("f"), text("p"));
        Record { item, state: State::Done, attempts: 1, file, file_blake3, pixels_blake3 }
    }

    #[test]
    fn what_was_written_is_read_whatever_byte_the_kill_came_at() {
        let dir = tempfile::tempdir().unwrap();
        let subject = Subject::from([("tile".to_owned(), "256".to_owned())]);
        let journal = Journal::create(dir.path(), &subject).unwrap();
        let head = std::fs::metadata(dir.path().join(JOURNAL)).unwrap().len() as usize;
        journal.append(&[record(4), record(2)]).unwrap();
        journal.append(&[record(9)]).unwrap();
        let text = std::fs::read(dir.path().join(JOURNAL)).unwrap();
        for cut in 0..=text.len() {
            std::fs::write(dir.path().join(JOURNAL), &text[..cut]).unwrap();
            let story = read(dir.path()).unwrap();
            let lines = text[head.min(cut)..cut].iter().filter(|b| **b == b'\n').count();
            let Some(story) = story else {
                assert!(cut < head, "the head is whole");
                continue;
            };
            let expected: Vec<_> = [4, 2, 9].into_iter().take(lines).map(record).collect();
            assert_eq!((story.subject.clone(), story.records.clone()), (subject.clone(), expected));
            mend(dir.path(), &story).unwrap();
            Journal::append_to(dir.path()).unwrap().append(&[record(77)]).unwrap();
            assert_eq!(read(dir.path()).unwrap().unwrap().records.last(), Some(&record(77)));
        }
    }

    #[test]
    fn a_line_that_a_full_disk_tore_costs_its_items_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::create(dir.path(), &Subject::new()).unwrap();
        journal.append(&[record(1)]).unwrap();
        // Half a record without its newline, and then another thread's.
        (&journal.file).write_all(b"{\"item\":2,\"st").unwrap();
        journal.append(&[record(3), record(4)]).unwrap();
        let story = read(dir.path()).unwrap().unwrap();
        assert_eq!(story.records, [1, 4].map(record));
    }
}
