//! What is compared, as data: a program, and what the observer does when that program dies.

use pipelines::engine::ledger::Delivery;
use pipelines::engine::settings::Supervision;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A program that can be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The name it has in every file.
    pub name: String,
    /// What it is.
    pub program: Program,
    /// What happens when it dies.
    pub again: Again,
}

/// What runs in the subject's process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Program {
    /// Plain threads, the native call in-process, nothing of the engine.
    Plain,
    /// The engine, with its knobs turned so.
    Engine(Knobs),
    /// Any program at all: its words, the program first, with [placeholders](super::foreign).
    Command(Vec<String>),
}

/// What the observer does when a subject dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Again {
    /// Nothing.
    Never,
    /// Removes its tiles and its journal, and starts it again: what a service manager's restart gives.
    FromZero,
    /// Starts it again, to go on from its journal.
    Resume,
}

/// The engine's knobs: each can be turned alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Knobs {
    /// What is still there when a holder dies.
    pub delivery: Delivery,
    /// Where the native call is made.
    pub isolation: Isolation,
    /// Whom a death concerns.
    pub supervision: Supervision,
    /// It is one of the originals, with what goes along: Broadway's defects, HtPipe's sleeps, and no batcher, so
    /// that whoever works on a tile saves it.
    pub original: bool,
}

/// Where the native call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// In the lane's own thread.
    Thread,
    /// In one process that all lanes share, as HtPipe does it.
    Shared,
    /// In a process of the lane's own, with spares.
    Process,
}

impl Knobs {
    const OKIAGARI: Self = Self {
        delivery: Delivery::Lease,
        isolation: Isolation::Process,
        supervision: Supervision::OneForOne,
        original: false,
    };
    const BROADWAY: Self = Self {
        delivery: Delivery::HandOver,
        isolation: Isolation::Thread,
        supervision: Supervision::Broadway,
        original: true,
    };
    const HTPIPE: Self = Self { isolation: Isolation::Shared, ..Self::BROADWAY };
}

/// A subject that has a name of its own: name, program, again, and what it is, in a line.
type Named = (&'static str, Program, Again, &'static str);

/// In the order in which they are listed.
const NAMED: [Named; 6] = [
    (
        "baseline",
        Program::Plain,
        Again::Never,
        "plain threads, the native call in-process, no supervision: the control",
    ),
    (
        "restart",
        Program::Plain,
        Again::FromZero,
        "the same, started again from zero when it dies: what a service manager gives",
    ),
    (
        "resume",
        Program::Plain,
        Again::Resume,
        "the same, started again to go on from its journal: the honest rival",
    ),
    (
        "broadway",
        Program::Engine(Knobs::BROADWAY),
        Again::Never,
        "Broadway's way: supervised threads, items handed over, the native call in-process",
    ),
    (
        "htpipe",
        Program::Engine(Knobs::HTPIPE),
        Again::Never,
        "Broadway's way, the native call in HtPipe's one shared process: 0.1 s a call, or 7 after a death",
    ),
    (
        "okiagari",
        Program::Engine(Knobs::OKIAGARI),
        Again::Resume,
        "leased items, isolated workers with warm spares, resumes from its journal",
    ),
];

impl Subject {
    /// Those that have a name of their own, in the order in which they are listed, each with what it is.
    pub fn named() -> impl Iterator<Item = (Self, &'static str)> {
        NAMED.into_iter().map(|(name, program, again, about)| {
            (Self { name: name.to_owned(), program, again }, about)
        })
    }

    /// Their names, in the same order.
    pub fn names() -> [&'static str; 6] {
        NAMED.map(|(name, ..)| name)
    }

    /// The control.
    pub fn baseline() -> Self {
        Self { name: "baseline".to_owned(), program: Program::Plain, again: Again::Never }
    }

    /// This project.
    pub fn okiagari() -> Self {
        let program = Program::Engine(Knobs::OKIAGARI);
        Self { name: "okiagari".to_owned(), program, again: Again::Resume }
    }

    /// The engine's knobs, if it has an engine.
    pub fn knobs(&self) -> Option<Knobs> {
        match self.program {
            Program::Engine(knobs) => Some(knobs),
            Program::Plain | Program::Command(_) => None,
        }
    }

    /// It is any program at all, of which only the outside is seen.
    pub fn is_foreign(&self) -> bool {
        matches!(self.program, Program::Command(_))
    }

    /// Its lanes have worker processes of their own, which a sandbox can hold.
    pub fn has_processes(&self) -> bool {
        self.knobs().is_some_and(|knobs| knobs.isolation == Isolation::Process)
    }

    /// It is its own way to end when it was restarted too often: that is a result, and no accident of the
    /// harness.
    pub fn gives_up(&self) -> bool {
        self.knobs().is_some_and(|knobs| knobs.supervision == Supervision::Broadway)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name)
    }
}

impl FromStr for Subject {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::named().find(|(subject, _)| subject.name == name);
        found.map(|(subject, _)| subject).ok_or_else(|| {
            format!("there is no subject called {name:?}; there are: {}", Self::names().join(", "))
        })
    }
}
