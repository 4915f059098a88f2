//! The memory of a black box: what lies where in the file, and how it is mapped.
#![allow(unsafe_code)]

use super::{LANES_MAX, STREAMS_MAX};
use crate::message::Death;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::BorrowedFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64};

/// Bytes of a page: each part of the file begins on one.
pub(super) const PAGE: usize = 4096;
/// Bytes of a subject's last words at most.
pub(super) const LAST_WORDS_BYTES: usize = 1024;

#[repr(C)]
pub(super) struct Header {
    pub(super) magic: AtomicU64,
    pub(super) items: AtomicU64,
    pub(super) receipts_cap: AtomicU32,
    pub(super) events_cap: AtomicU32,
    pub(super) receipts_next: AtomicU32,
    pub(super) events_next: AtomicU32,
    pub(super) started_ns: AtomicU64,
    pub(super) settled: AtomicU64,
    pub(super) incarnations: AtomicU32,
    pub(super) finished: AtomicU32,
    pub(super) last_words_blame: AtomicU32,
    pub(super) last_words_len: AtomicU32,
    pub(super) last_words: [AtomicU8; LAST_WORDS_BYTES],
    pub(super) deaths: [AtomicU32; Death::CODES],
    pub(super) timed_next: [AtomicU32; STREAMS_MAX],
    pub(super) fallen: [AtomicU64; LANES_MAX / 64],
}

#[repr(C)]
pub(super) struct ReceiptSlot {
    pub(super) item: AtomicU64,
    pub(super) armed_ns: AtomicU64,
    pub(super) reached_ns: AtomicU64,
    pub(super) fired_ns: AtomicU64,
    pub(super) effect_ns: AtomicU64,
    pub(super) attempt: AtomicU32,
    pub(super) number: AtomicU32,
    pub(super) fault: AtomicU8,
    pub(super) point: AtomicU8,
    pub(super) lane: AtomicU8,
    pub(super) _rest: [u8; 13],
}

#[repr(C)]
pub(super) struct EventSlot {
    pub(super) t_ns: AtomicU64,
    pub(super) item: AtomicU64,
    pub(super) value: AtomicU64,
    pub(super) attempt: AtomicU32,
    pub(super) lane: AtomicU8,
    pub(super) kind: AtomicU8,
    pub(super) _pad: [u8; 2],
}

const _: () = assert!(size_of::<Header>() <= PAGE);
const _: () = assert!(size_of::<ReceiptSlot>() == 64 && size_of::<EventSlot>() == 32);

/// What may lie in memory that other processes write.
///
/// # Safety
/// Made of atomics and padding only: any bytes are valid, and shared writing is allowed.
pub(super) unsafe trait Shared {}
// SAFETY: atomics and padding only, see above.
unsafe impl Shared for Header {}
// SAFETY: as above.
unsafe impl Shared for ReceiptSlot {}
// SAFETY: as above.
unsafe impl Shared for EventSlot {}
// SAFETY: as above.
unsafe impl Shared for AtomicU32 {}

/// A mapped file, or a part of it.
pub(super) struct Mapping {
    base: *mut u8,
    bytes: usize,
}

// SAFETY: all access goes through atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    pub(super) fn new(file: BorrowedFd<'_>, from: usize, bytes: usize) -> rustix::io::Result<Self> {
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let base = unsafe { mmap(null_mut(), bytes, prot, MapFlags::SHARED, file, from as u64) }?;
        Ok(Self { base: base.cast(), bytes })
    }
    /// `count` values of `T` from byte `from` on.
    pub(super) fn slice<T: Shared>(&self, from: usize, count: usize) -> &[T] {
        assert!(
            from.is_multiple_of(align_of::<T>()) && from + count * size_of::<T>() <= self.bytes
        );
        // SAFETY: inside the mapping and aligned (asserted), and `T` may lie in shared memory.
        unsafe { std::slice::from_raw_parts(self.base.add(from).cast(), count) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: made by `new`, borrowed by nobody any more.
        unsafe { munmap(self.base.cast(), self.bytes) }.ok();
    }
}

/// Where the parts of the file begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts {
    pub(super) items: usize,
    pub(super) receipts_cap: usize,
    pub(super) events_cap: usize,
}

impl Parts {
    pub(super) fn receipts_bytes(self) -> usize {
        (self.receipts_cap * 64).next_multiple_of(PAGE)
    }
    pub(super) fn attempts_at(self) -> usize {
        PAGE + self.receipts_bytes()
    }
    pub(super) fn events_at(self) -> usize {
        self.attempts_at() + (self.items * 4).next_multiple_of(PAGE)
    }
    pub(super) fn bytes(self) -> usize {
        self.events_at() + (self.events_cap * 32).next_multiple_of(PAGE)
    }
}
