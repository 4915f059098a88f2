//! HtPipe's hands: one process for all lanes of a stage. What it dies of, all calls in it die of. What a
//! call returns, and when, is decided in [`htpipe`](crate::engine::htpipe); this is the shell around it.

use super::child::{lower, outcome};
use super::{Fall, Hands, Outcome};
use crate::black_box::What;
use crate::engine::htpipe::{Answer, Calls, Event, Heed, HtPipe, Mail, Order};
use crate::engine::leave::Leave;
use crate::engine::ledger::Loan;
use crate::engine::watch::Watch;
use crate::handler::Handler;
use crate::isolation::bell::Bell;
use crate::isolation::frame::{FRAME_BYTES_MAX, Memory, Portable, Reader, Writer};
use crate::isolation::limits::Limits;
use crate::isolation::link::{Link, ready};
use crate::isolation::node::Node;
use crate::isolation::plan::Plan;
use crate::isolation::segment::Segment;
use crate::isolation::worker::{Errand, answer};
use crate::message::{Death, Failure};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What the lanes of one stage share.
pub(crate) struct Shared {
    plan: Plan,
    original: HtPipe,
    bell: Arc<Bell>,
    state: Mutex<State>,
}

struct State {
    calls: Calls,
    node: Option<Node>,
    /// Counts the processes; a seat of an earlier one is worth nothing.
    generation: u64,
    /// The last words of the last one that died.
    words: String,
}

