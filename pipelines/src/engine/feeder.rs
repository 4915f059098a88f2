//! A producer's thread: asks when there is room, and only then.

use super::event::{Ending, Event as Told};
use super::leave::{Killed, Leave, Told as Word};
use super::ledger::{Event, Ledger};
use super::run::Shared;
use super::well::{Given, Well};
use crate::handler::Handler;
use crate::message::{Failure, ItemId};
use crate::producer::{Entry, Instance};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

/// What outlives a producer's thread.
pub(crate) struct Post<T> {
    inner: Mutex<Kept<T>>,
    closer: Mutex<Option<Box<dyn Fn() + Send + Sync>>>,
}

/// The producer itself is kept, as items are: who dies with it in hand has only borrowed it. Not as in
/// Broadway, where it dies with its process and starts anew.
struct Kept<T> {
    well: Option<Box<dyn Well<T>>>,
    /// Held back by the rate limit.
    held: Vec<Entry<T>>,
    /// The id after the last one produced: a producer that was made anew may repeat what is before it.
    next: ItemId,
    drained: bool,
    /// What it was asked for last, until the ledger hears of the answer.
    promised: usize,
}

impl<T> Post<T> {
    pub(crate) fn new() -> Self {
        let kept = Kept { well: None, held: vec![], next: 0, drained: false, promised: 0 };
        Self { inner: Mutex::new(kept), closer: Mutex::new(None) }
    }

    /// Ends every wait inside the producer.
    pub(crate) fn close(&self) {
        if let Some(close) = &*self.closer.lock().unwrap_or_else(PoisonError::into_inner) {
            close();
        }
    }
}

/// One life of a producer.
pub(crate) struct Feeder<'a, H: Handler> {
    pub(crate) shared: &'a Shared<H>,
    pub(crate) index: usize,
    pub(crate) incarnation: u32,
    pub(crate) leave: &'a Leave,
}

