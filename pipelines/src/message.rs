//! The nouns that travel: who an item is, how work fails, how a worker dies, what a run adds up to.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An item's position in source order, from 0. It stays the same whatever the subject, the number of
/// workers or the attempt.
pub type ItemId = u64;

/// Whose fault a failure is, and so what a caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blame {
    /// The input cannot be read as asked: another input or another option is needed.
    Input,
    /// The place for the output refuses: no room, no permission, not a directory.
    Output,
    /// This one item could not be done; others are not concerned.
    Item,
    /// The machinery itself is at its end: no worker can be started, a limit was reached.
    Engine,
}

/// Why something could not be done, as one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// Whose fault it is.
    pub blame: Blame,
    /// One sentence that says what is wrong and what to do.
    pub what: String,
}

impl Failure {
    /// The input is at fault.
    pub fn input(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Input, what: what.to_string() }
    }
    /// The place for the output is at fault.
    pub fn output(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Output, what: what.to_string() }
    }
    /// One item is at fault.
    pub fn item(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Item, what: what.to_string() }
    }
    /// The machinery is at its end.
    pub fn engine(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Engine, what: what.to_string() }
    }
}

/// How a worker ended, or why an attempt was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Death {
    /// A signal ended it, like SIGABRT (6) or SIGSEGV (11).
    Signal(i32),
    /// It exited with this status in the middle of an item; 0 is no success either.
    Exit(i32),
    /// Its handler panicked.
    Panic,
    /// It did not answer within the deadline and was ended.
    Deadline,
    /// It sent what makes no sense, or closed its socket, and was ended.
    Garbage,
    /// A thread that was told to leave.
    Left,
    /// The worker lives; its handler returned an error.
    Error,
    /// It was stopped (SIGSTOP), and was ended.
    Stopped,
    /// It died after memory had been refused to it.
    OutOfMemory,
}

impl Death {
    /// Codes are below this: 0–127 signals, 128–383 exit statuses, then the rest.
    pub const CODES: usize = 392;

    /// A number for it, below [`Death::CODES`].
    pub fn code(self) -> u64 {
        match self {
            Self::Signal(n) => n as u64 & 127,
            Self::Exit(n) => 128 + (n as u64 & 255),
            Self::Panic => 384,
            Self::Deadline => 385,
            Self::Garbage => 386,
            Self::Left => 387,
            Self::Error => 388,
            Self::Stopped => 389,
            Self::OutOfMemory => 390,
        }
    }
    /// The death with this number.
    pub fn from_code(code: u64) -> Self {
        match code {
            0..128 => Self::Signal(code as i32),
            128..384 => Self::Exit(code as i32 - 128),
            384 => Self::Panic,
            385 => Self::Deadline,
            387 => Self::Left,
            388 => Self::Error,
            389 => Self::Stopped,
            390 => Self::OutOfMemory,
            _ => Self::Garbage,
        }
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(n) => write!(f, "signal {n}"),
            Self::Exit(n) => write!(f, "exit {n}"),
            Self::Panic => f.write_str("panic"),
            Self::Deadline => f.write_str("hang"),
            Self::Garbage => f.write_str("garbage"),
            Self::Left => f.write_str("left"),
            Self::Error => f.write_str("error"),
            Self::Stopped => f.write_str("stopped"),
            Self::OutOfMemory => f.write_str("out of memory"),
        }
    }
}

/// What a run adds up to. `produced = done + failed + quarantined + lost + in flight` at any moment, and
/// nothing is in flight at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Items taken from the producer.
    pub produced: u64,
    /// Items whose batch was handled.
    pub done: u64,
    /// Items whose every attempt returned an error.
    pub failed: u64,
    /// Items set aside because every attempt killed its worker.
    pub quarantined: u64,
    /// Items that died with their holder; always 0 under leases.
    pub lost: u64,
}
