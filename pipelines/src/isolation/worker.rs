//! The child's side: what a worker process does from its first line to its end.

use super::frame::{FRAME_BYTES_MAX, Malformed, Memory, Portable, Reader, Writer};
use super::line::{OUTBOX_SLOTS_MIN, State, WorkerEnd};
use super::post::{Duty, Place, Post, Reception, Stock};
use super::process::ROLE;
use super::sandbox::Policy;
use super::segment::Segment;
use super::{tuning, zygote};
use crate::black_box::now_ns;
use crate::fault::Fault;
use crate::fault::strike::{Misconduct, Strike, Unit};
use crate::handler::{Desk, Handler, Route};
use crate::message::{Failure, ItemId};
use rustix::net::RecvFlags;
use rustix::process::Signal;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

pub use super::limits::forbid_core_dumps;

static ENTERED: AtomicBool = AtomicBool::new(false);
/// Bytes of an error's text that travel.
const TEXT_BYTES_MAX: usize = 512;

/// A handler that can work in a process of its own.
pub struct Role {
    name: &'static str,
    preload: fn(&str) -> Result<(), Failure>,
    serve: fn(Post) -> Result<(), String>,
    attend: fn(&Place) -> Result<(), String>,
}

/// The role of handler `H`, for [`enter`].
pub fn role<H: Handler>() -> Role
where
    H::In: Portable,
    H::Out: Portable,
{
    let name = role_name::<H>();
    Role { name, preload: preload::<H>, serve: serve::<H>, attend: attend::<H> }
}

pub(crate) fn role_name<H>() -> &'static str {
    std::any::type_name::<H>()
}

