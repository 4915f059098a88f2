//! What a user implements to do the work, and what may cross a process boundary.

use crate::acknowledger::Ticket;
use crate::black_box::Receipts;
use crate::engine::batcher::{BatchInfo, Trigger};
use crate::engine::leave::Leave;
use crate::fault::strike::{Misconduct, Strike, Unit};
use crate::fault::{Fault, Point};
use crate::isolation::segment::{Buf, Segment};
use crate::message::{Failure, ItemId};
use crate::producer::Entry;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// One kind of work, done item by item by a crew of workers.
///
/// `open` runs at every start and restart: a crash leaves no state behind. `handle` borrows its input,
/// so that whoever holds the item survives whoever handles it, and writes through its desk.
pub trait Handler: Sized + 'static {
    /// What `open` needs. It crosses `exec`, which a closure cannot.
    type Config: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// What comes in.
    type In: Send + Sync + 'static;
    /// What goes out.
    type Out: Send + Sync + 'static;
    /// Loads what all workers share, such as a native library: once, in the process that isolated workers are
    /// forked from. What it starts a thread for costs: a fork would lack it, so that each worker is then started
    /// afresh, and calls this itself. In threads it is not called.
    ///
    /// # Errors
    /// When no worker can ever work; each counts as one that could not start.
    fn preload(config: &Self::Config) -> Result<(), Failure> {
        let _ = config;
        Ok(())
    }
    /// Bytes of private memory that `handle` takes for this item, beside what the handler always holds. Where memory
    /// is scarce, isolated workers [wait](crate::engine::admission) until that is there; what is not known is 0, and
    /// then only counts as far as workers turn out to grow.
    fn need(config: &Self::Config, input: &Self::In) -> u64 {
        let _ = (config, input);
        0
    }
    /// Makes a handler ready for its first item.
    ///
    /// # Errors
    /// When it cannot work at all; the worker then counts as one that could not start.
    fn open(config: &Self::Config) -> Result<Self, Failure>;
    /// Sees the items that it will be given next, to fetch for all of them at once, say. Only in threads:
    /// a worker process is given its items one at a time.
    ///
    /// # Errors
    /// When none of them can be done: all fail, and `handle` sees none.
    fn prepare(&mut self, chunk: &[Entry<Self::In>]) -> Result<(), Failure> {
        let _ = chunk;
        Ok(())
    }
    /// Does one item.
    ///
    /// # Errors
    /// When this item cannot be done; it counts as one attempt.
    fn handle(&mut self, input: &Self::In, desk: &mut Desk<'_>) -> Result<Self::Out, Failure>;
}

/// Work on several finished items at once, like saving them: the end of a pipeline.
pub trait BatchHandler: Sized + Send + 'static {
    /// What `open` needs.
    type Config: Clone + Send + Sync + 'static;
    /// What comes in.
    type In: Send + Sync + 'static;
    /// Makes a handler ready for its first batch.
    ///
    /// # Errors
    /// When it cannot work at all; this ends the run.
    fn open(config: &Self::Config) -> Result<Self, Failure>;
    /// Does one batch. What `fates` says nothing of was done.
    ///
    /// # Errors
    /// When it could not be done: all of it fails if the blame is [`Blame::Item`](crate::message::Blame),
    /// else the run ends, with nothing of the batch acknowledged.
    fn handle(
        &mut self,
        info: &BatchInfo,
        batch: &[Done<Self::In>],
        fates: &mut Fates<'_>,
    ) -> Result<(), Failure>;
}

/// Has a batch handled without an engine around it; says which of its items failed.
///
/// # Errors
/// When the batch could not be handled.
pub fn handle_by_hand<B: BatchHandler>(
    handler: &mut B,
    batch: &[Done<B::In>],
) -> Result<Vec<(usize, Failure)>, Failure> {
    let (key, size, trigger) = (0, batch.len(), Trigger::Size);
    let info = BatchInfo { batcher: 0, key, partition: None, size, trigger };
    let tickets = |index: usize| batch.get(index).map(|done| (done.item, &done.ticket));
    let mut fates = Fates { tickets: &tickets, failed: vec![] };
    handler.handle(&info, batch, &mut fates)?;
    fates.failed()
}

