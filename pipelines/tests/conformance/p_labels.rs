//! P: units: what processes are called.

use crate::case::Case;
use crate::kit::{barrier, batch, both, dummy, entries, hear, next, pass, stage, stop, ticket};
use crate::p::until;
use crossbeam_channel::{Sender, bounded};
use pipelines::engine::batcher::{Cut, Split};
use pipelines::engine::event::Event;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Instance, Producer, Supply};
use std::collections::BTreeSet;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "P9",
            "label_of_a_producer",
            "a producer's thread is called so, with its number",
            p9,
        ),
        Case::holds(
            "P10",
            "label_of_a_processor",
            "a processor's thread is called so, with its number",
            p10,
        ),
        Case::differs(
            "P11",
            "label_of_a_batcher",
            "a batcher is called so in the topology; its splitter runs where the message comes from, or goes to",
            "a batcher is supervised, but needs no thread",
            p11,
        ),
        Case::holds(
            "P12",
            "label_of_a_batch_processor",
            "a batch processor's thread is called so, with its batcher's number and its own",
            p12,
        ),
    ]
}

fn thread() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

/// Tells in which thread it is asked, and that there is nothing.
struct Thread(Sender<String>);

impl Producer for Thread {
    type Item = i64;
    fn produce(&mut self, _demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        self.0.send(thread()).map_err(Failure::item)?;
        Ok(Supply::Drained)
    }
}

fn p9() {
    for (_, settings) in both() {
        let (tell, told) = bounded(16);
        let pipeline = Pipeline::produced_by(2, move |_: &Instance| Ok(Thread(tell.clone())));
        pipeline.settings(settings).stage(pass()).run().unwrap();
        let names: BTreeSet<_> = told.try_iter().collect();
        assert_eq!(names, BTreeSet::from(["producer 0".into(), "producer 1".into()]));
    }
}

fn p10() {
    for (_, settings) in both() {
        let ((to, heard), (tell, told)) = (ticket(), bounded(16));
        let stage = stage(move |n, _| {
            tell.send((*n, thread())).unwrap();
            Ok(*n)
        });
        let stage = stage.workers(2).partition_by(|n| *n as u64);
        let running = dummy().settings(settings).stage(stage).start().unwrap();
        running.push(entries([0, 1], &to)).unwrap();
        hear(&heard, 2);
        stop(running);
        let names: BTreeSet<_> = told.try_iter().collect();
        assert_eq!(names, BTreeSet::from([(0, "processor 0".into()), (1, "processor 1".into())]));
    }
}

fn p11() {
    for (_, settings) in both() {
        // The batcher starts late: what is there before is split by who handles its batches, and never by
        // the supervisor, which starts it.
        let (barrier, came, go) = barrier();
        let observe = move |event: &Event| {
            let starts = |process| matches!(event, Event::ProcessStarted { process: p, .. } if *p == process);
            if starts(Process::Batcher(0)) {
                barrier.pass(0);
            }
        };
        let ((to, heard), (tell, told)) = (ticket(), bounded(16));
        let splitter = move |n: &i64| {
            tell.send((*n, thread())).unwrap();
            Cut::EmitWith
        };
        let batch = batch(|_, _, _| Ok(())).split(Split::Carrying(Box::new(splitter)));
        let pipeline = dummy().settings(settings).stage(pass()).batch(batch).observed(observe);
        let running = pipeline.start().unwrap();
        next(&came);
        running.push(entries([0], &to)).unwrap();
        let holds = || {
            let members = running.topology().processes;
            let batcher = members.iter().find(|member| member.process.to_string() == "batcher 0");
            batcher.expect("it is called so").holds
        };
        until(|| holds() == 1);
        go.send(()).unwrap();
        hear(&heard, 1);
        running.push(entries([1], &to)).unwrap();
        hear(&heard, 1);
        stop(running);
        let by = [(0, "batch processor 0.0".into()), (1, "processor 0".into())];
        assert_eq!(told.try_iter().collect::<Vec<_>>(), by);
    }
}

fn p12() {
    for (_, settings) in both() {
        let ((to, heard), (tell, told)) = (ticket(), bounded(16));
        let batch = batch(move |info, _, _| {
            tell.send((info.batcher, info.partition, thread())).unwrap();
            Ok(())
        });
        let batch = batch.size(1).workers(2).partition_by(|n| *n as u64);
        let pipeline = dummy().settings(settings).stage(pass());
        let running = pipeline.batch(batch).start().unwrap();
        running.push(entries([0, 1], &to)).unwrap();
        hear(&heard, 2);
        stop(running);
        let names: BTreeSet<_> = told.try_iter().collect();
        let name = |n| (0, Some(n), format!("batch processor 0.{n}"));
        assert_eq!(names, BTreeSet::from([name(0), name(1)]));
    }
}
