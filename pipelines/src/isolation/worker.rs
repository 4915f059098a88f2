//! The child's side: what a worker process does from its first line to its end.

use super::frame::{FRAME_BYTES_MAX, Malformed, Memory, Portable, Reader, Writer};
use super::post::{Duty, Post, Reception};
use super::process::ROLE;
use super::tuning;
use crate::black_box::now_ns;
use crate::fault::Fault;
use crate::fault::strike::{Strike, Unit};
use crate::handler::{Desk, Handler, Route};
use crate::message::{Failure, ItemId};
use rustix::net::RecvFlags;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

pub use super::post::forbid_core_dumps;

static ENTERED: AtomicBool = AtomicBool::new(false);
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
        Some(role) => work(role.serve),
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

/// What a process does from its first message to its end.
fn work(serve: fn(Post) -> Result<(), String>) -> Result<(), String> {
    match Duty::take()? {
        Duty::Lane(post) => serve(post),
        Duty::Lanes(reception) => serve_all(&reception, serve),
    }
}

/// A thread for each lane, until the end of the process's life. Whatever they are at then ends with it.
fn serve_all(reception: &Reception, serve: fn(Post) -> Result<(), String>) -> Result<(), String> {
    let end = reception.end();
    reception.open()?;
    while let Some(post) = reception.next(end)? {
        let seat = move || {
            tuning::short_slices();
            if let Err(why) = serve(post) {
                eprintln!("{why}");
            }
        };
        std::thread::Builder::new().spawn(seat).map_err(|e| format!("no thread: {e}"))?;
    }
    Ok(())
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
    pub(crate) route: Route,
}

impl Portable for Route {
    fn lower(&self, to: &mut Writer) {
        to.u8(self.batcher);
        to.u64(self.key);
        to.u8(self.flush.into());
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { batcher: from.u8()?, key: from.u64()?, flush: from.u8()? != 0 })
    }
}

impl Portable for Errand {
    fn lower(&self, to: &mut Writer) {
        to.u64(self.item);
        to.u32(self.attempt);
        to.u8(self.strike.map_or(0, |s| s.fault.code()));
        to.u32(self.strike.map_or(0, |s| s.fault.number()));
        to.u32(self.strike.map_or(0, |s| s.receipt));
        self.route.lower(to);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (item, attempt) = (from.u64()?, from.u32()?);
        let (fault, receipt) = (Fault::from_code(from.u8()?, from.u32()?), from.u32()?);
        let strike = fault.map(|fault| Strike { fault, receipt });
        Ok(Self { item, attempt, strike, route: Route::lift(from)? })
    }
}

fn open<H: Handler>(post: &Post) -> Result<H, Failure> {
    let opened = catch_unwind(|| {
        let config = serde_json::from_str(&post.stock.config)
            .map_err(|e| Failure::engine(format!("the handler's config makes no sense: {e}")))?;
        H::open(&config)
    });
    opened.unwrap_or_else(|_| Err(Failure::engine("open panicked")))
}

/// Does what one lane asks for until it closes the line. A process that is there for this lane alone ends
/// when its handler cannot be opened; among others, each call tries again.
fn serve<H: Handler>(post: Post) -> Result<(), String>
where
    H::In: Portable,
    H::Out: Portable,
{
    let mut out = Writer::default();
    let mut handler = open::<H>(&post);
    if let (Err(failure), true) = (&handler, post.alone) {
        out.u8(answer::NOT_READY);
        out.bytes(clipped(&failure.what));
        return post.send(out.finish());
    }
    out.u8(answer::READY);
    post.send(out.finish())?;
    let mut frame = [0; FRAME_BYTES_MAX];
    loop {
        let got = rustix::net::recv(&post.socket, &mut frame[..], RecvFlags::empty());
        let n = got.map_err(|e| format!("could not receive: {e}"))?.0;
        if n == 0 {
            return Ok(());
        }
        let mut reader = Reader::new(&frame[..n], Memory::Slabs(&post.stock.slabs));
        let bad = |e: Malformed| format!("a loan that makes no sense: {}", e.0);
        let errand = Errand::lift(&mut reader).map_err(bad)?;
        let input = H::In::lift(&mut reader).map_err(bad)?;
        if handler.is_err() {
            handler = open(&post);
        }
        out.clear();
        one(&mut handler, &errand, &input, &post, &mut out);
        post.send(out.finish())?;
    }
}

/// Does one item, and writes the answer. A panic is answered too; it costs the handler, whose state is not
/// to be trusted any more.
fn one<H: Handler>(
    handler: &mut Result<H, Failure>,
    errand: &Errand,
    input: &H::In,
    post: &Post,
    out: &mut Writer,
) where
    H::Out: Portable,
{
    let Errand { item, attempt, strike, route } = *errand;
    let mut desk = Desk::new(item, attempt, strike, post.stock.receipts.as_ref(), &post.outbox);
    desk.route = route;
    let start = now_ns();
    let result = catch_unwind(AssertUnwindSafe(|| {
        // Only a thread is ever told to leave.
        desk.before(Unit::Process).ok();
        handler.as_mut().map_err(|e| e.clone())?.handle(input, &mut desk)
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
            desk.route.lower(out);
            result.lower(out);
        }
        Ok(Err(failure)) => {
            head(answer::FAILED);
            out.bytes(clipped(&failure.what));
        }
        Err(_) => {
            head(answer::PANICKED);
            *handler = Err(Failure::engine("its state went with a panic"));
        }
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
