//! A14–A19: what runs at the start, and what it is given.

use crate::case::Case;
use crate::fed::{fed, up};
use crate::kit::{
    Dummy, PATIENCE, both, dummy, ended, ids, life, next, pass, stage, started, stop, ticket,
    told_batches,
};
use crossbeam_channel::{Receiver, bounded};
use pipelines::engine::event::Ending;
use pipelines::engine::service::Service;
use pipelines::engine::settings::Supervision;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::{Desk, Handler};
use pipelines::message::Failure;
use pipelines::pipeline::{Pipeline, Stage};
use pipelines::producer::Instance;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::differs(
            "A14",
            "the_configuration_is_the_context",
            "what every call of a handler is given",
            "each handler has a configuration of its own type, so that there is none by default and no \
             sentinel for it",
            a14,
        ),
        Case::holds(
            "A15",
            "prepared_for_start",
            "what prepares the start swaps the producer and adds a service: both work, the service is \
             supervised",
            a15,
        ),
        Case::holds(
            "A16",
            "a_preparation_that_fails",
            "what prepares the start fails: so does the start, in its words; nothing was begun",
            a16,
        ),
        Case::holds(
            "A17",
            "a_preparation_is_checked",
            "what prepares the start returns what makes no sense: it is refused as if it had been there before",
            a17,
        ),
        Case::holds(
            "A18",
            "which_copy_it_is",
            "each copy of a producer is told which it is, of how many, in which pipeline",
            a18,
        ),
        Case::differs(
            "A19",
            "threads_are_named",
            "a process is given what the scheduler knows it by, level by level",
            "a thread has no such options; it has a name that says what it is",
            a19,
        ),
    ]
}

/// Multiplies by its configuration.
struct Times(i64);

impl Handler for Times {
    type Config = i64;
    type In = i64;
    type Out = i64;
    fn open(config: &i64) -> Result<Self, Failure> {
        Ok(Self(*config))
    }
    fn handle(&mut self, input: &i64, _: &mut Desk<'_>) -> Result<i64, Failure> {
        Ok(self.0 * input)
    }
}

fn a14() {
    for (_, settings) in both() {
        let (batch, told) = told_batches();
        let staged = dummy().settings(settings).stage(Stage::<Times>::new(7)).batch(batch.size(1));
        let (running, events) = up(staged);
        running.test_message(2).unwrap();
        assert_eq!(next(&told).1, [14]);
        // Another life is given the same.
        assert!(running.kill(Process::Processor(0)));
        assert_eq!(started(&events, Process::Processor(0)), 2);
        running.test_message(3).unwrap();
        assert_eq!(next(&told).1, [21]);
        stop(running);
    }
}

/// A service, and what is heard at each start of it.
fn service() -> (Service, Receiver<()>) {
    let (tell, told) = bounded(100);
    let service = Service::new(move |here| {
        here.started();
        tell.send(()).unwrap();
        while !here.wait(PATIENCE) {}
        Ok(())
    });
    (service, told)
}

fn a15() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let (pipeline, feed) = fed(to);
        let (service, is_up) = service();
        let (set, kind) = (settings.clone(), settings.supervision);
        let prepared = Pipeline::produced_by(1, |_: &Instance| -> Result<Dummy, Failure> {
            Err(Failure::engine("this one was to be swapped"))
        })
        .prepare_for_start(move |_| Ok(pipeline.settings(set).service(service)));
        let (running, events) = up(prepared.stage(pass()));
        next(&is_up);
        feed.send(vec![1]).unwrap();
        assert_eq!(ids(&next(&heard)), (vec![0], vec![]));

        assert!(running.kill(Process::Service(0)));
        assert_eq!(ended(&events, Process::Service(0)), Ending::Killed);
        next(&is_up);
        let mut lives = 1;
        if kind == Supervision::Broadway {
            // It comes first: all that comes after it goes with it.
            lives = 2;
            assert_eq!(started(&events, Process::Terminator), lives);
        }
        for process in [Process::Producer(0), Process::Processor(0), Process::Terminator] {
            assert_eq!(life(&running, process), lives);
        }
        assert_eq!(life(&running, Process::Service(0)), 2);
        feed.send(vec![2]).unwrap();
        assert_eq!(ids(&next(&heard)), (vec![1], vec![]));
        stop(running);
    }
}

