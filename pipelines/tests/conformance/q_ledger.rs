//! Q: GenStage's demand, on the ledger itself, where each ask can be counted.

use crate::case::Case;
use pipelines::engine::ledger::{Delivery, Event, Holder, Ledger, Loan, Order, Terms, ids};
use pipelines::producer::Entry;
use std::collections::VecDeque;
use std::time::Instant;

const NO_BROADCAST: &str = "there is no dispatcher that gives each item to everybody, and Broadway \
    never uses GenStage's";

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds("Q1", "default_demand", "1000/500: asks 1000, then 500 per 500 done", q1),
        Case::holds("Q2", "min_of_80_percent", "100/80: asks 100, then 20 per 20 done", q2),
        Case::holds(
            "Q3",
            "min_of_20_percent",
            "100/20: batches of 80, 20, 80, 80, 20; asks 80 and 100 by turns",
            q3,
        ),
        Case::holds("Q4", "one_at_a_time", "1/0: one item asked for, one done, by turns", q4),
        Case::differs(
            "Q5",
            "several_ask_for_the_sum_once",
            "several consumers' demand reaches the producer once",
            "without broadcast it is the sum of their demands, not the least of them",
            q5,
        ),
        Case::differs(
            "Q9",
            "demand_waits_while_paused",
            "demand is accumulated while it is held back, and not reset",
            "what several lanes asked for meanwhile is asked for together",
            q9,
        ),
        Case::holds("Q13", "nothing_is_dropped", "a buffer without a bound drops nothing", q13),
        Case::holds("Q19", "nothing_unasked", "who does not ask is given nothing", q19),
        Case::holds(
            "Q20",
            "unknown_holders_are_refused",
            "asks and results of one that is unknown are refused, and change nothing",
            q20,
        ),
        Case::differs(
            "Q21",
            "the_hungriest_first",
            "who asked for most is served first; what a dead one asked for goes to others",
            "ties go to the lowest lane, and nothing is shuffled: each lane asks when it is free",
            q21,
        ),
        Case::not_applicable(
            "Q23",
            "a broadcast waits for the slowest; selectors; no subscription twice",
            NO_BROADCAST,
        ),
    ]
}

/// `lanes` of them with GenStage's way to ask: nothing is kept ahead.
pub(crate) fn terms(lanes: usize, max_demand: usize, min_demand: usize) -> Terms {
    Terms {
        delivery: Delivery::HandOver,
        lanes,
        producers: 1,
        attempts_max: 3,
        max_demand,
        min_demand,
        ahead: 0,
        partitioned: false,
    }
}

/// The first life of a lane.
pub(crate) fn holder(lane: usize) -> Holder {
    Holder { lane, incarnation: 1 }
}

/// A ledger, and the ids that come next.
pub(crate) struct Book {
    pub(crate) ledger: Ledger<()>,
    next: u64,
}

impl Book {
    /// One whose lanes are all there.
    pub(crate) fn of(terms: Terms) -> Self {
        let mut book = Self { ledger: Ledger::new(terms), next: 0 };
        (0..terms.lanes).for_each(|lane| drop(book.tell(Event::Joined(holder(lane)))));
        book
    }
    pub(crate) fn tell(&mut self, event: Event<()>) -> Vec<Order<()>> {
        let mut orders = Vec::new();
        self.ledger.step(Instant::now(), event, &mut orders);
        orders
    }
    /// A producer gives the next so many, for this lane or for any.
    pub(crate) fn give(&mut self, items: usize, lane: Option<usize>) {
        let from = self.next;
        self.next += items as u64;
        let items = (from..self.next).map(|id| Entry::from((id, ()))).collect();
        self.tell(Event::Taken { producer: 0, lane, promised: 0, items });
    }
    /// A lane asks; what it is lent.
    pub(crate) fn ask(&mut self, lane: usize) -> Vec<Loan<()>> {
        let orders = self.tell(Event::Asked(holder(lane)));
        orders.into_iter().filter_map(lent).collect()
    }
    /// The ids that a lane is lent when it asks.
    pub(crate) fn ask_ids(&mut self, lane: usize) -> Vec<u64> {
        self.ask(lane).iter().flat_map(ids).collect()
    }
    /// The producer answers what it should be asked for now, at once. What that was.
    fn answer(&mut self) -> Option<usize> {
        let room = self.ledger.room();
        self.tell(Event::Promised(room));
        let gone = Event::Taken { producer: 0, lane: None, promised: room, items: vec![] };
        self.tell(gone);
        self.give(room, None);
        (room > 0).then_some(room)
    }
}

