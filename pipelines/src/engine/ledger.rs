//! Who owns each item. Pure: events in, orders out; no thread, no clock, no process.
//!
//! Under [`Delivery::Lease`] the ledger owns every item and a lane only borrows it: when the holder
//! dies, its loan is void and the item goes to the next one. Under [`Delivery::HandOver`] the ledger is
//! a book-keeper: the lane holds the only copy, and what dies with it is written off as lost.
//!
//! Demand is GenStage's: a lane holds up to `max_demand` items, and asks for more once it holds
//! `min_demand` or fewer. With `ahead` = 0 producers are asked for exactly that, and what they give goes
//! straight into the lanes' mailboxes; otherwise so many items wait in the ledger, where a death of a
//! lane cannot reach them.

mod loan;
mod losses;
mod said;

pub use loan::{Loan, ids};
pub use said::{Delivery, Event, Holder, Order, Terms, Verdict};

use crate::message::Tally;
use crate::producer::Entry;
use loan::Stub;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

/// The ledger of one stage.
pub struct Ledger<T> {
    terms: Terms,
    ready: Vec<VecDeque<Loan<T>>>,
    waiting: usize,
    promised: usize,
    /// For each queue, items that were asked for by lanes that died since: what producers give in answer
    /// reaches nobody.
    ghosts: Vec<usize>,
    later: Vec<(Instant, Loan<T>)>,
    lanes: Vec<Stub<T>>,
    judged: usize,
    accepted: i64,
    open: Vec<bool>,
    paused: bool,
    tally: Tally,
}

impl<T> Ledger<T> {
    /// An empty ledger.
    pub fn new(terms: Terms) -> Self {
        let queues = if terms.partitioned { terms.lanes } else { 1 };
        // Handed over, nobody has kept an item to try it again with.
        let lease = terms.delivery == Delivery::Lease;
        let attempts_max = if lease { terms.attempts_max.max(1) } else { 1 };
        let terms = Terms { attempts_max, ..terms };
        Self {
            ready: (0..queues).map(|_| VecDeque::new()).collect(),
            waiting: 0,
            promised: 0,
            ghosts: vec![0; queues],
            later: Vec::new(),
            lanes: (0..terms.lanes).map(|_| Stub::new()).collect(),
            judged: 0,
            accepted: 0,
            open: vec![true; terms.producers],
            paused: false,
            tally: Tally::default(),
            terms,
        }
    }

    /// What it adds up to so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Items that wait for a lane.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// Items in the hands and in the mailbox of a lane.
    pub fn owed(&self, lane: usize) -> usize {
        self.lanes[lane].owed
    }

    /// Items that are finished by the stage and not settled.
    pub fn accepted(&self) -> usize {
        self.accepted.max(0) as usize
    }

    /// Items that a producer should be asked for now.
    pub fn room(&self) -> usize {
        let unmet = self.lanes.iter().map(|l| &l.unmet).chain(&self.ghosts).sum::<usize>();
        let have = self.waiting + self.promised;
        let ahead = self.terms.ahead * self.handful().div_ceil(self.terms.max_demand.max(1));
        // What waits is refilled when half of it is gone, so that the producer is not woken for each.
        if self.paused || (have > ahead / 2 && unmet <= have) {
            return 0;
        }
        (ahead + unmet).saturating_sub(have)
    }

    /// Items that a lane takes at once, the greediest.
    pub fn handful(&self) -> usize {
        self.lanes.iter().map(|lane| lane.pace).fold(self.terms.max_demand, usize::max)
    }

