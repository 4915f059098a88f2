//! The machine, as the kernel describes it.

use crate::noise::load;
use pipelines::isolation::libc_version;
use rustix::fs::{statfs, statvfs};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What it is. What the kernel does not say is left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The processor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// The version of its microcode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub microcode: Option<String>,
    /// Cores that this process may use.
    pub cores: usize,
    /// Whether two of them may share a core of the hardware.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smt: Option<bool>,
    /// What decides the clock rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// Whether the clock may be raised for a while.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boost: Option<bool>,
    /// The kernel's release.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// The version of the C library.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub libc: Option<String>,
    /// All memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// 0, 1 or 2: whether addresses are drawn at random.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub randomize_va_space: Option<u32>,
    /// Where cores go; a pipe makes each crash dearer. Of a path only whether it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_pattern: Option<String>,
    /// Processes that wanted a core in the minute before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<f64>,
}

impl Machine {
    /// This one, now.
    pub(super) fn this() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = |text: String| text.split_whitespace().next()?.parse::<u64>().ok();
        let cpu = "/sys/devices/system/cpu";
        let flag = |path: &str| line(path).and_then(|text| text.parse::<u8>().ok()).map(|n| n != 0);
        Self {
            cpu: field(&cpuinfo, "model name"),
            microcode: field(&cpuinfo, "microcode"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            smt: flag(&format!("{cpu}/smt/active")),
            governor: line(&format!("{cpu}/cpu0/cpufreq/scaling_governor")),
            boost: flag(&format!("{cpu}/cpufreq/boost")),
            kernel: line("/proc/sys/kernel/osrelease"),
            libc: libc_version(),
            memory_bytes: field(&meminfo, "MemTotal").and_then(kib).map(|kib| kib * 1024),
            randomize_va_space: line("/proc/sys/kernel/randomize_va_space")
                .and_then(|n| n.parse().ok()),
            core_pattern: line("/proc/sys/kernel/core_pattern").map(|pattern| {
                let kind = if pattern.starts_with('|') { "a program" } else { "a file" };
                kind.to_owned()
            }),
            load: load(),
        }
    }
}

/// What a process may take, in the kernel's words: a number or `unlimited`, `max`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Soft limits of the process (`ulimit`), by name and unit.
    pub process: BTreeMap<String, String>,
    /// Those of its control group.
    pub cgroup: BTreeMap<String, String>,
}

impl Limits {
    /// Those of this process.
    pub(super) fn this() -> Self {
        let text = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        Self { process: soft_limits(&text), cgroup: group_limits(&groups) }
    }
}

/// Reads `/proc/PID/limits`: columns of a fixed width, the names of which hold spaces.
pub(super) fn soft_limits(text: &str) -> BTreeMap<String, String> {
    let Some(head) = text.lines().next() else { return BTreeMap::new() };
    let (Some(soft), Some(hard)) = (head.find("Soft Limit"), head.find("Hard Limit")) else {
        return BTreeMap::new();
    };
    let unit_at = head.find("Units");
    let row = |line: &str| {
        let name = line.get(..soft)?.trim().strip_prefix("Max ")?.to_lowercase().replace(' ', "_");
        let unit = unit_at.and_then(|at| line.get(at..)).map(str::trim).unwrap_or_default();
        let unit = match unit {
            "us" | "bytes" if !name.ends_with(unit) => format!("_{unit}"),
            "seconds" => "_s".into(),
            _ => String::new(),
        };
        Some((format!("{name}{unit}"), line.get(soft..hard)?.trim().to_owned()))
    };
    text.lines().skip(1).filter_map(row).collect()
}

/// The limits of the groups of `/proc/PID/cgroup`: of version 2, or of the controllers of version 1.
fn group_limits(groups: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut note = |name: &str, path: String| {
        if let Some(value) = line(&path) {
            all.insert(name.to_owned(), value);
        }
    };
    for group in groups.lines() {
        let mut parts = group.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let path = path.trim_end_matches('/');
        match controllers {
            "" => {
                note("memory_max_bytes", format!("/sys/fs/cgroup{path}/memory.max"));
                note("cpu_max_us", format!("/sys/fs/cgroup{path}/cpu.max"));
                note("pids_max", format!("/sys/fs/cgroup{path}/pids.max"));
            }
            "memory" => {
                let file = "memory.limit_in_bytes";
                note("memory_max_bytes", format!("/sys/fs/cgroup/memory{path}/{file}"));
            }
            "pids" => note("pids_max", format!("/sys/fs/cgroup/pids{path}/pids.max")),
            _ => {}
        }
    }
    all
}

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Its kind, or the number that the kernel has for it.
    pub file_system: String,
    /// Room that was free.
    pub free_bytes: u64,
}

impl Place {
    /// That of a folder.
    pub(super) fn of(dir: &Path) -> Self {
        let kind =
            statfs(dir).map_or(String::new(), |s| file_system(s.f_type as u64 & 0xffff_ffff));
        let free_bytes = statvfs(dir).map_or(0, |s| s.f_bavail.saturating_mul(s.f_frsize));
        Self { file_system: kind, free_bytes }
    }
}

/// The name behind a number of `statfs(2)`.
pub(super) fn file_system(number: u64) -> String {
    match number {
        0xef53 => "ext4".into(),
        0x0102_1994 => "tmpfs".into(),
        0x5846_5342 => "xfs".into(),
        0x9123_683e => "btrfs".into(),
        0x794c_7630 => "overlay".into(),
        0x6969 => "nfs".into(),
        0x2fc1_2fc1 => "zfs".into(),
        0xf2f5_2010 => "f2fs".into(),
        0x6573_5546 => "fuse".into(),
        0x0102_1997 => "9p".into(),
        other => format!("{other:#x}"),
    }
}

/// The first line of a file of the kernel's.
fn line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty())
}

/// What stands behind a name and a colon.
pub(super) fn field(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}
