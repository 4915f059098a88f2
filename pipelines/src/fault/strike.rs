//! A decided fault on its way to the item it is meant for, and what it does when it gets there.
#![allow(unsafe_code)]

use super::{Fault, Point};
use crate::handler::Left;
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
    /// A worker process with a line of its own to its lane; the subject is its parent.
    Worker,
    /// A worker process that several lanes share.
    Process,
    /// A thread of the subject itself.
    Thread,
}

/// What a worker does on its line instead of answering, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misconduct {
    /// It answers with bytes that mean nothing.
    Garbage,
    /// It answers with a size that no answer may have.
    Oversized,
    /// It closes its line, and sleeps for ever.
    Closed,
    /// It answers well, and is killed.
    AfterResult,
}

impl Fault {
    /// What a worker that meets this fault does on its line.
    pub(crate) fn misconduct(self) -> Option<Misconduct> {
        match self {
            Self::Garbage => Some(Misconduct::Garbage),
            Self::Oversized => Some(Misconduct::Oversized),
            Self::ClosedSocket => Some(Misconduct::Closed),
            Self::AfterResult => Some(Misconduct::AfterResult),
            _ => None,
        }
    }

    /// How many workers that are started after this fault end before they are ready.
    pub(crate) fn starts_that_fail(self) -> u32 {
        match self {
            Self::NoHandshake => 1,
            Self::CrashLoop => 4,
            _ => 0,
        }
    }

    /// Commits a fault that is not native. Returns for a thread that has to leave by itself, and for a
    /// process that was stopped and goes on.
    pub(crate) fn commit(self, unit: Unit) -> Result<(), Left> {
        let ends_the_unit = self.misconduct().is_some() || self.starts_that_fail() > 0;
        let (victim, signal) = match (self, unit) {
            (Self::Panic, _) => panic!("injected panic"),
            (Self::Stop, _) => {
                kill_process(getpid(), Signal::STOP).ok();
                return Ok(());
            }
            (Self::Term, _) => (Some(getpid()), Signal::TERM),
            (Self::KillSubject, Unit::Process | Unit::Worker) => (getppid(), Signal::KILL),
            (Self::KillSubject, Unit::Thread) => (Some(getpid()), Signal::KILL),
            (Self::Orphan, _) => {
                leave_an_orphan();
                return Self::Shutdown.commit(unit);
            }
            (Self::Shutdown, Unit::Thread) => return Err(Left),
            (Self::Shutdown, Unit::Process | Unit::Worker) => (Some(getpid()), Signal::KILL),
            _ if ends_the_unit => return Self::Shutdown.commit(unit),
            _ => unreachable!("{self} fires inside the native call"),
        };
        if let Some(victim) = victim {
            kill_process(victim, signal).ok();
        }
        // The signal to this process, or to the parent whose death takes this one along, is on its way.
        loop {
            std::thread::park();
        }
    }
}

/// Starts a process that sleeps for ever with all that its parent had open. No death of a parent ends it:
/// `fork` clears that wish. It stays in the subject's process group and session, where it can be found.
fn leave_an_orphan() {
    // SAFETY: the child of a program with threads may only do what a signal handler may: it waits.
    if unsafe { libc::fork() } == 0 {
        loop {
            // SAFETY: takes nothing, gives nothing.
            unsafe { libc::pause() };
        }
    }
}
