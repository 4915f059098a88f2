//! Rung once, when a run stops: for those who wait for descriptors, and for those who wait for a word in memory.

use super::futex;
use super::word::Word;
use rustix::event::{EventfdFlags, eventfd};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering::SeqCst;

/// A bell of one run.
pub(crate) struct Bell {
    fd: OwnedFd,
    word: Word,
}

impl Bell {
    pub(crate) fn new() -> rustix::io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { fd, word: Word::new(0) })
    }

    pub(crate) fn ring(&self) {
        self.word.store(1, SeqCst);
        rustix::io::write(&self.fd, &1u64.to_ne_bytes()).ok();
        futex::wake_all(&self.word);
    }

    pub(crate) fn is_rung(&self) -> bool {
        self.word.load(SeqCst) != 0
    }

    /// 0 until it is rung.
    pub(super) fn word(&self) -> &Word {
        &self.word
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
