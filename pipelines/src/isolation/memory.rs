//! How much memory there is for a run.

use crate::message::Failure;
use std::fs::read_to_string;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Of the memory that there is, what is not for the run: so much for the system, and for decoders in the supervising
/// process.
const LEFT_OUT: u64 = 4;

/// One number of bytes that all slots together may take; whoever cuts a segment takes from it.
#[derive(Debug)]
pub struct Budget {
    left: AtomicUsize,
}

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { left: AtomicUsize::new(bytes) }
    }

    /// Takes room for slots of `slot_bytes` each: `most` of them, or fewer, but not less than `least`.
    ///
    /// # Errors
    /// When there is no room for `least`.
    pub fn slots(&self, slot_bytes: usize, least: usize, most: usize) -> Result<usize, Failure> {
        let slot_bytes = slot_bytes.max(1).next_multiple_of(4096);
        let fitting = |left: usize| (left / slot_bytes).min(most);
        let take = |left: usize| {
            let slots = fitting(left);
            (slots >= least).then(|| left - slots * slot_bytes)
        };
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take);
        before.map(fitting).map_err(|left| {
            Failure::input(format!(
                "a single tile takes {}, and {least} of them do not fit into the {} that are left; take smaller tiles \
                 or fewer workers",
                mib(slot_bytes as u64),
                mib(left as u64)
            ))
        })
    }
}

/// In words.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

/// What a run may take if nothing else is said: three quarters of the machine's memory, or of what the control groups
/// of this process leave it, whichever is less.
pub fn default_budget() -> u64 {
    let meminfo = read_to_string("/proc/meminfo").unwrap_or_default();
    let membership = read_to_string("/proc/self/cgroup").unwrap_or_default();
    let ceilings = ceilings(Path::new("/sys/fs/cgroup"), &membership);
    let least = total(&meminfo).into_iter().chain(ceilings).min();
    least.map_or(u64::MAX, |bytes| bytes - bytes / LEFT_OUT)
}

/// The machine's memory, by `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib << 10)
}

/// What control groups allow to whoever is a member of these, as `/proc/PID/cgroup` names them: each group with its
/// ancestors, of version 2 and of version 1.
fn ceilings(root: &Path, membership: &str) -> Vec<u64> {
    let groups = membership.lines().filter_map(|line| {
        let [number, controllers, path] = line.splitn(3, ':').collect::<Vec<_>>()[..] else {
            return None;
        };
        let path = path.trim_start_matches('/');
        match (number, controllers) {
            ("0", "") => Some((root.to_owned(), path, "memory.max")),
            (_, "memory") => Some((root.join("memory"), path, "memory.limit_in_bytes")),
            _ => None,
        }
    });
    let of = |(top, path, file): (PathBuf, &str, &'static str)| {
        let group = top.join(path);
        let up: Vec<_> = group.ancestors().take_while(|g| g.starts_with(&top)).collect();
        let limit = |group: &&Path| read_to_string(group.join(file)).ok()?.trim().parse().ok();
        up.iter().filter_map(limit).collect::<Vec<_>>()
    };
    groups.flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_any_group_above_allows_counts() {
        let root = tempfile::tempdir().unwrap();
        let group = root.path().join("user/job");
        fs::create_dir_all(&group).unwrap();
        fs::create_dir_all(root.path().join("memory/old")).unwrap();
        let member = "4:memory:/old\n1:cpu,cpuacct:/x\n0::/user/job\n";
        assert!(ceilings(root.path(), member).is_empty(), "no group says anything");
        fs::write(group.join("memory.max"), "max\n").unwrap();
        fs::write(root.path().join("user/memory.max"), "4096\n").unwrap();
        fs::write(root.path().join("memory/old/memory.limit_in_bytes"), "8192\n").unwrap();
        assert_eq!(ceilings(root.path(), member), [8192, 4096]);
        assert!(ceilings(root.path(), "0::/\n").is_empty());
        assert!(ceilings(root.path(), "nonsense\n:::\n").is_empty());
    }

    #[test]
    fn the_budget_is_less_than_the_machine_has() {
        let meminfo = read_to_string("/proc/meminfo").unwrap();
        let there = total(&meminfo).unwrap();
        let budget = default_budget();
        assert!(0 < budget && budget < there, "{budget} of {there}");
        assert_eq!(total("MemTotal:       2048 kB\nMemFree: 1 kB\n"), Some(2 << 20));
        assert_eq!(total("nothing"), None);
    }
}
