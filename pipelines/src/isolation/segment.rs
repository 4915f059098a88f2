//! Memory that is shared between a supervisor and its workers, cut into slots of one size.
//!
//! A segment has one writer. The slab is written by the supervisor and sealed so that a worker can map
//! it for reading only; an outbox is written by one worker and never borrowed as `&[u8]` by the
//! supervisor, which copies what it wants out of it: a worker that is still alive could rewrite it.
//! Neither can be shrunk, since a truncated mapping would kill its readers with SIGBUS.
#![allow(unsafe_code)]

use crate::message::Failure;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, mmap_anonymous, munmap};
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::null_mut;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Mappings up to this size are populated at once, so that the first item pays no page faults.
const POPULATE_BYTES_MAX: usize = 32 << 20;

/// What this process may do with a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Hands out slots, writes them, frees them.
    Owner,
    /// Reads frozen slots; the owner in another process frees them.
    Reader,
    /// Copies out of it; the bytes may change at any time.
    Wary,
}

struct Free {
    slots: Vec<u32>,
    closed: bool,
    waiting: usize,
}

/// A piece of memory cut into `slots` slots of `slot_bytes` bytes each.
pub struct Segment {
    number: u16,
    slots: usize,
    slot_bytes: usize,
    base: *mut u8,
    access: Access,
    /// Where all slots are in use, one more is made.
    grows: bool,
    memory: Option<OwnedFd>,
    free: Mutex<Free>,
    freed: Condvar,
}

// SAFETY: `base` points to a mapping that lives as long as the segment. Slots are handed out one at a
// time through the mutex, so that no two `Slot`s alias, and a `Buf` only reads what was frozen.
unsafe impl Send for Segment {}
// SAFETY: as above.
unsafe impl Sync for Segment {}