/// What becomes of the single items of a batch.
pub struct Fates<'a> {
    pub(crate) tickets: &'a dyn Fn(usize) -> Option<(ItemId, &'a Ticket)>,
    pub(crate) failed: Vec<(usize, Failure)>,
}

impl Fates<'_> {
    /// Those that failed.
    ///
    /// # Errors
    /// When one of them is not in the batch.
    pub(crate) fn failed(self) -> Result<Vec<(usize, Failure)>, Failure> {
        match self.failed.iter().find(|(index, _)| (self.tickets)(*index).is_none()) {
            Some((stray, _)) => Err(stray_fate(*stray)),
            None => Ok(self.failed),
        }
    }
    /// This item of the batch failed, the others did not. Said again, the last reason counts. If there is
    /// none of that number, all fail.
    pub fn fail(&mut self, index: usize, failure: Failure) {
        match self.failed.iter_mut().find(|(at, _)| *at == index) {
            Some((_, why)) => *why = failure,
            None => self.failed.push((index, failure)),
        }
    }
    /// Acknowledges this item now, with whether it failed so far; later it is not told of again.
    ///
    /// # Errors
    /// When its acknowledger fails, or when there is no item of that number.
    pub fn ack_now(&mut self, index: usize) -> Result<(), Failure> {
        let (item, ticket) = (self.tickets)(index).ok_or_else(|| stray_fate(index))?;
        let failed = self.failed.iter().find(|(i, _)| *i == index);
        ticket.ack_now(item, failed.map(|(_, failure)| failure.clone()))
    }
}

fn stray_fate(index: usize) -> Failure {
    let what =
        format!("the batch handler named item {index}, counted from 0, but its batch is shorter");
    Failure::item(what)
}

/// Where an item goes after the stage. It crosses the process boundary with the result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Route {
    /// Which batcher, in the order in which the pipeline names them, from 0.
    pub batcher: u8,
    /// Only items of one key share a batch.
    pub key: u64,
    /// Do not wait for a full batch.
    pub flush: bool,
}

/// A finished item on its way to the batch handler.
#[derive(Clone)]
pub struct Done<T> {
    /// Which item.
    pub item: ItemId,
    /// Attempts begun for it, at least 1.
    pub attempts: u32,
    /// What the handler made of it.
    pub out: T,
    /// Where it goes.
    pub route: Route,
    /// Who is to be told of it.
    pub ticket: Ticket,
}

impl<T> Done<T> {
    /// One that nobody has to be told of.
    pub fn new(item: ItemId, attempts: u32, out: T) -> Self {
        Self { item, attempts, out, route: Route::default(), ticket: Ticket::default() }
    }
}

