//! A shared file of the observer that outlives every incarnation of the subject: what was armed, what
//! fired, how often each item was begun, and what happened when.
//!
//! It is mapped by observer and subject, and its receipts alone by the workers, so that writing costs no
//! system call and what was written survives the writer. Readers take what they find as claims: a
//! process with a wild pointer may have scribbled over it.
//!
//! ```text
//! header 4 KiB │ receipts │ attempts, one an item │ events     each part begins on a page of its own
//! ```

mod ending;
mod page;
mod state;

use crate::fault::{Fault, Point, Site};
use crate::message::{Death, Failure, ItemId};
use page::{EventSlot, Header, Mapping, PAGE, Parts, ReceiptSlot};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::time::{ClockId, clock_gettime};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::*};

const MAGIC: u64 = u64::from_le_bytes(*b"okiagar1");
/// Faults that one trial can arm at most; later ones are not armed.
pub const RECEIPTS_MAX: u32 = 1 << 20;
/// Events that one trial can record at most; later ones are only counted.
pub const EVENTS_MAX: u32 = 1 << 20;
/// Streams of moments whose faults one trial can claim.
pub const STREAMS_MAX: usize = 64;
/// Lanes that can be told apart; those with a higher number count as the last.
const LANES_MAX: usize = 256;

/// Nanoseconds of the machine's monotonic clock: the same in all its processes.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum What {
    /// The item was lent to a worker.
    Lent = 1,
    /// Its result was taken, whole; the value is the handler's own time in ns.
    Accepted = 2,
    /// Its tile is safe; the value is 0.
    Done = 3,
    /// It was declared failed.
    Failed = 4,
    /// It was set aside.
    Quarantined = 5,
    /// The worker that held it died, or the attempt failed; the value is the cause's [`Death::code`].
    Died = 6,
    /// A worker process was started; the value is its process id.
    Spawned = 7,
}

impl What {
    fn from_code(code: u8) -> Option<Self> {
        use What::*;
        let all = [Lent, Accepted, Done, Failed, Quarantined, Died, Spawned];
        all.into_iter().find(|w| *w as u8 == code)
    }
}

/// One thing that happened, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, by [`now_ns`].
    pub t_ns: u64,
    /// What.
    pub what: What,
    /// Which item.
    pub item: ItemId,
    /// Which attempt of it, from 0.
    pub attempt: u32,
    /// Which lane.
    pub lane: u8,
    /// See [`What`].
    pub value: u64,
}

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
    /// When it fired; `None` when it never did.
    pub fired_ns: Option<u64>,
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
    /// Writes down that a fault fires, before it does.
    pub fn sign(&self, receipt: u32) {
        if let Some(slot) = self.slots().get(receipt as usize) {
            slot.fired_ns.store(now_ns(), Release);
        }
    }
}

/// Faults that may be armed and wait for their items: those of all lanes' loans.
const ARMED_AT_ONCE: usize = 1024;

/// The shared file.
pub struct BlackBox {
    file: File,
    mapping: Arc<Mapping>,
    parts: Parts,
}

