//! The door that lanes pass with each request where memory is scarce: the shell around [`Admission`].

use super::worker::Worker;
use crate::engine::admission::{Admission, Event, Order, Wish};
use crate::engine::hands::Fall;
use crate::engine::leave::Leave;
use crate::isolation::bell::Bell;
use crate::isolation::child::Leash;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a lane that waits looks whether it should go.
const GLANCE: Duration = Duration::from_millis(20);

/// What a lane is answered.
#[derive(Clone, Copy)]
enum Answer {
    Come,
    Never(u64),
}

/// What is known of a lane.
#[derive(Default)]
struct Guest {
    answer: Option<Answer>,
    /// Its worker was ended while it rested.
    put_down: bool,
    leash: Option<Leash>,
}

struct Inner {
    admission: Admission,
    guests: Vec<Guest>,
    orders: Vec<Order>,
}

/// Lets lanes in as memory allows.
pub(crate) struct Door {
    inner: Mutex<Inner>,
    turn: Condvar,
}

impl Door {
    /// Nobody is in. `bytes` is what the workers of so many lanes, and so many spares, may have together.
    pub(crate) fn new(bytes: u64, lanes: usize, spares: usize) -> Self {
        let guests = (0..lanes).map(|_| Guest::default()).collect();
        let admission = Admission::new(bytes, lanes, spares);
        Self {
            inner: Mutex::new(Inner { admission, guests, orders: vec![] }),
            turn: Condvar::new(),
        }
    }

    /// Waits until a worker of this lane may take so much, of what it may at most; says what there is when that is
    /// never enough.
    pub(super) fn enter(
        &self,
        lane: usize,
        (need, limit): (u64, u64),
        bell: &Bell,
        leave: &Leave,
    ) -> Result<Option<u64>, Fall> {
        self.tell(Event::Wanted(Wish { lane, need, limit }));
        let mut inner = self.lock();
        loop {
            match inner.guests[lane].answer.take() {
                Some(Answer::Come) => return Ok(None),
                Some(Answer::Never(most)) => return Ok(Some(most)),
                None => {}
            }
            let fall = match (bell.is_rung(), leave.is_killed()) {
                (true, _) => Fall::Stopped,
                (_, true) => Fall::Killed,
                _ => {
                    let waited = self.turn.wait_timeout(inner, GLANCE);
                    inner = waited.unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
            };
            drop(inner);
            self.is_gone(lane);
            return Err(fall);
        }
    }

    /// Whether the worker that this lane left at rest was ended since. Says so once.
    pub(super) fn has_put_down(&self, lane: usize) -> bool {
        std::mem::take(&mut self.lock().guests[lane].put_down)
    }

    /// A worker was just started.
    pub(super) fn has_come(&self, worker: &Worker) {
        self.tell(Event::Fresh { bytes: worker.child.private_bytes() });
    }

    /// This lane has done its request, and keeps its worker.
    pub(super) fn rest(&self, lane: usize, worker: &mut Worker) {
        let bytes = worker.bytes();
        {
            let guest = &mut self.lock().guests[lane];
            if guest.leash.as_ref().is_none_or(|leash| !leash.holds(&worker.child)) {
                guest.leash = worker.child.leash();
            }
        }
        self.tell(Event::Rested { lane, bytes });
    }

    /// This lane has no worker.
    pub(super) fn is_gone(&self, lane: usize) {
        self.tell(Event::Gone { lane });
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: Event) {
        if self.lock().step(event) {
            self.turn.notify_all();
        }
    }
}

impl Inner {
    /// Does what is ordered; whether somebody is answered.
    fn step(&mut self, event: Event) -> bool {
        let Self { admission, guests, orders } = self;
        admission.step(event, orders);
        let answers = !orders.is_empty();
        for order in orders.drain(..) {
            match order {
                Order::Admit(lane) => guests[lane].answer = Some(Answer::Come),
                Order::Refuse(lane, most) => guests[lane].answer = Some(Answer::Never(most)),
                Order::PutDown(lane) => {
                    let guest = &mut guests[lane];
                    guest.put_down = true;
                    // Its memory is free within a moment, and nobody waits for that.
                    if let Some(leash) = guest.leash.take() {
                        leash.end();
                    }
                }
            }
        }
        answers
    }
}
