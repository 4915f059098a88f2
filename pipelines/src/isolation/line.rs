//! The line between one lane and its worker: requests of one or more items there, answers back, one by one.

use super::bell::Bell;
use super::control::{Control, ITEMS_MAX, OWNER_DIED, REQUEST_BYTES};
use super::frame::FRAME_BYTES_MAX;
use super::futex;
use super::segment::{Segment, Shape};
use super::will::{self, Testament, Usage};
use super::word::Word;
use crate::message::{Death, Failure};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::time::{Duration, Instant};

/// The number of a worker's outbox among its segments.
pub(super) const OUTBOX: u16 = u16::MAX;
/// Slots of an outbox at least: one for a result, one for what lies between two handlers of a `Then`.
pub(crate) const OUTBOX_SLOTS_MIN: usize = 2;
/// Results up to this size wait in the outbox until all that were lent together are done. Larger ones would only push
/// each other out of the cache.
const WAITING_BYTES_MAX: usize = 256 << 10;

/// Slots of an outbox for results of up to so many bytes, of items that are lent so many together.
pub(crate) fn outbox_slots(result_bytes: usize, together: usize) -> usize {
    let small = result_bytes <= WAITING_BYTES_MAX;
    if small { together.max(1) + 1 } else { OUTBOX_SLOTS_MIN }
}

/// How far a worker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum State {
    Starting = 0,
    /// Its handler is open.
    Ready = 1,
    /// Its handler cannot be opened; the first answer says why.
    Refused = 2,
    /// It will say nothing more, though it lives.
    Closed = 3,
    /// It wrote what makes no sense.
    Mad = 4,
}

impl State {
    fn from_word(word: u32) -> Self {
        let all = [Self::Starting, Self::Ready, Self::Refused, Self::Closed];
        all.get(word as usize).copied().unwrap_or(Self::Mad)
    }
}

/// Turns the word that the other side waits for, and wakes it if it says that it sleeps. In this order: who looked first
/// would forget one who falls asleep in between.
fn turn(word: &Word, sleeps: &Word) {
    #[cfg(all(test, feature = "schedules"))]
    if schedules::is_careless() {
        return schedules::turn_carelessly(word, sleeps);
    }
    word.fetch_add(1, SeqCst);
    if sleeps.load(SeqCst) != 0 {
        futex::wake_all(word);
    }
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The worker may have said something.
    Said,
    /// The worker is dead.
    Died,
    /// The run is stopping.
    Bell,
    /// The time is over.
    Late,
}

/// The lane's end.
pub(crate) struct LaneEnd {
    control: Arc<Control>,
    pub(crate) outbox: Arc<Segment>,
    seen: u32,
    sent: u32,
    /// Answers that were looked at, and that were taken in.
    shown: u32,
    taken: u32,
    /// A fault: that the worker died is not heard of here.
    deaf: bool,
}

impl LaneEnd {
    /// With an outbox of so many slots of so many bytes.
    pub(super) fn new(slots: usize, result_bytes: usize) -> Result<Self, Failure> {
        let outbox = Segment::outbox(OUTBOX, slots, result_bytes)?;
        Ok(Self {
            control: Arc::new(Control::new()?),
            outbox,
            seen: 0,
            sent: 0,
            shown: 0,
            taken: 0,
            deaf: false,
        })
    }

