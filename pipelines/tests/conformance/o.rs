//! O: names, and what can be seen of a pipeline that runs.

use crate::case::Case;
use crate::kit::{batch, both, dummy, find, next, observer, pass, stage, stop};
use crossbeam_channel::bounded;
use pipelines::engine::event::Event;
use pipelines::engine::limiter::{Kind, Rate};
use pipelines::engine::registry;
use pipelines::engine::running::{Handle, Running};
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use pipelines::pipeline::{Pipeline, Staged};
use pipelines::producer::{Demand, Instance, Producer, Supply};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "O1",
            "topology",
            "a pipeline with one of each: its name, and each process that there is",
            o1,
        ),
        Case::holds("O2", "topology_without_batchers", "no batchers: none are listed", o2),
        Case::holds(
            "O3",
            "topology_of_many",
            "several batchers with several batch processors: each is listed under its batcher",
            o3,
        ),
        Case::holds(
            "O4",
            "all_that_run",
            "two named pipelines, stopped one after the other: the list has exactly those that live",
            o4,
        ),
        Case::holds("O5", "stopped_by_its_handle", "stopped by its handle: it ends in order", o5),
        Case::holds(
            "O6",
            "stopped_by_its_name",
            "stopped by its name, from anywhere: it ends in order; later nobody is called so",
            o6,
        ),
        Case::holds(
            "O7",
            "any_name_and_its_stages",
            "a name of any form: handlers and batch handlers run in threads named by stage and number",
            o7,
        ),
        Case::holds(
            "O8",
            "any_name_and_its_rate",
            "a name of any form: the rate limit is read and changed",
            o8,
        ),
        Case::holds(
            "O9",
            "any_name_in_the_list",
            "a name of any form: it is listed while it runs",
            o9,
        ),
        Case::holds(
            "O10",
            "any_name_and_its_producers",
            "a name of any form: each producer knows it and its own number, and is listed",
            o10,
        ),
        Case::holds(
            "O11",
            "any_name_in_the_topology",
            "a name of any form: the topology carries it",
            o11,
        ),
        Case::holds(
            "O12",
            "any_name_and_a_test_message",
            "a name of any form: a test message is acked",
            o12,
        ),
        Case::differs(
            "O13",
            "a_name_that_cannot_be",
            "a name that cannot be used (empty, or taken): a clear error",
            "names are texts, not terms of a registry that need a hook to make names of stages from",
            o13,
        ),
    ]
}

/// A name that is no identifier. Each test adds its own, as they run beside each other.
const NAME: &str = "tenant 7: übersicht / {\"a\": 1}";

fn named(case: &str) -> String {
    format!("{NAME} {case}")
}

/// Starts it, and waits until all of it is there.
fn up(pipeline: Staged<crate::kit::Closure>) -> Running<i64> {
    let (tell, told) = observer();
    let running = pipeline.observed(tell).start().unwrap();
    find(&told, |event| (*event == Event::Started).then_some(()));
    running
}

fn processes(handle: &Handle<i64>) -> Vec<String> {
    let members = handle.topology().processes;
    assert!(members.iter().all(|member| member.is_alive && member.incarnation == 1));
    members.iter().map(|member| member.process.to_string()).collect()
}

fn o1() {
    for (name, settings) in both() {
        let pipeline = dummy().named("O1 ".to_owned() + name).settings(settings).stage(pass());
        let running = up(pipeline.batch(batch(|_, _, _| Ok(()))));
        assert_eq!(running.topology().name, format!("O1 {name}"));
        let all = ["producer 0", "processor 0", "batcher 0", "batch processor 0.0", "terminator"];
        assert_eq!(processes(&running), all);
        stop(running);
    }
}

fn o2() {
    for (_, settings) in both() {
        let running = up(dummy().settings(settings).stage(pass().workers(2)));
        let all = ["producer 0", "processor 0", "processor 1", "terminator"];
        assert_eq!(processes(&running), all);
        stop(running);
    }
}

fn o3() {
    for (_, settings) in both() {
        let pipeline = dummy().settings(settings).stage(pass());
        let pipeline = pipeline.batch(batch(|_, _, _| Ok(())).workers(2));
        let running = up(pipeline.batch(batch(|_, _, _| Ok(())).workers(3)));
        let batching: Vec<_> =
            processes(&running).into_iter().filter(|name| name.starts_with("batch")).collect();
        assert_eq!(
            batching,
            [
                "batcher 0",
                "batcher 1",
                "batch processor 0.0",
                "batch processor 0.1",
                "batch processor 1.0",
                "batch processor 1.1",
                "batch processor 1.2"
            ]
        );
        stop(running);
    }
}

/// Those that run of these names.
fn running_of(prefix: &str) -> Vec<String> {
    registry::all_running().into_iter().filter(|name| name.starts_with(prefix)).collect()
}

