//! Waiting for a word in memory that another process changes.

use super::word::Word;
use rustix::thread::futex::{self, Flags, Wait, WaitFlags, WaitPtr, WaitvFlags};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// Wakes whoever waits for `word`, in whatever process.
pub(super) fn wake_all(word: &Word) {
    futex::wake(word, Flags::empty(), i32::MAX as u32).ok();
}

/// Waits while `word` has this value. May come back early.
pub(super) fn wait(word: &Word, value: u32) {
    futex::wait(word, Flags::empty(), value, None).ok();
}

/// Waits while each word has its value, not longer than until then. May come back early.
///
/// A kernel before 5.16, or a filter that does not know the call, refuses it: then the words are looked at every
/// millisecond.
pub(super) fn wait_any<const N: usize>(words: [(&Word, u32); N], until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    let now = clock_gettime(ClockId::Monotonic);
    let due = Duration::new(now.tv_sec as u64, now.tv_nsec as u32) + left;
    let due = Timespec { tv_sec: due.as_secs() as i64, tv_nsec: due.subsec_nanos().into() };
    let waits = words.map(|(word, value)| {
        let mut wait = Wait::new();
        wait.val = value.into();
        wait.uaddr = WaitPtr::new(word.as_ptr().cast());
        wait.flags = WaitFlags::SIZE_U32;
        wait
    });
    let waited = futex::waitv(&waits, WaitvFlags::empty(), Some(&due), ClockId::Monotonic);
    if matches!(waited, Err(rustix::io::Errno::NOSYS | rustix::io::Errno::PERM)) {
        let unchanged = || words.iter().all(|(word, value)| word.load(SeqCst) == *value);
        while unchanged() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1).min(left));
        }
    }
}
