//! HtPipe's way: one process for all lanes, its losses, and that nothing else is lost.

use crate::kit::{Aside, Number, Numbers, Outcome, Setup, Start, Toil, toil};
use crate::limits::{children, descriptors};
use crate::shelf::{Keep, Shelf};
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::engine::htpipe::HtPipe;
use pipelines::engine::ledger::Delivery;
use pipelines::fault::Fault;
use pipelines::message::{Death, Failure, ItemId, Tally};
use std::path::Path;
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("htpipe::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("without_faults_all_is_right_but_the_first_call", peace),
        trial("an_abort_costs_all_running_calls_and_two_more", abort),
        trial("a_life_that_is_over_costs_a_call", life),
        trial("a_panic_or_an_error_costs_its_item", panic),
        trial("a_hang_costs_its_item", hang),
        trial("a_call_takes_a_refill_for_its_reply", swallowed),
        trial("a_handler_that_does_not_open_costs_items", cannot_open),
        trial("the_end_does_not_wait_for_a_worker", end_while_connecting),
        trial("the_end_does_not_wait_for_a_reply", end_while_receiving),
        trial("no_process_and_no_descriptor_is_left", nothing_left),
        trial("a_warm_call_takes_its_sleep", original),
    ]
}

/// The same losses in less time; what ends a trial well is waited for much longer than it takes.
const SHORT: HtPipe = HtPipe {
    call_sleep: Duration::from_millis(2),
    connect_wait: Duration::from_millis(20),
    connect_poll: Duration::from_millis(5),
    boot_wait: Duration::from_secs(30),
    call_timeout: Duration::from_secs(2),
    ..HtPipe::ORIGINAL
};
/// Without the losses that come without a fault.
const KIND: HtPipe = HtPipe { first_calls_lost: 0, wrong_after_death: 0, ..SHORT };
const HOUR: Duration = Duration::from_secs(3600);

fn setup(workers: usize, original: HtPipe) -> Setup {
    // Under hand-over items are lost just as well, but nobody is told what was said of them.
    Setup { workers, attempts: 1, shared: Some(original), ..Default::default() }
}

fn never(_: ItemId, _: u32) -> Option<Fault> {
    None
}

/// (item, what is said of it) of those that failed, sorted; all others were delivered once, and are right.
fn failed(outcome: &Outcome, items: u64) -> Vec<(ItemId, &str)> {
    let aside = outcome.aside.iter().map(|a| (a.item, a.words.as_str()));
    let mut failed: Vec<_> = aside.collect();
    failed.sort_unstable();
    assert!(outcome.aside.iter().all(|a| a.death == Death::Error && a.attempts == 1));
    let mut delivered: Vec<_> =
        outcome.delivered.iter().map(|(item, _, bytes)| (*item, bytes.clone())).collect();
    delivered.sort_unstable();
    let right = (0..items).filter(|item| failed.iter().all(|(f, _)| f != item));
    let right = right.map(|item| (item, Number(Toil::made_of(item)).keep()));
    assert!(delivered.into_iter().eq(right), "{failed:?}");
    let (failures, produced) = (failed.len() as u64, items);
    let tally = Tally { produced, done: items - failures, failed: failures, ..Default::default() };
    assert_eq!(outcome.tally(), tally);
    failed
}

fn spawned(outcome: &Outcome) -> usize {
    outcome.events(What::Spawned).len()
}

fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        std::thread::yield_now();
    }
}

fn peace() {
    for workers in [1, 3] {
        let outcome = toil(setup(workers, KIND), Start::Well, Numbers::to(40), never);
        assert_eq!(failed(&outcome, 40), []);
        assert_eq!(spawned(&outcome), 1, "one process for all lanes");
        let outcome = toil(setup(workers, SHORT), Start::Well, Numbers::to(40), never);
        let failed = failed(&outcome, 40);
        assert!(matches!(failed[..], [(0..3, "HtPipe returned nil")]), "{failed:?}");
        assert_eq!(spawned(&outcome), 1);
    }
}

fn abort() {
    let setup = setup(2, SHORT);
    let box_of_run = setup.black_box.clone();
    // Item 4 aborts the process while item 3 hangs in it.
    let outcome = toil(setup, Start::Well, Numbers::to(40), move |item, _| {
        let black_box = box_of_run.get().expect("the run has one");
        match item {
            3 => {
                // The first call is lost and over: both lanes are free.
                until(|| black_box.events().iter().any(|e| e.what == What::Died));
                Some(Fault::Hang)
            }
            4 => {
                until(|| black_box.read_receipts().iter().any(|r| r.fired_ns.is_some()));
                Some(Fault::Abort)
            }
            _ => None,
        }
    });
    let failed = failed(&outcome, 40);
    let [(0..2, first), (3, third), (4, fourth), (_, one), (_, other)] = failed[..] else {
        panic!("{failed:?}")
    };
    assert_eq!(first, "HtPipe returned nil");
    // Whoever started the process is told its status, and does not understand.
    let held = [third, fourth];
    assert!(held.iter().any(|w| w.ends_with(", 134}}") && w.contains("at work")), "{held:?}");
    assert!(held.contains(&"HtPipe returned nil"), "{held:?}");
    let mut after = [one, other];
    after.sort_unstable();
    assert!(after[0].contains(":DOWN") && after[1] == "HtPipe returned nil", "{after:?}");
    assert_eq!(spawned(&outcome), 2);
}