fn lent(order: Order<()>) -> Option<Loan<()>> {
    if let Order::Lend(loan) = order { Some(loan) } else { None }
}

/// What one lane asks for, and what it does at one go, until it has begun so many batches.
fn flow(max: usize, min: usize, batches: usize) -> (Vec<usize>, Vec<Vec<u64>>) {
    let mut book = Book::of(terms(1, max, min));
    let (mut asks, mut done, mut mailbox) = (vec![], vec![], VecDeque::new());
    while done.len() < batches {
        mailbox.extend(book.ask(0));
        asks.extend(book.answer());
        mailbox.extend(book.ask(0));
        let loan: &mut Loan<()> = mailbox.front_mut().expect("there is something to do");
        let chunk = loan.take(max - min);
        if loan.is_empty() {
            mailbox.pop_front();
        }
        done.push(ids(&chunk).collect());
        let accepted = Event::Accepted { holder: holder(0), items: chunk.len() };
        assert!(book.tell(accepted).is_empty());
    }
    (asks, done)
}

/// Ids cut into batches of these sizes.
fn cut(sizes: &[usize]) -> Vec<Vec<u64>> {
    let mut all = 0..;
    sizes.iter().map(|size| all.by_ref().take(*size).collect()).collect()
}

fn q1() {
    let (asks, batches) = flow(1000, 500, 5);
    assert_eq!(asks, [1000, 500, 500, 500, 500]);
    assert_eq!(batches, cut(&[500; 5]));
}

fn q2() {
    let (asks, batches) = flow(100, 80, 60);
    assert_eq!(asks[0], 100);
    assert_eq!(asks[1..], [20; 59]);
    assert_eq!(batches, cut(&[20; 60]));
    // GenStage's own test looks at this one.
    assert_eq!(batches[50], (1000..1020).collect::<Vec<_>>());
}

fn q3() {
    let (asks, batches) = flow(100, 20, 8);
    assert_eq!(batches, cut(&[80, 20, 80, 80, 20, 80, 80, 20]));
    assert_eq!(asks, [100, 80, 100, 80, 100, 80]);
}

fn q4() {
    let (asks, batches) = flow(1, 0, 5);
    assert_eq!((asks, batches), (vec![1; 5], cut(&[1; 5])));
}

fn q5() {
    let mut book = Book::of(terms(3, 10, 5));
    for lane in 0..3 {
        assert!(book.ask(lane).is_empty());
    }
    assert_eq!(book.ledger.room(), 30);
    book.tell(Event::Promised(30));
    // What was asked for once is not asked for again, however often lanes do.
    for lane in [0, 1, 2, 0] {
        book.ask(lane);
        assert_eq!(book.ledger.room(), 0);
    }
    book.give(30, None);
    let lent: Vec<_> = (0..3).map(|lane| book.ask_ids(lane).len()).collect();
    assert_eq!(lent, [10, 10, 10]);
}

