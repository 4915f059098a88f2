//! Wells that can be dug once or again, and transformers that fail in both manners.

use super::*;
use crate::acknowledger::{Ticket, listen};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Gives the numbers that it has, then is idle once, then drained.
struct Numbers {
    left: std::ops::Range<u64>,
    idle: bool,
    ticket: Ticket,
    closed: Arc<AtomicUsize>,
}

impl Numbers {
    fn to(end: u64) -> Self {
        Self { left: 0..end, idle: true, ticket: Ticket::default(), closed: Arc::default() }
    }
    fn entry(&self, id: u64) -> Entry<u64> {
        Entry::with_ticket(id, id, self.ticket.clone())
    }
}

impl Producer for Numbers {
    type Item = u64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<u64>, Failure> {
        let ids: Vec<_> = self.left.by_ref().take(demand.count()).collect();
        if !ids.is_empty() {
            return Ok(Supply::Items(ids.into_iter().map(|id| self.entry(id)).collect()));
        }
        let first = std::mem::take(&mut self.idle);
        Ok(if first { Supply::Idle(Duration::from_secs(9)) } else { Supply::Drained })
    }
    fn prepare_for_draining(&mut self) -> Vec<Entry<u64>> {
        let left = self.left.clone();
        left.map(|id| self.entry(id)).collect()
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        let closed = self.closed.clone();
        Box::new(move || {
            closed.fetch_add(1, Ordering::SeqCst);
        })
    }
}

fn instance(index: usize) -> Instance {
    Instance { index, of: 2, pipeline: "numbers".to_owned() }
}

fn ask<T>(well: &mut dyn Well<T>, most: usize, mended: bool) -> Given<T> {
    let most = NonZeroUsize::new(most).expect("it is asked for something");
    well.produce(most, &Leave::default(), mended).expect("it can go on")
}

/// Items by id, and the ids of those that failed, with why.
type Rows<T> = (Vec<(u64, T)>, Vec<(u64, String)>);

fn given<T: Copy>(given: Given<T>) -> Rows<T> {
    let Given::Items(items, failed) = given else { panic!("it gives items") };
    (
        items.into_iter().map(|entry| (entry.id, entry.item)).collect(),
        failed.into_iter().map(|entry| (entry.id, entry.item.what)).collect(),
    )
}

/// Refuses 1, panics over 3.
fn picky(item: u64) -> Result<i64, Failure> {
    match item {
        1 => Err(Failure::item("it is 1")),
        3 => panic!("at 3"),
        _ => Ok(-(item as i64)),
    }
}

fn dig(end: u64) -> Dig<i64> {
    transformed(once(Numbers::to(end)), picky)
}

#[test]
fn a_plain_well_passes_on_what_its_producer_answers() {
    let mut well = once(Numbers::to(3))(&instance(0)).expect("it is there");
    assert_eq!(given(ask(&mut *well, 2, true)), (vec![(0, 0), (1, 1)], vec![]));
    assert_eq!(given(well.prepare_for_draining(true)), (vec![(2, 2)], vec![]));
    assert_eq!(given(ask(&mut *well, 2, true)), (vec![(2, 2)], vec![]));
    let idle = ask(&mut *well, 1, true);
    assert!(matches!(idle, Given::Idle(wait) if wait == Duration::from_secs(9)));
    assert!(matches!(ask(&mut *well, 1, true), Given::Drained));
}

#[test]
fn a_producer_that_was_given_can_be_taken_once() {
    let dig = once(Numbers::to(1));
    assert!(dig(&instance(0)).is_ok());
    let failure = dig(&instance(0)).err().expect("it is gone");
    assert_eq!(failure.blame, crate::message::Blame::Engine);
    assert!(failure.what.contains("produced_by"), "it says what to do: {failure}");
}

#[test]
fn a_producer_that_can_be_made_is_made_again_for_its_instance() {
    let dig = again(|instance: &Instance| match instance.index {
        0 => Ok(Numbers::to(1)),
        _ => Err(Failure::input("no such source")),
    });
    for _ in 0..2 {
        let mut well = dig(&instance(0)).expect("it can be made");
        assert_eq!(given(ask(&mut *well, 5, true)), (vec![(0, 0)], vec![]));
    }
    assert_eq!(dig(&instance(1)).err(), Some(Failure::input("no such source")));
}

#[test]
fn mended_a_transformer_fails_what_it_fails_over_and_nothing_else() {
    let mut well = dig(5)(&instance(0)).expect("it is there");
    let why = vec![(1, "it is 1".to_owned()), (3, "the transformer panicked: at 3".to_owned())];
    assert_eq!(given(ask(&mut *well, 5, true)), (vec![(0, 0), (2, -2), (4, -4)], why));
    assert!(matches!(ask(&mut *well, 1, true), Given::Idle(_)));
    assert!(matches!(ask(&mut *well, 1, true), Given::Drained));
    let mut well = dig(2)(&instance(0)).expect("it is there");
    let drained = given(well.prepare_for_draining(true));
    assert_eq!(drained, (vec![(0, 0)], vec![(1, "it is 1".to_owned())]));
}

#[test]
fn in_the_original_manner_a_transformer_that_fails_takes_its_producer_along() {
    for (first, words) in [(0, "it is 1"), (2, "the transformer panicked: at 3")] {
        let mut numbers = Numbers::to(5);
        numbers.left.start = first;
        let mut well = transformed(once(numbers), picky)(&instance(0)).expect("it is there");
        assert_eq!(given(ask(&mut *well, 1, false)).0, [(first, -(first as i64))]);
        let fell = catch_unwind(AssertUnwindSafe(|| drop(ask(&mut *well, 3, false))));
        assert_eq!(crate::engine::words(&*fell.expect_err("it panics")), words);
    }
    let mut well = dig(2)(&instance(0)).expect("it is there");
    let fell = catch_unwind(AssertUnwindSafe(|| drop(well.prepare_for_draining(false))));
    assert_eq!(crate::engine::words(&*fell.expect_err("it panics")), "it is 1");
}

#[test]
fn tickets_follow_transformed_items_and_a_transformer_what_another_failed() {
    let (to, _heard) = listen(1);
    let mut numbers = Numbers::to(4);
    numbers.ticket = Ticket::new(to, 7, 0);
    let closed = numbers.closed.clone();
    let twice = transformed(transformed(once(numbers), picky), |item| {
        if item == -2 { Err(Failure::item("it is -2")) } else { Ok(item * 10) }
    });
    let mut well = twice(&instance(0)).expect("it is there");
    let Given::Items(items, failed) = ask(&mut *well, 9, true) else { panic!("it gives items") };
    assert!(items.iter().map(|e| (e.id, e.item, e.ticket.reference())).eq([(0, 0, 7)]));
    let failed = failed.iter().map(|e| (e.id, e.item.what.as_str(), e.ticket.reference()));
    assert!(failed.eq([
        (1, "it is 1", 7),
        (3, "the transformer panicked: at 3", 7),
        (2, "it is -2", 7)
    ]));
    well.closer()();
    assert_eq!(closed.load(Ordering::SeqCst), 1);
}
