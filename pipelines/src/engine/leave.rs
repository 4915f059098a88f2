//! How a supervised thread learns that it is to go.
//!
//! A process of the BEAM can be killed between any two instructions. A thread cannot: it is told, and goes
//! at its next receive or fault point. One that never comes to such a point is abandoned: it may still
//! run, but what it held was taken from it, and what it brings is refused by its incarnation.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a thread is told, from the mildest to the hardest. It never becomes milder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Told {
    Stay,
    /// A producer gives what it has in hand, and ends.
    Drain,
    /// It finishes what it is doing, and leaves the rest.
    Leave,
    /// It drops everything.
    Die,
}

/// The payload with which a killed thread unwinds out of the code of others.
pub(crate) struct Killed;

/// One incarnation's ear.
#[derive(Default)]
pub struct Leave {
    told: AtomicU8,
    proven: AtomicBool,
    asleep: Mutex<()>,
    wake: Condvar,
}

impl Leave {
    pub(crate) fn tell(&self, told: Told) {
        self.told.fetch_max(told as u8, Ordering::SeqCst);
        let _asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        self.wake.notify_all();
    }

    #[inline]
    pub(crate) fn told(&self) -> Told {
        match self.told.load(Ordering::Relaxed) {
            0 => Told::Stay,
            1 => Told::Drain,
            2 => Told::Leave,
            _ => Told::Die,
        }
    }

    /// It has done something: it can start, and whatever ends it is not that it cannot.
    pub(crate) fn prove(&self) {
        if !self.proven.load(Ordering::Relaxed) {
            self.proven.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_proven(&self) -> bool {
        self.proven.load(Ordering::Relaxed)
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.told() == Told::Die
    }

    /// Leaves the code of others, if killed.
    pub(crate) fn point(&self) {
        if self.is_killed() {
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    /// Waits at most so long; true when told anything.
    pub(crate) fn wait(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        let mut asleep = self.asleep.lock().unwrap_or_else(PoisonError::into_inner);
        while self.told() == Told::Stay {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            asleep = self.wake.wait_timeout(asleep, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}
