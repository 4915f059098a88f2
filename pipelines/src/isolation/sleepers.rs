//! What `futex.rs` is replaced by with the feature `schedules`: the kernel's part, as a list of who sleeps. Nobody wakes
//! early here, and no time passes: whoever is forgotten sleeps for ever, which shuttle calls a deadlock.

use super::word::Word;
use shuttle::sync::{Condvar, Mutex};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Instant;

/// Who sleeps, by a number of his own, and the addresses of the words that he waits for.
#[derive(Default)]
struct Sleepers {
    so_far: u64,
    asleep: Vec<(u64, Vec<usize>)>,
}

shuttle::lazy_static! {
    static ref SLEEPERS: Mutex<Sleepers> = Mutex::default();
    static ref WOKEN: Condvar = Condvar::new();
}

fn address(word: &Word) -> usize {
    word.as_ptr() as usize
}

/// Wakes whoever waits for `word`.
pub(super) fn wake_all(word: &Word) {
    let mut sleepers = SLEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
    sleepers.asleep.retain(|(_, words)| !words.contains(&address(word)));
    WOKEN.notify_all();
}

/// Waits while `word` has this value.
pub(super) fn wait(word: &Word, value: u32) {
    wait_any([(word, value)], Instant::now());
}

/// Waits while each word has its value.
pub(super) fn wait_any<const N: usize>(words: [(&Word, u32); N], _: Instant) {
    let mut sleepers = SLEEPERS.lock().unwrap_or_else(PoisonError::into_inner);
    // With the lock held, as in the kernel: who turns a word after this look finds the sleeper.
    if words.iter().any(|(word, value)| word.load(SeqCst) != *value) {
        return;
    }
    let me = sleepers.so_far;
    sleepers.so_far += 1;
    sleepers.asleep.push((me, words.iter().map(|(word, _)| address(word)).collect()));
    while sleepers.asleep.iter().any(|(number, _)| *number == me) {
        sleepers = WOKEN.wait(sleepers).unwrap_or_else(PoisonError::into_inner);
    }
}
