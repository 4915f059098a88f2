//! A decided fault on its way to the item it is meant for, and what it does when it gets there.

use super::{Fault, Point};
use crate::handler::Left;
use crate::image::native::fault_code;
use rustix::process::{Signal, getpid, getppid, kill_process};

/// A fault that rides in a loan: what happens, and which receipt of the black box says that it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// What happens.
    pub fault: Fault,
    /// The receipt to sign before it does.
    pub receipt: u32,
}

impl Strike {
    /// Where it fires.
    pub fn point(&self) -> Point {
        self.fault.entry().point
    }
}

/// What executes items, and so what a fault ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A worker process; the subject is its parent.
    Process,
    /// A thread of the subject itself.
    Thread,
}

impl Fault {
    /// The number under which the C side knows this fault; 0 for faults that are not native.
    pub(crate) fn native_code(self) -> u32 {
        match self {
            Self::Abort => fault_code::ABORT,
            Self::Segfault => fault_code::SEGFAULT,
            Self::Exit => fault_code::EXIT,
            Self::Hang => fault_code::HANG,
            Self::Error => fault_code::ERROR,
            Self::Shutdown | Self::Panic | Self::KillSubject => fault_code::NONE,
        }
    }

    /// Commits a fault that is not native. Returns only for a thread that has to leave by itself.
    pub(crate) fn commit(self, unit: Unit) -> Result<(), Left> {
        let victim = match (self, unit) {
            (Self::Panic, _) => panic!("injected panic"),
            (Self::Shutdown, Unit::Thread) => return Err(Left),
            (Self::Shutdown, Unit::Process) | (Self::KillSubject, Unit::Thread) => Some(getpid()),
            (Self::KillSubject, Unit::Process) => getppid(),
            _ => unreachable!("{self} fires inside the native call"),
        };
        if let Some(victim) = victim {
            kill_process(victim, Signal::KILL).ok();
        }
        // SIGKILL of this process, or of the parent whose death takes this one along, is on its way.
        loop {
            std::thread::park();
        }
    }
}
