//! E: no batchers.

use crate::case::Case;
use crate::kit::{ids, next, pass, stop, ticket};
use pipelines::engine::tree::shapes::Process;
use std::num::NonZeroUsize;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds("E1", "no_batcher_exists", "no batcher is supervised", e1),
        Case::holds(
            "E2",
            "acked_by_the_processor",
            "what is done is acked by the processor, per chunk",
            e2,
        ),
    ]
}

fn e1() {
    let running = crate::kit::dummy().stage(pass()).start().unwrap();
    let heard = running.test_message(1).unwrap();
    assert_eq!(next(&heard).done.len(), 1);
    let batchers = |p: &Process| matches!(p, Process::Batcher(_) | Process::BatchProcessor { .. });
    assert!(running.topology().processes.iter().all(|member| !batchers(&member.process)));
    stop(running);
}

fn e2() {
    for (_, settings) in crate::kit::both() {
        let (to, heard) = ticket();
        let stage = pass().max_demand(NonZeroUsize::new(2).unwrap()).min_demand(1);
        let tally = crate::kit::counting(3, to).settings(settings).stage(stage).run().unwrap();
        assert_eq!((tally.produced, tally.done), (3, 3));
        let acked: Vec<_> = heard.try_iter().map(|heard| ids(&heard).0).collect();
        assert_eq!(acked, [[0], [1], [2]]);
    }
}
