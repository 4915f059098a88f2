//! The ways to die, as data. A fault is decided before a trial, rides in the loan, and fires at a named
//! point of the item's way; what happens there is the same code for every subject.

pub mod strike;

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A fault that can be injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Fault {
    /// The unit that executes the item ends without a word (the thesis's function 1).
    Shutdown = 1,
    /// `abort()` in C, inside the native call (the thesis's function 2).
    Abort = 2,
    /// A store to an address that is not mapped, in C.
    Segfault = 3,
    /// A library that calls `exit(0)`: looks like success, and never is.
    Exit = 4,
    /// A native call that never returns.
    Hang = 5,
    /// A Rust panic in the handler.
    Panic = 6,
    /// The native call returns an error code.
    Error = 7,
    /// SIGKILL of the whole subject.
    KillSubject = 8,
}

/// Where on an item's way a fault fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Point {
    /// Before the handler sees the item.
    Before = 1,
    /// Inside the native (FFI) call.
    Native = 2,
}

/// What the table knows of a fault.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The fault.
    pub fault: Fault,
    /// Its name in a fault SPEC and in every file.
    pub name: &'static str,
    /// Where it fires.
    pub point: Point,
    /// How it comes about, in a few words.
    pub how: &'static str,
    /// What a supervised pipeline owes its user when it happens.
    pub contract: &'static str,
}

/// Every fault there is, in the order in which they are listed.
pub const TABLE: &[Entry] = &[
    Entry {
        fault: Fault::Shutdown,
        name: "shutdown",
        point: Point::Before,
        how: "the worker process gets SIGKILL; a supervised thread unwinds; a plain thread leaves its loop",
        contract: "the item is retried by another worker, nothing is lost",
    },
    Entry {
        fault: Fault::Abort,
        name: "abort",
        point: Point::Native,
        how: "C code calls abort() inside the native call",
        contract: "the worker is replaced, the item retried",
    },
    Entry {
        fault: Fault::Segfault,
        name: "segfault",
        point: Point::Native,
        how: "C code writes to an address that is not mapped",
        contract: "the worker is replaced, the item retried",
    },
    Entry {
        fault: Fault::Exit,
        name: "exit",
        point: Point::Native,
        how: "C code calls exit(0) in the middle of an item",
        contract: "never taken for success: the worker is replaced, the item retried",
    },
    Entry {
        fault: Fault::Hang,
        name: "hang",
        point: Point::Native,
        how: "C code never returns",
        contract: "the worker is ended at its deadline, the item retried",
    },
    Entry {
        fault: Fault::Panic,
        name: "panic",
        point: Point::Before,
        how: "the Rust handler panics",
        contract: "the handler is opened anew, the item retried",
    },
    Entry {
        fault: Fault::Error,
        name: "error",
        point: Point::Native,
        how: "the native call returns an error code",
        contract: "the item is retried, then declared failed",
    },
    Entry {
        fault: Fault::KillSubject,
        name: "kill-subject",
        point: Point::Before,
        how: "the whole subject gets SIGKILL",
        contract: "started again by the observer, it goes on from its journal",
    },
];

impl Fault {
    /// What the table knows of this fault.
    pub fn entry(self) -> &'static Entry {
        TABLE.iter().find(|e| e.fault == self).expect("every fault stands in the table")
    }
    /// The fault with this number in a black box.
    pub fn from_code(code: u8) -> Option<Self> {
        TABLE.iter().map(|e| e.fault).find(|f| *f as u8 == code)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.entry().name)
    }
}

impl FromStr for Fault {
    type Err = String;
    fn from_str(name: &str) -> Result<Self, String> {
        TABLE.iter().find(|e| e.name == name).map(|e| e.fault).ok_or_else(|| {
            let names: Vec<_> = TABLE.iter().map(|e| e.name).collect();
            format!("there is no fault called {name:?}; there are: {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A new variant does not compile before it is named here, and then the test below wants an entry.
    fn number(fault: Fault) -> usize {
        match fault {
            Fault::Shutdown => 0,
            Fault::Abort => 1,
            Fault::Segfault => 2,
            Fault::Exit => 3,
            Fault::Hang => 4,
            Fault::Panic => 5,
            Fault::Error => 6,
            Fault::KillSubject => 7,
        }
    }

    #[test]
    fn the_table_has_every_fault_once() {
        assert!(TABLE.iter().map(|e| number(e.fault)).eq(0..8));
        for entry in TABLE {
            assert_eq!(Fault::from_code(entry.fault as u8), Some(entry.fault));
            assert_eq!(entry.fault.entry().name, entry.name);
        }
        assert_eq!(
            (Fault::from_code(0), Fault::from_code(9), Fault::from_code(255)),
            (None, None, None)
        );
    }

    #[test]
    fn names_are_read_back() {
        for Entry { fault, name, .. } in TABLE {
            assert_eq!((name.parse(), fault.to_string()), (Ok(*fault), (*name).to_string()));
            // The files of an experiment write it the same way.
            assert_eq!(serde_json::to_value(fault).unwrap(), *name);
        }
        let refused = "Abort".parse::<Fault>().unwrap_err();
        assert!(TABLE.iter().all(|e| refused.contains(e.name)), "{refused}");
    }

    #[test]
    fn a_native_fault_and_no_other_has_a_native_code() {
        let mut codes: Vec<_> =
            TABLE.iter().map(|e| e.fault.native_code()).filter(|c| *c > 0).collect();
        let native = TABLE.iter().filter(|e| e.point == Point::Native);
        assert!(native.clone().all(|e| e.fault.native_code() > 0));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), native.count());
    }
}
