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

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn what_is_told_never_becomes_milder() {
        let leave = Leave::default();
        assert_eq!((leave.told(), leave.is_killed()), (Told::Stay, false));
        let said = [Told::Drain, Told::Stay, Told::Leave, Told::Drain, Told::Die, Told::Leave];
        let heard = said.map(|told| {
            leave.tell(told);
            leave.told()
        });
        let wanted = [Told::Drain, Told::Drain, Told::Leave, Told::Leave, Told::Die, Told::Die];
        assert_eq!(heard, wanted);
        assert!(leave.is_killed());
    }

    #[test]
    fn only_the_killed_go_at_a_fault_point() {
        let leave = Leave::default();
        for told in [Told::Stay, Told::Drain, Told::Leave] {
            leave.tell(told);
            leave.point();
        }
        leave.tell(Told::Die);
        let payload = catch_unwind(AssertUnwindSafe(|| leave.point())).expect_err("it goes");
        assert!(payload.is::<Killed>());
    }

    #[test]
    fn who_waits_is_woken_by_whatever_is_told() {
        for told in [Told::Drain, Told::Leave, Told::Die] {
            let leave = Leave::default();
            let (ready, go) = mpsc::sync_channel(0);
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| {
                    ready.send(()).expect("the test listens");
                    leave.wait(LONG)
                });
                go.recv().expect("it comes");
                leave.tell(told);
                assert!(waiting.join().expect("it does not panic"));
            });
            assert!(leave.wait(LONG), "who was told before does not wait at all");
        }
    }

    #[test]
    fn who_is_told_nothing_waits_so_long_and_no_less() {
        let (leave, start, time) = (Leave::default(), Instant::now(), Duration::from_millis(5));
        leave.tell(Told::Stay);
        assert!(!leave.wait(time));
        assert!(start.elapsed() >= time);
        assert!(!leave.wait(Duration::ZERO));
    }
}
