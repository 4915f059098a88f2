//! What a subject says of its own end.

use super::BlackBox;
use super::page::LAST_WORDS_BYTES;
use crate::message::{Blame, Failure};
use std::sync::atomic::Ordering::*;

impl BlackBox {
    /// The subject says that it came to its end.
    pub fn finish(&self) {
        self.header().finished.store(1, Release);
    }

    /// Whether the subject said so.
    pub fn finished(&self) -> bool {
        self.header().finished.load(Acquire) != 0
    }

    /// The subject says why it gives up.
    pub fn say_last(&self, failure: &Failure) {
        let header = self.header();
        let bytes = &failure.what.as_bytes()[..failure.what.len().min(LAST_WORDS_BYTES)];
        for (to, from) in header.last_words.iter().zip(bytes) {
            to.store(*from, Relaxed);
        }
        header.last_words_blame.store(failure.blame as u32, Relaxed);
        header.last_words_len.store(bytes.len() as u32, Release);
    }

    /// Why the subject gave up, if it said so.
    pub fn last_words(&self) -> Option<Failure> {
        let header = self.header();
        let len = (header.last_words_len.load(Acquire) as usize).min(LAST_WORDS_BYTES);
        let bytes: Vec<u8> = header.last_words[..len].iter().map(|b| b.load(Relaxed)).collect();
        let blame = match header.last_words_blame.load(Relaxed) {
            0 => Blame::Input,
            1 => Blame::Output,
            2 => Blame::Item,
            _ => Blame::Engine,
        };
        (len > 0).then(|| Failure { blame, what: String::from_utf8_lossy(&bytes).into_owned() })
    }
}
