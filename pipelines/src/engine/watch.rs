//! What a run tells whoever watches it, and what it is told: attempts, events, strikes.

use crate::black_box::{BlackBox, What};
use crate::fault::strike::Strike;
use crate::fault::{Fault, Site};
use crate::isolation::will::Will;
use crate::message::{Death, Failure, ItemId};
use std::sync::Arc;

/// Decides whether a fault strikes here; it must have been armed then.
pub type Strikes = dyn Fn(&Site) -> Option<Strike> + Send + Sync;

/// An item that is given up, with what is known of why.
pub struct SetAside<'a, T> {
    /// Which item.
    pub item: ItemId,
    /// What it was.
    pub input: &'a T,
    /// Attempts it had, in this incarnation.
    pub attempts: u32,
    /// The last attempt's end.
    pub death: Death,
    /// The last words: the tail of the worker's standard error, or the handler's error.
    pub words: String,
    /// What an isolated worker wrote as it died; [`Evidence::of`](crate::isolation::evidence::Evidence::of) reads it.
    pub will: Option<&'a Will>,
}

/// Is told of each item that is given up; its failure ends the run.
pub type Aside<T> = dyn Fn(&SetAside<'_, T>) -> Result<(), Failure> + Send + Sync;

/// The eye on a run. The default one sees nothing and strikes nobody.
#[derive(Default)]
pub struct Watch {
    black_box: Option<Arc<BlackBox>>,
    strikes: Option<Box<Strikes>>,
}

impl Watch {
    /// Records in `black_box`, and asks `strikes` before each attempt.
    pub fn new(black_box: Arc<BlackBox>, strikes: Box<Strikes>) -> Self {
        Self { black_box: Some(black_box), strikes: Some(strikes) }
    }

    /// One more attempt of an item begins: which one, by the black box if there is one (it remembers
    /// earlier incarnations) and else by the ledger, and what strikes it.
    pub(crate) fn begin(&self, lane: usize, item: ItemId, ledger: u32) -> (u32, Option<Strike>) {
        let attempt = self.black_box.as_ref().map_or(ledger, |b| b.begin(item));
        self.record(What::Lent, item, attempt, lane, 0);
        (attempt, self.at(Site::lent(item, attempt, lane)))
    }

    /// What strikes here, if anything. Who is not watched pays one compare.
    pub fn at(&self, site: Site) -> Option<Strike> {
        self.strikes.as_ref().and_then(|strikes| strikes(&site))
    }

    /// This process passes a point at which no loan is in anybody's hands. What happens to whole processes happens
    /// here; what else is to happen, its receipt signed, is for the caller to do. Who is not watched pays one
    /// compare.
    pub(crate) fn pass(&self, site: Site) -> Option<Fault> {
        let Strike { fault, receipt } = self.at(site)?;
        if !fault.strikes_at(site.point) {
            return None;
        }
        self.sign(receipt);
        (!fault.befall()).then_some(fault)
    }

    /// Writes down that a fault fires, before it does.
    pub(crate) fn sign(&self, receipt: u32) {
        if let Some(black_box) = &self.black_box {
            black_box.receipts().sign(receipt);
        }
    }

    /// An attempt that was announced was never made.
    pub(crate) fn unbegin(&self, item: ItemId) {
        if let Some(black_box) = &self.black_box {
            black_box.unbegin(item);
        }
    }

    pub(crate) fn record(&self, what: What, item: ItemId, attempt: u32, lane: usize, value: u64) {
        if let Some(black_box) = &self.black_box {
            black_box.record(what, item, attempt, lane, value);
        }
    }

    /// The first sign that an attempt ends badly, at a moment that has just passed.
    pub(crate) fn record_ailing(&self, t_ns: Option<u64>, item: ItemId, attempt: u32, lane: usize) {
        if let (Some(black_box), Some(t_ns)) = (&self.black_box, t_ns) {
            black_box.record_at(t_ns, What::Ailing, item, attempt, lane, 0);
        }
    }

    /// Somebody watches.
    pub(crate) fn is_there(&self) -> bool {
        self.black_box.is_some()
    }

    pub(crate) fn black_box_handle(&self) -> Option<Arc<BlackBox>> {
        self.black_box.clone()
    }

    pub(crate) fn black_box(&self) -> Option<&BlackBox> {
        self.black_box.as_deref()
    }
}
