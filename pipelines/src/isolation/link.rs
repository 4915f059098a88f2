//! The line between one lane and its worker: a socket for frames, an outbox for what is too large for one.

use super::frame::FRAME_BYTES_MAX;
use super::line::{OUTBOX, OUTBOX_SLOTS_MIN};
use super::process::cannot_start;
use super::segment::Segment;
use crate::message::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags,
    SocketType, recv, sendmsg, socketpair,
};
use serde::Serialize;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

/// Files that go along with one message.
pub(crate) const FILES_MAX: usize = 10;
/// The lane's end of the line.
pub(crate) struct Link {
    socket: Option<OwnedFd>,
    pub(crate) outbox: Arc<Segment>,
}

impl Link {
    /// Both ends, with an outbox for results of up to `result_bytes` bytes.
    pub(super) fn new(result_bytes: usize) -> Result<(Self, OwnedFd), Failure> {
        let outbox = Segment::outbox(OUTBOX, OUTBOX_SLOTS_MIN, result_bytes)?;
        let (ours, theirs) = sockets()?;
        Ok((Self { socket: Some(ours), outbox }, theirs))
    }

    /// What to poll for messages; `None` once it is closed.
    pub(crate) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(AsFd::as_fd)
    }

    /// Sends one frame. False when nobody is there to read it.
    pub(crate) fn send(&self, frame: &[u8]) -> bool {
        debug_assert!(frame.len() <= FRAME_BYTES_MAX);
        let Some(socket) = &self.socket else { return false };
        rustix::net::send(socket, frame, SendFlags::NOSIGNAL).is_ok()
    }

    /// Takes the message that is there: how many bytes it has. `None` once the other end is closed.
    pub(crate) fn receive(&mut self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Option<usize> {
        match recv(self.socket.as_ref()?, &mut frame[..], RecvFlags::empty()) {
            Ok((n, _)) if n > 0 => Some(n),
            _ => {
                self.socket = None;
                None
            }
        }
    }
}

/// Both ends of a line for messages.
pub(super) fn sockets() -> Result<(OwnedFd, OwnedFd), Failure> {
    socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(|e| cannot_start(&e))
}

/// Sends a message that files go along with.
pub(super) fn deliver(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    files: &[BorrowedFd<'_>],
) -> rustix::io::Result<()> {
    let text = serde_json::to_vec(message).map_err(|_| rustix::io::Errno::INVAL)?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut rights = SendAncillaryBuffer::new(&mut space);
    if !rights.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(rustix::io::Errno::TOOBIG);
    }
    sendmsg(socket, &[IoSlice::new(&text)], &mut rights, SendFlags::NOSIGNAL).map(|_| ())
}

/// Waits until one of `fds` is readable or `until` has passed. Says which are, and whether it has.
pub(crate) fn ready<const N: usize>(
    fds: [Option<BorrowedFd<'_>>; N],
    until: Option<Instant>,
) -> ([bool; N], bool) {
    // A descriptor that is gone is stood in for by one that is watched anyway.
    let any = fds.iter().flatten().next().copied();
    let left = until.map(|t| t.saturating_duration_since(Instant::now()));
    let left = left.and_then(|d| Timespec::try_from(d).ok());
    let mut on = [false; N];
    if let Some(any) = any {
        let mut polled = fds.map(|fd| {
            let flags = if fd.is_some() { PollFlags::IN } else { PollFlags::empty() };
            PollFd::from_borrowed_fd(fd.unwrap_or(any), flags)
        });
        // Interrupted or refused, it says nothing of any descriptor; the deadline holds all the same.
        poll(&mut polled, left.as_ref()).ok();
        on = std::array::from_fn(|n| fds[n].is_some() && !polled[n].revents().is_empty());
    }
    (on, until.is_some_and(|t| Instant::now() >= t))
}
