//! A worker's process: started, watched, ended, reaped. Who talks to it, and about what, is others' business.

use super::tail::Tail;
use super::will::Usage;
use crate::message::{Death, Failure};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Weak};

/// Bytes of a worker's standard error that are kept.
const TAIL_BYTES: usize = 4096;
/// Names the role in the environment of a worker.
pub(crate) const ROLE: &str = "OKIAGARI_WORKER";

/// A running process. Dropping it ends and reaps it.
pub(crate) struct Process {
    pid: u32,
    pidfd: Arc<OwnedFd>,
    pub(crate) tail: Tail,
    ended: Option<Death>,
}

impl Process {
    /// Starts this program again, as a worker that finds `socket` at its standard input. The calling thread
    /// must outlive it: the kernel ends a worker with the thread that started it.
    pub(crate) fn start(role: &'static str, socket: OwnedFd) -> Result<Self, Failure> {
        let mut child = Command::new("/proc/self/exe")
            .arg0("okiagari-worker")
            .env(ROLE, role)
            // A panic or a failed allocation must die in microseconds, not print for 100 ms.
            .env("RUST_BACKTRACE", "0")
            .stdin(socket)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| cannot_start(&e))?;
        let stderr = child.stderr.take().map(OwnedFd::from);
        let this = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
            .and_then(|pidfd| Self::adopt(child.id(), pidfd, stderr));
        this.map_err(|error| {
            child.kill().and_then(|()| child.wait()).ok();
            cannot_start(&error)
        })
    }

    /// Takes over a child of this process that somebody else started, with the end of its standard error.
    pub(super) fn adopt(
        pid: u32,
        pidfd: OwnedFd,
        stderr: Option<OwnedFd>,
    ) -> rustix::io::Result<Self> {
        let pidfd = Arc::new(pidfd);
        Ok(Self { pid, pidfd, tail: Tail::new(stderr, TAIL_BYTES)?, ended: None })
    }

    pub(crate) fn id(&self) -> u32 {
        self.pid
    }

    /// Readable once the process has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Its descriptor, for as long as it is not buried.
    pub(super) fn handle(&self) -> Weak<OwnedFd> {
        Arc::downgrade(&self.pidfd)
    }

    /// Ends it; that it has ended will be seen by whoever polls.
    pub(crate) fn kill(&self) {
        end(self.pidfd());
    }

    /// Waits for its end, and says what that was.
    pub(crate) fn reap(&mut self) -> Death {
        *self.ended.get_or_insert_with(|| {
            wait(self.pidfd.as_fd(), WaitIdOptions::EXITED).unwrap_or(Death::Garbage)
        })
    }

    /// What its end was, if it has ended and its memory is gone. It is still to be reaped.
    pub(super) fn end_so_far(&self) -> Option<Death> {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.ended.or_else(|| wait(self.pidfd(), look))
    }

    /// What it is dying of, as the last field of `/proc/PID/stat` says: a wait status. Only of one that is known to
    /// be dying.
    pub(super) fn dying_of(&self) -> Option<Death> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let status: i32 = stat.trim_end().rsplit(' ').next()?.parse().ok()?;
        match status & 0x7f {
            0 => Some(Death::Exit(status >> 8 & 0xff)),
            signal => Some(Death::Signal(signal)),
        }
    }

    /// Waits for its end, ends whatever it left behind in its process group, and reaps it. Until then no other group
    /// can have this number.
    pub(super) fn reap_group(&mut self) -> Death {
        if self.ended.is_none() {
            wait(self.pidfd(), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            if let Some(group) = Pid::from_raw(self.pid as i32) {
                rustix::process::kill_process_group(group, Signal::KILL).ok();
            }
        }
        self.reap()
    }

    /// Whether it is stopped (SIGSTOP), as `/proc` says.
    pub(super) fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The name in parentheses may hold anything; the state follows it.
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        matches!(state, Some('T' | 't'))
    }

    /// Bytes of memory that it has for itself, in RAM now.
    pub(super) fn private_bytes(&self) -> u64 {
        self.kib("RssAnon:").unwrap_or(0) << 10
    }

    /// This line of its status.
    fn kib(&self, name: &str) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// What it has used so far, as `/proc` says; `None` when it is gone.
    pub(super) fn usage(&self) -> Option<Usage> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The name in parentheses may hold anything; from the state on, times are the 12th and the 13th.
        let ticks = stat.rsplit(") ").next()?.split_whitespace().skip(11);
        let mut us = ticks.map_while(|n| n.parse().ok()).map(|n: u64| {
            n.saturating_mul(1_000_000) / rustix::param::clock_ticks_per_second().max(1)
        });
        Usage::of([self.kib("VmHWM:")?, us.next()?, us.next()?])
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.kill();
            self.reap();
        }
    }
}

fn wait(pidfd: BorrowedFd<'_>, options: WaitIdOptions) -> Option<Death> {
    loop {
        match waitid(WaitId::PidFd(pidfd), options) {
            Err(rustix::io::Errno::INTR) => {}
            // Somebody else waited for it: what it died of is not known any more.
            Err(_) => return Some(Death::Garbage),
            Ok(status) => {
                let status = status?;
                let signal = status.terminating_signal().map(Death::Signal);
                let exit = || status.exit_status().map(Death::Exit);
                return signal.or_else(exit).or(Some(Death::Garbage));
            }
        }
    }
}

/// Ends the process behind a pidfd, which never means another one.
pub(super) fn end(pidfd: BorrowedFd<'_>) {
    pidfd_send_signal(pidfd, Signal::KILL).ok();
}

pub(super) fn cannot_start(error: &dyn std::fmt::Display) -> Failure {
    Failure::engine(format!("could not start a worker process: {error}"))
}
