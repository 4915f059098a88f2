//! H: control of acknowledgement.

use crate::case::Case;
use crate::kit::{
    Closure, NEVER, at_once, barrier, batch, both, dummy, entries, find, ids, next, observer, pass,
    stage, stop, ticket,
};
use crossbeam_channel::{Receiver, Sender, bounded};
use pipelines::acknowledger::{Acked, Acknowledger, Heard, Ticket};
use pipelines::engine::event::Event;
use pipelines::engine::settings::Settings;
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::Staged;
use pipelines::producer::Entry;
use std::sync::Arc;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "H1",
            "acked_at_once_by_a_handler",
            "a handler acks its message: that is heard before the handler returns, and never again",
            h1,
        ),
        Case::differs(
            "H2",
            "acked_at_once_by_a_batch_handler",
            "a batch handler acks some of its batch, done and failed ones: each is heard as what it was, and \
             never again",
            "each message is acked by itself, so a list of them is several calls",
            h2,
        ),
        Case::holds(
            "H3",
            "an_acknowledger_without_options",
            "a handler configures an acknowledger that cannot be: the message fails, and says why",
            h3,
        ),
        Case::holds(
            "H4",
            "an_acknowledger_with_options",
            "a handler configures its acknowledger: it receives the options, and then the ack",
            h4,
        ),
        Case::holds(
            "H5",
            "one_ack_per_reference",
            "4 messages of 2 references, done and failed: one ack for each reference, with its done and its failed",
            h5,
        ),
        Case::holds(
            "V2",
            "an_acknowledger_that_fails",
            "the first of two acknowledgers fails: the second is not told until it is told of something else, \
             and then of all together; mended: it is told",
            v2,
        ),
    ]
}

/// What an acknowledger of these tests does over reference 0; over others it passes on what it is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over0 {
    Tells,
    Fails,
    Panics,
}

/// Passes on what it is told, and what it is configured with.
struct Recorder {
    over_0: Over0,
    tell: Sender<Heard>,
    configured: Sender<(u64, String)>,
}

impl Acknowledger for Recorder {
    fn ack(&self, reference: u64, done: &[Acked], failed: &[Acked]) -> Result<(), Failure> {
        match self.over_0 {
            Over0::Fails if reference == 0 => return Err(Failure::item("the queue is gone")),
            Over0::Panics if reference == 0 => panic!("the queue is gone"),
            _ => {}
        }
        let heard = Heard { reference, done: done.to_vec(), failed: failed.to_vec() };
        self.tell.send(heard).map_err(Failure::item)
    }
    fn configure(&self, ticket: &Ticket, options: &str) -> Result<(), Failure> {
        self.configured.send((ticket.data(), options.to_owned())).map_err(Failure::item)?;
        ticket.set_data(ticket.data() + 100);
        Ok(())
    }
}

/// An acknowledger, with what is heard by it and the options that it was given.
type Recorded = (Arc<dyn Acknowledger>, Receiver<Heard>, Receiver<(u64, String)>);

fn recorder(over_0: Over0) -> Recorded {
    let ((tell, heard), (configured, options)) = (bounded(64), bounded(64));
    (Arc::new(Recorder { over_0, tell, configured }), heard, options)
}

/// Items of these references, with their places as ids and values, and data of ten times that.
fn of(to: &Arc<dyn Acknowledger>, first: i64, references: &[u64]) -> Vec<Entry<i64>> {
    let entry = |(n, reference): (i64, &u64)| {
        let ticket = Ticket::new(to.clone(), *reference, 10 * n as u64);
        Entry::with_ticket(n as ItemId, n, ticket)
    };
    (first..).zip(references).map(entry).collect()
}

fn h1() {
    for (name, settings) in both() {
        let ((to, heard), (barrier, came, go)) = (ticket(), barrier());
        let acking = stage(move |n, desk| {
            desk.ack_now()?;
            barrier.pass(*n);
            Ok(*n)
        });
        let running = dummy().settings(settings).stage(acking).start().unwrap();
        running.push(entries([7], &to)).unwrap();
        assert_eq!(next(&came), 7);
        // Its handler still works.
        let ack = heard.try_recv().expect("it was acked before");
        assert_eq!(ids(&ack), (vec![7], vec![]), "{name}");
        go.send(()).unwrap();
        stop(running);
        assert_eq!(heard.try_iter().count(), 0, "{name}: nothing is acked twice");
    }
}

fn h2() {
    for (name, settings) in both() {
        let ((to, heard), (barrier, came, go)) = (ticket(), barrier());
        let acking = batch(move |_, items, fates| {
            fates.fail(1, Failure::item("the second"));
            fates.fail(3, Failure::item("the fourth"));
            for index in [0, 1] {
                fates.ack_now(index)?;
            }
            barrier.pass(items[0].out);
            Ok(())
        });
        let running = dummy().settings(settings).stage(at_once(pass(), 4));
        let running = running.batch(acking.size(4).within(NEVER)).start().unwrap();
        running.push(entries(1..=4, &to)).unwrap();
        next(&came);
        let early: Vec<_> = heard.try_iter().map(|ack| ids(&ack)).collect();
        assert_eq!(early, [(vec![1], vec![]), (vec![], vec![2])], "{name}");
        go.send(()).unwrap();
        assert_eq!(ids(&next(&heard)), (vec![3], vec![4]), "{name}");
        stop(running);
        assert_eq!(heard.try_iter().count(), 0, "{name}: nothing is acked twice");
    }
}

