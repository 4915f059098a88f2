//! A worker with what its lane knows of it.

use crate::black_box::now_ns;
use crate::engine::hands::Outcome;
use crate::engine::lane::{Event, Lane, Order};
use crate::handler::{Handler, Route};
use crate::isolation::bell::Bell;
use crate::isolation::child::{Child, Sign};
use crate::isolation::frame::{FRAME_BYTES_MAX, Memory, Portable, Reader, Writer};
use crate::isolation::limits::{Recycling, Worn};
use crate::isolation::worker::{Errand, answer};
use crate::message::{Death, Failure, ItemId};
use std::time::{Duration, Instant};

/// A worker with what its lane knows of it.
pub(super) struct Worker {
    pub(super) child: Child,
    pub(super) lane: Lane,
    /// Items that it has finished: with one, it can start.
    pub(super) items: u64,
    /// When it was first seen to be at its end, in ns of the machine's monotonic clock.
    pub(super) ailing_ns: Option<u64>,
    ready: Instant,
    /// Private memory after its first item, in bytes.
    grown_from: Option<u64>,
    /// The same when that was looked at last, and when that was.
    looked: Option<(u64, Instant)>,
}

/// What came of waiting for a worker.
pub(super) enum Word {
    /// It may be sent an item.
    Use,
    /// It answered; this much of the frame is the answer.
    Answer(usize),
    /// It is dead.
    Dead(Death),
    /// The run is stopping.
    Stopped,
}

/// How often the memory of a worker is looked at, where it matters.
const LOOK_AT_MEMORY: Duration = Duration::from_millis(10);

impl Worker {
    pub(super) fn new(child: Child, start: Duration, patience: Duration) -> Self {
        let now = Instant::now();
        let lane = Lane::new(now, start, patience);
        let (ailing_ns, grown_from, looked) = (None, None, None);
        Self { child, lane, items: 0, ailing_ns, ready: now, grown_from, looked }
    }

    /// Waits until there is something to do about it.
    /// When it died, `is_lost` says whether nobody is told of that.
    pub(super) fn attend(
        &mut self,
        bell: &Bell,
        frame: &mut [u8; FRAME_BYTES_MAX],
        is_lost: impl Fn() -> bool,
    ) -> Word {
        let (mut orders, mut heard) = (Vec::new(), false);
        loop {
            let mut len = 0;
            let event = match self.child.wait(self.lane.deadline(), bell, frame) {
                Sign::Bell => return Word::Stopped,
                Sign::Late => Event::Tick,
                Sign::Closed => Event::Closed,
                Sign::Stopped => Event::Stopped,
                Sign::Babble => Event::Babbled,
                Sign::Ready => Event::Ready,
                Sign::Ended(_) if !heard && is_lost() => {
                    heard = true;
                    self.child.lose_notice();
                    continue;
                }
                Sign::Ended(death) => Event::Ended(death),
                Sign::Answer(n) => {
                    len = n;
                    read(&frame[..n])
                }
            };
            self.lane.step(Instant::now(), event, &mut orders);
            for order in orders.drain(..) {
                if matches!(order, Order::Kill | Order::Bury(_)) {
                    self.ailing_ns.get_or_insert_with(now_ns);
                }
                match order {
                    Order::Kill => self.child.put_down(),
                    Order::Use => return Word::Use,
                    Order::Accept => return Word::Answer(len),
                    Order::Bury(death) => return Word::Dead(death),
                }
            }
        }
    }

    /// It holds this item now, or looks at it next.
    pub(super) fn holds(&mut self, item: ItemId, attempt: u32) {
        self.lane.step(Instant::now(), Event::Sent { item, attempt }, &mut Vec::new());
    }

    /// Private memory, as it was at most [`LOOK_AT_MEMORY`] ago.
    pub(super) fn bytes(&mut self) -> u64 {
        match self.looked {
            Some((bytes, at)) if at.elapsed() < LOOK_AT_MEMORY => bytes,
            _ => {
                let bytes = self.child.private_bytes();
                self.looked = Some((bytes, Instant::now()));
                bytes
            }
        }
    }

    /// It should be replaced before it comes to harm.
    pub(super) fn is_worn(&mut self, recycling: Recycling) -> bool {
        let growth_bytes = recycling.growth_bytes.map_or(0, |_| {
            let bytes = self.bytes();
            bytes.saturating_sub(*self.grown_from.get_or_insert(bytes))
        });
        recycling.is_due(Worn { items: self.items, age: self.ready.elapsed(), growth_bytes })
    }
}

/// What an answer says that it is.
pub(crate) fn read(frame: &[u8]) -> Event {
    let mut reader = Reader::new(frame, Memory::Slabs(&[]));
    match (reader.u8(), reader.u64(), reader.u32()) {
        (Ok(kind @ (answer::DONE | answer::FAILED | answer::PANICKED)), Ok(item), Ok(attempt)) => {
            Event::Replied { item, attempt, panicked: kind == answer::PANICKED }
        }
        _ => Event::Babbled,
    }
}
/// Writes an item with its errand. `Err` when it does not fit into a frame.
pub(crate) fn lower(
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
pub(crate) fn outcome<H: Handler>(
    item: ItemId,
    attempt: u32,
    reader: Reader<'_>,
) -> Option<Outcome<H::Out>>
where
    H::Out: Portable,
{
    let mut reader = reader.about(item);
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
    let bulky = reader.has_copied();
    Some(Outcome { item, attempt, work_ns, result, in_company: 0, bulky })
}