/// A pipeline that counts how often its producer was made.
fn counted() -> (Pipeline<i64>, Arc<AtomicUsize>) {
    let made = Arc::new(AtomicUsize::new(0));
    let count = made.clone();
    let make = move |_: &Instance| {
        count.fetch_add(1, Ordering::SeqCst);
        Ok(Dummy)
    };
    (Pipeline::produced_by(1, make), made)
}

fn a16() {
    for (_, settings) in both() {
        let (pipeline, made) = counted();
        let why = Failure::input("the queue has no room; make some");
        let words = why.clone();
        let prepared = pipeline.settings(settings).named("a16").prepare_for_start(|_| Err(words));
        let (observe, events) = crate::kit::observer();
        let refused = prepared.stage(pass()).observed(observe).start().err();
        assert_eq!(refused, Some(why));
        assert_eq!((made.load(Ordering::SeqCst), events.len()), (0, 0));
        // Its name is free.
        stop(up(dummy().named("a16").stage(pass())).0);
    }
}

fn a17() {
    for (_, settings) in both() {
        let (pipeline, made) = counted();
        let prepared = pipeline.settings(settings.clone()).prepare_for_start(|p| Ok(p.named("")));
        let why = "a pipeline's name is empty; give it one, or none at all";
        assert_eq!(prepared.stage(pass()).start().err(), Some(Failure::input(why)));
        let (pipeline, made_too) = counted();
        let before = pipeline.prepare_for_start(Ok).transform(Ok).settings(settings);
        let prepared = dummy().prepare_for_start(move |_| Ok(before));
        let why = "`prepare_for_start` comes before `transform`; it has to come after it";
        assert_eq!(prepared.stage(pass()).start().err(), Some(Failure::input(why)));
        assert_eq!((made.load(Ordering::SeqCst), made_too.load(Ordering::SeqCst)), (0, 0));
    }
}

fn a18() {
    for (_, settings) in both() {
        let (tell, told) = bounded(100);
        let original = settings.as_the_original;
        let make = move |instance: &Instance| {
            tell.send(instance.clone()).unwrap();
            Ok(Dummy)
        };
        let pipeline = Pipeline::produced_by(3, make).settings(settings).named("a18");
        let (running, events) = up(pipeline.stage(pass()));
        let which = |index| Instance { index, of: 3, pipeline: "a18".to_owned() };
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [which(0), which(1), which(2)]);
        assert!(running.kill(Process::Producer(1)));
        assert_eq!(started(&events, Process::Producer(1)), 2);
        if original {
            // Ours is the same one as before: a thread has only borrowed it.
            assert_eq!(next(&told), which(1));
        }
        stop(running);
        assert_eq!(told.len(), 0);
    }
}

fn a19() {
    for (_, settings) in both() {
        let (tell, told) = bounded(100);
        let name = move || {
            let name = std::thread::current().name().map(str::to_owned);
            tell.send(name.unwrap_or_default()).unwrap();
        };
        let (of_producer, of_processor, of_handler) = (name.clone(), name.clone(), name.clone());
        let pipeline = Pipeline::produced_by(1, move |_: &Instance| {
            of_producer();
            Ok(Dummy)
        });
        let service = Service::new(move |here| {
            name();
            here.started();
            while !here.wait(PATIENCE) {}
            Ok(())
        });
        let stage = stage(move |n, _| {
            of_processor();
            Ok(*n)
        });
        let batch = crate::kit::batch(move |_, _, _| {
            of_handler();
            Ok(())
        });
        let running = up(pipeline.settings(settings).service(service).stage(stage).batch(batch)).0;
        running.test_message(1).unwrap();
        for name in ["service 0", "producer 0", "processor 0", "batch processor 0.0"] {
            assert_eq!(next(&told), name);
        }
        stop(running);
    }
}
