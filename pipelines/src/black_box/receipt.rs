//! Proof of injections, in four steps: armed, reached, fired, effect seen. Each is one store to the shared file, and
//! comes before what it tells of, so that a kill at any moment leaves standing how far it had come.

use super::page::{Mapping, PAGE, ReceiptSlot};
use super::{BlackBox, Event, LANES_MAX, What, now_ns};
use crate::fault::{Fault, Point, Site};
use crate::message::{Failure, ItemId};
use std::collections::HashSet;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::*};

/// Proof of an injection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// What was injected.
    pub fault: Fault,
    /// The item it was meant for.
    pub item: ItemId,
    /// The attempt it was meant for.
    pub attempt: u32,
    /// Where it was to fire.
    pub point: Point,
    /// The lane that it was meant for; 0 where there is none.
    pub lane: u8,
    /// When it was put into the loan.
    pub armed_ns: u64,
    /// When the item came to the fault's point; `None` when it never did.
    pub reached_ns: Option<u64>,
    /// When it fired; `None` when it never did.
    pub fired_ns: Option<u64>,
    /// When somebody other than the injector saw that it had: the supervisor by a death or a failed attempt, or the
    /// observer by the fall of the subject. `None` when nobody did.
    pub effect_ns: Option<u64>,
}

/// The receipts alone: what a worker gets to see of the black box.
pub struct Receipts {
    mapping: Arc<Mapping>,
    at: usize,
    cap: usize,
}

impl Receipts {
    /// In a worker: maps the receipts and nothing else.
    pub(crate) fn attach(file: &OwnedFd, cap: usize) -> Result<Self, Failure> {
        let bytes = (cap * 64).next_multiple_of(PAGE);
        let mapping = Mapping::new(file.as_fd(), PAGE, bytes)
            .map_err(|e| Failure::engine(format!("could not map the black box: {e}")))?;
        Ok(Self { mapping: Arc::new(mapping), at: 0, cap })
    }
    fn slots(&self) -> &[ReceiptSlot] {
        self.mapping.slice(self.at, self.cap)
    }
    /// Writes down that an item is at the point of its fault.
    pub fn reach(&self, receipt: u32) {
        if let Some(slot) = self.slots().get(receipt as usize) {
            slot.reached_ns.store(now_ns(), Release);
        }
    }
    /// Writes down that a fault fires, before it does. What fires has reached its point.
    pub fn sign(&self, receipt: u32) {
        if let Some(slot) = self.slots().get(receipt as usize) {
            let t_ns = now_ns();
            slot.reached_ns.compare_exchange(0, t_ns, AcqRel, Acquire).ok();
            slot.fired_ns.store(t_ns, Release);
        }
    }
}

/// Faults that may be armed and wait for their items: those of all lanes' loans.
const ARMED_AT_ONCE: usize = 1024;

impl BlackBox {
    /// The receipts, for handlers in this process.
    pub fn receipts(&self) -> Receipts {
        Receipts { mapping: self.mapping.clone(), at: PAGE, cap: self.parts.receipts_cap }
    }

    /// Puts a fault down as armed. `None` when there is no receipt left: it must not be injected then. One that
    /// was armed before for this attempt, which then was never begun, is still armed.
    pub fn arm(&self, fault: Fault, site: &Site) -> Option<u32> {
        let Site { item, attempt, lane, .. } = *site;
        let point = if site.point.rides() { fault.point() } else { site.point };
        let lane = lane.min(LANES_MAX - 1) as u8;
        let armed = self.header().receipts_next.load(Acquire) as usize;
        let receipts = self.receipts();
        let mut last = receipts.slots().iter().enumerate().take(armed).rev().take(ARMED_AT_ONCE);
        let same = |slot: &ReceiptSlot| {
            slot.item.load(Relaxed) == item
                && slot.attempt.load(Relaxed) == attempt
                && slot.fired_ns.load(Acquire) == 0
                && slot.point.load(Relaxed) == point.code()
                && Fault::from_code(slot.fault.load(Acquire), slot.number.load(Relaxed))
                    == Some(fault)
        };
        if let Some((number, slot)) = last.find(|(_, slot)| same(slot)) {
            slot.lane.store(lane, Relaxed);
            return Some(number as u32);
        }
        let number = self.header().receipts_next.fetch_add(1, AcqRel);
        let receipts = self.receipts();
        let slot = receipts.slots().get(number as usize)?;
        slot.item.store(item, Relaxed);
        slot.attempt.store(attempt, Relaxed);
        slot.armed_ns.store(now_ns(), Relaxed);
        slot.number.store(fault.number(), Relaxed);
        slot.point.store(point.code(), Relaxed);
        slot.lane.store(lane, Relaxed);
        slot.fault.store(fault.code(), Release);
        Some(number)
    }

    /// All receipts so far, in the order in which they were armed.
    pub fn read_receipts(&self) -> Vec<Receipt> {
        let receipts = self.receipts();
        let armed = self.header().receipts_next.load(Acquire) as usize;
        let time = |at: &AtomicU64| Some(at.load(Acquire)).filter(|t| *t > 0);
        let read = |slot: &ReceiptSlot| {
            Some(Receipt {
                fault: Fault::from_code(slot.fault.load(Acquire), slot.number.load(Relaxed))?,
                item: slot.item.load(Relaxed),
                attempt: slot.attempt.load(Relaxed),
                point: Point::from_code(slot.point.load(Relaxed))?,
                lane: slot.lane.load(Relaxed),
                armed_ns: slot.armed_ns.load(Relaxed),
                reached_ns: time(&slot.reached_ns),
                fired_ns: time(&slot.fired_ns),
                effect_ns: time(&slot.effect_ns),
            })
        };
        receipts.slots().iter().take(armed).filter_map(read).collect()
    }

    /// Somebody saw this attempt end badly: if a fault fired in it, that was its effect.
    pub(super) fn saw(&self, item: ItemId, attempt: u32, t_ns: u64) {
        let armed = self.header().receipts_next.load(Acquire) as usize;
        let receipts = self.receipts();
        let mut last = receipts.slots().iter().take(armed).rev().take(ARMED_AT_ONCE);
        let its = |slot: &&ReceiptSlot| {
            slot.item.load(Relaxed) == item
                && slot.attempt.load(Relaxed) == attempt
                && slot.fired_ns.load(Acquire) > 0
        };
        if let Some(slot) = last.find(its) {
            slot.effect_ns.compare_exchange(0, t_ns, AcqRel, Acquire).ok();
        }
    }

    /// The observer saw the subject fall. Of the faults that fired in attempts which have not come to an end the last one
    /// is taken to be what it fell of: that is its effect.
    pub fn saw_fall(&self, t_ns: u64) {
        let ended = |e: &Event| matches!(e.what, What::Accepted | What::Died);
        let ended = self.events().into_iter().filter(ended).map(|e| (e.item, e.attempt));
        let ended: HashSet<_> = ended.collect();
        let receipts = self.receipts();
        let open = receipts.slots().iter().zip(self.read_receipts()).filter(|(_, receipt)| {
            let seen = receipt.effect_ns.is_some();
            !seen && !ended.contains(&(receipt.item, receipt.attempt))
        });
        let fired = open.filter_map(|(slot, receipt)| Some((receipt.fired_ns?, slot)));
        if let Some((_, slot)) = fired.max_by_key(|(fired, _)| *fired) {
            slot.effect_ns.store(t_ns, Release);
        }
    }
}
