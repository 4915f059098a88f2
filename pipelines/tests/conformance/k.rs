//! K: crashes.

use crate::case::Case;
use crate::fed::up;
use crate::hand::{Hand, begin, demanding, listed, until};
use crate::kit::{
    Closure, PATIENCE, barrier, batch, both, counting_on, dummy, ended, find, ids, life, next,
    pass, stage, started, stop, ticket, told_batches,
};
use crossbeam_channel::{Receiver, bounded};
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::roster::Member;
use pipelines::engine::running::Handle;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use pipelines::pipeline::{Pipeline, Stage};
use pipelines::producer::{Demand, Instance, Producer, Supply};
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PRODUCER: Process = Process::Producer(0);
const PROCESSOR: Process = Process::Processor(0);
const BATCHER: Process = Process::Batcher(0);
const BATCH_PROCESSOR: Process = Process::BatchProcessor { batcher: 0, index: 0 };
/// An item that kills.
const KILL: i64 = -1;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "K1",
            "a_producer_is_restarted_alone",
            "a producer that is killed or falls is restarted, and nobody else is",
            k1,
        ),
        Case::holds(
            "K2",
            "processors_go_on_with_the_new_producer",
            "processors go on with what the restarted producer gives",
            k2,
        ),
        Case::holds(
            "K3",
            "a_killed_processor_is_restarted",
            "a killed processor has a new life, in which it handles the next message",
            k3,
        ),
        Case::holds(
            "K4",
            "a_processor_takes_down_what_comes_after_it",
            "a killed processor takes batcher and batch processor with it, not the producer; ours takes nobody",
            k4,
        ),
        Case::holds(
            "K5",
            "a_killed_processor_loses_what_it_held",
            "of 1, 2, kill, 3, 4, 5 at two a processor only kill and 3 are lost; ours loses none",
            k5,
        ),
        Case::holds(
            "K6",
            "batches_stay_whole_after_a_kill",
            "of the same items the batches are 1, 2 and 4, 5; ours has kill, 3 between them",
            k6,
        ),
        Case::holds(
            "K7",
            "a_killed_batcher_is_restarted",
            "a killed batcher has a new life, in which batches are made as before",
            k7,
        ),
        Case::holds(
            "K8",
            "a_batcher_takes_down_its_batch_processors",
            "a killed batcher takes its batch processor with it, not processor and producer; ours takes nobody",
            k8,
        ),
        Case::holds(
            "K9",
            "a_killed_batcher_loses_what_it_held",
            "the batch that is being handled is acked, the one that waits is lost, the next is acked; ours loses none",
            k9,
        ),
    ]
}

/// The lives of producer, processor, batcher and batch processor.
fn lives(handle: &Handle<i64>) -> [u32; 4] {
    [PRODUCER, PROCESSOR, BATCHER, BATCH_PROCESSOR].map(|process| life(handle, process))
}

/// One message comes through to its end.
fn passes(handle: &Handle<i64>) {
    assert_eq!(ids(&next(&handle.test_message(7).unwrap())).0.len(), 1);
}

/// A producer that gives nothing and falls when it is told to.
struct Falling(Receiver<()>);

impl Producer for Falling {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        if self.0.try_recv().is_ok() {
            resume_unwind(Box::new("it fell"));
        }
        demand.wait(Duration::from_millis(1));
        Ok(Supply::Idle(Duration::ZERO))
    }
}

fn k1() {
    for (name, settings) in both() {
        let (fall, told_to) = bounded(1);
        let falling = Pipeline::produced_by(1, move |_: &Instance| Ok(Falling(told_to.clone())));
        let (batch, _handled) = told_batches();
        let (running, told) = up(falling.settings(settings).stage(pass()).batch(batch));
        assert!(running.kill(PRODUCER));
        assert_eq!(ended(&told, PRODUCER), Ending::Killed, "{name}");
        assert_eq!(started(&told, PRODUCER), 2);
        fall.send(()).unwrap();
        assert_eq!(ended(&told, PRODUCER), Ending::Panicked("it fell".into()), "{name}");
        assert_eq!(started(&told, PRODUCER), 3);
        passes(&running);
        assert_eq!(lives(&running), [3, 1, 1, 1], "{name}");
        stop(running);
    }
}

fn k2() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let hand = Hand::default();
        let killer = hand.clone();
        let stage = stage(move |n, _| {
            if *n == 100 {
                killer.kill(PRODUCER);
            }
            Ok(*n)
        });
        let staged = counting_on(300, to).settings(settings).stage(demanding(stage, 10, 5));
        let (running, told) = begin(staged);
        hand.reach(&running);
        assert_eq!(running.wait().tally.done, 300, "{name}");
        let acked: Vec<_> = heard.try_iter().flat_map(|heard| ids(&heard).0).collect();
        assert!(acked.into_iter().eq(0..300), "{name}");
        let lives = told.try_iter().filter_map(|event| match event {
            Event::ProcessStarted { process: PRODUCER | PROCESSOR, incarnation } => {
                Some(incarnation)
            }
            _ => None,
        });
        assert_eq!(lives.collect::<Vec<_>>(), [1, 1, 2], "{name}");
    }
}

fn k3() {
    for (name, settings) in both() {
        let (running, told) = up(dummy().settings(settings).stage(pass()));
        for life in 2..4 {
            assert!(running.kill(PROCESSOR));
            assert_eq!(ended(&told, PROCESSOR), Ending::Killed);
            assert_eq!(started(&told, PROCESSOR), life, "{name}");
            passes(&running);
        }
        stop(running);
    }
}

