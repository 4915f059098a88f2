//! The ledger against a driver that only does what feeders, lanes and outlets may do, and keeps its own
//! simple account of every item. The exact cases are in `cases`.

mod cases;
mod lanes;
mod properties;

use super::*;
use crate::message::ItemId;
use proptest::prelude::*;
use std::time::Duration;

/// Where an item is, as far as the driver knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In a queue, or in the mailbox of a lane that has not fetched it yet.
    Waiting,
    /// In the hands of a lane.
    Held(usize),
    /// Had its last attempt; nobody has decided yet.
    Judged,
    /// To be tried again, not before then.
    Later(Instant),
    Accepted,
    Done,
    Failed,
    Quarantined,
    Lost,
}

#[derive(Debug, Clone)]
enum Act {
    /// A producer sees whether it is to be asked, and for how many.
    Demand(usize),
    /// It gives so many of what it was asked for: each for this lane, if that matters.
    Give(usize, Vec<usize>),
    Drain(usize),
    KillProducer(usize),
    Push(usize, usize, Option<usize>),
    Unmade(usize),
    Join(usize),
    Ask(usize),
    Accept(usize, usize),
    Fail(usize),
    Die(usize),
    Fall(usize),
    Leave(usize),
    /// A former life of the lane speaks up.
    Haunt(usize),
    /// How an item that had its last attempt is judged: 3 is another attempt after that many ms.
    Judge(usize, u64),
    Ack(usize),
    Spoil(usize),
    Lose(usize),
    Pause(bool),
    Wait(u64),
}

struct Driver {
    ledger: Ledger<()>,
    terms: Terms,
    now: Instant,
    /// Of each item that was produced, by id.
    at: Vec<At>,
    producer: Vec<usize>,
    queue: Vec<usize>,
    /// Attempts of it that went wrong, and whether it lost its place in the order by that.
    charged: Vec<u32>,
    displaced: Vec<bool>,
    lent_before: Vec<bool>,
    unmade: u64,
    /// What each lane has fetched and not settled, in order; and its life.
    hands: Vec<VecDeque<ItemId>>,
    lives: Vec<(u32, bool)>,
    promised: Vec<usize>,
    open: Vec<bool>,
    judged: VecDeque<(Loan<()>, bool)>,
    paused: bool,
    /// By queue: the last item that was lent for the first time, that was settled, and who must be next.
    lent: Vec<Option<ItemId>>,
    settled: Vec<Option<ItemId>>,
    suspect: Vec<Option<ItemId>>,
}

fn ids_of(loan: &Loan<()>) -> Vec<ItemId> {
    ids(loan).collect()
}

impl Driver {
    fn new(terms: Terms) -> Self {
        let queues = if terms.partitioned { terms.lanes } else { 1 };
        let mut driver = Self {
            ledger: Ledger::new(terms),
            terms,
            now: Instant::now(),
            at: vec![],
            producer: vec![],
            queue: vec![],
            charged: vec![],
            displaced: vec![],
            lent_before: vec![],
            unmade: 0,
            hands: vec![VecDeque::new(); terms.lanes],
            lives: vec![(0, false); terms.lanes],
            promised: vec![0; terms.producers],
            open: vec![true; terms.producers],
            judged: VecDeque::new(),
            paused: false,
            lent: vec![None; queues],
            settled: vec![None; queues],
            suspect: vec![None; queues],
        };
        (0..terms.lanes).for_each(|lane| driver.act(Act::Join(lane)));
        driver
    }

    fn tell(&mut self, event: Event<()>) -> Vec<Order<()>> {
        let mut orders = Vec::new();
        self.ledger.step(self.now, event, &mut orders);
        orders
    }

    fn tell_quietly(&mut self, event: Event<()>) {
        assert!(self.tell(event).is_empty(), "nothing is to be done");
    }

    fn is_lease(&self) -> bool {
        self.terms.delivery == Delivery::Lease
    }

    fn holder(&self, lane: usize) -> Holder {
        Holder { lane, incarnation: self.lives[lane].0 }
    }

    fn all(&self, at: At) -> Vec<ItemId> {
        (0..self.at.len() as u64).filter(|id| self.at[*id as usize] == at).collect()
    }

