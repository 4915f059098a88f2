//! Where finished items become batches, and who holds those. Pure: items, deaths and time in, orders out.
//!
//! A batcher runs no code of its own but its splitter, so it is no thread: whoever brings an item steps
//! it. It is still a process of the supervision tree, and can be killed: under hand-over what it held is
//! lost then, under leases it is the dock's and stays.

use super::batcher::{BatchInfo, Batcher, Event as Batching};
use super::ledger::Delivery;
use crate::handler::Done;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// A batch on its way.
pub(crate) struct Pack<T> {
    pub(crate) info: BatchInfo,
    pub(crate) items: Vec<Done<T>>,
}

/// A batch worker, in one of its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) worker: usize,
    pub(crate) incarnation: u32,
}

pub(crate) enum Event<T> {
    /// Finished items come in, as one list.
    Put(Vec<Done<T>>),
    /// A batch worker begins a life.
    Joined(Holder),
    /// A batch worker wants a batch.
    Asked(Holder),
    /// It has handled the batch that it holds.
    Handled(Holder),
    /// It is gone, with or without a batch in hand.
    Left(Holder),
    /// The run ends without it: the batch that it holds stays as it is.
    Forsaken(Holder),
    /// The batcher was killed.
    BatcherDied,
    /// Who brought what waits for the batcher died.
    BringerDied,
    /// The batcher is there, perhaps again.
    BatcherStarted,
    /// There will be no more items.
    Closed,
    /// This item comes in, but not before then.
    Later(Instant, Done<T>),
    /// Time passed.
    Tick,
}

pub(crate) enum Order<T> {
    /// Handle this.
    Lend(Arc<Pack<T>>),
    /// There is nothing now.
    Wait,
    /// There will never be anything again.
    Dismiss,
    /// Who asks or brings does so from a former life.
    Refuse,
    /// The worker's account of its batch counts.
    Granted,
    /// So many items are lost.
    Lost(usize),
    /// So many items came back.
    Returned(usize),
}

struct Stub<T> {
    incarnation: u32,
    alive: bool,
    owed: usize,
    /// The whole knob: the batch under leases, nothing under hand-over.
    kept: Option<Arc<Pack<T>>>,
}

/// One batcher with its batch workers.
pub(crate) struct Dock<T> {
    delivery: Delivery,
    batcher: Batcher<Done<T>>,
    started: bool,
    closed: bool,
    /// Brought while the batcher is away.
    ashore: Vec<Done<T>>,
    later: Vec<(Instant, Done<T>)>,
    /// One queue, or one for each worker when batches are partitioned.
    ready: Vec<VecDeque<Arc<Pack<T>>>>,
    workers: Vec<Stub<T>>,
}

impl<T> Dock<T> {
    pub(crate) fn new(
        delivery: Delivery,
        batcher: Batcher<Done<T>>,
        workers: usize,
        partitioned: bool,
    ) -> Self {
        let queues = if partitioned { workers } else { 1 };
        let stub = |_| Stub { incarnation: 0, alive: false, owed: 0, kept: None };
        Self {
            delivery,
            batcher,
            started: false,
            closed: false,
            ashore: Vec::new(),
            later: Vec::new(),
            ready: (0..queues).map(|_| VecDeque::new()).collect(),
            workers: (0..workers).map(stub).collect(),
        }
    }