/// The first line of `main`: in a worker process this never returns, in any other it returns at once.
/// Without it isolated stages refuse to run, since each worker would run `main` again.
pub fn enter(roles: &[Role]) {
    ENTERED.store(true, Ordering::SeqCst);
    let Some(name) = std::env::var_os(ROLE) else { return };
    // A panic in a drop would have all of its stack named, for half a second, before it aborts.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    let end = match roles.iter().find(|r| name == r.name) {
        Some(role) => work(role),
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
fn work(role: &Role) -> Result<(), String> {
    match Duty::take()? {
        Duty::Lane(post) => {
            (role.preload)(&post.stock.config).map_err(|failure| failure.what)?;
            (role.serve)(post)
        }
        Duty::Crew(reception) => match zygote::hatch(reception, role.preload)? {
            Some(post) => (role.serve)(post),
            None => Ok(()),
        },
        Duty::Lanes(reception, life) => {
            (role.preload)(&reception.stock.config).map_err(|failure| failure.what)?;
            attend_all(&reception, life, role.attend)
        }
    }
}

/// A thread for each lane, until the end of the process's life. Whatever they are at then ends with it.
fn attend_all(
    reception: &Reception,
    life: Duration,
    attend: fn(&Place) -> Result<(), String>,
) -> Result<(), String> {
    let end = Instant::now().checked_add(life);
    reception.open()?;
    while let Some(place) = reception.next(end)? {
        let seat = move || {
            tuning::short_slices();
            if let Err(why) = attend(&place) {
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

fn config<H: Handler>(text: &str) -> Result<H::Config, Failure> {
    serde_json::from_str(text)
        .map_err(|e| Failure::engine(format!("the handler's config makes no sense: {e}")))
}

fn preload<H: Handler>(text: &str) -> Result<(), Failure> {
    let loaded = catch_unwind(|| H::preload(&config::<H>(text)?));
    loaded.unwrap_or_else(|_| Err(Failure::engine("preload panicked")))
}

fn open<H: Handler>(stock: &Stock) -> Result<H, Failure> {
    let opened = catch_unwind(|| H::open(&config::<H>(&stock.config)?));
    opened.unwrap_or_else(|_| Err(Failure::engine("open panicked")))
}

/// Does what its lane asks for, for ever: it is ended when it is not needed any more.
fn serve<H: Handler>(post: Post) -> Result<(), String>
where
    H::In: Portable,
    H::Out: Portable,
{
    let Post { mut line, outbox, stock } = post;
    let mut handler = match open::<H>(&stock) {
        Ok(handler) => Ok(handler),
        Err(failure) => {
            line.refuse(&failure.what);
            return Ok(());
        }
    };
    if let Some(Err(why)) = stock.sandbox.as_ref().map(Policy::enter) {
        line.refuse(&why);
        return Ok(());
    }
    line.is(State::Ready);
    let mut out = Writer::default();
    // What it made lies in the outbox until the lane has copied it.
    let mut kept = Vec::new();
    loop {
        let (mut frames, items) = line.request();
        // The lane has all of the last request.
        kept.clear();
        for n in 0..items {
            let frame = frames.next().ok_or("a request that is too short")?;
            let (errand, input) = lift::<H>(frame, &stock)?;
            line.begin();
            out.clear();
            let (made, misconduct) =
                one(&mut handler, &errand, &input, Unit::Worker, (&stock, &outbox), &mut out);
            match misconduct {
                None => line.answer(out.finish()),
                Some(misconduct) => {
                    misbehave(&mut line, misconduct, out.finish(), (&outbox, errand.item));
                }
            }
            line.tell(n + 1 == items || handler.is_err());
            // After a panic it is worth nothing, and is ended: what it would begin now would only be blamed.
            while handler.is_err() {
                std::thread::park();
            }
            kept.extend(made);
            if n + 1 < items && outbox.free() < OUTBOX_SLOTS_MIN {
                line.wait_until_taken();
                kept.clear();
            }
        }
    }
}

/// As [`serve`], for one lane of several: until it closes its line. Each call tries to open the handler again.
fn attend<H: Handler>(place: &Place) -> Result<(), String>
where
    H::In: Portable,
    H::Out: Portable,
{
    let Place { socket, outbox, stock } = place;
    let mut handler = open::<H>(stock);
    let mut out = Writer::default();
    out.u8(answer::READY);
    place.send(out.finish())?;
    let mut frame = [0; FRAME_BYTES_MAX];
    loop {
        let got = rustix::net::recv(socket, &mut frame[..], RecvFlags::empty());
        let n = got.map_err(|e| format!("could not receive: {e}"))?.0;
        if n == 0 {
            return Ok(());
        }
        let (errand, input) = lift::<H>(&frame[..n], stock)?;
        if handler.is_err() {
            handler = open(stock);
        }
        out.clear();
        let at = (&**stock, outbox);
        let (made, misconduct) = one(&mut handler, &errand, &input, Unit::Process, at, &mut out);
        if misconduct == Some(Misconduct::Flipped) {
            place.send(&flipped(out.finish(), outbox, errand.item))?;
        } else {
            place.send(out.finish())?;
        }
        drop(made);
    }
}

fn lift<H: Handler>(frame: &[u8], stock: &Stock) -> Result<(Errand, H::In), String>
where
    H::In: Portable,
{
    let mut reader = Reader::new(frame, Memory::Slabs(&stock.slabs));
    let bad = |e: Malformed| format!("a loan that makes no sense: {}", e.0);
    let errand = Errand::lift(&mut reader).map_err(bad)?;
    Ok((errand, H::In::lift(&mut reader).map_err(bad)?))
}

/// Does one item, and writes the answer; gives back what it made, which may hold slots of the outbox. A panic is
/// answered too; it costs the handler, whose state is not to be trusted any more.
fn one<H: Handler>(
    handler: &mut Result<H, Failure>,
    errand: &Errand,
    input: &H::In,
    unit: Unit,
    (stock, outbox): (&Stock, &Arc<Segment>),
    out: &mut Writer,
) -> (Option<H::Out>, Option<Misconduct>)
where
    H::Out: Portable,
{
    let Errand { item, attempt, strike, route } = *errand;
    let mut desk = Desk::new(item, attempt, strike, stock.receipts.as_ref(), outbox);
    desk.route = route;
    let start = now_ns();
    let result = catch_unwind(AssertUnwindSafe(|| {
        // Only a thread is ever told to leave.
        desk.before(unit).unwrap_or(Ok(()))?;
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
            return (Some(result), desk.misconduct());
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
    (None, None)
}

/// A fault: the worker did its item, and now misbehaves towards its lane.
fn misbehave(
    line: &mut WorkerEnd,
    misconduct: Misconduct,
    answer: &[u8],
    (outbox, item): (&Segment, ItemId),
) {
    match misconduct {
        Misconduct::Flipped => line.answer(&flipped(answer, outbox, item)),
        Misconduct::Garbage => line.answer(&[0xa5; 64]),
        Misconduct::Oversized => line.lie(answer, u32::MAX),
        Misconduct::Closed => {
            line.is(State::Closed);
            loop {
                std::thread::park();
            }
        }
        Misconduct::AfterResult => {
            line.answer(answer);
            line.tell(true);
            // No other thread, no handler, no destructor: it is just gone.
            rustix::process::kill_process(rustix::process::getpid(), Signal::KILL).ok();
        }
    }
}

/// The answer after one bit of it flipped: of what lies in the outbox, or, if nothing does, of what the handler made.
fn flipped(answer: &[u8], outbox: &Segment, item: ItemId) -> Vec<u8> {
    let mut answer = answer.to_vec();
    if !outbox.flip_in_use(item)
        && let Some(last) = answer.last_mut()
    {
        *last ^= 1;
    }
    answer
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
