//! A thread for each lane that waits to be its next life: to wake it takes a fifth of the time that it takes to start
//! one, and it has asked for its short time slices before, which costs a thread its place in the queue for a core.

use super::tree::shapes::Process;
use crate::isolation::tuning;
use crossbeam_channel::{Sender, bounded};
use std::collections::BTreeMap;
use std::io;
use std::thread::Builder;
use std::time::{Duration, Instant};

/// The next spare is not started while the one before it comes to life: they would share a core.
const REST: Duration = Duration::from_millis(1);

type Life = Box<dyn FnOnce() + Send>;

/// At most one thread that waits for each lane. It is named as its lane is.
#[derive(Default)]
pub(crate) struct Spares {
    waiting: BTreeMap<Process, Option<Sender<Life>>>,
    due: Option<Instant>,
}

impl Spares {
    /// Gives a life to the thread that waits for this lane, or to a new one.
    pub(crate) fn launch(&mut self, lane: Process, life: Life) -> io::Result<()> {
        self.due = Some(Instant::now() + REST);
        if let Some(waiting) = self.waiting.insert(lane, None).flatten() {
            return waiting.send(life).map_err(|_| io::ErrorKind::BrokenPipe.into());
        }
        let live = move || {
            tuning::short_slices();
            life();
        };
        Builder::new().name(lane.to_string()).spawn(live).map(drop)
    }

    /// When `keep` should be called, if it should.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Has a thread wait for each lane, if it is time. Where there is none to be had, that is told when one is needed.
    pub(crate) fn keep(&mut self) {
        if self.due.is_none_or(|due| Instant::now() < due) {
            return;
        }
        self.due = None;
        for (lane, waiting) in self.waiting.iter_mut().filter(|(_, waiting)| waiting.is_none()) {
            let (sender, receiver) = bounded::<Life>(1);
            let wait = move || {
                tuning::short_slices();
                if let Ok(life) = receiver.recv() {
                    life();
                }
            };
            *waiting = Builder::new().name(lane.to_string()).spawn(wait).ok().map(|_| sender);
        }
    }
}
