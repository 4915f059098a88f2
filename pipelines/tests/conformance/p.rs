//! P: units: why a handler failed, the registry, demand.

use crate::case::Case;
use crate::kit::{
    NEVER, PATIENCE, at_once, barrier, batch, both, counting, dummy, entries, find, hear, ids,
    next, observer, pass, stage, stop, ticket,
};
use crossbeam_channel::{Receiver, bounded};
use pipelines::engine::event::Event;
use pipelines::engine::registry;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::{Death, Failure};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

pub(crate) fn cases() -> Vec<Case> {
    [reasons(), parts()].concat()
}

fn reasons() -> Vec<Case> {
    vec![
        Case::holds(
            "P1",
            "reason_of_an_exception",
            "a handler panics: death and words are told",
            p1,
        ),
        Case::holds(
            "P2",
            "reason_of_an_exit",
            "a handler ends with a reason, an error: so it is told",
            p2,
        ),
        Case::holds(
            "P3",
            "reason_of_a_throw",
            "a handler throws a value that is no text: it is told that there were no words",
            p3,
        ),
        Case::holds(
            "P4",
            "reason_of_a_native_error",
            "a handler does what the language forbids, like reading beyond the end: that is told",
            p4,
        ),
    ]
}

fn parts() -> Vec<Case> {
    vec![
        Case::holds("P5", "registry", "names are put, listed, found and deleted", p5),
        Case::holds(
            "P6",
            "dummy_producer",
            "a producer that gives nothing: a test batch is acked",
            p6,
        ),
        Case::differs(
            "P7",
            "credit_of_a_batcher",
            "a batch processor hangs: processors bring as much as the batcher has credit for, and then wait",
            "a batcher's credit is as many full batches as it has batch processors, and one more; not one \
             batch for each processor",
            p7,
        ),
        Case::differs(
            "P8",
            "demand_as_configured",
            "max_demand 4 and min_demand 1: chunks of 3, asked for 4 and 3 by turns",
            "that is a knob of the stage; a batcher's credit follows from the size of its batches",
            p8,
        ),
    ]
}

/// How the handler's end is told of, if it does this: to an observer, and by the ack.
fn reason(
    act: impl Fn() -> Result<i64, Failure> + Clone + Send + Sync + 'static,
) -> (Death, String) {
    let mut told_of = BTreeSet::new();
    let mut deaths = Vec::new();
    for (_, settings) in both() {
        let ((to, heard), (tell, told), act) = (ticket(), observer(), act.clone());
        let failing = stage(move |n, _| if *n == 1 { act() } else { Ok(*n) }).attempts(1);
        let running = dummy().settings(settings).stage(failing).observed(tell).start().unwrap();
        running.push(entries([1, 2], &to)).unwrap();
        let (death, words) = find(&told, |event| match event {
            Event::ItemEnded { item: 1, error, .. } => error.clone(),
            _ => None,
        });
        let ack = next(&heard);
        assert_eq!(ids(&ack), (vec![], vec![1]));
        assert_eq!(ack.failed[0].failure.as_ref().unwrap().what, words);
        assert_eq!(ids(&next(&heard)), (vec![2], vec![]));
        assert_eq!(crate::kit::life(&running, Process::Processor(0)), 1);
        stop(running);
        told_of.insert(words);
        deaths.push(death);
    }
    assert!(told_of.len() == 1 && deaths[0] == deaths[1]);
    (deaths[0], told_of.pop_first().unwrap())
}

fn p1() {
    let words = "the handler panicked: no room for 3".to_owned();
    let room = 3;
    assert_eq!(reason(move || panic!("no room for {room}")), (Death::Panic, words));
}

fn p2() {
    let words = "the queue is gone".to_owned();
    assert_eq!(reason(|| Err(Failure::item("the queue is gone"))), (Death::Error, words));
}

fn p3() {
    let words = "the handler panicked: it panicked without words".to_owned();
    assert_eq!(reason(|| std::panic::panic_any(7_u8)), (Death::Panic, words));
}

fn p4() {
    let (death, words) = reason(|| {
        let (empty, at): (&[i64], _) = (&[], std::hint::black_box(3));
        Ok(empty[at])
    });
    assert_eq!(death, Death::Panic);
    assert!(words.contains("index out of bounds: the len is 0 but the index is 3"), "{words}");
}

