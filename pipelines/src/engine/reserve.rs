//! Which worker processes are to be started. Pure: starts and deaths in, spawn orders out.
//!
//! Restart intensity counts workers that die before their first result without holding an item: workers
//! that cannot start. A death that holds an item is limited by that item's attempts instead.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How often workers may fail to start before the run is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intensity {
    /// So many workers that could not start …
    pub restarts: usize,
    /// … within this time are allowed.
    pub within: Duration,
    /// The wait before the first replacement; it doubles with each failure in a row.
    pub backoff: Duration,
    /// The wait grows no further than this.
    pub backoff_max: Duration,
}

impl Default for Intensity {
    fn default() -> Self {
        Self {
            restarts: 8,
            within: Duration::from_secs(30),
            backoff: Duration::from_millis(10),
            backoff_max: Duration::from_secs(1),
        }
    }
}

/// What happens to workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A lane took a worker, or at the start: the crew is short of one.
    Wanted,
    /// A worker that held no item and had no result yet is dead.
    StillBorn,
    /// A worker opened its handler: starting works.
    Started,
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start a worker now.
    Spawn,
    /// Workers cannot start: end the run.
    GiveUp,
}

/// The workers of one crew that are to be started, one_for_one, with a budget.
#[derive(Debug)]
pub struct Reserve {
    intensity: Intensity,
    failures: VecDeque<Instant>,
    in_a_row: u32,
    wanted: usize,
    not_before: Option<Instant>,
    given_up: bool,
}

impl Reserve {
    /// No workers yet.
    pub fn new(intensity: Intensity) -> Self {
        Self {
            intensity,
            failures: VecDeque::new(),
            in_a_row: 0,
            wanted: 0,
            not_before: None,
            given_up: false,
        }
    }

    /// When a `Tick` is due, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        self.not_before.filter(|_| self.wanted > 0 && !self.given_up)
    }

    /// Takes in one event and appends what is to be done.
    pub fn step(&mut self, now: Instant, event: Event, orders: &mut Vec<Order>) {
        match event {
            Event::Wanted => self.wanted += 1,
            Event::Started => self.in_a_row = 0,
            Event::StillBorn => self.fail(now, orders),
            Event::Tick => {}
        }
        if self.given_up || self.not_before.is_some_and(|t| now < t) {
            return;
        }
        self.not_before = None;
        orders.extend(std::iter::repeat_n(Order::Spawn, self.wanted));
        self.wanted = 0;
    }

    fn fail(&mut self, now: Instant, orders: &mut Vec<Order>) {
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|t| now - *t > self.intensity.within) {
            self.failures.pop_front();
        }
        if self.failures.len() > self.intensity.restarts && !self.given_up {
            self.given_up = true;
            orders.push(Order::GiveUp);
        }
        let wait = self.intensity.backoff.saturating_mul(1 << self.in_a_row.min(16));
        self.not_before = Some(now + wait.min(self.intensity.backoff_max));
        self.in_a_row += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn workers_that_cannot_start_are_retried_ever_later_and_then_given_up() {
        let intensity = Intensity { restarts: 3, ..Intensity::default() };
        let (mut reserve, mut now, mut waits) = (Reserve::new(intensity), Instant::now(), vec![]);
        let mut orders = vec![];
        reserve.step(now, Event::Wanted, &mut orders);
        assert_eq!(orders, [Order::Spawn]);
        loop {
            orders.clear();
            reserve.step(now, Event::StillBorn, &mut orders);
            if orders == [Order::GiveUp] {
                break;
            }
            reserve.step(now, Event::Wanted, &mut orders);
            assert_eq!(orders, [], "no storm: a replacement waits");
            let due = reserve.deadline().expect("something is wanted");
            waits.push(due - now);
            now = due;
            reserve.step(now, Event::Tick, &mut orders);
            assert_eq!(orders, [Order::Spawn]);
        }
        assert_eq!(waits, [10, 20, 40].map(Duration::from_millis));
        reserve.step(now + Duration::from_secs(60), Event::Wanted, &mut orders);
        assert_eq!(orders, [Order::GiveUp], "given up is given up");
    }

    proptest! {
        /// Whatever happens, each wanted worker is spawned once, or the reserve gave up.
        #[test]
        fn no_worker_is_forgotten_or_doubled(events in prop::collection::vec((0u8..4, 0u64..3000), 1..200)) {
            let (mut reserve, mut now) = (Reserve::new(Intensity::default()), Instant::now());
            let (mut wanted, mut spawned, mut gave_up) = (0, 0, 0);
            let mut orders = vec![];
            for (kind, wait_ms) in events {
                now += Duration::from_millis(wait_ms);
                let event = [Event::Wanted, Event::StillBorn, Event::Started, Event::Tick][kind as usize];
                wanted += usize::from(event == Event::Wanted);
                reserve.step(now, event, &mut orders);
                for order in orders.drain(..) {
                    match order { Order::Spawn => spawned += 1, Order::GiveUp => gave_up += 1 }
                }
                prop_assert!(spawned <= wanted && gave_up <= 1);
            }
            if let Some(due) = reserve.deadline() { now = now.max(due); }
            reserve.step(now, Event::Tick, &mut orders);
            spawned += orders.iter().filter(|o| **o == Order::Spawn).count();
            prop_assert!(gave_up == 1 || spawned == wanted);
        }
    }
}
