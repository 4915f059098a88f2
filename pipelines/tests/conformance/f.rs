//! F: batching.

use crate::case::Case;
use crate::kit::{
    Closure, Handled, NEVER, at_once, both, dummy, entries, hear, ids, pass, stage, stop, ticket,
    told_batches,
};
use crossbeam_channel::Receiver;
use pipelines::engine::batcher::Trigger::{self, Flush, Size, Timeout};
use pipelines::message::ItemId;
use pipelines::pipeline::{Stage, Staged};
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "F1",
            "full_batches_of_two_batchers",
            "40 messages, odd ones in tens and even ones in fives: exact batches, trigger size, one ack each",
            f1,
        ),
        Case::holds(
            "F2",
            "flush_with_two_batchers",
            "5 messages that ask to be flushed: an odd batch of 3 and an even one of 2, trigger flush",
            f2,
        ),
        Case::holds(
            "F3",
            "keys_do_not_mix",
            "keys odd and even, size 2: a batch has one key and says which, with size and trigger",
            f3,
        ),
        Case::holds(
            "F4",
            "flush_by_key",
            "2 messages of two keys are flushed: two batches, two acks",
            f4,
        ),
        Case::holds(
            "F8",
            "flushed_one_by_one",
            "5 messages that ask to be flushed and come one by one: 5 batches, 5 acks",
            f8,
        ),
        Case::holds(
            "F9",
            "bulk_and_the_rest_by_timeout",
            "5 messages, size 2: two batches by size, then one message by timeout, not before its time",
            f9,
        ),
    ]
}

/// Odd numbers to batcher 0, even ones to batcher 1.
pub(crate) fn by_batcher() -> Stage<Closure> {
    stage(|n, desk| {
        desk.route.batcher = u8::from(n % 2 == 0);
        Ok(*n)
    })
}

/// Odd numbers get key 1, even ones 0.
pub(crate) fn by_key() -> Stage<Closure> {
    stage(|n, desk| {
        desk.route.key = (n % 2) as u64;
        Ok(*n)
    })
}

/// Starts it, pushes numbers together, waits until so many are acked, stops it. All are done; gives the
/// acks, ordered by their first.
pub(crate) fn acks(
    pipeline: Staged<Closure>,
    items: impl IntoIterator<Item = i64>,
    flush: bool,
    wait_for: usize,
) -> Vec<Vec<ItemId>> {
    let (to, heard) = ticket();
    let running = pipeline.start().unwrap();
    let mut items = entries(items, &to);
    items.iter_mut().for_each(|entry| entry.route.flush = flush);
    running.push(items).unwrap();
    let mut acks = hear(&heard, wait_for);
    stop(running);
    acks.extend(heard.try_iter().map(|ack| ids(&ack)));
    assert!(acks.iter().all(|(_, failed)| failed.is_empty()));
    let mut acks: Vec<_> = acks.into_iter().map(|(done, _)| done).collect();
    acks.sort();
    acks
}

/// The batches of a batcher in the order in which they were handled: key, trigger, items.
pub(crate) fn came(told: &Receiver<Handled>, batcher: u8) -> Vec<(u64, Trigger, Vec<i64>)> {
    let batch = |(info, items): Handled| {
        assert_eq!((info.batcher, info.partition, info.size), (batcher, None, items.len()));
        (info.key, info.trigger, items)
    };
    told.try_iter().map(batch).collect()
}

fn every_second(from: i64, count: i64) -> Vec<i64> {
    (0..count).map(|n| from + 2 * n).collect()
}

fn f1() {
    for (name, settings) in both() {
        let ((odd, odds), (even, evens)) = (told_batches(), told_batches());
        let pipeline = dummy().settings(settings).stage(at_once(by_batcher(), 7));
        let pipeline = pipeline.batch(odd.size(10).within(NEVER)).batch(even.size(5).within(NEVER));
        let acks = acks(pipeline, 1..=40, false, 40);
        let of = |from, count| (0, Size, every_second(from, count));
        assert_eq!(came(&odds, 0), [of(1, 10), of(21, 10)], "{name}");
        assert_eq!(came(&evens, 1), [of(2, 5), of(12, 5), of(22, 5), of(32, 5)], "{name}");
        let firsts: Vec<_> = acks.iter().map(|ack| (ack[0], ack.len())).collect();
        assert_eq!(firsts, [(1, 10), (2, 5), (12, 5), (21, 10), (22, 5), (32, 5)], "{name}");
    }
}

fn f2() {
    for (name, settings) in both() {
        let ((odd, odds), (even, evens)) = (told_batches(), told_batches());
        let pipeline = dummy().settings(settings).stage(at_once(by_batcher(), 5));
        let pipeline = pipeline.batch(odd.size(10).within(NEVER)).batch(even.size(5).within(NEVER));
        assert_eq!(acks(pipeline, 1..=5, true, 5), [vec![1, 3, 5], vec![2, 4]], "{name}");
        assert_eq!(came(&odds, 0), [(0, Flush, vec![1, 3, 5])], "{name}");
        assert_eq!(came(&evens, 1), [(0, Flush, vec![2, 4])], "{name}");
    }
}

fn f3() {
    for (name, settings) in both() {
        let (batch, told) = told_batches();
        let pipeline =
            dummy().settings(settings).stage(by_key()).batch(batch.size(2).within(NEVER));
        let acks = acks(pipeline, 1..=8, false, 8);
        assert_eq!(acks, [[1, 3], [2, 4], [5, 7], [6, 8]], "{name}");
        let batches = [(1, vec![1, 3]), (0, vec![2, 4]), (1, vec![5, 7]), (0, vec![6, 8])];
        assert_eq!(came(&told, 0), batches.map(|(key, items)| (key, Size, items)), "{name}");
    }
}

fn f4() {
    for (name, settings) in both() {
        let (batch, told) = told_batches();
        let pipeline = dummy().settings(settings).stage(at_once(by_key(), 2));
        let pipeline = pipeline.batch(batch.size(10).within(NEVER));
        assert_eq!(acks(pipeline, 1..=2, true, 2), [[1], [2]], "{name}");
        assert_eq!(came(&told, 0), [(1, Flush, vec![1]), (0, Flush, vec![2])], "{name}");
    }
}

fn f8() {
    for (name, settings) in both() {
        let (batch, told) = told_batches();
        let pipeline = dummy().settings(settings).stage(at_once(pass(), 1));
        let pipeline = pipeline.batch(batch.size(2).within(NEVER));
        assert_eq!(acks(pipeline, 1..=5, true, 5), [[1], [2], [3], [4], [5]], "{name}");
        let batches = [1, 2, 3, 4, 5].map(|n| (0, Flush, vec![n]));
        assert_eq!(came(&told, 0), batches, "{name}");
    }
}

fn f9() {
    let within = Duration::from_millis(30);
    for (name, settings) in both() {
        let (batch, told) = told_batches();
        let pipeline = dummy().settings(settings).stage(at_once(pass(), 5));
        let pipeline = pipeline.batch(batch.size(2).within(within));
        let start = Instant::now();
        assert_eq!(acks(pipeline, 1..=5, false, 5), [vec![1, 2], vec![3, 4], vec![5]], "{name}");
        assert!(start.elapsed() >= within, "{name}");
        let batches = [(0, Size, vec![1, 2]), (0, Size, vec![3, 4]), (0, Timeout, vec![5])];
        assert_eq!(came(&told, 0), batches, "{name}");
    }
}
