//! What a run tells of itself: everything that Broadway's telemetry emits, and what it lacks.

use super::batcher::BatchInfo;
use super::tree::shapes::Process;
use crate::message::{Death, ItemId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How a supervised process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// There was nothing left for it to do.
    Finished,
    /// It was told to leave, and did.
    Left,
    /// It was killed.
    Killed,
    /// It died of an item that it held.
    Fell,
    /// It panicked.
    Panicked(String),
    /// It could not start.
    NotStarted(String),
    /// It did not leave in time; what it still does counts for nothing.
    Abandoned,
}

/// Where a drain stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainPhase {
    /// Producers give what they have in hand.
    Producers,
    /// Everything is settled.
    Done,
    /// The deadline passed first.
    Late,
}

/// Something that happened in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The tree is up.
    Started,
    /// A supervised process starts, for the `incarnation`th time, from 1.
    ProcessStarted {
        /// Which.
        process: Process,
        /// From 1.
        incarnation: u32,
    },
    /// A supervised process ended.
    ProcessEnded {
        /// Which.
        process: Process,
        /// Which incarnation of it.
        incarnation: u32,
        /// How.
        ending: Ending,
    },
    /// A supervisor had more restarts than it may; with it the run, if it was the highest.
    GaveUp {
        /// The supervisor's name.
        tree: String,
    },
    /// A producer was asked.
    Demanded {
        /// Which, from 0.
        producer: usize,
        /// For how many items.
        items: usize,
    },
    /// A producer gave items.
    Produced {
        /// Which, from 0.
        producer: usize,
        /// How many.
        items: usize,
        /// Items that wait for a processor now.
        waiting: usize,
    },
    /// A buffer was full and its oldest items were dropped (as in Broadway).
    Discarded {
        /// How many.
        items: usize,
    },
    /// A processor begins with a chunk.
    ChunkStarted {
        /// Which, from 0.
        processor: usize,
        /// How many items.
        items: usize,
    },
    /// A processor is through with a chunk.
    ChunkEnded {
        /// Which, from 0.
        processor: usize,
        /// Items that go on or are acknowledged.
        done: usize,
        /// Items that failed.
        failed: usize,
        /// How long it took.
        took: Duration,
    },
    /// A handler is done with an item, well or not.
    ItemEnded {
        /// Which.
        item: ItemId,
        /// Which attempt, from 0.
        attempt: u32,
        /// By which processor, from 0.
        processor: usize,
        /// What went wrong; `None` when nothing did.
        error: Option<(Death, String)>,
        /// The handler's own time.
        took: Duration,
    },
    /// Whoever decides on failures is asked, about this item.
    FailureJudged {
        /// Which.
        item: ItemId,
        /// What was decided.
        decision: &'static str,
        /// What the decider said when it panicked; the item failed then.
        panic: Option<String>,
        /// How long it took.
        took: Duration,
    },
    /// Items came to a batcher.
    Batching {
        /// Which, from 0.
        batcher: usize,
        /// How many.
        items: usize,
    },
    /// A batch is handled.
    BatchStarted {
        /// By which process.
        process: Process,
        /// Which batch.
        info: BatchInfo,
    },
    /// A batch was handled, and its items acknowledged.
    BatchEnded {
        /// By which process.
        process: Process,
        /// Which batch.
        info: BatchInfo,
        /// Items that were done.
        done: usize,
        /// Items that failed.
        failed: usize,
        /// How long it took.
        took: Duration,
    },
    /// An acknowledger failed.
    AckFailed {
        /// Of which reference.
        reference: u64,
        /// Items whose acknowledger was not told.
        items: usize,
        /// What it said.
        why: String,
    },
    /// Items died with who held them: hand-over.
    Lost {
        /// Who held them.
        process: Process,
        /// How many.
        items: usize,
    },
    /// Items came back from one who died or left: leases.
    Returned {
        /// Who held them.
        process: Process,
        /// How many.
        items: usize,
    },
    /// The rate limit was reached; nothing is let through until then.
    LimiterClosed {
        /// Until when.
        until: Instant,
    },
    /// The rate limit lets items through again.
    LimiterOpened,
    /// Nothing new is begun until it is resumed.
    Paused,
    /// It goes on.
    Resumed,
    /// A drain comes along.
    Drain(DrainPhase),
}

/// Is told of events, outside every lock. One that panics is not called again.
pub type Observe = dyn Fn(&Event) + Send + Sync;

/// Holds an observer, or none.
#[derive(Clone, Default)]
pub(crate) struct Observer(Option<Arc<(Box<Observe>, AtomicBool)>>);

impl Observer {
    pub(crate) fn new(observe: Box<Observe>) -> Self {
        Self(Some(Arc::new((observe, AtomicBool::new(true)))))
    }

    /// Tells, if anybody listens.
    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        let Some(observer) = &self.0 else { return };
        let (observe, attached) = &**observer;
        if attached.load(Ordering::Relaxed)
            && catch_unwind(AssertUnwindSafe(|| observe(&event()))).is_err()
        {
            attached.store(false, Ordering::Relaxed);
        }
    }
}
