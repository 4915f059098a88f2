//! E: no batchers.

use crate::case::Case;
use crate::kit::{
    Barrier, at_once, barrier, both, dummy, entries, find, hear, ids, next, observer, pass, stage,
    stop, ticket,
};
use pipelines::acknowledger::Ticket;
use pipelines::engine::event::{DrainPhase, Event};
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::num::NonZeroUsize;
use std::sync::Arc;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds("E1", "no_batcher_exists", "no batcher is supervised", e1),
        Case::holds(
            "E2",
            "acked_by_the_processor",
            "what is done is acked by the processor, per chunk",
            e2,
        ),
        Case::holds(
            "E3",
            "a_failure_is_acked_with_its_chunk",
            "what a handler failed is acked as failed, in the same call as what it did",
            e3,
        ),
        Case::holds(
            "E4",
            "a_stop_drains",
            "stopped while 4 messages are with a producer that is suspended, or wait, or before all of it has \
             started: all 4 are acked",
            e4,
        ),
    ]
}

fn e1() {
    let running = dummy().stage(pass()).start().unwrap();
    let heard = running.test_message(1).unwrap();
    assert_eq!(next(&heard).done.len(), 1);
    let batchers = |p: &Process| matches!(p, Process::Batcher(_) | Process::BatchProcessor { .. });
    assert!(running.topology().processes.iter().all(|member| !batchers(&member.process)));
    stop(running);
}

fn e2() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let stage = pass().max_demand(NonZeroUsize::new(2).unwrap()).min_demand(1);
        let tally = crate::kit::counting(3, to).settings(settings).stage(stage).run().unwrap();
        assert_eq!((tally.produced, tally.done), (3, 3));
        let acked: Vec<_> = heard.try_iter().map(|heard| ids(&heard).0).collect();
        assert_eq!(acked, [[0], [1], [2]]);
    }
}

fn e3() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let failing =
            stage(|n, _| if *n == 2 { Err(Failure::item("not this one")) } else { Ok(*n) });
        let running =
            dummy().settings(settings).stage(at_once(failing, 8).attempts(1)).start().unwrap();
        running.push(entries(1..=4, &to)).unwrap();
        let ack = next(&heard);
        assert_eq!(ids(&ack), (vec![1, 3, 4], vec![2]), "{name}");
        assert_eq!(ack.failed[0].failure.as_ref().unwrap().what, "not this one");
        stop(running);
        assert_eq!(heard.try_iter().count(), 0, "{name}: nothing is acked twice");
    }
}

/// Gives four items, once it is let go on, and then ends.
struct Suspended {
    barrier: Arc<Barrier>,
    given: bool,
    to: Ticket,
}

impl Producer for Suspended {
    type Item = i64;
    fn produce(&mut self, _demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        if std::mem::replace(&mut self.given, true) {
            return Ok(Supply::Drained);
        }
        self.barrier.pass(0);
        Ok(Supply::Items(
            (1..=4).map(|n| Entry::with_ticket(n as u64, n, self.to.clone())).collect(),
        ))
    }
}

fn e4() {
    for (name, settings) in both() {
        let ((to, heard), (tell, told)) = (ticket(), observer());
        let (barrier, came, go) = barrier();
        let barrier = Arc::new(barrier);
        let make = move |_: &Instance| {
            Ok(Suspended { barrier: barrier.clone(), given: false, to: to.clone() })
        };
        let pipeline = Pipeline::produced_by(1, make).settings(settings.clone());
        let running = pipeline.stage(at_once(pass(), 4)).observed(tell).start().unwrap();
        next(&came);
        running.stop();
        find(&told, draining);
        go.send(()).unwrap();
        stop(running);
        assert_eq!(heard.try_iter().flat_map(|ack| ids(&ack).0).collect::<Vec<_>>(), [1, 2, 3, 4]);

        paused(name, settings.clone());
        early(name, settings);
    }
}

/// Stopped while items wait and nothing new is begun: they are done once it goes on.
fn paused(name: &str, settings: Settings) {
    let ((to, heard), (tell, told)) = (ticket(), observer());
    let running = dummy().settings(settings).stage(pass()).observed(tell).start().unwrap();
    running.pause();
    running.push(entries(1..=4, &to)).unwrap();
    running.stop();
    find(&told, draining);
    assert_eq!(heard.try_iter().count(), 0, "{name}: nothing is done while it is paused");
    running.resume();
    assert_eq!(hear(&heard, 4).len(), 4);
    stop(running);
}

/// Stopped before all of it has started.
fn early(name: &str, settings: Settings) {
    let ((to, heard), (barrier, came, go)) = (ticket(), barrier());
    let observe = move |event: &Event| {
        if matches!(event, Event::ProcessStarted { process: Process::Producer(0), .. }) {
            barrier.pass(0);
        }
    };
    let running = dummy().settings(settings).stage(pass()).observed(observe).start().unwrap();
    next(&came);
    running.push(entries(1..=4, &to)).unwrap();
    running.stop();
    go.send(()).unwrap();
    stop(running);
    let done: Vec<_> = heard.try_iter().flat_map(|ack| ids(&ack).0).collect();
    assert_eq!(done, [1, 2, 3, 4], "{name}");
}

fn draining(event: &Event) -> Option<()> {
    (*event == Event::Drain(DrainPhase::Producers)).then_some(())
}