    /// What the worker needs for its end: the control page, the outbox, and how that is cut.
    pub(super) fn other_end(&self) -> ([Option<BorrowedFd<'_>>; 2], Shape) {
        ([Some(self.control.memory()), self.outbox.memory()], self.outbox.shape())
    }

    /// Sends a request of so many items. The last one must have been answered.
    pub(crate) fn send(&mut self, request: &Request) {
        debug_assert_eq!(self.outstanding(), 0);
        self.control.write_request(&request.bytes);
        let asked = &self.control.words().asked;
        asked.items.store(request.items as u32, Relaxed);
        asked.requests.fetch_add(1, Release);
        self.sent = self.sent.wrapping_add(request.items as u32);
        self.turn();
    }

    fn turn(&self) {
        let words = self.control.words();
        turn(&words.asked.turn, &words.said.sleeps);
    }

    /// Items that were sent and whose answers were not taken.
    pub(crate) fn outstanding(&self) -> usize {
        self.sent.wrapping_sub(self.taken) as usize
    }

    /// Of these, how many the worker says that it has begun.
    pub(crate) fn begun(&self) -> usize {
        let begun = self.control.words().said.begun.load(Acquire).wrapping_sub(self.taken) as usize;
        begun.min(self.outstanding())
    }

    pub(crate) fn state(&self) -> State {
        State::from_word(self.control.words().said.state.load(Acquire))
    }

    /// Copies the next answer, if it is there; `Err` when it makes no sense. Each is shown once.
    pub(crate) fn answer(
        &mut self,
        frame: &mut [u8; FRAME_BYTES_MAX],
    ) -> Result<Option<usize>, ()> {
        let answered = self.control.words().said.answered.load(Acquire);
        if answered.wrapping_sub(self.taken) as usize > self.outstanding() {
            return Err(());
        }
        if answered == self.shown {
            return Ok(None);
        }
        self.shown = self.shown.wrapping_add(1);
        self.control.read_answer(self.shown.wrapping_sub(1), frame).map(Some).ok_or(())
    }

    /// Why the worker refuses, as it says.
    pub(crate) fn excuse(&self) -> String {
        let mut frame = [0; FRAME_BYTES_MAX];
        let len = self.control.read_answer(0, &mut frame).unwrap_or(0);
        String::from_utf8_lossy(&frame[..len]).into_owned()
    }

    /// The answer was taken in: what lies in the outbox for it is free again.
    pub(crate) fn take(&mut self) {
        self.taken = self.taken.wrapping_add(1);
        self.control.words().asked.taken.store(self.taken, SeqCst);
        // A worker that needs no room waits for a request only.
        if self.outstanding() > 0 {
            self.turn();
        }
    }

    /// The kernel says that the worker is dead, before it takes its memory apart.
    pub(crate) fn is_dead(&self) -> bool {
        self.control.words().life.word.load(SeqCst) & OWNER_DIED != 0
    }

    /// Where it writes, and perhaps still does, what it died of.
    pub(crate) fn testament(&self, usage: Option<Usage>) -> Testament {
        Testament { control: self.control.clone(), usage }
    }

    /// What its will begins with: a death by a signal that can be seen coming, or by `exit`.
    pub(crate) fn cause(&self) -> Option<Death> {
        let will = &self.control.words().will;
        match (will.signal.load(Acquire), will.exit.load(Acquire)) {
            (signal, _) if signal > 0 => Some(Death::Signal(signal)),
            (_, exit) if exit > 0 => Some(Death::Exit(exit - 1)),
            _ => None,
        }
    }

    /// It was refused memory for this item.
    pub(crate) fn was_refused_memory(&self) -> bool {
        self.control.words().will.refused_bytes.load(Acquire) > 0
    }

    /// The system call that was refused to it and that it died of.
    pub(crate) fn refused_call(&self) -> Option<i32> {
        let call = self.control.words().will.refused_call.load(Acquire);
        call.checked_sub(1).map(u32::cast_signed)
    }

    /// Waits for something to look at. A worker that has not come so far as to register its life is not known to
    /// be dead.
    pub(crate) fn wait(&mut self, until: Instant, bell: &Bell) -> Woken {
        let words = self.control.words();
        let (said, life) = (&words.said.turn, &words.life.word);
        loop {
            let (turn, alive) = (said.load(SeqCst), life.load(SeqCst));
            if turn != self.seen {
                self.seen = turn;
                return Woken::Said;
            }
            if alive & OWNER_DIED != 0 && !self.deaf {
                return Woken::Died;
            }
            if bell.is_rung() {
                return Woken::Bell;
            }
            if Instant::now() >= until {
                return Woken::Late;
            }
            words.asked.sleeps.store(1, SeqCst);
            futex::wait_any([(said, turn), (life, alive), (bell.word(), 0)], until);
            words.asked.sleeps.store(0, SeqCst);
        }
    }

    /// A fault: from now on nobody is woken because the worker died.
    pub(crate) fn lose_notice(&mut self) {
        self.deaf = true;
    }

    /// Whether the worker has come so far that its death would be noticed.
    pub(crate) fn is_registered(&self) -> bool {
        self.control.words().life.word.load(SeqCst) != 0
    }
}

/// A request being put together.
#[derive(Default)]
pub(crate) struct Request {
    bytes: Vec<u8>,
    items: usize,
}

impl Request {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.items = 0;
    }

