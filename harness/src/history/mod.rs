//! What happened in a trial, and nothing else: the only memory. Oracles, measures and figures are pure
//! functions of it. All times are nanoseconds of the monotonic clock since the trial began.

#[cfg(test)]
pub(crate) mod any;
mod checksum;
mod collect;
mod csv;
mod event;
mod foreign;
mod injection;
mod marks;
mod resource;
mod rows;
#[cfg(test)]
pub(crate) mod sample;
mod tables;
#[cfg(test)]
mod tests;
mod whole;

pub use checksum::Checksum;
pub use collect::collect;
pub use csv::{LeftOut, read, recover, write};
pub(crate) use csv::{derive, golden, table};
pub use event::{Event, read_events};
pub use injection::{Injection, Ring};
pub use resource::{Resource, Role};
pub use tables::{Tables, runs};
pub(crate) use whole::write_whole;

use crate::noise::Noise;
use pipelines::message::{Failure, ItemId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a subject ended, seen from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It said that it was done, and exited with 0.
    Complete,
    /// A signal ended it.
    Signal(i32),
    /// It exited with this status without having said that it was done (0 too is no success).
    Exit(i32),
    /// It made no progress for the named time, and was ended from outside.
    Hang,
}

/// What is known of an item at the end of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its tile was written.
    Done,
    /// Declared failed by the subject.
    Failed,
    /// Set aside by the subject after killing too many workers.
    Quarantined,
    /// None of these: gone, and nobody said so.
    Lost,
}

/// One trial: one subject, once, with or without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Counts trials of an experiment from 0, in the order in which they ran.
    pub run: u32,
    /// Which block it belongs to, from 0.
    pub block: u32,
    /// Its place in the block, from 0, in the order in which they ran.
    pub order_in_block: u32,
    /// The subject's name.
    pub subject: String,
    /// False for the fault-free twin.
    pub faults: bool,
    /// Decides every fault of the trial.
    pub seed: u64,
    /// Items the source had.
    pub items: u64,
    /// Pixels of all items, decoded.
    pub pixels: u64,
    /// From the observer's start of the subject to the end of the subject and all its processes.
    pub wall_ns: u64,
    /// Processor time of the subject and all its processes, in steps of the kernel's clock tick (10 ms), as the kernel
    /// added it up when they were reaped; `None` where it could not be read.
    pub cpu_ns: Option<u64>,
    /// How it ended.
    pub ending: Ending,
    /// Worker deaths the subject saw.
    pub deaths: u64,
    /// How often the observer started the subject again.
    pub restarts: u64,
    /// Processes of the subject still alive after its end (they were then ended).
    pub orphans: u64,
    /// Files in the output folder that belong to no item.
    pub foreign_files: u64,
    /// Events that the black box had no room for; above 0 no verdict about loss can be given.
    pub events_missed: u64,
    /// What else the machine did meanwhile.
    pub noise: Noise,
}

/// One item at the end of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub item: ItemId,
    /// Attempts begun.
    pub attempts: u32,
    /// What became of it.
    pub state: State,
    /// How often the subject declared it done.
    pub deliveries: u32,
    /// When it was first lent.
    pub lent_ns: Option<u64>,
    /// When its tile was safe in the output folder.
    pub done_ns: Option<u64>,
    /// The handler's own time in the accepted attempt.
    pub work_ns: Option<u64>,
    /// Of the tile's file as the observer found it on disk; `None` when there is no file.
    pub found_blake3: Option<Checksum>,
    /// Of the golden run's file; `None` when the golden run has none.
    pub golden_blake3: Option<Checksum>,
}

/// A trial as it went.
#[derive(Debug, Clone, PartialEq)]
pub struct History {
    /// The trial itself.
    pub run: Run,
    /// Its faults, in the order in which they were armed.
    pub injections: Vec<Injection>,
    /// Its items, in order: exactly `run.items` of them.
    pub items: Vec<Item>,
    /// A few looks at its processes, in the order of time.
    pub resources: Vec<Resource>,
    /// All that was recorded, in the order of time. They are many: who keeps histories of many runs leaves them empty,
    /// and [`read()`] does; [`read_events`] reads those of one run.
    pub events: Vec<Event>,
}

impl History {
    /// A trial of which nothing is known but that it was.
    pub fn of(run: Run) -> Self {
        let (injections, items, resources, events) = Default::default();
        Self { run, injections, items, resources, events }
    }

    /// Its faults that fired.
    pub fn fired(&self) -> impl Iterator<Item = &Injection> {
        self.injections.iter().filter(|i| i.fired_ns.is_some())
    }
}

impl Item {
    /// Whether its file was found and is that of the golden run.
    pub fn right(&self) -> bool {
        self.found_blake3.is_some() && self.found_blake3 == self.golden_blake3
    }

    /// Whether a file was found, and is not that of the golden run.
    pub fn wrong(&self) -> bool {
        self.found_blake3.is_some() && !self.right()
    }

    /// Whether the subject said that it would not deliver it.
    pub fn declared(&self) -> bool {
        matches!(self.state, State::Failed | State::Quarantined)
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Complete => f.write_str("complete"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Exit(status) => write!(f, "exit {status}"),
            Self::Hang => f.write_str("hang"),
        }
    }
}

impl FromStr for Ending {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        let number = |t: &str| t.parse::<i32>().ok();
        match text {
            "complete" => return Ok(Self::Complete),
            "hang" => return Ok(Self::Hang),
            _ => {}
        }
        let signal = text.strip_prefix("signal ").and_then(number).map(Self::Signal);
        signal.or_else(|| text.strip_prefix("exit ").and_then(number).map(Self::Exit)).ok_or_else(
            || {
                Failure::input(format!(
                    "{text:?} is no ending; endings are complete, signal N, exit N and hang"
                ))
            },
        )
    }
}
