//! What a process of a subject used, as the observer saw it from outside.

use serde::{Deserialize, Serialize};

/// Whose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The subject's own process.
    Subject,
    /// A child of it.
    Worker,
}

/// One look at one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resource {
    /// When, in nanoseconds since the trial began.
    pub t_ns: u64,
    /// Whose process.
    pub role: Role,
    /// Its process id.
    pub pid: u32,
    /// Attempts that had ended badly by then.
    pub deaths: u64,
    /// Memory that it has in RAM, in bytes, shared pages too.
    pub rss_bytes: u64,
    /// Open file descriptors.
    pub fds: u64,
    /// Threads.
    pub threads: u64,
    /// Processor time so far, in nanoseconds, in steps of the kernel's clock tick (10 ms).
    pub cpu_ns: u64,
}
