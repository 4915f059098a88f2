//! A process of its own as hands: what it dies of, the lane survives.

mod worker;

#[cfg(test)]
pub(crate) use worker::read;
use worker::{Word, Worker};
pub(crate) use worker::{lower, outcome};

use super::{Fall, Hands, Outcome};
use crate::black_box::What;
use crate::engine::keeper::Notice;
use crate::engine::lane::Event;
use crate::engine::leave::Leave;
use crate::engine::ledger::Loan;
use crate::engine::supervisor::Notice as Told;
use crate::engine::watch::Watch;
use crate::fault::strike::Strike;
use crate::handler::Handler;
use crate::isolation::bell::Bell;
use crate::isolation::child::Child;
use crate::isolation::frame::{FRAME_BYTES_MAX, Memory, Portable, Reader, Writer};
use crate::isolation::limits::{Limits, Recycling};
use crate::isolation::line::Request;
use crate::isolation::nursery::Desk;
use crate::isolation::segment::Segment;
use crate::isolation::tuning;
use crate::isolation::will::Testament;
use crate::isolation::worker::Errand;
use crate::message::{Death, Failure};
use crate::producer::Entry;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all lanes of a crew share.
pub(crate) struct Crew {
    pub(crate) spares: Receiver<Child>,
    pub(crate) notices: Sender<Told>,
    pub(crate) nursery: Desk,
    /// Where results are copied to.
    pub(crate) results: Arc<Segment>,
    pub(crate) deadline: Duration,
    pub(crate) start_deadline: Duration,
    /// Items are lent, and may be tried again.
    pub(crate) lease: bool,
    pub(crate) limits: Limits,
    pub(crate) recycling: Recycling,
    pub(crate) same_core: bool,
    pub(crate) bell: Arc<Bell>,
}

/// Hands that borrow workers from the crew's reserve.
pub(crate) struct ChildHands {
    lane: usize,
    crew: Arc<Crew>,
    worker: Option<Worker>,
    writer: Writer,
    request: Request,
    /// Of the items from the present request on: which attempt it is, and what strikes it. None for those that a
    /// worker died of or near, and that will be counted again.
    begun: Vec<Option<(u32, Option<Strike>)>>,
    /// Workers that were used up since the last answer. They are replaced after the next one: to start a process
    /// takes a core away from whoever does the item again.
    used_up: usize,
    /// It had a worker: the next one takes the place of that.
    served: bool,
}

/// How a request ended.
enum End {
    /// All of it is answered.
    Answered,
    /// The worker died. So many items were answered, and so many more begun: the first of these is the suspect.
    Died {
        answered: usize,
        begun: usize,
        ailing_ns: Option<u64>,
        death: Death,
        words: String,
        will: Testament,
    },
}

impl ChildHands {
    pub(crate) fn new(lane: usize, crew: Arc<Crew>) -> Self {
        let (writer, request) = (Writer::default(), Request::default());
        let (worker, begun, used_up, served) = (None, Vec::new(), 0, false);
        Self { lane, crew, worker, writer, request, begun, used_up, served }
    }

    /// A worker that can be sent an item: the one in hand, or one from the reserve.
    fn worker(&mut self, frame: &mut [u8; FRAME_BYTES_MAX], watch: &Watch) -> Result<Worker, Fall> {
        if let Some(worker) = self.worker.take() {
            return Ok(worker);
        }
        loop {
            let spare = self.crew.spares.try_recv();
            if self.served {
                watch.record(What::Acted, 0, 0, self.lane, 0);
            }
            let child = match spare {
                Ok(child) => child,
                Err(_) => {
                    self.replace();
                    self.crew.spares.recv().map_err(|_| Fall::Stopped)?
                }
            };
            if let Some(worker) = self.ready(child, frame, watch)? {
                self.served = true;
                self.tell(Notice::Started);
                return Ok(worker);
            }
        }
    }

    /// Waits until it is ready; `None` when it never will be.
    fn ready(
        &self,
        child: Child,
        frame: &mut [u8; FRAME_BYTES_MAX],
        watch: &Watch,
    ) -> Result<Option<Worker>, Fall> {
        let mut worker = Worker::new(child, self.crew.start_deadline, self.crew.deadline);
        match worker.attend(&self.crew.bell, frame) {
            Word::Use => {
                let pid = worker.child.pid();
                if self.crew.same_core {
                    tuning::keep_to_core(pid, self.lane);
                }
                watch.record(What::Ready, 0, 0, self.lane, pid.into());
                Ok(Some(worker))
            }
            Word::Stopped => Err(Fall::Stopped),
            Word::Answer(_) | Word::Dead(_) => {
                self.still_born(worker);
                Ok(None)
            }
        }
    }

