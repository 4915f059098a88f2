//! A worker process as its supervisor sees it.

use super::frame::FRAME_BYTES_MAX;
use super::segment::{Segment, Shape};
use super::tail::Tail;
use crate::message::{Death, Failure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
    sendmsg, socketpair,
};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// Bytes of a worker's standard error that are kept.
const TAIL_BYTES: usize = 4096;
/// Files that go along with the first message.
pub(crate) const FILES_MAX: usize = 10;
/// The number of a worker's outbox among its segments.
pub(crate) const OUTBOX: u16 = u16::MAX;
/// Slots of an outbox: one for a result, one for what lies between two handlers of a `Then`.
const OUTBOX_SLOTS: usize = 2;
/// Names the role in the environment of a worker.
pub(crate) const ROLE: &str = "OKIAGARI_WORKER";

/// What is the same for all workers of a crew.
pub(crate) struct Plan {
    pub(crate) role: &'static str,
    pub(crate) config: String,
    pub(crate) slabs: Vec<Arc<Segment>>,
    pub(crate) result_bytes: usize,
    pub(crate) memory_max_bytes: u64,
    /// The black box and its number of receipts.
    pub(crate) receipts: Option<(OwnedFd, usize)>,
}

/// The first message to a worker; its files follow in the order outbox, slabs, black box.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) config: String,
    pub(crate) outbox: Shape,
    pub(crate) slabs: Vec<Shape>,
    pub(crate) receipts: Option<usize>,
    pub(crate) memory_max_bytes: u64,
    pub(crate) parent: i32,
}

/// What a wait came back with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// So many bytes of a message.
    Message(usize),
    /// The socket is closed.
    Closed,
    /// The process has ended, and is reaped.
    Ended(Death),
    /// The deadline passed.
    Late,
    /// The run is stopping.
    Bell,
}

/// A running worker. Dropping it ends and reaps it.
pub(crate) struct Child {
    process: std::process::Child,
    pidfd: OwnedFd,
    socket: Option<OwnedFd>,
    tail: Tail,
    pub(crate) outbox: Arc<Segment>,
    ended: bool,
}

impl Child {
    /// Starts a worker. The calling thread must outlive it: the kernel ends a worker with the thread
    /// that started it.
    pub(crate) fn spawn(plan: &Plan) -> Result<Self, Failure> {
        let outbox = Segment::outbox(OUTBOX, OUTBOX_SLOTS, plan.result_bytes)?;
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
            .map_err(|e| cannot_start(&e))?;
        let mut process = Command::new("/proc/self/exe")
            .arg0("okiagari-worker")
            .env(ROLE, plan.role)
            // A panic or a failed allocation must die in microseconds, not print for 100 ms.
            .env("RUST_BACKTRACE", "0")
            .stdin(theirs)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| cannot_start(&e))?;
        let pid = Pid::from_child(&process);
        let stderr = process.stderr.take();
        let ready = pidfd_open(pid, PidfdFlags::empty()).and_then(|pidfd| {
            let tail = Tail::new(stderr, TAIL_BYTES)?;
            hello(&ours, plan, &outbox)?;
            Ok((pidfd, tail))
        });
        match ready {
            Ok((pidfd, tail)) => {
                Ok(Self { process, pidfd, socket: Some(ours), tail, outbox, ended: false })
            }
            Err(error) => {
                process.kill().and_then(|()| process.wait()).ok();
                Err(cannot_start(&error))
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends one frame. False when nobody is there to read it.
    pub(crate) fn send(&self, frame: &[u8]) -> bool {
        debug_assert!(frame.len() <= FRAME_BYTES_MAX);
        let none = &mut SendAncillaryBuffer::default();
        let Some(socket) = &self.socket else { return false };
        sendmsg(socket, &[IoSlice::new(frame)], none, SendFlags::NOSIGNAL).is_ok()
    }

    /// Waits for a sign of the worker. What it said before it died comes before its death.
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        bell: BorrowedFd<'_>,
        frame: &mut [u8; FRAME_BYTES_MAX],
    ) -> Sign {
        loop {
            let (socket, ended, stderr, rung, late) = self.poll(until, bell);
            if stderr {
                self.tail.drain();
            }
            if socket {
                return self.receive(frame);
            }
            if ended {
                return Sign::Ended(self.reap());
            }
            if rung {
                return Sign::Bell;
            }
            if late {
                return Sign::Late;
            }
        }
    }

    /// (socket, process end, standard error, bell, deadline): which of them is there.
    fn poll(&self, until: Option<Instant>, bell: BorrowedFd<'_>) -> (bool, bool, bool, bool, bool) {
        let socket = self.socket.as_ref().map(AsFd::as_fd);
        let stderr = self.tail.source();
        // A descriptor that is gone is stood in for by one that is watched anyway.
        let watch = |fd: Option<BorrowedFd<'_>>| {
            let flags = if fd.is_some() { PollFlags::IN } else { PollFlags::empty() };
            (fd.is_some(), flags)
        };
        let ((has_socket, socket_in), (has_stderr, stderr_in)) = (watch(socket), watch(stderr));
        let pidfd = self.pidfd.as_fd();
        let mut fds = [
            PollFd::from_borrowed_fd(socket.unwrap_or(pidfd), socket_in),
            PollFd::from_borrowed_fd(pidfd, PollFlags::IN),
            PollFd::from_borrowed_fd(stderr.unwrap_or(pidfd), stderr_in),
            PollFd::from_borrowed_fd(bell, PollFlags::IN),
        ];
        let left = until.map(|t| t.saturating_duration_since(Instant::now()));
        let left = left.and_then(|d| Timespec::try_from(d).ok());
        // Interrupted or refused, it says nothing of any descriptor; the deadline holds all the same.
        poll(&mut fds, left.as_ref()).ok();
        let on = |n: usize| !fds[n].revents().is_empty();
        let late = until.is_some_and(|t| Instant::now() >= t);
        (has_socket && on(0), on(1), has_stderr && on(2), on(3), late)
    }

