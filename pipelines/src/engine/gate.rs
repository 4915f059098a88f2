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
        let enough = if mended { Told::Drain } else { Told::Leave };
        self.wait_for((self.weigh)(item), leave, enough, observer)
    }

    /// Waits until anything at all may go, or something is told.
    pub(crate) fn wait_until_open(&self, leave: &Leave, observer: &Observer) {
        self.wait_for(1, leave, Told::Drain, observer);
    }

    fn wait_for(&self, weight: u64, leave: &Leave, enough: Told, observer: &Observer) -> bool {
        // A rate may be changed meanwhile: it is looked up this often.
        const LOOK: Duration = Duration::from_millis(20);
        let mut said = false;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn gate(items: u64) -> Gate<u64> {
        Gate::new(Kind::Window, rate(items), Box::new(|item| *item))
    }

    fn rate(items: u64) -> Rate {
        // No test lives to see the end of an interval.
        Rate::new(Some(items), Some(100), Duration::from_secs(3600)).expect("it is a rate")
    }

    #[test]
    fn items_pass_in_order_while_number_and_weight_allow() {
        assert_eq!(gate(3).admit([1, 1, 1, 1].iter()), 3);
        assert_eq!(gate(9).admit([60, 40, 1].iter()), 2);
        let gate = gate(3);
        assert_eq!((gate.admit([1].iter()), gate.admit([1, 1, 1].iter())), (1, 2));
        assert_eq!(gate.admit([1].iter()), 0);
    }

    #[test]
    fn all_or_none_pass_and_none_use_nothing() {
        let gate = gate(3);
        assert!(!gate.admits_all([1; 4].iter()));
        assert!(!gate.admits_all([60, 41].iter()));
        assert!(gate.admits_all([60, 30, 10].iter()), "nothing was used before");
        assert!(!gate.admits_all([0].iter()));
    }

    #[test]
    fn a_new_limiter_has_its_rate_and_nothing_used() {
        let gate = gate(2);
        assert_eq!(gate.admit([1, 1, 1].iter()), 2);
        gate.update(rate(4), false);
        assert_eq!(
            (gate.rate(), gate.admit([1].iter())),
            (rate(4), 0),
            "from the next interval on"
        );
        gate.restart();
        assert_eq!((gate.rate(), gate.admit([1; 5].iter())), (rate(4), 4));
        gate.update(rate(1), true);
        assert_eq!(gate.admit([1; 5].iter()), 1);
    }

    /// Told so, it lets an item go, or gives up.
    #[test]
    fn who_is_told_to_go_does_not_wait_and_mended_a_drain_is_enough() {
        let gate = gate(1);
        let (leave, observer) = (Leave::default(), Observer::default());
        assert!(gate.wait(&1, &leave, true, &observer));
        assert_eq!(gate.admit([1].iter()), 1);
        leave.tell(Told::Drain);
        assert!(!gate.wait(&1, &leave, true, &observer));
        leave.tell(Told::Leave);
        assert!(!gate.wait(&1, &leave, false, &observer));
    }

    #[test]
    fn who_waits_sees_a_new_rate_and_tells_of_both_ends() {
        let gate = gate(1);
        assert_eq!(gate.admit([1].iter()), 1);
        let (tell, told) = mpsc::sync_channel(8);
        let observer = Observer::new(Box::new(move |event| {
            let open = matches!(event, Event::LimiterOpened);
            assert!(open || matches!(event, Event::LimiterClosed { .. }));
            tell.try_send(open).expect("there is room");
        }));
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| gate.wait(&1, &Leave::default(), true, &observer));
            assert_eq!(told.recv(), Ok(false), "it waits");
            gate.update(rate(2), true);
            assert!(waiting.join().expect("it does not panic"));
            assert_eq!(told.try_iter().collect::<Vec<_>>(), [true]);
        });
    }
}