    fn replace(&mut self) {
        for _ in 0..std::mem::take(&mut self.used_up) {
            self.tell(Notice::Wanted);
        }
    }

    fn tell(&self, notice: Notice) {
        self.crew.notices.send(Told::Worker(notice)).ok();
    }

    fn still_born(&self, mut worker: Worker) {
        let words = worker.child.words();
        self.crew.nursery.bury(worker.child);
        self.tell(Notice::StillBorn(words));
        self.tell(Notice::Wanted);
    }

    /// Puts as many of the items into a request as there is room for, at most `most`. What has been begun before
    /// has its number already. An item that is too large for a frame comes alone, with why.
    fn compose<T: Portable>(
        &mut self,
        entries: &[Entry<T>],
        first: u32,
        most: usize,
        watch: &Watch,
    ) -> Result<(), Failure> {
        self.request.clear();
        for (n, entry) in entries.iter().take(most).enumerate() {
            if n == self.begun.len() {
                self.begun.push(None);
            }
            let ledger = if n == 0 { first } else { 0 };
            let (attempt, strike) = *self.begun[n].get_or_insert_with(|| {
                let begun = watch.begin(self.lane, entry.id, ledger);
                if let Some(strike) = begun.1 {
                    self.crew.nursery.doom(strike.fault.starts_that_fail());
                }
                begun
            });
            let errand = Errand { item: entry.id, attempt, strike, route: entry.route };
            match lower(&mut self.writer, &errand, &entry.item) {
                Err(failure) if n == 0 => return Err(failure),
                Ok(()) if self.request.push(self.writer.finish()) => {}
                _ => break,
            }
        }
        Ok(())
    }

    /// Which attempt the item at this place of the request is.
    fn attempt(&self, n: usize) -> u32 {
        self.begun[n].map_or(0, |(attempt, _)| attempt)
    }