impl<H: Handler> Feeder<'_, H> {
    /// Feeds until the source is drained, the run stops, or it is told to go.
    pub(crate) fn run(&self, started: &dyn Fn()) -> Ending {
        let post = &self.shared.posts[self.index];
        let mut kept = post.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mended = self.mended();
        if kept.drained {
            started();
            return Ending::Finished;
        }
        if kept.well.is_none() {
            let of = self.shared.posts.len();
            let pipeline = self.shared.name.clone();
            let instance = Instance { index: self.index, of, pipeline };
            let dug = catch_unwind(AssertUnwindSafe(|| (self.shared.dig)(&instance)));
            match dug.unwrap_or_else(|_| Err(Failure::engine("the producer panicked at its start")))
            {
                Ok(well) => {
                    *post.closer.lock().unwrap_or_else(PoisonError::into_inner) =
                        Some(well.closer());
                    kept.well = Some(well);
                }
                Err(failure) => return Ending::NotStarted(failure.what),
            }
        }
        started();
        self.shared.books.step(Event::Opened { producer: self.index });
        if self.incarnation > 1 && self.leave.wait(self.shared.settings.resubscribe) {
            // Told something: the loop below finds out what.
        }
        // Functions of others run here beside the producer's: they say what an item weighs, where it goes.
        let fed = catch_unwind(AssertUnwindSafe(|| self.feed(&mut kept)));
        let ending = fed.unwrap_or_else(|payload| self.fallen(&mut kept, payload));
        if ending == Ending::Finished {
            kept.drained = true;
            self.shared.books.step(Event::Drained { producer: self.index });
            // It closes what it has to close now, not when the last hand on the run is gone.
            kept.well = None;
        } else if !mended {
            (kept.well, kept.next) = (None, 0);
            kept.held.clear();
        }
        ending
    }

    fn mended(&self) -> bool {
        !self.shared.settings.as_the_original
    }

    fn feed(&self, kept: &mut Kept<H::In>) -> Ending {
        let Shared { books, observer, gate, .. } = self.shared;
        loop {
            if let Some(ending) = self.pass(kept) {
                return ending;
            }
            // While the limit is reached demand waits too, in Broadway. Ours asks once more, so that a source
            // that has no more is not waited for.
            if let (Some(gate), false) = (gate, self.mended()) {
                gate.wait_until_open(self.leave, observer);
            }
            let Some(room) = books.room(self.leave) else {
                return match self.leave.told() {
                    Word::Drain => self.drain(kept),
                    Word::Die => Ending::Killed,
                    Word::Stay | Word::Leave => Ending::Left,
                };
            };
            let (producer, most) = (self.index, NonZeroUsize::new(room).expect("room is not 0"));
            observer.tell(|| Told::Demanded { producer, items: room });
            let well = kept.well.as_mut().expect("it was dug");
            let produce = || well.produce(most, self.leave, self.mended());
            let given = catch_unwind(AssertUnwindSafe(produce));
            kept.promised = room;
            if !matches!(given, Ok(Ok(Given::Items(..)))) {
                self.hand_in(kept, vec![]);
            }
            match given {
                Ok(Ok(Given::Items(items, failed))) => self.take(kept, items, failed),
                Ok(Ok(Given::Idle(wait))) => {
                    self.leave.wait(wait);
                }
                Ok(Ok(Given::Drained)) => return Ending::Finished,
                // What was produced before is good: it is finished, and then the run fails.
                Ok(Err(failure)) => {
                    books.fail(failure);
                    return Ending::Finished;
                }
                Err(payload) => return self.fallen(kept, payload),
            }
        }
    }

    fn fallen(&self, kept: &mut Kept<H::In>, payload: Box<dyn std::any::Any + Send>) -> Ending {
        if payload.is::<Killed>() {
            return Ending::Killed;
        }
        // It was in the middle of something: what it is now cannot be known.
        kept.well = None;
        self.hand_in(kept, vec![]);
        let words = super::words(&*payload);
        if self.mended() && !self.shared.redig {
            self.shared.stop(Failure::engine(format!(
                "the source panicked ({words}), and cannot be made again; name one that can, by \
                 `Pipeline::produced_by`"
            )));
        }
        Ending::Panicked(words)
    }

    /// Pulls what is in hand to the end: the source is not asked again.
    fn drain(&self, kept: &mut Kept<H::In>) -> Ending {
        let well = kept.well.as_mut().expect("it was dug");
        let prepare = || well.prepare_for_draining(self.mended());
        match catch_unwind(AssertUnwindSafe(prepare)) {
            Ok(Given::Items(items, failed)) => self.take(kept, items, failed),
            Ok(Given::Idle(_) | Given::Drained) => {}
            Err(payload) => return self.fallen(kept, payload),
        }
        self.pass(kept).unwrap_or(Ending::Finished)
    }

    fn take(
        &self,
        kept: &mut Kept<H::In>,
        mut items: Vec<Entry<H::In>>,
        failed: Vec<Entry<Failure>>,
    ) {
        // Ids rise: what comes again, of a source that was made anew or repeats itself, is there already.
        let mut next = kept.next;
        if self.mended() {
            items.retain(|entry| {
                let is_new = entry.id >= next;
                next = next.max(entry.id.saturating_add(1));
                is_new
            });
        }
        let last = items.last().map(|e| e.id).max(failed.last().map(|e| e.id));
        kept.next = next.max(last.map_or(0, |id| id.saturating_add(1)));
        self.shared.unmade(failed);
        if items.is_empty() {
            self.hand_in(kept, vec![]);
        }
        if kept.held.is_empty() {
            kept.held = items;
        } else {
            kept.held.extend(items);
        }
    }

    /// Passes on what is in hand, as fast as the rate limit allows; an ending when told to go first.
    fn pass(&self, kept: &mut Kept<H::In>) -> Option<Ending> {
        while !kept.held.is_empty() {
            let Some(gate) = &self.shared.gate else {
                let now = std::mem::take(&mut kept.held);
                self.hand_in(kept, now);
                break;
            };
            let most = gate.admit(kept.held.iter().map(|entry| &entry.item));
            let rest = kept.held.split_off(most);
            let now = std::mem::replace(&mut kept.held, rest);
            self.hand_in(kept, now);
            let Some(first) = kept.held.first() else { break };
            if gate.wait(&first.item, self.leave, self.mended(), &self.shared.observer) {
                continue;
            }
            match self.leave.told() {
                Word::Die => return Some(Ending::Killed),
                Word::Stay | Word::Leave => return Some(Ending::Left),
                // A drain does not wait for the limit: what is in hand goes.
                Word::Drain => {
                    let now = std::mem::take(&mut kept.held);
                    self.hand_in(kept, now);
                }
            }
        }
        None
    }

    /// Into the ledger, each partition's to its lane; what was promised is not to be expected any more.
    fn hand_in(&self, kept: &mut Kept<H::In>, items: Vec<Entry<H::In>>) {
        let (producer, count) = (self.index, items.len());
        if count + kept.promised == 0 {
            return;
        }
        self.shared.hand_in(producer, kept.promised, items);
        kept.promised = 0;
        if count > 0 {
            self.leave.prove();
            let books = &self.shared.books;
            let waiting = || books.look(Ledger::waiting);
            let told = || Told::Produced { producer, items: count, waiting: waiting() };
            self.shared.observer.tell(told);
        }
    }
}
