//! A lane's thread that waits for its life: to wake it takes a fifth of the time that it takes to start one, and
//! it has asked for its short time slices before, which costs a thread its place in the queue for a core.

use crate::isolation::tuning;
use crossbeam_channel::{Sender, bounded};
use std::ffi::CString;
use std::io;
use std::thread::Builder;
use std::time::{Duration, Instant};

/// The next spare is not started while the one before it comes to life: they would share a core.
const REST: Duration = Duration::from_millis(1);

type Life = Box<dyn FnOnce() + Send>;

/// At most one thread that waits.
#[derive(Default)]
pub(crate) struct Spare {
    waiting: Option<Sender<(String, Life)>>,
    due: Option<Instant>,
}

impl Spare {
    /// Gives a life to the thread that waits, or to a new one.
    pub(crate) fn launch(&mut self, name: String, life: Life) -> io::Result<()> {
        self.due = Some(Instant::now() + REST);
        if let Some(waiting) = self.waiting.take() {
            return waiting.send((name, life)).map_err(|_| io::ErrorKind::BrokenPipe.into());
        }
        let live = move || {
            tuning::short_slices();
            life();
        };
        Builder::new().name(name).spawn(live).map(drop)
    }

    /// When `keep` should be called, if it should.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Has a thread wait, if it is time. Where there is none to be had, that is told when one is needed.
    pub(crate) fn keep(&mut self) {
        if self.due.is_none_or(|due| Instant::now() < due) {
            return;
        }
        self.due = None;
        let (sender, receiver) = bounded::<(String, Life)>(1);
        let wait = move || {
            tuning::short_slices();
            let Ok((name, life)) = receiver.recv() else { return };
            // The kernel keeps 15 bytes of a name.
            if let Ok(name) = CString::new(&name.as_bytes()[..name.len().min(15)]) {
                rustix::thread::set_name(&name).ok();
            }
            life();
        };
        self.waiting =
            Builder::new().name("spare lane".to_owned()).spawn(wait).ok().map(|_| sender);
    }
}
