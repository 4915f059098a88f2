//! What is known of a batch beside its items.

use serde::Serialize;
use std::fmt;

/// Why a batch went out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The split said that it is full.
    Size,
    /// Its first item had waited long enough.
    Timeout,
    /// One of its items asked for it. In Broadway also: the pipeline stops.
    Flush,
    /// The pipeline stops.
    Drain,
    /// Too many batches were open, and this was the oldest.
    Keys,
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "size",
            Self::Timeout => "timeout",
            Self::Flush => "flush",
            Self::Drain => "drain",
            Self::Keys => "keys",
        })
    }
}

/// What is known of a batch beside its items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BatchInfo {
    /// The batcher that made it, by its number in the pipeline.
    pub batcher: u8,
    /// The key that all its items share.
    pub key: u64,
    /// The partition that all its items share, if the batcher has partitions.
    pub partition: Option<usize>,
    /// Items in it, at least 1.
    pub size: usize,
    /// Why it went out.
    pub trigger: Trigger,
}
