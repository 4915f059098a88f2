//! The batcher by table, after Broadway's own tests (F1–F9) and what was measured of it (V1), and against a
//! simple account of every item.

mod properties;

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;

const ODD: u64 = 1;

/// What went out, as key, trigger and items.
type Row = (u64, Trigger, Vec<u64>);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn tell(batcher: &mut Batcher<u64>, now: Instant, event: Event<u64>) -> Vec<Row> {
    let mut batches = Vec::new();
    batcher.step(now, event, &mut batches);
    for (info, items) in &batches {
        assert_eq!((info.size, info.batcher), (items.len(), batcher.number));
    }
    batches.into_iter().map(|(info, items)| (info.key, info.trigger, items)).collect()
}

fn bulk(key: u64, items: impl IntoIterator<Item = u64>) -> Event<u64> {
    Event::Items(items.into_iter().map(|item| (key, false, item)).collect())
}

fn flush(key: u64, items: impl IntoIterator<Item = u64>) -> Event<u64> {
    Event::Items(items.into_iter().map(|item| (key, true, item)).collect())
}

/// Each item has its parity as its key.
fn by_parity(flush: bool, items: impl IntoIterator<Item = u64>) -> Event<u64> {
    Event::Items(items.into_iter().map(|item| (item % 2, flush, item)).collect())
}

/// Broadway's way to write a splitter: an accumulator that starts with `init`, and a step.
fn folded(init: u64, step: fn(u64, u64) -> (Cut, u64)) -> Splitter<u64> {
    let mut acc = init;
    Box::new(move |item| {
        let (cut, next) = step(*item, acc);
        acc = next;
        cut
    })
}

fn fresh(init: u64, step: fn(u64, u64) -> (Cut, u64)) -> Split<u64> {
    Split::Custom(Box::new(move || folded(init, step)))
}

/// Full with the item that brings the sum to 16.
fn sum_16() -> Split<u64> {
    fresh(0, |item, sum| (if sum + item >= 16 { Cut::EmitWith } else { Cut::Cont }, sum + item))
}

/// Counts down from 2; a batch that is full asks for 5 in the next.
fn two_then_five(_: u64, left: u64) -> (Cut, u64) {
    if left == 1 { (Cut::EmitWith, 5) } else { (Cut::Cont, left - 1) }
}

#[test]
fn f1_two_batchers_each_with_its_own_size() {
    let now = Instant::now();
    let mut odd = Batcher::new(Split::Count(10), ms(1000)).number(0);
    let mut even = Batcher::new(Split::Count(5), ms(1000)).number(1);
    let size = |key| move |items: &[u64]| (key, Trigger::Size, items.to_vec());
    let (odds, evens): (Vec<_>, Vec<_>) = (1..=40).partition(|n| n % 2 == 1);
    let wanted: Vec<_> = odds.chunks(10).map(size(0)).collect();
    assert_eq!(tell(&mut odd, now, bulk(0, odds)), wanted);
    let wanted: Vec<_> = evens.chunks(5).map(size(0)).collect();
    assert_eq!(tell(&mut even, now, bulk(0, evens)), wanted);
}

#[test]
fn f2_a_list_of_items_to_flush_is_one_batch_of_each_batcher() {
    let now = Instant::now();
    for (items, number) in [(vec![1, 3, 5], 0), (vec![2, 4], 1)] {
        let mut batcher = Batcher::new(Split::Count(10), ms(1000)).number(number);
        let out = tell(&mut batcher, now, flush(0, items.clone()));
        assert_eq!(out, [(0, Trigger::Flush, items)]);
        assert_eq!(batcher.deadline(), None);
    }
}

#[test]
fn f3_keys_never_mix() {
    let mut batcher = Batcher::new(Split::Count(2), ms(1000));
    let out = tell(&mut batcher, Instant::now(), by_parity(false, 1..=4));
    assert_eq!(out, [(1, Trigger::Size, vec![1, 3]), (0, Trigger::Size, vec![2, 4])]);
}