impl Segment {
    /// Memory of this process alone, for handlers that run in-process.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn heap(number: u16, slots: usize, slot_bytes: usize) -> Result<Arc<Self>, Failure> {
        let bytes = span(slots, slot_bytes)?;
        // SAFETY: a fresh anonymous mapping; nothing else refers to it.
        let base = unsafe {
            let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
            mmap_anonymous(null_mut(), bytes, prot, flags)
        };
        let base = base.map_err(|e| no_memory(bytes, e))?.cast();
        Ok(Arc::new(Self::new(number, slots, slot_bytes, base, Access::Owner, None)))
    }

    /// As [`Segment::heap`], but nobody ever waits for a slot: where all are in use, one more is made.
    pub(crate) fn growing(
        number: u16,
        slots: usize,
        slot_bytes: usize,
    ) -> Result<Arc<Self>, Failure> {
        let mut segment = Self::heap(number, slots, slot_bytes)?;
        if let Some(segment) = Arc::get_mut(&mut segment) {
            segment.grows = true;
        }
        Ok(segment)
    }

    /// Memory that this process writes and others can map for reading only.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn slab(number: u16, slots: usize, slot_bytes: usize) -> Result<Arc<Self>, Failure> {
        let bytes = span(slots, slot_bytes)?;
        let memory = sealable(bytes)?;
        let base = map(memory.as_fd(), bytes, ProtFlags::READ | ProtFlags::WRITE)?;
        // A forked child would inherit this writable mapping, whatever the seals say.
        // SAFETY: the range is the mapping just made.
        unsafe { madvise(base.cast(), bytes, Advice::LinuxDontFork) }
            .map_err(|e| no_memory(bytes, e))?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::FUTURE_WRITE | SealFlags::SEAL;
        fcntl_add_seals(&memory, seals).map_err(|e| no_memory(bytes, e))?;
        Ok(Arc::new(Self::new(number, slots, slot_bytes, base, Access::Owner, Some(memory))))
    }

    /// Memory that one worker will write, and this process copies out of.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn outbox(number: u16, slots: usize, slot_bytes: usize) -> Result<Arc<Self>, Failure> {
        let bytes = span(slots, slot_bytes)?;
        let memory = sealable(bytes)?;
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
        fcntl_add_seals(&memory, seals).map_err(|e| no_memory(bytes, e))?;
        let base = map(memory.as_fd(), bytes, ProtFlags::READ)?;
        Ok(Arc::new(Self::new(number, slots, slot_bytes, base, Access::Wary, Some(memory))))
    }

    /// In a worker: a slab of its supervisor, for reading.
    pub(crate) fn attach_slab(shape: Shape, memory: OwnedFd) -> Result<Arc<Self>, Failure> {
        Self::attach(shape, memory, ProtFlags::READ, Access::Reader)
    }

    /// In a worker: its own outbox, for writing.
    pub(crate) fn attach_outbox(shape: Shape, memory: OwnedFd) -> Result<Arc<Self>, Failure> {
        Self::attach(shape, memory, ProtFlags::READ | ProtFlags::WRITE, Access::Owner)
    }

    fn attach(
        shape: Shape,
        memory: OwnedFd,
        prot: ProtFlags,
        access: Access,
    ) -> Result<Arc<Self>, Failure> {
        let Shape { number, slots, slot_bytes } = shape;
        let base = map(memory.as_fd(), span(slots, slot_bytes)?, prot)?;
        Ok(Arc::new(Self::new(number, slots, slot_bytes, base, access, Some(memory))))
    }

    fn new(
        number: u16,
        slots: usize,
        slot_bytes: usize,
        base: *mut u8,
        access: Access,
        memory: Option<OwnedFd>,
    ) -> Self {
        let slots_free =
            if access == Access::Owner { (0..slots as u32).rev().collect() } else { vec![] };
        let free = Mutex::new(Free { slots: slots_free, closed: false, waiting: 0 });
        let slot_bytes = aligned(slot_bytes);
        let (grows, freed) = (false, Condvar::new());
        Self { number, slots, slot_bytes, base, access, grows, memory, free, freed }
    }

    /// How it is cut; travels to a worker beside the memory.
    pub(crate) fn shape(&self) -> Shape {
        Shape { number: self.number, slots: self.slots, slot_bytes: self.slot_bytes }
    }

    /// The memory, to pass to another process; `None` for heap segments.
    pub(crate) fn memory(&self) -> Option<BorrowedFd<'_>> {
        self.memory.as_ref().map(AsFd::as_fd)
    }

    /// Bytes that fit into one slot.
    pub fn slot_bytes(&self) -> usize {
        self.slot_bytes
    }

    /// Bytes that all slots take.
    pub(crate) fn bytes(&self) -> u64 {
        (self.slots * self.slot_bytes) as u64
    }

    /// A free slot, waiting for one; `None` once the segment is closed.
    pub fn reserve(self: &Arc<Self>) -> Option<Slot> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if free.closed {
                return None;
            }
            if let Some(slot) = free.slots.pop() {
                return Some(Slot { hold: Hold { segment: self.clone(), slot } });
            }
            if self.grows {
                drop(free);
                return Self::heap(self.number, 1, self.slot_bytes).ok()?.reserve();
            }
            free.waiting += 1;
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
            free.waiting -= 1;
        }
    }

    /// A slot that is free now, if there is one.
    pub(crate) fn reserve_now(self: &Arc<Self>) -> Option<Slot> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = if free.closed { None } else { free.slots.pop() }?;
        Some(Slot { hold: Hold { segment: self.clone(), slot } })
    }

    /// Slots that are not in use.
    pub(crate) fn free(&self) -> usize {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).slots.len()
    }

    /// Wakes whoever waits for a slot, and gives out no more.
    pub fn close(&self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.freed.notify_all();
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).closed
    }

    fn at(&self, slot: u32) -> *mut u8 {
        assert!((slot as usize) < self.slots, "slot {slot} of {}", self.slots);
        // SAFETY: the slot lies inside the mapping, by the assertion and by `span` at construction.
        unsafe { self.base.add(slot as usize * self.slot_bytes) }
    }

    /// A fault: a handler panics while it holds the lock on the free slots.
    pub(crate) fn panic_while_locked(&self) -> ! {
        let _held = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        panic!("injected panic while others wait for a lock");
    }

    /// A fault: one bit flips in a slot that is in use, near its beginning, where whatever is there has bytes.
    /// False when none is.
    pub(crate) fn flip_in_use(&self, item: u64) -> bool {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let used = (0..self.slots as u32).find(|slot| !free.slots.contains(slot));
        if let Some(slot) = used.filter(|_| self.access == Access::Owner) {
            // SAFETY: the slot is mapped for writing by its owner (this process), whose handler has returned: a
            // `Buf` of it exists, and nobody reads through it meanwhile.
            unsafe { *self.at(slot) ^= 1 << (item % 8) };
            return true;
        }
        false
    }

    /// A reader's view of a slot that its owner froze; `None` when it lies outside.
    pub(crate) fn frozen(self: &Arc<Self>, slot: u32, len: u32) -> Option<Buf> {
        let fits = (slot as usize) < self.slots && len as usize <= self.slot_bytes;
        (fits && self.access == Access::Reader)
            .then(|| Buf { hold: Arc::new(Hold { segment: self.clone(), slot }), len })
    }

    /// Copies what a worker says it wrote into a slot of `into`. `None` when it lies outside, does not
    /// fit, or `into` was closed.
    pub(crate) fn copy_out(&self, slot: u32, len: u32, into: &Arc<Segment>) -> Option<Buf> {
        let len_bytes = len as usize;
        if slot as usize >= self.slots || len_bytes > self.slot_bytes.min(into.slot_bytes) {
            return None;
        }
        let target = into.reserve()?;
        let to = target.hold.segment.at(target.hold.slot);
        // SAFETY: both ranges lie inside their mappings (checked above) and cannot overlap, being two
        // mappings. The source may change meanwhile: it is copied as plain bytes and judged after.
        unsafe { self.at(slot).copy_to_nonoverlapping(to, len_bytes) };
        Some(target.freeze(len_bytes))
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: the mapping made at construction; every `Slot` and `Buf` holds the segment alive.
        unsafe { munmap(self.base.cast(), self.slots * self.slot_bytes) }.ok();
    }
}

