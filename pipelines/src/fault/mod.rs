//! The ways to die, as data. A fault is decided before a trial, rides in the loan, and fires at a named
//! point of the item's way; what happens there is the same code for every subject.

mod exhaust;
mod point;
pub mod strike;
mod table;
#[cfg(test)]
mod tests;

pub use point::{Point, Site};
pub use table::TABLE;

use crate::message::ItemId;
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
    /// A panic while holding the lock of the memory that all results of a stage go to.
    PanicLock,
    /// A panic while another one unwinds, which aborts the process.
    DoublePanic,
    /// A Rust loop without end, which uses a processor.
    Livelock,
    /// A handler that waits for what never comes.
    Block,
    /// The handler returns an error.
    HandlerError,
    /// Rust recursion without end.
    HandlerOverflow,
    /// A panic in the thread that supervises.
    SupervisorPanic,
    /// Whoever waits for a worker is not told that it died.
    LostNotice,
    /// A worker process cannot be started: EAGAIN.
    ForkFails,
    /// SIGKILL to so many worker processes at once; if there are fewer, to all.
    KillWorkers(u32),
    /// A source that gives nothing for so many milliseconds.
    SourceStall(u32),
    /// A source that gives so many items more than it was asked for, as far as there is room.
    SourceBurst(u32),
    /// An item that the source gives twice.
    SourceDuplicate,
    /// A disk without room: ENOSPC, in the middle of a file or of a line.
    DiskFull,
    /// One call that the disk refuses: EIO.
    IoError,
    /// One call that writes half of what it was given, and says so.
    ShortWrite,
    /// Half of a file under its final name, and then SIGKILL of the subject.
    TornFile,
    /// A disk that takes so many milliseconds longer.
    SlowDisk(u32),
    /// A file that cannot be opened because too many are: EMFILE.
    NoFiles,
    /// One bit of a tile, before it is lent.
    FlipInput,
    /// One bit of a result in the memory that a worker shares.
    FlipShared,
    /// One bit of the pixels, before their checksum.
    FlipOutput,
    /// One bit of the encoded file, after its checksum.
    FlipFile,
    /// One bit of the number that says which tile a result is.
    FlipHead,
    /// Memory taken until no more is given.
    OutOfMemory,
    /// Descriptors taken until no more are given.
    NoDescriptors,
    /// Every core kept busy for so many milliseconds.
    Starve(u32),
    /// No shared memory for a new worker: ENOSPC.
    ShmFull,
    /// Nothing at all, with a receipt.
    Placebo,
}

/// What the number means that a fault carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    Nothing,
    /// An exit status; none is 0.
    Status,
    Milliseconds,
    /// At least 1.
    Count,
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
    /// Whoever supervises is struck, or what it hears and orders.
    Supervisor,
    /// Where items come from.
    Source,
    /// Where results go.
    Sink,
    /// The machine has too little of something.
    Resource,
    /// Nothing: what it costs to be watched.
    Control,
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
            Self::Supervisor => "supervisor",
            Self::Source => "source",
            Self::Sink => "sink",
            Self::Resource => "resource",
            Self::Control => "control",
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
        match self.fault.carries() {
            Carries::Nothing => self.name.to_owned(),
            Carries::Status => format!("{0}, {0}:N", self.name),
            Carries::Milliseconds => format!("{}:MS", self.name),
            Carries::Count => format!("{}:N", self.name),
        }
    }
}

