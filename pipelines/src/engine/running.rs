//! A hand on a pipeline that runs: stop, pause, push, look, strike.

use super::event::Event as Told;
use super::gate::Gate;
use super::leave::Told as Word;
use super::ledger::{Event, Ledger};
use super::limiter::Rate;
use super::outlet::Outlet;
use super::roster::Member;
use super::run::Shared;
use super::supervisor::Notice;
use super::tree::shapes::Process;
use crate::acknowledger::{Heard, Ticket, listen};
use crate::handler::{Handler, Route};
use crate::message::{Failure, ItemId, Tally};
use crate::producer::Entry;
use crossbeam_channel::{Receiver, Sender};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

/// Items that may wait unasked for before a push is refused.
const PUSHED_MAX: usize = 10_000;
/// Ids of test items begin here, far from any source's.
const TEST_IDS: ItemId = 1 << 62;

/// What was left when a run ended, and where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Left {
    /// Items that waited for a processor.
    pub waiting: u64,
    /// Items in the hands of processors.
    pub processors: u64,
    /// Items in batchers, and in batches that waited.
    pub batchers: u64,
    /// Items in the hands of batch processors.
    pub batch_processors: u64,
}

impl Left {
    /// All of them.
    pub fn items(&self) -> u64 {
        self.waiting + self.processors + self.batchers + self.batch_processors
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, processors, batchers, batch_processors } = self;
        write!(
            f,
            "{} items left: {waiting} waiting, {processors} in processors, {batchers} in batchers, \
             {batch_processors} in batch processors",
            self.items()
        )
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it adds up to.
    pub tally: Tally,
    /// What was not settled.
    pub left: Left,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

/// A pipeline as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// Its name.
    pub name: String,
    /// Its processes, kind by kind along the flow.
    pub processes: Vec<Member>,
    /// Items that wait for a processor.
    pub waiting: usize,
    /// What it adds up to so far.
    pub tally: Tally,
}

/// What a handle can do, whatever the handler.
trait Control<T>: Send + Sync {
    fn name(&self) -> &str;
    fn notify(&self, notice: Notice);
    fn pause(&self, paused: bool);
    fn push(&self, items: Vec<Entry<T>>) -> Result<(), Failure>;
    fn kill(&self, process: Process) -> bool;
    fn end(&self, failure: Failure);
    fn topology(&self) -> Topology;
    fn rate(&self) -> Option<Rate>;
    fn set_rate(&self, rate: Rate, reset: bool) -> Result<(), Failure>;
}

pub(super) struct Reach<H: Handler> {
    pub(super) shared: Arc<Shared<H>>,
    pub(super) notices: Sender<Notice>,
}

impl<H: Handler> Control<H::In> for Reach<H> {
    fn name(&self) -> &str {
        &self.shared.name
    }

    fn notify(&self, notice: Notice) {
        // It fails only when the supervisor is gone, and the run with it.
        self.notices.send(notice).ok();
    }

    fn pause(&self, paused: bool) {
        self.shared.books.step(Event::Paused(paused));
        self.shared.wake_all();
        self.shared.observer.tell(|| if paused { Told::Paused } else { Told::Resumed });
    }

    fn push(&self, items: Vec<Entry<H::In>>) -> Result<(), Failure> {
        let shared = &self.shared;
        if !shared.settings.as_the_original {
            let waiting = shared.books.look(Ledger::waiting);
            if waiting + items.len() > PUSHED_MAX {
                let what = format!("{waiting} items wait already; push when there are fewer");
                return Err(Failure::engine(what));
            }
            if let Some(gate) = &shared.gate
                && !gate.admits_all(items.iter().map(|entry| &entry.item))
            {
                return Err(Failure::engine("the rate limit is reached; push again later"));
            }
        }
        let (lists, unplaced) = shared.parted(items);
        if let Some(entry) = unplaced.first() {
            let (id, why) = (entry.id, &entry.item);
            return Err(Failure::item(format!("nobody knows where item {id} goes: {why}")));
        }
        for (lane, items) in lists {
            let overflow = shared.settings.overflow();
            let Some(dropped) = shared.books.push(lane, items, overflow) else {
                return Err(Failure::engine("the pipeline is ending, and takes nothing any more"));
            };
            if dropped > 0 {
                shared.observer.tell(|| Told::Discarded { items: dropped });
            }
        }
        Ok(())
    }

    fn kill(&self, process: Process) -> bool {
        let passive =
            matches!(process, Process::Batcher(_) | Process::RateLimiter | Process::Terminator);
        if passive {
            self.notify(Notice::Kill(process));
            return true;
        }
        let told = self.shared.roster.tell(process, Word::Die);
        self.shared.wake_all();
        told
    }

    fn end(&self, failure: Failure) {
        self.shared.stop(failure);
        self.notify(Notice::Stop);
    }

    fn topology(&self) -> Topology {
        let shared = &self.shared;
        let mut processes = shared.roster.members();
        for member in &mut processes {
            member.holds = match member.process {
                Process::Processor(lane) => shared.books.look(|ledger| ledger.owed(lane)),
                Process::Batcher(batcher) => shared.outlets[batcher].held().0,
                Process::BatchProcessor { batcher, index } => shared.outlets[batcher].owed(index),
                _ => 0,
            };
        }
        let (waiting, tally) = shared.books.look(|ledger| (ledger.waiting(), ledger.tally()));
        Topology { name: shared.name.clone(), processes, waiting, tally }
    }

