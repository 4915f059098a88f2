//! What a lane makes of what its worker does. Pure: the worker's signs of life and death in, orders out.

use crate::message::{Death, ItemId};
use std::time::{Duration, Instant};

/// What a lane notices of its worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The worker said that its handler is open.
    Ready,
    /// An item was sent to it.
    Sent {
        /// Which item.
        item: ItemId,
        /// Which attempt of it.
        attempt: u32,
    },
    /// It answered for an item.
    Replied {
        /// Which item it says.
        item: ItemId,
        /// Which attempt it says.
        attempt: u32,
        /// Whether its handler panicked over it.
        panicked: bool,
    },
    /// It sent what makes no sense.
    Babbled,
    /// Its socket is closed. The process may be dead, or only mute.
    Closed,
    /// The process has ended.
    Ended(Death),
    /// The process is stopped, and does not go on by itself.
    Stopped,
    /// Nothing happened until now.
    Tick,
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Take the result that was just announced.
    Accept,
    /// End the process; its end will be noticed.
    Kill,
    /// Bury the worker: this is what it died of. The item it held, if any, was not finished.
    Bury(Death),
    /// The worker may be sent an item.
    Use,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Starting,
    Idle,
    Working {
        item: ItemId,
        attempt: u32,
    },
    /// Given up; the cause is known and only the end of the process is awaited.
    Condemned(Death),
    Dead,
}

/// One lane's view of one worker.
#[derive(Debug)]
pub struct Lane {
    phase: Phase,
    patience: Duration,
    deadline: Option<Instant>,
    /// It will say no more: what ends it is not that it was late.
    closed: bool,
}

impl Lane {
    /// A worker that was just started, and has `start` to open its handler. Each item then has
    /// `patience` to be answered.
    pub fn new(now: Instant, start: Duration, patience: Duration) -> Self {
        Self { phase: Phase::Starting, patience, deadline: Some(now + start), closed: false }
    }

    /// When a `Tick` is due, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes in one event and appends what is to be done.
    pub fn step(&mut self, now: Instant, event: Event, orders: &mut Vec<Order>) {
        match (self.phase, event) {
            (Phase::Dead, _) => {}
            (Phase::Condemned(cause), Event::Ended(_)) => self.bury(cause, orders),
            (Phase::Condemned(_), _) => {}
            (_, Event::Ended(death)) => self.bury(death, orders),
            (Phase::Starting, Event::Ready) => {
                (self.phase, self.deadline) = (Phase::Idle, None);
                orders.push(Order::Use);
            }
            (Phase::Idle, Event::Sent { item, attempt }) => {
                self.phase = Phase::Working { item, attempt };
                self.deadline = Some(now + self.patience);
            }
            (
                Phase::Working { item, attempt },
                Event::Replied { item: i, attempt: a, panicked },
            ) if (item, attempt) == (i, a) => {
                if panicked {
                    self.condemn(Death::Panic, orders);
                } else {
                    (self.phase, self.deadline) = (Phase::Idle, None);
                    orders.push(Order::Accept);
                }
            }
            // A dead process closes its socket a moment before its end can be seen: wait for that,
            // since it names the cause. A live one that is mute is caught by its deadline.
            (_, Event::Closed) => {
                let soon = now + self.patience.min(Duration::from_millis(500));
                self.deadline = Some(self.deadline.map_or(soon, |d| d.min(soon)));
                self.closed = true;
            }
            (_, Event::Stopped) => self.condemn(Death::Stopped, orders),
            (Phase::Starting | Phase::Working { .. }, Event::Tick) => {
                if self.deadline.is_some_and(|d| now >= d) {
                    let mute = if self.closed { Death::Garbage } else { Death::Deadline };
                    self.condemn(mute, orders);
                }
            }
            (Phase::Idle, Event::Tick) => {
                if self.deadline.is_some_and(|d| now >= d) {
                    self.condemn(Death::Garbage, orders);
                }
            }
            (_, Event::Ready | Event::Sent { .. } | Event::Replied { .. } | Event::Babbled) => {
                self.condemn(Death::Garbage, orders);
            }
        }
    }

    fn condemn(&mut self, cause: Death, orders: &mut Vec<Order>) {
        (self.phase, self.deadline) = (Phase::Condemned(cause), None);
        orders.push(Order::Kill);
    }

    fn bury(&mut self, cause: Death, orders: &mut Vec<Order>) {
        (self.phase, self.deadline) = (Phase::Dead, None);
        orders.push(Order::Bury(cause));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KILLED: Death = Death::Signal(9);
    const SENT: Event = Event::Sent { item: 7, attempt: 1 };

    /// Steps a fresh lane through `events`, a second apart, and says what it ordered.
    fn check(events: &[Event]) -> Vec<Order> {
        let start = Instant::now();
        let mut lane = Lane::new(start, Duration::from_secs(30), Duration::from_secs(10));
        let mut orders = vec![];
        for (second, event) in events.iter().enumerate() {
            lane.step(start + Duration::from_secs(second as u64), *event, &mut orders);
        }
        orders
    }

    fn replied(item: ItemId, attempt: u32) -> Event {
        Event::Replied { item, attempt, panicked: false }
    }

    #[test]
    fn an_answer_for_what_was_asked_is_accepted() {
        assert_eq!(check(&[Event::Ready, SENT, replied(7, 1)]), [Order::Use, Order::Accept]);
    }

    #[test]
    fn an_answer_for_another_item_or_attempt_is_garbage() {
        for wrong in [replied(8, 1), replied(7, 0)] {
            let orders = check(&[Event::Ready, SENT, wrong, Event::Ended(KILLED)]);
            assert_eq!(orders, [Order::Use, Order::Kill, Order::Bury(Death::Garbage)]);
        }
    }

    #[test]
    fn exit_zero_in_the_middle_of_an_item_is_a_death() {
        let orders = check(&[Event::Ready, SENT, Event::Closed, Event::Ended(Death::Exit(0))]);
        assert_eq!(orders, [Order::Use, Order::Bury(Death::Exit(0))]);
    }

    #[test]
    fn a_hang_is_called_by_its_cause_and_not_by_the_kill_that_ended_it() {
        let mut events = vec![Event::Ready, SENT];
        events.extend([Event::Tick; 12]);
        events.push(Event::Ended(KILLED));
        assert_eq!(check(&events), [Order::Use, Order::Kill, Order::Bury(Death::Deadline)]);
    }

    #[test]
    fn a_late_answer_of_a_condemned_worker_is_refused() {
        let mut events = vec![Event::Ready, SENT];
        events.extend([Event::Tick; 12]);
        events.push(replied(7, 1));
        assert_eq!(check(&events), [Order::Use, Order::Kill]);
    }

    #[test]
    fn a_mute_process_is_ended_soon_after_it_closed_its_socket() {
        let orders = check(&[Event::Ready, Event::Closed, Event::Tick]);
        assert_eq!(orders, [Order::Use, Order::Kill]);
    }

    #[test]
    fn a_stopped_worker_is_not_waited_for() {
        let events = [Event::Ready, SENT, Event::Stopped, replied(7, 1), Event::Ended(KILLED)];
        assert_eq!(check(&events), [Order::Use, Order::Kill, Order::Bury(Death::Stopped)]);
    }

    #[test]
    fn a_panic_costs_the_worker() {
        let panicked = Event::Replied { item: 7, attempt: 1, panicked: true };
        let orders = check(&[Event::Ready, SENT, panicked, Event::Ended(Death::Exit(101))]);
        assert_eq!(orders, [Order::Use, Order::Kill, Order::Bury(Death::Panic)]);
    }
}
