//! The ledger among threads: one lock, two things to wait for, and the one way to stop.

use super::ledger::{Event, Ledger, Loan, Order};
use crate::message::{Failure, Tally};
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

/// The ledger, and who waits for it. Waking nobody costs a system call, so that is left out.
struct Inner<T> {
    ledger: Ledger<T>,
    lanes_waiting: usize,
    feeder_waits: bool,
}

/// Shared by feeder, lanes and outlet of one stage.
pub(crate) struct Books<T> {
    inner: Mutex<Inner<T>>,
    work: Condvar,
    room: Condvar,
    stopped: AtomicBool,
    failure: OnceLock<Failure>,
    bell: OwnedFd,
    closers: Vec<Box<dyn Fn() + Send + Sync>>,
}

impl<T> Books<T> {
    /// `closers` end every wait that the books do not know of.
    pub(crate) fn new(
        ledger: Ledger<T>,
        closers: Vec<Box<dyn Fn() + Send + Sync>>,
    ) -> Result<Self, Failure> {
        let bell = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|e| Failure::engine(format!("could not make an event descriptor: {e}")))?;
        Ok(Self {
            inner: Mutex::new(Inner { ledger, lanes_waiting: 0, feeder_waits: false }),
            work: Condvar::new(),
            room: Condvar::new(),
            stopped: AtomicBool::new(false),
            failure: OnceLock::new(),
            bell,
            closers,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the ledger, and wakes whom it may concern.
    pub(crate) fn step(&self, event: Event<T>) -> Vec<Order<T>> {
        let mut orders = Vec::new();
        let one_more = matches!(event, Event::Taken(_));
        let mut inner = self.lock();
        inner.ledger.step(Instant::now(), event, &mut orders);
        let wake = inner.lanes_waiting > 0 && inner.ledger.can_answer();
        drop(inner);
        match (wake, one_more) {
            (false, _) => {}
            // One loan is for one lane: a second would wake in vain, on the producer's core perhaps.
            (true, true) => self.work.notify_one(),
            (true, false) => self.work.notify_all(),
        }
        orders
    }

    /// The next loan for a lane, waiting for one; `None` when there will never be one.
    pub(crate) fn borrow(&self, lane: usize) -> Option<Loan<T>> {
        let mut orders = Vec::with_capacity(1);
        let mut inner = self.lock();
        loop {
            if self.is_stopped() {
                return None;
            }
            inner.ledger.step(Instant::now(), Event::Asked { lane }, &mut orders);
            match orders.pop() {
                Some(Order::Lend { loan, .. }) => {
                    let wake = inner.feeder_waits && inner.ledger.is_low();
                    drop(inner);
                    if wake {
                        self.room.notify_one();
                    }
                    return Some(loan);
                }
                Some(Order::Wait { .. }) => {
                    inner.lanes_waiting += 1;
                    inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
                    inner.lanes_waiting -= 1;
                }
                _ => return None,
            }
        }
    }

    /// Waits until the producer should be asked; false when the run has stopped.
    pub(crate) fn wait_for_room(&self) -> bool {
        let mut inner = self.lock();
        if inner.ledger.is_full() {
            inner.feeder_waits = true;
            while !inner.ledger.is_low() && !self.is_stopped() {
                inner = self.room.wait(inner).unwrap_or_else(PoisonError::into_inner);
            }
            inner.feeder_waits = false;
        }
        !self.is_stopped()
    }

    /// The run will have failed when it ends in order. The first reason is kept.
    pub(crate) fn fail(&self, failure: Failure) {
        self.failure.set(failure).ok();
    }

    /// Ends the run. The first reason is kept.
    pub(crate) fn stop(&self, failure: Failure) {
        self.fail(failure);
        self.stopped.store(true, Ordering::SeqCst);
        rustix::io::write(&self.bell, &1u64.to_ne_bytes()).ok();
        self.closers.iter().for_each(|close| close());
        // With the lock held nobody is between its check and its wait.
        let _inner = self.lock();
        self.work.notify_all();
        self.room.notify_all();
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Readable once the run has stopped.
    pub(crate) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// What the run came to.
    ///
    /// # Errors
    /// The reason for which it was stopped.
    pub(crate) fn close(self) -> Result<Tally, Failure> {
        if let Some(failure) = self.failure.into_inner() {
            return Err(failure);
        }
        let ledger = self.inner.into_inner().unwrap_or_else(PoisonError::into_inner).ledger;
        assert_eq!(ledger.in_flight(), 0, "a run ended with items in flight");
        Ok(ledger.tally())
    }
}

/// Held by each thread of a run while it runs code of others: a source, a sink, a callback. If that
/// panics, the run stops instead of waiting for the thread for ever; the panic then reaches whoever
/// called `run`.
pub(crate) struct Alarm<'a, T>(pub(crate) &'a Books<T>);

impl<T> Drop for Alarm<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop(Failure::engine("a thread of the run panicked"));
        }
    }
}
