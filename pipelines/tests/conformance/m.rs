//! M: shutdown.

use crate::case::Case;
use crate::fed::up;
use crate::hand::{demanding, listed};
use crate::kit::{barrier, both, dummy, ended, find, ids, next, pass, stage, ticket, told_batches};
use pipelines::acknowledger::Ticket;
use pipelines::engine::batcher::Trigger;
use pipelines::engine::event::{DrainPhase, Ending, Event};
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PROCESSOR: Process = Process::Processor(0);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "M1",
            "a_killed_root_ends_it",
            "the highest supervisor is killed: the pipeline ends, and says so",
            m1,
        ),
        Case::holds(
            "M2",
            "its_end_comes_after_all_of_theirs",
            "who waits for its end waits until every process has ended, last to first",
            m2,
        ),
        Case::holds(
            "M3",
            "what_is_queued_is_handled",
            "four messages that wait when it is stopped are handled, as one batch",
            m3,
        ),
        Case::holds(
            "M4",
            "an_incomplete_batch_goes_out",
            "two messages in a batch of four go out when it is stopped",
            m4,
        ),
        Case::holds(
            "M5",
            "what_is_produced_while_draining_is_handled",
            "what a producer gives in `prepare_for_draining` is handled; what is pushed after is refused",
            m5,
        ),
        Case::holds(
            "M6",
            "a_handler_that_hangs_does_not_hold_it_up",
            "it ends when its handler hangs and `shutdown` is 1 ms; ours says what is left",
            m6,
        ),
    ]
}

fn m1() {
    for (name, settings) in both() {
        let (running, told) = up(dummy().settings(settings).stage(pass()));
        running.kill_tree("root");
        let report = running.wait();
        let failure = report.failure.expect("it was killed").what;
        assert_eq!(failure, "the pipeline's supervisor was killed", "{name}");
        assert_eq!(ended(&told, PROCESSOR), Ending::Left);
    }
}

fn m2() {
    for (name, settings) in both() {
        let (barrier, came, go) = barrier();
        let stage = stage(move |n, _| {
            barrier.pass(*n);
            Ok(*n)
        });
        let (batch, _handled) = told_batches();
        let (running, told) = up(dummy().settings(settings).stage(stage).batch(batch));
        let heard = running.test_message(1).unwrap();
        next(&came);
        running.kill_tree("root");
        // The processor is in the middle of it: the batch processor, which comes after it, goes first.
        let last = Process::BatchProcessor { batcher: 0, index: 0 };
        assert_eq!(ended(&told, last), Ending::Left, "{name}");
        assert!(!told.try_iter().any(|event| matches!(event, Event::ProcessEnded { .. })));
        assert!(running.topology().processes.iter().any(|member| member.is_alive));
        go.send(()).unwrap();
        let topology = running.handle();
        running.wait();
        assert!(topology.topology().processes.iter().all(|member| !member.is_alive), "{name}");
        let ended = told.try_iter().filter_map(|event| match event {
            Event::ProcessEnded { process, .. } => Some(process),
            _ => None,
        });
        assert_eq!(ended.collect::<Vec<_>>(), [PROCESSOR, Process::Producer(0)], "{name}");
        drop(heard);
    }
}

/// Waits until the producers have been told to drain.
fn draining(told: &crossbeam_channel::Receiver<Event>) {
    find(told, |event| (*event == Event::Drain(DrainPhase::Producers)).then_some(()));
}

fn m3() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let (batch, handled) = told_batches();
        let staged = dummy().settings(settings).stage(demanding(pass(), 10, 5));
        let (running, told) = up(staged.batch(batch.size(4)));
        running.pause();
        running.push(listed(0, &[1, 2, 3, 4], &to)).unwrap();
        running.stop();
        draining(&told);
        running.resume();
        let report = running.wait();
        assert_eq!((report.tally.done, report.left.items(), report.failure), (4, 0, None));
        let (info, items) = next(&handled);
        assert_eq!((info.trigger, items), (Trigger::Size, vec![1, 2, 3, 4]), "{name}");
        assert_eq!(ids(&next(&heard)), (vec![0, 1, 2, 3], vec![]), "{name}");
        assert!(handled.is_empty());
    }
}

fn m4() {
    for ((name, settings), end) in both().into_iter().zip([Trigger::Flush, Trigger::Drain]) {
        let (to, heard) = ticket();
        let (batch, handled) = told_batches();
        // Its time would not come.
        let batch = batch.size(4).within(Duration::from_secs(60));
        let (running, told) = up(dummy().settings(settings).stage(pass()).batch(batch));
        running.push(listed(0, &[1, 2], &to)).unwrap();
        for _ in 0..2 {
            find(&told, |event| matches!(event, Event::Batching { .. }).then_some(()));
        }
        crate::kit::stop(running);
        let (info, items) = next(&handled);
        assert_eq!((info.trigger, items), (end, vec![1, 2]), "{name}");
        assert_eq!(ids(&next(&heard)), (vec![0, 1], vec![]), "{name}");
    }
}

/// Gives nothing until it is to drain, and then two items, once.
struct Late {
    to: Ticket,
    over: Arc<AtomicBool>,
}

impl Producer for Late {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        assert!(!self.over.load(Ordering::SeqCst), "it is not asked again");
        demand.wait(crate::kit::PATIENCE);
        Ok(Supply::Idle(Duration::ZERO))
    }
    fn prepare_for_draining(&mut self) -> Vec<Entry<i64>> {
        assert!(!self.over.swap(true, Ordering::SeqCst), "it is not asked twice");
        listed(1, &[1, 2], &self.to)
    }
}

fn m5() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let over = Arc::<AtomicBool>::default();
        let make = {
            let (to, over) = (to.clone(), over.clone());
            move |_: &Instance| Ok(Late { to: to.clone(), over: over.clone() })
        };
        let staged = Pipeline::produced_by(1, make).settings(settings).stage(pass());
        let (running, _told) = up(staged);
        let handle = running.handle();
        handle.push(listed(0, &[0], &to)).unwrap();
        handle.stop();
        let report = running.wait();
        assert!(over.load(Ordering::SeqCst));
        assert_eq!((report.tally.done, report.left.items(), report.failure), (3, 0, None));
        let acked: Vec<_> = heard.try_iter().map(|heard| ids(&heard).0).collect();
        assert_eq!(acked, [[0], [1], [2]], "{name}");
        let refused = handle.push(listed(3, &[3], &to)).unwrap_err();
        assert!(refused.what.contains("ending"), "{name}: {refused}");
        assert!(heard.is_empty());
    }
}

fn m6() {
    for ((name, settings), lost) in both().into_iter().zip([1, 0]) {
        let (barrier, came, _let_go_at_the_end) = barrier();
        let stage = stage(move |n, _| {
            barrier.pass(*n);
            Ok(*n)
        });
        let settings = pipelines::engine::settings::Settings {
            shutdown: Duration::from_millis(1),
            ..settings
        };
        let (running, told) = up(dummy().settings(settings).stage(stage));
        let heard = running.test_message(1).unwrap();
        next(&came);
        running.stop();
        let report = running.wait();
        assert_eq!(ended(&told, PROCESSOR), Ending::Abandoned, "{name}");
        assert_eq!((report.tally.lost, report.left.items()), (lost, 1 - lost), "{name}");
        assert_eq!((report.tally.done, report.failure), (0, None), "{name}");
        assert!(heard.is_empty());
    }
}
