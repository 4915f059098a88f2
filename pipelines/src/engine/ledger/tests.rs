//! The ledger against a driver that only does what lanes, feeder and outlet may do, and keeps its own
//! simple account of every item.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Failed,
    Quarantined,
    Lost,
}

#[derive(Debug, Clone, Copy)]
enum Act {
    Take(usize),
    Drain,
    Ask(usize),
    Accept(usize),
    Fail(usize),
    Die(usize),
    Ack(usize),
}

struct Driver {
    ledger: Ledger<()>,
    delivery: Delivery,
    attempts_max: u32,
    /// What each lane owes, first item first.
    lent: Vec<VecDeque<ItemId>>,
    /// Attempts of an item that went wrong.
    charged: BTreeMap<ItemId, u32>,
    accepted: VecDeque<ItemId>,
    ends: BTreeMap<ItemId, End>,
    /// Who has to be lent next, alone.
    suspect: Option<ItemId>,
    taken: ItemId,
    drained: bool,
}

impl Driver {
    fn new(delivery: Delivery, lanes: usize, attempts_max: u32) -> Self {
        Self {
            ledger: Ledger::new(delivery, lanes, attempts_max),
            delivery,
            attempts_max,
            lent: vec![VecDeque::new(); lanes],
            charged: BTreeMap::new(),
            accepted: VecDeque::new(),
            ends: BTreeMap::new(),
            suspect: None,
            taken: 0,
            drained: false,
        }
    }

    fn tell(&mut self, event: Event<()>) -> Vec<Order<()>> {
        let mut orders = Vec::new();
        self.ledger.step(Instant::now(), event, &mut orders);
        orders
    }

    fn end(&mut self, item: ItemId, end: End) {
        assert_eq!(self.ends.insert(item, end), None, "item {item} ended twice");
    }

    /// Does what is asked if it is legal now; whether a lane was dismissed.
    fn act(&mut self, act: Act) -> bool {
        match act {
            Act::Take(items) if !self.drained => {
                let ids = self.taken..self.taken + items as u64;
                self.taken = ids.end;
                assert!(self.tell(Event::Taken(ids.map(|id| (id, ())).collect())).is_empty());
            }
            Act::Drain => {
                self.drained = true;
                assert!(self.tell(Event::Drained).is_empty());
            }
            Act::Ask(lane) if self.lent[lane].is_empty() => return self.ask(lane),
            Act::Accept(lane) => {
                if let Some(item) = self.lent[lane].pop_front() {
                    assert!(self.tell(Event::Accepted { lane }).is_empty());
                    self.accepted.push_back(item);
                }
            }
            Act::Fail(lane) => {
                if let Some(item) = self.lent[lane].pop_front() {
                    let orders = self.tell(Event::Failed { lane });
                    match self.delivery {
                        Delivery::Lease => self.charge(item, false, orders),
                        Delivery::HandOver => self.end(item, End::Failed),
                    }
                }
            }
            Act::Die(lane) => self.die(lane),
            Act::Ack(items) => {
                let items = items.min(self.accepted.len());
                assert!(self.tell(Event::Acked { items: items as u64 }).is_empty());
                for item in self.accepted.drain(..items).collect::<Vec<_>>() {
                    self.end(item, End::Done);
                }
            }
            Act::Take(_) | Act::Ask(_) => {}
        }
        self.check();
        false
    }

    fn ask(&mut self, lane: usize) -> bool {
        let mut orders = self.tell(Event::Asked { lane });
        assert_eq!(orders.len(), 1);
        let owed = self.lent.iter().any(|l| !l.is_empty());
        match orders.remove(0) {
            Order::Lend { lane: to, loan } => {
                assert_eq!(to, lane);
                let items: VecDeque<_> = loan.items().iter().map(|(id, ())| *id).collect();
                assert!(items.iter().all(|id| self.lent.iter().all(|l| !l.contains(id))));
                assert!(items.iter().all(|id| !self.ends.contains_key(id)));
                assert!(items.iter().all(|id| !self.accepted.contains(id)));
                let charged = |id: &ItemId| self.charged.get(id).copied().unwrap_or(0);
                assert_eq!(loan.attempt, charged(&items[0]), "an innocent was charged");
                assert!(items.iter().skip(1).all(|id| charged(id) == 0));
                assert!(loan.attempt < self.attempts_max);
                if let Some(suspect) = self.suspect.take() {
                    assert_eq!(items, [suspect], "the suspect is lent next, and alone");
                }
                self.lent[lane] = items;
            }
            Order::Wait { .. } => assert!(!self.drained || owed, "it would wait for ever"),
            Order::Dismiss { .. } => {
                assert!(self.drained && !owed);
                assert_eq!(self.ledger.in_flight(), self.accepted.len() as u64);
                return true;
            }
            Order::SetAside { .. } => panic!("nobody failed"),
        }
        self.check();
        false
    }

    fn die(&mut self, lane: usize) {
        let owed = std::mem::take(&mut self.lent[lane]);
        let orders = self.tell(Event::Died { lane });
        match (self.delivery, owed.front()) {
            // A worker that held nothing costs nothing.
            (_, None) => assert!(orders.is_empty()),
            (Delivery::Lease, Some(suspect)) => self.charge(*suspect, true, orders),
            (Delivery::HandOver, Some(_)) => {
                assert!(orders.is_empty());
                owed.into_iter().for_each(|item| self.end(item, End::Lost));
            }
        }
    }

