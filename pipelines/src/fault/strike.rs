//! A decided fault on its way to the item it is meant for, and what it does when it gets there.
#![allow(unsafe_code)]

use super::{Fault, Point, exhaust};
use crate::handler::Left;
use crate::message::Failure;
use rustix::process::{Signal, getpid, getppid, kill_process};
use std::time::Duration;

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
    /// A bit of its answer flips before anybody has read it.
    Flipped,
}

impl Fault {
    /// What a worker that meets this fault does on its line.
    pub(crate) fn misconduct(self) -> Option<Misconduct> {
        match self {
            Self::Garbage => Some(Misconduct::Garbage),
            Self::Oversized => Some(Misconduct::Oversized),
            Self::ClosedSocket => Some(Misconduct::Closed),
            Self::AfterResult => Some(Misconduct::AfterResult),
            Self::FlipShared => Some(Misconduct::Flipped),
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

    /// How many workers end at once with it, when a lane lends an item that it is meant for.
    pub(crate) fn workers_killed(self) -> usize {
        if let Self::KillWorkers(count) = self { count as usize } else { 0 }
    }

    /// Commits a fault that is not native. Returns for a thread that has to leave by itself, for a handler that
    /// fails, and for what goes on.
    pub(crate) fn commit(self, unit: Unit) -> Result<Result<(), Failure>, Left> {
        let ends_the_unit =
            self.misconduct().is_some() || self.starts_that_fail() > 0 || self.workers_killed() > 0;
        let (victim, signal) = match (self, unit) {
            (Self::Panic, _) => panic!("injected panic"),
            (Self::DoublePanic, _) => panic_twice(),
            (Self::HandlerOverflow, _) => unreachable!("{}", exhaust::stack(0)),
            (Self::HandlerError, _) => return Ok(Err(Failure::item("an injected error"))),
            (Self::Livelock, _) => loop {
                std::hint::spin_loop();
            },
            // The lane that lent the item kills them, this one first.
            (Self::KillWorkers(_), Unit::Worker) | (Self::Block, _) => (None, Signal::KILL),
            (Self::OutOfMemory, _) => exhaust::memory(),
            (Self::NoDescriptors, _) => {
                exhaust::descriptors();
                return Ok(Ok(()));
            }
            (Self::Starve(ms), _) => {
                exhaust::processors(Duration::from_millis(ms.into()));
                return Ok(Ok(()));
            }
            (Self::Placebo, _) => return Ok(Ok(())),
            (Self::Stop, _) => {
                kill_process(getpid(), Signal::STOP).ok();
                return Ok(Ok(()));
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
            _ => unreachable!("{self} strikes elsewhere"),
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

impl Fault {
    /// What it does to the subject's own process, at any point that this passes. False for a fault that means
    /// something at its own points only, which whoever is there commits.
    pub(crate) fn befall(self) -> bool {
        match self {
            Self::Abort => std::process::abort(),
            Self::Exit(status) => std::process::exit(status.into()),
            Self::Slow(ms) => std::thread::sleep(Duration::from_millis(ms.into())),
            _ if !self.is_of_a_process() => return false,
            // To a thread of the subject: none of these makes it leave or fail.
            _ => drop(self.commit(Unit::Thread)),
        }
        true
    }
}

/// Panics, and panics again while the first panic unwinds.
fn panic_twice() -> ! {
    struct Second;
    impl Drop for Second {
        fn drop(&mut self) {
            panic!("injected panic in a drop");
        }
    }
    let _second = Second;
    panic!("injected panic");
}

/// How long an orphan lives on when nobody is left who could end it.
const ORPHAN_LIFE_S: u32 = 5;

/// Starts a process that sleeps for ever with all that its parent had open. No death of a parent ends it:
/// `fork` clears that wish. It stays in the subject's process group and session, where it can be found. Only when whoever
/// adopted it is gone, too, or nobody but init did, it goes by itself in the end: no fault outlives its experiment.
fn leave_an_orphan() {
    // SAFETY: the child of a program with threads may only do what a signal handler may: it asks, and waits.
    if unsafe { libc::fork() } != 0 {
        return;
    }
    // SAFETY: takes nothing, and may be called in such a child.
    let parent = || unsafe { libc::getppid() };
    // SAFETY: may be called in such a child, and looks at no descriptor.
    let wait = |ms: i32| unsafe { libc::poll(std::ptr::null_mut(), 0, ms) };
    let mut adoptions = 0;
    let mut guardian = parent();
    while adoptions < 2 && guardian != 1 {
        wait(20);
        if parent() != guardian {
            (guardian, adoptions) = (parent(), adoptions + 1);
        }
    }
    wait(1000 * ORPHAN_LIFE_S as i32);
    // SAFETY: ends this process, without a word to the library's handlers.
    unsafe { libc::_exit(0) }
}
