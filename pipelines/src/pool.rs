//! Workers to call: [`Pool::call`] has one item done, [`Pool::map`] many, [`Pool::stream`] many as they come. A front
//! on a pipeline, with its ledger, its attempts and its isolated workers, for programs that are none themselves.
//!
//! ```standalone_crate
//! use pipelines::handler::{Desk, Handler};
//! use pipelines::isolation::{Isolation, worker};
//! use pipelines::{message::Failure, pipeline::Stage, pool::Pool};
//!
//! struct Root;
//!
//! impl Handler for Root {
//!     type Config = ();
//!     type In = i64;
//!     type Out = i64;
//!     fn open(_: &()) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!     fn handle(&mut self, n: &i64, _: &mut Desk<'_>) -> Result<i64, Failure> {
//!         if *n < 0 { std::process::abort() } else { Ok(n.isqrt()) }
//!     }
//! }
//!
//! fn main() -> Result<(), Failure> {
//!     worker::enter(&[worker::role::<Root>()]); // in a worker this never returns
//!     let roots = Pool::new(Stage::<Root>::new(()).workers(2).isolated(Isolation::new(vec![], 0)))?;
//!     assert_eq!(roots.call(49)?, 7);
//!     let all = roots.map([1, -4, 9]); // the second aborts, three times, each time with its own worker only
//!     assert_eq!((all[0].as_ref(), all[2].as_ref()), (Ok(&1), Ok(&3)));
//!     assert_eq!(all[1].as_ref().unwrap_err().what, "3 workers died over it, the last of signal 6");
//!     Ok(())
//! }
//! ```
//!
//! # Bulk
//!
//! What crosses to a worker is a frame of 1 KiB at most. More goes in by a slab: cut one with
//! [`Segment::slab`](crate::isolation::segment::Segment::slab), name it in
//! [`Isolation::slabs`](crate::isolation::Isolation::slabs), and for each item `reserve` a slot, fill it and `freeze` it:
//! a [`Buf`](crate::isolation::segment::Buf) is then a part of the input. `reserve` waits while all slots are in use,
//! and gives nothing once the pool has ended. Bulk comes back as a `Buf` that the handler made with [`Desk::write`]; it
//! may be kept for as long as it is wanted.
//!
//! [`Desk::write`]: crate::handler::Desk::write

use crate::acknowledger::{Acked, Acknowledger, Ticket};
use crate::engine::batcher::BatchInfo;
use crate::engine::judge::{Decision, Failed};
use crate::engine::running::Handle;
use crate::handler::{BatchHandler, Done, Fates, Handler};
use crate::message::{Death, Failure};
use crate::pipeline::{Apart, Batch, Pipeline, Stage};
use crate::producer::{Demand, Entry, Producer, Supply};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::collections::HashMap;
use std::iter::Enumerate;
use std::marker::PhantomData;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Calls that are open at once at most, from all threads together. One more waits.
const CALLS_MAX: usize = 4096;
/// How long the pool's producer, which has nothing ever, is left alone.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// What became of an item, with its place in what it came from.
type Told<T> = (usize, Result<T, Failure>);

/// Workers to call, from as many threads as one likes. Dropping it ends them, whatever they are at.
pub struct Pool<H: Handler> {
    counter: Arc<Counter<H::Out>>,
    handle: Handle<H::In>,
    thread: Option<JoinHandle<()>>,
    /// Items of one stream that are in the pool at once.
    window: usize,
}