/// What is lent to a handler beside its input: who the item is, where to write, where it goes next.
pub struct Desk<'a> {
    /// The item.
    pub item: ItemId,
    /// Which attempt of it, from 0.
    pub attempt: u32,
    /// Where the result goes.
    pub route: Route,
    strike: Option<Strike>,
    receipts: Option<&'a Receipts>,
    out: &'a Arc<Segment>,
    ticket: Option<&'a Ticket>,
    leave: Option<&'a Leave>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        item: ItemId,
        attempt: u32,
        strike: Option<Strike>,
        receipts: Option<&'a Receipts>,
        out: &'a Arc<Segment>,
    ) -> Self {
        let (route, ticket, leave) = (Route::default(), None, None);
        Self { item, attempt, route, strike, receipts, out, ticket, leave }
    }

    /// In a thread of the engine's own, an item can be acknowledged from here and the thread killed.
    pub(crate) fn in_thread(mut self, ticket: &'a Ticket, leave: &'a Leave) -> Self {
        (self.ticket, self.leave) = (Some(ticket), Some(leave));
        self
    }

    /// Tells the acknowledger now that this item is done, whatever becomes of it later.
    ///
    /// # Errors
    /// When the acknowledger fails, or in a worker process, which it does not reach into.
    pub fn ack_now(&mut self) -> Result<(), Failure> {
        self.ticket()?.ack_now(self.item, None)
    }

    /// Asks the acknowledger to treat this item otherwise; it knows what `options` mean.
    ///
    /// # Errors
    /// When the acknowledger refuses, or in a worker process, which it does not reach into.
    pub fn configure_ack(&mut self, options: &str) -> Result<(), Failure> {
        self.ticket()?.configure(options)
    }

    fn ticket(&self) -> Result<&'a Ticket, Failure> {
        let here = "an acknowledger is only within reach of handlers that are not isolated";
        self.ticket.ok_or_else(|| Failure::item(here))
    }

    /// A point at which a long handler can be killed, if it runs in a thread. A process can be at any.
    pub fn point(&self) {
        if let Some(leave) = self.leave {
            leave.point();
        }
    }

    /// Bytes written where the next reader will find them: at most `max`; `fill` says how many it wrote.
    ///
    /// # Errors
    /// When `max` is more than a slot holds, when the run ends, or when `fill` fails.
    pub fn write(
        &mut self,
        max: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<usize, Failure>,
    ) -> Result<Buf, Failure> {
        if max > self.out.slot_bytes() {
            let slot = self.out.slot_bytes();
            return Err(Failure::item(format!("a result of {max} bytes, but a slot holds {slot}")));
        }
        let mut slot = self.out.reserve().ok_or_else(|| Failure::engine("the run is ending"))?;
        let len = fill(&mut slot.bytes_mut()[..max])?;
        Ok(slot.freeze(len))
    }

    /// Crosses into native code. `call` gets the fault that is to strike there, if any.
    pub fn native<R>(&mut self, call: impl FnOnce(Option<Fault>) -> R) -> R {
        call(self.fired(Point::Native))
    }

    /// The point before the handler sees the item. An idle desk pays one compare.
    /// What comes of it is the handler's own failure, or that a thread has to leave.
    pub(crate) fn before(&mut self, unit: Unit) -> Result<Result<(), Failure>, Left> {
        let waits = self.strike.is_some_and(|strike| match strike.fault.misconduct() {
            None => false,
            // Memory that is not shared is not written to by anybody else.
            Some(Misconduct::Flipped) => true,
            Some(_) => unit == Unit::Worker,
        });
        // Without a line of its own, what would happen there ends the unit here.
        let on_the_line = |desk: &mut Self| if waits { None } else { desk.fired(Point::Line) };
        match self.fired(Point::Before).or_else(|| on_the_line(self)) {
            None => Ok(Ok(())),
            Some(Fault::PanicLock) => self.out.panic_while_locked(),
            Some(fault) => fault.commit(unit),
        }
    }

    /// The handler has made its result, and no checksum of it. What is to happen to it, if anything.
    pub(crate) fn output(&mut self) -> Option<Fault> {
        self.fired(Point::Output)
    }

    /// How a worker misbehaves towards its lane, once the item is done.
    pub(crate) fn misconduct(&mut self) -> Option<Misconduct> {
        self.fired(Point::Line).and_then(Fault::misconduct)
    }

    /// The fault meant for this point, its receipt signed.
    fn fired(&mut self, point: Point) -> Option<Fault> {
        let strike = self.strike.take_if(|s| s.point() == point)?;
        if let Some(receipts) = self.receipts {
            receipts.reach(strike.receipt);
            receipts.sign(strike.receipt);
        }
        Some(strike.fault)
    }
}

/// The unit that executes items was told to leave, and is a thread, which has to do so by itself.
#[derive(Debug)]
pub(crate) struct Left;

/// Two handlers in one worker: one hop, and what lies between them never leaves the process.
pub struct Then<A, B>(A, B);

impl<A: Handler, B: Handler<In = A::Out>> Handler for Then<A, B> {
    type Config = (A::Config, B::Config);
    type In = A::In;
    type Out = B::Out;
    fn preload(config: &Self::Config) -> Result<(), Failure> {
        A::preload(&config.0)?;
        B::preload(&config.1)
    }
    /// That of the first: what it will make is not known.
    fn need(config: &Self::Config, input: &A::In) -> u64 {
        A::need(&config.0, input)
    }
    fn open(config: &Self::Config) -> Result<Self, Failure> {
        Ok(Then(A::open(&config.0)?, B::open(&config.1)?))
    }
    fn handle(&mut self, input: &A::In, desk: &mut Desk<'_>) -> Result<B::Out, Failure> {
        let between = self.0.handle(input, desk)?;
        self.1.handle(&between, desk)
    }
}
