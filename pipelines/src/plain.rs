//! The thesis's control: scoped threads, a bounded channel, the handler in-process. Nothing of the engine:
//! no ledger, no retry, no supervisor. What strikes it, it feels.

use crate::black_box::{BlackBox, What, now_ns};
use crate::engine::{Aside, SetAside, Watch};
use crate::fault::strike::Unit;
use crate::fault::{Point, Site};
use crate::handler::{BatchHandler, Desk, Done, Handler, handle_by_hand};
use crate::isolation::segment::Segment;
use crate::message::{Death, Failure};
use crate::producer::{Demand, Entry, Producer, Supply};
use crossbeam_channel::{Receiver, bounded};
use std::num::NonZeroUsize;
use std::sync::OnceLock;

/// A plain program: what it does with each item, with how many threads, and who watches.
pub struct Plain<'a, H: Handler, B: BatchHandler<In = H::Out>> {
    /// Threads that work, at least 1.
    pub workers: usize,
    /// For the handler.
    pub config: H::Config,
    /// Bytes that one result takes at most.
    pub result_bytes: usize,
    /// For the batch handler; each thread has its own, and gives it one item at a time.
    pub sink: B::Config,
    /// Whose eye is on it.
    pub watch: &'a Watch,
    /// Is told of each item whose handler returned an error.
    pub aside: &'a Aside<H::In>,
}

impl<H: Handler, B: BatchHandler<In = H::Out>> Plain<'_, H, B> {
    /// Runs until the source is drained, or until no thread is left.
    ///
    /// # Errors
    /// When source or sink fail. A handler's error costs its item and nothing else.
    ///
    /// # Panics
    /// When a handler panics.
    pub fn run<P: Producer<Item = H::In>>(&self, mut producer: P) -> Result<(), Failure> {
        let failure = OnceLock::new();
        let close = producer.closer();
        let (items, work) = bounded(self.workers);
        std::thread::scope(|scope| {
            for lane in 0..self.workers {
                let (work, failure, close) = (work.clone(), &failure, &close);
                scope.spawn(move || {
                    if let Err(f) = self.lane(lane, &work) {
                        failure.set(f).ok();
                        close();
                    }
                });
            }
            drop(work);
            loop {
                match producer.produce(Demand::of(NonZeroUsize::MIN)) {
                    // It fails only when every thread has left.
                    Ok(Supply::Items(more)) => {
                        if more.into_iter().any(|item| items.send(item).is_err()) {
                            break;
                        }
                    }
                    Ok(Supply::Idle(wait)) => std::thread::sleep(wait),
                    Ok(Supply::Drained) => break,
                    Err(f) => {
                        failure.set(f).ok();
                        break;
                    }
                }
            }
            drop(items);
        });
        failure.into_inner().map_or(Ok(()), Err)
    }

    fn lane(&self, lane: usize, work: &Receiver<Entry<H::In>>) -> Result<(), Failure> {
        let mut handler = H::open(&self.config)?;
        let mut sink = B::open(&self.sink)?;
        let out = Segment::heap(0, 2, self.result_bytes)?;
        let receipts = self.watch.black_box().map(BlackBox::receipts);
        for Entry { id: item, item: input, .. } in work {
            let (attempt, strike) = self.watch.begin(lane, item, 0);
            let mut desk = Desk::new(item, attempt, strike, receipts.as_ref(), &out);
            let Ok(before) = desk.before(Unit::Thread) else { return Ok(()) };
            let start = now_ns();
            let result = before.and_then(|()| handler.handle(&input, &mut desk));
            match result {
                Ok(out) => {
                    self.watch.record(What::Accepted, item, attempt, lane, now_ns() - start);
                    self.watch.pass(Site { point: Point::Accept, item, attempt, lane });
                    handle_by_hand(&mut sink, &[Done::new(item, attempt + 1, out)])?;
                    self.watch.record(What::Done, item, attempt, lane, 0);
                }
                Err(failure) => {
                    let (attempts, death) = (attempt + 1, Death::Error);
                    let words = failure.what;
                    let (input, will) = (&input, None);
                    (self.aside)(&SetAside { item, input, attempts, death, words, will })?;
                    self.watch.record(What::Died, item, attempt, lane, death.code());
                    self.watch.record(What::Failed, item, attempt, lane, death.code());
                }
            }
        }
        Ok(())
    }
}
