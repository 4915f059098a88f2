//! Who is told what became of an item: the other end of a queue, a cursor, a test.

use crate::message::{Failure, ItemId};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// An item that is settled, as its acknowledger hears of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acked {
    /// Which item.
    pub item: ItemId,
    /// What its ticket carried: a receipt's number, an offset.
    pub data: u64,
    /// Why it failed; `None` when it was done.
    pub failure: Option<Failure>,
}

/// Told of each item once, outside every lock of the engine. Items with the same acknowledger and the
/// same reference that are settled together come in one call, in order.
pub trait Acknowledger: Send + Sync {
    /// These were done, these failed.
    ///
    /// # Errors
    /// When nobody could be told. That costs the other references nothing; the engine tells of it by
    /// [`Event::AckFailed`](crate::engine::event::Event::AckFailed).
    fn ack(&self, reference: u64, done: &[Acked], failed: &[Acked]) -> Result<(), Failure>;

    /// A handler asks that its item be acknowledged otherwise; `options` is between the two of them.
    ///
    /// # Errors
    /// When this acknowledger cannot be configured, as by default.
    fn configure(&self, ticket: &Ticket, options: &str) -> Result<(), Failure> {
        let _ = ticket;
        let what = format!("this acknowledger cannot be configured, so {options:?} was refused");
        Err(Failure::item(what))
    }
}

/// Goes along with an item and says who is to be told of it. The default one tells nobody.
#[derive(Default)]
pub struct Ticket {
    to: Option<Arc<dyn Acknowledger>>,
    reference: u64,
    data: AtomicU64,
    spent: AtomicBool,
}

impl Ticket {
    /// `to` is told; items with equal `reference`s together.
    pub fn new(to: Arc<dyn Acknowledger>, reference: u64, data: u64) -> Self {
        Self { to: Some(to), reference, data: AtomicU64::new(data), spent: AtomicBool::new(false) }
    }
    /// What goes along for the acknowledger.
    pub fn data(&self) -> u64 {
        self.data.load(Ordering::SeqCst)
    }
    /// Changes what goes along: for [`Acknowledger::configure`].
    pub fn set_data(&self, data: u64) {
        self.data.store(data, Ordering::SeqCst);
    }
    /// Items with equal references are acknowledged together.
    pub fn reference(&self) -> u64 {
        self.reference
    }
    /// Who is to be told now, if anybody still is; from now on nobody is.
    pub(crate) fn spend(&self) -> Option<&Arc<dyn Acknowledger>> {
        let to = self.to.as_ref()?;
        (!self.spent.swap(true, Ordering::SeqCst)).then_some(to)
    }
    pub(crate) fn configure(&self, options: &str) -> Result<(), Failure> {
        match &self.to {
            Some(to) => to.configure(self, options),
            None => Err(Failure::item("this item has no acknowledger to configure")),
        }
    }
    /// Tells of this item alone, now.
    pub(crate) fn ack_now(&self, item: ItemId, failure: Option<Failure>) -> Result<(), Failure> {
        let Some(to) = self.spend() else { return Ok(()) };
        let acked = [Acked { item, data: self.data(), failure }];
        match acked[0].failure {
            None => to.ack(self.reference, &acked, &[]),
            Some(_) => to.ack(self.reference, &[], &acked),
        }
    }
}

impl Clone for Ticket {
    fn clone(&self) -> Self {
        Self {
            to: self.to.clone(),
            reference: self.reference,
            data: AtomicU64::new(self.data()),
            spent: AtomicBool::new(self.spent.load(Ordering::SeqCst)),
        }
    }
}

/// What an acknowledger was told in one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Of which reference.
    pub reference: u64,
    /// What was done.
    pub done: Vec<Acked>,
    /// What failed.
    pub failed: Vec<Acked>,
}

struct Listener(Sender<Heard>);

impl Acknowledger for Listener {
    fn ack(&self, reference: u64, done: &[Acked], failed: &[Acked]) -> Result<(), Failure> {
        let heard = Heard { reference, done: done.to_vec(), failed: failed.to_vec() };
        self.0.send(heard).map_err(|_| Failure::item("nobody listens any more"))
    }
}

/// An acknowledger that passes on what it is told. It waits when `calls` of them were not heard yet.
pub fn listen(calls: usize) -> (Arc<dyn Acknowledger>, Receiver<Heard>) {
    let (tell, heard) = bounded(calls);
    (Arc::new(Listener(tell)), heard)
}
