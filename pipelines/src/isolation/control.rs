//! The memory through which a lane and its worker talk: two words to wait for, one that tells of a death, room for
//! requests and for answers, and a page for what a dying worker leaves behind.
//!
//! The worker may write anything here at any time, so that the lane copies whatever it wants to judge, and a page
//! serves one worker only: what a worker says that was given up reaches nobody.
#![allow(unsafe_code)]

use super::frame::FRAME_BYTES_MAX;
use super::word::Word;
use crate::message::Failure;
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{null_mut, slice_from_raw_parts};
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering::Acquire};

/// Items of one request at most; one of them takes up to [`FRAME_BYTES_MAX`].
pub(crate) const ITEMS_MAX: usize = 128;
/// Bytes of all frames of a request together.
pub(crate) const REQUEST_BYTES: usize = 64 << 10;
/// Bytes of a dead worker's stack that are kept.
pub(crate) const STACK_BYTES: usize = 8 << 10;
/// Registers that are kept: those of `gregs` on x86-64, fewer elsewhere.
pub(crate) const REGISTERS: usize = 23;
/// Return addresses that are kept.
pub(crate) const FRAMES: usize = 32;
/// Files that the code of those addresses comes from, at most.
pub(crate) const MODULES: usize = 8;
/// Bytes of such a file's path, with a zero at the end.
pub(crate) const PATH_BYTES: usize = 256;

/// Who owned a robust futex is dead (`FUTEX_OWNER_DIED`).
pub(super) const OWNER_DIED: u32 = 0x4000_0000;

const ANSWER_STRIDE: usize = FRAME_BYTES_MAX + 64;
const PAGE: usize = 4096;
const WORDS_BYTES: usize = size_of::<Words>().next_multiple_of(PAGE);
const BYTES: usize = WORDS_BYTES + REQUEST_BYTES + ITEMS_MAX * ANSWER_STRIDE;

/// Written by the lane.
#[repr(C, align(64))]
#[derive(Default)]
pub(super) struct Asked {
    /// Changes whenever there is something for the worker to see: it waits for this word.
    pub(super) turn: Word,
    /// Requests so far.
    pub(super) requests: Word,
    /// Items of the present request.
    pub(super) items: Word,
    /// Answers that were copied, of all requests.
    pub(super) taken: Word,
    /// The lane waits, and wants to be woken.
    pub(super) sleeps: Word,
}

/// Written by the worker.
#[repr(C, align(64))]
#[derive(Default)]
pub(super) struct Said {
    /// Changes whenever there is something for the lane to see: it waits for this word.
    pub(super) turn: Word,
    /// A [`State`](super::line::State).
    pub(super) state: Word,
    /// Items begun, of all requests.
    pub(super) begun: Word,
    /// Answers given, of all requests.
    pub(super) answered: Word,
    /// The worker waits, and wants to be woken.
    pub(super) sleeps: Word,
}

/// An entry in the worker's list of robust futexes; the kernel finds it by the worker's own addresses.
#[repr(C, align(64))]
#[derive(Default)]
pub(super) struct Life {
    pub(super) next: AtomicUsize,
    pub(super) word: Word,
}

/// A file that was mapped as code, as a dying worker writes it.
#[repr(C)]
pub(super) struct Module {
    /// The first address of its mapping, written last; 0 when there is none.
    pub(super) start: AtomicU64,
    pub(super) end: AtomicU64,
    /// What is to be taken off an address to get that in the file.
    pub(super) bias: AtomicU64,
    pub(super) path: [AtomicU64; PATH_BYTES / 8],
}

/// What a dying worker writes.
#[repr(C, align(64))]
pub(super) struct Will {
    /// The signal that ends it; 0 when there was none.
    pub(super) signal: AtomicI32,
    pub(super) code: AtomicI32,
    pub(super) address: AtomicU64,
    /// 1 once all of it is written.
    pub(super) complete: AtomicU32,
    /// 1 + the status it exits with; 0 when it did not.
    pub(super) exit: AtomicI32,
    /// 1 + the number of the system call that was refused to it; 0 when none was.
    pub(super) refused_call: AtomicU32,
    /// Bytes that it asked for and could not have; 0 when it had all.
    pub(super) refused_bytes: AtomicU64,
    pub(super) registers: [AtomicU64; REGISTERS],
    pub(super) frames: [AtomicU64; FRAMES],
    pub(super) modules: [Module; MODULES],
    /// The most memory that it had, in KiB, and its time in user and in kernel mode, in µs; 0 when it did not say.
    pub(super) usage: [AtomicU64; 3],
    pub(super) stack_len: AtomicU32,
    pub(super) stack: [AtomicU64; STACK_BYTES / 8],
}

/// All of it, but requests and answers.
#[repr(C)]
pub(super) struct Words {
    pub(super) asked: Asked,
    pub(super) said: Said,
    pub(super) life: Life,
    pub(super) will: Will,
}