#[test]
fn f4_keys_are_flushed_apart() {
    let mut batcher = Batcher::new(Split::Count(2), ms(1000));
    let out = tell(&mut batcher, Instant::now(), by_parity(true, 1..=2));
    assert_eq!(out, [(1, Trigger::Flush, vec![1]), (0, Trigger::Flush, vec![2])]);
}

#[test]
fn f5_a_splitter_counts_each_key_apart() {
    let mut batcher = Batcher::new(sum_16(), ms(1000));
    let items =
        [16, 1, 2, 5, 30, 10].map(|item| (u64::from(item != 16 && item != 30), false, item));
    let out = tell(&mut batcher, Instant::now(), Event::Items(items.to_vec()));
    let size = Trigger::Size;
    assert_eq!(out, [(0, size, vec![16]), (0, size, vec![30]), (1, size, vec![1, 2, 5, 10])]);
}

#[test]
fn f6_a_splitter_that_never_cuts_leaves_it_to_the_timer() {
    let start = Instant::now();
    let mut batcher = Batcher::new(sum_16(), ms(50));
    let out = tell(&mut batcher, start, bulk(0, [2, 4, 6, 8, 10]));
    assert_eq!(out, [(0, Trigger::Size, vec![2, 4, 6, 8])]);
    assert_eq!(tell(&mut batcher, start + ms(49), Event::Tick), []);
    let out = tell(&mut batcher, start + ms(50), Event::Tick);
    assert_eq!(out, [(0, Trigger::Timeout, vec![10])]);
}

#[test]
fn f7_a_flush_does_not_wait_for_the_splitter() {
    for items in [[1, 3], [2, 4]] {
        let mut batcher = Batcher::new(sum_16(), ms(1000));
        let out = tell(&mut batcher, Instant::now(), flush(0, items));
        assert_eq!(out, [(0, Trigger::Flush, items.to_vec())]);
    }
}

#[test]
fn f8_items_to_flush_that_come_one_by_one_are_batches_of_one() {
    let mut batcher = Batcher::new(Split::Count(2), ms(1000));
    for item in 1..=5 {
        let event = Event::Item { key: ODD, flush: true, item };
        let out = tell(&mut batcher, Instant::now(), event);
        assert_eq!(out, [(ODD, Trigger::Flush, vec![item])]);
    }
}

#[test]
fn f9_bulk_goes_by_size_and_the_rest_by_timeout() {
    let start = Instant::now();
    let mut batcher = Batcher::new(Split::Count(2), ms(50));
    let out = tell(&mut batcher, start, bulk(0, 1..=5));
    assert_eq!(out, [(0, Trigger::Size, vec![1, 2]), (0, Trigger::Size, vec![3, 4])]);
    let out = tell(&mut batcher, start + ms(50), Event::Tick);
    assert_eq!(out, [(0, Trigger::Timeout, vec![5])]);
}

#[test]
fn v1_a_custom_splitter_starts_afresh_and_a_carrying_one_goes_on() {
    let sizes = |split| -> Vec<_> {
        let mut batcher = Batcher::new(split, ms(1000)).at_end(Trigger::Flush);
        let now = Instant::now();
        let mut out = tell(&mut batcher, now, bulk(0, 1..=8));
        out.extend(tell(&mut batcher, now, Event::Flush));
        out.into_iter().map(|(_, trigger, items)| (items.len(), trigger)).collect()
    };
    assert_eq!(sizes(fresh(2, two_then_five)), [(2, Trigger::Size); 4]);
    let carried = [(2, Trigger::Size), (5, Trigger::Size), (1, Trigger::Flush)];
    assert_eq!(sizes(Split::Carrying(folded(2, two_then_five))), carried);
}

