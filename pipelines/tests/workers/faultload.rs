//! Faults that strike a worker elsewhere than in C, its lane, or whoever starts it: that each does what it says, and what
//! it costs.

use crate::kit::{Number, Numbers, Outcome, Setup, Start, run, toil};
use crate::limits::children;
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::engine::ledger::Delivery;
use pipelines::fault::Fault;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::limits::Limits;
use pipelines::message::{Death, Failure, ItemId, Tally};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("faultload::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("each_death_is_named_and_costs_one_attempt", deaths),
        trial("memory_really_runs_out", memory),
        trial("descriptors_really_run_out_and_processors_are_really_busy", taken),
        trial("a_lost_notice_is_made_good_by_looking", lost_notice),
        trial("workers_die_together_and_come_back_without_a_storm", together),
        trial("a_start_that_fails_is_tried_later_and_not_for_ever", failing_starts),
        trial("an_item_that_comes_twice_is_worked_on_once", twice),
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

fn deaths() {
    for (fault, death) in [
        (Fault::PanicLock, Death::Panic),
        (Fault::DoublePanic, Death::Signal(6)),
        (Fault::Livelock, Death::Deadline),
        (Fault::Block, Death::Deadline),
        (Fault::HandlerError, Death::Error),
        (Fault::HandlerOverflow, Death::Signal(11)),
    ] {
        for demand in [1, 4] {
            let deadline = Duration::from_millis(500);
            let setup = Setup { demand, deadline, ..Default::default() };
            let outcome = toil(setup, Start::Well, Numbers::to(20), once(7, fault));
            all_done(&outcome, 20);
            assert_eq!(outcome.deaths(), [(7, 0, death.code())], "{fault}");
        }
    }
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(20), once(7, Fault::Placebo));
    all_done(&outcome, 20);
    assert_eq!((outcome.deaths(), outcome.black_box.read_receipts().len()), (vec![], 1));
}

fn memory() {
    let limits = Limits { memory_max_bytes: 64 << 20, ..Default::default() };
    let setup = Setup { limits, attempts: 1, ..Default::default() };
    // Twice as much does not suffice either: the third time is the first that is not struck.
    let hungry = |item, attempt| (item == 7 && attempt < 2).then_some(Fault::OutOfMemory);
    let outcome = toil(setup, Start::Well, Numbers::to(20), hungry);
    let code = Death::OutOfMemory.code();
    assert_eq!(outcome.deaths(), [(7, 0, code), (7, 1, code)]);
    let aside: Vec<_> = outcome.aside.iter().map(|aside| (aside.item, aside.death)).collect();
    assert_eq!(aside, [(7, Death::OutOfMemory)]);
    assert!(outcome.aside[0].words.contains("memory allocation of"), "{:?}", outcome.aside);
    assert_eq!(outcome.tally().done, 19);
}

/// Says what its process can still get: whether a file can be opened (1 if not, for want of descriptors), or, for even
/// items, whether other threads of it burn.
pub(crate) struct Poor;

impl Handler for Poor {
    type Config = ();
    type In = Number;
    type Out = Number;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, input: &Number, desk: &mut Desk<'_>) -> Result<Number, Failure> {
        if desk.attempt > 0 {
            return Ok(Number(0));
        }
        let is_poor = match input.0 {
            3 => burns(),
            _ => std::fs::File::open("/dev/null")
                .is_err_and(|e| e.raw_os_error() == Some(Errno::MFILE.raw_os_error())),
        };
        Ok(Number(is_poor.into()))
    }
}

