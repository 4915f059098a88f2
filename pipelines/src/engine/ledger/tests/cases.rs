//! The exact cases of the ledger, by table.

use super::*;

pub(super) fn broadway() -> Terms {
    Terms {
        delivery: Delivery::HandOver,
        lanes: 1,
        producers: 1,
        attempts_max: 3,
        max_demand: 4,
        min_demand: 2,
        ahead: 0,
        partitioned: false,
    }
}

fn okiagari() -> Terms {
    Terms { delivery: Delivery::Lease, ahead: 8, ..broadway() }
}

impl Driver {
    /// Items come in that somebody was waiting for.
    fn feed(&mut self, items: usize) {
        self.feed_lane(None, items);
    }

    fn feed_lane(&mut self, lane: Option<usize>, items: usize) {
        self.tell_quietly(Event::Promised(items));
        self.enter(0, lane, items, items);
        self.check();
    }

    /// What a lane is lent when it asks: each loan with the attempts that failed before.
    fn lends(&mut self, lane: usize) -> Vec<(Vec<ItemId>, u32)> {
        let mut orders = vec![];
        self.ledger.step(self.now, Event::Asked(self.holder(lane)), &mut orders);
        let mut lent = vec![];
        for order in orders {
            if let Order::Lend(loan) = order {
                for item in ids(&loan) {
                    self.go(item, At::Waiting, At::Held(lane));
                    self.hands[lane].push_back(item);
                }
                lent.push((ids_of(&loan), loan.attempt));
            }
        }
        self.check();
        lent
    }
}

#[test]
fn a_loan_is_cut_without_losing_who_was_tried_before() {
    let chunk = Arc::new((0..5).map(|id| (id, ()).into()).collect());
    let mut loan: Loan<()> = Loan { chunk, from: 0, to: 5, attempt: 2, producer: 0, queue: 0 };
    assert_eq!((loan.take(0).len(), loan.attempt), (0, 2));
    assert_eq!(
        [0, 1].map(|at| (ids_of(&loan.one(at)), loan.one(at).attempt)),
        [(vec![0], 2), (vec![1], 0)]
    );
    let first = loan.take(2);
    assert_eq!((ids_of(&first), first.attempt), (vec![0, 1], 2));
    assert_eq!((ids_of(&loan), loan.attempt, loan.is_empty()), (vec![2, 3, 4], 0, false));
    assert_eq!((loan.take(9).len(), loan.len(), loan.is_empty()), (3, 0, true));
}

#[test]
fn demand_is_a_window_from_most_to_least() {
    let mut driver = Driver::new(broadway());
    assert_eq!(driver.ledger.room(), 0, "nobody asked");
    let mut rooms = vec![];
    assert_eq!(driver.lends(0), []);
    rooms.push(driver.ledger.room());
    driver.feed(4);
    rooms.push(driver.ledger.room());
    assert_eq!(driver.lends(0), [(vec![0, 1, 2, 3], 0)]);
    for _ in 0..3 {
        driver.act(Act::Accept(0, 1));
        assert_eq!(driver.lends(0), []);
        rooms.push(driver.ledger.room());
    }
    assert_eq!(rooms, [4, 0, 0, 2, 2], "asked again at 2, for as many as are missing to 4");
    driver.finish();
}

#[test]
fn what_waits_ahead_is_refilled_when_half_of_it_is_gone() {
    let mut driver = Driver::new(okiagari());
    let mut rooms = vec![driver.ledger.room()];
    driver.feed(8);
    rooms.push(driver.ledger.room());
    assert_eq!(driver.lends(0), [(vec![0, 1, 2, 3], 0)]);
    rooms.push(driver.ledger.room());
    driver.act(Act::Pause(true));
    rooms.push(driver.ledger.room());
    assert_eq!(rooms, [8, 0, 4, 0]);
    driver.finish();
}

