//! Who is told what, in which calls, and what a failing acknowledger costs the others.

use super::*;
use crate::acknowledger::{Heard, listen};
use crossbeam_channel::{Receiver, bounded};

/// Refuses, or panics.
struct Broken {
    panics: bool,
}

impl Acknowledger for Broken {
    fn ack(&self, _: u64, _: &[Acked], _: &[Acked]) -> Result<(), Failure> {
        assert!(!self.panics, "on purpose");
        Err(Failure::item("not today"))
    }
}

fn acker(stops_at_failure: bool) -> (Acker, Receiver<(u64, usize, String)>) {
    let (tell, told) = bounded(8);
    let observer = Observer::new(Box::new(move |event| {
        if let Event::AckFailed { reference, items, why } = event {
            tell.try_send((*reference, *items, why.clone())).expect("there is room");
        }
    }));
    (Acker::new(observer, stops_at_failure), told)
}

/// Reference, what was done, what failed: each item with its data.
type Call = (u64, Vec<(ItemId, u64)>, Vec<(ItemId, u64)>);

fn calls(heard: &Receiver<Heard>) -> Vec<Call> {
    let items = |acked: Vec<Acked>| acked.into_iter().map(|a| (a.item, a.data)).collect();
    heard.try_iter().map(|h| (h.reference, items(h.done), items(h.failed))).collect()
}

fn ticket(to: &Arc<dyn Acknowledger>, reference: u64) -> Ticket {
    Ticket::new(to.clone(), reference, reference * 10)
}

#[test]
fn items_of_one_acknowledger_and_reference_come_in_one_call_in_order() {
    let ((to, heard), (other, heard_by_other)) = (listen(8), listen(8));
    let (mut acker, _) = acker(false);
    for (item, to, reference, fails) in [
        (5, &to, 2, false),
        (1, &to, 1, true),
        (3, &other, 2, false),
        (4, &to, 2, true),
        (2, &to, 2, false),
        (0, &to, 1, false),
    ] {
        acker.add(&ticket(to, reference), item, fails.then(|| Failure::item("bad")));
    }
    assert_eq!(calls(&heard), [], "nobody is told before");
    acker.tell();
    let wanted = [(2, vec![(5, 20), (2, 20)], vec![(4, 20)]), (1, vec![(0, 10)], vec![(1, 10)])];
    assert_eq!(calls(&heard), wanted);
    assert_eq!(calls(&heard_by_other), [(2, vec![(3, 20)], vec![])]);
    acker.tell();
    assert_eq!((calls(&heard), calls(&heard_by_other)), (vec![], vec![]), "once is enough");
}

#[test]
fn why_an_item_failed_is_told_and_nobody_is_told_twice() {
    let (to, heard) = listen(8);
    let (mut acker, _) = acker(false);
    let spent = ticket(&to, 1);
    spent.ack_now(7, None).expect("somebody listens");
    assert_eq!(calls(&heard), [(1, vec![(7, 10)], vec![])]);
    acker.add(&spent, 7, None);
    acker.add(&Ticket::default(), 8, None);
    acker.add(&ticket(&to, 1), 9, Some(Failure::item("bad")));
    acker.tell();
    let heard: Vec<_> = heard.try_iter().collect();
    let acked = Acked { item: 9, data: 10, failure: Some(Failure::item("bad")) };
    assert_eq!(heard, [Heard { reference: 1, done: vec![], failed: vec![acked] }]);
}

#[test]
fn mended_a_failing_acknowledger_costs_the_others_nothing() {
    for (panics, why) in [(false, "not today"), (true, "it panicked")] {
        let broken: Arc<dyn Acknowledger> = Arc::new(Broken { panics });
        let (to, heard) = listen(8);
        let (mut acker, told) = acker(false);
        acker.add(&ticket(&broken, 1), 0, None);
        acker.add(&ticket(&broken, 1), 1, Some(Failure::item("bad")));
        acker.add(&ticket(&to, 2), 2, None);
        acker.tell();
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [(1, 2, why.to_owned())]);
        assert_eq!(calls(&heard), [(2, vec![(2, 20)], vec![])]);
    }
}

#[test]
fn in_the_original_manner_the_others_wait_until_they_are_told_of_something_else() {
    for panics in [false, true] {
        let broken: Arc<dyn Acknowledger> = Arc::new(Broken { panics });
        let ((to, heard), (before, heard_before)) = (listen(8), listen(8));
        let (mut acker, told) = acker(true);
        acker.add(&ticket(&before, 3), 9, None);
        acker.add(&ticket(&broken, 1), 0, None);
        acker.add(&ticket(&to, 2), 1, None);
        acker.add(&ticket(&to, 4), 2, None);
        acker.tell();
        assert_eq!(told.try_iter().count(), 1);
        assert_eq!(calls(&heard_before), [(3, vec![(9, 30)], vec![])], "it was its turn before");
        acker.tell();
        assert_eq!(calls(&heard), [], "what was left over is not told by itself");
        acker.add(&ticket(&to, 2), 3, None);
        acker.tell();
        assert_eq!(calls(&heard), [(2, vec![(1, 20), (3, 20)], vec![])], "and 4 waits still");
        assert_eq!(told.try_iter().count(), 0);
    }
}
