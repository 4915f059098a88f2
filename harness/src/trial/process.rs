//! A subject's process as its observer sees it.

use super::{MOMENT, family};
use crate::history::Ending;
use crate::subject::{SUBJECT, Spec};
use anyhow::{Context, Result};
use pipelines::isolation::tail::Tail;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal, wait};
use std::collections::HashSet;
use std::io::Write;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Bytes of a subject's standard error that are kept.
const TAIL_BYTES: usize = 8192;

/// How long processes that a subject left behind have to go by themselves.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// A running subject. Dropping it before its end was seen, as an error or a panic of the observer does, ends it and all
/// that it started: what was stopped, what burns processor time, what holds memory.
pub(super) struct Process {
    child: Child,
    pidfd: OwnedFd,
    tail: Tail,
    ended: bool,
    /// Its workers know nothing of us: they do not end with it by themselves.
    foreign: bool,
}

impl Process {
    /// Starts this program again as what `role` says: the subject of `spec`, or who tries its filters out. It
    /// ends with the thread that calls this.
    pub(super) fn start(role: &str, spec: &Spec) -> Result<Self> {
        let mut child = Command::new("/proc/self/exe")
            .arg0("okiagari-subject")
            .env(SUBJECT, role)
            .env("RUST_BACKTRACE", "0")
            // A group of its own: Ctrl-C reaches the observer alone, which then ends the subject.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start the subject's process")?;
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .context("could not watch the subject's process")?;
        let tail = Tail::new(child.stderr.take(), TAIL_BYTES)?;
        let foreign = spec.subject.is_foreign();
        let spec = serde_json::to_vec(spec).context("could not write the subject's spec")?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that dies at once is seen by its end, not here.
            stdin.write_all(&spec).ok();
        }
        Ok(Self { child, pidfd, tail, ended: false, foreign })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, at most so long, and not longer than until `bell` can be read; `None` when it is still
    /// running.
    pub(super) fn wait(
        &mut self,
        at_most: Duration,
        bell: Option<BorrowedFd<'_>>,
    ) -> Result<Option<Ending>> {
        let until = Instant::now() + at_most;
        loop {
            let left = Timespec::try_from(until.saturating_duration_since(Instant::now()))?;
            let mut fds = vec![PollFd::new(&self.pidfd, PollFlags::IN)];
            fds.extend(bell.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            fds.extend(self.tail.source().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
            let n = match poll(&mut fds, Some(&left)) {
                Err(Errno::INTR) => return Ok(None),
                n => n.context("could not wait for the subject")?,
            };
            let ended = !fds[0].revents().is_empty();
            let rung = bell.is_some() && !fds[1].revents().is_empty();
            self.tail.drain();
            if ended {
                self.ended = true;
                let status = self.child.wait().context("could not reap the subject")?;
                return Ok(Some(match (status.signal(), status.code()) {
                    (Some(signal), _) => Ending::Signal(signal),
                    (None, code) => Ending::Exit(code.unwrap_or_default()),
                }));
            }
            if n == 0 || rung {
                return Ok(None);
            }
        }
    }

    /// Sends it a signal.
    pub(super) fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.pidfd, signal).ok();
    }

    pub(super) fn stderr_tail(&mut self) -> String {
        self.tail.words()
    }

    /// Ends it; `wait` will see its end.
    pub(super) fn kill(&self) {
        if self.foreign {
            self.signal(Signal::STOP);
            family::end(self.pid());
        }
        self.signal(Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
            self.child.wait().ok();
            reap_left_behind(GRACE);
        }
    }
}

/// The process ids of the children of `pid`'s threads.
pub(super) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return vec![] };
    let read = |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("children")).ok();
    let lists = tasks.flatten().filter_map(read);
    let numbers = |list: String| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    lists.flat_map(numbers).filter_map(|n| n.parse().ok()).collect()
}

/// Reaps what a dead subject left to us. Its workers are ended by the kernel and are soon gone; what is
/// still there after `grace` is an orphan: counted, and ended, and what that leaves behind, too.
pub(super) fn reap_left_behind(grace: Duration) -> u64 {
    let until = Instant::now() + grace;
    let mut orphans = HashSet::new();
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some(_)) | Err(Errno::INTR) => continue,
            Err(_) => return orphans.len() as u64,
            Ok(None) => {}
        }
        if Instant::now() >= until {
            // Our own children, which nobody else can reap: their numbers are theirs.
            for pid in children(std::process::id()) {
                orphans.insert(pid);
                let pid = Pid::from_raw(pid as i32);
                pid.map(|p| rustix::process::kill_process(p, Signal::KILL));
            }
        }
        std::thread::sleep(MOMENT);
    }
}