#[test]
fn what_is_given_goes_to_the_hungriest_first() {
    let mut driver = Driver::new(Terms { lanes: 3, ..broadway() });
    (0..3).for_each(|lane| assert_eq!(driver.lends(lane), []));
    driver.feed(3);
    assert_eq!([0, 1, 2].map(|lane| driver.ledger.owed(lane)), [3, 0, 0]);
    driver.feed(6);
    assert_eq!([0, 1, 2].map(|lane| driver.ledger.owed(lane)), [3, 4, 2]);
    assert_eq!(driver.lends(2), [(vec![7, 8], 0)]);
    driver.finish();
}

#[test]
fn a_partition_is_for_its_lane_alone() {
    for terms in [broadway(), okiagari()] {
        let mut driver = Driver::new(Terms { lanes: 2, partitioned: true, ..terms });
        (0..2).for_each(|lane| assert_eq!(driver.lends(lane), []));
        driver.feed_lane(Some(1), 2);
        driver.feed_lane(Some(0), 1);
        driver.feed_lane(Some(1), 3);
        assert_eq!(driver.lends(0), [(vec![2], 0)]);
        assert_eq!(driver.lends(1), [(vec![0, 1], 0), (vec![3, 4], 0)]);
        driver.act(Act::Leave(1));
        assert_eq!(driver.lends(0), [], "not even when that lane is gone");
        driver.finish();
    }
}

#[test]
fn only_the_suspect_is_charged_and_goes_first() {
    let mut driver = Driver::new(Terms { max_demand: 6, ..okiagari() });
    driver.feed(4);
    driver.feed(2);
    assert_eq!(driver.lends(0), [(vec![0, 1, 2, 3], 0), (vec![4, 5], 0)]);
    driver.act(Act::Accept(0, 1));
    driver.act(Act::Die(0));
    driver.act(Act::Join(0));
    assert_eq!(driver.lends(0), [(vec![1], 1), (vec![2, 3], 0), (vec![4, 5], 0)]);
    driver.act(Act::Fall(0));
    assert_eq!(driver.lends(0), [(vec![1], 2), (vec![2, 3], 0), (vec![4, 5], 0)]);
    driver.act(Act::Leave(0));
    driver.act(Act::Join(0));
    assert_eq!(driver.lends(0)[0], (vec![1], 2), "nobody is to blame when a holder leaves");
    driver.act(Act::Die(0));
    assert_eq!(driver.all(At::Judged), [1], "that was the third attempt");
    driver.act(Act::Judge(1, 0));
    driver.finish();
}

#[test]
fn an_error_is_charged_while_the_lane_goes_on() {
    let mut driver = Driver::new(okiagari());
    driver.feed(4);
    driver.lends(0);
    driver.act(Act::Fail(0));
    driver.act(Act::Accept(0, 1));
    assert_eq!(driver.lends(0), [(vec![0], 1)]);
    driver.act(Act::Accept(0, 2));
    driver.act(Act::Fail(0));
    assert_eq!(driver.lends(0), [(vec![0], 2)]);
    driver.act(Act::Fail(0));
    driver.act(Act::Judge(0, 0));
    assert_eq!(driver.ledger.tally().failed, 1);
    driver.finish();
}

#[test]
fn handed_over_an_item_has_one_attempt() {
    let mut driver = Driver::new(broadway());
    driver.lends(0);
    driver.feed(1);
    driver.lends(0);
    driver.act(Act::Fail(0));
    assert_eq!(driver.all(At::Judged), [0]);
    driver.finish();
}