    fn charge(&mut self, item: ItemId, deadly: bool, mut orders: Vec<Order<()>>) {
        let charged = self.charged.entry(item).or_default();
        *charged += 1;
        if *charged < self.attempts_max {
            assert!(orders.is_empty());
            self.suspect = Some(item);
            return;
        }
        let Some(Order::SetAside { loan, deadly: said }) = orders.pop() else {
            panic!("item {item} had its {charged} attempts");
        };
        assert!(orders.is_empty() && said == deadly && loan.items() == [(item, ())]);
        assert_eq!(loan.attempt + 1, self.attempts_max);
        self.end(item, if deadly { End::Quarantined } else { End::Failed });
        // Nobody has to be next any more: the loan that an earlier suspect waits in may lie deeper now.
        self.suspect = None;
    }

    fn check(&self) {
        let tally = self.ledger.tally();
        let Tally { produced, done, failed, quarantined, lost } = tally;
        let settled = done + failed + quarantined + lost;
        assert_eq!(produced, settled + self.ledger.in_flight(), "{tally:?}");
        assert_eq!((produced, settled), (self.taken, self.ends.len() as u64));
        let ended = |end| self.ends.values().filter(|e| **e == end).count() as u64;
        assert_eq!((done, failed), (ended(End::Done), ended(End::Failed)));
        assert_eq!((quarantined, lost), (ended(End::Quarantined), ended(End::Lost)));
        match self.delivery {
            Delivery::Lease => assert_eq!(lost, 0),
            Delivery::HandOver => assert_eq!(quarantined, 0),
        }
    }

    /// Lanes go on without faults until they are dismissed, and the outlet handles what is left.
    fn finish(mut self) {
        self.act(Act::Drain);
        let lanes = self.lent.len();
        let most = 2 * self.taken as usize + 2;
        let mut rounds = 0..most;
        while !(0..lanes).fold(true, |all, lane| {
            while !self.lent[lane].is_empty() {
                self.act(Act::Accept(lane));
            }
            self.act(Act::Ask(lane)) && all
        }) {
            assert!(rounds.next().is_some(), "the run never ends");
        }
        self.act(Act::Ack(usize::MAX));
        assert_eq!(self.ledger.in_flight(), 0);
        assert!(self.ends.keys().copied().eq(0..self.taken), "every item ends exactly once");
    }
}

const LANES: usize = 4;

fn act() -> impl Strategy<Value = Act> {
    let lane = || 0..LANES;
    prop_oneof![
        4 => (1usize..6).prop_map(Act::Take),
        1 => Just(Act::Drain),
        8 => lane().prop_map(Act::Ask),
        8 => lane().prop_map(Act::Accept),
        3 => lane().prop_map(Act::Fail),
        4 => lane().prop_map(Act::Die),
        3 => (0usize..5).prop_map(Act::Ack),
    ]
}

proptest! {
    #[test]
    fn items_are_conserved_whatever_happens(
        acts in prop::collection::vec(act(), 0..200),
        lease in any::<bool>(),
        lanes in 1..=LANES,
        attempts in 0u32..4,
    ) {
        let delivery = if lease { Delivery::Lease } else { Delivery::HandOver };
        let mut driver = Driver::new(delivery, lanes, attempts.max(1));
        for act in acts {
            match act {
                Act::Ask(n) | Act::Accept(n) | Act::Fail(n) | Act::Die(n) if n >= lanes => {}
                act => { driver.act(act); }
            }
        }
        driver.finish();
    }
}

fn ids(orders: &[Order<()>]) -> Vec<(Vec<ItemId>, u32)> {
    let lent = |order: &Order<()>| match order {
        Order::Lend { loan, .. } => {
            Some((loan.items().iter().map(|(id, ())| *id).collect(), loan.attempt))
        }
        _ => None,
    };
    orders.iter().filter_map(lent).collect()
}

#[test]
fn only_the_suspect_is_charged_and_goes_first() {
    let mut driver = Driver::new(Delivery::Lease, 1, 3);
    driver.act(Act::Take(4));
    driver.act(Act::Take(2));
    driver.act(Act::Ask(0));
    driver.act(Act::Accept(0));
    driver.act(Act::Die(0));
    let mut lent = vec![];
    for owed in [1, 2, 2] {
        lent.extend(ids(&driver.tell(Event::Asked { lane: 0 })));
        (0..owed).for_each(|_| assert!(driver.tell(Event::Accepted { lane: 0 }).is_empty()));
    }
    assert_eq!(lent, [(vec![1], 1), (vec![2, 3], 0), (vec![4, 5], 0)]);
}

#[test]
fn hand_over_loses_exactly_what_the_dead_lane_owed() {
    let mut driver = Driver::new(Delivery::HandOver, 2, 3);
    driver.act(Act::Take(5));
    driver.act(Act::Take(3));
    driver.act(Act::Ask(0));
    driver.act(Act::Ask(1));
    driver.act(Act::Accept(0));
    driver.act(Act::Die(0));
    assert_eq!(driver.ledger.tally().lost, 4);
    driver.finish();
}
