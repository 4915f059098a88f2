//! L: what becomes of a batch processor.

use crate::case::Case;
use crate::kit::{
    NEVER, at_once, batch, both, dummy, entries, find, ids, life, next, observer, pass, stop,
    ticket,
};
use pipelines::acknowledger::{Acked, Acknowledger, Ticket};
use pipelines::engine::batcher::BatchInfo;
use pipelines::engine::event::Event;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::{Done, Fates};
use pipelines::message::Failure;
use std::sync::Arc;

const FIRST: Process = Process::BatchProcessor { batcher: 0, index: 0 };

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "L1",
            "a_batch_handler_that_panics",
            "a batch handler panics, or returns an error: all of the batch fails, the process lives",
            l1,
        ),
        Case::differs(
            "L2",
            "a_fate_for_nobody",
            "a batch handler fails, or acks, a message that is not in its batch: all of it fails, the process lives",
            "a batch handler returns no messages, but it can still name one that is not there",
            l2,
        ),
        Case::holds(
            "L3",
            "a_bad_acknowledger",
            "an acknowledger fails over a batch: the process lives, the next batch is acked",
            l3,
        ),
        Case::holds(
            "L4",
            "a_broken_link",
            "a batch handler waits for a thread that dies: all of the batch fails, the process lives",
            l4,
        ),
    ]
}

/// Batches of 3: `act` is done with the one that begins with 1, the next is done well. Gives why those of
/// the first failed.
fn failures(
    act: impl Fn(&mut Fates<'_>) -> Result<(), Failure> + Clone + Send + Sync + 'static,
) -> Vec<String> {
    let mut said = Vec::new();
    for (name, settings) in both() {
        let ((to, heard), act) = (ticket(), act.clone());
        let handle = move |_: &BatchInfo, items: &[Done<i64>], fates: &mut Fates<'_>| {
            if items[0].out == 1 { act(fates) } else { Ok(()) }
        };
        let pipeline = dummy().settings(settings).stage(at_once(pass(), 3));
        let running = pipeline.batch(batch(handle).size(3).within(NEVER)).start().unwrap();
        running.push(entries(1..=3, &to)).unwrap();
        let ack = next(&heard);
        assert_eq!(ids(&ack), (vec![], vec![1, 2, 3]), "{name}");
        said.extend(ack.failed.into_iter().map(|acked| acked.failure.unwrap().what));
        running.push(entries(4..=6, &to)).unwrap();
        assert_eq!(ids(&next(&heard)), (vec![4, 5, 6], vec![]), "{name}");
        assert_eq!(life(&running, FIRST), 1, "{name}");
        stop(running);
        assert_eq!(heard.try_iter().count(), 0, "{name}: nothing is acked twice");
    }
    said.dedup();
    said
}

fn l1() {
    assert_eq!(failures(|_| panic!("no room")), ["no room"]);
    assert_eq!(failures(|_| Err(Failure::item("no room"))), ["no room"]);
}

fn l2() {
    let said = failures(|fates| {
        fates.fail(3, Failure::item("who?"));
        Ok(())
    });
    assert_eq!(said, ["the batch handler named item 3, counted from 0, but its batch is shorter"]);
    let said = failures(|fates| fates.ack_now(3));
    assert_eq!(said, ["the batch handler named item 3, counted from 0, but its batch is shorter"]);
}

struct Bad;

impl Acknowledger for Bad {
    fn ack(&self, _: u64, _: &[Acked], _: &[Acked]) -> Result<(), Failure> {
        panic!("no such table")
    }
}

fn l3() {
    for (name, settings) in both() {
        let ((to, heard), (tell, told)) = (ticket(), observer());
        let pipeline = dummy().settings(settings).stage(at_once(pass(), 2)).observed(tell);
        let pipeline = pipeline.batch(batch(|_, _, _| Ok(())).size(2).within(NEVER));
        let running = pipeline.start().unwrap();
        running.push(entries(1..=2, &Ticket::new(Arc::new(Bad), 5, 0))).unwrap();
        let items = find(&told, |event| match event {
            Event::AckFailed { reference: 5, items, .. } => Some(*items),
            _ => None,
        });
        assert_eq!(items, 2, "{name}");
        running.push(entries(3..=4, &to)).unwrap();
        assert_eq!(ids(&next(&heard)), (vec![3, 4], vec![]), "{name}");
        assert_eq!(life(&running, FIRST), 1, "{name}");
        stop(running);
    }
}

fn l4() {
    let said = failures(|_| {
        let helper = std::thread::spawn(|| panic!("the helper is gone"));
        helper.join().map_err(|_| Failure::item("a helper died"))
    });
    assert_eq!(said, ["a helper died"]);
    let said = failures(|_| {
        let helper = std::thread::spawn(|| panic!("the helper is gone"));
        helper.join().unwrap_or_else(|words| std::panic::resume_unwind(words));
        Ok(())
    });
    assert_eq!(said, ["the helper is gone"]);
}
