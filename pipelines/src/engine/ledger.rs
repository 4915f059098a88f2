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

use crate::message::{ItemId, Tally};
use crate::producer::Entry;
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

/// Items lent together: what one `produce` returned, or a part of it.
pub struct Loan<T> {
    chunk: Arc<Vec<Entry<T>>>,
    from: usize,
    to: usize,
    /// Attempts of the first item that failed before; the others have none.
    pub attempt: u32,
    producer: usize,
    queue: usize,
}

impl<T> Clone for Loan<T> {
    fn clone(&self) -> Self {
        Self { chunk: self.chunk.clone(), ..*self }
    }
}

impl<T> Loan<T> {
    /// The items, in order.
    pub fn items(&self) -> &[Entry<T>] {
        &self.chunk[self.from..self.to]
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.to - self.from
    }
    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }
    /// One item of it, alone.
    pub fn one(&self, index: usize) -> Self {
        let attempt = if index == 0 { self.attempt } else { 0 };
        Self { from: self.from + index, to: self.from + index + 1, attempt, ..self.clone() }
    }
    /// Takes the first `items` off it, or all.
    pub fn take(&mut self, items: usize) -> Self {
        let cut = self.to.min(self.from + items);
        let first = Self { to: cut, ..self.clone() };
        (self.from, self.attempt) = (cut, if items == 0 { self.attempt } else { 0 });
        first
    }
}

/// A lane, in one of its lives. What a former life still says is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Which lane.
    pub lane: usize,
    /// Which life of it.
    pub incarnation: u32,
}

/// What was decided about an item that had gone wrong.
pub enum Verdict<T> {
    /// It failed.
    Failed,
    /// It is set aside.
    Quarantined,
    /// It goes on, in spite of it.
    Rerouted,
    /// It is tried once more, not before then.
    Retried(Loan<T>, Instant),
}

/// What happens to items.
pub enum Event<T> {
    /// A producer is being asked for so many.
    Promised(usize),
    /// It answered. `promised` of what it was asked for are not to be expected any more.
    Taken {
        /// Which producer, from 0.
        producer: usize,
        /// Only for this lane, or for any.
        lane: Option<usize>,
        /// What it had been asked for.
        promised: usize,
        /// What it gave.
        items: Vec<Entry<T>>,
    },
    /// Items that a transformer could not make: they are produced and failed at once.
    Unmade(usize),
    /// A producer has no more.
    Drained {
        /// Which.
        producer: usize,
    },
    /// A producer begins, perhaps again.
    Opened {
        /// Which.
        producer: usize,
    },
    /// A producer died, and what it had not handed over yet with it, unless the ledger owns it.
    ProducerDied {
        /// Which.
        producer: usize,
    },
    /// A lane begins a life.
    Joined(Holder),
    /// A lane has room for more.
    Asked(Holder),
    /// The first items that the lane still owes are finished and accepted.
    Accepted {
        /// Which lane.
        holder: Holder,
        /// How many.
        items: usize,
    },
    /// The first item that the lane still owes came back with an error; its holder lives.
    Failed {
        /// Which lane.
        holder: Holder,
        /// The item, from the lane's own hand.
        loan: Loan<T>,
    },
    /// What the lane works with died of the first item it owes, the others are innocent. The lane lives.
    Fell(Holder),
    /// The lane died of the first item it owes; the others are innocent.
    Died(Holder),
    /// The holder is gone; no item is to blame.
    Left(Holder),
    /// An order to set aside was followed.
    Judged(Verdict<T>),
    /// So many accepted items were handled to the end.
    Acked(usize),
    /// So many accepted items failed later.
    Spoiled(usize),
    /// So many accepted items died with whoever held them.
    Lost(usize),
    /// Nothing new is lent while it is so.
    Paused(bool),
    /// Time passed.
    Tick,
}

/// What the ledger wants done.
pub enum Order<T> {
    /// Give the lane this loan.
    Lend(Loan<T>),
    /// There is nothing for the lane now; it may ask again after the next change.
    Wait,
    /// There will never be anything for the lane again.
    Dismiss,
    /// The lane speaks from a former life: it is to go, and what it says does not count.
    Refuse,
    /// The first item of this loan is given up; it had `loan.attempt + 1` attempts. Answered by
    /// [`Event::Judged`].
    SetAside {
        /// The item, alone.
        loan: Loan<T>,
        /// True when it killed its workers, false when it returned errors.
        deadly: bool,
    },
    /// So many items are lost.
    Lost(usize),
    /// So many items came back.
    Returned(usize),
}

/// How the ledger of a stage is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What it keeps.
    pub delivery: Delivery,
    /// How many lanes there are.
    pub lanes: usize,
    /// How many producers there are.
    pub producers: usize,
    /// An item is given up after so many attempts; under hand-over after the first.
    pub attempts_max: u32,
    /// A lane holds at most so many items …
    pub max_demand: usize,
    /// … and asks for more at so many.
    pub min_demand: usize,
    /// So many items wait in the ledger beyond what lanes asked for.
    pub ahead: usize,
    /// Each lane has a queue of its own.
    pub partitioned: bool,
}

