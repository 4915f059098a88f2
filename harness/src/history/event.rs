//! What a subject recorded of itself, event by event: `events.csv`. It is written run by run, and read run by run, since
//! of all that a history holds it is the most.

use super::csv::{rows, table};
use super::{History, whole::write_whole};
use pipelines::black_box::What;
use pipelines::message::{Failure, ItemId};
use pipelines::sink::refused;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// The file's name.
pub(crate) const EVENTS: &str = "events.csv";
pub(super) const EVENT_COLUMNS: &str = "run,seq,t_ns,kind,item,attempt,lane,value";

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, in nanoseconds since the trial began.
    pub t_ns: u64,
    /// What.
    pub what: What,
    /// Which item; 0 where it is about none.
    pub item: ItemId,
    /// Which attempt of it, from 0.
    pub attempt: u32,
    /// Which lane; 0 where it is about none.
    pub lane: u8,
    /// See [`What`].
    pub value: u64,
}

/// [`What`] as its word.
#[derive(Clone, Copy)]
struct Kind(What);

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let word = What::ALL.into_iter().find(|(what, _)| *what == self.0).map_or("", |(_, w)| w);
        to.serialize_str(word)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let found = What::ALL.into_iter().find(|(_, word)| *word == text);
        let why = || serde::de::Error::custom(format!("there is no event called {text:?}"));
        found.map(|(what, _)| Self(what)).ok_or_else(why)
    }
}

#[derive(Serialize, Deserialize)]
struct Row {
    run: u32,
    seq: u64,
    t_ns: u64,
    kind: Kind,
    item: ItemId,
    attempt: u32,
    lane: u8,
    value: u64,
}

impl Row {
    fn of(run: u32, seq: u64, event: &Event) -> Self {
        let &Event { t_ns, what, item, attempt, lane, value } = event;
        Self { run, seq, t_ns, kind: Kind(what), item, attempt, lane, value }
    }

    fn event(&self) -> Event {
        let &Self { t_ns, kind: Kind(what), item, attempt, lane, value, .. } = self;
        Event { t_ns, what, item, attempt, lane, value }
    }
}

/// Begins `events.csv` in a folder that exists: its columns.
///
/// # Errors
/// The place for the output refuses.
pub fn create_events(dir: &Path) -> Result<(), Failure> {
    write_whole(dir, EVENTS, &table(EVENT_COLUMNS, Vec::<Row>::new())?)
}

/// Appends the events of one run to `events.csv`, with one write.
///
/// # Errors
/// The place for the output refuses.
pub fn append_events(dir: &Path, history: &History) -> Result<(), Failure> {
    let all = (0..).zip(&history.events);
    let bytes = table("", all.map(|(seq, event)| Row::of(history.run.run, seq, event)))?;
    let path = dir.join(EVENTS);
    let file = OpenOptions::new().append(true).open(&path);
    file.and_then(|mut f| f.write_all(&bytes)).map_err(|e| refused("append to", &path, &e))
}

/// Removes `events.csv`: of a campaign that was interrupted, the rest is not there either.
pub(crate) fn remove_events(dir: &Path) {
    std::fs::remove_file(dir.join(EVENTS)).ok();
}

/// The events of one run, from a folder.
///
/// # Errors
/// One sentence that names the file, and the line where there is one.
pub fn read_events(dir: &Path, run: u32) -> Result<Vec<Event>, Failure> {
    let all = rows::<Row>(dir, EVENTS, EVENT_COLUMNS)?.into_iter().map(|(_, row)| row);
    Ok(all.filter(|row| row.run == run).map(|row| row.event()).collect())
}
