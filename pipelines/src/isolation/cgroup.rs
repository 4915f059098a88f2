//! Control groups (version 2) for workers, where the user delegates one: a group a worker, which may hold so much
//! memory of any kind, and says whether its worker was killed for want of it.
//!
//! `RLIMIT_DATA` refuses an allocation, so that a library can still react. A group counts what that does not, such as
//! files in memory and page tables, and the kernel kills whoever goes beyond it. How one is delegated: docs/cgroups.md.

use super::limits::Limits;
use crate::message::Failure;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where the kernel shows its groups.
const ROOT: &str = "/sys/fs/cgroup";
/// The group into which whoever was in the delegated one goes: a group with limits below it holds no process itself.
const SUPERVISOR: &str = "supervisor";
/// How the name of a worker's group begins.
const WORKER: &str = "worker-";
/// What a worker's group may hold beyond its private memory and its outbox: page tables, code, files it reads.
const BESIDE_BYTES: u64 = 32 << 20;

/// A delegated group, ready for workers.
#[derive(Debug)]
pub(crate) struct Cgroup {
    dir: PathBuf,
}

/// The group that a user names: by its path, or as `own`.
///
/// # Errors
/// When it is `own` and this process is in none of version 2.
pub fn named(path: &Path) -> Result<PathBuf, Failure> {
    if path == Path::new("own") { own() } else { Ok(path.to_owned()) }
}

/// Whether workers can have groups of their own in this one. If so, its processes are in a group below from then on.
///
/// # Errors
/// [`Blame::Input`](crate::message::Blame::Input) when they cannot, with why.
pub fn check(dir: &Path) -> Result<(), Failure> {
    Cgroup::open(dir).map(drop)
}

/// The group that this process is in.
fn own() -> Result<PathBuf, Failure> {
    let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    delegated(&membership).map(|path| Path::new(ROOT).join(path)).ok_or_else(|| {
        Failure::input("this process is in no control group of version 2: name one by its path")
    })
}

/// The group of `/proc/self/cgroup` that was delegated: the one above, for whoever was put aside in it.
fn delegated(membership: &str) -> Option<&str> {
    let path = membership.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let above = path.strip_suffix(SUPERVISOR);
    Some(above.map_or(path, |above| above.trim_end_matches('/')))
}

impl Cgroup {
    /// Makes a delegated group ready: its processes go into a group below, and groups below may limit memory.
    ///
    /// # Errors
    /// [`Blame::Input`](crate::message::Blame::Input) when it is none, does not control memory, or is another's.
    pub(crate) fn open(dir: &Path) -> Result<Self, Failure> {
        let shown = dir.display();
        let controllers = fs::read_to_string(dir.join("cgroup.controllers")).map_err(|e| {
            Failure::input(format!("{shown} is no control group of version 2 that is there: {e}"))
        })?;
        if !controllers.split_whitespace().any(|controller| controller == "memory") {
            let what = format!("the control group {shown} does not control memory: delegate that");
            return Err(Failure::input(what));
        }
        make_ready(dir).map_err(|e| {
            Failure::input(format!(
                "the control group {shown} is not this user's to divide ({e}): start this program in one that was \
                 delegated, by systemd-run -p Delegate=yes"
            ))
        })?;
        Ok(Self { dir: dir.to_owned() })
    }

    /// A group for this worker, which is in it from now on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) fn put(&self, pid: u32, limits: &Limits, outbox: u64) -> Result<Leaf, Failure> {
        let dir = self.dir.join(format!("{WORKER}{pid}"));
        let most = limits.memory_max_bytes.saturating_add(outbox).saturating_add(BESIDE_BYTES);
        let put = || {
            make_dir(&dir)?;
            let leaf = Leaf { dir: dir.clone() };
            fs::write(dir.join("memory.max"), most.to_string())?;
            // Not every kernel can swap, or kill by group.
            fs::write(dir.join("memory.swap.max"), "0").ok();
            fs::write(dir.join("memory.oom.group"), "0").ok();
            fs::write(dir.join("cgroup.procs"), pid.to_string())?;
            Ok(leaf)
        };
        put().map_err(|e: io::Error| {
            Failure::engine(format!("could not put a worker into {}: {e}", dir.display()))
        })
    }
}

