//! Runs that cannot go on end, with a reason; and no run leaves anything behind.

use crate::kit::{Numbers, Outcome, Setup, Start, toil};
use crate::shelf::Shelf;
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::engine::reserve::Intensity;
use pipelines::fault::Fault;
use pipelines::message::{Blame, Death, Failure, ItemId};
use std::fs::{read_dir, read_to_string};
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("limits::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("workers_that_cannot_open_end_the_run", cannot_open),
        trial("a_sink_that_fails_ends_the_run", sink),
        trial("a_sink_that_does_not_open_ends_the_run", no_sink),
        trial("a_source_that_fails_ends_the_run", source),
        trial("the_end_does_not_wait_for_who_hangs", hanging_at_the_end),
        trial("no_process_and_no_descriptor_is_left", nothing_left),
        trial("nothing_to_do_is_nothing_done", nothing),
    ]
}

fn peace(_: ItemId, _: u32) -> Option<Fault> {
    None
}

/// The process ids of this process's children, reaped or not.
pub(crate) fn children() -> String {
    let tasks = read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    // A thread may end while it is looked at.
    tasks.filter_map(|task| read_to_string(task.join("children")).ok()).collect()
}

pub(crate) fn descriptors() -> usize {
    read_dir("/proc/self/fd").unwrap().count()
}

fn failure(outcome: &Outcome) -> &Failure {
    outcome.result.as_ref().expect_err("the run failed")
}

fn cannot_open() {
    let why = [
        (Start::Error, "the licence has run out"),
        (Start::Panic, "open panicked"),
        (Start::Abort, "workers cannot start"),
        (Start::Exit, "workers cannot start"),
    ];
    for (start, words) in why {
        let setup = Setup::default();
        let started = setup.workers + setup.spares;
        let outcome = toil(setup, start, Numbers::to(50), peace);
        let failure = failure(&outcome);
        assert_eq!(failure.blame, Blame::Engine);
        assert!(failure.what.contains(words), "{failure}");
        assert!(outcome.delivered.is_empty() && outcome.aside.is_empty());
        assert_eq!(outcome.deaths(), [], "no item is to blame");
        let spawned = outcome.events(What::Spawned).len();
        let storm = started + Intensity::default().restarts + 2;
        assert!((started..=storm).contains(&spawned), "{spawned} workers were started");
    }
}

fn sink() {
    for room in [0, 7] {
        let setup = Setup { shelf: Shelf::with_room(room), ..Default::default() };
        let outcome = toil(setup, Start::Well, Numbers::to(500), peace);
        assert_eq!(*failure(&outcome), Failure::output("the shelf is full"));
        let done = outcome.events(What::Done).len();
        assert_eq!((outcome.delivered.len(), done), (room / 3 * 3, room / 3 * 3));
    }
}

fn no_sink() {
    let setup = Setup { shelf: Shelf::missing(), ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(500), peace);
    assert_eq!(*failure(&outcome), Failure::output("there is no shelf"));
    assert!(outcome.events(What::Done).is_empty());
}

fn source() {
    for item in [0, 20] {
        let outcome = toil(Setup::default(), Start::Well, Numbers::to(500).failing_at(item), peace);
        assert_eq!(*failure(&outcome), Failure::input("the source is broken"));
        assert!(outcome.events(What::Lent).iter().all(|e| e.item < item));
        // What it gave before it broke is good.
        assert_eq!(outcome.delivered.len() as u64, item);
    }
}

fn hanging_at_the_end() {
    // Longer than the kit's patience: only the bell can end this in time.
    let deadline = Duration::from_secs(3600);
    let setup = Setup { deadline, shelf: Shelf::with_room(7), ..Default::default() };
    let hang = |item, _| (item == 0).then_some(Fault::Hang);
    let outcome = toil(setup, Start::Well, Numbers::to(500), hang);
    assert_eq!(*failure(&outcome), Failure::output("the shelf is full"));
}

fn nothing_left() {
    let once = |_, attempt| (attempt == 0).then_some(Fault::Abort);
    // Whatever is opened only once in a process is open after this.
    toil(Setup::default(), Start::Well, Numbers::to(1), once);
    let before = descriptors();
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(50), once);
    assert_eq!(outcome.tally().done, 50);
    assert_eq!(outcome.black_box.deaths(), [(Death::Signal(6), 50)]);
    // The black box itself is mapped still, and its file open.
    drop(outcome);
    assert_eq!(descriptors(), before);
    assert_eq!(children(), "");
}

fn nothing() {
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(0), peace);
    assert_eq!(outcome.tally(), Default::default());
    assert!(outcome.delivered.is_empty());
}
