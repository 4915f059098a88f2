//! A process of its own as hands: what it dies of, the lane survives.

use super::{Fall, Hands, Outcome};
use crate::engine::keeper::Notice;
use crate::engine::lane::{Event, Lane, Order};
use crate::engine::leave::Leave;
use crate::engine::ledger::Loan;
use crate::engine::supervisor::Notice as Told;
use crate::engine::watch::Watch;
use crate::handler::{Handler, Route};
use crate::isolation::child::Child;
use crate::isolation::frame::{FRAME_BYTES_MAX, Memory, Portable, Reader, Writer};
use crate::isolation::link::Sign;
use crate::isolation::segment::Segment;
use crate::isolation::worker::{Errand, answer};
use crate::message::{Death, Failure, ItemId};
use crossbeam_channel::{Receiver, Sender};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Hands that borrow workers from the crew's reserve.
pub(crate) struct ChildHands {
    pub(crate) lane: usize,
    pub(crate) spares: Receiver<Child>,
    pub(crate) notices: Sender<Told>,
    /// Where results are copied to.
    pub(crate) results: Arc<Segment>,
    pub(crate) deadline: Duration,
    pub(crate) start_deadline: Duration,
    pub(crate) bell: Arc<OwnedFd>,
    pub(crate) worker: Option<Worker>,
    pub(crate) writer: Writer,
}

/// A worker with what its lane knows of it.
pub(crate) struct Worker {
    child: Child,
    lane: Lane,
    /// What it said when it could not open its handler.
    excuse: String,
    /// It has finished an item: it can start.
    proven: bool,
}

/// What came of waiting for a worker.
enum Word {
    /// It may be sent an item.
    Use,
    /// It answered; this much of the frame is the answer.
    Answer(usize),
    /// It is dead.
    Dead(Death),
    /// The run is stopping.
    Stopped,
}

impl Worker {
    /// Waits until there is something to do about it.
    fn attend(&mut self, bell: BorrowedFd<'_>, frame: &mut [u8; FRAME_BYTES_MAX]) -> Word {
        let mut orders = Vec::new();
        loop {
            let sign = self.child.wait(self.lane.deadline(), bell, frame);
            let mut len = 0;
            let event = match sign {
                Sign::Bell => return Word::Stopped,
                Sign::Late => Event::Tick,
                Sign::Closed => Event::Closed,
                Sign::Ended(death) => Event::Ended(death),
                Sign::Message(n) => {
                    len = n;
                    self.read(&frame[..n])
                }
            };
            self.lane.step(Instant::now(), event, &mut orders);
            for order in orders.drain(..) {
                match order {
                    Order::Kill => self.child.kill(),
                    Order::Use => return Word::Use,
                    Order::Accept => return Word::Answer(len),
                    Order::Bury(death) => return Word::Dead(death),
                }
            }
        }
    }

    fn read(&mut self, frame: &[u8]) -> Event {
        let mut reader = Reader::new(frame, Memory::Slabs(&[]));
        match reader.u8() {
            Ok(answer::READY) => Event::Ready,
            Ok(answer::NOT_READY) => {
                self.excuse = reader.text();
                Event::Closed
            }
            Ok(kind @ (answer::DONE | answer::FAILED | answer::PANICKED)) => {
                match (reader.u64(), reader.u32()) {
                    (Ok(item), Ok(attempt)) => {
                        Event::Replied { item, attempt, panicked: kind == answer::PANICKED }
                    }
                    _ => Event::Babbled,
                }
            }
            _ => Event::Babbled,
        }
    }

    fn last_words(&mut self) -> String {
        let words = self.child.words();
        if self.excuse.is_empty() { words } else { self.excuse.clone() }
    }
}