    fn rate(&self) -> Option<Rate> {
        self.shared.gate.as_ref().map(Gate::rate)
    }

    fn set_rate(&self, rate: Rate, reset: bool) -> Result<(), Failure> {
        let none = "this pipeline has no rate limit to change; give it one when it is built";
        let gate = self.shared.gate.as_ref().ok_or_else(|| Failure::input(none))?;
        gate.update(rate, reset);
        Ok(())
    }
}

impl<H: Handler> Shared<H> {
    pub(super) fn left(&self) -> Left {
        let (waiting, owed) = self.books.look(|ledger| {
            (ledger.waiting(), (0..self.lanes).map(|lane| ledger.owed(lane)).sum::<usize>())
        });
        let held: Vec<_> = self.outlets.iter().map(Outlet::held).collect();
        Left {
            waiting: waiting as u64,
            processors: owed as u64,
            batchers: held.iter().map(|(here, _)| *here as u64).sum(),
            batch_processors: held.iter().map(|(_, lent)| *lent as u64).sum(),
        }
    }
}

/// A hand on a running pipeline, for anybody and from anywhere: nothing here waits for the pipeline.
pub struct Handle<T> {
    control: Arc<dyn Control<T>>,
    tests: Arc<AtomicU64>,
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        Self { control: self.control.clone(), tests: self.tests.clone() }
    }
}

impl<T: Send + Sync + 'static> Handle<T> {
    pub(super) fn new<H: Handler<In = T>>(reach: Reach<H>) -> Self {
        Self { control: Arc::new(reach), tests: Arc::new(AtomicU64::new(TEST_IDS)) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.control.name()
    }
    /// Drains it, and ends it: producers give what they have in hand, everything is settled, or the
    /// deadline passes. Returns at once; can be called from a handler too.
    pub fn stop(&self) {
        self.control.notify(Notice::Stop);
    }
    /// Ends it now, whatever is in hand.
    pub(crate) fn end(&self, failure: Failure) {
        self.control.end(failure);
    }
    /// Nothing new is begun until [`Handle::resume`]; what was begun is finished.
    pub fn pause(&self) {
        self.control.pause(true);
    }
    /// See [`Handle::pause`].
    pub fn resume(&self) {
        self.control.pause(false);
    }
    /// Puts items in that no producer gave.
    ///
    /// # Errors
    /// When the pipeline is ending, when too many items wait already, or when the rate limit is reached:
    /// nothing was put in then. Under [`Settings::broadway`](super::settings::Settings) only the first of these
    /// holds, and beyond 10,000 items the oldest are dropped.
    pub fn push(&self, items: Vec<Entry<T>>) -> Result<(), Failure> {
        self.control.push(items)
    }
    /// Puts one item in that asks to be flushed, and gives what is heard of it.
    ///
    /// # Errors
    /// As [`Handle::push`].
    pub fn test_message(&self, item: T) -> Result<Receiver<Heard>, Failure> {
        self.test(vec![item], true)
    }
    /// Puts items in that share a reference and batches, and gives what is heard of them.
    ///
    /// # Errors
    /// As [`Handle::push`].
    pub fn test_batch(&self, items: Vec<T>) -> Result<Receiver<Heard>, Failure> {
        self.test(items, false)
    }

    fn test(&self, items: Vec<T>, flush: bool) -> Result<Receiver<Heard>, Failure> {
        let (to, heard) = listen(items.len().max(1));
        let first = self.tests.fetch_add(items.len() as u64, Ordering::Relaxed);
        let entry = |(id, item)| Entry {
            id,
            item,
            ticket: Ticket::new(to.clone(), first, id - first),
            route: Route { flush, ..Route::default() },
        };
        self.push((first..).zip(items).map(entry).collect())?;
        Ok(heard)
    }

    /// Kills a process, to see what happens: a thread at its next receive or fault point, any other at
    /// once. False when it is not there to be killed.
    pub fn kill(&self, process: Process) -> bool {
        self.control.kill(process)
    }
    /// Kills a supervisor by its name: `root`, `producers`, `processors`, `batchers` …
    pub fn kill_tree(&self, name: &str) {
        self.control.notify(Notice::KillTree(name.to_owned()));
    }
    /// What there is, and how it does.
    pub fn topology(&self) -> Topology {
        self.control.topology()
    }
    /// The rate limit, if there is one.
    pub fn rate(&self) -> Option<Rate> {
        self.control.rate()
    }
    /// Changes the rate limit: now, with the interval begun anew, or at the end of the interval.
    ///
    /// # Errors
    /// When the pipeline was built without one.
    pub fn set_rate(&self, rate: Rate, reset: bool) -> Result<(), Failure> {
        self.control.set_rate(rate, reset)
    }
}

/// A running pipeline.
pub struct Running<T> {
    pub(super) handle: Handle<T>,
    pub(super) thread: JoinHandle<Report>,
}

impl<T: Send + Sync + 'static> Running<T> {
    /// A hand on it.
    pub fn handle(&self) -> Handle<T> {
        self.handle.clone()
    }
    /// Waits until it has ended.
    pub fn wait(self) -> Report {
        match self.thread.join() {
            Ok(report) => report,
            // The supervisor runs no code of others, but it is ours to say so if it fell all the same.
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }
}

impl<T> std::ops::Deref for Running<T> {
    type Target = Handle<T>;
    fn deref(&self) -> &Handle<T> {
        &self.handle
    }
}
