//! A worker's process: started, watched, ended, reaped. Who talks to it, and about what, is others' business.

use super::tail::Tail;
use crate::message::{Death, Failure};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};

/// Bytes of a worker's standard error that are kept.
const TAIL_BYTES: usize = 4096;
/// Names the role in the environment of a worker.
pub(crate) const ROLE: &str = "OKIAGARI_WORKER";

/// A running process. Dropping it ends and reaps it.
pub(crate) struct Process {
    child: Child,
    pidfd: OwnedFd,
    pub(crate) tail: Tail,
    ended: bool,
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
        let pid = Pid::from_child(&child);
        let stderr = child.stderr.take();
        let ready = pidfd_open(pid, PidfdFlags::empty())
            .and_then(|pidfd| Ok((pidfd, Tail::new(stderr, TAIL_BYTES)?)));
        match ready {
            Ok((pidfd, tail)) => Ok(Self { child, pidfd, tail, ended: false }),
            Err(error) => {
                child.kill().and_then(|()| child.wait()).ok();
                Err(cannot_start(&error))
            }
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Readable once the process has ended.
    pub(crate) fn pidfd(&self) -> BorrowedFd<'_> {
        self.pidfd.as_fd()
    }

    /// Ends it; that it has ended will be seen by whoever polls.
    pub(crate) fn kill(&self) {
        end(self.pidfd());
    }

    /// Waits for its end, and says what that was.
    pub(crate) fn reap(&mut self) -> Death {
        self.ended = true;
        match self.child.wait() {
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => Death::Signal(signal),
                (None, code) => Death::Exit(code.unwrap_or_default()),
            },
            Err(_) => Death::Garbage,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
            self.reap();
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
