//! Q: what GenStage does between stages, on whole pipelines.

use crate::case::Case;
use crate::kit::{
    barrier, both, counting, counting_on, dummy, ended, next, observer, pass, stage, started, stop,
    ticket,
};
use crate::q_ledger::{Book, holder, terms};
use crate::waits::{all_ids, demanding, is_up, until, until_life};
use crossbeam_channel::bounded;
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::ledger::{self, Delivery, Terms};
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds("Q6", "full_batchers_stop_demand", "nothing is asked for that has no room", q6),
        Case::holds(
            "Q7",
            "failures_keep_demand_up",
            "a stage that lets nothing through asks on",
            q7,
        ),
        Case::holds(
            "Q8",
            "a_dead_producers_items_go_on",
            "what it gave before it died is done",
            q8,
        ),
        Case::differs(
            "Q17",
            "processors_survive_producers",
            "a consumer goes or stays with its producer, as subscribed",
            "nobody subscribes: a consumer always stays, as all of Broadway's do",
            q17,
        ),
        Case::holds(
            "Q18",
            "a_new_producer_is_asked",
            "a new producer is asked, after a while",
            q18,
        ),
        Case::holds(
            "Q22",
            "partitions_have_queues",
            "items wait for their partition's consumer, and only for that; one that dies loses its \
             queue, or leaves it to its successor; what cannot be placed kills its producer, or fails",
            q22,
        ),
    ]
}

fn q6() {
    // One batch in hand, two that wait, an item that waits for room; then what may be ahead.
    for (settings, least, most) in [(Settings::broadway(), 4, 4), (Settings::okiagari(), 5, 6)] {
        let (hold, came, go) = barrier();
        let (to, heard) = ticket();
        let batch = crate::kit::batch(move |_, items, _| {
            hold.pass(items[0].out);
            Ok(())
        });
        let stage = demanding(pass(), 1, 0);
        let running = counting(50, to).settings(settings).stage(stage).batch(batch.size(1));
        let running = running.start().unwrap();
        for n in 0..3 {
            assert_eq!(next(&came), n);
            let produced = || running.topology().tally.produced;
            until(|| produced() >= least + n as u64);
            let look = Instant::now() + Duration::from_millis(20);
            while Instant::now() < look {
                assert!(produced() <= most + n as u64, "{} were produced", produced());
            }
            go.send(()).unwrap();
        }
        drop(go);
        assert_eq!(running.wait().tally.done, 50);
        assert!(all_ids(&heard).0.into_iter().eq(0..50));
    }
}

fn q7() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let refuse = stage(|_, _| Err(Failure::item("none is good")));
        let stage = demanding(refuse, 4, 2);
        let tally = counting(100, to).settings(settings).stage(stage).run().unwrap();
        assert_eq!((tally.produced, tally.failed), (100, 100));
        assert!(all_ids(&heard).1.into_iter().eq(0..100));
    }
}

fn q8() {
    for (_, settings) in both() {
        let (hold, came, go) = barrier();
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let slow = stage(move |n, _| {
            hold.pass(*n);
            Ok(*n)
        });
        let running = counting_on(10, to).settings(settings).stage(demanding(slow, 10, 5));
        let running = running.observed(observe).start().unwrap();
        assert_eq!(next(&came), 0);
        until(|| running.topology().tally.produced == 10);
        let producer = Process::Producer(0);
        // It may have nothing left to do already; else it dies with nothing in hand.
        if running.kill(producer) {
            assert!(matches!(ended(&told, producer), Ending::Killed | Ending::Finished));
        }
        drop(go);
        let report = running.wait();
        assert_eq!((report.tally.done, report.tally.lost), (10, 0));
        assert!(all_ids(&heard).0.into_iter().eq(0..10));
    }
}

