//! A hand on a pipeline, for tests and for the pipeline's own handlers.

use crate::kit::{Closure, PATIENCE, observer};
use crossbeam_channel::Receiver;
use pipelines::acknowledger::Ticket;
use pipelines::engine::event::Event;
use pipelines::engine::running::{Handle, Running};
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::{Desk, Handler};
use pipelines::message::ItemId;
use pipelines::pipeline::{Stage, Staged};
use pipelines::producer::Entry;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// Starts it; gives it with what it tells of itself.
pub(crate) fn begin<H: Handler<In = i64>>(staged: Staged<H>) -> (Running<i64>, Receiver<Event>) {
    let (observe, told) = observer();
    (staged.observed(observe).start().unwrap(), told)
}

/// Looks until it is so, or the test fails.
pub(crate) fn until(mut so: impl FnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < late, "it never came to be so");
        std::thread::yield_now();
    }
}

/// A hand on a pipeline for its own handlers, which are made before it is.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<OnceLock<Handle<i64>>>);

impl Hand {
    /// This is the pipeline.
    pub(crate) fn reach(&self, running: &Running<i64>) {
        self.0.set(running.handle()).ok();
    }
    /// Kills a process of it.
    pub(crate) fn kill(&self, process: Process) {
        assert!(self.0.wait().kill(process), "{process} is there");
    }
    /// Kills the processor in whose thread this is, and goes with it.
    pub(crate) fn kill_me(&self, desk: &Desk<'_>) -> ! {
        self.kill(me());
        desk.point();
        unreachable!("who was killed goes at a fault point")
    }
}

/// The process in whose thread this is.
pub(crate) fn me() -> Process {
    let thread = std::thread::current();
    thread.name().and_then(|name| name.parse().ok()).expect("a process' thread has its name")
}

/// This many items at most in a worker's hands, of which it does `max - min` at one go.
pub(crate) fn demanding(stage: Stage<Closure>, max: usize, min: usize) -> Stage<Closure> {
    stage.max_demand(NonZeroUsize::new(max).unwrap()).min_demand(min)
}

/// Items to push; their ids count from `first`.
pub(crate) fn listed(first: ItemId, items: &[i64], to: &Ticket) -> Vec<Entry<i64>> {
    let entry = |(id, item): (ItemId, &i64)| Entry::with_ticket(id, *item, to.clone());
    (first..).zip(items).map(entry).collect()
}