/// Whether this process uses a processor while this thread waits.
fn burns() -> bool {
    let used = || clock_gettime(ClockId::ProcessCPUTime);
    let (from, until) = (used(), Instant::now() + Duration::from_secs(10));
    let ms = |t: rustix::time::Timespec| t.tv_sec * 1000 + t.tv_nsec / 1_000_000;
    while ms(used()) - ms(from) < 20 {
        if Instant::now() > until {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    true
}

fn taken() {
    let faults = |item, _| match item {
        3 => Some(Fault::Starve(300)),
        5 => Some(Fault::NoDescriptors),
        _ => None,
    };
    let setup = Setup { workers: 1, spares: 0, ..Default::default() };
    let outcome = run::<Poor, _>(setup, (), Numbers::to(9), 9, faults);
    assert_eq!((outcome.tally().done, outcome.deaths()), (9, vec![]));
    let poor = outcome.delivered.iter().filter(|(_, _, made)| made[0] == 1).map(|(item, ..)| *item);
    // The process stays as poor as it was made.
    assert!(poor.eq([3, 5, 6, 7, 8]), "{:?}", outcome.delivered);
}

fn lost_notice() {
    for fault in [Fault::Shutdown, Fault::Abort] {
        // Two faults of one item: what kills its worker, and what keeps the lane from hearing of it.
        let lost = Setup { lost_notices: true, ..Default::default() };
        let outcome = toil(lost, Start::Well, Numbers::to(20), once(7, fault));
        all_done(&outcome, 20);
        let signal = if fault == Fault::Abort { 6 } else { 9 };
        assert_eq!(outcome.deaths(), [(7, 0, Death::Signal(signal).code())], "by looking");
        let receipts = outcome.black_box.read_receipts();
        let lost = receipts.iter().find(|r| r.fault == Fault::LostNotice).expect("it was lost");
        let died = outcome.events(What::Died)[0].t_ns - lost.fired_ns.expect("it was");
        assert!(died < 10_000_000_000, "long before the deadline");
    }
}

fn together() {
    for (workers, spares) in [(4, 0), (4, 2), (1, 1)] {
        for count in [1, 2, 99] {
            let setup = Setup { workers, spares, ..Default::default() };
            let kill = once(7, Fault::KillWorkers(count));
            let outcome = toil(setup, Start::Well, Numbers::to(60), kill);
            all_done(&outcome, 60);
            let died = outcome.deaths();
            assert!(died.iter().all(|(_, _, code)| *code == Death::Signal(9).code()));
            assert!(died.iter().any(|(item, ..)| *item == 7), "who is struck is one of them");
            // A spare may have been given an item in the moment in which it died.
            let there = workers + spares;
            assert!(died.len() <= there.min(count as usize), "no more than were to die");
            let spawned = outcome.events(What::Spawned).len();
            let most = there + there.min(count as usize);
            assert!(spawned <= most, "{spawned} of {most}: one for each that died");
        }
    }
}

fn failing_starts() {
    for fault in [Fault::ForkFails, Fault::ShmFull] {
        // The first start of all, and two in a row.
        let outcome =
            toil(Setup::default(), Start::Well, Numbers::to(30), move |start, _| match start {
                0 | 2 | 3 => Some(fault),
                _ => None,
            });
        assert_eq!((outcome.tally().done, outcome.deaths()), (30, vec![]), "{fault}");
        let receipts = outcome.black_box.read_receipts();
        assert!(!receipts.is_empty() && receipts.iter().all(|r| r.fired_ns.is_some()));
    }
    let outcome =
        toil(Setup::default(), Start::Well, Numbers::to(30), |_, _| Some(Fault::ForkFails));
    let why = outcome.result.expect_err("no worker ever starts").what;
    assert!(why.starts_with("workers cannot start") && why.contains("temporarily"), "{why}");
}

fn twice() {
    // One id is given twice, as by a source that repeats itself.
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(20).repeating(7), |_, _| None);
    all_done(&outcome, 20);
    // Handed over, it is believed.
    let setup = Setup { delivery: Delivery::HandOver, as_the_original: true, ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(20).repeating(7), |_, _| None);
    assert_eq!((outcome.tally().done, outcome.delivered.len()), (21, 21));
}
