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
mod event;
mod page;
mod receipt;
mod state;

pub use event::{Event, What};
pub use receipt::{Receipt, Receipts};

use crate::message::{Death, Failure, ItemId};
use page::{Header, Mapping, PAGE, Parts};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::time::{ClockId, clock_gettime};
use std::fs::{File, OpenOptions};
use std::os::fd::{AsFd, BorrowedFd};
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
            // An attempt that ends badly leaves six: three such and a good one fit.
            events_cap: per_item(24, 4096, EVENTS_MAX),
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

    /// Nanoseconds since the trial began.
    pub fn elapsed_ns(&self) -> u64 {
        now_ns().saturating_sub(self.started_ns())
    }

    /// When the trial began, by [`now_ns`].
    pub fn started_ns(&self) -> u64 {
        self.header().started_ns.load(Relaxed)
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
