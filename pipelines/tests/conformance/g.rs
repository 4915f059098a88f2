//! G: partitions, with handlers that take now longer, now shorter.

use crate::case::Case;
use crate::kit::{
    Closure, Handled, NEVER, at_once, both, dummy, entries, hear, observer, stage, stop, ticket,
    told_batches,
};
use crossbeam_channel::Receiver;
use pipelines::engine::batcher::Trigger::{Drain, Flush, Size};
use pipelines::engine::event::Event;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::Desk;
use pipelines::pipeline::{Stage, Staged};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// Runs of each test: what is in order by luck once is not so each time.
const RUNS: u64 = 12;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "G1",
            "processors_keep_order",
            "1..8, two processors, partitioned by value: odd ones at one of them, even ones at the other, in order",
            g1,
        ),
        Case::holds(
            "G2",
            "batch_processors_keep_order",
            "1..12, batches of 2: [1,3] [5,7] [9,11] at one batch processor, the even ones at the other",
            g2,
        ),
        Case::holds(
            "G3",
            "partitions_and_keys",
            "16..23, another key from 20 on: [16,18] [17,19] [20,22] [21,23], by partition and key",
            g3,
        ),
        Case::holds(
            "G4",
            "each_level_has_its_own",
            "up to 6 or above: one processor and one batch processor each; or processors so and batches by parity",
            g4,
        ),
    ]
}