/// What the ledger knows of a lane.
struct Stub<T> {
    incarnation: u32,
    alive: bool,
    /// Items in its hands and in its mailbox.
    owed: usize,
    /// Items it asked for and has not got.
    unmet: usize,
    /// The whole knob: what it owes, in order, under leases; always empty under hand-over.
    kept: VecDeque<Loan<T>>,
    /// Dispatched to it, not fetched yet.
    mailbox: VecDeque<Loan<T>>,
}

/// The ledger of one stage.
pub struct Ledger<T> {
    terms: Terms,
    ready: Vec<VecDeque<Loan<T>>>,
    waiting: usize,
    promised: usize,
    /// For each queue, items that were asked for by lanes that died since: they will be given to nobody.
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
        let stub = |_| Stub {
            incarnation: 0,
            alive: false,
            owed: 0,
            unmet: 0,
            kept: VecDeque::new(),
            mailbox: VecDeque::new(),
        };
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
            lanes: (0..terms.lanes).map(stub).collect(),
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
        // What waits is refilled when half of it is gone, so that the producer is not woken for each.
        if self.paused || (have > self.terms.ahead / 2 && unmet <= have) {
            return 0;
        }
        (self.terms.ahead + unmet).saturating_sub(have)
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

    /// Nothing is left for any lane, and nothing will come.
    fn is_over(&self) -> bool {
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
                self.take(producer, lane, items, orders);
            }
            Event::Unmade(items) => {
                self.tally.produced += items as u64;
                self.tally.failed += items as u64;
            }
            Event::Drained { producer } => self.open[producer] = false,
            Event::Opened { producer } => self.open[producer] = true,
            Event::ProducerDied { producer } => self.bury_producer(producer, orders),
            Event::Joined(holder) => self.join(holder, orders),
            Event::Asked(holder) => match self.stub(holder) {
                Some(_) => self.answer(holder.lane, orders),
                None => orders.push(Order::Refuse),
            },
            Event::Accepted { holder, items } => match self.stub(holder) {
                Some(stub) => {
                    stub.settle(items);
                    self.accepted += items as i64;
                }
                None => orders.push(Order::Refuse),
            },
            Event::Failed { holder, loan } => match self.stub(holder) {
                Some(stub) => {
                    stub.settle(1);
                    self.charge(loan, false, orders);
                }
                None => orders.push(Order::Refuse),
            },
            Event::Fell(holder) => {
                if self.stub(holder).is_some() {
                    self.bury(holder, true, orders);
                    self.lanes[holder.lane].alive = true;
                }
            }
            Event::Died(holder) => self.bury(holder, true, orders),
            Event::Left(holder) => self.bury(holder, false, orders),
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
            Event::Paused(paused) => self.paused = paused,
            Event::Tick => self.ripen(now),
        }
    }

    fn stub(&mut self, holder: Holder) -> Option<&mut Stub<T>> {
        let stub = &mut self.lanes[holder.lane];
        (stub.alive && stub.incarnation == holder.incarnation).then_some(stub)
    }

    fn queue_of(&self, lane: usize) -> usize {
        if self.terms.partitioned { lane } else { 0 }
    }

    fn take(
        &mut self,
        producer: usize,
        lane: Option<usize>,
        items: Vec<Entry<T>>,
        orders: &mut Vec<Order<T>>,
    ) {
        let to = items.len();
        self.tally.produced += to as u64;
        let queue = lane.unwrap_or(0);
        let chunk = Arc::new(items);
        let mut loan = Loan { chunk, from: 0, to, attempt: 0, producer, queue };
        let ghosts = loan.take(self.ghosts[queue]).len();
        if ghosts > 0 {
            self.ghosts[queue] -= ghosts;
            self.lose(ghosts, orders);
        }
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
            while let Some(front) = self.ready[queue].front_mut() {
                let partitioned = self.terms.partitioned;
                let mine = |lane: usize| !partitioned || lane == queue;
                let hungry = (0..self.lanes.len()).filter(|lane| mine(*lane));
                let hungry = hungry.filter(|lane| self.lanes[*lane].unmet > 0);
                let Some(lane) = hungry.max_by_key(|l| (self.lanes[*l].unmet, usize::MAX - l))
                else {
                    break;
                };
                let loan = front.take(self.lanes[lane].unmet);
                if front.is_empty() {
                    self.ready[queue].pop_front();
                }
                self.waiting -= loan.len();
                self.lanes[lane].lend(self.terms.delivery, &loan);
                self.lanes[lane].mailbox.push_back(loan);
            }
        }
    }

    fn join(&mut self, holder: Holder, orders: &mut Vec<Order<T>>) {
        let former = Holder { incarnation: self.lanes[holder.lane].incarnation, ..holder };
        // One that was given up while it started comes too late.
        if holder.incarnation <= former.incarnation {
            return orders.push(Order::Refuse);
        }
        self.bury(former, false, orders);
        let stub = &mut self.lanes[holder.lane];
        (stub.incarnation, stub.alive) = (holder.incarnation, true);
    }

    fn answer(&mut self, lane: usize, orders: &mut Vec<Order<T>>) {
        let Terms { max_demand, min_demand, delivery, .. } = self.terms;
        let queue = self.queue_of(lane);
        let over = self.is_over();
        let stub = &mut self.lanes[lane];
        let before = orders.len();
        if stub.owed + stub.unmet <= min_demand {
            stub.unmet = max_demand - stub.owed;
        }
        while let Some(front) = self.ready[queue].front_mut().filter(|_| !self.paused) {
            if stub.unmet == 0 {
                break;
            }
            let loan = front.take(stub.unmet);
            if front.is_empty() {
                self.ready[queue].pop_front();
            }
            self.waiting -= loan.len();
            stub.lend(delivery, &loan);
            stub.mailbox.push_back(loan);
        }
        orders.extend(stub.mailbox.drain(..).map(Order::Lend));
        if orders.len() == before && stub.owed == 0 {
            orders.push(if over { Order::Dismiss } else { Order::Wait });
        }
    }

    fn bury(&mut self, holder: Holder, guilty: bool, orders: &mut Vec<Order<T>>) {
        let Some(stub) = self.stub(holder) else { return };
        stub.alive = false;
        let (owed, unmet) = (std::mem::take(&mut stub.owed), std::mem::take(&mut stub.unmet));
        let kept = std::mem::take(&mut stub.kept);
        stub.mailbox.clear();
        match self.terms.delivery {
            Delivery::HandOver => {
                // What it asked for is on its way to a mailbox that nobody reads any more.
                let queue = self.queue_of(holder.lane);
                self.ghosts[queue] += if self.terms.ahead == 0 { unmet } else { 0 };
                self.lose(owed, orders);
            }
            Delivery::Lease => {
                if owed > 0 {
                    orders.push(Order::Returned(owed));
                }
                self.take_back(kept, guilty, orders);
            }
        }
    }

    fn take_back(&mut self, mut kept: VecDeque<Loan<T>>, guilty: bool, orders: &mut Vec<Order<T>>) {
        let suspect = kept.front_mut().filter(|_| guilty).map(|first| first.take(1));
        for loan in kept.into_iter().rev().filter(|loan| !loan.is_empty()) {
            self.put_back(loan);
        }
        if let Some(suspect) = suspect {
            self.charge(suspect, true, orders);
        }
    }

    fn put_back(&mut self, loan: Loan<T>) {
        self.waiting += loan.len();
        self.ready[loan.queue].push_front(loan);
    }

    /// A producer's buffer, its limiter's and its partitions' queues go with it, under hand-over.
    fn bury_producer(&mut self, producer: usize, orders: &mut Vec<Order<T>>) {
        self.open[producer] = true;
        if self.terms.delivery == Delivery::Lease {
            return;
        }
        let mut lost = 0;
        for queue in &mut self.ready {
            queue.retain(|loan| {
                lost += if loan.producer == producer { loan.len() } else { 0 };
                loan.producer != producer
            });
        }
        // What lanes had asked the dead one for, they ask its successor.
        self.waiting -= lost;
        self.lose(lost, orders);
    }

    fn lose(&mut self, items: usize, orders: &mut Vec<Order<T>>) {
        self.tally.lost += items as u64;
        if items > 0 {
            orders.push(Order::Lost(items));
        }
    }

    /// Drops the oldest items that wait beyond so many, as a GenStage buffer does. Says how many.
    pub fn overflow(&mut self, most: usize) -> usize {
        let dropped = self.waiting.saturating_sub(most);
        for _ in 0..dropped {
            let queues = self.ready.iter_mut().filter(|queue| !queue.is_empty());
            let Some(queue) = queues.min_by_key(|queue| queue[0].items()[0].id) else { break };
            queue[0].take(1);
            if queue[0].is_empty() {
                queue.pop_front();
            }
        }
        self.waiting -= dropped;
        self.tally.lost += dropped as u64;
        dropped
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

impl<T> Stub<T> {
    fn lend(&mut self, delivery: Delivery, loan: &Loan<T>) {
        self.unmet -= loan.len();
        self.owed += loan.len();
        if delivery == Delivery::Lease {
            self.kept.push_back(loan.clone());
        }
    }

    /// The first items it owes are settled.
    fn settle(&mut self, mut items: usize) {
        self.owed -= items;
        while items > 0
            && let Some(first) = self.kept.front_mut()
        {
            items -= first.take(items).len();
            if first.is_empty() {
                self.kept.pop_front();
            }
        }
    }
}

/// The ids of a loan, for those who only want to know who is in it.
pub fn ids<T>(loan: &Loan<T>) -> impl Iterator<Item = ItemId> {
    loan.items().iter().map(|entry| entry.id)
}

#[cfg(test)]
mod tests;
