//! What a worker is given when it starts, and the limits that it puts itself under.

use super::child::{Hello, Seat, Serves};
use super::link::{FILES_MAX, ready};
use super::segment::{Segment, Shape};
use super::tuning;
use crate::black_box::Receipts;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recvmsg};
use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, setrlimit};
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a message with files at most.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// What all threads of a worker have in common.
pub(super) struct Stock {
    pub(super) config: String,
    pub(super) slabs: Vec<Arc<Segment>>,
    pub(super) receipts: Option<Receipts>,
}

/// Everything that one thread of a worker serves its lane with.
pub(super) struct Post {
    pub(super) socket: OwnedFd,
    pub(super) outbox: Arc<Segment>,
    pub(super) stock: Arc<Stock>,
    /// The process is there for this lane only.
    pub(super) alone: bool,
}

/// Where a worker for several lanes is told of each.
pub(super) struct Reception {
    socket: OwnedFd,
    stock: Arc<Stock>,
    life: Duration,
}

/// What the process is there for.
pub(super) enum Duty {
    Lane(Post),
    Lanes(Reception),
}

fn failed(what: &str, e: &dyn Display) -> String {
    format!("could not {what}: {e}")
}

impl Duty {
    pub(super) fn take() -> Result<Self, String> {
        let socket = rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 3)
            .map_err(|e| failed("take the socket", &e))?;
        let null = std::fs::File::open("/dev/null").map_err(|e| failed("open /dev/null", &e))?;
        rustix::stdio::dup2_stdin(&null).map_err(|e| failed("free standard input", &e))?;
        tuning::keep_freed_memory();
        tuning::short_slices();
        let (hello, files) = collect::<Hello>(&socket)?.ok_or("there was no first message")?;
        die_with(hello.parent).map_err(|e| failed("bind to the parent", &e))?;
        limit(hello.memory_max_bytes).map_err(|e| failed("set limits", &e))?;

        let mut files = files.into_iter();
        let mut file = || files.next().ok_or("a file is missing from the first message");
        let outbox = match &hello.serves {
            Serves::Lane(shape) => Some(outbox(*shape, file()?)?),
            Serves::Lanes { .. } => None,
        };
        let slabs = hello.slabs.into_iter();
        let slabs = slabs.map(|shape| Segment::attach_slab(shape, file()?).map_err(|e| e.what));
        let slabs = slabs.collect::<Result<_, String>>()?;
        let receipts = match hello.receipts {
            Some(cap) => Some(Receipts::attach(&file()?, cap).map_err(|e| e.what)?),
            None => None,
        };
        let stock = Arc::new(Stock { config: hello.config, slabs, receipts });
        Ok(match (hello.serves, outbox) {
            (Serves::Lanes { life }, _) => Self::Lanes(Reception { socket, stock, life }),
            (_, Some(outbox)) => Self::Lane(Post { socket, outbox, stock, alone: true }),
            (_, None) => return Err("a lane without an outbox".to_owned()),
        })
    }
}

impl Post {
    pub(super) fn send(&self, frame: &[u8]) -> Result<(), String> {
        send(&self.socket, frame)
    }
}

impl Reception {
    /// Says that lanes may come.
    pub(super) fn open(&self) -> Result<(), String> {
        send(&self.socket, &[super::worker::answer::READY])
    }

    /// When the process is to end.
    pub(super) fn end(&self) -> Option<Instant> {
        Instant::now().checked_add(self.life)
    }

    /// The next lane; `None` when nobody needs this process any more, or at its end.
    pub(super) fn next(&self, end: Option<Instant>) -> Result<Option<Post>, String> {
        let somebody = loop {
            let ([somebody], over) = ready([Some(self.socket.as_fd())], end);
            if somebody || over {
                break somebody && !over;
            }
        };
        if !somebody {
            return Ok(None);
        }
        let Some((Seat { outbox: shape }, files)) = collect(&self.socket)? else { return Ok(None) };
        let mut files = files.into_iter();
        let (Some(socket), Some(memory)) = (files.next(), files.next()) else {
            return Err("a file is missing from a seat".to_owned());
        };
        let outbox = outbox(shape, memory)?;
        Ok(Some(Post { socket, outbox, stock: self.stock.clone(), alone: false }))
    }
}

fn outbox(shape: Shape, memory: OwnedFd) -> Result<Arc<Segment>, String> {
    Segment::attach_outbox(shape, memory).map_err(|e| e.what)
}

fn send(socket: &OwnedFd, frame: &[u8]) -> Result<(), String> {
    let sent = rustix::net::send(socket, frame, SendFlags::NOSIGNAL);
    sent.map(|_| ()).map_err(|e| failed("answer", &e))
}

/// A message with the files that came along; `None` when the other end is closed.
fn collect<T: DeserializeOwned>(socket: &OwnedFd) -> Result<Option<(T, Vec<OwnedFd>)>, String> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let buffer = &mut [IoSliceMut::new(&mut bytes)];
    let got = recvmsg(socket, buffer, &mut rights, RecvFlags::CMSG_CLOEXEC)
        .map_err(|e| failed("receive what this worker is for", &e))?;
    let files = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let files = files.flatten().collect();
    if got.bytes == 0 {
        return Ok(None);
    }
    let message = serde_json::from_slice(&bytes[..got.bytes])
        .map_err(|e| format!("what this worker is for makes no sense: {e}"))?;
    Ok(Some((message, files)))
}

/// The kernel ends this process when its parent ends; if that happened already, this says so.
fn die_with(parent: i32) -> rustix::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let alive = getppid().map(Pid::as_raw_nonzero).is_some_and(|p| p.get() == parent);
    if alive { Ok(()) } else { Err(rustix::io::Errno::SRCH) }
}

fn limit(memory_max_bytes: u64) -> rustix::io::Result<()> {
    forbid_core_dumps()?;
    let limit = Some(memory_max_bytes);
    setrlimit(Resource::Data, Rlimit { current: limit, maximum: limit })
}

/// No core dump of this process: writing one takes longer than all the rest of a recovery.
///
/// # Errors
/// When the kernel refuses.
pub fn forbid_core_dumps() -> rustix::io::Result<()> {
    // 1, not 0: it also stops a core_pattern pipe, which the kernel would start in spite of 0. A hard limit
    // that is 0 already cannot be raised.
    let limit = Some(getrlimit(Resource::Core).maximum.map_or(1, |most| most.min(1)));
    setrlimit(Resource::Core, Rlimit { current: limit, maximum: limit })
}