impl<H: Handler> Pool<H>
where
    H::Out: Clone,
{
    /// Starts workers as the stage has them: in threads, or [isolated](Stage::isolated). Each result is cloned once
    /// on its way out, which for a `Buf` is next to nothing.
    ///
    /// # Errors
    /// When what the stage was told makes no sense. That workers cannot start is heard by who calls.
    pub fn new(mut stage: Stage<H>) -> Result<Self, Failure> {
        let counter = Arc::new(Counter::default());
        let window = 2 * stage.workers * stage.max_demand.get();
        let slabs = match &stage.apart {
            Apart::Child { isolation, .. } | Apart::Shared { isolation, .. } => {
                isolation.slabs.clone()
            }
            Apart::Inline { .. } => vec![],
        };
        let decide = stage.decide.take();
        let mut stage = stage.on_failed(move |failed| {
            match decide.as_ref().map_or(Decision::Fail, |decide| decide(failed)) {
                Decision::Fail if failed.death != Death::Error => Decision::FailAs(died(failed)),
                decision => decision,
            }
        });
        stage.results_are_kept = true;
        let batch = Batch::<Hand<H::Out>>::new(counter.clone()).size(1);
        let nobody = Nobody::<H::In>(PhantomData);
        let running = Pipeline::from(nobody).stage(stage).batch(batch).start()?;
        let (handle, told) = (running.handle(), counter.clone());
        let wait = move || {
            let end = running.wait().failure;
            slabs.iter().for_each(|slab| slab.close());
            told.close(end.unwrap_or_else(|| Failure::engine("the pool has ended")));
        };
        let thread = Builder::new().name("pool".to_owned()).spawn(wait).map_err(|e| {
            handle.end(Failure::engine("nobody would hear of its end"));
            Failure::engine(format!("a thread could not be started: {e}"))
        })?;
        Ok(Self { counter, handle, thread: Some(thread), window })
    }

    /// Has one item done, and waits for it.
    ///
    /// # Errors
    /// When the handler returned an error, or its worker died, in each of the item's attempts; when the pool cannot go
    /// on: no worker starts, say.
    pub fn call(&self, input: H::In) -> Result<H::Out, Failure> {
        let (to, told) = bounded(1);
        self.put(input, Call { place: 0, to });
        told.recv()
            .map_or_else(|_| Err(Failure::engine("the pool has ended")), |(_, result)| result)
    }

    /// Has all items done, and gives what became of them in their order. Each fails by itself.
    pub fn map(&self, inputs: impl IntoIterator<Item = H::In>) -> Vec<Result<H::Out, Failure>> {
        let mut all: Vec<_> = self.stream(inputs).collect();
        all.sort_unstable_by_key(|(place, _)| *place);
        all.into_iter().map(|(_, result)| result).collect()
    }

    /// Has all items done, and gives each with its place as soon as it is finished. Items are taken while results are
    /// asked for, and no more of them at once than keeps the workers busy.
    pub fn stream<I: IntoIterator<Item = H::In>>(&self, inputs: I) -> Stream<'_, H, I::IntoIter> {
        let (to, told) = bounded(self.window);
        Stream { pool: self, inputs: Some(inputs.into_iter().enumerate()), to, told, open: 0 }
    }
}

impl<H: Handler> Drop for Pool<H> {
    fn drop(&mut self) {
        self.handle.end(Failure::engine("the pool was dropped"));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Why an item failed whose workers died.
fn died<T>(failed: &Failed<'_, T>) -> Failure {
    let Failed { attempts, death, failure, .. } = failed;
    let workers = if *attempts == 1 { "1 worker" } else { &format!("{attempts} workers") };
    let words = failure.what.lines().last().map_or(String::new(), |last| format!(": {last}"));
    Failure::item(format!("{workers} died over it, the last of {death}{words}"))
}

/// Results as they come: see [`Pool::stream`].
pub struct Stream<'a, H: Handler, I> {
    pool: &'a Pool<H>,
    /// `None` once there are no more.
    inputs: Option<Enumerate<I>>,
    to: Sender<Told<H::Out>>,
    told: Receiver<Told<H::Out>>,
    /// Items that were put in and not heard of.
    open: usize,
}

impl<H: Handler, I: Iterator<Item = H::In>> Iterator for Stream<'_, H, I> {
    type Item = (usize, Result<H::Out, Failure>);

    fn next(&mut self) -> Option<Self::Item> {
        while self.open < self.pool.window
            && let Some(inputs) = &mut self.inputs
        {
            let Some((place, input)) = inputs.next() else {
                self.inputs = None;
                break;
            };
            self.open += 1;
            self.pool.put(input, Call { place, to: self.to.clone() });
        }
        if self.open == 0 {
            return None;
        }
        self.open -= 1;
        // Who holds a sender is this.
        self.told.recv().ok()
    }
}

