//! B: items from outside, and the means to test a pipeline.

use crate::case::Case;
use crate::heard::data;
use crate::kit::{NEVER, both, dummy, ids, next, pass, stop, ticket, told_batches};
use crossbeam_channel::{Sender, bounded};
use pipelines::acknowledger::{Acked, Acknowledger, Ticket};
use pipelines::engine::batcher::Trigger;
use pipelines::message::Failure;
use pipelines::producer::Entry;
use std::num::NonZeroUsize;
use std::sync::Arc;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "B1",
            "pushed_items",
            "two items are pushed: they make one batch, and are acknowledged together",
            b1,
        ),
        Case::differs(
            "B2",
            "what_goes_along",
            "what is given along with an item is there when it is acknowledged",
            "there is no map beside an item: a number goes along in its ticket, the rest is in its type",
            b2,
        ),
        Case::differs(
            "B3",
            "nothing_goes_along",
            "what goes along with an item if nothing is said",
            "there is no map beside an item: its ticket tells nobody, a test item's carries its place",
            b3,
        ),
        Case::holds(
            "B4",
            "an_acknowledger_of_its_own",
            "an acknowledger of the caller's is told, with its reference and data",
            b4,
        ),
        Case::holds(
            "B5",
            "the_caller_hears",
            "without one the caller of the test hears; a single item asks to be flushed, several do not",
            b5,
        ),
        Case::holds(
            "B6",
            "a_producer_that_never_produces",
            "a producer that gives nothing and two test items: both acknowledged as done",
            b6,
        ),
    ]
}

fn b1() {
    for (_, settings) in both() {
        let (batch, told) = told_batches();
        let batch = batch.size(2).within(NEVER);
        let running = dummy().settings(settings).stage(pass()).batch(batch).start().unwrap();
        let (to, heard) = ticket();
        let entry = |(id, item)| Entry::with_ticket(id, item, to.clone());
        running.push([(7, 1), (8, 2)].map(entry).into()).unwrap();
        let (info, items) = next(&told);
        assert_eq!((info.trigger, items), (Trigger::Size, vec![1, 2]));
        assert_eq!(ids(&next(&heard)), (vec![7, 8], vec![]));
        stop(running);
        assert_eq!((heard.len(), told.len()), (0, 0));
    }
}

fn b2() {
    for (_, settings) in both() {
        let running = dummy().settings(settings).stage(pass()).start().unwrap();
        let (to, heard) = pipelines::acknowledger::listen(10);
        let entry = |n| Entry::with_ticket(n, 1, Ticket::new(to.clone(), 5, 40 + n));
        for n in [2, 3] {
            running.push(vec![entry(n)]).unwrap();
            let heard = next(&heard);
            assert_eq!(
                (heard.reference, ids(&heard).0, data(&heard).0),
                (5, vec![n], vec![40 + n])
            );
        }
        stop(running);
    }
}

fn b3() {
    for (_, settings) in both() {
        let running = dummy().settings(settings).stage(pass()).start().unwrap();
        running.push(vec![Entry::from((3, 1))]).unwrap();
        let heard = running.test_message(1).unwrap();
        assert_eq!(data(&next(&heard)), (vec![0], vec![]));
        let handle = running.handle();
        stop(running);
        let tally = handle.topology().tally;
        assert_eq!((tally.done, tally.failed), (2, 0));
        assert_eq!(Ticket::default().data(), 0);
    }
}

/// Passes on what it is told, as the caller wants it.
struct Own(Sender<(u64, Vec<Acked>, Vec<Acked>)>);

impl Acknowledger for Own {
    fn ack(&self, reference: u64, done: &[Acked], failed: &[Acked]) -> Result<(), Failure> {
        self.0.send((reference, done.to_vec(), failed.to_vec())).unwrap();
        Ok(())
    }
}

fn b4() {
    for (_, settings) in both() {
        let stage =
            crate::kit::stage(|n, _| if *n < 0 { Err(Failure::item("no")) } else { Ok(*n) });
        let running = dummy().settings(settings).stage(stage.attempts(1)).start().unwrap();
        let (tell, told) = bounded(10);
        let own: Arc<dyn Acknowledger> = Arc::new(Own(tell));
        let push = |id, item| {
            let ticket = Ticket::new(own.clone(), 9, 77);
            running.push(vec![Entry::with_ticket(id, item, ticket)]).unwrap();
            next(&told)
        };
        let acked = |item, failure| Acked { item, data: 77, failure };
        assert_eq!(push(1, 1), (9, vec![acked(1, None)], vec![]));
        assert_eq!(push(2, -1), (9, vec![], vec![acked(2, Some(Failure::item("no")))]));
        stop(running);
        assert_eq!(told.len(), 0);
    }
}

fn b5() {
    for (_, settings) in both() {
        let (batch, told) = told_batches();
        let batch = batch.size(3).within(NEVER);
        let running = dummy().settings(settings).stage(pass()).batch(batch).start().unwrap();
        let heard = running.test_message(1).unwrap();
        assert_eq!(data(&next(&heard)), (vec![0], vec![]));
        assert_eq!(next(&told).0.trigger, Trigger::Flush);
        let (two, one) = (running.test_batch(vec![2, 3]).unwrap(), running.test_batch(vec![4]));
        let (info, items) = next(&told);
        assert_eq!((info.trigger, items), (Trigger::Size, vec![2, 3, 4]));
        assert_eq!(data(&next(&two)), (vec![0, 1], vec![]));
        assert_eq!(data(&next(&one.unwrap())), (vec![0], vec![]));
        stop(running);
        assert_eq!((heard.len(), two.len(), told.len()), (0, 0, 0));
    }
}

fn b6() {
    for (_, settings) in both() {
        let stage = pass().max_demand(NonZeroUsize::new(10).unwrap());
        let running = dummy().settings(settings).stage(stage).start().unwrap();
        let heard = running.test_batch(vec![1, 2]).unwrap();
        assert_eq!(data(&next(&heard)), (vec![0, 1], vec![]));
        stop(running);
        assert_eq!(heard.len(), 0);
    }
}
