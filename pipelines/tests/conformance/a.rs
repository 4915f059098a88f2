//! A: configuration. How many there are of each is in `a_sizes.rs`, what runs at the start in `a_start.rs`.

use crate::case::Case;
use crate::fed::up;
use crate::kit::{Dummy, NEVER, both, dummy, next, pass, stop, told_batches};
use pipelines::engine::batcher::{Cut, Split, Splitter, Trigger};
use pipelines::engine::limiter::{Kind, Rate};
use pipelines::engine::registry;
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::{Blame, Failure};
use pipelines::pipeline::{BATCHERS_MAX, Pipeline, Stage, Staged};
use pipelines::producer::{Entry, Instance};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::differs(
            "A1",
            "a_child_of_the_application",
            "by itself it has a name and can be put under a supervisor, as a child that is restarted",
            "a pipeline is a value and no specification for the supervisor of somebody else; the setting \
             `application` puts one above it",
            a1,
        ),
        Case::holds(
            "A2",
            "a_name_of_its_own",
            "it can be given another name, which is its own",
            a2,
        ),
        Case::holds(
            "A3",
            "a_bad_name",
            "a name that cannot be is refused at the start, and the error says why",
            a3,
        ),
        Case::differs(
            "A4",
            "what_contradicts_itself",
            "configuration that makes no sense is refused, by one sentence that says what is wrong where",
            "an unknown key does not compile; what remains is numbers and calls that contradict each other",
            a4,
        ),
        Case::differs(
            "A5",
            "a_batch_of_nothing",
            "a batch size that cannot be is not taken as it is",
            "a splitter that takes other arguments does not compile; a size of 0 is taken as 1",
            a5,
        ),
        Case::differs(
            "A6",
            "two_shapes_of_splitter",
            "a splitter comes with what it accumulates",
            "another shape does not compile; one shape begins anew for each batch, one carries on",
            a6,
        ),
        Case::differs(
            "A7",
            "a_splitter_alone_is_enough",
            "a batcher with a splitter, and its demand",
            "what a batcher holds is no setting, so that a splitter needs none beside it",
            a7,
        ),
    ]
}

fn a1() {
    assert_eq!(Settings::default(), Settings::okiagari());
    for (_, settings) in both() {
        let settings = Settings { application: true, ..settings };
        let (running, told) = up(dummy().settings(settings).stage(pass()));
        assert_eq!(running.name(), "pipeline");
        assert!(!registry::all_running().contains(&"pipeline".to_owned()));
        running.kill_tree("root");
        assert_eq!(crate::kit::started(&told, Process::Producer(0)), 2);
        assert_eq!(crate::kit::started(&told, Process::Terminator), 2);
        assert_eq!(next(&running.test_message(1).unwrap()).done.len(), 1);
        stop(running);
    }
}

fn a2() {
    for (_, settings) in both() {
        let begin = |name| up(dummy().settings(settings.clone()).named(name).stage(pass())).0;
        let (one, other) = (begin("a2 one"), begin("a2 other"));
        assert_eq!((one.name(), other.name()), ("a2 one", "a2 other"));
        assert_eq!(one.topology().name, "a2 one");
        let running = registry::all_running();
        assert!(["a2 one", "a2 other"].iter().all(|name| running.contains(&(*name).to_owned())));
        stop(one);
        stop(other);
    }
}

/// Why it does not start.
fn refused<H: pipelines::handler::Handler<In = i64>>(staged: Staged<H>) -> Failure {
    staged.start().err().expect("it is refused")
}

fn a3() {
    for (_, settings) in both() {
        let named = |name| dummy().settings(settings.clone()).named(name).stage(pass());
        let empty = "a pipeline's name is empty; give it one, or none at all";
        assert_eq!(refused(named("")), Failure::input(empty));
        let first = up(named("a3")).0;
        let taken = "a pipeline called 'a3' is running already; wait until it has ended";
        assert_eq!(refused(named("a3")), Failure::engine(taken));
        stop(first);
        stop(up(named("a3")).0);
    }
}

