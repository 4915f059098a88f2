//! What a user implements to do the work, and what may cross a process boundary.

use crate::black_box::Receipts;
use crate::fault::strike::{Strike, Unit};
use crate::fault::{Fault, Point};
use crate::isolation::segment::{Buf, Segment};
use crate::message::{Failure, ItemId};
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
    /// Makes a handler ready for its first item.
    ///
    /// # Errors
    /// When it cannot work at all; the worker then counts as one that could not start.
    fn open(config: &Self::Config) -> Result<Self, Failure>;
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
    /// Does one batch; it is acknowledged as a whole.
    ///
    /// # Errors
    /// When it could not be done; this ends the run, with nothing of the batch acknowledged.
    fn handle(&mut self, batch: &[Done<Self::In>]) -> Result<(), Failure>;
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
}

/// What is lent to a handler beside its input: who the item is, and where to write.
pub struct Desk<'a> {
    /// The item.
    pub item: ItemId,
    /// Which attempt of it, from 0.
    pub attempt: u32,
    strike: Option<Strike>,
    receipts: Option<&'a Receipts>,
    out: &'a Arc<Segment>,
}

impl<'a> Desk<'a> {
    pub(crate) fn new(
        item: ItemId,
        attempt: u32,
        strike: Option<Strike>,
        receipts: Option<&'a Receipts>,
        out: &'a Arc<Segment>,
    ) -> Self {
        Self { item, attempt, strike, receipts, out }
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

    /// Crosses into native code. `call` gets the number of the fault to commit there, 0 for none.
    pub fn native<R>(&mut self, call: impl FnOnce(u32) -> R) -> R {
        call(self.fired(Point::Native).map_or(0, Fault::native_code))
    }

    /// The point before the handler sees the item. An idle desk pays one compare.
    pub(crate) fn before(&mut self, unit: Unit) -> Result<(), Left> {
        match self.fired(Point::Before) {
            None => Ok(()),
            Some(fault) => fault.commit(unit),
        }
    }

    /// The fault meant for this point, its receipt signed.
    fn fired(&mut self, point: Point) -> Option<Fault> {
        let strike = self.strike.take_if(|s| s.point() == point)?;
        if let Some(receipts) = self.receipts {
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
    fn open(config: &Self::Config) -> Result<Self, Failure> {
        Ok(Then(A::open(&config.0)?, B::open(&config.1)?))
    }
    fn handle(&mut self, input: &A::In, desk: &mut Desk<'_>) -> Result<B::Out, Failure> {
        let between = self.0.handle(input, desk)?;
        self.1.handle(&between, desk)
    }
}
