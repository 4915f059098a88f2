//! Who is there: each supervised process, in which life, and how to reach it.

use super::leave::{Leave, Told};
use super::tree::shapes::Process;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A supervised process as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub process: Process,
    /// Which life of it, from 1; its restarts are one fewer.
    pub incarnation: u32,
    /// It runs.
    pub is_alive: bool,
    /// It had nothing left to do.
    pub is_finished: bool,
    /// Items it holds.
    pub holds: usize,
}

struct Line {
    incarnation: u32,
    is_alive: bool,
    is_finished: bool,
    leave: Arc<Leave>,
}

#[derive(Default)]
struct Inner {
    lines: BTreeMap<Process, Line>,
    draining: bool,
}

/// What is known of a life that is over.
#[derive(Clone, Copy)]
pub(crate) struct Past {
    /// The last that it was told.
    pub(crate) told: Told,
    /// It had done something.
    pub(crate) proven: bool,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Roster(Mutex<Inner>);

impl Roster {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a life; gives the ear of it.
    pub(crate) fn enter(&self, process: Process, incarnation: u32) -> Arc<Leave> {
        let mut inner = self.lock();
        let leave = Arc::new(Leave::default());
        if inner.draining && matches!(process, Process::Producer(_)) {
            leave.tell(Told::Drain);
        }
        let (is_alive, is_finished) = (true, false);
        let line = Line { incarnation, is_alive, is_finished, leave: leave.clone() };
        inner.lines.insert(process, line);
        leave
    }

    /// That life is over. `None` when it was over before, or another has begun.
    pub(crate) fn end(&self, process: Process, incarnation: u32, finished: bool) -> Option<Past> {
        let mut inner = self.lock();
        let line = inner.lines.get_mut(&process)?;
        if !line.is_alive || line.incarnation != incarnation {
            return None;
        }
        (line.is_alive, line.is_finished) = (false, finished);
        Some(Past { told: line.leave.told(), proven: line.leave.is_proven() })
    }

    /// Tells a process something; false when it is not there to hear.
    pub(crate) fn tell(&self, process: Process, told: Told) -> bool {
        let inner = self.lock();
        let line = inner.lines.get(&process).filter(|line| line.is_alive);
        line.map(|line| line.leave.tell(told)).is_some()
    }

    /// Tells all that `whom` names.
    pub(crate) fn tell_all(&self, told: Told, whom: impl Fn(Process) -> bool) {
        let mut inner = self.lock();
        inner.draining |= told == Told::Drain;
        for (_, line) in inner.lines.iter().filter(|(p, line)| line.is_alive && whom(**p)) {
            line.leave.tell(told);
        }
    }

    pub(crate) fn is_finished(&self, process: Process) -> bool {
        self.lock().lines.get(&process).is_some_and(|line| line.is_finished)
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let inner = self.lock();
        let member = |(process, line): (&Process, &Line)| Member {
            process: *process,
            incarnation: line.incarnation,
            is_alive: line.is_alive,
            is_finished: line.is_finished,
            holds: 0,
        };
        inner.lines.iter().map(member).collect()
    }
}