fn p5() {
    let listed = || registry::all_running().iter().filter(|name| *name == "P5").count();
    assert_eq!((listed(), registry::stop("P5")), (0, false));
    let running = dummy().named("P5").stage(pass()).start().unwrap();
    assert_eq!((listed(), registry::stop("P5")), (1, true));
    let report = running.wait();
    assert_eq!((report.failure, listed(), registry::stop("P5")), (None, 0, false));
}

fn p6() {
    for (_, settings) in both() {
        let running = dummy().settings(settings).stage(at_once(pass(), 2)).start().unwrap();
        let heard = running.test_batch(vec![1, 2]).unwrap();
        let ack = next(&heard);
        assert_eq!(ack.done.iter().map(|acked| acked.data).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(ack.failed, []);
        stop(running);
    }
}

/// Waits for what nobody tells of.
pub(crate) fn until(so: impl Fn() -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < patience, "it comes");
        std::thread::yield_now();
    }
}

fn p7() {
    const SIZE: usize = 2;
    const BATCHES: usize = 8;
    for (name, settings) in both() {
        let (barrier, came, go) = barrier();
        let begun = Arc::new(AtomicUsize::new(0));
        let (count, look) = (begun.clone(), begun.clone());
        let stage = stage(move |n, _| {
            count.fetch_add(1, Ordering::SeqCst);
            Ok(*n)
        });
        let (tell, told) = bounded(BATCHES);
        let batch = batch(move |_, items, _| {
            barrier.pass(items[0].out);
            tell.send(look.load(Ordering::SeqCst)).unwrap();
            Ok(())
        });
        let pipeline = dummy().settings(settings).stage(at_once(stage, 1));
        let running = pipeline.batch(batch.size(SIZE).within(NEVER)).start().unwrap();
        let (to, heard) = ticket();
        running.push(entries(0..(BATCHES * SIZE) as i64, &to)).unwrap();
        // One batch is in hand; two full ones wait, and whoever brought the last of them too.
        assert_eq!(next(&came), 0);
        until(|| begun.load(Ordering::SeqCst) == 3 * SIZE);
        for batch in 0..BATCHES {
            go.send(()).unwrap();
            let (most, begun) = ((batch + 3) * SIZE, next(&told));
            assert!(begun <= most, "{name}: {begun} begun while batch {batch} was in hand");
        }
        assert_eq!(hear(&heard, BATCHES * SIZE).len(), BATCHES);
        stop(running);
    }
}

fn p8() {
    let chunks = |told: Receiver<Event>| {
        let (mut chunks, mut demands) = (Vec::new(), Vec::new());
        for event in told.try_iter() {
            match event {
                Event::ChunkStarted { items, .. } => chunks.push(items),
                Event::Demanded { items, .. } => demands.push(items),
                _ => {}
            }
        }
        (chunks, demands)
    };
    let configured = || pass().max_demand(NonZeroUsize::new(4).unwrap()).min_demand(1);
    for (name, settings) in both() {
        let ((to, heard), (tell, told)) = (ticket(), observer());
        let pipeline = dummy().settings(settings.clone()).stage(configured()).observed(tell);
        let running = pipeline.start().unwrap();
        running.pause();
        running.push(entries(0..14, &to)).unwrap();
        running.resume();
        hear(&heard, 14);
        stop(running);
        assert_eq!(chunks(told).0, [3, 1, 3, 3, 1, 3], "{name}");

        let ((to, _heard), (tell, told)) = (ticket(), observer());
        let original = settings.as_the_original;
        let pipeline = counting(14, to).settings(settings).stage(configured()).observed(tell);
        assert_eq!(pipeline.run().unwrap().done, 14);
        let (chunks, demands) = chunks(told);
        assert!(chunks.iter().all(|items| *items <= 3), "{name}: {chunks:?}");
        if original {
            // It asks for as much as is missing, and the last time in vain.
            assert_eq!((chunks, demands), (vec![3, 1, 3, 3, 1, 3], vec![4, 3, 4, 3, 4]));
        }
    }
}
