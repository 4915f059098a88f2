//! I: the transformer.

use crate::case::Case;
use crate::fed::{fed, up};
use crate::heard::data_of;
use crate::kit::{both, ended, ids, life, next, stage, started, stop, ticket};
use crossbeam_channel::{Receiver, bounded};
use pipelines::acknowledger::{Heard, Ticket};
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::running::Running;
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::num::NonZeroUsize;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "I1",
            "what_was_asked_for",
            "what a producer gives when it is asked is transformed",
            i1,
        ),
        Case::holds(
            "I2",
            "what_comes_at_the_drain",
            "what a producer gives when the pipeline drains is transformed",
            i2,
        ),
        Case::holds(
            "I3",
            "what_another_life_gives",
            "what a producer gives after it was killed and restarted is transformed",
            i3,
        ),
        Case::holds(
            "I4",
            "a_transformer_that_panics",
            "a transformer fails: the producer goes down with the list, what came before and after is \
             handled; ours fails that one event",
            i4,
        ),
    ]
}

/// Its items times ten, and what was handled. Negative ones cannot be transformed.
fn times_ten(
    from: Pipeline<i64>,
    settings: Settings,
) -> (Running<i64>, Receiver<Event>, Receiver<i64>) {
    let (tell, handled) = bounded(1000);
    let stage = stage(move |n, _| {
        tell.send(*n).unwrap();
        Ok(*n)
    });
    let stage = stage.max_demand(NonZeroUsize::new(10).unwrap());
    let transformed = from.transform(|n| match n {
        -1 => panic!("boom"),
        -2 => Err(Failure::item("not a number")),
        n => Ok(n * 10),
    });
    let (running, events) = up(transformed.settings(settings).stage(stage));
    (running, events, handled)
}

fn i1() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let (pipeline, feed) = fed(to);
        // One after the other, in the order in which they are named.
        let pipeline = pipeline.transform(|n| Ok(n + 1));
        let (running, _, handled) = times_ten(pipeline, settings);
        feed.send(vec![1, 2]).unwrap();
        assert_eq!([next(&handled), next(&handled)], [20, 30]);
        assert_eq!(data_of(&heard, 2), (vec![0, 0], vec![]));
        stop(running);
    }
}

/// Has two items in hand, and gives them at the end.
struct Keeps(Ticket);

impl Producer for Keeps {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        demand.wait(crate::kit::PATIENCE);
        Ok(Supply::Idle(std::time::Duration::ZERO))
    }
    fn prepare_for_draining(&mut self) -> Vec<Entry<i64>> {
        [(0, 3), (1, 4)].map(|(id, n)| Entry::with_ticket(id, n, self.0.clone())).into()
    }
}

fn i2() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let keeps = Pipeline::produced_by(1, move |_: &Instance| Ok(Keeps(to.clone())));
        let (running, _, handled) = times_ten(keeps, settings);
        stop(running);
        assert_eq!(handled.try_iter().collect::<Vec<_>>(), [30, 40]);
        assert_eq!(heard.try_iter().flat_map(|heard| ids(&heard).0).collect::<Vec<_>>(), [0, 1]);
    }
}

fn i3() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let (pipeline, feed) = fed(to);
        let (running, events, handled) = times_ten(pipeline, settings);
        assert!(running.kill(Process::Producer(0)));
        assert_eq!(started(&events, Process::Producer(0)), 2);
        feed.send(vec![5]).unwrap();
        assert_eq!(next(&handled), 50);
        assert_eq!(ids(&next(&heard)), (vec![0], vec![]));
        stop(running);
    }
}

fn i4() {
    for (bad, words) in [(-1, "the transformer panicked: boom"), (-2, "not a number")] {
        for (_, settings) in both() {
            let original = settings.as_the_original;
            let (to, heard) = ticket();
            let (pipeline, feed) = fed(to);
            let (running, events, handled) = times_ten(pipeline, settings);
            feed.send(vec![1, 2]).unwrap();
            assert_eq!([next(&handled), next(&handled)], [10, 20]);
            feed.send(vec![3, bad, 4]).unwrap();
            if original {
                let ending = ended(&events, Process::Producer(0));
                assert_eq!(ending, Ending::Panicked(words.to_owned()));
                assert_eq!(started(&events, Process::Producer(0)), 2);
            } else {
                assert_eq!([next(&handled), next(&handled)], [30, 40]);
            }
            feed.send(vec![5]).unwrap();
            assert_eq!(next(&handled), 50);
            check_i4(running, &heard, original, words);
            assert_eq!(handled.len(), 0);
        }
    }
}

/// The list 2, 3, 4 is gone in the original, and nobody was told; in ours only 3 failed.
fn check_i4(running: Running<i64>, heard: &Receiver<Heard>, original: bool, words: &str) {
    assert_eq!(life(&running, Process::Producer(0)), if original { 2 } else { 1 });
    let handle = running.handle();
    stop(running);
    let (mut done, mut failed) = (vec![], vec![]);
    for heard in heard.try_iter() {
        done.extend(ids(&heard).0);
        failed.extend(heard.failed);
    }
    let tally = handle.topology().tally;
    if original {
        assert_eq!((done, failed.len()), (vec![0, 1, 5], 0));
        assert_eq!((tally.produced, tally.done), (3, 3));
        return;
    }
    done.sort_unstable();
    assert_eq!(done, [0, 1, 2, 4, 5]);
    assert_eq!((tally.produced, tally.done, tally.failed), (6, 5, 1));
    let [failed] = &failed[..] else { panic!("one failed: {failed:?}") };
    assert_eq!(failed.item, 3);
    assert_eq!(failed.failure, Some(Failure::item(words)));
}