    /// Has a request done, and tells of each answer.
    fn exchange<H: Handler>(
        &mut self,
        entries: &[Entry<H::In>],
        watch: &Watch,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<End, Fall>
    where
        H::Out: Portable,
    {
        let mut frame = [0; FRAME_BYTES_MAX];
        let mut worker = self.worker(&mut frame, watch)?;
        while !worker.child.send(&self.request) {
            // It died with nothing in hand: no item is to blame, nor, if it has worked, the way it starts.
            if worker.items > 0 {
                self.crew.nursery.bury(worker.child);
                self.used_up += 1;
            } else {
                self.still_born(worker);
            }
            worker = self.worker(&mut frame, watch)?;
        }
        for (n, entry) in entries.iter().enumerate().take(self.request.len()) {
            let (item, attempt) = (entry.id, self.attempt(n));
            worker.holds(item, attempt);
            loop {
                match worker.attend(&self.crew.bell, &mut frame) {
                    Word::Answer(len) => {
                        let (from, into) = (worker.child.outbox(), &self.crew.results);
                        let reader = Reader::new(&frame[..len], Memory::Outbox { from, into });
                        let Some(outcome) = outcome::<H>(item, attempt, reader) else {
                            // There was no slot for the result because the run ends: nobody's fault.
                            if into.is_closed() {
                                return Err(Fall::Stopped);
                            }
                            worker.lane.step(Instant::now(), Event::Babbled, &mut Vec::new());
                            worker.child.kill();
                            continue;
                        };
                        worker.child.take();
                        worker.items += 1;
                        settle(outcome);
                        break;
                    }
                    Word::Dead(death) => return Ok(self.fallen(worker, n, death)),
                    Word::Stopped => return Err(Fall::Stopped),
                    Word::Use => {}
                }
            }
        }
        if worker.is_worn(self.crew.recycling) {
            self.retire(worker);
            self.used_up += 1;
        } else {
            self.worker = Some(worker);
        }
        self.replace();
        Ok(End::Answered)
    }

    /// Goes through a loan from `at` on, and moves `at` along.
    fn through<H: Handler>(
        &mut self,
        loan: &Loan<H::In>,
        at: &mut usize,
        watch: &Watch,
        leave: &Leave,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall>
    where
        H::In: Portable,
        H::Out: Portable,
    {
        let entries = loan.items();
        let mut most = usize::MAX;
        let (mut had_twice, mut seen_in_company) = (None, None);
        while *at < entries.len() {
            if leave.is_killed() {
                return Err(Fall::Killed);
            }
            let first = if *at == 0 { loan.attempt } else { 0 };
            let rest = &entries[*at..];
            if let Err(failure) = self.compose(rest, first, most, watch) {
                let attempt = self.attempt(0);
                self.begun.remove(0);
                let result = Err(failure.into());
                settle(Outcome { item: rest[0].id, attempt, work_ns: 0, result, bulky: false });
                *at += 1;
                continue;
            }
            let items = self.request.len();
            match self.exchange::<H>(rest, watch, settle)? {
                End::Answered => {
                    self.begun.drain(..items);
                    *at += items;
                    // A worker that may have twice as much is there for one item.
                    if had_twice.is_some_and(|item| item < *at)
                        && let Some(worker) = self.worker.take()
                    {
                        self.retire(worker);
                        had_twice = None;
                    }
                }
                End::Died { answered, begun, ailing_ns, death, words, will } => {
                    *at += answered;
                    let (suspect, attempt) = (entries[*at].id, self.attempt(answered));
                    watch.record_ailing(ailing_ns, suspect, attempt, self.lane);
                    let hungry = items == 1
                        && self.crew.lease
                        && death == Death::OutOfMemory
                        && had_twice.is_none();
                    if hungry && let Some(worker) = self.with_twice_the_memory(watch)? {
                        self.worker = Some(worker);
                        had_twice = Some(*at);
                    } else if items == 1 || !self.crew.lease {
                        let deaths = 1 + u32::from(seen_in_company == Some(suspect));
                        let (item, will) = (suspect, Some(will));
                        return Err(Fall::Died { item, attempt, death, deaths, words, will });
                    }
                    watch.record(What::Died, suspect, attempt, self.lane, death.code());
                    if items > 1 {
                        seen_in_company = Some(suspect);
                    }
                    // Alone from now on, and counted again if it was begun.
                    most = 1;
                    self.begun.drain(..answered);
                    self.begun[..begun].fill(None);
                }
            }
        }
        Ok(())
    }

    fn retire(&self, worker: Worker) {
        worker.child.kill();
        self.crew.nursery.bury(worker.child);
    }

    /// A worker of its own for an item for which the memory did not suffice.
    fn with_twice_the_memory(&self, watch: &Watch) -> Result<Option<Worker>, Fall> {
        watch.record(What::Acted, 0, 0, self.lane, 0);
        let (to, born) = bounded(1);
        let memory_max_bytes = self.crew.limits.memory_max_bytes.saturating_mul(2);
        self.crew.nursery.order(Limits { memory_max_bytes, ..self.crew.limits }, to);
        let Ok(child) = born.recv() else { return Ok(None) };
        self.ready(child, &mut [0; FRAME_BYTES_MAX], watch)
    }

    /// The worker died; what it had not begun is as good as never sent.
    fn fallen(&mut self, mut worker: Worker, answered: usize, death: Death) -> End {
        let words = worker.child.words();
        let begun = worker.child.begun().max(1);
        let (will, ailing_ns) = (worker.child.testament(), worker.ailing_ns);
        self.used_up += 1;
        let death = match death {
            Death::Signal(_) | Death::Exit(_) if worker.child.was_refused_memory() => {
                Death::OutOfMemory
            }
            death => death,
        };
        self.crew.nursery.bury(worker.child);
        End::Died { answered, begun, ailing_ns, death, words, will }
    }
}

impl<H: Handler> Hands<H> for ChildHands
where
    H::In: Portable,
    H::Out: Portable,
{
    fn is_apart(&self) -> bool {
        true
    }
    /// Sends the loan in requests of as many items as fit. When a worker dies over several, each of the rest is tried
    /// alone: the one that it had begun may be innocent, and what corrupted its memory an item before it.
    fn work(
        &mut self,
        loan: &Loan<H::In>,
        watch: &Watch,
        leave: &Leave,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall> {
        let mut at = 0;
        self.begun.clear();
        let done = self.through::<H>(loan, &mut at, watch, leave, settle);
        // Who was sent along with the suspect and never begun had no attempt.
        for (entry, begun) in loan.items()[at..].iter().zip(&self.begun).skip(1) {
            if begun.is_some() {
                watch.unbegin(entry.id);
            }
        }
        done
    }
}
