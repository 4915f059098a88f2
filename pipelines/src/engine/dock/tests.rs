//! The dock against a driver that only does what lanes, batch workers and their supervisor may do, and
//! keeps its own simple account of every item. Then the exact cases, by table.

mod cases;

use super::*;
use crate::engine::batcher::{Split, Trigger};
use crate::handler::Route;
use proptest::prelude::*;
use std::time::Duration;

/// Where an item is, as far as the driver knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Docked,
    Later(Instant),
    Held(usize),
    Handled,
    Lost,
}

#[derive(Debug, Clone)]
enum Act {
    /// Items come in: the key of each, and whether it is to be flushed.
    Put(Vec<(u64, bool)>),
    Later(u64, u64),
    Join(usize),
    Ask(usize),
    Handle(usize),
    Leave(usize),
    /// A former life of the worker speaks up.
    Haunt(usize),
    KillBatcher,
    KillBringer,
    StartBatcher,
    Close,
    Wait(u64),
}

#[derive(Debug, Clone, Copy)]
struct Setup {
    lease: bool,
    workers: usize,
    partitioned: bool,
    size: usize,
}

const WITHIN: Duration = Duration::from_millis(20);

struct Driver {
    dock: Dock<()>,
    setup: Setup,
    now: Instant,
    /// Of each item, by id.
    at: Vec<At>,
    key: Vec<u64>,
    /// Those that came late, or by a later list.
    displaced: Vec<bool>,
    /// The batch in the hands of each worker, and its life.
    hands: Vec<Option<Arc<Pack<()>>>>,
    lives: Vec<(u32, bool)>,
    /// What came back and has to be lent as it was.
    back: Vec<Vec<ItemId>>,
    started: bool,
    closed: bool,
    lent: Vec<Option<ItemId>>,
}

type ItemId = u64;

const KEYS: usize = 3;

fn ids(pack: &Pack<()>) -> Vec<ItemId> {
    pack.items.iter().map(|done| done.item).collect()
}

impl Driver {
    fn new(setup: Setup) -> Self {
        let delivery = if setup.lease { Delivery::Lease } else { Delivery::HandOver };
        let mut batcher = Batcher::new(Split::Count(setup.size), WITHIN);
        if setup.partitioned {
            batcher = batcher.partitions(setup.workers, |done: &Done<()>| done.item);
        }
        let mut driver = Self {
            dock: Dock::new(delivery, batcher, setup.workers, setup.partitioned),
            setup,
            now: Instant::now(),
            at: vec![],
            key: vec![],
            displaced: vec![],
            hands: vec![None; setup.workers],
            lives: vec![(0, false); setup.workers],
            back: vec![],
            started: false,
            closed: false,
            lent: vec![None; KEYS * setup.workers],
        };
        (0..setup.workers).for_each(|worker| driver.act(Act::Join(worker)));
        driver.act(Act::StartBatcher);
        driver
    }

    fn tell(&mut self, event: Event<()>) -> Vec<Order<()>> {
        let mut orders = Vec::new();
        self.dock.step(self.now, event, &mut orders);
        orders
    }

    fn tell_quietly(&mut self, event: Event<()>) {
        assert!(self.tell(event).is_empty(), "nothing is to be done");
    }

    fn holder(&self, worker: usize) -> Holder {
        Holder { worker, incarnation: self.lives[worker].0 }
    }

    fn go(&mut self, item: ItemId, from: At, to: At) {
        let at = &mut self.at[item as usize];
        assert_eq!(*at, from, "item {item} on its way to {to:?}");
        *at = to;
    }

    fn count(&self, at: At) -> usize {
        self.at.iter().filter(|a| **a == at).count()
    }

    fn later(&self) -> impl Iterator<Item = (ItemId, Instant)> {
        (0..).zip(&self.at).filter_map(|(item, at)| match at {
            At::Later(due) => Some((item, *due)),
            _ => None,
        })
    }