fn life() {
    let setup = setup(1, HtPipe { life: Duration::from_millis(500), ..KIND });
    let box_of_run = setup.black_box.clone();
    let outcome = toil(setup, Start::Well, Numbers::to(20), move |item, _| {
        if item == 10 {
            let spawned = box_of_run.get().expect("the run has one").events();
            let first = spawned.iter().find(|e| e.what == What::Spawned).expect("it works");
            // Its keeper reaps it.
            let process = format!("/proc/{}", first.value);
            until(|| !Path::new(&process).exists());
        }
        None
    });
    let failed = failed(&outcome, 20);
    let ends = failed.iter().filter(|(_, words)| words.ends_with(", 0}}")).count();
    // A machine that is slow enough sees more lives than two.
    assert!(ends == failed.len() && ends >= 1, "{failed:?}");
    assert!((ends + 1..=ends + 2).contains(&spawned(&outcome)));
}

fn panic() {
    let outcome = toil(setup(2, KIND), Start::Well, Numbers::to(20), |item, _| match item {
        5 => Some(Fault::Panic),
        9 => Some(Fault::Error),
        _ => None,
    });
    let failed = failed(&outcome, 20);
    let [(5, panicked), (9, erred)] = failed[..] else { panic!("{failed:?}") };
    assert!(panicked.contains("{:exit, …}") && !erred.contains("HtPipe"), "{failed:?}");
    assert_eq!(spawned(&outcome), 1);
}

fn hang() {
    let hang = |item, _| (item == 3).then_some(Fault::Hang);
    let outcome = toil(setup(1, KIND), Start::Well, Numbers::to(10), hang);
    assert_eq!(failed(&outcome, 10), [(3, "HtPipe returned nil")]);
    assert_eq!(spawned(&outcome), 1, "the process lives, and the lane has another seat in it");
}

/// As measured with the originals, HtPipe in a processor of Broadway, no fault: of 100 items 88 are right, 2 are
/// somebody else's message and 10 are lost. Each of the two lanes loses the one refill that comes in a call.
fn swallowed() {
    // Long enough for a refill to come before the first reply after it was asked for.
    let original = HtPipe { call_sleep: Duration::from_millis(20), ..KIND };
    for (demand, lost) in [(1, 0), (2, 2), (10, 10)] {
        let (delivery, min_demand) = (Delivery::HandOver, demand / 2);
        let setup = Setup { delivery, demand, min_demand, ..setup(2, original) };
        let outcome = toil(setup, Start::Well, Numbers::to(100), never);
        let failed = if demand == 1 { 0 } else { 2 };
        let done = 100 - lost - failed;
        assert_eq!(
            outcome.tally(),
            Tally { produced: 100, done, failed, lost, ..Default::default() }
        );
        let words = |a: &Aside| a.words == "HtPipe returned a message for its lane: a refill";
        assert!(outcome.aside.len() == failed as usize && outcome.aside.iter().all(words));
        let right = |(item, _, bytes): &(ItemId, u32, Vec<u8>)| {
            *bytes == Number(Toil::made_of(*item)).keep()
        };
        assert!(outcome.delivered.iter().all(right));
    }
}

fn cannot_open() {
    for (start, words) in
        [(Start::Error, "the licence has run out"), (Start::Panic, "open panicked")]
    {
        let outcome = toil(setup(2, KIND), start, Numbers::to(6), never);
        assert_eq!(failed(&outcome, 6), [0, 1, 2, 3, 4, 5].map(|item| (item, words)));
        assert_eq!(spawned(&outcome), 1);
    }
}

fn end_while_connecting() {
    let original = HtPipe { connect_wait: HOUR, connect_poll: HOUR, ..KIND };
    let setup = Setup { shelf: Shelf::missing(), ..setup(2, original) };
    let outcome = toil(setup, Start::Well, Numbers::to(500), never);
    assert_eq!(outcome.result, Err(Failure::output("there is no shelf")));
    assert_eq!(spawned(&outcome), 0);
}

fn end_while_receiving() {
    let original = HtPipe { call_timeout: HOUR, ..KIND };
    let setup = Setup { shelf: Shelf::with_room(7), ..setup(2, original) };
    let hang = |item, _| (item == 0).then_some(Fault::Hang);
    let outcome = toil(setup, Start::Well, Numbers::to(500), hang);
    assert_eq!(outcome.result, Err(Failure::output("the shelf is full")));
}

fn nothing_left() {
    let aborts = |item, _| (item % 10 == 5).then_some(Fault::Abort);
    // Whatever is opened only once in a process is open after this.
    toil(setup(1, KIND), Start::Well, Numbers::to(6), aborts);
    let before = descriptors();
    let outcome = toil(setup(1, KIND), Start::Well, Numbers::to(50), aborts);
    let failed: Vec<_> = failed(&outcome, 50).iter().map(|(item, _)| *item).collect();
    assert_eq!((failed, spawned(&outcome)), (vec![5, 15, 25, 35, 45], 6));
    // The black box itself is mapped still, and its file open.
    drop(outcome);
    assert_eq!(descriptors(), before);
    assert_eq!(children(), "");
}

fn original() {
    let original = HtPipe { first_calls_lost: 0, ..HtPipe::ORIGINAL };
    let outcome = toil(setup(1, original), Start::Well, Numbers::to(2), never);
    assert_eq!(failed(&outcome, 2), []);
    let when = |what| outcome.events(what).iter().find(|e| e.item == 1).map(|e| e.t_ns);
    let (lent, accepted) = (when(What::Lent).unwrap(), when(What::Accepted).unwrap());
    // Late is allowed on a busy machine, early never is.
    assert!(Duration::from_nanos(accepted - lent) >= original.call_sleep);
}