fn h3() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let configuring = stage(|n, desk| desk.configure_ack("on_failure: discard").map(|()| *n));
        let running = dummy().settings(settings).stage(configuring.attempts(1)).start().unwrap();
        running.push(entries([7], &to)).unwrap();
        let ack = next(&heard);
        assert_eq!(ids(&ack), (vec![], vec![7]), "{name}");
        assert_eq!(
            ack.failed[0].failure.as_ref().unwrap().what,
            "this acknowledger cannot be configured, so \"on_failure: discard\" was refused"
        );
        stop(running);
    }
}

fn h4() {
    for (name, settings) in both() {
        let (to, heard, options) = recorder(Over0::Tells);
        let configuring = stage(|n, desk| desk.configure_ack("on_failure: discard").map(|()| *n));
        let running = dummy().settings(settings).stage(configuring).start().unwrap();
        running.push(of(&to, 7, &[3])).unwrap();
        assert_eq!(next(&options), (70, "on_failure: discard".to_owned()), "{name}");
        let acked = Acked { item: 7, data: 170, failure: None };
        assert_eq!(next(&heard), Heard { reference: 3, done: vec![acked], failed: vec![] });
        stop(running);
        assert_eq!((heard.try_iter().count(), options.try_iter().count()), (0, 0), "{name}");
    }
}

/// A pipeline whose processor, or else whose batch handler, fails every item above 2; all at one go.
fn failing_above_2(settings: Settings, in_batch: bool) -> Staged<Closure> {
    if in_batch {
        let failing = batch(|_, items, fates| {
            for (index, _) in items.iter().enumerate().filter(|(_, done)| done.out > 2) {
                fates.fail(index, Failure::item("above 2"));
            }
            Ok(())
        });
        let pipeline = dummy().settings(settings).stage(at_once(pass(), 4));
        return pipeline.batch(failing.size(4).within(NEVER));
    }
    let failing = stage(|n, _| if *n > 2 { Err(Failure::item("above 2")) } else { Ok(*n) });
    dummy().settings(settings).stage(at_once(failing, 4).attempts(1))
}

fn h5() {
    for (name, settings) in both() {
        for in_batch in [false, true] {
            let (to, heard, _options) = recorder(Over0::Tells);
            let pipeline = failing_above_2(settings.clone(), in_batch);
            let running = pipeline.start().unwrap();
            running.push(of(&to, 1, &[8, 9, 8, 9])).unwrap();
            let mut acks: Vec<_> =
                (0..2).map(|_| next(&heard)).map(|ack| (ack.reference, ids(&ack))).collect();
            acks.sort();
            let expected = [(8, (vec![1], vec![3])), (9, (vec![2], vec![4]))];
            assert_eq!(acks, expected, "{name}, in a batch: {in_batch}");
            stop(running);
            assert_eq!(heard.try_iter().count(), 0, "{name}: nothing is acked twice");
        }
    }
}

fn v2() {
    for (name, settings) in both() {
        let original = settings.as_the_original;
        for (in_batch, over_0) in [
            (false, Over0::Fails),
            (false, Over0::Panics),
            (true, Over0::Fails),
            (true, Over0::Panics),
        ] {
            let ((to, heard, _options), (tell, told)) = (recorder(over_0), observer());
            let pipeline = dummy().settings(settings.clone()).stage(at_once(pass(), 2));
            let pipeline = if in_batch {
                pipeline.batch(batch(|_, _, _| Ok(())).size(2).within(NEVER))
            } else {
                pipeline
            };
            let running = pipeline.observed(tell).start().unwrap();
            let case = format!("{name}, in a batch: {in_batch}");
            let told_of = || next(&heard);

            running.push(of(&to, 1, &[0, 1])).unwrap();
            let why = find(&told, |event| match event {
                Event::AckFailed { reference: 0, items: 1, why } => Some(why.clone()),
                _ => None,
            });
            let said = if over_0 == Over0::Panics { "it panicked" } else { "the queue is gone" };
            assert_eq!(why, said, "{case}");
            if !original {
                assert_eq!(whose(&told_of()), (1, vec![2]), "{case}");
            }

            // Others are told of theirs, and reference 1 still is not.
            running.push(of(&to, 3, &[2, 2])).unwrap();
            assert_eq!(whose(&told_of()), (2, vec![3, 4]), "{case}");

            // Now it is, along with something new.
            running.push(of(&to, 5, &[1, 1])).unwrap();
            let late = if original { vec![2, 5, 6] } else { vec![5, 6] };
            assert_eq!(whose(&told_of()), (1, late), "{case}");

            // What is left when nothing new comes is never told of.
            running.push(of(&to, 7, &[0, 4])).unwrap();
            stop(running);
            let rest: Vec<_> = heard.try_iter().map(|ack| whose(&ack)).collect();
            let mended = if original { vec![] } else { vec![(4, vec![8])] };
            assert_eq!(rest, mended, "{case}");
        }
    }
}

/// Of which reference, and which items were done; none failed.
fn whose(ack: &Heard) -> (u64, Vec<ItemId>) {
    let (done, failed) = ids(ack);
    assert!(failed.is_empty());
    (ack.reference, done)
}