/// Takes its time, up to a fifth of a millisecond: another one for each number and run.
fn take_time(n: i64, run: u64) {
    let mixed = (n as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(run as u32 * 7 + 13);
    let until = Instant::now() + Duration::from_micros(mixed % 200);
    while Instant::now() < until {
        std::thread::yield_now();
    }
}

fn slow(run: u64, route: impl Fn(&i64, &mut Desk<'_>) + Send + Sync + 'static) -> Stage<Closure> {
    let stage = stage(move |n, desk| {
        take_time(*n, run);
        route(n, desk);
        Ok(*n)
    });
    at_once(stage, 1 + run as usize % 3).workers(2)
}

/// Pushes numbers together, waits until so many are acked, stops it, and with that flushes the rest; gives
/// what was told meanwhile.
fn run(pipeline: Staged<Closure>, items: RangeInclusive<i64>, wait_for: usize) -> Vec<Event> {
    let ((to, heard), (tell, told)) = (ticket(), observer());
    let running = pipeline.observed(tell).start().unwrap();
    running.push(entries(items, &to)).unwrap();
    hear(&heard, wait_for);
    stop(running);
    told.try_iter().collect()
}

/// The items that a processor did, in order.
fn done_by(events: &[Event], which: usize) -> Vec<u64> {
    let done = events.iter().filter_map(|event| match event {
        Event::ItemEnded { item, processor, error: None, .. } if *processor == which => Some(*item),
        _ => None,
    });
    done.collect()
}

/// The batches of a partition, in order; each was handled by the batch processor of that number.
fn partition(batches: &[Handled], which: usize) -> Vec<Vec<i64>> {
    let mine = batches.iter().filter(|(info, _)| info.partition == Some(which));
    mine.map(|(_, items)| items.clone()).collect()
}

fn check_places(events: &[Event]) {
    for event in events {
        if let Event::BatchStarted { process, info } = event {
            let index = info.partition.unwrap();
            assert_eq!(*process, Process::BatchProcessor { batcher: 0, index });
        }
    }
}

fn collected(told: &Receiver<Handled>) -> Vec<Handled> {
    told.try_iter().collect()
}

fn g1() {
    for seed in 0..RUNS {
        for (name, settings) in both() {
            let stage = slow(seed, |_, _| {}).partition_by(|n| *n as u64);
            let events = run(dummy().settings(settings).stage(stage), 1..=8, 8);
            assert_eq!(done_by(&events, 1), [1, 3, 5, 7], "{name} {seed}");
            assert_eq!(done_by(&events, 0), [2, 4, 6, 8], "{name} {seed}");
        }
    }
}

fn g2() {
    for seed in 0..RUNS {
        for (name, settings) in both() {
            let (batch, told) = told_batches();
            let stage = slow(seed, |_, _| {}).partition_by(|n| *n as u64);
            let batch = batch.size(2).within(NEVER).workers(2).partition_by(|n| *n as u64);
            let events = run(dummy().settings(settings).stage(stage).batch(batch), 1..=12, 12);
            let batches = collected(&told);
            assert!(batches.iter().all(|(info, _)| info.trigger == Size));
            assert_eq!(partition(&batches, 1), [[1, 3], [5, 7], [9, 11]], "{name} {seed}");
            assert_eq!(partition(&batches, 0), [[2, 4], [6, 8], [10, 12]], "{name} {seed}");
            check_places(&events);
        }
    }
}

fn g3() {
    let batches = |size: usize, wait_for: usize| {
        for seed in 0..RUNS {
            for (name, settings) in both() {
                let last = if settings.as_the_original { Flush } else { Drain };
                let (batch, told) = told_batches();
                let stage = slow(seed, |n, desk| desk.route.key = u64::from(*n >= 20));
                let stage = stage.partition_by(|n| *n as u64);
                let batch = batch.size(size).within(NEVER).workers(2).partition_by(|n| *n as u64);
                let pipeline = dummy().settings(settings).stage(stage).batch(batch);
                run(pipeline, 16..=23, wait_for);
                let batches = collected(&told);
                let trigger = if size == 2 { Size } else { last };
                for (info, items) in &batches {
                    assert_eq!((info.trigger, info.size), (trigger, 2), "{name} {seed}");
                    assert!(items.iter().all(|n| u64::from(*n >= 20) == info.key));
                }
                assert_eq!(partition(&batches, 0), [[16, 18], [20, 22]], "{name} {seed}");
                assert_eq!(partition(&batches, 1), [[17, 19], [21, 23]], "{name} {seed}");
            }
        }
    };
    batches(2, 8);
    // Not full: as at the end of the original's test.
    batches(4, 0);
}

fn g4() {
    let upper = |n: &i64| u64::from(*n > 6);
    for seed in 0..RUNS {
        for (name, settings) in both() {
            let (batch, told) = told_batches();
            let batch = batch.size(2).within(NEVER).workers(2).partition_by(upper);
            let stage = slow(seed, |_, _| {}).partition_by(upper);
            let pipeline = dummy().settings(settings.clone()).stage(stage).batch(batch);
            let events = run(pipeline, 1..=12, 12);
            assert_eq!(done_by(&events, 0), (1..=6).collect::<Vec<_>>(), "{name} {seed}");
            assert_eq!(done_by(&events, 1), (7..=12).collect::<Vec<_>>(), "{name} {seed}");
            let batches = collected(&told);
            assert_eq!(partition(&batches, 0), [[1, 2], [3, 4], [5, 6]], "{name} {seed}");
            assert_eq!(partition(&batches, 1), [[7, 8], [9, 10], [11, 12]], "{name} {seed}");
            check_places(&events);

            let (batch, told) = told_batches();
            let batch = batch.size(3).within(NEVER).workers(2).partition_by(|n| *n as u64);
            let stage = slow(seed, |_, _| {}).partition_by(upper);
            let pipeline = dummy().settings(settings).stage(stage).batch(batch);
            let events = run(pipeline, 1..=12, 12);
            assert_eq!(done_by(&events, 0), (1..=6).collect::<Vec<_>>(), "{name} {seed}");
            let batches = collected(&told);
            check_places(&events);
            for (parity, low, high) in [(0, [2, 4, 6], [8, 10, 12]), (1, [1, 3, 5], [7, 9, 11])] {
                let mut items = partition(&batches, parity).concat();
                // Of two processors, each keeps its own order.
                items.sort_by_key(|n| *n > 6);
                assert_eq!(items, [low, high].concat(), "{name} {seed}");
            }
        }
    }
}