impl Fault {
    /// What the table knows of this fault.
    pub fn entry(self) -> &'static Entry {
        let same = |e: &&Entry| discriminant(&e.fault) == discriminant(&self);
        TABLE.iter().find(same).expect("every fault stands in the table")
    }
    /// Its code in the table.
    pub fn code(self) -> u8 {
        self.entry().code
    }
    /// Where it strikes, unless something else is asked for.
    pub fn point(self) -> Point {
        self.entry().point
    }
    /// Whether it means anything at this point. What happens to a whole process can happen to the subject's own at
    /// every point that it passes; whatever a disk does it can do to each of the three steps of saving.
    pub fn strikes_at(self, point: Point) -> bool {
        if point.rides() || self.point() == point {
            return self.point() == point;
        }
        match self {
            Self::DiskFull | Self::IoError | Self::SlowDisk(_) => {
                matches!(point, Point::Write | Point::Rename | Point::Journal)
            }
            Self::ShortWrite => point == Point::Journal,
            Self::SupervisorPanic => point == Point::Notice,
            _ => self.is_of_a_process(),
        }
    }
    /// It can happen to a whole process, whatever that is doing.
    pub(crate) fn is_of_a_process(self) -> bool {
        use Fault::*;
        matches!(self, KillSubject | Abort | Exit(_) | Term | Stop | Block | Slow(_) | Placebo)
    }
    fn carries(self) -> Carries {
        match self {
            Self::Exit(_) => Carries::Status,
            Self::Slow(_) | Self::SourceStall(_) | Self::SlowDisk(_) | Self::Starve(_) => {
                Carries::Milliseconds
            }
            Self::KillWorkers(_) | Self::SourceBurst(_) => Carries::Count,
            _ => Carries::Nothing,
        }
    }
    /// The number that it carries: an exit status, milliseconds, or how many; 0 for all others.
    pub fn number(self) -> u32 {
        match self {
            Self::Exit(status) => status.into(),
            Self::Slow(n) | Self::SourceStall(n) | Self::SlowDisk(n) | Self::Starve(n) => n,
            Self::KillWorkers(n) | Self::SourceBurst(n) => n,
            _ => 0,
        }
    }
    /// The same with another number; `None` when it cannot carry that.
    fn with_number(self, number: u32) -> Option<Self> {
        Some(match self {
            Self::Exit(_) => Self::Exit(number.try_into().ok()?),
            Self::Slow(_) => Self::Slow(number),
            Self::SourceStall(_) => Self::SourceStall(number),
            Self::SlowDisk(_) => Self::SlowDisk(number),
            Self::Starve(_) => Self::Starve(number),
            Self::KillWorkers(_) if number > 0 => Self::KillWorkers(number),
            Self::SourceBurst(_) if number > 0 => Self::SourceBurst(number),
            other => return (other.carries() == Carries::Nothing && number == 0).then_some(other),
        })
    }
    /// The fault with this code and number, if there is one.
    pub fn from_code(code: u8, number: u32) -> Option<Self> {
        TABLE.iter().find(|e| e.code == code)?.fault.with_number(number)
    }
}

/// Flips one bit; which one, an item's number decides.
pub(crate) fn flip(bytes: &mut [u8], item: ItemId) {
    let bits = bytes.len() as u64 * 8;
    if bits > 0 {
        // Neighbours are to be struck far apart (the golden ratio, as in Fibonacci hashing).
        let bit = item.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) % bits;
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.entry().name;
        match (self.carries(), self.number()) {
            (Carries::Nothing, _) | (Carries::Status, 0) => f.write_str(name),
            (_, number) => write!(f, "{name}:{number}"),
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
        let of = |at_least: u32| {
            let number = number?.parse().ok().filter(|n| *n >= at_least)?;
            entry.fault.with_number(number)
        };
        match (entry.fault.carries(), number) {
            (Carries::Status, None) | (Carries::Nothing, None) => Ok(entry.fault),
            (Carries::Status, Some(_)) => {
                of(1).ok_or(format!("{text:?}: N of {name}:N is 1 to 255; {name} alone is exit(0)"))
            }
            (Carries::Milliseconds, _) => {
                of(0).ok_or(format!("{text:?}: MS of {name}:MS is a number of milliseconds"))
            }
            (Carries::Count, _) => {
                of(1).ok_or(format!("{text:?}: N of {name}:N is a number from 1"))
            }
            (Carries::Nothing, Some(_)) => Err(format!("{text:?}: {name} takes no number")),
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