impl<H: Handler> Pool<H> {
    fn put(&self, input: H::In, call: Call<H::Out>) {
        let Some(number) = self.counter.open(call) else { return };
        let to: Arc<dyn Acknowledger> = self.counter.as_acknowledger();
        let entry = Entry::with_ticket(number, input, Ticket::new(to, 0, number));
        if let Err(failure) = self.handle.push(vec![entry]) {
            self.counter.hand_out(number, Err(failure));
        }
    }
}

/// Who waits for an item. There is room for what it waits for: telling it never waits.
struct Call<T> {
    place: usize,
    to: Sender<Told<T>>,
}

struct Calls<T> {
    open: HashMap<u64, Call<T>>,
    next: u64,
    waiting: usize,
    end: Option<Failure>,
}

/// Where results are handed out, each to who called for it.
struct Counter<T> {
    calls: Mutex<Calls<T>>,
    room: Condvar,
}

impl<T> Default for Counter<T> {
    fn default() -> Self {
        let calls = Calls { open: HashMap::new(), next: 0, waiting: 0, end: None };
        Self { calls: Mutex::new(calls), room: Condvar::new() }
    }
}

impl<T> Counter<T> {
    fn lock(&self) -> MutexGuard<'_, Calls<T>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for this call; `None` when it was told that the pool has ended.
    fn open(&self, call: Call<T>) -> Option<u64> {
        let mut calls = self.lock();
        while calls.end.is_none() && calls.open.len() >= CALLS_MAX {
            calls.waiting += 1;
            calls = self.room.wait(calls).unwrap_or_else(PoisonError::into_inner);
            calls.waiting -= 1;
        }
        if let Some(end) = calls.end.clone() {
            call.to.send((call.place, Err(end))).ok();
            return None;
        }
        let number = calls.next;
        calls.next += 1;
        calls.open.insert(number, call);
        Some(number)
    }

    /// Once for each number; whatever is said of it later is not heard. Nobody may listen any more.
    fn hand_out(&self, number: u64, result: Result<T, Failure>) {
        let mut calls = self.lock();
        let call = calls.open.remove(&number);
        if calls.waiting > 0 {
            self.room.notify_one();
        }
        drop(calls);
        if let Some(Call { place, to }) = call {
            to.send((place, result)).ok();
        }
    }

    /// The pool has ended: all who wait are told.
    fn close(&self, end: Failure) {
        let mut calls = self.lock();
        for (_, Call { place, to }) in calls.open.drain() {
            to.send((place, Err(end.clone()))).ok();
        }
        calls.end = Some(end);
        self.room.notify_all();
    }
}

impl<T: Send + 'static> Counter<T> {
    fn as_acknowledger(self: &Arc<Self>) -> Arc<dyn Acknowledger> {
        self.clone()
    }
}

impl<T: Send> Acknowledger for Counter<T> {
    fn ack(&self, _: u64, done: &[Acked], failed: &[Acked]) -> Result<(), Failure> {
        for acked in failed {
            let nothing = || Failure::item("it failed without a reason");
            self.hand_out(acked.data, Err(acked.failure.clone().unwrap_or_else(nothing)));
        }
        // What has a result was handed out before.
        for acked in done {
            self.hand_out(acked.data, Err(Failure::item("`on_failed` dropped it")));
        }
        Ok(())
    }
}

/// Hands results out.
struct Hand<T>(Arc<Counter<T>>);

impl<T: Clone + Send + Sync + 'static> BatchHandler for Hand<T> {
    type Config = Arc<Counter<T>>;
    type In = T;
    fn open(counter: &Self::Config) -> Result<Self, Failure> {
        Ok(Self(counter.clone()))
    }
    fn handle(
        &mut self,
        _: &BatchInfo,
        batch: &[Done<T>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        for done in batch {
            self.0.hand_out(done.ticket.data(), Ok(done.out.clone()));
        }
        Ok(())
    }
}

/// The source of a pipeline whose items are all pushed.
struct Nobody<T>(PhantomData<fn() -> T>);

impl<T: Send + Sync + 'static> Producer for Nobody<T> {
    type Item = T;
    fn produce(&mut self, _: Demand<'_>) -> Result<Supply<T>, Failure> {
        Ok(Supply::Idle(NEVER))
    }
}