fn make_ready(dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(dir)?.flatten() {
        // What a run that was killed left behind; one in use cannot be removed.
        if entry.file_name().to_string_lossy().starts_with(WORKER) {
            fs::remove_dir(entry.path()).ok();
        }
    }
    let subtree = dir.join("cgroup.subtree_control");
    if fs::read_to_string(&subtree)?.split_whitespace().any(|controller| controller == "memory") {
        return Ok(());
    }
    let members = fs::read_to_string(dir.join("cgroup.procs"))?;
    if !members.trim().is_empty() {
        let aside = dir.join(SUPERVISOR);
        make_dir(&aside)?;
        for pid in members.split_whitespace() {
            fs::write(aside.join("cgroup.procs"), pid)?;
        }
    }
    fs::write(subtree, "+memory")
}

fn make_dir(dir: &Path) -> io::Result<()> {
    match fs::create_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// A worker's group. Dropping it, once its worker is reaped, removes it.
#[derive(Debug)]
pub(super) struct Leaf {
    dir: PathBuf,
}

impl Leaf {
    /// Whether the kernel killed in it for want of memory. It counts that before it kills.
    pub(super) fn ran_out(&self) -> bool {
        let events = fs::read_to_string(self.dir.join("memory.events")).unwrap_or_default();
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        killed.is_some_and(|count| count.trim() != "0")
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        fs::remove_dir(&self.dir).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_put_aside_is_still_in_the_group_above() {
        assert_eq!(delegated("4:memory:/a\n0::/user/job\n"), Some("user/job"));
        assert_eq!(delegated("0::/user/job/supervisor\n"), Some("user/job"));
        assert_eq!(delegated("0::/\n"), Some(""));
        assert_eq!(delegated("4:memory:/a\n"), None);
    }

    #[test]
    fn a_group_is_made_ready_and_a_worker_put_under_its_limit() {
        let group = tempfile::tempdir().unwrap();
        let file = |name: &str| group.path().join(name);
        let read = |name: &str| fs::read_to_string(file(name)).unwrap();
        let refused = Cgroup::open(group.path()).unwrap_err();
        assert!(refused.what.contains("is no control group of version 2"), "{refused}");
        fs::write(file("cgroup.controllers"), "cpu pids\n").unwrap();
        let refused = Cgroup::open(group.path()).unwrap_err();
        assert!(refused.what.contains("does not control memory"), "{refused}");
        fs::write(file("cgroup.controllers"), "cpu memory\n").unwrap();
        let refused = Cgroup::open(group.path()).unwrap_err();
        assert!(refused.what.contains("is not this user's to divide"), "{refused}");

        fs::write(file("cgroup.subtree_control"), "\n").unwrap();
        fs::write(file("cgroup.procs"), "12\n34\n").unwrap();
        fs::create_dir(file("worker-77")).unwrap();
        let cgroup = Cgroup::open(group.path()).unwrap();
        assert!(!file("worker-77").exists(), "somebody's who was killed");
        assert_eq!(read("cgroup.subtree_control"), "+memory");
        assert_eq!(read("supervisor/cgroup.procs"), "34", "each in turn");
        let limits = Limits { memory_max_bytes: 1 << 20, ..Default::default() };
        let leaf = cgroup.put(5, &limits, 4096).unwrap();
        assert_eq!(read("worker-5/memory.max"), ((33 << 20) + 4096).to_string());
        assert_eq!(
            ["cgroup.procs", "memory.swap.max"].map(|f| read(&format!("worker-5/{f}"))),
            ["5", "0"]
        );
        assert!(!leaf.ran_out());
        fs::write(file("worker-5/memory.events"), "oom 1\noom_kill 0\n").unwrap();
        assert!(!leaf.ran_out());
        fs::write(file("worker-5/memory.events"), "oom 1\noom_kill 1\n").unwrap();
        assert!(leaf.ran_out());
    }
}