impl Shared {
    /// For so many lanes; `bell` is rung once the run has stopped.
    pub(crate) fn new(plan: Plan, original: HtPipe, lanes: usize, bell: Arc<Bell>) -> Arc<Self> {
        let memory_max_bytes = plan.limits.memory_max_bytes.saturating_mul(lanes as u64);
        let plan = Plan { limits: Limits { memory_max_bytes, ..plan.limits }, ..plan };
        let calls = Calls::new(original, lanes);
        let state = State { calls, node: None, generation: 0, words: String::new() };
        Arc::new(Self { plan, original, bell, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Tells the calls what became of the process since somebody looked.
    fn look(&mut self, now: Instant) {
        let Some(node) = &mut self.node else { return };
        let event = if node.has_ended() {
            let (death, words) =
                self.node.take().map_or((Death::Garbage, String::new()), Node::bury);
            self.words = words;
            Event::Died { status: status(death) }
        } else if node.is_up() {
            Event::Up
        } else {
            return;
        };
        self.calls.step(now, event, &mut Vec::new());
    }

    fn boot(&mut self, plan: &Plan, original: &HtPipe) -> Option<u32> {
        self.generation += 1;
        match Node::start(plan, original.life) {
            Ok(node) => Some(self.node.insert(node).pid()),
            Err(failure) => {
                self.words = failure.what;
                self.calls.step(Instant::now(), Event::Died { status: 1 }, &mut Vec::new());
                None
            }
        }
    }
}

/// How an end looks to a shell, and so to whoever holds the port.
fn status(death: Death) -> i32 {
    match death {
        Death::Signal(signal) => 128 + signal,
        Death::Exit(status) => status,
        _ => 1,
    }
}

/// A lane's place in the process, of this generation.
struct Seat {
    generation: u64,
    link: Link,
}

/// Takes the first message out of a lane's mailbox, if one is there: true when its items are lost by that.
pub(crate) type Swallow = Arc<dyn Fn(usize) -> bool + Send + Sync>;

/// One lane's hands.
pub(crate) struct SharedHands {
    lane: usize,
    swallow: Swallow,
    shared: Arc<Shared>,
    /// Where results are copied to.
    results: Arc<Segment>,
    seat: Option<Seat>,
    writer: Writer,
}

/// What a wait came back with.
enum Sign {
    /// So many bytes of a reply.
    Reply(usize),
    /// Time passed, or the line is closed.
    Late,
    /// The run is stopping.
    Bell,
}

/// What a lane has to do next.
struct Next {
    order: Option<Order>,
    heed: Heed,
    until: Option<Instant>,
    pidfd: Option<Arc<OwnedFd>>,
}

impl SharedHands {
    pub(crate) fn new(
        lane: usize,
        swallow: Swallow,
        shared: Arc<Shared>,
        results: Arc<Segment>,
    ) -> Self {
        Self { lane, swallow, shared, results, seat: None, writer: Writer::default() }
    }

    pub(crate) fn results(&self) -> Arc<Segment> {
        self.results.clone()
    }

    /// Steps the calls by one event of this lane, and starts or gives what they order.
    fn step(&mut self, event: Event, watch: &Watch) -> Next {
        let (mut orders, mut booted) = (Vec::with_capacity(1), None);
        let shared = self.shared.clone();
        let mut state = shared.lock();
        let now = Instant::now();
        state.look(now);
        state.calls.step(now, event, &mut orders);
        let order = orders.pop();
        match order {
            Some(Order::Boot) => booted = state.boot(&shared.plan, &shared.original),
            Some(Order::Send) => self.sit(&state),
            _ => {}
        }
        let (heed, until) = (state.calls.heed(self.lane), state.calls.deadline(self.lane));
        let pidfd = state.node.as_ref().filter(|_| heed.death).map(Node::pidfd);
        let again = state.generation > 1;
        drop(state);
        if let Some(pid) = booted {
            if again {
                watch.record(What::Acted, 0, 0, self.lane, 0);
            }
            watch.record(What::Spawned, 0, 0, self.lane, pid.into());
        }
        Next { order, heed, until, pidfd }
    }

    /// Makes sure of a seat, if there is a process to sit in.
    fn sit(&mut self, state: &State) {
        let generation = state.generation;
        if self.seat.as_ref().is_some_and(|seat| seat.generation == generation) {
            return;
        }
        let link = state.node.as_ref().map(|node| node.seat(self.shared.plan.result_bytes));
        // Without one the call is lost, and nobody learns of it.
        self.seat = link.and_then(Result::ok).map(|link| Seat { generation, link });
    }

    fn wait(&mut self, next: &Next, frame: &mut [u8; FRAME_BYTES_MAX]) -> Sign {
        let link = self.seat.as_mut().map(|seat| &mut seat.link).filter(|_| next.heed.reply);
        let socket = link.as_ref().and_then(|link| link.socket());
        let pidfd = next.pidfd.as_ref().map(AsFd::as_fd);
        let ([said, _, rung], _) =
            ready([socket, pidfd, Some(self.shared.bell.as_fd())], next.until);
        match link {
            Some(link) if said => link.receive(frame).map_or(Sign::Late, Sign::Reply),
            _ if rung => Sign::Bell,
            _ => Sign::Late,
        }
    }

    /// Does one item.
    fn one<H: Handler>(
        &mut self,
        errand: &Errand,
        input: &H::In,
        watch: &Watch,
    ) -> Result<Outcome<H::Out>, Fall>
    where
        H::In: Portable,
        H::Out: Portable,
    {
        let Errand { item, attempt, .. } = *errand;
        let failed = |failure: Failure| {
            let result = Err(failure.into());
            Outcome { item, attempt, work_ns: 0, result, in_company: 0, bulky: true }
        };
        if let Err(failure) = lower(&mut self.writer, errand, input) {
            return Ok(failed(failure));
        }
        let lane = self.lane;
        let (mut frame, mut said) = ([0; FRAME_BYTES_MAX], 0);
        let mut event = Event::Called { lane };
        let mut receives = true;
        loop {
            // A refill that comes while the call sleeps is there before its reply.
            if receives && (self.swallow)(lane) {
                self.step(Event::Refilled { lane }, watch);
            }
            let next = self.step(event, watch);
            receives = next.heed.reply;
            match (next.order, &self.seat) {
                (Some(Order::Send), Some(seat)) => drop(seat.link.send(self.writer.finish())),
                (Some(Order::Return(Answer::Reply)), Some(seat)) => {
                    let memory = Memory::Outbox { from: &seat.link.outbox, into: &self.results };
                    let outcome = reply::<H>(errand, &frame[..said], memory);
                    if outcome.is_none() && self.results.is_closed() {
                        return Err(Fall::Stopped);
                    }
                    return Ok(outcome.unwrap_or_else(|| {
                        self.seat = None;
                        failed(Failure::item("HtPipe returned what makes no sense"))
                    }));
                }
                (Some(Order::Return(answer)), _) => {
                    // Whoever still works there works for nobody.
                    self.seat = None;
                    return Ok(failed(self.not_an_answer(answer)));
                }
                _ => {}
            }
            event = match self.wait(&next, &mut frame) {
                Sign::Bell => return Err(Fall::Stopped),
                Sign::Reply(n) if frame[0] != answer::READY => {
                    said = n;
                    Event::Replied { lane }
                }
                Sign::Reply(_) => {
                    watch.record(What::Ready, 0, 0, lane, 0);
                    Event::Tick { lane }
                }
                _ => Event::Tick { lane },
            };
        }
    }

    fn not_an_answer(&self, answer: Answer) -> Failure {
        let what = match answer {
            Answer::Reply | Answer::Nil => "nil".to_owned(),
            Answer::Foreign(Mail::Exited { status }) => {
                let words = &self.shared.lock().words;
                format!("a message for somebody else: {{ref, {{{words:?}, {status}}}}}")
            }
            Answer::Foreign(Mail::Down) => "a message for somebody else: {:DOWN, …}".to_owned(),
            Answer::Foreign(Mail::Refill) => "a message for its lane: a refill".to_owned(),
        };
        Failure::item(format!("HtPipe returned {what}"))
    }
}

/// Reads a reply; `None` when it makes no sense. A panic is one that is no answer.
fn reply<H: Handler>(errand: &Errand, frame: &[u8], memory: Memory<'_>) -> Option<Outcome<H::Out>>
where
    H::Out: Portable,
{
    let Errand { item, attempt, .. } = *errand;
    let mut head = Reader::new(frame, Memory::Slabs(&[]));
    let kind = head.u8().ok()?;
    if (head.u64().ok()?, head.u32().ok()?) != (item, attempt) {
        return None;
    }
    match kind {
        answer::PANICKED => {
            let work_ns = head.u64().ok()?;
            let failure = Failure::item("HtPipe returned {:exit, …}: the handler panicked");
            let result = Err(failure.into());
            Some(Outcome { item, attempt, work_ns, result, in_company: 0, bulky: true })
        }
        answer::DONE | answer::FAILED => {
            let outcome = outcome::<H>(item, attempt, Reader::new(frame, memory))?;
            Some(Outcome { bulky: true, ..outcome })
        }
        _ => None,
    }
}

impl<H: Handler> Hands<H> for SharedHands
where
    H::In: Portable,
    H::Out: Portable,
{
    fn is_apart(&self) -> bool {
        true
    }
    /// A lane outlives whatever HtPipe returns: what is not an answer is its item's error.
    fn work(
        &mut self,
        loan: &Loan<H::In>,
        watch: &Watch,
        leave: &Leave,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall> {
        for (n, entry) in loan.items().iter().enumerate() {
            if leave.is_killed() {
                return Err(Fall::Killed);
            }
            let ledger = if n == 0 { loan.attempt } else { 0 };
            let (attempt, strike) = watch.begin(self.lane, entry.id, ledger);
            let errand = Errand { item: entry.id, attempt, strike, route: entry.route };
            settle(self.one::<H>(&errand, &entry.item, watch)?);
        }
        Ok(())
    }
}
