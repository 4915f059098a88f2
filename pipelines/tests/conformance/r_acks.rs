//! R: acknowledgement when those who are asked or told do not do as they should.

use crate::case::Case;
use crate::kit::{
    both, counting, dummy, entries, find, ids, next, observer, pass, stage, stop, ticket,
};
use crate::q_buffers::flood;
use crate::waits::{all_ids, demanding};
use crossbeam_channel::bounded;
use pipelines::acknowledger::{Acked, Acknowledger, Ticket, listen};
use pipelines::engine::event::Event;
use pipelines::engine::judge::Decision;
use pipelines::message::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "R10",
            "the_first_ack_group_fails",
            "the second group hears nothing until it is next told of something, or hears at once",
            r10,
        ),
        Case::differs(
            "R11",
            "each_failure_is_judged",
            "who decides on failures answers for fewer than failed",
            "it is asked about one item at a time, so it cannot leave one out; if it panics, the item failed",
            r11,
        ),
        Case::differs(
            "R12",
            "fates_name_items_of_the_batch",
            "a batch handler answers for items twice, or for items it was not given",
            "it gives no items back, only fates: one counts once, and a foreign one fails the batch",
            r12,
        ),
        Case::holds(
            "R13",
            "an_overflow_is_accounted_for",
            "what a full buffer drops is counted as lost and told, or nothing is dropped",
            r13,
        ),
        Case::holds("R24", "an_observer_panics", "it is not called again, and nobody notices", r24),
    ]
}

/// Fails in one way or the other.
struct Broken {
    panics: bool,
}

impl Acknowledger for Broken {
    fn ack(&self, _: u64, _: &[Acked], _: &[Acked]) -> Result<(), Failure> {
        assert!(!self.panics, "it panics");
        Err(Failure::item("nobody is there"))
    }
}

fn r10() {
    for ((_, settings), panics) in
        both().into_iter().flat_map(|b| [false, true].map(|p| (b.clone(), p)))
    {
        let original = settings.as_the_original;
        let broken = Ticket::new(Arc::new(Broken { panics }), 1, 0);
        let ((to, heard), (observe, told)) = (listen(100), observer());
        let good = Ticket::new(to, 2, 0);
        let (hold, came, go) = crate::kit::barrier();
        let slow = stage(move |n, _| {
            hold.pass(*n);
            Ok(*n)
        });
        let stage = demanding(slow, 4, 2);
        let running = dummy().settings(settings).stage(stage).observed(observe).start().unwrap();
        // One chunk: an item of the broken one, and one of the good one; then a chunk of two good ones.
        let items = entries(1..2, &broken).into_iter().chain(entries(2..5, &good));
        running.push(items.collect()).unwrap();
        for n in 1..=2 {
            assert_eq!(next(&came), n);
            go.send(()).unwrap();
        }
        // The third is begun when the first chunk has been acknowledged.
        assert_eq!(next(&came), 3);
        let why = if panics { "it panicked" } else { "nobody is there" };
        let failed = find(&told, |event| match event {
            Event::AckFailed { reference, items, why } => Some((*reference, *items, why.clone())),
            _ => None,
        });
        assert_eq!(failed, (1, 1, why.to_owned()));
        assert_eq!(heard.len(), if original { 0 } else { 1 });
        drop(go);
        stop(running);
        let calls: Vec<_> = heard.try_iter().map(|heard| ids(&heard).0).collect();
        assert_eq!(calls, if original { vec![vec![2, 3, 4]] } else { vec![vec![2], vec![3, 4]] });
    }
}

fn r11() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let asked = Arc::new(AtomicU64::new(0));
        let count = asked.clone();
        let refuse = stage(|n, _| if n % 2 == 0 { Ok(*n) } else { Err(Failure::item("odd")) });
        let refuse = demanding(refuse, 6, 2).attempts(1).on_failed(move |failed| {
            count.fetch_add(1, Ordering::SeqCst);
            assert_ne!(failed.item % 3, 0, "it does not answer for this one");
            Decision::Fail
        });
        let tally = counting(30, to).settings(settings).stage(refuse).run().unwrap();
        assert_eq!((tally.done, tally.failed, asked.load(Ordering::SeqCst)), (15, 15, 15));
        let (done, failed) = all_ids(&heard);
        assert!(done.into_iter().eq((0..30).step_by(2)));
        assert!(failed.into_iter().eq((1..30).step_by(2)));
    }
}

fn r12() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let judged = Arc::new(AtomicU64::new(0));
        let count = judged.clone();
        let batch = crate::kit::batch(|_, items, fates| {
            match items[0].out {
                // Twice of one item: the last word counts.
                0 => ["first", "last"].iter().for_each(|why| fates.fail(1, Failure::item(why))),
                // Of an item that it was not given.
                2 => fates.fail(2, Failure::item("foreign")),
                _ => {}
            }
            Ok(())
        });
        let batch = batch.size(2).on_failed(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            Decision::Fail
        });
        let running =
            counting(6, to).settings(settings).stage(pass()).batch(batch).start().unwrap();
        let report = running.wait();
        assert_eq!((report.tally.done, report.tally.failed), (3, 3));
        assert_eq!((report.left.items(), report.failure), (0, None));
        let heard: Vec<_> = heard.try_iter().collect();
        assert_eq!(
            heard.iter().map(ids).collect::<Vec<_>>(),
            [(vec![0], vec![1]), (vec![], vec![2, 3]), (vec![4, 5], vec![])]
        );
        assert_eq!(heard[0].failed[0].failure, Some(Failure::item("last")));
        assert_eq!(judged.load(Ordering::SeqCst), 3, "each of them once");
    }
}

fn r13() {
    let (_, told, report) = flood();
    let discarded = told.try_iter().filter_map(|event| match event {
        Event::Discarded { items } => Some(items as u64),
        _ => None,
    });
    assert_eq!(discarded.sum::<u64>(), report.tally.lost);
    assert_eq!((report.tally.produced, report.tally.lost), (12_000, 1_990));
    // Ours refuses, and whoever pushes still has all of it.
    let ((to, heard), running) = (ticket(), dummy().stage(pass()).start().unwrap());
    assert!(running.push(entries(0..12_000, &to)).is_err());
    running.stop();
    let report = running.wait();
    assert_eq!((report.tally, heard.len()), (Default::default(), 0));
}

fn r24() {
    for (_, settings) in both() {
        let ((to, heard), (tell, calls)) = (ticket(), bounded(1_000));
        let observe = move |event: &Event| {
            tell.try_send(event.clone()).ok();
            panic!("it panics at once")
        };
        let (batch, _batches) = crate::kit::told_batches();
        let staged = counting(200, to).settings(settings).stage(demanding(pass().workers(2), 4, 2));
        let tally = staged.batch(batch.size(7)).observed(observe).run().unwrap();
        assert_eq!((tally.produced, tally.done), (200, 200));
        assert!(all_ids(&heard).0.into_iter().eq(0..200));
        // The first thing that happens is that a process is started, and then nobody else is there yet.
        assert_eq!(calls.len(), 1);
    }
}
