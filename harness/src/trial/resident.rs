//! How much memory a subject and its workers hold, sampled from outside.

use super::process::children;
use serde::{Deserialize, Serialize};

/// Peak memory in bytes, as far as the samples saw it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resident {
    /// The subject's own process: its peak by the kernel's account (VmHWM).
    pub supervisor: u64,
    /// The largest of its workers, likewise.
    pub worker_max: u64,
    /// Subject and workers together, what they share counted once (PSS): the largest sample.
    pub all_pss: u64,
}

impl Resident {
    /// Looks at `subject` and its children now.
    pub(super) fn sample(&mut self, subject: u32) {
        self.supervisor = self.supervisor.max(field(subject, "status", "VmHWM:"));
        let workers = children(subject);
        for worker in &workers {
            self.worker_max = self.worker_max.max(field(*worker, "status", "VmHWM:"));
        }
        let all = workers.iter().chain([&subject]);
        let pss = all.map(|pid| field(*pid, "smaps_rollup", "Pss:")).sum();
        self.all_pss = self.all_pss.max(pss);
    }
}

/// A field of a file in `/proc/PID`, in bytes; 0 when the process is gone.
fn field(pid: u32, file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
