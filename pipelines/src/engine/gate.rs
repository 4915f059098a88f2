//! The rate limit among threads: all producers share it, and it can be changed while they wait.

use super::event::{Event, Observer};
use super::leave::{Leave, Told};
use super::limiter::{Kind, Limiter, Rate};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What an item weighs, in bytes.
pub(crate) type Weigh<T> = Box<dyn Fn(&T) -> u64 + Send + Sync>;

/// Lets items through at a rate.
pub(crate) struct Gate<T> {
    limiter: Mutex<Limiter>,
    weigh: Weigh<T>,
    kind: Kind,
}

impl<T> Gate<T> {
    pub(crate) fn new(kind: Kind, rate: Rate, weigh: Weigh<T>) -> Self {
        Self { limiter: Mutex::new(Limiter::new(Instant::now(), kind, rate)), weigh, kind }
    }

    fn lock(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn rate(&self) -> Rate {
        self.lock().rate()
    }

    pub(crate) fn update(&self, rate: Rate, reset: bool) {
        self.lock().update(Instant::now(), rate, reset);
    }

    /// The limiter's process died: its successor begins anew.
    pub(crate) fn restart(&self) {
        let mut limiter = self.lock();
        *limiter = Limiter::new(Instant::now(), self.kind, limiter.rate());
    }

    /// How many of these may go now, in order.
    pub(crate) fn admit<'a>(&self, items: impl Iterator<Item = &'a T>) -> usize
    where
        T: 'a,
    {
        let weights: Vec<_> = items.map(&self.weigh).collect();
        self.lock().take(Instant::now(), &weights)
    }

    /// Lets all of these through, or none.
    pub(crate) fn admits_all<'a>(&self, items: impl Iterator<Item = &'a T>) -> bool
    where
        T: 'a,
    {
        let weights: Vec<_> = items.map(&self.weigh).collect();
        let mut limiter = self.lock();
        let now = Instant::now();
        // Looked at on a copy: a limiter does not give back.
        let fits = limiter.clone().take(now, &weights) == weights.len();
        fits && limiter.take(now, &weights) == weights.len()
    }

    /// Waits until this item may go; false when told to go first, which with `mended` a drain is too.
    pub(crate) fn wait(&self, item: &T, leave: &Leave, mended: bool, observer: &Observer) -> bool {
        // A rate may be changed meanwhile: it is looked up this often.
        const LOOK: Duration = Duration::from_millis(20);
        let enough = if mended { Told::Drain } else { Told::Leave };
        let (weight, mut said) = ((self.weigh)(item), false);
        loop {
            let now = Instant::now();
            let Some(until) = self.lock().next(now, weight) else { break };
            if !said {
                observer.tell(|| Event::LimiterClosed { until });
                said = true;
            }
            if leave.told() >= enough {
                return false;
            }
            let wait = until.saturating_duration_since(now).min(LOOK);
            if leave.told() == Told::Stay {
                leave.wait(wait);
            } else {
                std::thread::sleep(wait);
            }
        }
        if said {
            observer.tell(|| Event::LimiterOpened);
        }
        true
    }
}
