//! A8–A13: how many there are of each.

use crate::case::Case;
use crate::kit::{Closure, Dummy, batch, both, dummy, find, next, observer, pass, stop};
use pipelines::engine::event::Event;
use pipelines::engine::limiter::{Kind, Rate};
use pipelines::engine::service::Service;
use pipelines::engine::tree::shapes::Process;
use pipelines::pipeline::{Pipeline, Staged};
use pipelines::producer::Instance;
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds("A8", "one_producer", "one producer, if nothing else is said", a8),
        Case::holds(
            "A9",
            "several_producers_and_a_start",
            "as many producers as asked for; that it is up is told once, after all that it consists of",
            a9,
        ),
        Case::differs(
            "A10",
            "one_processor",
            "how many processors there are, if nothing is said",
            "one, and not two for each core: a processor may hold an image of gigabytes, so that their \
             number is to be chosen",
            a10,
        ),
        Case::holds("A11", "several_processors", "as many processors as asked for", a11),
        Case::holds("A12", "one_batch_processor", "one batch processor for each batcher", a12),
        Case::holds(
            "A13",
            "several_batch_processors",
            "as many batch processors as asked for, for each batcher its own number",
            a13,
        ),
    ]
}

/// What it consists of, in the order in which it starts; it works.
fn members(staged: Staged<Closure>) -> Vec<Process> {
    let (observe, told) = observer();
    let running = staged.observed(observe).start().unwrap();
    let mut members = vec![];
    find(&told, |event| match event {
        Event::ProcessStarted { process, incarnation } => {
            assert_eq!(*incarnation, 1);
            members.push(*process);
            None
        }
        Event::Started => Some(()),
        _ => None,
    });
    let topology = running.topology();
    assert!(topology.processes.iter().all(|member| member.is_alive && member.incarnation == 1));
    let mut sorted = members.clone();
    sorted.sort();
    assert_eq!(topology.processes.iter().map(|m| m.process).collect::<Vec<_>>(), sorted);
    assert_eq!(next(&running.test_message(1).unwrap()).done.len(), 1);
    stop(running);
    let again = told.try_iter().filter(|event| *event == Event::Started).count();
    assert_eq!(again, 0, "it is told once");
    members
}

use Process::{Batcher, Processor, Producer, RateLimiter, Terminator};

fn a8() {
    for (_, settings) in both() {
        let one = [Producer(0), Processor(0), Terminator];
        assert_eq!(members(dummy().settings(settings.clone()).stage(pass())), one);
        let from = Pipeline::from(Dummy).settings(settings.clone()).stage(pass());
        assert_eq!(members(from), one);
        let none = Pipeline::produced_by(0, |_: &Instance| Ok(Dummy)).settings(settings);
        assert_eq!(members(none.stage(pass())), one);
    }
}

fn a9() {
    for (_, settings) in both() {
        let three = Pipeline::produced_by(3, |_: &Instance| Ok(Dummy)).settings(settings);
        let rate = Rate::new(Some(1000), None, Duration::from_secs(1)).unwrap();
        let service = Service::new(|here| {
            here.started();
            while !here.wait(Duration::from_secs(1)) {}
            Ok(())
        });
        let three = three.rate_limited(Kind::Window, rate, |_| 1).service(service);
        let in_order = [
            Process::Service(0),
            RateLimiter,
            Producer(0),
            Producer(1),
            Producer(2),
            Processor(0),
            Batcher(0),
            handler(0, 0),
            Terminator,
        ];
        assert_eq!(members(three.stage(pass()).batch(batch(|_, _, _| Ok(())))), in_order);
    }
}

fn handler(batcher: usize, index: usize) -> Process {
    Process::BatchProcessor { batcher, index }
}

/// Processors of a pipeline, and others.
fn processors(staged: Staged<Closure>) -> (Vec<Process>, usize) {
    let (processors, others): (Vec<_>, Vec<_>) =
        members(staged).into_iter().partition(|p| matches!(p, Processor(_)));
    (processors, others.len())
}

fn a10() {
    for (_, settings) in both() {
        let staged = dummy().settings(settings).stage(pass());
        assert_eq!(processors(staged), (vec![Processor(0)], 2));
    }
}

fn a11() {
    for (_, settings) in both() {
        for (asked, given) in [(13, 13), (0, 1)] {
            let staged = dummy().settings(settings.clone()).stage(pass().workers(asked));
            assert_eq!(processors(staged), ((0..given).map(Processor).collect(), 2));
        }
    }
}

/// What starts between the processors and the terminator.
fn batchers(staged: Staged<Closure>) -> Vec<Process> {
    let members = members(staged);
    assert_eq!(members.last(), Some(&Terminator));
    let begins = members.iter().position(|p| *p == Batcher(0)).unwrap();
    members[begins..members.len() - 1].to_vec()
}

fn a12() {
    for (_, settings) in both() {
        let staged = dummy().settings(settings).stage(pass());
        let staged = staged.batch(batch(|_, _, _| Ok(()))).batch(batch(|_, _, _| Ok(())));
        assert_eq!(batchers(staged), [Batcher(0), handler(0, 0), Batcher(1), handler(1, 0)]);
    }
}

fn a13() {
    for (_, settings) in both() {
        let staged = dummy().settings(settings).stage(pass());
        let (two, three) = (batch(|_, _, _| Ok(())).workers(2), batch(|_, _, _| Ok(())).workers(3));
        let there = [
            Batcher(0),
            handler(0, 0),
            handler(0, 1),
            Batcher(1),
            handler(1, 0),
            handler(1, 1),
            handler(1, 2),
        ];
        assert_eq!(batchers(staged.batch(two).batch(three)), there);
    }
}