/// How a segment is cut.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub(crate) struct Shape {
    number: u16,
    slots: usize,
    slot_bytes: usize,
}

struct Hold {
    segment: Arc<Segment>,
    slot: u32,
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.segment.access == Access::Owner {
            let mut free = self.segment.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.slots.push(self.slot);
            // Waking nobody would still cost a system call.
            if free.waiting > 0 {
                self.segment.freed.notify_one();
            }
        }
    }
}

/// A slot that is still being written; one owner. Dropping it gives it back.
pub struct Slot {
    hold: Hold,
}

impl Slot {
    /// The whole slot, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let segment = &self.hold.segment;
        // SAFETY: this slot came off the free list and `self` is borrowed mutably, so nobody else in
        // this process refers to it; another process can only read it.
        unsafe { std::slice::from_raw_parts_mut(segment.at(self.hold.slot), segment.slot_bytes) }
    }

    /// Ends the writing: the first `len` bytes can now be shared.
    ///
    /// # Panics
    /// When `len` is larger than the slot.
    pub fn freeze(self, len: usize) -> Buf {
        assert!(len <= self.hold.segment.slot_bytes, "frozen beyond the slot");
        Buf { hold: Arc::new(self.hold), len: len as u32 }
    }
}

/// Frozen bytes in a slot. Cloning shares them; when the last clone goes, the slot is free again.
#[derive(Clone)]
pub struct Buf {
    hold: Arc<Hold>,
    len: u32,
}

impl Buf {
    /// (segment, slot, length): what crosses a process boundary.
    pub(crate) fn address(&self) -> (u16, u32, u32) {
        (self.hold.segment.number, self.hold.slot, self.len)
    }
}

impl Deref for Buf {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        let at = self.hold.segment.at(self.hold.slot);
        // SAFETY: the slot was frozen by its one writer and is not handed out again while this hold
        // lives; a `Wary` segment never makes a `Buf`.
        unsafe { std::slice::from_raw_parts(at, self.len as usize) }
    }
}

/// Slots begin on a page of their own: a wild write at the end of one hits no other's cache line.
fn aligned(slot_bytes: usize) -> usize {
    slot_bytes.max(1).next_multiple_of(4096)
}

fn span(slots: usize, slot_bytes: usize) -> Result<usize, Failure> {
    let bytes = aligned(slot_bytes).checked_mul(slots).filter(|b| *b < isize::MAX as usize);
    bytes.filter(|_| slot_bytes <= u32::MAX as usize && slots > 0).ok_or_else(|| {
        Failure::engine(format!("{slots} slots of {slot_bytes} bytes are more than can be mapped"))
    })
}

fn sealable(bytes: usize) -> Result<OwnedFd, Failure> {
    let memory = memfd_create("okiagari", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .map_err(|e| no_memory(bytes, e))?;
    ftruncate(&memory, bytes as u64).map_err(|e| no_memory(bytes, e))?;
    Ok(memory)
}

fn map(memory: BorrowedFd<'_>, bytes: usize, prot: ProtFlags) -> Result<*mut u8, Failure> {
    let populate = if bytes <= POPULATE_BYTES_MAX { MapFlags::POPULATE } else { MapFlags::empty() };
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let base = unsafe { mmap(null_mut(), bytes, prot, MapFlags::SHARED | populate, memory, 0) };
    base.map(<*mut _>::cast).map_err(|e| no_memory(bytes, e))
}

fn no_memory(bytes: usize, error: rustix::io::Errno) -> Failure {
    Failure::engine(format!("could not get {bytes} bytes of shared memory: {error}"))
}

#[cfg(test)]
mod tests;
