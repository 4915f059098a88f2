//! Where a fault can strike.

use super::Fault;
use crate::message::ItemId;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A named point of an item's way, or of a worker's. Sweeping a fault over them is systematic crash testing, as of
/// storage systems (ALICE, CrashMonkey).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Point {
    /// The source has decoded the item, and nobody has it yet.
    Decode,
    /// Before the handler sees the item.
    Before,
    /// Inside the native (FFI) call.
    Native,
    /// The handler has its result, and no checksum of it.
    Output,
    /// On the line between a worker process and its supervisor. A thread has none: there it is a shutdown.
    Line,
    /// A result was taken, and the sink does not have it.
    Accept,
    /// The sink is about to write the temporary file.
    Write,
    /// The file is written, and does not have its name.
    Rename,
    /// The file has its name, and is not in the journal.
    Journal,
    /// It is in the journal, and nobody was told.
    Acknowledge,
    /// A lane hears that the worker died to which it lent the item.
    Notice,
    /// A worker process is about to be started: here the item is the number of the start, from 0.
    Fork,
}

impl Point {
    /// All of them, along the way.
    pub const ALL: [Self; 12] = [
        Self::Decode,
        Self::Before,
        Self::Native,
        Self::Output,
        Self::Line,
        Self::Accept,
        Self::Write,
        Self::Rename,
        Self::Journal,
        Self::Acknowledge,
        Self::Notice,
        Self::Fork,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Before => "before",
            Self::Native => "native",
            Self::Output => "output",
            Self::Line => "line",
            Self::Accept => "accept",
            Self::Write => "write",
            Self::Rename => "rename",
            Self::Journal => "journal",
            Self::Acknowledge => "acknowledge",
            Self::Notice => "notice",
            Self::Fork => "fork",
        }
    }

    /// What has happened there and what has not, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Decode => "the source has decoded the item, and nobody has it yet",
            Self::Before => "the handler has not seen the item yet",
            Self::Native => "inside the native call",
            Self::Output => "the handler has its result, and no checksum of it",
            Self::Line => "on the line between a worker and its supervisor",
            Self::Accept => "a result was taken, and the sink does not have it",
            Self::Write => "the sink is about to write the temporary file",
            Self::Rename => "the file is written, and does not have its name",
            Self::Journal => "the file has its name, and is not in the journal",
            Self::Acknowledge => "it is in the journal, and nobody was told",
            Self::Notice => "a lane hears that the worker died to which it lent the item",
            Self::Fork => "a worker process is about to be started",
        }
    }

    /// Its number in the black box.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// The point with this number, if there is one.
    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether a fault of this point is decided when the item is lent, and rides in the loan to whoever executes it.
    /// The other points are passed by the subject's own process, which asks there.
    pub fn rides(self) -> bool {
        matches!(self, Self::Before | Self::Native | Self::Output | Self::Line)
    }

    /// The point at which a plan is asked about it.
    pub fn asked_at(self) -> Self {
        if self.rides() { Self::Before } else { self }
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Point {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("there is no point called {name:?}; there are: {names}")
        })
    }
}

impl TryFrom<String> for Point {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Point> for String {
    fn from(point: Point) -> Self {
        point.to_string()
    }
}

/// A place and a moment at which a fault may strike: what a plan is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Where; of those that [ride](Point::rides) in a loan always [`Point::Before`].
    pub point: Point,
    /// Which item.
    pub item: ItemId,
    /// Which attempt of it, from 0; where something is tried again by itself, like writing a file, each try is one
    /// more.
    pub attempt: u32,
    /// Which lane; 0 where there is none.
    pub lane: usize,
}

impl Site {
    /// A point that the subject's own process passes, in no particular lane.
    pub fn new(point: Point, item: ItemId, attempt: u32) -> Self {
        Self { point, item, attempt, lane: 0 }
    }
    /// Whether this is where a fault strikes, unless something else is asked for.
    pub fn is_of(&self, fault: Fault) -> bool {
        fault.point().asked_at() == self.point
    }
    /// The moment at which this attempt of this item is lent to the worker of a lane.
    pub fn lent(item: ItemId, attempt: u32, lane: usize) -> Self {
        Self { point: Point::Before, item, attempt, lane }
    }
}
