//! D: what becomes of the single items of a chunk. What is told of them is in `d_told.rs`.

use crate::case::Case;
use crate::fed::up;
use crate::heard::{data, data_of};
use crate::kit::{
    Closure, NEVER, at_once, batch, both, dummy, find, ids, life, next, pass, stage, stop, ticket,
    told_batches,
};
use pipelines::acknowledger::{Acked, Acknowledger, Ticket};
use pipelines::engine::event::Event;
use pipelines::engine::running::Running;
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::Desk;
use pipelines::message::Failure;
use pipelines::pipeline::Stage;
use pipelines::producer::Entry;
use std::sync::Arc;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "D1",
            "done",
            "two items are done: their batch has both, both are acknowledged",
            d1,
        ),
        Case::holds(
            "D2",
            "failed_by_its_handler",
            "a handler fails an item: acknowledged with the reason, wherever it was to be sent",
            d2,
        ),
        Case::holds(
            "D3",
            "failed_items_go_no_further",
            "two of four items fail: the batch has the others; the failed ones are acknowledged by themselves",
            d3,
        ),
        Case::holds(
            "D4",
            "a_panic_costs_one_item",
            "a handler panics over one of three items: that one fails, the processor lives, and it is told",
            d4,
        ),
        Case::differs(
            "D5",
            "a_result_that_is_too_large",
            "a handler gives back what it may not: that item fails and it is told why",
            "another type does not compile; what remains is a result that is larger than its slot",
            d5,
        ),
        Case::holds(
            "D6",
            "an_unknown_batcher",
            "a handler sends an item to a batcher that is not there: as after a panic; the error says which \
             there are",
            d6,
        ),
        Case::differs(
            "D7",
            "what_a_batch_handler_says_nothing_of",
            "a batch handler drops one of three items",
            "it gives none back but names those that failed, so that it can forget none: the others were done",
            d7,
        ),
        Case::holds(
            "D8",
            "a_bad_acknowledger",
            "one of three acknowledgers fails: the others are told, that is reported, the processor lives",
            d8,
        ),
        Case::holds(
            "D9",
            "a_helper_that_dies",
            "a handler waits for a thread of its own, which dies: that item fails, the processor lives",
            d9,
        ),
    ]
}

fn d1() {
    for (_, settings) in both() {
        let (batch, told) = told_batches();
        let stage = at_once(pass(), 2);
        let running = dummy().settings(settings).stage(stage).batch(batch.size(2)).start().unwrap();
        let heard = running.test_batch(vec![1, 2]).unwrap();
        assert_eq!(next(&told).1, [1, 2]);
        assert_eq!(data(&next(&heard)), (vec![0, 1], vec![]));
        stop(running);
        assert_eq!((heard.len(), told.len()), (0, 0));
    }
}

fn d2() {
    for (_, settings) in both() {
        let stage = stage(|_, desk: &mut Desk<'_>| {
            desk.route.batcher = 9;
            Err(Failure::item("not today"))
        });
        let (batch, told) = told_batches();
        let running = dummy().settings(settings).stage(stage).batch(batch).start().unwrap();
        let heard = running.test_message(1).unwrap();
        assert_eq!(data(&next(&heard)), (vec![], vec![(0, "not today".to_owned())]));
        stop(running);
        assert_eq!((heard.len(), told.len()), (0, 0));
    }
}

fn negative(n: &i64, _: &mut Desk<'_>) -> Result<i64, Failure> {
    if *n < 0 { Err(Failure::item("negative")) } else { Ok(*n) }
}

fn d3() {
    for (_, settings) in both() {
        let (batch, told) = told_batches();
        let stage = at_once(stage(negative), 4).attempts(1);
        let running = dummy().settings(settings).stage(stage).batch(batch.size(2)).start().unwrap();
        let heard = running.test_batch(vec![1, -1, -2, 4]).unwrap();
        let failed = [1, 2].map(|n| (n, "negative".to_owned())).into();
        assert_eq!(data(&next(&heard)), (vec![], failed));
        assert_eq!(next(&told).1, [1, 4]);
        assert_eq!(data(&next(&heard)), (vec![0, 3], vec![]));
        stop(running);
        assert_eq!((heard.len(), told.len()), (0, 0));
    }
}