impl ChildHands {
    /// A worker that can be sent an item: the one in hand, or one from the reserve.
    fn worker(&mut self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Result<Worker, Fall> {
        if let Some(worker) = self.worker.take() {
            return Ok(worker);
        }
        loop {
            let child = self.spares.recv().map_err(|_| Fall::Stopped)?;
            let lane = Lane::new(Instant::now(), self.start_deadline, self.deadline);
            let mut worker = Worker { child, lane, excuse: String::new(), proven: false };
            match worker.attend(self.bell.as_fd(), frame) {
                Word::Use => {
                    self.tell(Notice::Started);
                    return Ok(worker);
                }
                Word::Stopped => return Err(Fall::Stopped),
                Word::Answer(_) | Word::Dead(_) => self.still_born(worker),
            }
        }
    }

    fn tell(&self, notice: Notice) {
        self.notices.send(Told::Worker(notice)).ok();
    }

    fn still_born(&self, mut worker: Worker) {
        let words = worker.last_words();
        drop(worker);
        self.tell(Notice::StillBorn(words));
        self.tell(Notice::Wanted);
    }

    /// Does one item; `Err` when the worker died over it.
    fn one<H: Handler>(&mut self, errand: &Errand, input: &H::In) -> Result<Outcome<H::Out>, Fall>
    where
        H::In: Portable,
        H::Out: Portable,
    {
        let mut frame = [0; FRAME_BYTES_MAX];
        let mut worker = self.worker(&mut frame)?;
        let Errand { item, attempt, .. } = *errand;
        if let Err(failure) = lower(&mut self.writer, errand, input) {
            self.worker = Some(worker);
            return Ok(Outcome { item, attempt, work_ns: 0, result: Err(failure.into()) });
        }
        while !worker.child.send(self.writer.finish()) {
            // It died with nothing in hand: no item is to blame, nor, if it has worked, the way it starts.
            if worker.proven {
                self.tell(Notice::Wanted);
            } else {
                self.still_born(worker);
            }
            worker = self.worker(&mut frame)?;
        }
        worker.lane.step(Instant::now(), Event::Sent { item, attempt }, &mut Vec::new());
        loop {
            match worker.attend(self.bell.as_fd(), &mut frame) {
                Word::Answer(n) => {
                    let memory =
                        Memory::Outbox { from: worker.child.outbox(), into: &self.results };
                    match outcome::<H>(item, attempt, Reader::new(&frame[..n], memory)) {
                        Some(outcome) => {
                            worker.proven = true;
                            self.worker = Some(worker);
                            return Ok(outcome);
                        }
                        // There was no slot for the result because the run ends: nobody's fault.
                        None if self.results.is_closed() => return Err(Fall::Stopped),
                        None => {
                            let mut orders = Vec::new();
                            worker.lane.step(Instant::now(), Event::Babbled, &mut orders);
                            worker.child.kill();
                        }
                    }
                }
                Word::Dead(death) => {
                    let words = worker.last_words();
                    self.tell(Notice::Wanted);
                    return Err(Fall::Died { item, attempt, death, words });
                }
                Word::Stopped => return Err(Fall::Stopped),
                Word::Use => {}
            }
        }
    }
}

/// Writes an item with its errand. `Err` when it does not fit into a frame.
pub(super) fn lower(
    to: &mut Writer,
    errand: &Errand,
    input: &impl Portable,
) -> Result<(), Failure> {
    to.clear();
    errand.lower(to);
    input.lower(to);
    let bytes = to.finish().len();
    if bytes <= FRAME_BYTES_MAX {
        return Ok(());
    }
    Err(Failure::item(format!(
        "an item of {bytes} bytes, but a frame holds {FRAME_BYTES_MAX}: use Buf"
    )))
}

/// Reads an answer; `None` when it makes no sense.
pub(super) fn outcome<H: Handler>(
    item: ItemId,
    attempt: u32,
    mut reader: Reader<'_>,
) -> Option<Outcome<H::Out>>
where
    H::Out: Portable,
{
    let kind = reader.u8().ok()?;
    reader.u64().ok()?;
    reader.u32().ok()?;
    let work_ns = reader.u64().ok()?;
    let result = match kind {
        answer::DONE => {
            let route = Route::lift(&mut reader).ok()?;
            Ok((H::Out::lift(&mut reader).ok()?, route))
        }
        _ => Err(Failure::item(reader.text()).into()),
    };
    Some(Outcome { item, attempt, work_ns, result })
}

impl<H: Handler> Hands<H> for ChildHands
where
    H::In: Portable,
    H::Out: Portable,
{
    fn is_eager(&self) -> bool {
        true
    }
    fn is_apart(&self) -> bool {
        true
    }
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
            settle(self.one::<H>(&errand, &entry.item)?);
        }
        Ok(())
    }
}