#[test]
fn what_is_tried_again_comes_back_not_before_its_time_and_in_the_order_of_time() {
    let mut driver = Driver::new(Terms { attempts_max: 1, ..okiagari() });
    driver.feed(3);
    driver.lends(0);
    for after in [30, 10, 20] {
        driver.act(Act::Fail(0));
        driver.act(Act::Judge(3, after));
    }
    driver.act(Act::Drain(0));
    driver.act(Act::Wait(9));
    assert_eq!(driver.lends(0), []);
    assert!(!driver.ask(0), "something is still to come");
    driver.act(Act::Wait(11));
    assert_eq!(driver.lends(0), [(vec![1], 1), (vec![2], 1)]);
    driver.act(Act::Accept(0, 2));
    driver.act(Act::Wait(10));
    assert_eq!(driver.lends(0), [(vec![0], 1)]);
    driver.act(Act::Fail(0));
    driver.act(Act::Judge(3, 0));
    driver.act(Act::Wait(0));
    assert_eq!(driver.lends(0), [(vec![0], 2)]);
    driver.finish();
}

#[test]
fn hand_over_loses_exactly_what_the_dead_lane_owed() {
    let mut driver = Driver::new(Terms { lanes: 2, ahead: 8, max_demand: 5, ..broadway() });
    driver.feed(5);
    driver.feed(3);
    driver.lends(0);
    driver.lends(1);
    driver.act(Act::Accept(0, 1));
    driver.act(Act::Die(0));
    assert_eq!(driver.ledger.tally().lost, 4);
    assert_eq!(driver.ledger.owed(1), 3);
    driver.finish();
}

#[test]
fn what_a_dead_lane_had_asked_for_is_lost_on_its_way_and_no_more() {
    let mut driver = Driver::new(broadway());
    assert_eq!(driver.lends(0), []);
    driver.feed(1);
    driver.act(Act::Leave(0));
    assert_eq!(driver.ledger.tally().lost, 1, "it died in its mailbox");
    driver.act(Act::Join(0));
    assert_eq!(driver.lends(0), []);
    assert_eq!(driver.ledger.room(), 3 + 4, "what the dead one asked for, and the living");
    driver.feed(2);
    assert_eq!(driver.lends(0), []);
    driver.feed(5);
    assert_eq!(driver.ledger.tally().lost, 4);
    assert_eq!(driver.lends(0), [(vec![4, 5, 6, 7], 0)]);
    driver.finish();
}

#[test]
fn who_pushes_or_has_no_more_gives_nothing_to_the_dead() {
    for idle in [false, true] {
        let mut driver = Driver::new(broadway());
        assert_eq!(driver.lends(0), []);
        driver.act(Act::Leave(0));
        driver.act(Act::Push(0, 2, None));
        driver.act(Act::Join(0));
        assert_eq!(driver.lends(0), [(vec![0, 1], 0)]);
        if idle {
            driver.tell_quietly(Event::Promised(1));
            let none = Event::Taken { producer: 0, lane: None, promised: 1, items: vec![] };
            driver.tell_quietly(none);
        }
        driver.feed(2);
        assert_eq!(driver.all(At::Lost), if idle { vec![] } else { vec![2, 3] });
        driver.finish();
    }
}

#[test]
fn nothing_is_lost_on_its_way_where_it_waits_or_is_lent() {
    for terms in [Terms { ahead: 1, ..broadway() }, Terms { ahead: 0, ..okiagari() }] {
        let mut driver = Driver::new(terms);
        assert_eq!(driver.lends(0), []);
        driver.act(Act::Leave(0));
        driver.act(Act::Join(0));
        driver.feed(4);
        assert_eq!(driver.lends(0), [(vec![0, 1, 2, 3], 0)]);
        driver.finish();
    }
}

#[test]
fn what_is_on_its_way_to_another_partition_arrives() {
    let mut driver = Driver::new(Terms { lanes: 2, partitioned: true, ..broadway() });
    (0..2).for_each(|lane| assert_eq!(driver.lends(lane), []));
    driver.act(Act::Leave(0));
    driver.feed_lane(Some(1), 3);
    driver.feed_lane(Some(0), 1);
    assert_eq!(driver.lends(1), [(vec![0, 1, 2], 0)]);
    assert_eq!(driver.all(At::Lost), [3]);
    driver.finish();
}