fn o4() {
    for (_, settings) in both() {
        let start = |name: &str| {
            dummy().named(name).settings(settings.clone()).stage(pass()).start().unwrap()
        };
        let (b, a) = (start("O4 b"), start("O4 a"));
        assert_eq!(running_of("O4 "), ["O4 a", "O4 b"]);
        stop(a);
        assert_eq!(running_of("O4 "), ["O4 b"]);
        stop(b);
        assert_eq!(running_of("O4 "), [""; 0]);
    }
}

fn o5() {
    for (name, settings) in both() {
        let running = up(dummy().settings(settings).stage(pass()));
        let heard = running.test_message(1).unwrap();
        running.handle().stop();
        let report = running.wait();
        assert_eq!(
            (report.tally.done, report.left.items(), report.failure),
            (1, 0, None),
            "{name}"
        );
        assert_eq!(next(&heard).done.len(), 1);
    }
}

fn o6() {
    for (name, settings) in both() {
        let running = up(dummy().named("O6").settings(settings).stage(pass()));
        let heard = running.test_message(1).unwrap();
        let found = std::thread::spawn(|| registry::stop("O6")).join().unwrap();
        assert!(found, "{name}");
        let report = running.wait();
        assert_eq!(
            (report.tally.done, report.left.items(), report.failure),
            (1, 0, None),
            "{name}"
        );
        assert_eq!(next(&heard).done.len(), 1);
        assert!(!registry::stop("O6"), "{name}");
    }
}

fn thread() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

fn o7() {
    let (tell, told) = bounded(16);
    let tell_batch = tell.clone();
    let stage = stage(move |n, _| {
        tell.send(thread()).unwrap();
        Ok(*n)
    });
    let batch = batch(move |_, _, _| {
        tell_batch.send(thread()).unwrap();
        Ok(())
    });
    let running = dummy().named(named("O7")).stage(stage).batch(batch).start().unwrap();
    let heard = running.test_message(1).unwrap();
    assert_eq!((next(&told), next(&told)), ("processor 0".into(), "batch processor 0.0".into()));
    next(&heard);
    stop(running);
}

fn o8() {
    let rate = |items| Rate::new(Some(items), None, Duration::from_secs(3600)).unwrap();
    let pipeline = dummy().named(named("O8"));
    let pipeline = pipeline.rate_limited(Kind::Window, rate(5), |_| 0);
    let running = pipeline.stage(pass()).start().unwrap();
    assert_eq!(running.rate(), Some(rate(5)));
    running.set_rate(rate(6), true).unwrap();
    assert_eq!(running.rate(), Some(rate(6)));
    stop(running);
}

fn o9() {
    let name = named("O9");
    let running = dummy().named(&name).stage(pass()).start().unwrap();
    assert_eq!(running_of(&name), [name.as_str()]);
    stop(running);
    assert_eq!(running_of(&name), [""; 0]);
}

struct Nothing;

impl Producer for Nothing {
    type Item = i64;
    fn produce(&mut self, _demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        Ok(Supply::Drained)
    }
}

fn o10() {
    let (tell, told) = bounded(16);
    let make = move |instance: &Instance| {
        tell.send(instance.clone()).unwrap();
        Ok(Nothing)
    };
    let name = named("O10");
    let running = Pipeline::produced_by(3, make).named(&name).stage(pass()).start().unwrap();
    let mut made = [next(&told), next(&told), next(&told)];
    made.sort_by_key(|instance| instance.index);
    let expected = |index| Instance { index, of: 3, pipeline: name.clone() };
    assert_eq!(made, [0, 1, 2].map(expected));
    let members = running.topology().processes.into_iter();
    let producers = members.map(|m| m.process).filter(|p| matches!(p, Process::Producer(_)));
    assert_eq!(producers.collect::<Vec<_>>(), [0, 1, 2].map(Process::Producer));
    // All of them are drained, so it ends by itself.
    let report = running.wait();
    assert_eq!((report.left.items(), report.failure), (0, None));
}

fn o11() {
    let name = named("O11");
    let running = dummy().named(&name).stage(pass()).start().unwrap();
    assert_eq!((running.topology().name.as_str(), running.name()), (&*name, &*name));
    stop(running);
}

fn o12() {
    let running = dummy().named(named("O12")).stage(pass()).start().unwrap();
    let heard = running.test_message(1).unwrap();
    assert_eq!(next(&heard).done.len(), 1);
    stop(running);
}

fn o13() {
    let why = |name: &str| dummy().named(name).stage(pass()).start().err().map(|f| f.what);
    let empty = "a pipeline's name is empty; give it one, or none at all";
    assert_eq!(why(""), Some(empty.to_owned()));
    let first = dummy().named("O13").stage(pass()).start().unwrap();
    let taken = "a pipeline called 'O13' is running already; wait until it has ended";
    assert_eq!(why("O13"), Some(taken.to_owned()));
    stop(first);
    let second = dummy().named("O13").stage(pass()).start().expect("the name is free again");
    stop(second);
}
