//! What a subject and its workers use of the machine, sampled from outside.

use super::process::children;
use crate::history::{Resource, Role};
use pipelines::black_box::now_ns;
use rustix::param::clock_ticks_per_second;
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

/// Looks at `subject` and its children now; `deaths` stands in each row. A process that is just going is left out.
pub(super) fn look_at(subject: u32, deaths: u64) -> Vec<Resource> {
    let workers = children(subject).into_iter().map(|pid| (Role::Worker, pid));
    let all = std::iter::once((Role::Subject, subject)).chain(workers);
    let look = |(role, pid): (Role, u32)| {
        let t_ns = now_ns();
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        let fields = stat(&pid.to_string())?;
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let (cpu_ns, threads) = (ticks_ns(number(11)? + number(12)?), number(17)?);
        // One that is dying has no memory any more: that is no use of it.
        let rss_bytes = Some(field(pid, "status", "VmRSS:")).filter(|bytes| *bytes > 0)?;
        Some(Resource { t_ns, role, pid, deaths, rss_bytes, fds, threads, cpu_ns })
    };
    all.filter_map(look).collect()
}

/// Processor time of all children of this process that were reaped, and of theirs, in ns.
pub(super) fn reaped_cpu_ns() -> Option<u64> {
    let fields = stat("self")?;
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    Some(ticks_ns(number(13)? + number(14)?))
}

fn ticks_ns(ticks: u64) -> u64 {
    ticks.saturating_mul(1_000_000_000 / clock_ticks_per_second().max(1))
}

/// `/proc/PID/stat` from its third field (the state) on: the second one is a name, which may hold anything.
fn stat(pid: &str) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let rest = &text[text.rfind(')')? + 1..];
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_this_very_process_sees_it() {
        let all = look_at(std::process::id(), 3);
        let me = all[0];
        assert_eq!((me.role, me.pid, me.deaths), (Role::Subject, std::process::id(), 3));
        assert!(me.rss_bytes > 1 << 20 && me.fds >= 3 && me.threads >= 1, "{me:?}");
        let before = reaped_cpu_ns().unwrap();
        let busy = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(std::process::Command::new("sh").args(["-c", busy]).status().unwrap().success());
        assert!(reaped_cpu_ns().unwrap() > before, "a child that was reaped is counted");
        assert!(look_at(u32::MAX, 0).is_empty(), "nobody has this number");
    }
}
