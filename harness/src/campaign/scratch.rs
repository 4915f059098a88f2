//! Where the trials of a campaign write their tiles: a folder that is gone with its observer, however that ended.

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Folders that are ours begin with this; then come process, its start, and a number.
const PREFIX: &str = "okiagari-";
/// Room that a folder in memory must have to be used for the tiles of trials.
const TMPFS_BYTES_MIN: u64 = 1 << 30;

/// A folder for tiles, removed when this is dropped. If its observer is killed, the next one removes it.
pub(super) struct Scratch {
    dir: PathBuf,
    /// Held as long as the observer lives; whoever cannot see our processes sees this.
    _lock: File,
}

impl Scratch {
    /// Makes one, after removing what dead observers left behind.
    pub(super) fn new() -> Result<Self> {
        Self::within(&place())
    }

    pub(super) fn within(place: &Path) -> Result<Self> {
        remove_leftovers(place);
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let pid = std::process::id();
        let started = started(pid).unwrap_or_default();
        let dir = place.join(format!("{PREFIX}{pid}-{started}-{number}"));
        fs::create_dir(&dir)
            .with_context(|| format!("no room for trials in {}", place.display()))?;
        let lock = File::open(&dir).context("no room for trials")?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).context("no room for trials")?;
        Ok(Self { dir, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).ok();
    }
}

/// Removes the folders of observers that are dead: no process has their number and their start, and nobody holds the
/// lock (an observer in another container has a number that means nothing here).
fn remove_leftovers(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(owner) else { continue };
        let (pid, start) = owner;
        if started(pid) == Some(start) {
            continue;
        }
        let Ok(lock) = File::open(entry.path()) else { continue };
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

/// Process and start of the observer to whom a folder with this name belongs.
fn owner(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.strip_prefix(PREFIX)?.split('-');
    let (pid, start) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let number = parts.next()?.parse::<u32>();
    (number.is_ok() && parts.next().is_none()).then_some((pid, start))
}

/// When a process was started, in the kernel's ticks since it was; `None`: there is none, or it is dead and only not
/// reaped yet.
fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let alive = !matches!(fields.next()?, "Z" | "X");
    // Field 22, counted from 1; the state was the third.
    fields.nth(18)?.parse().ok().filter(|_| alive)
}

/// A folder in memory if there is one with room, so that the disk's mood is not measured.
pub(super) fn place() -> PathBuf {
    let shm = PathBuf::from("/dev/shm");
    let room = rustix::fs::statvfs(&shm).map_or(0, |s| s.f_bavail * s.f_frsize);
    let writable = tempfile::tempfile_in(&shm).is_ok();
    match std::env::var_os("TMPDIR") {
        Some(dir) => dir.into(),
        None if room >= TMPFS_BYTES_MIN && writable => shm,
        None => std::env::temp_dir(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dead_observers_left_is_removed_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let mine = Scratch::within(place.path()).unwrap();
        let pid = std::process::id();
        let start = started(pid).unwrap();
        let made = |name: &str| {
            let dir = place.path().join(name);
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("tile.png"), "tile").unwrap();
            dir
        };
        // No process has this number: the kernel's own limit is 2^22.
        let dead = made(&format!("okiagari-{}-5-0", (1 << 22) + 1));
        let another_life = made(&format!("okiagari-{pid}-{}-0", start + 1));
        let alive = made(&format!("okiagari-{pid}-{start}-4000000000"));
        let foreign = ["okiagari-notes", "okiagari-1-2", "okiagari-1-2-x", "other-9-9-9"].map(made);
        let held = made(&format!("okiagari-{}-6-0", (1 << 22) + 1));
        let lock = File::open(&held).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        let next = Scratch::within(place.path()).unwrap();
        assert!(!dead.exists() && !another_life.exists());
        assert!(alive.exists() && held.exists() && foreign.iter().all(|f| f.exists()));
        assert!(mine.path().exists() && next.path().exists() && mine.path() != next.path());
        let path = next.path().to_path_buf();
        drop(next);
        assert!(!path.exists());
    }
}