/// One mapping of it.
#[derive(Debug)]
pub(crate) struct Control {
    base: *mut u8,
    memory: OwnedFd,
}

// SAFETY: `base` points to a mapping that lives as long as this. Words are atomics; the two areas are copied from and
// to as plain bytes, each by the one side whose turn it is.
unsafe impl Send for Control {}
// SAFETY: as above.
unsafe impl Sync for Control {}

impl Control {
    /// A new one, of zeros.
    ///
    /// # Errors
    /// When there is no memory or no descriptor left.
    pub(super) fn new() -> Result<Self, Failure> {
        let make = || {
            let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
            let memory = memfd_create("okiagari-control", flags)?;
            ftruncate(&memory, BYTES as u64)?;
            // Shrunk, it would kill its readers with SIGBUS.
            fcntl_add_seals(&memory, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
            Self::attach(memory)
        };
        make().map_err(|e: rustix::io::Errno| {
            Failure::engine(format!("could not make a page for a worker: {e}"))
        })
    }

    /// Another process's, by its memory.
    pub(super) fn attach(memory: OwnedFd) -> rustix::io::Result<Self> {
        let (prot, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let base = unsafe { mmap(null_mut(), BYTES, prot, flags, &memory, 0) }?;
        Ok(Self { base: base.cast(), memory })
    }

    pub(super) fn memory(&self) -> BorrowedFd<'_> {
        self.memory.as_fd()
    }

    pub(super) fn words(&self) -> &Words {
        // SAFETY: the mapping is page-aligned and long enough; atomics may be shared with a process that writes
        // them, and any bytes are valid.
        unsafe { &*self.base.cast::<Words>() }
    }

    /// Puts a request's frames where the worker will look for them.
    ///
    /// # Panics
    /// When they are longer than [`REQUEST_BYTES`].
    pub(super) fn write_request(&self, frames: &[u8]) {
        assert!(frames.len() <= REQUEST_BYTES, "a request that does not fit");
        // SAFETY: the area lies inside the mapping; nobody reads it before the request is announced.
        unsafe { frames.as_ptr().copy_to_nonoverlapping(self.base.add(WORDS_BYTES), frames.len()) };
    }

    /// In the worker: the request, which does not change before it is answered.
    pub(super) fn request(&self) -> &[u8] {
        // SAFETY: inside the mapping; the lane writes it only while the worker waits for a request.
        unsafe { &*slice_from_raw_parts(self.base.add(WORDS_BYTES), REQUEST_BYTES) }
    }

    fn answer_at(&self, number: u32) -> *mut u8 {
        let at = WORDS_BYTES + REQUEST_BYTES + (number as usize % ITEMS_MAX) * ANSWER_STRIDE;
        // SAFETY: the slot lies inside the mapping, by the remainder.
        unsafe { self.base.add(at) }
    }

    /// In the worker: writes an answer.
    ///
    /// # Panics
    /// When it is longer than [`FRAME_BYTES_MAX`].
    pub(super) fn write_answer(&self, number: u32, frame: &[u8]) {
        assert!(frame.len() <= FRAME_BYTES_MAX, "an answer that does not fit");
        self.write_answer_of(number, frame, frame.len() as u32);
    }

    /// In the worker: as above, with a length that may be a lie.
    pub(super) fn write_answer_of(&self, number: u32, frame: &[u8], len: u32) {
        let at = self.answer_at(number);
        // SAFETY: the slot has room for a length and a frame; the lane reads it once it is announced.
        unsafe {
            at.cast::<u32>().write(len);
            frame.as_ptr().copy_to_nonoverlapping(at.add(8), frame.len().min(FRAME_BYTES_MAX));
        }
    }

    /// Copies an answer out; `None` when its length makes no sense.
    pub(super) fn read_answer(
        &self,
        number: u32,
        frame: &mut [u8; FRAME_BYTES_MAX],
    ) -> Option<usize> {
        let at = self.answer_at(number);
        // SAFETY: inside the mapping. The worker may write meanwhile: the length is read once, and bytes are copied
        // before anybody looks at them.
        unsafe {
            let len = at.cast::<u32>().read_volatile() as usize;
            (len <= FRAME_BYTES_MAX).then(|| {
                at.add(8).copy_to_nonoverlapping(frame.as_mut_ptr(), len);
                len
            })
        }
    }

    /// The will's stack, as it was.
    pub(super) fn stack(&self) -> Vec<u8> {
        let will = &self.words().will;
        let len = (will.stack_len.load(Acquire) as usize).min(STACK_BYTES);
        let bytes = will.stack.iter().flat_map(|word| word.load(Acquire).to_ne_bytes());
        bytes.take(len).collect()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // SAFETY: made by `attach`, borrowed by nobody any more.
        unsafe { munmap(self.base.cast(), BYTES) }.ok();
    }
}
