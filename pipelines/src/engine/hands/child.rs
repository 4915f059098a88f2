//! A process of its own as hands: what it dies of, the lane survives.

mod door;
mod staff;
mod struck;
mod worker;

pub(crate) use door::Door;
pub(crate) use staff::Crew;
#[cfg(test)]
pub(crate) use worker::read;
pub(crate) use worker::{lower, outcome};

use super::{Fall, Hands, Outcome};
use crate::black_box::What;
use crate::engine::lane::Event;
use crate::engine::leave::Leave;
use crate::engine::ledger::Loan;
use crate::engine::watch::Watch;
use crate::fault::strike::Strike;
use crate::handler::Handler;
use crate::isolation::frame::{FRAME_BYTES_MAX, Memory, Portable, Reader, Writer};
use crate::isolation::line::Request;
use crate::isolation::memory::mib;
use crate::isolation::will::Testament;
use crate::isolation::worker::Errand;
use crate::message::{Death, Failure, ItemId};
use crate::producer::Entry;
use staff::Staff;
use std::sync::Arc;
use std::time::Instant;
use worker::{Word, Worker};

/// Hands that borrow workers from the crew's reserve.
pub(crate) struct ChildHands<H: Handler> {
    lane: usize,
    config: H::Config,
    crew: Arc<Crew>,
    staff: Staff,
    writer: Writer,
    request: Request,
    /// Of the items from the present request on: which attempt it is, and what strikes it. None for those that a
    /// worker died of or near, and that will be counted again.
    begun: Vec<Option<(u32, Option<Strike>)>>,
}

/// How a request ended.
enum End {
    /// All of it is answered.
    Answered,
    /// It never fits into the memory: a worker can have so many bytes.
    NoRoom(u64),
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

impl<H: Handler> ChildHands<H>
where
    H::In: Portable,
    H::Out: Portable,
{
    pub(crate) fn new(lane: usize, config: H::Config, crew: Arc<Crew>) -> Self {
        let (writer, request) = (Writer::default(), Request::default());
        let staff = Staff::new(lane, crew.clone());
        Self { lane, config, crew, staff, writer, request, begun: Vec::new() }
    }

    /// Puts as many of the items into a request as there is room for, at most `most`. What has been begun before
    /// has its number already. An item that is too large for a frame comes alone, with why.
    fn compose(
        &mut self,
        entries: &[Entry<H::In>],
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
    fn exchange(
        &mut self,
        entries: &[Entry<H::In>],
        (watch, leave): (&Watch, &Leave),
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<End, Fall> {
        let needs = entries[..self.request.len()].iter().map(|e| H::need(&self.config, &e.item));
        if let Some(most) = self.staff.enter(needs.max().unwrap_or(0), leave)? {
            return Ok(End::NoRoom(most));
        }
        let mut frame = [0; FRAME_BYTES_MAX];
        let mut worker = self.staff.send(&self.request, &mut frame, watch)?;
        self.kill_workers(&worker.child, watch);
        for (n, entry) in entries.iter().enumerate().take(self.request.len()) {
            let (item, attempt) = (entry.id, self.attempt(n));
            worker.holds(item, attempt);
            let is_lost = || self.is_lost(watch, item, attempt);
            loop {
                match worker.attend(&self.crew.bell, &mut frame, is_lost) {
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
        self.staff.rest(worker);
        Ok(End::Answered)
    }

    /// Goes through a loan from `at` on, and moves `at` along.
    fn through(
        &mut self,
        loan: &Loan<H::In>,
        at: &mut usize,
        watch: &Watch,
        leave: &Leave,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall> {
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
                self.refuse(rest[0].id, failure, settle);
                *at += 1;
                continue;
            }
            let items = self.request.len();
            let mut heard = |mut outcome: Outcome<H::Out>| {
                outcome.in_company = u32::from(seen_in_company == Some(outcome.item));
                settle(outcome);
            };
            match self.exchange(rest, (watch, leave), &mut heard)? {
                End::Answered => {
                    self.begun.drain(..items);
                    *at += items;
                    // A worker that may have twice as much is there for one item.
                    if had_twice.is_some_and(|item| item < *at) {
                        self.staff.as_usual();
                        had_twice = None;
                    }
                }
                // Perhaps only one of them is too large.
                End::NoRoom(_) if items > 1 => most = 1,
                End::NoRoom(most) => {
                    let need = H::need(&self.config, &rest[0].item);
                    self.refuse(rest[0].id, too_large(need, most), settle);
                    *at += 1;
                }
                End::Died { answered, begun, ailing_ns, death, words, will } => {
                    *at += answered;
                    let (suspect, attempt) = (entries[*at].id, self.attempt(answered));
                    watch.record_ailing(ailing_ns, suspect, attempt, self.lane);
                    let hungry = items == 1
                        && self.crew.lease
                        && death == Death::OutOfMemory
                        && had_twice.is_none();
                    if hungry && self.staff.with_twice_the_memory(watch)? {
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

    /// An item that no worker is asked for: it fails.
    fn refuse(&mut self, item: ItemId, failure: Failure, settle: &mut dyn FnMut(Outcome<H::Out>)) {
        let attempt = self.attempt(0);
        self.begun.remove(0);
        let result = Err(failure.into());
        settle(Outcome { item, attempt, work_ns: 0, result, in_company: 0, bulky: false });
    }

    /// The worker died; what it had not begun is as good as never sent.
    fn fallen(&mut self, mut worker: Worker, answered: usize, death: Death) -> End {
        let words = worker.child.words();
        let begun = worker.child.begun().max(1);
        let (will, ailing_ns) = (worker.child.testament(), worker.ailing_ns);
        let death = match death {
            Death::Signal(_) | Death::Exit(_) if worker.child.was_refused_memory() => {
                Death::OutOfMemory
            }
            death => death,
        };
        self.staff.lose(worker);
        End::Died { answered, begun, ailing_ns, death, words, will }
    }
}

fn too_large(need: u64, most: u64) -> Failure {
    let (need, most) = (mib(need), mib(most));
    Failure::item(format!(
        "it needs {need}, and a worker can have {most} of the memory budget at most: allow more, or cut smaller items"
    ))
}

impl<H: Handler> Hands<H> for ChildHands<H>
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
        let done = self.through(loan, &mut at, watch, leave, settle);
        // Who was sent along with the suspect and never begun had no attempt.
        for (entry, begun) in loan.items()[at..].iter().zip(&self.begun).skip(1) {
            if begun.is_some() {
                watch.unbegin(entry.id);
            }
        }
        done
    }
}