#[test]
fn a_dead_producer_takes_along_what_it_was_not_rid_of_under_hand_over() {
    for (terms, lost) in [(broadway(), vec![4, 5]), (okiagari(), vec![])] {
        let mut driver = Driver::new(Terms { producers: 2, ..terms });
        driver.lends(0);
        driver.enter(1, None, 6, 0);
        driver.lends(0);
        driver.enter(0, None, 2, 0);
        driver.act(Act::KillProducer(1));
        assert_eq!(driver.all(At::Lost), lost);
        driver.finish();
    }
}

#[test]
fn overflow_drops_the_oldest_of_all_that_wait() {
    let mut driver = Driver::new(broadway());
    driver.act(Act::Push(0, 3, Some(9)));
    driver.act(Act::Push(0, 3, Some(4)));
    assert_eq!(driver.all(At::Lost), [0, 1]);
    assert_eq!(driver.lends(0), [(vec![2], 0), (vec![3, 4, 5], 0)]);
    driver.finish();
    let mut driver = Driver::new(Terms { lanes: 2, partitioned: true, ..broadway() });
    driver.act(Act::Push(1, 2, None));
    driver.act(Act::Push(0, 2, None));
    driver.act(Act::Push(1, 2, Some(3)));
    assert_eq!(driver.all(At::Lost), [0, 1, 2]);
    driver.finish();
}

#[test]
fn pushed_items_wait_until_somebody_asks() {
    for terms in [broadway(), okiagari()] {
        let mut driver = Driver::new(terms);
        driver.act(Act::Push(0, 6, None));
        assert_eq!((driver.ledger.waiting(), driver.ledger.owed(0)), (6, 0));
        assert_eq!(driver.lends(0), [(vec![0, 1, 2, 3], 0)]);
        driver.finish();
    }
}

#[test]
fn nothing_is_lent_while_it_is_paused() {
    for terms in [broadway(), okiagari()] {
        let mut driver = Driver::new(terms);
        assert_eq!(driver.lends(0), []);
        driver.act(Act::Pause(true));
        driver.feed(2);
        assert_eq!(driver.lends(0), []);
        assert!(!driver.ledger.can_answer());
        driver.act(Act::Pause(false));
        assert!(driver.ledger.can_answer());
        assert_eq!(driver.lends(0), [(vec![0, 1], 0)]);
        driver.finish();
    }
}

#[test]
fn it_is_over_only_when_nothing_can_come() {
    let mut driver = Driver::new(Terms { lanes: 2, producers: 2, attempts_max: 1, ..okiagari() });
    let over = |driver: &mut Driver| (driver.ask(1), driver.check()).0;
    driver.feed(2);
    driver.act(Act::Ask(0));
    driver.act(Act::Drain(0));
    assert!(!over(&mut driver), "the other producer has more");
    driver.tell_quietly(Event::Promised(3));
    driver.promised[1] = 3;
    driver.tell_quietly(Event::Drained { producer: 1 });
    driver.open[1] = false;
    driver.act(Act::Accept(0, 2));
    assert!(!over(&mut driver), "the other producer was asked for some");
    driver.act(Act::Give(1, vec![0]));
    driver.act(Act::Ask(0));
    assert!(!over(&mut driver), "another lane may die of what it holds");
    driver.act(Act::Fail(0));
    assert!(!over(&mut driver), "it is being judged");
    driver.act(Act::Judge(3, 5));
    assert!(!over(&mut driver), "it will be tried again");
    driver.act(Act::Wait(5));
    driver.act(Act::Ask(0));
    driver.act(Act::Accept(0, 1));
    driver.act(Act::Pause(true));
    assert!(over(&mut driver), "what is accepted is not the lanes' any more");
    driver.finish();
}

#[test]
fn a_life_that_was_given_up_while_it_started_does_not_take_over() {
    let mut driver = Driver::new(okiagari());
    driver.act(Act::Join(0));
    driver.feed(1);
    driver.act(Act::Ask(0));
    driver.act(Act::Haunt(0));
    driver.act(Act::Accept(0, 1));
    driver.finish();
}