fn q17() {
    for (_, settings) in both() {
        let (observe, told) = observer();
        let settings = Settings { resubscribe: Duration::from_millis(1), ..settings };
        let running = dummy().settings(settings).stage(pass()).observed(observe).start().unwrap();
        let producer = Process::Producer(0);
        assert_eq!(started(&told, producer), 1);
        is_up(&told);
        // Broadway's producers may be restarted twice in a second.
        for life in 2..=3 {
            assert!(running.kill(producer));
            assert_eq!(ended(&told, producer), Ending::Killed);
            assert_eq!(started(&told, producer), life);
            let heard = running.test_message(7).unwrap();
            assert_eq!(next(&heard).done.len(), 1);
            assert_eq!(crate::kit::life(&running, Process::Processor(0)), 1);
        }
        stop(running);
    }
}

fn q18() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let (tell, told) = bounded(100_000);
        let observe = move |event: &Event| drop(tell.try_send((Instant::now(), event.clone())));
        let resubscribe = Duration::from_millis(40);
        let settings = Settings { resubscribe, ..settings };
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            if *n == 20 {
                hold.pass(*n);
            }
            Ok(*n)
        });
        let running = counting_on(500, to).settings(settings).stage(demanding(slow, 10, 5));
        let running = running.observed(observe).start().unwrap();
        assert_eq!(next(&came), 20);
        let producer = Process::Producer(0);
        assert!(running.kill(producer));
        until_life(&running, producer, 2);
        drop(go);
        let report = running.wait();
        assert_eq!((report.tally.done, report.tally.lost), (500, 0));
        assert!(all_ids(&heard).0.into_iter().eq(0..500));
        let events: Vec<_> = told.try_iter().collect();
        let second = Event::ProcessStarted { process: producer, incarnation: 2 };
        let at = events.iter().position(|(_, event)| *event == second).unwrap();
        let asked = |(_, event): &&(Instant, Event)| matches!(event, Event::Demanded { .. });
        let first = events[at..].iter().find(asked).expect("it is asked");
        assert!(first.0 - events[at].0 >= resubscribe);
    }
}

fn q22() {
    // Items wait for their lane before it is there, and nobody else gets them.
    let mut book = Book::of(Terms { partitioned: true, ..terms(2, 4, 2) });
    book.give(3, Some(1));
    assert!(book.ask(0).is_empty());
    assert_eq!(book.ask_ids(1), [0, 1, 2]);
    // A queue that is full of one partition's items does not make the other one wait.
    book.give(9, Some(1));
    book.give(2, Some(0));
    assert_eq!(book.ask_ids(0), [12, 13]);
    // One dies with 4 in hand; 8 wait for it.
    for (delivery, left) in [(Delivery::HandOver, 0), (Delivery::Lease, 12)] {
        let mut book = Book::of(Terms { partitioned: true, delivery, ..terms(2, 4, 2) });
        book.ask(1);
        book.give(12, Some(1));
        book.tell(ledger::Event::Left(holder(1)));
        assert_eq!(book.ledger.waiting(), left, "{delivery:?}");
        assert_eq!(book.ledger.tally().lost, 12 - left as u64);
    }
    unplaced();
}

/// An item of which the partition's function knows nothing.
fn unplaced() {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let settings = Settings { resubscribe: Duration::from_millis(1), ..settings };
        let number = |n: &i64| {
            assert_ne!(*n, 5, "nobody knows where it goes");
            *n as u64
        };
        let stage = demanding(pass().workers(2), 2, 1).partition_by(number);
        let running = counting_on(40, to).settings(settings).stage(stage).observed(observe);
        let report = running.start().unwrap().wait();
        assert_eq!(report.failure, None);
        let (done, failed) = all_ids(&heard);
        let ending = told.try_iter().find_map(|event| match event {
            Event::ProcessEnded { process: Process::Producer(0), ending, .. } => Some(ending),
            _ => None,
        });
        if original {
            // It takes what came with it along.
            assert!(matches!(ending, Some(Ending::Panicked(_))), "{ending:?}");
            assert!(!done.contains(&5) && failed.is_empty());
            assert!(done.len() >= 38 && done.ends_with(&[39]), "{done:?}");
        } else {
            assert_eq!(ending, Some(Ending::Finished));
            assert_eq!(failed, [5]);
            assert!(done.into_iter().eq((0..40).filter(|n| *n != 5)));
            assert_eq!((report.tally.produced, report.tally.failed), (40, 1));
        }
    }
}