#[test]
fn a_byte_ceiling_holds() {
    let table: [(&[u64], &[&[u64]]); 6] = [
        (&[4, 4, 4], &[&[4, 4], &[4]]),
        (&[4, 6, 1], &[&[4, 6], &[1]]), // full to the byte: not later
        (&[4, 11, 1], &[&[4], &[11], &[1]]), // heavier than the ceiling: alone
        (&[0, 11, 0, 10, 0], &[&[0], &[11], &[0, 10], &[0]]),
        (&[u64::MAX, u64::MAX], &[&[u64::MAX], &[u64::MAX]]),
        (&[9, u64::MAX, 9], &[&[9], &[u64::MAX], &[9]]),
    ];
    for (weights, wanted) in table {
        let mut batcher = Batcher::new(Split::bytes(10, |weight| *weight), ms(1000));
        let now = Instant::now();
        let mut out = tell(&mut batcher, now, bulk(0, weights.iter().copied()));
        out.extend(tell(&mut batcher, now, Event::Flush));
        assert_eq!(out.into_iter().map(|(.., items)| items).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_flush_takes_along_what_was_there_and_what_its_run_brings() {
    let now = Instant::now();
    let (flush, size) = (Trigger::Flush, Trigger::Size);
    type List = &'static [(u64, bool, u64)];
    let table: [(List, Vec<Row>, usize); 6] = [
        (&[(0, true, 1), (0, false, 2)], vec![(0, flush, vec![0, 1, 2])], 0),
        (&[(0, true, 1), (1, false, 2), (0, false, 3)], vec![(0, flush, vec![0, 1])], 2),
        // What the size cuts off has gone; the rest of the run wishes nothing.
        (
            &[(0, true, 1), (0, false, 2), (0, false, 3), (0, false, 4)],
            vec![(0, size, vec![0, 1, 2, 3])],
            1,
        ),
        (&[(0, false, 1), (0, false, 2), (0, true, 3)], vec![(0, size, vec![0, 1, 2, 3])], 0),
        (&[(1, true, 1), (0, false, 2)], vec![(1, flush, vec![1])], 2),
        (&[(1, false, 1), (0, true, 2)], vec![(0, flush, vec![0, 2])], 1),
    ];
    for (list, wanted, held) in table {
        let mut batcher = Batcher::new(Split::Count(4), ms(1000));
        tell(&mut batcher, now, bulk(0, [0]));
        assert_eq!(tell(&mut batcher, now, Event::Items(list.to_vec())), wanted);
        assert_eq!(batcher.len(), held);
    }
}

#[test]
fn a_flush_is_not_carried_over_a_cut_before_the_next_item() {
    let list = |flushes: [bool; 2]| vec![(0, flushes[0], 6), (0, flushes[1], 6)];
    for (flushes, wanted) in [
        ([true, false], vec![(0, Trigger::Size, vec![6])]),
        ([false, true], vec![(0, Trigger::Size, vec![6]), (0, Trigger::Flush, vec![6])]),
    ] {
        let mut batcher = Batcher::new(Split::bytes(10, |weight| *weight), ms(1000));
        let out = tell(&mut batcher, Instant::now(), Event::Items(list(flushes)));
        assert_eq!(out, wanted);
    }
}

#[test]
fn the_timer_is_the_first_items_own() {
    let start = Instant::now();
    let mut batcher = Batcher::new(Split::Count(9), ms(50));
    assert_eq!(batcher.deadline(), None);
    tell(&mut batcher, start, bulk(0, [1]));
    tell(&mut batcher, start + ms(20), bulk(1, [2]));
    tell(&mut batcher, start + ms(40), bulk(0, [3]));
    assert_eq!(batcher.deadline(), Some(start + ms(50)));
    let out = tell(&mut batcher, start + ms(50), Event::Tick);
    assert_eq!(out, [(0, Trigger::Timeout, vec![1, 3])]);
    assert_eq!(batcher.deadline(), Some(start + ms(70)));
}

#[test]
fn a_clock_that_steps_back_or_a_wait_without_end_do_no_harm() {
    let start = Instant::now() + ms(1000);
    let mut batcher = Batcher::new(Split::Count(9), ms(50));
    tell(&mut batcher, start, bulk(0, [1]));
    tell(&mut batcher, start - ms(500), bulk(1, [2]));
    let out = tell(&mut batcher, start + ms(50), Event::Tick);
    assert_eq!(out, [(0, Trigger::Timeout, vec![1]), (1, Trigger::Timeout, vec![2])]);
    let mut patient = Batcher::new(Split::Count(9), Duration::MAX);
    tell(&mut patient, start, bulk(0, [1]));
    assert_eq!((patient.deadline(), patient.len()), (None, 1));
    assert_eq!(tell(&mut patient, start + ms(50), Event::Tick), []);
}

#[test]
fn r21_keys_are_bounded_if_asked() {
    let now = Instant::now();
    let mut batcher = Batcher::new(Split::Count(9), ms(50)).keys_max(Some(2));
    tell(&mut batcher, now, by_parity(false, 0..=3));
    let out = tell(&mut batcher, now, bulk(7, [4]));
    assert_eq!(out, [(0, Trigger::Keys, vec![0, 2])]);
    let mut unbounded = Batcher::new(Split::Count(9), ms(50));
    for key in 0..1000 {
        assert_eq!(tell(&mut unbounded, now, bulk(key, [key])), []);
    }
    assert_eq!(unbounded.len(), 1000);
}

#[test]
fn partitions_are_kept_apart_inside_a_key() {
    let mut batcher = Batcher::new(Split::Count(2), ms(50)).partitions(2, |item| item / 10);
    let (mut batches, now) = (Vec::new(), Instant::now());
    batcher.step(now, bulk(5, [0, 10, 20, 30, 40]), &mut batches);
    batcher.step(now, Event::Flush, &mut batches);
    let rows: Vec<_> =
        batches.into_iter().map(|(i, items)| (i.partition, i.trigger, items)).collect();
    let wanted = [
        (Some(0), Trigger::Size, vec![0, 20]),
        (Some(1), Trigger::Size, vec![10, 30]),
        (Some(0), Trigger::Drain, vec![40]),
    ];
    assert_eq!(rows, wanted);
}

#[test]
fn what_is_cleared_does_not_come_out() {
    let now = Instant::now();
    let mut batcher = Batcher::new(Split::Count(3), ms(50));
    tell(&mut batcher, now, bulk(0, 1..=5));
    assert_eq!((batcher.clear(), batcher.len(), batcher.deadline()), (2, 0, None));
    assert_eq!(tell(&mut batcher, now, Event::Flush), []);
    let out = tell(&mut batcher, now, bulk(0, 6..=8));
    assert_eq!(out, [(0, Trigger::Size, vec![6, 7, 8])]);
}

#[test]
fn a_splitter_that_panics_costs_only_the_item_it_was_asked_of() {
    let sum = Split::weight(10, |item| if *item == 0 { panic!("no weight") } else { *item });
    let (mut batcher, now) = (Batcher::new(sum, ms(50)), Instant::now());
    for key in [0, 1] {
        let zero = std::panic::AssertUnwindSafe(|| tell(&mut batcher, now, bulk(key, [0])));
        assert!(std::panic::catch_unwind(zero).is_err());
        tell(&mut batcher, now, bulk(0, [3]));
    }
    assert_eq!(tell(&mut batcher, now, Event::Flush), [(0, Trigger::Drain, vec![3, 3])]);
    assert!(batcher.is_empty());
}

#[test]
fn triggers_have_one_spelling() {
    use Trigger::{Drain, Flush, Keys, Size, Timeout};
    for trigger in [Size, Timeout, Flush, Drain, Keys] {
        let json = serde_json::to_string(&trigger).expect("it is a word");
        assert_eq!(json, format!("\"{trigger}\""));
    }
}