fn a4() {
    let made = Arc::new(AtomicUsize::new(0));
    let counted = |settings: &Settings| {
        let made = made.clone();
        let make = move |_: &Instance| {
            made.fetch_add(1, Ordering::SeqCst);
            Ok(Dummy)
        };
        Pipeline::produced_by(1, make).settings(settings.clone())
    };
    for (_, settings) in both() {
        let three = NonZeroUsize::new(3).unwrap();
        let why = refused(counted(&settings).stage(pass().max_demand(three).min_demand(3)));
        let words = "the stage's min_demand is 3 and its max_demand 3; it has to be less";
        assert_eq!(why, Failure::input(words));

        let begin = counted(&settings).stage(pass());
        let why = refused(
            (0..=BATCHERS_MAX).fold(begin, |s, _| s.batch(crate::kit::batch(|_, _, _| Ok(())))),
        );
        assert_eq!(why, Failure::input("256 batchers, but a route can name only 255"));

        let rate = Rate::new(Some(1), None, Duration::from_secs(1)).unwrap();
        let limited = counted(&settings).rate_limited(Kind::Window, rate, |_| 1);
        let why = refused(limited.transform(Ok).transform(Ok).stage(pass()));
        let words = "`rate_limited` comes before `transform`; it has to come after it";
        assert_eq!(why, Failure::input(words));

        let prepared = counted(&settings).prepare_for_start(Ok);
        let why = refused(prepared.transform(Ok).stage(pass()));
        let words = "`prepare_for_start` comes before `transform`; it has to come after it";
        assert_eq!(why, Failure::input(words));
    }
    assert_eq!(made.load(Ordering::SeqCst), 0, "nothing was begun");
    let second = Duration::from_secs(1);
    for rate in [(None, None, second), (Some(0), None, second), (Some(1), None, Duration::ZERO)] {
        let why = Rate::new(rate.0, rate.1, rate.2).unwrap_err();
        assert_eq!(why.blame, Blame::Input);
        assert!(why.what.starts_with("the rate limit has ") && !why.what.contains('\n'));
    }
}

/// The sizes of the batches that these items make, to the end.
fn sizes_of(settings: &Settings, split: Split<i64>, items: i64) -> Vec<usize> {
    let (batch, told) = told_batches();
    let batch = batch.split(split).within(NEVER);
    let running = dummy().settings(settings.clone()).stage(pass()).batch(batch).start().unwrap();
    running.push((0..items).map(|n| Entry::from((n as u64, n))).collect()).unwrap();
    stop(running);
    let handled: Vec<_> = told.try_iter().collect();
    assert_eq!(
        handled.iter().flat_map(|h| h.1.clone()).collect::<Vec<_>>(),
        Vec::from_iter(0..items)
    );
    handled.iter().map(|(info, _)| info.size).collect()
}

fn a5() {
    for (_, settings) in both() {
        assert_eq!(sizes_of(&settings, Split::Count(0), 3), [1, 1, 1]);
        let (batch, told) = told_batches();
        let stage: Stage<_> = pass();
        let running = dummy().settings(settings).stage(stage).batch(batch.size(0)).start().unwrap();
        running.test_batch(vec![1, 2]).unwrap();
        for n in [1, 2] {
            let (info, items) = next(&told);
            assert_eq!((info.size, info.trigger, items), (1, Trigger::Size, vec![n]));
        }
        stop(running);
    }
}

/// The second item that it sees makes a batch full; later ones do not.
fn second() -> Splitter<i64> {
    let mut seen = 0;
    Box::new(move |_| {
        seen += 1;
        if seen == 2 { Cut::EmitWith } else { Cut::Cont }
    })
}

fn a6() {
    for (_, settings) in both() {
        assert_eq!(sizes_of(&settings, Split::Custom(Box::new(second)), 6), [2, 2, 2]);
        assert_eq!(sizes_of(&settings, Split::Carrying(second()), 6), [2, 4]);
    }
}

fn a7() {
    for (_, settings) in both() {
        let split = Split::weight(1000, |_| 1);
        assert_eq!(sizes_of(&settings, split, 2500), [1000, 1000, 500]);
    }
}
