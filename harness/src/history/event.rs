//! What a subject recorded of itself, event by event: `events.csv`. It is written run by run, and read run by run, since
//! of all that a history holds it is the most.

use super::csv::{LeftOut, Table, scan};
use pipelines::black_box::What;
use pipelines::message::{Failure, ItemId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::path::Path;

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

/// The table of events.
pub(super) const EVENTS: Table = Table {
    file: "events.csv",
    columns: "run,seq,t_ns,kind,item,attempt,lane,value",
    rows: |h, _, to| {
        (0..)
            .zip(&h.events)
            .try_for_each(|(seq, event)| to.serialize(Row::of(h.run.run, seq, event)))
    },
};

/// The events of one run, from a folder.
///
/// # Errors
/// One sentence that names the file, and the line where there is one.
pub fn read_events(dir: &Path, run: u32) -> Result<Vec<Event>, Failure> {
    let mut all = vec![];
    scan(dir, &EVENTS, Some(&|_| true), &mut LeftOut::default(), |_, row: Row| {
        if row.run == run {
            all.push(row.event());
        }
        Ok(())
    })?;
    Ok(all)
}
