//! J: who decides about items that failed. What is told of it is in `j_told.rs`.

use crate::case::Case;
use crate::fed::up;
use crate::heard::{data, data_of};
use crate::kit::{NEVER, batch, both, dummy, life, next, stage, stop};
use crossbeam_channel::{Receiver, Sender, bounded};
use pipelines::engine::event::Event;
use pipelines::engine::judge::{Decision, Failed};
use pipelines::engine::tree::shapes::Process;
use pipelines::message::{Death, Failure};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "J1",
            "failed_by_its_handler",
            "a handler fails an item: it is asked about it, and what it makes of it is acknowledged",
            j1,
        ),
        Case::holds(
            "J2",
            "a_panic_of_the_handler",
            "a handler panics over an item: asked about it, acknowledged as it decides, and told",
            j2,
        ),
        Case::holds(
            "J3",
            "the_decision_panics",
            "who decides panics: the item is still acknowledged as failed, the processor lives",
            j3,
        ),
        Case::differs(
            "J4",
            "failed_by_their_batch_handler",
            "two of four items of a batch fail: asked about these; the others are untouched, nothing is reported",
            "it is asked about one item at a time, so that it decides about each, and can return no fewer",
            j4,
        ),
        Case::differs(
            "J5",
            "the_batch_handler_fails",
            "a batch handler fails or panics: asked about the whole batch",
            "it is asked about one item at a time, so that it decides about each, and can return no fewer",
            j5,
        ),
        Case::holds(
            "J6",
            "the_decision_about_a_batch_panics",
            "who decides panics over a batch: all of it is still acknowledged as failed; over one item: the \
             others go by their own decision",
            j6,
        ),
    ]
}

/// What was asked about: item, what it is, attempts it had, how it ended, in words.
type Asked = (i64, u32, Death, String);

/// Fails it for a reason with the item in it.
fn updated<O>(tell: &Sender<Asked>, failed: &Failed<'_, i64>) -> Decision<O> {
    let Failed { input, attempts, death, failure, .. } = *failed;
    tell.send((*input, attempts, death, failure.what.clone())).unwrap();
    Decision::FailAs(Failure::item(format!("{input}, after {attempts}")))
}

fn asked() -> (Sender<Asked>, Receiver<Asked>) {
    bounded(1000)
}

/// Handlers for a stage that go wrong over the item -1.
fn check_processor(go_wrong: fn() -> Failure, death: Death, words: &str) {
    for (_, settings) in both() {
        // Handed over, there is nothing left to try again with.
        let attempts = if settings.as_the_original { 1 } else { 3 };
        let (tell, asked) = asked();
        let stage = stage(move |n, _| if *n == -1 { Err(go_wrong()) } else { Ok(*n) });
        let stage = stage.on_failed(move |failed| updated(&tell, failed));
        let (running, events) = up(dummy().settings(settings).stage(stage));
        let heard = running.test_batch(vec![1, -1, 2]).unwrap();
        let why = format!("-1, after {attempts}");
        assert_eq!(data_of(&heard, 3), (vec![0, 2], vec![(1, why)]));
        assert_eq!(life(&running, Process::Processor(0)), 1);
        stop(running);
        let all: Vec<_> = asked.try_iter().collect();
        assert_eq!(all, [(-1, attempts, death, words.to_owned())]);
        let told = events.try_iter().filter(
            |event| matches!(event, Event::ItemEnded { error: Some((d, w)), .. } if *d == death && w == words),
        );
        assert_eq!(told.count(), attempts as usize);
    }
}

fn j1() {
    check_processor(|| Failure::item("it is negative"), Death::Error, "it is negative");
}

fn j2() {
    check_processor(|| panic!("boom"), Death::Panic, "the handler panicked: boom");
}

fn j3() {
    for (_, settings) in both() {
        let stage = stage(|n, _| if *n < 0 { Err(Failure::item("negative")) } else { Ok(*n) });
        let stage = stage.on_failed(|failed| match failed.input {
            -1 => panic!("no decision"),
            _ => Decision::FailAs(Failure::item("decided")),
        });
        let (running, _) = up(dummy().settings(settings).stage(stage));
        let heard = running.test_batch(vec![-1, 1, -2]).unwrap();
        let failed = vec![(0, "negative".to_owned()), (2, "decided".to_owned())];
        assert_eq!(data_of(&heard, 3), (vec![1], failed));
        assert_eq!(life(&running, Process::Processor(0)), 1);
        stop(running);
        assert_eq!(heard.len(), 0);
    }
}

