//! P: units: what a producer answers to a demand.

use crate::case::Case;
use crate::kit::{both, ids, pass, ticket};
use crossbeam_channel::bounded;
use pipelines::acknowledger::Ticket;
use pipelines::engine::settings::Settings;
use pipelines::message::{Failure, ItemId, Tally};
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "P13",
            "a_producer_that_cannot_start",
            "a producer cannot be made: the pipeline fails, and says why",
            p13,
        ),
        Case::holds(
            "P14",
            "asked_and_gives",
            "a producer gives what it was asked for: all of it goes on, in order",
            p14,
        ),
        Case::differs(
            "P15",
            "asked_and_idle",
            "a producer has nothing now: it is asked again, and what it then gives goes on",
            "a thread does not hibernate; it answers that it is idle",
            p15,
        ),
        Case::differs(
            "P16",
            "asked_and_ends",
            "a producer has no more, or cannot go on: what it gave is finished, and the run ends, or fails",
            "an end is an end: nobody starts the producer again",
            p16,
        ),
        Case::differs(
            "P17",
            "asked_and_answers_wrongly",
            "a producer gives more than was asked for, or an empty list: all of it goes on, it is asked again",
            "types rule out what is no message",
            p17,
        ),
        Case::holds(
            "P18",
            "asked_and_transformed",
            "what a producer gives is transformed, and then goes on",
            p18,
        ),
    ]
}

/// Gives answers from a list, whatever it is asked for, and then the end.
struct Answers(std::vec::IntoIter<Result<Supply<i64>, Failure>>);

impl Producer for Answers {
    type Item = i64;
    fn produce(&mut self, _demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        self.0.next().unwrap_or(Ok(Supply::Drained))
    }
}

fn items(numbers: std::ops::Range<i64>, to: &Ticket) -> Supply<i64> {
    Supply::Items(numbers.map(|n| Entry::with_ticket(n as ItemId, n, to.clone())).collect())
}

/// Runs with such answers; gives what came of it, and the ids that were done, in order of their acks.
fn run(
    settings: Settings,
    answers: impl FnOnce(&Ticket) -> Vec<Result<Supply<i64>, Failure>>,
) -> (Result<Tally, Failure>, Vec<ItemId>) {
    let (to, heard) = ticket();
    let pipeline = Pipeline::from(Answers(answers(&to).into_iter())).settings(settings);
    let result = pipeline.stage(pass()).run();
    (result, heard.try_iter().flat_map(|ack| ids(&ack).0).collect())
}

fn p13() {
    for (name, settings) in both() {
        let pipeline = Pipeline::produced_by(1, |_: &Instance| -> Result<Answers, Failure> {
            Err(Failure::input("no such queue"))
        });
        let failure = pipeline.settings(settings).stage(pass()).run().unwrap_err();
        assert_eq!(
            failure.what, "producer 0 could not start (producer 0: no such queue)",
            "{name}"
        );
    }
}

fn p14() {
    for (name, settings) in both() {
        let (result, done) = run(settings, |to| vec![Ok(items(0..1, to)), Ok(items(1..2, to))]);
        assert_eq!((result.unwrap().done, done), (2, vec![0, 1]), "{name}");
    }
}

fn p15() {
    for (name, settings) in both() {
        let idle = || Ok(Supply::Idle(Duration::ZERO));
        let (result, done) = run(settings, |to| vec![idle(), idle(), Ok(items(0..1, to)), idle()]);
        assert_eq!((result.unwrap().done, done), (1, vec![0]), "{name}");
    }
}

fn p16() {
    for (name, settings) in both() {
        let (result, done) = run(settings.clone(), |to| {
            vec![Ok(items(0..1, to)), Ok(Supply::Drained), Ok(items(1..2, to))]
        });
        assert_eq!((result.unwrap().produced, done), (1, vec![0]), "{name}");

        let gone = Failure::input("the queue is gone");
        let (result, done) =
            run(settings, |to| vec![Ok(items(0..1, to)), Err(gone.clone()), Ok(items(1..2, to))]);
        assert_eq!((result, done), (Err(gone), vec![0]), "{name}");
    }
}

fn p17() {
    for (name, settings) in both() {
        // One worker with a demand of 1.
        let (result, done) =
            run(settings, |to| vec![Ok(items(0..7, to)), Ok(items(7..7, to)), Ok(items(7..8, to))]);
        assert_eq!((result.unwrap().done, done), (8, (0..8).collect()), "{name}");
    }
}

fn p18() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let answers = vec![Ok(items(0..1, &to)), Ok(items(1..2, &to)), Ok(items(2..3, &to))];
        let (tell, told) = bounded(16);
        let stage = crate::kit::stage(move |n, _| {
            tell.send(*n).unwrap();
            Ok(*n)
        });
        let pipeline = Pipeline::from(Answers(answers.into_iter())).settings(settings);
        let tally = pipeline.transform(|n| Ok(n * 10)).stage(stage).run().unwrap();
        assert_eq!((tally.done, told.try_iter().collect()), (3, vec![0, 10, 20]), "{name}");
        assert_eq!(heard.try_iter().flat_map(|ack| ids(&ack).0).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
