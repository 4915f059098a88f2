//! Workers that misbehave without dying of a signal at once: on the line, in time, in memory, by what they leave behind.

use crate::kit::{Number, Numbers, Outcome, Setup, Start, run, toil};
use crate::limits::children;
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::fault::Fault;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::limits::Limits;
use pipelines::message::{Death, Failure, ItemId, Tally};
use std::fs::read_to_string;
use std::time::{Duration, Instant};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("conduct::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("garbage_is_refused_and_its_writer_replaced", garbage),
        trial("a_closed_line_is_not_waited_for", closed),
        trial("a_death_after_the_result_costs_nothing", after_result),
        trial("starts_that_fail_are_tried_again", failing_starts),
        trial("a_stopped_worker_is_told_from_a_slow_one", stopped),
        trial("what_a_worker_leaves_behind_is_ended_with_it", orphan),
        trial("who_needs_more_memory_gets_it_once", hungry),
        trial("ten_thousand_aborts_leave_no_trace", drift),
    ]
}

fn once(item: ItemId, fault: Fault) -> impl Fn(ItemId, u32) -> Option<Fault> + Send + Sync {
    move |struck, attempt| (struck == item && attempt == 0).then_some(fault)
}

fn all_done(outcome: &Outcome, items: u64) {
    let done = Tally { produced: items, done: items, ..Default::default() };
    assert_eq!(outcome.tally(), done);
    let mut delivered: Vec<_> = outcome.delivered.iter().map(|(item, ..)| *item).collect();
    delivered.sort_unstable();
    assert!(delivered.into_iter().eq(0..items), "each once");
    let receipts = outcome.black_box.read_receipts();
    assert!(receipts.iter().all(|receipt| receipt.fired_ns.is_some()), "every fault struck");
}

fn garbage() {
    for fault in [Fault::Garbage, Fault::Oversized] {
        for demand in [1, 4] {
            let setup = Setup { demand, ..Default::default() };
            let outcome = toil(setup, Start::Well, Numbers::to(20), once(7, fault));
            all_done(&outcome, 20);
            assert_eq!(outcome.deaths(), [(7, 0, Death::Garbage.code())], "{fault}");
        }
    }
}

fn closed() {
    let outcome =
        toil(Setup::default(), Start::Well, Numbers::to(20), once(7, Fault::ClosedSocket));
    all_done(&outcome, 20);
    assert_eq!(outcome.deaths(), [(7, 0, Death::Garbage.code())]);
}

fn after_result() {
    for demand in [1, 4] {
        let setup = Setup { demand, ..Default::default() };
        let outcome = toil(setup, Start::Well, Numbers::to(20), once(7, Fault::AfterResult));
        all_done(&outcome, 20);
        let accepted = outcome.events(What::Accepted).iter().filter(|e| e.item == 7).count();
        assert_eq!(accepted, 1, "exactly once");
        // In company whoever came next was begun by nobody.
        assert!(outcome.deaths().iter().all(|(item, ..)| *item != 7));
    }
}

fn failing_starts() {
    for (fault, starts) in [(Fault::NoHandshake, 1), (Fault::CrashLoop, 4)] {
        let outcome = toil(Setup::default(), Start::Well, Numbers::to(60), once(7, fault));
        all_done(&outcome, 60);
        assert_eq!(outcome.deaths(), [(7, 0, Death::Signal(9).code())]);
        let spawned = outcome.events(What::Spawned).len();
        // Two for the lanes, a spare, and one for each that is used up; the end may come before the last.
        assert!(spawned <= 3 + 1 + starts, "{fault}: {spawned}");
    }
}

fn stopped() {
    let deadline = Duration::from_secs(20);
    let setup = Setup { deadline, ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(20), once(7, Fault::Stop));
    all_done(&outcome, 20);
    assert_eq!(outcome.deaths(), [(7, 0, Death::Stopped.code())]);
    let at = |what: What| outcome.events(what).iter().find(|e| e.item == 7).expect("it was").t_ns;
    assert!(Duration::from_nanos(at(What::Died) - at(What::Lent)) < deadline, "long before that");
    // One that is slow is waited for.
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(9), once(7, Fault::Slow(300)));
    all_done(&outcome, 9);
    assert_eq!(outcome.deaths(), []);
}

