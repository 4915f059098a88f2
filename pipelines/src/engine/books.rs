//! The ledger among threads: one lock, two things to wait for, and the one way to stop.

use super::leave::{Leave, Told};
use super::ledger::{Event, Holder, Ledger, Order, Terms};
use super::locks::{AtomicBool, Condvar, Mutex, MutexGuard};
use crate::isolation::bell::Bell;
use crate::message::{Failure, Tally};
use crate::producer::Entry;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Instant;

/// The ledger, and who waits for it. Waking nobody costs a system call, so that is left out.
struct Inner<T> {
    ledger: Ledger<T>,
    lanes_waiting: usize,
    feeders_waiting: usize,
    /// The run has ended, in whatever way.
    closed: bool,
}

/// Shared by feeders, lanes and outlets of one stage.
pub(crate) struct Books<T> {
    inner: Mutex<Inner<T>>,
    work: Condvar,
    room: Condvar,
    stopped: AtomicBool,
    failure: OnceLock<Failure>,
    bell: Arc<Bell>,
    /// What comes in goes to a lane of the ledger's choice.
    dispatched: bool,
}

/// Waits, until the ledger's next deadline at the latest.
fn wait<'a, T>(
    condvar: &Condvar,
    inner: MutexGuard<'a, Inner<T>>,
    orders: &mut Vec<Order<T>>,
) -> MutexGuard<'a, Inner<T>> {
    let Some(due) = inner.ledger.deadline() else {
        return condvar.wait(inner).unwrap_or_else(PoisonError::into_inner);
    };
    let left = due.saturating_duration_since(Instant::now());
    let waited = condvar.wait_timeout(inner, left);
    let mut inner = waited.unwrap_or_else(PoisonError::into_inner).0;
    inner.ledger.step(Instant::now(), Event::Tick, orders);
    inner
}

