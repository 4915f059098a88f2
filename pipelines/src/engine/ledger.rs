//! Who owns each item. Pure: events in, orders out; no thread, no clock, no process.
//!
//! Under [`Delivery::Lease`] the ledger owns every item and a lane only borrows it: when the holder
//! dies, its loan is void and the item goes to the next one. Under [`Delivery::HandOver`] the ledger is
//! a book-keeper: the lane holds the only copy, and what dies with it is written off as lost.

use crate::message::{ItemId, Tally};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// What the ledger still has in its hand when a holder dies: all, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// Items are handed over and die with their holder, as in Broadway.
    HandOver,
    /// Items are lent and come back when their holder dies.
    Lease,
}

/// Items lent together: what one `produce` returned.
pub struct Loan<T> {
    chunk: Arc<Vec<(ItemId, T)>>,
    from: usize,
    to: usize,
    /// Attempts of the first item that failed before; the others have none.
    pub attempt: u32,
}

impl<T> Clone for Loan<T> {
    fn clone(&self) -> Self {
        Self { chunk: self.chunk.clone(), ..*self }
    }
}

impl<T> Loan<T> {
    /// The items, in order.
    pub fn items(&self) -> &[(ItemId, T)] {
        &self.chunk[self.from..self.to]
    }
    fn part(&self, from: usize, to: usize, attempt: u32) -> Self {
        Self { chunk: self.chunk.clone(), from, to, attempt }
    }
}

/// What happens to items.
pub enum Event<T> {
    /// The producer gave these.
    Taken(Vec<(ItemId, T)>),
    /// The producer has no more.
    Drained,
    /// A lane wants work.
    Asked {
        /// Which.
        lane: usize,
    },
    /// The first item that the lane still owes is finished and accepted.
    Accepted {
        /// Which lane.
        lane: usize,
    },
    /// The first item that the lane still owes came back with an error; its holder lives.
    Failed {
        /// Which lane.
        lane: usize,
    },
    /// The holder died: the first item it owed is the suspect, the others are innocent.
    Died {
        /// Which lane.
        lane: usize,
    },
    /// So many accepted items were handled to the end.
    Acked {
        /// How many.
        items: u64,
    },
}

/// What the ledger wants done.
pub enum Order<T> {
    /// Give the lane this loan.
    Lend {
        /// Which lane.
        lane: usize,
        /// What it borrows.
        loan: Loan<T>,
    },
    /// There is nothing for the lane now; it may ask again after the next change.
    Wait {
        /// Which lane.
        lane: usize,
    },
    /// There will never be anything for the lane again.
    Dismiss {
        /// Which lane.
        lane: usize,
    },
    /// The first item of this loan is given up; it had `loan.attempt + 1` attempts.
    SetAside {
        /// The item, alone.
        loan: Loan<T>,
        /// True when it killed its workers, false when it returned errors.
        deadly: bool,
    },
}

/// The part of a lane's loan that is not settled yet.
struct Stub<T> {
    owed: usize,
    /// The whole knob: `Some` under leases, `None` under hand-over.
    kept: Option<Loan<T>>,
}

/// The ledger of one stage.
pub struct Ledger<T> {
    delivery: Delivery,
    attempts_max: u32,
    ready: VecDeque<Loan<T>>,
    lanes: Vec<Option<Stub<T>>>,
    accepted: u64,
    drained: bool,
    tally: Tally,
}

impl<T> Ledger<T> {
    /// An empty ledger for so many lanes; an item is given up after `attempts_max` attempts.
    pub fn new(delivery: Delivery, lanes: usize, attempts_max: u32) -> Self {
        Self {
            delivery,
            attempts_max: attempts_max.max(1),
            ready: VecDeque::new(),
            lanes: (0..lanes).map(|_| None).collect(),
            accepted: 0,
            drained: false,
            tally: Tally::default(),
        }
    }

    /// What it adds up to so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Two loans a lane wait to be lent: the producer is not asked for more …
    pub fn is_full(&self) -> bool {
        self.ready.len() >= 2 * self.lanes.len()
    }