    /// One more item that is on its way here.
    fn made(&mut self, key: u64, flush: bool, at: At) -> Done<()> {
        let item = self.at.len() as u64;
        self.at.push(at);
        self.key.push(key);
        self.displaced.push(at != At::Docked);
        Done { route: Route { batcher: 0, key, flush }, ..Done::new(item, 1, ()) }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Put(items) => {
                let items = items.into_iter().map(|(key, flush)| self.made(key, flush, At::Docked));
                let items = items.collect();
                self.tell_quietly(Event::Put(items));
            }
            Act::Later(key, ms) => {
                let due = self.now + Duration::from_millis(ms);
                let done = self.made(key, false, At::Later(due));
                self.tell_quietly(Event::Later(due, done));
            }
            Act::Join(worker) => {
                self.lives[worker].0 += 1;
                self.bury(worker, Event::Joined(self.holder(worker)));
                self.lives[worker].1 = true;
            }
            Act::Ask(worker) if self.lives[worker].1 && self.hands[worker].is_none() => {
                self.ask(worker);
            }
            Act::Handle(worker) => {
                let Some(pack) = self.hands[worker].take() else { return };
                let orders = self.tell(Event::Handled(self.holder(worker)));
                assert!(matches!(orders[..], [Order::Granted]));
                ids(&pack).into_iter().for_each(|i| self.go(i, At::Held(worker), At::Handled));
            }
            Act::Leave(worker) if self.lives[worker].1 => {
                self.bury(worker, Event::Left(self.holder(worker)));
                self.lives[worker].1 = false;
            }
            Act::Haunt(worker) => self.haunt(worker),
            Act::KillBatcher => self.kill_batcher(),
            Act::KillBringer => self.kill_bringer(),
            Act::StartBatcher => {
                self.tell_quietly(Event::BatcherStarted);
                self.started = true;
                // What came meanwhile comes in when a batch worker looks.
                return self.act(Act::Wait(0));
            }
            Act::Close => {
                self.tell_quietly(Event::Closed);
                self.closed = true;
            }
            Act::Wait(ms) => {
                self.now += Duration::from_millis(ms);
                self.tell_quietly(Event::Tick);
                let ripe: Vec<_> = self.later().filter(|(_, due)| *due <= self.now).collect();
                ripe.into_iter().for_each(|(item, due)| self.go(item, At::Later(due), At::Docked));
                assert!(self.dock.deadline().is_none_or(|due| due > self.now), "it would spin");
            }
            _ => {}
        }
        self.check();
    }

    /// Asks for a worker; whether it was dismissed.
    fn ask(&mut self, worker: usize) -> bool {
        let mut orders = self.tell(Event::Asked(self.holder(worker)));
        assert_eq!(orders.len(), 1, "each question has one answer");
        let held = self.count(At::Docked) + self.later().count();
        let over = self.closed && held == 0 && self.hands.iter().all(Option::is_none);
        match orders.pop() {
            Some(Order::Lend(pack)) => self.lend(worker, pack),
            Some(Order::Wait) => {
                assert!(!over, "it would wait for ever");
                assert!(self.setup.partitioned || !self.dock.can_answer(), "it would spin");
            }
            Some(Order::Dismiss) => {
                assert!(over, "something may still come");
                assert!(self.dock.can_answer());
                return true;
            }
            _ => panic!("a worker that asks is lent something, or nothing"),
        }
        false
    }

    fn lend(&mut self, worker: usize, pack: Arc<Pack<()>>) {
        let items = ids(&pack);
        assert_eq!(pack.info.size, items.len());
        assert!(!items.is_empty() && items.len() <= self.setup.size);
        let again = self.back.iter().position(|batch| *batch == items);
        let partition = self.setup.partitioned.then(|| items[0] as usize % self.setup.workers);
        assert_eq!(pack.info.partition, partition);
        assert!(partition.is_none_or(|partition| partition == worker), "for another worker");
        for item in &items {
            self.go(*item, At::Docked, At::Held(worker));
            assert_eq!(self.key[*item as usize], pack.info.key);
            let line = pack.info.key as usize * self.setup.workers + partition.unwrap_or(0);
            if again.is_none() && !self.displaced[*item as usize] {
                assert!(self.lent[line].replace(*item) < Some(*item), "{item} is out of order");
            }
            let came_back = self.back.iter().any(|batch| batch.contains(item));
            assert_eq!(came_back, again.is_some(), "a batch comes back as it was");
        }
        if let Some(again) = again {
            self.back.remove(again);
        }
        self.hands[worker] = Some(pack);
    }

    /// A worker loses what it holds.
    fn bury(&mut self, worker: usize, event: Event<()>) {
        // The batches of a partition go with who was to handle them.
        let Setup { lease, workers, partitioned, .. } = self.setup;
        let goes = partitioned && workers > 1 && !lease && self.lives[worker].1;
        let queue = self.dock.ready.get(worker).filter(|_| goes);
        let queued: Vec<_> = queue.into_iter().flatten().flat_map(|pack| ids(pack)).collect();
        let orders = self.tell(event);
        let held = self.hands[worker].take().map(|pack| ids(&pack)).unwrap_or_default();
        let (total, to) = match orders[..] {
            [] => (0, At::Docked),
            [Order::Returned(items)] if lease => (items, At::Docked),
            [Order::Lost(items)] if !lease => (items, At::Lost),
            _ => panic!("it says what became of the batch"),
        };
        assert_eq!(total, held.len() + queued.len());
        queued.into_iter().for_each(|item| self.go(item, At::Docked, At::Lost));
        held.iter().for_each(|item| self.go(*item, At::Held(worker), to));
        if lease && !held.is_empty() {
            self.back.push(held);
        }
    }

    /// What a former life says is refused, and changes nothing.
    fn haunt(&mut self, worker: usize) {
        let (life, alive) = self.lives[worker];
        let holder = Holder { worker, incarnation: if alive { life - 1 } else { life } };
        let before = (self.dock.held(), self.dock.owed(worker));
        for event in [Event::Asked(holder), Event::Handled(holder), Event::Joined(holder)] {
            assert!(matches!(self.tell(event)[..], [Order::Refuse]));
        }
        self.tell_quietly(Event::Left(holder));
        assert_eq!(before, (self.dock.held(), self.dock.owed(worker)));
    }

    /// What waits for a batcher that is away dies with who brought it.
    fn kill_bringer(&mut self) {
        let ashore: Vec<_> = self.dock.ashore.iter().map(|done| done.item).collect();
        match self.tell(Event::BringerDied)[..] {
            [] => assert!(self.setup.lease || ashore.is_empty()),
            [Order::Lost(items)] => {
                assert!(!self.setup.lease && items == ashore.len());
                ashore.into_iter().for_each(|item| self.go(item, At::Docked, At::Lost));
            }
            _ => panic!("it says how many are lost"),
        }
    }

    fn kill_batcher(&mut self) {
        self.started = false;
        let orders = self.tell(Event::BatcherDied);
        if self.setup.lease {
            return assert!(orders.is_empty(), "it keeps what it has");
        }
        let later: Vec<_> = self.later().collect();
        later.into_iter().for_each(|(item, due)| self.go(item, At::Later(due), At::Docked));
        let gone = self.count(At::Docked);
        for at in self.at.iter_mut().filter(|at| **at == At::Docked) {
            *at = At::Lost;
        }
        match orders[..] {
            [] => assert_eq!(gone, 0),
            [Order::Lost(items)] => assert_eq!(items, gone),
            _ => panic!("it says how many are lost"),
        }
    }

    fn check(&self) {
        let docked = self.count(At::Docked) + self.later().count();
        let held: Vec<_> = (0..self.setup.workers).map(|w| self.count(At::Held(w))).collect();
        assert_eq!(self.dock.held(), (docked, held.iter().sum()));
        for (worker, held) in held.into_iter().enumerate() {
            assert_eq!(self.dock.owed(worker), held);
        }
        let due = self.dock.deadline();
        assert!(self.started || due.is_none(), "nobody would do it");
        if let (true, Some((_, first))) = (self.started, self.later().min_by_key(|l| l.1)) {
            assert!(due.is_some_and(|due| due <= first), "it comes too late");
        }
        if self.started && self.closed {
            assert!(self.dock.batcher.is_empty(), "nobody follows who would fill the batch");
        }
    }

    /// Workers go on without faults until they are dismissed.
    fn finish(mut self) {
        self.act(Act::StartBatcher);
        self.act(Act::Close);
        (0..self.setup.workers).for_each(|worker| self.act(Act::Join(worker)));
        let mut rounds = 0..2 * self.at.len() + 2;
        let mut dismissed = false;
        while !dismissed {
            assert!(rounds.next().is_some(), "the run never ends");
            self.act(Act::Wait(1000));
            dismissed = true;
            for worker in 0..self.setup.workers {
                self.act(Act::Handle(worker));
                dismissed &= self.ask(worker);
            }
        }
        assert_eq!(self.dock.held(), (0, 0));
        assert_eq!(self.count(At::Handled) + self.count(At::Lost), self.at.len());
    }
}