impl<T> Books<T> {
    pub(crate) fn new(terms: Terms) -> Result<Self, Failure> {
        let bell = Bell::new()
            .map_err(|e| Failure::engine(format!("could not make an event descriptor: {e}")))?;
        let ledger = Ledger::new(terms);
        Ok(Self {
            inner: Mutex::new(Inner {
                ledger,
                lanes_waiting: 0,
                feeders_waiting: 0,
                closed: false,
            }),
            work: Condvar::new(),
            room: Condvar::new(),
            stopped: AtomicBool::new(false),
            failure: OnceLock::new(),
            bell: Arc::new(bell),
            dispatched: terms.ahead == 0,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks into the ledger.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Ledger<T>) -> R) -> R {
        look(&self.lock().ledger)
    }

    /// Tells the ledger, and wakes whom it may concern.
    pub(crate) fn step(&self, event: Event<T>) -> Vec<Order<T>> {
        let mut orders = Vec::new();
        // One loan is for one lane: a second would wake in vain, on the producer's core perhaps.
        let one = !self.dispatched && matches!(&event, Event::Taken { lane: None, .. });
        let mut inner = self.lock();
        inner.ledger.step(Instant::now(), event, &mut orders);
        self.wake(inner, one);
        orders
    }

    fn wake(&self, inner: MutexGuard<'_, Inner<T>>, one: bool) {
        // Whoever waits has to learn of a deadline too: an item may be due to be tried again.
        let due = inner.ledger.deadline().is_some();
        let lanes = inner.lanes_waiting > 0 && (due || inner.ledger.can_answer());
        let feeders = inner.feeders_waiting > 0 && inner.ledger.room() > 0;
        // Two loans at once, as a push may bring them, or none taken by who was woken, need more.
        let one = one && inner.ledger.waiting() <= inner.ledger.handful();
        drop(inner);
        match (lanes, one) {
            (false, _) => {}
            (true, true) => self.work.notify_one(),
            (true, false) => self.work.notify_all(),
        }
        if feeders {
            self.room.notify_one();
        }
    }

    /// A lane's turn: what it did is entered, and it is lent more; if `idle`, it waits for that. Empties
    /// `events`, appends to `orders`. Returns at once when told to leave.
    pub(crate) fn turn(
        &self,
        holder: Holder,
        events: &mut Vec<Event<T>>,
        orders: &mut Vec<Order<T>>,
        idle: bool,
        leave: &Leave,
    ) {
        let mut inner = self.lock();
        for event in events.drain(..) {
            inner.ledger.step(Instant::now(), event, orders);
        }
        let before = orders.len();
        loop {
            inner.ledger.step(Instant::now(), Event::Asked(holder), orders);
            if !matches!(orders.last(), Some(Order::Wait)) || orders.len() <= before {
                break;
            }
            orders.pop();
            // Orders about items come before waiting for others.
            if !idle || !orders.is_empty() || leave.told() >= Told::Leave || self.is_stopped() {
                break;
            }
            if inner.feeders_waiting > 0 && inner.ledger.room() > 0 {
                self.room.notify_one();
            }
            inner.lanes_waiting += 1;
            inner = wait(&self.work, inner, orders);
            inner.lanes_waiting -= 1;
        }
        self.wake(inner, false);
    }

    /// Waits until a producer should be asked, and for how many; `None` when the run has stopped or
    /// something is told.
    pub(crate) fn room(&self, leave: &Leave) -> Option<usize> {
        let mut orders = Vec::new();
        let mut inner = self.lock();
        loop {
            if self.is_stopped() || leave.told() != Told::Stay {
                return None;
            }
            // One `produce` is asked for what one lane takes at most.
            let room = inner.ledger.room().min(inner.ledger.handful());
            if room > 0 {
                inner.ledger.step(Instant::now(), Event::Promised(room), &mut orders);
                return Some(room);
            }
            inner.feeders_waiting += 1;
            inner = wait(&self.room, inner, &mut orders);
            inner.feeders_waiting -= 1;
            if inner.lanes_waiting > 0 && inner.ledger.can_answer() {
                self.work.notify_all();
            }
        }
    }

    /// Puts items in that nobody asked for. With `most` the oldest that wait beyond that are dropped
    /// (as in Broadway), and it says how many. `None` when nobody would handle them any more.
    pub(crate) fn push(
        &self,
        lane: Option<usize>,
        items: Vec<Entry<T>>,
        most: Option<usize>,
    ) -> Option<usize> {
        let mut orders = Vec::new();
        let event = Event::Taken { producer: 0, lane, promised: 0, items };
        let mut inner = self.lock();
        if inner.closed || inner.ledger.is_over() {
            return None;
        }
        inner.ledger.step(Instant::now(), event, &mut orders);
        let dropped = most.map_or(0, |most| inner.ledger.overflow(most));
        self.wake(inner, false);
        Some(dropped)
    }

    /// The run has ended: nothing is pushed any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
    }

    /// Everybody who waits looks up: somebody was told something.
    pub(crate) fn wake_all(&self) {
        // With the lock held nobody is between its check and its wait.
        let _inner = self.lock();
        self.work.notify_all();
        self.room.notify_all();
    }

    /// The run will have failed when it ends in order. The first reason is kept.
    pub(crate) fn fail(&self, failure: Failure) {
        self.failure.set(failure).ok();
    }

    /// Ends the run. The first reason is kept.
    pub(crate) fn stop(&self, failure: Failure) {
        self.fail(failure);
        self.stopped.store(true, Ordering::SeqCst);
        self.bell.ring();
        self.wake_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Rung once the run has stopped.
    pub(crate) fn bell(&self) -> Arc<Bell> {
        self.bell.clone()
    }

    /// Why the run fails, if it does.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.get().cloned()
    }

    /// What it adds up to so far, and what is not settled.
    pub(crate) fn tally(&self) -> (Tally, u64) {
        self.look(|ledger| (ledger.tally(), ledger.in_flight()))
    }
}

#[cfg(all(test, feature = "schedules"))]
mod schedules;
