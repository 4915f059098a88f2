//! What a worker may take, and when it is replaced before it dies of age.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one worker may take of the machine. The kernel holds it to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Private writable memory (`RLIMIT_DATA`), in bytes. Memory that is shared with the supervisor does not count.
    pub memory_max_bytes: u64,
    /// Processor time of its whole life (`RLIMIT_CPU`), in whole seconds, at least 1; then SIGXCPU ends it.
    pub cpu_max: Option<Duration>,
    /// Open files (`RLIMIT_NOFILE`).
    pub files_max: Option<u64>,
    /// The size of a file that it writes (`RLIMIT_FSIZE`), in bytes.
    pub file_max_bytes: Option<u64>,
}

impl Default for Limits {
    /// 512 MiB, and nothing else.
    fn default() -> Self {
        Self { memory_max_bytes: 512 << 20, cpu_max: None, files_max: None, file_max_bytes: None }
    }
}

impl Limits {
    /// Puts the calling process under these limits.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn impose(&self) -> rustix::io::Result<()> {
        forbid_core_dumps()?;
        let cpu = self.cpu_max.map(|time| time.as_secs().max(1));
        // Where the hard limit of the time is the soft one, the kernel sends SIGKILL, which says nothing of why.
        let hard = |resource, limit: Option<u64>| match resource {
            Resource::Cpu => limit.map(|seconds| seconds + 1),
            _ => limit,
        };
        let limits = [
            (Resource::Data, Some(self.memory_max_bytes)),
            (Resource::Cpu, cpu),
            (Resource::Nofile, self.files_max),
            (Resource::Fsize, self.file_max_bytes),
        ];
        for (resource, limit) in limits.into_iter().filter(|(_, limit)| limit.is_some()) {
            let most = getrlimit(resource).maximum.unwrap_or(u64::MAX);
            let [soft, hard] = [limit, hard(resource, limit)].map(|n| n.map(|n| n.min(most)));
            setrlimit(resource, Rlimit { current: soft, maximum: hard })?;
        }
        Ok(())
    }
}

/// When a worker is replaced though it lives: what leaks a little with each item never gets far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recycling {
    /// After so many items.
    pub items: Option<u64>,
    /// At this age.
    pub age: Option<Duration>,
    /// Once it has grown by so many bytes of private memory since its first item.
    pub growth_bytes: Option<u64>,
}

/// What is known of a worker between two items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worn {
    /// Items that it has done.
    pub items: u64,
    /// How long it has been ready.
    pub age: Duration,
    /// What it has grown by since its first item, in bytes; 0 when nobody measured.
    pub growth_bytes: u64,
}

impl Recycling {
    /// Whether it is time.
    pub fn is_due(&self, worn: Worn) -> bool {
        self.items.is_some_and(|most| worn.items >= most)
            || self.age.is_some_and(|most| worn.age >= most)
            || self.growth_bytes.is_some_and(|most| worn.growth_bytes >= most)
    }
}

/// No core dump of this process: writing one takes longer than all the rest of a recovery.
///
/// # Errors
/// When the kernel refuses.
pub fn forbid_core_dumps() -> rustix::io::Result<()> {
    // 1, not 0: it also stops a core_pattern pipe, which the kernel would start in spite of 0. A hard limit
    // that is 0 already cannot be raised.
    let limit = Some(getrlimit(Resource::Core).maximum.map_or(1, |most| most.min(1)));
    setrlimit(Resource::Core, Rlimit { current: limit, maximum: limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_replaced_by_whichever_comes_first() {
        let worn = |items, seconds, growth_bytes| Worn {
            items,
            age: Duration::from_secs(seconds),
            growth_bytes,
        };
        let young = worn(9, 9, 9);
        assert!(!Recycling::default().is_due(worn(u64::MAX, u64::MAX, u64::MAX)));
        let age = Some(Duration::from_secs(10));
        let recycling = Recycling { items: Some(10), age, growth_bytes: Some(10) };
        assert!(!recycling.is_due(young));
        for old in [worn(10, 0, 0), worn(0, 10, 0), worn(0, 0, 10)] {
            assert!(recycling.is_due(old), "{old:?}");
        }
    }
}
