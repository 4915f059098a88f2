//! F: batching by a splitter of the user's.

use crate::case::Case;
use crate::f::{acks, by_batcher, by_key, came};
use crate::kit::{NEVER, at_once, both, dummy, pass, told_batches};
use pipelines::engine::batcher::Trigger::{Drain, Flush, Size, Timeout};
use pipelines::engine::batcher::{Cut, Split, Splitter};
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "F5",
            "custom_split_by_key",
            "a splitter that adds up values to 16: batches of 1 and 3, each key for itself",
            f5,
        ),
        Case::holds(
            "F6",
            "custom_split_by_batcher",
            "two batchers with a splitter each: 4 by size and then 1 by timeout; 3 and 2 by size",
            f6,
        ),
        Case::holds(
            "F7",
            "custom_split_and_flush",
            "4 messages that ask to be flushed, splitters not reached: 2 and 2, trigger flush",
            f7,
        ),
        Case::holds(
            "V1",
            "what_a_splitter_carries_on",
            "what a splitter returns with `emit` is not carried into the next batch, and the message that fills \
             a batch is in it, so it passes a ceiling in bytes (`Split::Custom`); mended by `Split::Carrying` \
             and by `Cut::EmitBefore`",
            || {
                carried_on();
                ceiling();
            },
        ),
    ]
}

/// Full as soon as its values add up to this much.
fn adding_up_to(limit: i64) -> Split<i64> {
    Split::Custom(Box::new(move || {
        let mut sum = 0;
        Box::new(move |n| {
            sum += n;
            if sum < limit { Cut::Cont } else { Cut::EmitWith }
        })
    }))
}

fn f5() {
    for (name, settings) in both() {
        let (batch, told) = told_batches();
        let pipeline = dummy().settings(settings).stage(by_key());
        let pipeline = pipeline.batch(batch.split(adding_up_to(16)).within(NEVER));
        let acks = acks(pipeline, [4, 17, 6, 19, 8, 2, 14], false, 7);
        assert_eq!(acks, [vec![2, 14], vec![4, 6, 8], vec![17], vec![19]], "{name}");
        let batches = [(1, vec![17]), (1, vec![19]), (0, vec![4, 6, 8]), (0, vec![2, 14])];
        assert_eq!(came(&told, 0), batches.map(|(key, items)| (key, Size, items)), "{name}");
    }
}

fn f6() {
    let within = Duration::from_millis(30);
    for (name, settings) in both() {
        let ((odd, odds), (even, evens)) = (told_batches(), told_batches());
        let pipeline = dummy().settings(settings).stage(at_once(by_batcher(), 10));
        let pipeline = pipeline.batch(odd.split(adding_up_to(16)).within(within));
        let pipeline = pipeline.batch(even.split(adding_up_to(12)).within(NEVER));
        let start = Instant::now();
        let acks = acks(pipeline, 1..=10, false, 10);
        assert!(start.elapsed() >= within, "{name}");
        assert_eq!(acks, [vec![1, 3, 5, 7], vec![2, 4, 6], vec![8, 10], vec![9]], "{name}");
        assert_eq!(came(&odds, 0), [(0, Size, vec![1, 3, 5, 7]), (0, Timeout, vec![9])], "{name}");
        assert_eq!(came(&evens, 1), [(0, Size, vec![2, 4, 6]), (0, Size, vec![8, 10])], "{name}");
    }
}

fn f7() {
    for (name, settings) in both() {
        let ((odd, odds), (even, evens)) = (told_batches(), told_batches());
        let pipeline = dummy().settings(settings).stage(at_once(by_batcher(), 4));
        let pipeline = pipeline.batch(odd.split(adding_up_to(16)).within(NEVER));
        let pipeline = pipeline.batch(even.split(adding_up_to(12)).within(NEVER));
        assert_eq!(acks(pipeline, 1..=4, true, 4), [[1, 3], [2, 4]], "{name}");
        assert_eq!(came(&odds, 0), [(0, Flush, vec![1, 3])], "{name}");
        assert_eq!(came(&evens, 1), [(0, Flush, vec![2, 4])], "{name}");
    }
}

/// Two to begin with, and five from then on, if it is asked again.
fn two_then_five() -> Splitter<i64> {
    let mut left = 2;
    Box::new(move |_| {
        left -= 1;
        if left > 0 {
            return Cut::Cont;
        }
        left = 5;
        Cut::EmitWith
    })
}

fn carried_on() {
    for (name, settings) in both() {
        let (batch, told) = told_batches();
        let batch = batch.split(Split::Custom(Box::new(two_then_five))).within(NEVER);
        let pipeline = dummy().settings(settings.clone()).stage(pass()).batch(batch);
        acks(pipeline, 1..=8, false, 8);
        let batches = [[1, 2], [3, 4], [5, 6], [7, 8]].map(|items| (0, Size, items.to_vec()));
        assert_eq!(came(&told, 0), batches, "{name}");

        let last = if settings.as_the_original { Flush } else { Drain };
        let (batch, told) = told_batches();
        let batch = batch.split(Split::Carrying(two_then_five())).within(NEVER);
        let pipeline = dummy().settings(settings).stage(pass()).batch(batch);
        acks(pipeline, 1..=8, false, 7);
        let batches = [(Size, vec![1, 2]), (Size, vec![3, 4, 5, 6, 7]), (last, vec![8])];
        assert_eq!(came(&told, 0), batches.map(|(trigger, items)| (0, trigger, items)), "{name}");
    }
}

fn ceiling() {
    // Their sizes in bytes.
    let messages = [60, 50, 100, 150, 10, 90, 70];
    for (name, settings) in both() {
        let (batch, told) = told_batches();
        let batch = batch.split(adding_up_to(100)).within(NEVER);
        let pipeline = dummy().settings(settings.clone()).stage(pass()).batch(batch);
        acks(pipeline, messages, false, 6);
        let batches: Vec<_> = came(&told, 0).into_iter().map(|(_, _, items)| items).collect();
        assert_eq!(batches, [vec![60, 50], vec![100], vec![150], vec![10, 90], vec![70]], "{name}");

        let (batch, told) = told_batches();
        let batch = batch.split(Split::bytes(100, |n| *n as u64)).within(NEVER);
        let pipeline = dummy().settings(settings).stage(pass()).batch(batch);
        acks(pipeline, messages, false, 6);
        let batches: Vec<_> = came(&told, 0).into_iter().map(|(_, _, items)| items).collect();
        let kept = [vec![60], vec![50], vec![100], vec![150], vec![10, 90], vec![70]];
        assert_eq!(batches, kept, "{name}: none passes 100 but one that does so by itself");
    }
}
