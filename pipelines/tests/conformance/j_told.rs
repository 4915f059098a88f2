//! J7–J9: what is told of decisions about items that failed.

use crate::case::Case;
use crate::fed::up;
use crate::kit::{batch, both, dummy, find, next, pass, stage, stop};
use pipelines::engine::event::Event;
use pipelines::engine::judge::{Decision, Failed};
use pipelines::message::Failure;
use std::time::{Duration, Instant};

const WHY: &str = "it is told when it is over, with how long it took and what was decided about which item: \
                   one event in place of two";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::differs(
            "J7",
            "told_by_a_processor",
            "that a decision begins and ends in a processor is told, with what it is about",
            WHY,
            j7,
        ),
        Case::differs(
            "J8",
            "told_by_a_batch_processor",
            "that a decision begins and ends in a batch processor is told, with what it is about",
            WHY,
            j8,
        ),
        Case::holds(
            "J9",
            "told_of_its_panic",
            "that who decides panicked is told, with what it said",
            j9,
        ),
    ]
}

/// How long the decision takes, at least.
const TAKES: Duration = Duration::from_millis(2);

fn slowly<O>(_: &Failed<'_, i64>) -> Decision<O> {
    let until = Instant::now() + TAKES;
    while Instant::now() < until {
        std::thread::yield_now();
    }
    Decision::DeadLetter
}

/// Which kind it is, if it is about what fails; the decision is checked.
fn kind(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::ItemEnded { error: Some(_), .. } => "failed",
        Event::FailureJudged { decision, panic, took, .. } => {
            assert_eq!((*decision, panic), ("dead-letter", &None));
            assert!(*took >= TAKES);
            "judged"
        }
        Event::BatchStarted { .. } => "batch begins",
        Event::BatchEnded { done: 0, failed: 1, .. } => "batch ends",
        _ => return None,
    })
}

fn j7() {
    for (_, settings) in both() {
        let stage = stage(|_, _| Err(Failure::item("no"))).attempts(2).on_failed(slowly);
        let attempts = if settings.as_the_original { 1 } else { 2 };
        let (running, events) = up(dummy().settings(settings).stage(stage));
        let heard = running.test_message(1).unwrap();
        let item = next(&heard).failed[0].item;
        stop(running);
        let events: Vec<_> = events.try_iter().collect();
        let told: Vec<_> = events.iter().filter_map(kind).collect();
        assert_eq!(told, [vec!["failed"; attempts], vec!["judged"]].concat());
        let about =
            |event: &&Event| matches!(event, Event::FailureJudged { item: i, .. } if *i == item);
        assert_eq!(events.iter().filter(about).count(), 1);
    }
}

fn j8() {
    for (_, settings) in both() {
        let batch = batch(|_, _, fates| {
            fates.fail(0, Failure::item("no"));
            Ok(())
        });
        let batch = batch.size(1).on_failed(slowly);
        let (running, events) = up(dummy().settings(settings).stage(pass()).batch(batch));
        let heard = running.test_message(1).unwrap();
        let item = next(&heard).failed[0].item;
        stop(running);
        let events: Vec<_> = events.try_iter().collect();
        let told: Vec<_> = events.iter().filter_map(kind).collect();
        assert_eq!(told, ["batch begins", "judged", "batch ends"]);
        let about =
            |event: &&Event| matches!(event, Event::FailureJudged { item: i, .. } if *i == item);
        assert_eq!(events.iter().filter(about).count(), 1);
    }
}

fn j9() {
    for (_, settings) in both() {
        let fails = stage(|n, _| if *n == 1 { Err(Failure::item("no")) } else { Ok(*n) });
        let fails = fails.on_failed(|_| panic!("no decision in the stage"));
        let batch = batch(|_, _, fates| {
            fates.fail(0, Failure::item("no"));
            Ok(())
        });
        let batch = batch.size(1).on_failed(|_| panic!("no decision in the batch"));
        let (running, events) = up(dummy().settings(settings).stage(fails).batch(batch));
        for (n, words) in [(1, "no decision in the stage"), (2, "no decision in the batch")] {
            let item = next(&running.test_message(n).unwrap()).failed[0].item;
            let told = find(&events, |event| match event {
                Event::FailureJudged { item, decision, panic, .. } => {
                    Some((*item, *decision, panic.clone()))
                }
                _ => None,
            });
            assert_eq!(told, (item, "fail", Some(words.to_owned())));
        }
        stop(running);
    }
}