    /// When a `Tick` is due, if ever.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let later = self.later.iter().map(|(due, _)| *due).min();
        [self.batcher.deadline(), later].into_iter().flatten().min().filter(|_| self.started)
    }

    /// Whoever brings items waits until a batch is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.ready.iter().map(VecDeque::len).sum::<usize>() > self.workers.len()
            || !self.ashore.is_empty()
    }

    /// Whether a worker that waits would now be answered otherwise.
    pub(crate) fn can_answer(&self) -> bool {
        self.ready.iter().any(|queue| !queue.is_empty())
            || (self.started && !self.ashore.is_empty())
            || self.is_over()
    }

    /// Items that are here.
    pub(crate) fn held(&self) -> (usize, usize) {
        let ready: usize = self.ready.iter().flatten().map(|pack| pack.items.len()).sum();
        let owed: usize = self.workers.iter().map(|w| w.owed).sum();
        (self.batcher.len() + self.ashore.len() + self.later.len() + ready, owed)
    }

    /// Items in the hands of one worker.
    pub(crate) fn owed(&self, worker: usize) -> usize {
        self.workers[worker].owed
    }

    fn is_over(&self) -> bool {
        self.closed && self.held() == (0, 0)
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event<T>, orders: &mut Vec<Order<T>>) {
        match event {
            Event::Put(items) if self.started && self.ashore.is_empty() => {
                self.fill(now, items, orders);
            }
            Event::Put(items) => {
                self.ashore.extend(items);
                self.board(now, orders);
            }
            Event::Joined(holder) => {
                let former = self.workers[holder.worker].incarnation;
                // One that was given up while it started comes too late.
                if holder.incarnation <= former {
                    return orders.push(Order::Refuse);
                }
                self.leave(Holder { incarnation: former, ..holder }, orders);
                let stub = &mut self.workers[holder.worker];
                (stub.incarnation, stub.alive) = (holder.incarnation, true);
            }
            Event::Asked(holder) => {
                let answer = self.answer(holder);
                orders.push(answer);
            }
            Event::Handled(holder) => orders.push(match self.stub(holder) {
                Some(stub) => {
                    (stub.owed, stub.kept) = (0, None);
                    Order::Granted
                }
                None => Order::Refuse,
            }),
            Event::Left(holder) => self.leave(holder, orders),
            Event::Forsaken(holder) => {
                if let Some(stub) = self.stub(holder) {
                    stub.alive = false;
                }
            }
            Event::BatcherDied => self.sink(orders),
            Event::BringerDied => {
                // It waits in the buffer of a processor, as in GenStage, and dies with it.
                if self.delivery == Delivery::HandOver && !self.ashore.is_empty() {
                    orders.push(Order::Lost(std::mem::take(&mut self.ashore).len()));
                }
            }
            Event::BatcherStarted => {
                // Who says so is the supervisor, which runs no splitters: what is ashore waits for a `Tick`.
                self.started = true;
                self.flush_if_closed(now);
            }
            Event::Closed => {
                self.closed = true;
                self.flush_if_closed(now);
            }
            Event::Later(due, item) => self.later.push((due, item)),
            Event::Tick => self.tick(now, orders),
        }
    }

    fn stub(&mut self, holder: Holder) -> Option<&mut Stub<T>> {
        let stub = &mut self.workers[holder.worker];
        (stub.alive && stub.incarnation == holder.incarnation).then_some(stub)
    }

    /// What is ashore comes in, if the batcher is there.
    fn board(&mut self, now: Instant, orders: &mut Vec<Order<T>>) {
        if self.started && !self.ashore.is_empty() {
            let ashore = std::mem::take(&mut self.ashore);
            self.fill(now, ashore, orders);
        }
    }

    fn fill(&mut self, now: Instant, items: Vec<Done<T>>, orders: &mut Vec<Order<T>>) {
        // A batch whose time is up has gone out, although nobody was free to see to it.
        if self.batcher.deadline().is_some_and(|due| due <= now) {
            self.batch(now, Batching::Tick);
        }
        let should = items.len() + self.held().0;
        let routed = items.into_iter().map(|done| (done.route.key, done.route.flush, done));
        self.batch(now, Batching::Items(routed.collect()));
        // What comes late is not followed by anything.
        self.flush_if_closed(now);
        let lost = should - self.held().0;
        if lost > 0 {
            orders.push(Order::Lost(lost));
        }
    }

    fn tick(&mut self, now: Instant, orders: &mut Vec<Order<T>>) {
        self.board(now, orders);
        let ripe: Vec<_> = self.later.extract_if(.., |(due, _)| *due <= now).collect();
        if !ripe.is_empty() {
            self.fill(now, ripe.into_iter().map(|(_, item)| item).collect(), orders);
        }
        self.batch(now, Batching::Tick);
    }

    fn flush_if_closed(&mut self, now: Instant) {
        if self.closed && self.started && !self.batcher.is_empty() {
            self.batch(now, Batching::Flush);
        }
    }

    fn batch(&mut self, now: Instant, event: Batching<Done<T>>) {
        let mut full = Vec::new();
        // A splitter that panics costs its batcher the list that it was asked about.
        let batcher = &mut self.batcher;
        catch_unwind(AssertUnwindSafe(|| batcher.step(now, event, &mut full))).ok();
        for (info, items) in full {
            let queue = info.partition.filter(|_| self.ready.len() > 1).unwrap_or(0);
            self.ready[queue].push_back(Arc::new(Pack { info, items }));
        }
    }

    fn answer(&mut self, holder: Holder) -> Order<T> {
        let queue = if self.ready.len() > 1 { holder.worker } else { 0 };
        let (delivery, over) = (self.delivery, self.is_over());
        if self.stub(holder).is_none() {
            return Order::Refuse;
        }
        let Some(pack) = self.ready[queue].pop_front() else {
            return if over { Order::Dismiss } else { Order::Wait };
        };
        let stub = &mut self.workers[holder.worker];
        stub.owed = pack.items.len();
        stub.kept = (delivery == Delivery::Lease).then(|| pack.clone());
        Order::Lend(pack)
    }

    fn leave(&mut self, holder: Holder, orders: &mut Vec<Order<T>>) {
        let Some(stub) = self.stub(holder) else { return };
        stub.alive = false;
        let (owed, kept) = (std::mem::take(&mut stub.owed), stub.kept.take());
        let queue = if self.ready.len() > 1 { holder.worker } else { 0 };
        // Batches of a partition go with who was to handle them, as in Broadway.
        let dies = self.delivery == Delivery::HandOver && self.ready.len() > 1;
        let queued = if dies { std::mem::take(&mut self.ready[queue]) } else { VecDeque::new() };
        let owed = owed + queued.iter().map(|pack| pack.items.len()).sum::<usize>();
        match kept {
            _ if owed == 0 => {}
            None => orders.push(Order::Lost(owed)),
            Some(pack) => {
                self.ready[queue].push_front(pack);
                orders.push(Order::Returned(owed));
            }
        }
    }

    /// The batcher is gone: with what it held, under hand-over.
    fn sink(&mut self, orders: &mut Vec<Order<T>>) {
        self.started = false;
        if self.delivery == Delivery::Lease {
            return;
        }
        let ready = self.ready.iter_mut().flat_map(|queue| queue.drain(..));
        let ready: usize = ready.map(|pack| pack.items.len()).sum();
        let waiting =
            std::mem::take(&mut self.ashore).len() + std::mem::take(&mut self.later).len();
        let lost = ready + self.batcher.clear() + waiting;
        if lost > 0 {
            orders.push(Order::Lost(lost));
        }
    }
}

#[cfg(test)]
mod tests;
