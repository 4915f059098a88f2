//! What Q and R wait for, and what they look at.

use crate::kit::{Closure, PATIENCE, find, ids};
use crossbeam_channel::Receiver;
use pipelines::acknowledger::Heard;
use pipelines::engine::event::Event;
use pipelines::engine::roster::Member;
use pipelines::engine::running::Handle;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::ItemId;
use pipelines::pipeline::Stage;
use std::num::NonZeroUsize;
use std::time::Instant;

/// Looks until it is so, or the test fails.
pub(crate) fn until(mut so: impl FnMut() -> bool) {
    let late = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < late, "it never came to be so");
        std::thread::yield_now();
    }
}

/// Waits until a process is in this life of it.
pub(crate) fn until_life(handle: &Handle<i64>, process: Process, life: u32) {
    let there = |m: &Member| (m.process, m.incarnation) == (process, life);
    until(|| handle.topology().processes.iter().any(there));
}

/// Waits until the tree is up.
pub(crate) fn is_up(told: &Receiver<Event>) {
    find(told, |event| (*event == Event::Started).then_some(()));
}

/// This many items at most in a worker's hands, of which it does `max - min` at one go.
pub(crate) fn demanding(stage: Stage<Closure>, max: usize, min: usize) -> Stage<Closure> {
    stage.max_demand(NonZeroUsize::new(max).expect("some")).min_demand(min)
}

/// All ids that were acknowledged until now, as done and as failed, each sorted.
pub(crate) fn all_ids(heard: &Receiver<Heard>) -> (Vec<ItemId>, Vec<ItemId>) {
    let (mut done, mut failed) = (vec![], vec![]);
    for (well, badly) in heard.try_iter().map(|heard| ids(&heard)) {
        done.extend(well);
        failed.extend(badly);
    }
    done.sort_unstable();
    failed.sort_unstable();
    (done, failed)
}