    fn go(&mut self, item: ItemId, from: At, to: At) {
        let at = &mut self.at[item as usize];
        assert_eq!(*at, from, "item {item} on its way to {to:?}");
        *at = to;
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Demand(producer) if self.open[producer] && self.promised[producer] == 0 => {
                let room = self.ledger.room().min(self.terms.max_demand);
                if room > 0 {
                    self.tell_quietly(Event::Promised(room));
                    self.promised[producer] = room;
                }
            }
            Act::Give(producer, lanes) => self.give(producer, &lanes),
            Act::Drain(producer) if self.promised[producer] == 0 => {
                self.tell_quietly(Event::Drained { producer });
                self.open[producer] = false;
            }
            Act::KillProducer(producer) if self.open[producer] => self.kill_producer(producer),
            Act::Push(lane, items, most) => self.push(lane, items, most),
            Act::Unmade(items) => {
                self.tell_quietly(Event::Unmade(items));
                self.unmade += items as u64;
            }
            Act::Join(lane) => {
                self.lives[lane].0 += 1;
                self.bury(lane, false, Event::Joined(self.holder(lane)));
                self.lives[lane].1 = true;
            }
            Act::Ask(lane) if self.lives[lane].1 => drop(self.ask(lane)),
            Act::Accept(lane, items) => self.accept(lane, items),
            Act::Fail(lane) if !self.hands[lane].is_empty() => self.fail(lane),
            Act::Die(lane) if !self.hands[lane].is_empty() => {
                self.bury(lane, true, Event::Died(self.holder(lane)));
                self.lives[lane].1 = false;
            }
            Act::Fall(lane) if !self.hands[lane].is_empty() => {
                self.bury(lane, true, Event::Fell { holder: self.holder(lane), deaths: 1 });
            }
            Act::Leave(lane) if self.lives[lane].1 => {
                self.bury(lane, false, Event::Left(self.holder(lane)));
                self.lives[lane].1 = false;
            }
            Act::Haunt(lane) => self.haunt(lane),
            Act::Judge(how, ms) => self.judge(how, ms),
            Act::Ack(items) => self.settle(items, At::Done, Event::Acked),
            Act::Spoil(items) => self.settle(items, At::Failed, Event::Spoiled),
            Act::Lose(items) => self.settle(items, At::Lost, Event::Lost),
            Act::Pause(paused) => {
                self.paused = paused;
                self.tell_quietly(Event::Paused(paused));
            }
            Act::Wait(ms) => self.wait(Duration::from_millis(ms)),
            _ => {}
        }
        self.check();
    }

    /// Items come in, from a producer that was asked or from outside.
    fn enter(&mut self, producer: usize, lane: Option<usize>, items: usize, promised: usize) {
        let first = self.at.len() as u64;
        let entries = (first..first + items as u64).map(|id| Entry::from((id, ()))).collect();
        let queue = lane.unwrap_or(0);
        let ghosts = if self.terms.ahead == 0 {
            self.ledger.ghosts[queue].min(items).min(promised)
        } else {
            0
        };
        let orders = self.tell(Event::Taken { producer, lane, promised, items: entries });
        for item in 0..items {
            self.at.push(if item < ghosts { At::Lost } else { At::Waiting });
            self.producer.push(producer);
            self.queue.push(queue);
            self.charged.push(0);
            self.displaced.push(false);
            self.lent_before.push(false);
        }
        assert_eq!(lost(&orders), (ghosts, orders.len()));
        assert!(orders.len() <= 1);
    }

    fn give(&mut self, producer: usize, lanes: &[usize]) {
        let promised = std::mem::take(&mut self.promised[producer]);
        let items = &lanes[..lanes.len().min(promised)];
        let promised = promised - items.len();
        if self.terms.partitioned {
            for lane in 0..self.terms.lanes {
                let count = items.iter().filter(|l| **l % self.terms.lanes == lane).count();
                self.enter(producer, Some(lane), count, count);
            }
        } else {
            self.enter(producer, None, items.len(), items.len());
        }
        self.tell_quietly(Event::Taken { producer, lane: None, promised, items: vec![] });
    }

    fn push(&mut self, lane: usize, items: usize, most: Option<usize>) {
        let lane = self.terms.partitioned.then_some(lane);
        self.enter(0, lane, items, 0);
        let Some(most) = most else { return };
        let mut waiting: Vec<_> = self.ledger.ready.iter().flatten().flat_map(ids_of).collect();
        let dropped = self.ledger.overflow(most);
        assert_eq!(dropped, waiting.len().saturating_sub(most));
        let kept: Vec<_> = self.ledger.ready.iter().flatten().flat_map(ids_of).collect();
        waiting.retain(|item| !kept.contains(item));
        assert_eq!(waiting.len(), dropped);
        waiting.into_iter().for_each(|item| self.go(item, At::Waiting, At::Lost));
        self.suspect.fill(None);
    }

    fn kill_producer(&mut self, producer: usize) {
        let promised = std::mem::take(&mut self.promised[producer]);
        self.tell_quietly(Event::Taken { producer, lane: None, promised, items: vec![] });
        let mailed: Vec<_> = (0..self.terms.lanes).flat_map(|lane| self.mailbox(lane)).collect();
        let orders = self.tell(Event::ProducerDied { producer });
        let mut gone = self.all(At::Waiting);
        let mine = |item: &ItemId| self.producer[*item as usize] == producer;
        gone.retain(|item| !self.is_lease() && mine(item) && !mailed.contains(item));
        assert_eq!(lost(&orders), (gone.len(), orders.len()));
        gone.into_iter().for_each(|item| self.go(item, At::Waiting, At::Lost));
        self.tell_quietly(Event::Opened { producer });
        self.suspect.fill(None);
    }

    fn check(&self) {
        let count = |at: fn(&At) -> bool| self.at.iter().filter(|a| at(a)).count();
        let tally = self.ledger.tally();
        let Tally { produced, done, failed, quarantined, lost } = tally;
        let settled = done + failed + quarantined + lost;
        assert_eq!(produced, settled + self.ledger.in_flight(), "{tally:?}");
        assert_eq!(produced, self.at.len() as u64 + self.unmade);
        assert_eq!(done, count(|at| *at == At::Done) as u64);
        assert_eq!(failed, count(|at| *at == At::Failed) as u64 + self.unmade);
        assert_eq!(quarantined, count(|at| *at == At::Quarantined) as u64);
        assert_eq!(lost, count(|at| *at == At::Lost) as u64);
        assert_eq!(self.ledger.accepted(), count(|at| *at == At::Accepted));
        assert_eq!(self.ledger.waiting() + self.mailed(), count(|at| *at == At::Waiting));
        let dues = self.at.iter().filter_map(|at| match at {
            At::Later(due) => Some(*due),
            _ => None,
        });
        assert_eq!(self.ledger.deadline(), dues.min());
        for lane in 0..self.terms.lanes {
            let stub = &self.ledger.lanes[lane];
            let mail = self.mailbox(lane).len();
            assert_eq!(stub.owed, self.hands[lane].len() + mail);
            assert!(stub.owed + stub.unmet <= self.terms.max_demand, "a lane holds too many");
            assert!(mail == 0 || self.terms.ahead == 0, "it waits where a death can reach it");
            let kept: Vec<_> = stub.kept.iter().flat_map(ids_of).collect();
            let held = self.hands[lane].iter().copied().chain(self.mailbox(lane));
            assert!(!self.is_lease() || held.eq(kept), "what it owes is kept, in order");
        }
        self.check_room();
    }

    /// Producers are asked for what is wanted, and never for more.
    fn check_room(&self) {
        let (room, ghosts) = (self.ledger.room(), self.ledger.ghosts.iter().sum::<usize>());
        let unmet = ghosts + self.ledger.lanes.iter().map(|lane| lane.unmet).sum::<usize>();
        let have = self.ledger.waiting() + self.promised.iter().sum::<usize>();
        if self.paused {
            return assert_eq!(room, 0);
        }
        let most = self.terms.ahead + unmet;
        assert!(room == 0 || have + room == most);
        assert!(room > 0 || unmet <= have, "a lane starves");
        assert!(room > 0 || have > self.terms.ahead / 2 || most == 0, "nothing waits ahead");
    }

    /// Lanes go on without faults until they are dismissed, and the outlet handles what is left.
    fn finish(mut self) {
        self.act(Act::Pause(false));
        for producer in 0..self.terms.producers {
            self.act(Act::Give(producer, vec![]));
            self.act(Act::Drain(producer));
        }
        (0..self.terms.lanes).for_each(|lane| self.act(Act::Join(lane)));
        let mut rounds = 0..4 * self.at.len() + 4;
        let mut dismissed = false;
        while !dismissed {
            assert!(rounds.next().is_some(), "the run never ends");
            dismissed = true;
            while !self.judged.is_empty() {
                self.act(Act::Judge(0, 0));
            }
            self.act(Act::Wait(1000));
            for lane in 0..self.terms.lanes {
                self.act(Act::Accept(lane, usize::MAX));
                dismissed &= self.ask(lane);
                self.check();
            }
        }
        self.act(Act::Ack(usize::MAX));
        assert_eq!(self.ledger.in_flight(), 0);
    }
}

/// Items that are said to be lost, and how often.
fn lost(orders: &[Order<()>]) -> (usize, usize) {
    let lost = orders.iter().map_while(|order| match order {
        Order::Lost(items) => Some(*items),
        _ => None,
    });
    lost.fold((0, 0), |(items, orders), lost| (items + lost, orders + 1))
}

const LANES: usize = 3;
const PRODUCERS: usize = 2;
