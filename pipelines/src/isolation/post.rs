//! What a process is given when it starts, and what for.

use super::birth::{register_life, say_into};
use super::control::Control;
use super::line::WorkerEnd;
use super::link::{FILES_MAX, ready};
use super::plan::{Birth, Hello, Seat, Serves};
use super::sandbox::Policy;
use super::segment::{Segment, Shape};
use super::{tuning, will};
use crate::black_box::Receipts;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recvmsg};
use rustix::process::{Pid, Signal, getppid};
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of a message with files at most.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// What all threads and all forks of a process have in common.
pub(super) struct Stock {
    pub(super) config: String,
    pub(super) slabs: Vec<Arc<Segment>>,
    pub(super) receipts: Option<Receipts>,
    pub(super) sandbox: Option<Policy>,
    parent: i32,
}

/// Everything that a worker serves its lane with.
pub(super) struct Post {
    pub(super) line: WorkerEnd,
    pub(super) outbox: Arc<Segment>,
    pub(super) stock: Arc<Stock>,
}

/// Everything that one thread of a worker for several lanes serves its lane with.
pub(super) struct Place {
    pub(super) socket: OwnedFd,
    pub(super) outbox: Arc<Segment>,
    pub(super) stock: Arc<Stock>,
}

/// Where a worker for several lanes is told of each, and a process that forks workers of each.
pub(super) struct Reception {
    pub(super) socket: OwnedFd,
    pub(super) stock: Arc<Stock>,
}

/// What the process is there for.
pub(super) enum Duty {
    Lane(Post),
    Crew(Reception),
    Lanes(Reception, Duration),
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
        die_with(hello.parent)?;

        let mut files = files.into_iter();
        let own = if matches!(hello.serves, Serves::Lane(_)) { 2 } else { 0 };
        let own: Vec<_> = files.by_ref().take(own).collect();
        let mut file = || files.next().ok_or("a file is missing from the first message");
        let slabs = hello.slabs.into_iter();
        let slabs = slabs.map(|shape| Segment::attach_slab(shape, file()?).map_err(|e| e.what));
        let slabs = slabs.collect::<Result<_, String>>()?;
        let receipts = match hello.receipts {
            Some(cap) => Some(Receipts::attach(&file()?, cap).map_err(|e| e.what)?),
            None => None,
        };
        let (config, sandbox, parent) = (hello.config, hello.sandbox, hello.parent);
        let stock = Arc::new(Stock { config, slabs, receipts, sandbox, parent });
        Ok(match hello.serves {
            Serves::Lane(birth) => {
                will::install();
                Self::Lane(Post::take(birth, own, stock)?)
            }
            Serves::Crew => Self::Crew(Reception { socket, stock }),
            Serves::Lanes { life } => {
                hello.limits.impose().map_err(|e| failed("set limits", &e))?;
                Self::Lanes(Reception { socket, stock }, life)
            }
        })
    }
}

impl Post {
    /// Begins as a worker: from here on a death is noticed, and leaves a will.
    pub(super) fn take(
        birth: Birth,
        files: Vec<OwnedFd>,
        stock: Arc<Stock>,
    ) -> Result<Self, String> {
        let mut files = files.into_iter();
        let (Some(page), Some(memory)) = (files.next(), files.next()) else {
            return Err("a worker's page or outbox is missing".to_owned());
        };
        if let Some(stderr) = files.next() {
            say_into(&stderr);
        }
        die_with(stock.parent)?;
        rustix::thread::set_name(c"worker").ok();
        // What it starts is of its group, and does not outlive it.
        rustix::process::setpgid(None, None).map_err(|e| failed("lead a group", &e))?;
        let control = Control::attach(page).map_err(|e| failed("map its page", &e))?;
        // Handlers and kernel write into it until the very end.
        let control: &'static Control = Box::leak(Box::new(control));
        will::testify(control);
        register_life(control);
        assert!(!birth.doomed, "injected death before the handshake");
        let outbox = outbox(birth.outbox, memory)?;
        birth.limits.impose().map_err(|e| failed("set limits", &e))?;
        Ok(Self { line: WorkerEnd::new(control), outbox, stock })
    }
}

impl Place {
    pub(super) fn send(&self, frame: &[u8]) -> Result<(), String> {
        send(&self.socket, frame)
    }
}

impl Reception {
    /// Says that lanes may come.
    pub(super) fn open(&self) -> Result<(), String> {
        send(&self.socket, &[super::worker::answer::READY])
    }

    /// The next lane of a worker for several; `None` when nobody needs this process any more, or at its end.
    pub(super) fn next(&self, end: Option<Instant>) -> Result<Option<Place>, String> {
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
        Ok(Some(Place { socket, outbox, stock: self.stock.clone() }))
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
pub(super) fn collect<T: DeserializeOwned>(
    socket: &OwnedFd,
) -> Result<Option<(T, Vec<OwnedFd>)>, String> {
    let mut bytes = vec![0; MESSAGE_BYTES_MAX];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let buffer = &mut [IoSliceMut::new(&mut bytes)];
    let got = loop {
        match recvmsg(socket, buffer, &mut rights, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            got => break got.map_err(|e| failed("receive what this process is for", &e))?,
        }
    };
    let files = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let files = files.flatten().collect();
    if got.bytes == 0 {
        return Ok(None);
    }
    let message = serde_json::from_slice(&bytes[..got.bytes])
        .map_err(|e| format!("what this process is for makes no sense: {e}"))?;
    Ok(Some((message, files)))
}

/// The kernel ends this process when its parent ends; if that happened already, this says so.
fn die_with(parent: i32) -> Result<(), String> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| failed("bind to the parent", &e))?;
    let alive = getppid().map(Pid::as_raw_nonzero).is_some_and(|p| p.get() == parent);
    if alive { Ok(()) } else { Err("the parent is gone".to_owned()) }
}
