//! Q: children of a supervisor, on the tree itself.

use crate::case::Case;
use crate::q_ledger::{Book, terms};
use pipelines::engine::tree::{
    Backoff, Budget, End, Event, Leaf, Node, Order, Restart, Shutdown, Spec, Strategy, Tree,
};
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::differs(
        "Q24",
        "restarts_and_shutdowns",
        "a child per event: how many, who is restarted and how often, how they are told to leave",
        "there is no child per item: a fixed crew of lanes, each of which holds `max_demand` items at \
         most; the rules of restart and shutdown are the tree's",
        q24,
    )]
}

struct Nursery {
    tree: Tree,
    now: Instant,
}

impl Nursery {
    /// One supervisor over these children, all of them up.
    fn of(children: &[(Restart, Shutdown)], budget: Budget) -> Self {
        let node = |(n, (restart, shutdown)): (usize, &(Restart, Shutdown))| Node::Leaf {
            leaf: Leaf(n as u32),
            restart: *restart,
            shutdown: *shutdown,
        };
        let spec = Spec {
            name: "nursery".to_owned(),
            strategy: Strategy::OneForOne,
            budget,
            backoff: Backoff::NONE,
            children: children.iter().enumerate().map(node).collect(),
        };
        let mut nursery = Self { tree: Tree::new(spec), now: Instant::now() };
        let mut orders = nursery.tell(Event::Start);
        for n in 0..children.len() as u32 {
            assert_eq!(orders, [start(n, 1)]);
            orders = nursery.tell(Event::Started { leaf: Leaf(n), incarnation: 1 });
        }
        nursery
    }
    fn tell(&mut self, event: Event) -> Vec<Order> {
        let mut orders = Vec::new();
        self.tree.step(self.now, event, &mut orders);
        orders
    }
    fn dies(&mut self, n: u32, incarnation: u32, normal: bool) -> Vec<Order> {
        let orders = self.tell(Event::Exited { leaf: Leaf(n), incarnation, normal });
        for order in &orders {
            if let Order::Start { leaf, incarnation } = *order {
                assert!(self.tell(Event::Started { leaf, incarnation }).is_empty());
            }
        }
        orders
    }
}

fn start(n: u32, incarnation: u32) -> Order {
    Order::Start { leaf: Leaf(n), incarnation }
}

fn q24() {
    count();
    restarts();
    budget();
    shutdowns();
}

/// Never more than it may hold, however much there is.
fn count() {
    let mut book = Book::of(terms(2, 3, 2));
    book.give(20, None);
    for _ in 0..4 {
        book.ask(0);
        assert_eq!((book.ledger.owed(0), book.ledger.owed(1)), (3, 0));
    }
}

fn restarts() {
    let within = Shutdown::Within(SECOND);
    let kinds = [Restart::Temporary, Restart::Transient, Restart::Transient, Restart::Permanent];
    let often = Budget { restarts: 10, within: SECOND };
    let mut nursery = Nursery::of(&kinds.map(|restart| (restart, within)), often);
    assert_eq!(nursery.dies(0, 1, false), []);
    assert_eq!(nursery.dies(1, 1, true), []);
    assert_eq!(nursery.dies(2, 1, false), [start(2, 2)]);
    assert_eq!(nursery.dies(3, 1, true), [start(3, 2)]);
    let running: Vec<_> = (0..4).filter(|n| nursery.tree.running(Leaf(*n))).collect();
    assert_eq!(running, [2, 3]);
    // What one is told of a life that is over counts for nothing.
    assert_eq!(nursery.dies(2, 1, false), []);
}

fn budget() {
    let twice = Budget { restarts: 2, within: SECOND };
    let children = [(Restart::Permanent, Shutdown::Within(SECOND)); 2];
    let mut nursery = Nursery::of(&children, twice);
    assert_eq!(nursery.dies(0, 1, false), [start(0, 2)]);
    assert_eq!(nursery.dies(1, 1, false), [start(1, 2)]);
    // The window passes: two more are allowed, a third is not.
    nursery.now += SECOND + Duration::from_millis(1);
    assert_eq!(nursery.dies(0, 2, false), [start(0, 3)]);
    assert_eq!(nursery.dies(0, 3, false), [start(0, 4)]);
    let stop = Order::Stop { leaf: Leaf(1), incarnation: 2 };
    assert_eq!(nursery.dies(0, 4, false), [stop]);
    let tree = "nursery".to_owned();
    let gave_up = Order::Ended(End::GaveUp { tree, leaf: Some(Leaf(0)) });
    assert_eq!(nursery.dies(1, 2, true), [gave_up]);
}

fn shutdowns() {
    let often = Budget { restarts: 1, within: SECOND };
    let ways = [Shutdown::Infinite, Shutdown::Within(SECOND), Shutdown::Brutal];
    let mut nursery = Nursery::of(&ways.map(|way| (Restart::Permanent, way)), often);
    let leaf = |n| (Leaf(n), 1);
    let abandon = |(leaf, incarnation)| Order::Abandon { leaf, incarnation };
    let stop = |(leaf, incarnation)| Order::Stop { leaf, incarnation };
    // The last first: that one is not asked, the next one is.
    assert_eq!(nursery.tell(Event::Stop), [abandon(leaf(2)), stop(leaf(1))]);
    nursery.now += SECOND;
    assert_eq!(nursery.tell(Event::Tick), [abandon(leaf(1)), stop(leaf(0))]);
    // This one has as long as it takes.
    assert_eq!(nursery.tree.deadline(), None);
    nursery.now += SECOND * 100_000;
    assert_eq!(nursery.tell(Event::Tick), []);
    let exited = Event::Exited { leaf: Leaf(0), incarnation: 1, normal: true };
    assert_eq!(nursery.tell(exited), [Order::Ended(End::Stopped)]);
}