/// Of three items `stage` fails the second, with these words; the others are done, and then a fourth by the
/// same processor.
fn check_second_fails(settings: Settings, stage: Stage<Closure>, words: &str) {
    let original = settings.as_the_original;
    let (batch, told) = told_batches();
    let staged = dummy().settings(settings).stage(at_once(stage, 3)).batch(batch.size(2));
    let (running, events) = up(staged);
    let heard = running.test_batch(vec![1, 2, 3]).unwrap();
    // In the original this would have been logged. Ours tries it three times.
    for _ in 0..if original { 1 } else { 3 } {
        let error = find(&events, |event| match event {
            Event::ItemEnded { error: Some((_, words)), .. } => Some(words.clone()),
            _ => None,
        });
        assert_eq!(error, words);
    }
    assert_eq!(data_of(&heard, 3), (vec![0, 2], vec![(1, words.to_owned())]));
    assert_eq!(next(&told).1, [1, 3]);
    check_lives(running);
}

/// Its processor is in its first life, and does one more.
fn check_lives(running: Running<i64>) {
    assert_eq!(life(&running, Process::Processor(0)), 1);
    assert_eq!(data(&next(&running.test_message(4).unwrap())), (vec![0], vec![]));
    stop(running);
}

fn d4() {
    for (_, settings) in both() {
        let stage = stage(|n, _| {
            assert!(*n != 2, "boom");
            Ok(*n)
        });
        check_second_fails(settings, stage, "the handler panicked: boom");
    }
}

fn d5() {
    for (_, settings) in both() {
        let stage = stage(|n, desk| {
            let bytes = if *n == 2 { (1 << 20) + 1 } else { 8 };
            desk.write(bytes, |slot| Ok(slot.len()))?;
            Ok(*n)
        });
        let words = "a result of 1048577 bytes, but a slot holds 1048576";
        check_second_fails(settings, stage, words);
    }
}

fn d6() {
    for (_, settings) in both() {
        let stage = stage(|n, desk| {
            desk.route.batcher = if *n == 2 { 9 } else { 0 };
            Ok(*n)
        });
        let words = "it was sent to batcher 9, but there are only 1, from 0";
        check_second_fails(settings, stage, words);
    }
}

fn d7() {
    for (_, settings) in both() {
        // Says of one that it failed, and nothing of the others.
        let batch = batch(|_, items, fates| {
            if items[1].out == 2 {
                fates.fail(1, Failure::item("not this one"));
            }
            Ok(())
        });
        let batch = batch.size(3).within(NEVER);
        let (running, _) = up(dummy().settings(settings).stage(pass()).batch(batch));
        let fates = |items: [i64; 3]| data(&next(&running.test_batch(items.into()).unwrap()));
        assert_eq!(fates([1, 2, 3]), (vec![0, 2], vec![(1, "not this one".to_owned())]));
        assert_eq!(fates([1, 4, 3]), (vec![0, 1, 2], vec![]));
        assert_eq!(life(&running, Process::BatchProcessor { batcher: 0, index: 0 }), 1);
        let handle = running.handle();
        stop(running);
        let tally = handle.topology().tally;
        assert_eq!((tally.done, tally.failed), (5, 1));
    }
}

/// Tells nobody, in one of two ways.
struct Broken {
    panics: bool,
}

impl Acknowledger for Broken {
    fn ack(&self, _: u64, _: &[Acked], _: &[Acked]) -> Result<(), Failure> {
        assert!(!self.panics, "boom");
        Err(Failure::item("nobody is there"))
    }
}

fn d8() {
    for (_, settings) in both() {
        for (panics, words) in [(true, "it panicked"), (false, "nobody is there")] {
            let staged = dummy().settings(settings.clone()).stage(at_once(pass(), 3));
            let (running, events) = up(staged);
            let (good, heard) = ticket();
            let bad = Ticket::new(Arc::new(Broken { panics }), 6, 0);
            let to = [good.clone(), bad, good];
            let entry = |(id, to)| Entry::with_ticket(id, 1, to);
            running.push((0..).zip(to).map(entry).collect()).unwrap();
            assert_eq!(ids(&next(&heard)), (vec![0, 2], vec![]));
            let failed = find(&events, |event| match event {
                Event::AckFailed { reference, items, why } => {
                    Some((*reference, *items, why.clone()))
                }
                _ => None,
            });
            assert_eq!(failed, (6, 1, words.to_owned()));
            check_lives(running);
        }
    }
}

fn d9() {
    for (_, settings) in both() {
        let stage = stage(|n, _| {
            let n = *n;
            let helper = std::thread::spawn(move || {
                assert!(n != 2, "the helper is gone");
                n
            });
            helper.join().map_err(|_| Failure::item("the helper died"))
        });
        check_second_fails(settings.clone(), stage, "the helper died");
        // The same, if its end is not looked at.
        let stage = crate::kit::stage(|n, _| {
            let n = *n;
            let helper = std::thread::spawn(move || assert!(n != 2, "the helper is gone"));
            if helper.join().is_err() {
                panic!("the helper died");
            }
            Ok(n)
        });
        check_second_fails(settings, stage, "the handler panicked: the helper died");
    }
}