const WORKERS: usize = 3;

fn act() -> impl Strategy<Value = Act> {
    let (worker, key) = (|| 0..WORKERS, || 0..KEYS as u64);
    let items = prop::collection::vec((key(), prop::bool::weighted(0.1)), 1..6);
    prop_oneof![
        10 => items.prop_map(Act::Put),
        1 => (key(), 0u64..50).prop_map(|(key, ms)| Act::Later(key, ms)),
        2 => worker().prop_map(Act::Join),
        8 => worker().prop_map(Act::Ask),
        6 => worker().prop_map(Act::Handle),
        3 => worker().prop_map(Act::Leave),
        1 => worker().prop_map(Act::Haunt),
        1 => Just(Act::KillBatcher),
        1 => Just(Act::KillBringer),
        2 => Just(Act::StartBatcher),
        1 => Just(Act::Close),
        4 => (0u64..30).prop_map(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn items_are_conserved_whatever_happens(
        (lease, partitioned) in any::<(bool, bool)>(),
        (workers, size) in (1..=WORKERS, 1usize..5),
        acts in prop::collection::vec(act(), 0..150),
    ) {
        let mut driver = Driver::new(Setup { lease, workers, partitioned, size });
        for act in acts {
            match act {
                Act::Join(n) | Act::Ask(n) | Act::Handle(n) | Act::Leave(n) | Act::Haunt(n)
                    if n >= workers => {}
                act => driver.act(act),
            }
        }
        driver.finish();
    }
}