impl BlackBox {
    /// Makes a new one at `path` for so many items; `armed` says whether faults will be injected.
    /// All of its room is taken at once, so that a full disk is told here and not by a SIGBUS.
    ///
    /// # Errors
    /// When there is no room or the file cannot be made.
    pub fn create(path: &Path, items: u64, armed: bool) -> Result<Self, Failure> {
        let refuse = |e: &dyn std::fmt::Display| {
            Failure::output(format!("could not write {}: {e}", path.display()))
        };
        let per_item =
            |each: u64, more: u64, cap: u32| (items * each + more).min(cap.into()) as usize;
        let parts = Parts {
            items: items as usize,
            receipts_cap: if armed { per_item(4, 1024, RECEIPTS_MAX) } else { 0 },
            events_cap: per_item(12, 4096, EVENTS_MAX),
        };
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true);
        let file = options.open(path).map_err(|e| refuse(&e))?;
        fallocate(&file, FallocateFlags::empty(), 0, parts.bytes() as u64)
            .map_err(|e| refuse(&e))?;
        let this = Self::map(file, parts).map_err(|e| refuse(&e))?;
        let header = this.header();
        header.items.store(items, Relaxed);
        header.receipts_cap.store(parts.receipts_cap as u32, Relaxed);
        header.events_cap.store(parts.events_cap as u32, Relaxed);
        header.started_ns.store(now_ns(), Relaxed);
        header.magic.store(MAGIC, Release);
        Ok(this)
    }

    /// Opens one that [`BlackBox::create`] made.
    ///
    /// # Errors
    /// When the file is missing or is no black box.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let refuse = |why: &dyn std::fmt::Display| {
            Failure::engine(format!("could not open the black box {}: {why}", path.display()))
        };
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|e| refuse(&e))?;
        let bytes = file.metadata().map_err(|e| refuse(&e))?.len() as usize;
        if bytes < PAGE {
            return Err(refuse(&"it is too short"));
        }
        let head = Mapping::new(file.as_fd(), 0, PAGE).map_err(|e| refuse(&e))?;
        let header = &head.slice::<Header>(0, 1)[0];
        let parts = Parts {
            items: header.items.load(Relaxed) as usize,
            receipts_cap: header.receipts_cap.load(Relaxed) as usize,
            events_cap: header.events_cap.load(Relaxed) as usize,
        };
        // The number of items is a claim too: only one that the file could hold may be multiplied.
        let whole = parts.items <= bytes && parts.bytes() == bytes;
        if header.magic.load(Acquire) != MAGIC || !whole {
            return Err(refuse(&"it is not one, or was cut"));
        }
        Self::map(file, parts).map_err(|e| refuse(&e))
    }

    fn map(file: File, parts: Parts) -> rustix::io::Result<Self> {
        let mapping = Arc::new(Mapping::new(file.as_fd(), 0, parts.bytes())?);
        Ok(Self { file, mapping, parts })
    }

    fn header(&self) -> &Header {
        &self.mapping.slice(0, 1)[0]
    }

    /// The receipts, for handlers in this process.
    pub fn receipts(&self) -> Receipts {
        Receipts { mapping: self.mapping.clone(), at: PAGE, cap: self.parts.receipts_cap }
    }

    /// The file and its number of receipts, for workers; `None` when no fault will be armed.
    pub(crate) fn for_workers(&self) -> Option<(BorrowedFd<'_>, usize)> {
        (self.parts.receipts_cap > 0).then(|| (self.file.as_fd(), self.parts.receipts_cap))
    }

    /// Counts one more attempt of an item, and says how many were begun before it, in whatever
    /// incarnation.
    pub fn begin(&self, item: ItemId) -> u32 {
        self.attempts().get(item as usize).map_or(0, |a| a.fetch_add(1, AcqRel))
    }

    /// The attempt that was begun last was not made after all.
    pub(crate) fn unbegin(&self, item: ItemId) {
        if let Some(attempts) = self.attempts().get(item as usize) {
            attempts.fetch_sub(1, AcqRel);
        }
    }

    /// How many attempts of an item were begun.
    pub fn begun(&self, item: ItemId) -> u32 {
        self.attempts().get(item as usize).map_or(0, |a| a.load(Acquire))
    }

    fn attempts(&self) -> &[AtomicU32] {
        self.mapping.slice(self.parts.attempts_at(), self.parts.items)
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
        let read = |slot: &ReceiptSlot| {
            let fired_ns = slot.fired_ns.load(Acquire);
            Some(Receipt {
                fault: Fault::from_code(slot.fault.load(Acquire), slot.number.load(Relaxed))?,
                item: slot.item.load(Relaxed),
                attempt: slot.attempt.load(Relaxed),
                point: Point::from_code(slot.point.load(Relaxed))?,
                lane: slot.lane.load(Relaxed),
                armed_ns: slot.armed_ns.load(Relaxed),
                fired_ns: (fired_ns > 0).then_some(fired_ns),
            })
        };
        receipts.slots().iter().take(armed).filter_map(read).collect()
    }

    /// Nanoseconds since the trial began.
    pub fn elapsed_ns(&self) -> u64 {
        now_ns().saturating_sub(self.started_ns())
    }

    /// When the trial began, by [`now_ns`].
    pub fn started_ns(&self) -> u64 {
        self.header().started_ns.load(Relaxed)
    }

    /// Records an event, or, when there is no room left, that there was one.
    pub fn record(&self, what: What, item: ItemId, attempt: u32, lane: usize, value: u64) {
        let t_ns = now_ns();
        let header = self.header();
        if matches!(what, What::Done | What::Failed | What::Quarantined) {
            header.settled.fetch_add(1, AcqRel);
        }
        if what == What::Died {
            header.deaths[value as usize % Death::CODES].fetch_add(1, Relaxed);
        }
        self.note_recovery(what, lane, value);
        let number = header.events_next.fetch_add(1, AcqRel) as usize;
        if let Some(slot) = self.event_slots().get(number) {
            slot.t_ns.store(t_ns, Relaxed);
            slot.item.store(item, Relaxed);
            slot.value.store(value, Relaxed);
            slot.attempt.store(attempt, Relaxed);
            slot.lane.store(lane as u8, Relaxed);
            slot.kind.store(what as u8, Release);
        }
    }

    fn event_slots(&self) -> &[EventSlot] {
        self.mapping.slice(self.parts.events_at(), self.parts.events_cap)
    }

    /// All events that there was room for; a torn one (its writer was killed) is left out.
    pub fn events(&self) -> Vec<Event> {
        let read = |slot: &EventSlot| {
            Some(Event {
                what: What::from_code(slot.kind.load(Acquire))?,
                t_ns: slot.t_ns.load(Relaxed),
                item: slot.item.load(Relaxed),
                attempt: slot.attempt.load(Relaxed),
                lane: slot.lane.load(Relaxed),
                value: slot.value.load(Relaxed),
            })
        };
        let written = self.header().events_next.load(Acquire) as usize;
        self.event_slots().iter().take(written).filter_map(read).collect()
    }

    /// Events that there was no room for.
    pub fn events_missed(&self) -> u64 {
        let next = self.header().events_next.load(Acquire) as usize;
        next.saturating_sub(self.parts.events_cap) as u64
    }

    /// Items that are done, failed or quarantined in this trial: what progress means.
    pub fn settled(&self) -> u64 {
        self.header().settled.load(Acquire)
    }

    /// A number that changes whenever anything happens: what a watchdog looks at.
    pub fn progress(&self) -> u64 {
        self.header().events_next.load(Acquire).into()
    }

    /// Deaths by cause, those that happened only.
    pub fn deaths(&self) -> Vec<(Death, u32)> {
        let counts = self.header().deaths.iter().enumerate();
        let counts = counts.map(|(code, n)| (Death::from_code(code as u64), n.load(Relaxed)));
        counts.filter(|(_, n)| *n > 0).collect()
    }
}

#[cfg(test)]
mod tests;
