//! The child's side: what a worker process does from its first line to its end.

use super::child::{FILES_MAX, Hello, ROLE};
use super::frame::{FRAME_BYTES_MAX, Malformed, Memory, Portable, Reader, Writer};
use super::segment::Segment;
use super::tuning;
use crate::black_box::{Receipts, now_ns};
use crate::fault::Fault;
use crate::fault::strike::{Strike, Unit};
use crate::handler::{Desk, Handler};
use crate::message::{Failure, ItemId};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendFlags, recvmsg};
use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, getrlimit, setrlimit};
use std::io::IoSliceMut;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

static ENTERED: AtomicBool = AtomicBool::new(false);
/// Bytes of a first message at most.
const HELLO_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an error's text that travel.
const TEXT_BYTES_MAX: usize = 512;

/// A handler that can work in a process of its own.
pub struct Role {
    name: &'static str,
    serve: fn(Post) -> Result<(), String>,
}

/// The role of handler `H`, for [`enter`].
pub fn role<H: Handler>() -> Role
where
    H::In: Portable,
    H::Out: Portable,
{
    Role { name: role_name::<H>(), serve: serve::<H> }
}

pub(crate) fn role_name<H>() -> &'static str {
    std::any::type_name::<H>()
}

/// The first line of `main`: in a worker process this never returns, in any other it returns at once.
/// Without it isolated stages refuse to run, since each worker would run `main` again.
pub fn enter(roles: &[Role]) {
    ENTERED.store(true, Ordering::SeqCst);
    let Some(name) = std::env::var_os(ROLE) else { return };
    let end = match roles.iter().find(|r| name == r.name) {
        Some(role) => Post::take().and_then(|post| (role.serve)(post)),
        None => Err(format!("main does not name the role {name:?} in worker::enter")),
    };
    if let Err(why) = &end {
        eprintln!("{why}");
    }
    std::process::exit(if end.is_ok() { 0 } else { 3 });
}

/// Whether [`enter`] was called in this process.
pub(crate) fn was_entered() -> bool {
    ENTERED.load(Ordering::SeqCst)
}

/// Everything a worker was given.
struct Post {
    socket: OwnedFd,
    config: String,
    slabs: Vec<Arc<Segment>>,
    outbox: Arc<Segment>,
    receipts: Option<Receipts>,
}

impl Post {
    fn take() -> Result<Self, String> {
        let failed = |what: &str, e: &dyn std::fmt::Display| format!("could not {what}: {e}");
        let socket = rustix::io::fcntl_dupfd_cloexec(std::io::stdin(), 3)
            .map_err(|e| failed("take the socket", &e))?;
        let null = std::fs::File::open("/dev/null").map_err(|e| failed("open /dev/null", &e))?;
        rustix::stdio::dup2_stdin(&null).map_err(|e| failed("free standard input", &e))?;
        tuning::keep_freed_memory();
        tuning::short_slices();
        let (hello, files) = receive_hello(&socket)?;
        die_with(hello.parent).map_err(|e| failed("bind to the parent", &e))?;
        limit(hello.memory_max_bytes).map_err(|e| failed("set limits", &e))?;

        let mut files = files.into_iter();
        let mut file = || files.next().ok_or("a file is missing from the first message");
        let outbox = Segment::attach_outbox(hello.outbox, file()?).map_err(|e| e.what)?;
        let slabs = hello.slabs.into_iter();
        let slabs = slabs.map(|shape| Segment::attach_slab(shape, file()?).map_err(|e| e.what));
        let slabs = slabs.collect::<Result<_, String>>()?;
        let receipts = match hello.receipts {
            Some(cap) => Some(Receipts::attach(&file()?, cap).map_err(|e| e.what)?),
            None => None,
        };
        Ok(Self { socket, config: hello.config, slabs, outbox, receipts })
    }

    fn send(&self, frame: &[u8]) -> Result<(), String> {
        let sent = rustix::net::send(&self.socket, frame, SendFlags::NOSIGNAL);
        sent.map(|_| ()).map_err(|e| format!("could not answer: {e}"))
    }
}

fn receive_hello(socket: &OwnedFd) -> Result<(Hello, Vec<OwnedFd>), String> {
    let mut bytes = vec![0; HELLO_BYTES_MAX];
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES_MAX))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let buffer = &mut [IoSliceMut::new(&mut bytes)];
    let got = recvmsg(socket, buffer, &mut rights, RecvFlags::CMSG_CLOEXEC)
        .map_err(|e| format!("could not receive the first message: {e}"))?;
    let files = rights.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    let files = files.flatten().collect();
    let hello = serde_json::from_slice(&bytes[..got.bytes])
        .map_err(|e| format!("the first message makes no sense: {e}"))?;
    Ok((hello, files))
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