fn q9() {
    for ahead in [0, 40] {
        let mut book = Book::of(Terms { ahead, ..terms(2, 10, 5) });
        book.tell(Event::Paused(true));
        for lane in [0, 1, 0, 1] {
            assert!(book.ask(lane).is_empty());
            assert_eq!(book.ledger.room(), 0);
        }
        // Items that come meanwhile wait.
        book.give(3, None);
        assert!(book.ask(0).is_empty());
        assert_eq!((book.ledger.waiting(), book.ledger.room()), (3, 0));
        book.tell(Event::Paused(false));
        assert_eq!(book.ledger.room(), 20 + ahead - 3, "once each, and all of it");
        assert_eq!(book.ask_ids(0), [0, 1, 2]);
        assert_eq!(book.ledger.room(), 17 + ahead);
    }
}

fn q13() {
    let mut book = Book::of(terms(1, 10, 5));
    book.give(100_000, None);
    assert_eq!((book.ledger.waiting(), book.ledger.tally().lost), (100_000, 0));
    assert!(book.ask_ids(0).into_iter().eq(0..10));
}

fn q19() {
    for ahead in [0, 6] {
        let mut book = Book::of(Terms { ahead, ..terms(2, 3, 0) });
        assert_eq!(book.ledger.room(), ahead, "nobody asked");
        book.give(7, None);
        assert_eq!((book.ledger.owed(0), book.ledger.owed(1)), (0, 0));
        assert_eq!(book.ask_ids(1), [0, 1, 2]);
        // It asks for more before it has done anything: it holds what it may hold.
        assert!(book.ask(1).is_empty());
        assert_eq!((book.ledger.owed(0), book.ledger.owed(1)), (0, 3));
    }
}

fn q20() {
    let mut book = Book::of(terms(2, 2, 0));
    book.give(4, None);
    let [loan] = &book.ask(0)[..] else { panic!("one loan") };
    let strangers = [0, 2].map(|incarnation| Holder { lane: 0, incarnation });
    for stranger in strangers {
        let loan = loan.one(0);
        let items = 2;
        for event in [
            Event::Asked(stranger),
            Event::Accepted { holder: stranger, items },
            Event::Failed { holder: stranger, loan },
        ] {
            assert!(matches!(book.tell(event)[..], [Order::Refuse]));
        }
        // Nor does its death concern the one that is there.
        assert!(book.tell(Event::Left(stranger)).is_empty());
        assert!(book.tell(Event::Died(stranger)).is_empty());
        assert_eq!((book.ledger.owed(0), book.ledger.in_flight()), (2, 4));
    }
    // Nor does a life begin twice.
    assert!(matches!(book.tell(Event::Joined(holder(0)))[..], [Order::Refuse]));
    assert_eq!((book.ledger.owed(0), book.ledger.in_flight()), (2, 4));
}

fn q21() {
    let mut book = Book::of(terms(3, 10, 5));
    // Lane 1 holds 10 and has done 5 of them: it asks for 5. Lanes 0 and 2 ask for 10 each.
    book.ask(1);
    book.give(10, None);
    book.ask(1);
    book.tell(Event::Accepted { holder: holder(1), items: 5 });
    for lane in [2, 1, 0] {
        book.ask(lane);
    }
    book.give(4, None);
    // Lane 2 asks for most now.
    book.give(8, None);
    let owed = [0, 1, 2].map(|lane| book.ledger.owed(lane));
    assert_eq!(owed, [4, 5, 8], "nobody gets less who asked for more");
    assert_eq!(book.ledger.room(), 6 + 5 + 2);
    // Nobody is given more than it asked for: the rest waits.
    book.give(20, None);
    let owed = [0, 1, 2].map(|lane| book.ledger.owed(lane));
    assert_eq!((owed, book.ledger.waiting()), ([10, 10, 10], 7));

    // One asks and dies; what comes then is for who is left.
    let mut book = Book::of(Terms { delivery: Delivery::Lease, ..terms(2, 10, 5) });
    book.ask(0);
    book.tell(Event::Left(holder(0)));
    assert_eq!(book.ledger.room(), 0);
    book.ask(1);
    book.give(5, None);
    assert_eq!(book.ask_ids(1), [0, 1, 2, 3, 4]);
    assert_eq!(book.ledger.room(), 5);
}