    /// … until only one a lane is left, so that the feeder is not woken for each.
    pub fn is_low(&self) -> bool {
        self.ready.len() <= self.lanes.len()
    }

    /// Whether a lane that waits would now be answered otherwise.
    pub fn can_answer(&self) -> bool {
        !self.ready.is_empty() || (self.drained && self.lanes.iter().all(Option::is_none))
    }

    /// Items that were taken and are not settled.
    pub fn in_flight(&self) -> u64 {
        let ready: usize = self.ready.iter().map(|l| l.items().len()).sum();
        let lent: usize = self.lanes.iter().flatten().map(|s| s.owed).sum();
        ready as u64 + lent as u64 + self.accepted
    }

    /// Takes in one event and appends what is to be done. Never waits; `_now` is unused today and part
    /// of the shape that all state machines of the engine share.
    pub fn step(&mut self, _now: Instant, event: Event<T>, orders: &mut Vec<Order<T>>) {
        match event {
            Event::Taken(items) => {
                self.tally.produced += items.len() as u64;
                let to = items.len();
                self.ready.push_back(Loan { chunk: Arc::new(items), from: 0, to, attempt: 0 });
            }
            Event::Drained => self.drained = true,
            Event::Asked { lane } => orders.push(self.answer(lane)),
            Event::Accepted { lane } => {
                self.settle_first(lane);
                self.accepted += 1;
            }
            Event::Failed { lane } => {
                if let Some(suspect) = self.settle_first(lane) {
                    self.charge(suspect, false, orders);
                } else {
                    self.tally.failed += 1;
                }
            }
            Event::Died { lane } => self.bury(lane, orders),
            Event::Acked { items } => {
                self.accepted -= items;
                self.tally.done += items;
            }
        }
    }

    fn answer(&mut self, lane: usize) -> Order<T> {
        assert!(self.lanes[lane].is_none(), "lane {lane} asks while it owes");
        if let Some(loan) = self.ready.pop_front() {
            let kept = (self.delivery == Delivery::Lease).then(|| loan.clone());
            self.lanes[lane] = Some(Stub { owed: loan.items().len(), kept });
            Order::Lend { lane, loan }
        } else if self.can_answer() {
            Order::Dismiss { lane }
        } else {
            // What others hold may still come back.
            Order::Wait { lane }
        }
    }

    /// Takes the first owed item off the lane's stub; gives it back alone if the ledger kept it.
    fn settle_first(&mut self, lane: usize) -> Option<Loan<T>> {
        let stub = self.lanes[lane].as_mut().expect("only a holder settles");
        stub.owed -= 1;
        let first = stub.kept.as_mut().map(|kept| {
            let first = kept.part(kept.from, kept.from + 1, kept.attempt);
            *kept = kept.part(kept.from + 1, kept.to, 0);
            first
        });
        if stub.owed == 0 {
            self.lanes[lane] = None;
        }
        first
    }

    fn bury(&mut self, lane: usize, orders: &mut Vec<Order<T>>) {
        match self.lanes[lane].take() {
            None => {}
            Some(Stub { owed, kept: None }) => self.tally.lost += owed as u64,
            Some(Stub { kept: Some(kept), .. }) => {
                let innocent = kept.part(kept.from + 1, kept.to, 0);
                if !innocent.items().is_empty() {
                    self.ready.push_front(innocent);
                }
                let suspect = kept.part(kept.from, kept.from + 1, kept.attempt);
                self.charge(suspect, true, orders);
            }
        }
    }

    /// One attempt of this item went wrong: once more, or never again.
    fn charge(&mut self, suspect: Loan<T>, deadly: bool, orders: &mut Vec<Order<T>>) {
        if suspect.attempt + 1 < self.attempts_max {
            self.ready.push_front(Loan { attempt: suspect.attempt + 1, ..suspect });
            return;
        }
        if deadly {
            self.tally.quarantined += 1;
        } else {
            self.tally.failed += 1;
        }
        orders.push(Order::SetAside { loan: suspect, deadly });
    }
}

#[cfg(test)]
mod tests;