/// Kills a process, and looks who is in which life then, in each setting.
fn takes_down(process: Process, lives_after: [[u32; 4]; 2]) {
    for ((name, settings), after) in both().into_iter().zip(lives_after) {
        let (batch, _handled) = told_batches();
        let (running, told) = up(dummy().settings(settings).stage(pass()).batch(batch));
        assert!(running.kill(process));
        assert_eq!(ended(&told, process), Ending::Killed);
        assert_eq!(started(&told, process), 2);
        passes(&running);
        assert_eq!(lives(&running), after, "{name}");
        stop(running);
    }
}

fn k4() {
    takes_down(PROCESSOR, [[1, 2, 2, 2], [1, 2, 1, 1]]);
}

/// 1, 2, kill, 3, 4, 5 through one processor that holds two. `ready` is asked before it is killed.
fn with_a_kill(ready: impl Fn() + Send + Sync + 'static) -> (Hand, Stage<Closure>) {
    let (hand, killed) = (Hand::default(), AtomicBool::new(false));
    let killer = hand.clone();
    let stage = stage(move |n, desk| {
        if *n == KILL && !killed.swap(true, Ordering::SeqCst) {
            ready();
            killer.kill_me(desk);
        }
        Ok(*n)
    });
    (hand, demanding(stage, 2, 1))
}

fn k5() {
    for ((name, settings), lost) in both().into_iter().zip([2, 0]) {
        let (to, heard) = ticket();
        let (hand, stage) = with_a_kill(|| {});
        let (running, told) = up(dummy().settings(settings).stage(stage));
        hand.reach(&running);
        running.push(listed(0, &[1, 2, KILL, 3, 4, 5], &to)).unwrap();
        let all: &[_] = if lost == 0 { &[0, 1, 2, 3, 4, 5] } else { &[0, 1, 4, 5] };
        for id in all {
            assert_eq!(ids(&next(&heard)), (vec![*id], vec![]), "{name}");
        }
        let gone = find(&told, |event| match event {
            Event::Lost { process: PROCESSOR, items } => Some((*items, 0)),
            Event::Returned { process: PROCESSOR, items } => Some((0, *items)),
            _ => None,
        });
        assert_eq!(gone, if lost == 0 { (0, 2) } else { (2, 0) }, "{name}");
        assert_eq!(running.topology().tally.lost, lost, "{name}");
        stop(running);
        assert!(heard.is_empty());
    }
}

fn k6() {
    let all = [&[[1, 2], [4, 5]][..], &[[1, 2], [KILL, 3], [4, 5]]];
    for ((name, settings), batches) in both().into_iter().zip(all) {
        let (to, _heard) = ticket();
        let (tell, first) = bounded(6);
        let (saw, seen) = bounded(6);
        let batch = batch(move |_, items, _| {
            saw.send(items.iter().map(|done| done.out).collect::<Vec<_>>()).unwrap();
            tell.send(()).unwrap();
            Ok(())
        });
        // Broadway's kill takes batches along: the first one is to be through before.
        let (hand, stage) = with_a_kill(move || first.recv_timeout(PATIENCE).unwrap());
        let (running, _told) = up(dummy().settings(settings).stage(stage).batch(batch.size(2)));
        hand.reach(&running);
        running.push(listed(0, &[1, 2, KILL, 3, 4, 5], &to)).unwrap();
        for batch in batches {
            assert_eq!(next(&seen), batch, "{name}");
        }
        stop(running);
        assert!(seen.is_empty());
    }
}

fn k7() {
    for (name, settings) in both() {
        let (batch, handled) = told_batches();
        let (running, told) = up(dummy().settings(settings).stage(pass()).batch(batch.size(2)));
        for (life, items) in [(2, [1, 2]), (3, [3, 4])] {
            assert!(running.kill(BATCHER));
            assert_eq!(started(&told, BATCHER), life, "{name}");
            let heard = running.test_batch(items.to_vec()).unwrap();
            assert_eq!(next(&handled).1, items, "{name}");
            assert_eq!(ids(&next(&heard)).0.len(), 2);
        }
        stop(running);
    }
}

fn k8() {
    takes_down(BATCHER, [[1, 1, 2, 2], [1, 1, 2, 1]]);
}

fn k9() {
    for ((name, settings), lost) in both().into_iter().zip([2, 0]) {
        let (to, heard) = ticket();
        let (barrier, came, go) = barrier();
        let batch = batch(move |_, items, _| {
            if items[0].out == KILL {
                barrier.pass(KILL);
            }
            Ok(())
        });
        let staged = dummy().settings(settings).stage(pass());
        let (running, told) = up(staged.batch(batch.size(2)));
        running.push(listed(0, &[1, 2, KILL, 3, 4, 5], &to)).unwrap();
        next(&came);
        // The next batch is full, and waits.
        let waits = |m: &Member| m.process == BATCHER && m.holds == 2;
        until(|| running.topology().processes.iter().any(waits));
        assert!(running.kill(BATCHER));
        assert_eq!(ended(&told, BATCHER), Ending::Killed);
        go.send(()).unwrap();
        assert_eq!(started(&told, BATCHER), 2);
        running.push(listed(6, &[6, 7], &to)).unwrap();
        let all: &[_] =
            if lost == 0 { &[[0, 1], [2, 3], [4, 5], [6, 7]] } else { &[[0, 1], [2, 3], [6, 7]] };
        for pair in all {
            assert_eq!(ids(&next(&heard)), (pair.to_vec(), vec![]), "{name}");
        }
        assert_eq!(running.topology().tally.lost, lost, "{name}");
        stop(running);
        assert!(heard.is_empty(), "{name}");
    }
}