    /// Adds an item's frame; false when there is no room for it.
    pub(crate) fn push(&mut self, frame: &[u8]) -> bool {
        let fits = self.items < ITEMS_MAX && self.bytes.len() + 4 + frame.len() <= REQUEST_BYTES;
        if fits {
            self.bytes.extend_from_slice(&(frame.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(frame);
            self.items += 1;
        }
        fits
    }

    pub(crate) fn len(&self) -> usize {
        self.items
    }
}

/// How long a worker goes on with the next item before it tells of the last. A lane that is not told looks twenty
/// times a second.
const TELL_AFTER: Duration = Duration::from_micros(500);

/// The worker's end.
pub(crate) struct WorkerEnd {
    control: &'static Control,
    requests: u32,
    begun: u32,
    answered: u32,
    /// Answers that the lane was told of, and when.
    told: (u32, Instant),
}

impl WorkerEnd {
    pub(super) fn new(control: &'static Control) -> Self {
        Self { control, requests: 0, begun: 0, answered: 0, told: (0, Instant::now()) }
    }

    /// Tells how far it is.
    pub(super) fn is(&self, state: State) {
        self.control.words().said.state.store(state as u32, Release);
        self.turn();
    }

    /// It cannot begin, and says why.
    pub(super) fn refuse(&self, why: &str) {
        let most = why.len().min(FRAME_BYTES_MAX);
        self.control.write_answer(0, &why.as_bytes()[..most]);
        self.is(State::Refused);
    }

    fn turn(&self) {
        let words = self.control.words();
        turn(&words.said.turn, &words.asked.sleeps);
    }

    /// Waits until `done`, which the lane's next turn may make true.
    fn wait(&self, done: impl Fn() -> bool) {
        let words = self.control.words();
        loop {
            let turn = words.asked.turn.load(SeqCst);
            if done() {
                return;
            }
            words.said.sleeps.store(1, SeqCst);
            if words.asked.turn.load(SeqCst) == turn {
                futex::wait(&words.asked.turn, turn);
            }
            words.said.sleeps.store(0, SeqCst);
        }
    }

    /// The next request, as soon as there is one: its frames, and how many.
    pub(super) fn request(&mut self) -> (Frames<'static>, usize) {
        let asked = &self.control.words().asked;
        self.wait(|| asked.requests.load(Acquire) != self.requests);
        self.requests = asked.requests.load(Acquire);
        self.told.1 = Instant::now();
        (Frames { bytes: self.control.request() }, asked.items.load(Relaxed) as usize)
    }

    /// The next item is begun: if it kills, that it was this one is known.
    pub(super) fn begin(&mut self) {
        self.begun = self.begun.wrapping_add(1);
        will::forget_refusals();
        self.control.words().said.begun.store(self.begun, Release);
    }

    /// Answers for the item that was begun last.
    pub(super) fn answer(&mut self, frame: &[u8]) {
        self.control.write_answer(self.answered, frame);
        self.answered = self.answered.wrapping_add(1);
        self.control.words().said.answered.store(self.answered, Release);
    }

    /// As [`WorkerEnd::answer`], but with a length that is a lie.
    pub(super) fn lie(&mut self, frame: &[u8], len: u32) {
        self.control.write_answer_of(self.answered, frame, len);
        self.answered = self.answered.wrapping_add(1);
        self.control.words().said.answered.store(self.answered, Release);
    }

    /// Wakes the lane, if it is time to.
    pub(super) fn tell(&mut self, last: bool) {
        if last || self.told.1.elapsed() >= TELL_AFTER {
            self.turn();
            self.told = (self.answered, Instant::now());
        }
    }

    /// Waits until the lane has taken in every answer.
    pub(super) fn wait_until_taken(&mut self) {
        if self.told.0 != self.answered {
            self.tell(true);
        }
        let asked = &self.control.words().asked;
        if asked.taken.load(SeqCst) != self.answered {
            self.wait(|| asked.taken.load(SeqCst) == self.answered);
        }
    }
}

/// The frames of a request.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The next one, if the request is what it should be.
    pub(super) fn next(&mut self) -> Option<&'a [u8]> {
        let (head, rest) = self.bytes.split_first_chunk::<4>()?;
        let (frame, rest) = rest.split_at_checked(u32::from_le_bytes(*head) as usize)?;
        self.bytes = rest;
        Some(frame)
    }
}

#[cfg(all(test, feature = "schedules"))]
mod schedules;
#[cfg(test)]
mod tests;