fn orphan() {
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(20), once(7, Fault::Orphan));
    all_done(&outcome, 20);
    assert_eq!(outcome.deaths(), [(7, 0, Death::Signal(9).code())]);
    // Its end was asked for; it may take a moment.
    let until = Instant::now() + Duration::from_secs(10);
    while left_behind() > 0 {
        assert!(Instant::now() < until, "a grandchild lives on");
        std::thread::yield_now();
    }
}

/// Processes that have the command line and the program of our workers.
fn left_behind() -> usize {
    let left = std::fs::read_dir("/proc").expect("it is there").filter_map(|entry| {
        let path = entry.ok()?.path();
        let is_worker = read_to_string(path.join("cmdline")).ok()?.starts_with("okiagari-worker");
        (is_worker && path.join("exe").read_link().ok()? == own_program()).then_some(path)
    });
    left.count()
}

fn own_program() -> std::path::PathBuf {
    std::env::current_exe().expect("it runs")
}

/// Takes as much memory for an item as its number says, in MiB.
pub(crate) struct Hungry;

impl Handler for Hungry {
    type Config = ();
    type In = Number;
    type Out = Number;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, input: &Number, _: &mut Desk<'_>) -> Result<Number, Failure> {
        let eaten = vec![1u8; input.0 as usize * (1 << 20)];
        Ok(Number(std::hint::black_box(&eaten).iter().step_by(4096).map(|b| u64::from(*b)).sum()))
    }
}

fn hungry() {
    // What a worker has before it works is some 10 MiB.
    let limits = Limits { memory_max_bytes: 64 << 20, ..Default::default() };
    let setup = Setup { limits, attempts: 1, ..Default::default() };
    let outcome = run::<Hungry, _>(setup, (), Numbers::to(130), 130, |_, _| None);
    let mut aside: Vec<_> = outcome.aside.iter().map(|aside| (aside.item, aside.death)).collect();
    aside.sort_unstable_by_key(|(item, _)| *item);
    let (first, last) = (aside.first().expect("too much for twice").0, aside.len() as u64);
    assert!((90..=128).contains(&first), "from {first} MiB on twice 64 MiB do not suffice");
    let items = aside.iter().map(|(item, _)| *item);
    assert!(items.eq(130 - last..130), "and no item before that is given up");
    assert!(aside.iter().all(|(_, death)| *death == Death::OutOfMemory), "{aside:?}");
    let died = outcome.deaths();
    assert!(died.iter().all(|(_, _, code)| *code == Death::OutOfMemory.code()));
    assert!(died.len() as u64 > 2 * last, "some died once, and had enough the second time");
    let words = &outcome.aside[0].words;
    assert!(words.contains("memory allocation of"), "{words:?}");
}

fn drift() {
    const ITEMS: u64 = 5_000;
    let before = Trace::now();
    let setup = Setup { attempts: 3, ..Default::default() };
    // Two deaths an item, ten thousand in all.
    let fault = |_, attempt| (attempt < 2).then_some(Fault::Abort);
    let outcome = toil(setup, Start::Well, Numbers::to(ITEMS), fault);
    assert_eq!(outcome.tally().done, ITEMS);
    assert_eq!(outcome.events(What::Died).len() as u64, 2 * ITEMS);
    drop(outcome);
    let after = Trace::now();
    assert_eq!((after.descriptors, after.threads), (before.descriptors, before.threads));
    assert_eq!(after.shared, before.shared, "segments that nobody frees");
    let grown = after.private_kib.saturating_sub(before.private_kib);
    assert!(grown < 16 << 10, "{grown} KiB more than before");
}

/// What a process holds of the machine.
struct Trace {
    descriptors: usize,
    threads: usize,
    /// Mappings of shared memory.
    shared: usize,
    private_kib: u64,
}

impl Trace {
    fn now() -> Self {
        let count = |dir| std::fs::read_dir(dir).map_or(0, Iterator::count);
        let maps = read_to_string("/proc/self/maps").expect("it is ours");
        let status = read_to_string("/proc/self/status").expect("it is ours");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("Linux");
        Self {
            descriptors: count("/proc/self/fd"),
            threads: count("/proc/self/task"),
            shared: maps.lines().filter(|line| line.contains("memfd:okiagari")).count(),
            private_kib: line.split_whitespace().next().expect("kB").parse().expect("a number"),
        }
    }
}