/// Kinds of answers.
pub(crate) mod answer {
    pub(crate) const READY: u8 = 1;
    pub(crate) const NOT_READY: u8 = 2;
    pub(crate) const DONE: u8 = 3;
    pub(crate) const FAILED: u8 = 4;
    pub(crate) const PANICKED: u8 = 5;
}

/// The head of a loan on its way to a worker; the item itself follows.
pub(crate) struct Errand {
    pub(crate) item: ItemId,
    pub(crate) attempt: u32,
    pub(crate) strike: Option<Strike>,
}

impl Portable for Errand {
    fn lower(&self, to: &mut Writer) {
        to.u64(self.item);
        to.u32(self.attempt);
        to.u8(self.strike.map_or(0, |s| s.fault as u8));
        to.u32(self.strike.map_or(0, |s| s.receipt));
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (item, attempt) = (from.u64()?, from.u32()?);
        let (fault, receipt) = (Fault::from_code(from.u8()?), from.u32()?);
        Ok(Self { item, attempt, strike: fault.map(|fault| Strike { fault, receipt }) })
    }
}

fn serve<H: Handler>(post: Post) -> Result<(), String>
where
    H::In: Portable,
    H::Out: Portable,
{
    let opened = catch_unwind(|| {
        let config = serde_json::from_str(&post.config)
            .map_err(|e| Failure::engine(format!("the handler's config makes no sense: {e}")))?;
        H::open(&config)
    });
    let mut out = Writer::default();
    let mut handler = match opened.unwrap_or_else(|_| Err(Failure::engine("open panicked"))) {
        Ok(handler) => handler,
        Err(failure) => {
            out.u8(answer::NOT_READY);
            out.bytes(clipped(&failure.what));
            return post.send(out.finish());
        }
    };
    out.u8(answer::READY);
    post.send(out.finish())?;
    let mut frame = [0; FRAME_BYTES_MAX];
    loop {
        let got = rustix::net::recv(&post.socket, &mut frame[..], RecvFlags::empty());
        let n = got.map_err(|e| format!("could not receive: {e}"))?.0;
        if n == 0 {
            return Ok(());
        }
        let mut reader = Reader::new(&frame[..n], Memory::Slabs(&post.slabs));
        let bad = |e: Malformed| format!("a loan that makes no sense: {}", e.0);
        let errand = Errand::lift(&mut reader).map_err(bad)?;
        let input = H::In::lift(&mut reader).map_err(bad)?;
        out.clear();
        one(&mut handler, &errand, &input, &post, &mut out);
        post.send(out.finish())?;
    }
}

/// Does one item, and writes the answer. A panic is answered too, and then waits for the end: the
/// handler's state is not to be trusted any more.
fn one<H: Handler>(handler: &mut H, errand: &Errand, input: &H::In, post: &Post, out: &mut Writer)
where
    H::Out: Portable,
{
    let Errand { item, attempt, strike } = *errand;
    let mut desk = Desk::new(item, attempt, strike, post.receipts.as_ref(), &post.outbox);
    let start = now_ns();
    let result = catch_unwind(AssertUnwindSafe(|| {
        // Only a thread is ever told to leave.
        desk.before(Unit::Process).ok();
        handler.handle(input, &mut desk)
    }));
    let work_ns = now_ns() - start;
    let mut head = |kind| {
        out.u8(kind);
        out.u64(item);
        out.u32(attempt);
        out.u64(work_ns);
    };
    match result {
        Ok(Ok(result)) => {
            head(answer::DONE);
            result.lower(out);
        }
        Ok(Err(failure)) => {
            head(answer::FAILED);
            out.bytes(clipped(&failure.what));
        }
        Err(_) => head(answer::PANICKED),
    }
}

fn clipped(text: &str) -> &[u8] {
    &text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)]
}

/// Refuses to go on in a program whose `main` forgot [`enter`].
pub(crate) fn must_be_entered() -> Result<(), Failure> {
    if was_entered() {
        return Ok(());
    }
    Err(Failure::engine(
        "isolated stages need `worker::enter(&[role::<YourHandler>()])` as the first line of main: \
         each worker is this program again, and would run main from the start",
    ))
}