    fn receive(&mut self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Sign {
        let Some(socket) = &self.socket else { return Sign::Closed };
        match rustix::net::recv(socket, &mut frame[..], rustix::net::RecvFlags::empty()) {
            Ok((n, _)) if n > 0 => Sign::Message(n),
            _ => {
                self.socket = None;
                Sign::Closed
            }
        }
    }

    /// What it wrote to standard error at the end.
    pub(crate) fn words(&mut self) -> String {
        self.tail.words()
    }

    /// Ends it; that it has ended will be seen by `wait`.
    pub(crate) fn kill(&self) {
        pidfd_send_signal(&self.pidfd, Signal::KILL).ok();
    }

    fn reap(&mut self) -> Death {
        self.ended = true;
        match self.process.wait() {
            Ok(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => Death::Signal(signal),
                (None, code) => Death::Exit(code.unwrap_or_default()),
            },
            Err(_) => Death::Garbage,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
            self.reap();
        }
    }
}

fn hello(socket: &OwnedFd, plan: &Plan, outbox: &Segment) -> rustix::io::Result<()> {
    let hello = Hello {
        config: plan.config.clone(),
        outbox: outbox.shape(),
        slabs: plan.slabs.iter().map(|s| s.shape()).collect(),
        receipts: plan.receipts.as_ref().map(|(_, cap)| *cap),
        memory_max_bytes: plan.memory_max_bytes,
        parent: rustix::process::getpid().as_raw_nonzero().get(),
    };
    let text = serde_json::to_vec(&hello).map_err(|_| rustix::io::Errno::INVAL)?;
    let slabs = plan.slabs.iter().filter_map(|s| s.memory());
    let black_box = plan.receipts.as_ref().map(|(file, _)| file.as_fd());
    let files: Vec<_> = outbox.memory().into_iter().chain(slabs).chain(black_box).collect();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !rights.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(rustix::io::Errno::TOOBIG);
    }
    sendmsg(socket, &[IoSlice::new(&text)], &mut rights, SendFlags::NOSIGNAL).map(|_| ())
}

fn cannot_start(error: &dyn std::fmt::Display) -> Failure {
    Failure::engine(format!("could not start a worker process: {error}"))
}
