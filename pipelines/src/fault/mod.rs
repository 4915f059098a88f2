//! The ways to die, as data. A fault is decided before a trial, rides in the loan, and fires at a named
//! point of the item's way; what happens there is the same code for every subject.

mod point;
pub mod strike;
mod table;
#[cfg(test)]
mod tests;

pub use point::{Point, Site};
pub use table::TABLE;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::mem::discriminant;
use std::str::FromStr;

/// A fault that can be injected. It is written as its name in the table; a few carry a number: `exit:7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Fault {
    /// The unit that executes the item ends without a word (the thesis's function 1).
    Shutdown,
    /// `abort()` in C, inside the native call (the thesis's function 2).
    Abort,
    /// A store to an address that is not mapped, in C.
    Segfault,
    /// A store to a mapped file beyond its end, in C.
    Bus,
    /// An instruction that no processor has.
    Illegal,
    /// A division by zero.
    Fpe,
    /// A breakpoint that no debugger waits for.
    Trap,
    /// Native recursion without end, on the thread that calls.
    StackOverflow,
    /// The same on a thread of the library's own.
    StackOverflowThread,
    /// An exception of another language that leaves the native call.
    Unwind,
    /// A jump into a function that has returned.
    Longjmp,
    /// SIGTERM to whatever executes the item.
    Term,
    /// A process of the worker's own that outlives it.
    Orphan,
    /// SIGKILL of the whole subject.
    KillSubject,
    /// A library that calls `exit` with this status: 0 looks like success, and never is.
    Exit(u8),
    /// A native call that never returns, and uses no processor.
    Hang,
    /// A native call that never returns, and uses a processor.
    Spin,
    /// A heap that is damaged now, and found out some calls later.
    HeapCorruption,
    /// Memory that is never freed.
    Leak,
    /// An answer that means nothing.
    Garbage,
    /// An answer that says it is larger than anything may be.
    Oversized,
    /// A worker that lives on and hears and says nothing.
    ClosedSocket,
    /// The end of a worker right after its answer.
    AfterResult,
    /// A worker that ends, and whose next start ends before it is ready.
    NoHandshake,
    /// The same, several starts in a row.
    CrashLoop,
    /// SIGSTOP to whatever executes the item.
    Stop,
    /// A native call that takes so many milliseconds longer. 0 is the placebo.
    Slow(u32),
    /// A return code that the library's header does not know.
    WrongCode,
    /// A Rust panic in the handler.
    Panic,
    /// The native call returns an error code.
    Error,
}

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Something ends by a signal.
    Crash,
    /// Something ends as if it had meant to.
    Exit,
    /// Something never ends.
    Hang,
    /// Memory is damaged, or used up.
    Memory,
    /// The agreement between a worker and its supervisor is broken.
    Protocol,
    /// Neither dead nor well.
    Gray,
    /// What comes back is wrong.
    Value,
    /// What comes back says that it failed.
    Error,
}

impl Class {
    /// Its name, one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Exit => "exit",
            Self::Hang => "hang",
            Self::Memory => "memory",
            Self::Protocol => "protocol",
            Self::Gray => "gray",
            Self::Value => "value",
            Self::Error => "error",
        }
    }
}

/// What the table knows of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The fault; one that carries a number, with an example of it.
    pub fault: Fault,
    /// What it is called in every file of numbers: never used again for another.
    pub code: u8,
    /// Its name in a fault SPEC and in every file, without a number.
    pub name: &'static str,
    /// What kind of trouble it is.
    pub class: Class,
    /// Where it fires.
    pub point: Point,
    /// What injecting it takes: 0 nothing, 1 signals or processes. None needs privileges.
    pub tier: u8,
    /// How it comes about, in a few words.
    pub how: &'static str,
    /// What a supervised pipeline owes its user when it happens.
    pub contract: &'static str,
}

impl Entry {
    /// How it is written in a SPEC, like `slow:MS`.
    pub fn usage(&self) -> String {
        match self.fault {
            Fault::Exit(_) => format!("{0}, {0}:N", self.name),
            Fault::Slow(_) => format!("{}:MS", self.name),
            _ => self.name.to_owned(),
        }
    }
}

impl Fault {
    /// What the table knows of this fault.
    pub fn entry(self) -> &'static Entry {
        let same = |e: &&Entry| discriminant(&e.fault) == discriminant(&self);
        TABLE.iter().find(same).expect("every fault stands in the table")
    }
    /// Where it strikes, unless something else is asked for.
    pub fn point(self) -> Point {
        self.entry().point
    }
    /// Whether it means anything at this point. What happens to a whole process can happen to the subject's own at
    /// every point that it passes.
    pub fn strikes_at(self, point: Point) -> bool {
        if point.rides() || self.point() == point {
            return self.point() == point;
        }
        self.is_of_a_process()
    }
    /// It can happen to a whole process, whatever that is doing.
    pub(crate) fn is_of_a_process(self) -> bool {
        use Fault::*;
        matches!(self, KillSubject | Abort | Exit(_) | Term | Stop | Slow(_))
    }
    /// Its code in the table.
    pub fn code(self) -> u8 {
        self.entry().code
    }
    /// The number that it carries: an exit status, or milliseconds; 0 for all others.
    pub fn number(self) -> u32 {
        match self {
            Self::Exit(status) => status.into(),
            Self::Slow(ms) => ms,
            _ => 0,
        }
    }
    /// The fault with this code and number, if there is one.
    pub fn from_code(code: u8, number: u32) -> Option<Self> {
        match TABLE.iter().find(|e| e.code == code)?.fault {
            Self::Exit(_) => number.try_into().ok().map(Self::Exit),
            Self::Slow(_) => Some(Self::Slow(number)),
            fault => (number == 0).then_some(fault),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.entry().name;
        match self {
            Self::Exit(status @ 1..) => write!(f, "{name}:{status}"),
            Self::Slow(ms) => write!(f, "{name}:{ms}"),
            _ => f.write_str(name),
        }
    }
}

impl FromStr for Fault {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let entry = TABLE.iter().find(|e| e.name == name).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(Entry::usage).collect();
            format!("there is no fault called {text:?}; there are: {}", names.join(", "))
        })?;
        match (entry.fault, number) {
            (Self::Exit(_), None) => Ok(Self::Exit(0)),
            (Self::Exit(_), Some(status)) => match status.parse() {
                Ok(status @ 1..) => Ok(Self::Exit(status)),
                _ => Err(format!("{text:?}: N of exit:N is 1 to 255; exit alone is exit(0)")),
            },
            (Self::Slow(_), number) => {
                let ms = number.and_then(|ms| ms.parse().ok());
                let why = || format!("{text:?}: MS of slow:MS is a number of milliseconds");
                ms.map(Self::Slow).ok_or_else(why)
            }
            (fault, None) => Ok(fault),
            (_, Some(_)) => Err(format!("{text:?}: {name} takes no number")),
        }
    }
}

impl TryFrom<String> for Fault {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.to_string()
    }
}