    /// When a `Tick` is due, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        self.later.iter().map(|(due, _)| *due).min()
    }

    /// Whether a lane that waits would now be answered otherwise.
    pub fn can_answer(&self) -> bool {
        !self.paused && self.waiting > 0
            || self.is_over()
            || self.lanes.iter().any(|l| !l.mailbox.is_empty())
    }

    /// Nothing is left for any lane, and nothing will come: what came all the same would reach nobody.
    pub fn is_over(&self) -> bool {
        self.open.iter().all(|open| !open)
            && self.waiting + self.promised + self.judged + self.later.len() == 0
            && self.lanes.iter().all(|l| l.owed == 0)
    }

    /// Items that were taken and are not settled.
    pub fn in_flight(&self) -> u64 {
        let lent: usize = self.lanes.iter().map(|l| l.owed).sum();
        let held = self.waiting + self.later.len() + lent + self.judged;
        (held as i64 + self.accepted) as u64
    }

    /// Takes in one event and appends what is to be done. Never waits.
    pub fn step(&mut self, now: Instant, event: Event<T>, orders: &mut Vec<Order<T>>) {
        match event {
            Event::Promised(items) => self.promised += items,
            Event::Taken { producer, lane, promised, items } => {
                self.promised = self.promised.saturating_sub(promised);
                if items.is_empty() && promised > 0 {
                    // Who has nothing to give hears of the dead before it has.
                    self.ghosts.fill(0);
                }
                // What nobody asked for was not asked for by the dead either.
                let ghosts = self.ghosts[lane.unwrap_or(0)].min(promised).min(items.len());
                self.take(producer, lane, items, ghosts, orders);
            }
            Event::Unmade(items) => {
                self.tally.produced += items as u64;
                self.tally.failed += items as u64;
            }
            Event::Drained { producer } => self.open[producer] = false,
            Event::Opened { producer } => self.open[producer] = true,
            Event::ProducerDied { producer } => self.bury_producer(producer, orders),
            Event::Joined(holder) => self.join(holder, orders),
            Event::Asked(holder)
            | Event::Paced { holder, .. }
            | Event::Accepted { holder, .. }
            | Event::Failed { holder, .. }
                if !self.knows(holder) =>
            {
                orders.push(Order::Refuse);
            }
            Event::Asked(holder) => self.answer(holder.lane, orders),
            Event::Paced { holder, items } => self.lanes[holder.lane].pace = items,
            Event::Accepted { holder, items } => {
                self.lanes[holder.lane].settle(items);
                self.accepted += items as i64;
            }
            Event::Failed { holder, loan } => {
                self.lanes[holder.lane].settle(1);
                self.charge(loan, false, orders);
            }
            Event::Fell { holder, deaths } if self.knows(holder) => {
                // The lane lives, and will ask again.
                self.lanes[holder.lane].unmet = 0;
                self.bury(holder, deaths, 0, orders);
                self.lanes[holder.lane].alive = true;
            }
            Event::Fell { .. } => {}
            Event::Died(holder) => {
                let queued = self.orphan(holder);
                self.bury(holder, 1, queued, orders);
            }
            Event::Left(holder) => {
                let queued = self.orphan(holder);
                self.bury(holder, 0, queued, orders);
            }
            Event::Forsaken(holder) if self.knows(holder) => self.lanes[holder.lane].alive = false,
            Event::Forsaken(_) => {}
            Event::Judged(verdict) => self.judge(verdict),
            Event::Acked(items) => {
                self.accepted -= items as i64;
                self.tally.done += items as u64;
            }
            Event::Spoiled(items) => {
                self.accepted -= items as i64;
                self.tally.failed += items as u64;
            }
            Event::Lost(items) => {
                self.accepted -= items as i64;
                self.tally.lost += items as u64;
            }
            Event::Swallowed { lane } => self.swallow(lane, orders),
            Event::Paused(paused) => self.paused = paused,
            Event::Tick => self.ripen(now),
        }
    }

    /// Whether this is the life that the lane lives now.
    fn knows(&self, holder: Holder) -> bool {
        let stub = &self.lanes[holder.lane];
        stub.alive && stub.incarnation == holder.incarnation
    }

    fn queue_of(&self, lane: usize) -> usize {
        if self.terms.partitioned { lane } else { 0 }
    }

    fn take(
        &mut self,
        producer: usize,
        lane: Option<usize>,
        items: Vec<Entry<T>>,
        ghosts: usize,
        orders: &mut Vec<Order<T>>,
    ) {
        let to = items.len();
        self.tally.produced += to as u64;
        let queue = lane.unwrap_or(0);
        let chunk = Arc::new(items);
        let mut loan = Loan { chunk, from: 0, to, attempt: 0, producer, queue };
        loan.take(ghosts);
        self.ghosts[queue] -= ghosts;
        self.lose(ghosts, orders);
        if !loan.is_empty() {
            self.waiting += loan.len();
            self.ready[queue].push_back(loan);
        }
        self.dispatch();
    }

    /// Without anything kept ahead, what is there goes to the lanes that asked, the hungriest first.
    fn dispatch(&mut self) {
        if self.terms.ahead > 0 || self.paused {
            return;
        }
        for queue in 0..self.ready.len() {
            while !self.ready[queue].is_empty()
                && let Some(lane) = self.hungriest(queue)
            {
                self.lend(queue, lane);
            }
        }
    }

    /// The lane that still asks for most from this queue, and of several the first.
    fn hungriest(&self, queue: usize) -> Option<usize> {
        let mine = (0..self.lanes.len()).filter(|lane| self.queue_of(*lane) == queue);
        let hungry = mine.filter(|lane| self.lanes[*lane].unmet > 0);
        hungry.max_by_key(|lane| (self.lanes[*lane].unmet, usize::MAX - lane))
    }

    /// Lends what comes first in a queue, or as much of it as the lane asks for; false when that is
    /// nothing.
    fn lend(&mut self, queue: usize, lane: usize) -> bool {
        let stub = &mut self.lanes[lane];
        let front = self.ready[queue].front_mut().filter(|_| stub.unmet > 0);
        let Some(front) = front else { return false };
        let loan = front.take(stub.unmet);
        if front.is_empty() {
            self.ready[queue].pop_front();
        }
        self.waiting -= loan.len();
        stub.lend(self.terms.delivery, loan);
        true
    }

    fn join(&mut self, holder: Holder, orders: &mut Vec<Order<T>>) {
        let former = Holder { incarnation: self.lanes[holder.lane].incarnation, ..holder };
        // One that was given up while it started comes too late.
        if holder.incarnation <= former.incarnation {
            return orders.push(Order::Refuse);
        }
        let queued = self.orphan(former);
        self.bury(former, 0, queued, orders);
        let stub = &mut self.lanes[holder.lane];
        (stub.incarnation, stub.alive, stub.pace) = (holder.incarnation, true, 1);
    }

    fn answer(&mut self, lane: usize, orders: &mut Vec<Order<T>>) {
        let Terms { max_demand, min_demand, .. } = self.terms;
        let (queue, over, before) = (self.queue_of(lane), self.is_over(), orders.len());
        let stub = &mut self.lanes[lane];
        if stub.owed + stub.unmet + stub.swallowed <= min_demand {
            stub.unmet = max_demand.max(stub.pace) - stub.owed - stub.swallowed;
        }
        while !self.paused && self.lend(queue, lane) {}
        let stub = &mut self.lanes[lane];
        orders.extend(stub.mailbox.drain(..).map(Order::Lend));
        if orders.len() == before && stub.owed == 0 {
            orders.push(if over { Order::Dismiss } else { Order::Wait });
        }
    }

    /// Of its first item the holder has died so often.
    fn bury(&mut self, holder: Holder, deaths: u32, queued: usize, orders: &mut Vec<Order<T>>) {
        if !self.knows(holder) {
            return;
        }
        let stub = &mut self.lanes[holder.lane];
        (stub.alive, stub.swallowed) = (false, 0);
        let (owed, unmet) = (std::mem::take(&mut stub.owed), std::mem::take(&mut stub.unmet));
        let kept = std::mem::take(&mut stub.kept);
        stub.mailbox.clear();
        match self.terms.delivery {
            Delivery::HandOver => {
                // What it asked for is on its way to a mailbox that nobody reads any more.
                let queue = self.queue_of(holder.lane);
                self.ghosts[queue] += if self.terms.ahead == 0 { unmet } else { 0 };
                self.lose(owed + queued, orders);
            }
            Delivery::Lease => {
                if owed > 0 {
                    orders.push(Order::Returned(owed));
                }
                self.take_back(kept, deaths, orders);
            }
        }
    }

    /// A partition's queue goes with its consumer, under hand-over (partition_dispatcher.ex, `cancel`). Says
    /// how many items that were.
    fn orphan(&mut self, holder: Holder) -> usize {
        let dies = self.terms.partitioned && self.terms.delivery == Delivery::HandOver;
        if !dies || !self.knows(holder) {
            return 0;
        }
        let queued = std::mem::take(&mut self.ready[holder.lane]).iter().map(Loan::len).sum();
        self.waiting -= queued;
        queued
    }

    fn take_back(&mut self, mut kept: VecDeque<Loan<T>>, deaths: u32, orders: &mut Vec<Order<T>>) {
        let suspect = kept.front_mut().filter(|_| deaths > 0).map(|first| first.take(1));
        for loan in kept.into_iter().rev().filter(|loan| !loan.is_empty()) {
            self.put_back(loan);
        }
        if let Some(mut suspect) = suspect {
            suspect.attempt += deaths - 1;
            self.charge(suspect, true, orders);
        }
    }

    fn put_back(&mut self, loan: Loan<T>) {
        self.waiting += loan.len();
        self.ready[loan.queue].push_front(loan);
    }

    /// One attempt of this item went wrong: once more, or never again.
    fn charge(&mut self, suspect: Loan<T>, deadly: bool, orders: &mut Vec<Order<T>>) {
        if suspect.attempt + 1 < self.terms.attempts_max {
            self.put_back(Loan { attempt: suspect.attempt + 1, ..suspect });
            return;
        }
        self.judged += 1;
        orders.push(Order::SetAside { loan: suspect, deadly });
    }

    fn judge(&mut self, verdict: Verdict<T>) {
        self.judged -= 1;
        match verdict {
            Verdict::Failed => self.tally.failed += 1,
            Verdict::Quarantined => self.tally.quarantined += 1,
            Verdict::Rerouted => self.accepted += 1,
            Verdict::Retried(loan, due) => self.later.push((due, loan)),
        }
    }

    fn ripen(&mut self, now: Instant) {
        self.later.sort_by_key(|(due, _)| *due);
        let ripe = self.later.partition_point(|(due, _)| *due <= now);
        for (_, loan) in self.later.drain(..ripe).collect::<Vec<_>>().into_iter().rev() {
            self.put_back(Loan { attempt: loan.attempt + 1, ..loan });
        }
        self.dispatch();
    }
}

#[cfg(test)]
mod tests;
