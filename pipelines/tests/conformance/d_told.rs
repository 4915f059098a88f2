//! D10: what is told of a run in which everything happens.

use crate::case::Case;
use crate::fed::up;
use crate::kit::{
    NEVER, at_once, batch, both, dummy, entries, find, ids, next, stage, stop, ticket,
};
use pipelines::engine::event::Event;
use pipelines::engine::judge::Decision;
use pipelines::message::Failure;

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::differs(
        "D10",
        "what_is_told_of_a_mixed_run",
        "six items with every kind of end: every start, end and error is told, in order, with its numbers",
        "what begins and ends is told with counts and not with the items; the end of a chunk is told before \
         its failures are judged and acknowledged, so that the time it says is the handlers'",
        d10,
    )]
}

/// What is told of the flow, without times.
fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::ChunkStarted { processor, items } => format!("chunk of {items} at {processor}"),
        Event::ItemEnded { item, attempt: 0, processor: 0, error: None, .. } => {
            format!("{item} done")
        }
        Event::ItemEnded {
            item, attempt: 0, processor: 0, error: Some((death, words)), ..
        } => {
            format!("{item}: {death}: {words}")
        }
        Event::ItemEnded { .. } => panic!("by whom? {event:?}"),
        Event::ChunkEnded { processor, done, failed, .. } => {
            format!("chunk at {processor}: {done} done, {failed} failed")
        }
        Event::FailureJudged { item, decision, panic: None, .. } => {
            format!("{item} is to {decision}")
        }
        Event::FailureJudged { .. } => panic!("who panicked? {event:?}"),
        Event::Batching { batcher, items } => format!("{items} to batcher {batcher}"),
        Event::BatchStarted { process, info } => {
            format!("batch of {} by {} at {process}", info.size, info.trigger)
        }
        Event::BatchEnded { process, info, done, failed, .. } => {
            format!("batch of {} at {process}: {done} done, {failed} failed", info.size)
        }
        Event::AckFailed { .. } | Event::Lost { .. } | Event::Returned { .. } => {
            panic!("nothing of the kind happens: {event:?}")
        }
        _ => return None,
    })
}

fn d10() {
    for (_, settings) in both() {
        let stage = stage(|n, _| match n {
            2 => Err(Failure::item("failed by its handler")),
            4 => panic!("boom"),
            5 => Err(Failure::item("no number")),
            n => Ok(*n),
        });
        let stage = at_once(stage, 6).attempts(1);
        let batch = batch(|_, items, fates| {
            let index = items.iter().position(|done| done.out == 3);
            fates.fail(index.unwrap(), Failure::item("failed by its batch handler"));
            Ok(())
        });
        let batch = batch.size(3).within(NEVER).on_failed(|_| Decision::Fail);
        let stage = stage.on_failed(|_| Decision::Fail);
        let (running, events) = up(dummy().settings(settings).stage(stage).batch(batch));
        let (to, heard) = ticket();
        running.push(entries(0..6, &to)).unwrap();
        assert_eq!(ids(&next(&heard)), (vec![], vec![2, 4, 5]));
        assert_eq!(ids(&next(&heard)), (vec![0, 1], vec![3]));
        let mut told = vec![];
        find(&events, |event| {
            told.extend(line(event));
            matches!(event, Event::BatchEnded { .. }).then_some(())
        });
        assert_eq!(
            told,
            [
                "chunk of 6 at 0",
                "0 done",
                "1 done",
                "2: error: failed by its handler",
                "3 done",
                "4: panic: the handler panicked: boom",
                "5: error: no number",
                "chunk at 0: 3 done, 3 failed",
                "2 is to fail",
                "4 is to fail",
                "5 is to fail",
                "3 to batcher 0",
                "batch of 3 by size at batch processor 0.0",
                "3 is to fail",
                "batch of 3 at batch processor 0.0: 2 done, 1 failed",
            ]
        );
        stop(running);
        assert_eq!(events.try_iter().filter_map(|event| line(&event)).count(), 0);
        assert_eq!(heard.len(), 0);
    }
}