const BATCH: Process = Process::BatchProcessor { batcher: 0, index: 0 };

fn j4() {
    for (_, settings) in both() {
        let (tell, asked) = asked();
        let batch = batch(|_, items, fates| {
            for (index, done) in items.iter().enumerate().filter(|(_, done)| done.out < 0) {
                fates.fail(index, Failure::item(format!("no {}", done.out)));
            }
            Ok(())
        });
        let batch = batch.size(4).within(NEVER).on_failed(move |failed| updated(&tell, failed));
        let (running, events) =
            up(dummy().settings(settings).stage(crate::kit::pass()).batch(batch));
        let heard = running.test_batch(vec![1, -1, 2, -2]).unwrap();
        let failed = vec![(1, "-1, after 1".to_owned()), (3, "-2, after 1".to_owned())];
        assert_eq!(data(&next(&heard)), (vec![0, 2], failed));
        stop(running);
        let about = |n: i64| (n, 1, Death::Error, format!("no {n}"));
        assert_eq!(asked.try_iter().collect::<Vec<_>>(), [about(-1), about(-2)]);
        assert_eq!(heard.len(), 0);
        let reported = |event: &Event| {
            matches!(
                event,
                Event::ItemEnded { error: Some(_), .. }
                    | Event::AckFailed { .. }
                    | Event::FailureJudged { panic: Some(_), .. }
                    | Event::Lost { .. }
            )
        };
        assert!(!events.try_iter().any(|event| reported(&event)));
    }
}

fn j5() {
    type GoWrong = fn() -> Failure;
    let fails: [(GoWrong, &str); 2] =
        [(|| panic!("boom"), "boom"), (|| Failure::item("the disk is away"), "the disk is away")];
    for (go_wrong, words) in fails {
        for (_, settings) in both() {
            let (tell, asked) = asked();
            let batch =
                batch(move |_, items, _| if items[0].out < 0 { Err(go_wrong()) } else { Ok(()) });
            let batch = batch.size(2).within(NEVER).on_failed(move |failed| updated(&tell, failed));
            let staged = dummy().settings(settings).stage(crate::kit::pass()).batch(batch);
            let (running, _) = up(staged);
            let heard = running.test_batch(vec![-1, 2]).unwrap();
            let failed = vec![(0, "-1, after 1".to_owned()), (1, "2, after 1".to_owned())];
            assert_eq!(data(&next(&heard)), (vec![], failed));
            let about = |n| (n, 1, Death::Error, words.to_owned());
            assert_eq!(asked.try_iter().collect::<Vec<_>>(), [about(-1), about(2)]);
            assert_eq!(life(&running, BATCH), 1);
            let heard = running.test_batch(vec![3, 4]).unwrap();
            assert_eq!(data(&next(&heard)), (vec![0, 1], vec![]));
            stop(running);
        }
    }
}

fn j6() {
    for (_, settings) in both() {
        let batch = batch(|_, items, _| match items[0].out {
            ..0 => Err(Failure::item("negative")),
            _ => Ok(()),
        });
        let batch = batch.size(2).within(NEVER).on_failed(|failed| match failed.input {
            -1 => panic!("no decision"),
            _ => Decision::FailAs(Failure::item("decided")),
        });
        let staged = dummy().settings(settings).stage(crate::kit::pass()).batch(batch);
        let (running, _) = up(staged);
        let fates = |items| data(&next(&running.test_batch(items).unwrap()));
        let (negative, decided) = ("negative".to_owned(), "decided".to_owned());
        assert_eq!(
            fates(vec![-1, -1]),
            (vec![], vec![(0, negative.clone()), (1, negative.clone())])
        );
        assert_eq!(fates(vec![-1, -2]), (vec![], vec![(0, negative), (1, decided)]));
        assert_eq!(fates(vec![1, 2]), (vec![0, 1], vec![]));
        assert_eq!(life(&running, BATCH), 1);
        stop(running);
    }
}
