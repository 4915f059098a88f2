//! The ledger against a driver that only does what feeders, lanes and outlets may do, and keeps its own
//! simple account of every item. The exact cases are in `cases`.

mod cases;

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
                self.bury(lane, true, Event::Fell(self.holder(lane)));
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

    fn mailbox(&self, lane: usize) -> Vec<ItemId> {
        self.ledger.lanes[lane].mailbox.iter().flat_map(ids_of).collect()
    }

    /// Asks for a lane; whether it was dismissed.
    fn ask(&mut self, lane: usize) -> bool {
        let orders = self.tell(Event::Asked(self.holder(lane)));
        let queue = if self.terms.partitioned { lane } else { 0 };
        let idle = self.hands[lane].is_empty();
        for order in &orders {
            match order {
                Order::Lend(loan) => self.lend(lane, queue, loan),
                Order::Wait => {
                    assert!(idle && orders.len() == 1);
                    assert!(!self.can_end(), "it would wait for ever");
                    let for_others = self.terms.partitioned || self.mailed() > 0;
                    assert!(for_others || !self.ledger.can_answer(), "it would spin");
                }
                Order::Dismiss => {
                    assert!(self.can_end() && orders.len() == 1, "something may still come");
                    assert!(self.ledger.can_answer());
                    return true;
                }
                _ => panic!("a lane that asks is lent something, or nothing"),
            }
        }
        assert!(!orders.is_empty() || !idle, "an idle lane is always answered");
        let stub = &self.ledger.lanes[lane];
        let window = stub.owed + stub.unmet;
        assert!(window > self.terms.min_demand, "it does not ask for more");
        false
    }

    fn lend(&mut self, lane: usize, queue: usize, loan: &Loan<()>) {
        assert!(!loan.is_empty());
        let items = ids_of(loan);
        if self.terms.ahead > 0
            && let Some(suspect) = self.suspect[queue].take()
        {
            assert_eq!(items, [suspect], "the suspect is lent next, and alone");
        }
        assert_eq!(loan.attempt, self.charged[items[0] as usize], "an innocent was charged");
        for item in items {
            let index = item as usize;
            self.go(item, At::Waiting, At::Held(lane));
            assert_eq!(self.queue[index], queue, "it is for another lane");
            assert!(self.charged[index] == loan.attempt || self.charged[index] == 0);
            if !std::mem::replace(&mut self.lent_before[index], true) && self.terms.ahead > 0 {
                assert!(self.lent[queue].replace(item) < Some(item), "{item} is out of order");
            }
            self.hands[lane].push_back(item);
        }
    }

    /// Nothing is left for any lane, and nothing will come.
    fn can_end(&self) -> bool {
        let still = |at: &At| matches!(at, At::Waiting | At::Held(_) | At::Judged | At::Later(_));
        !self.open.contains(&true)
            && self.promised.iter().sum::<usize>() == 0
            && !self.at.iter().any(still)
    }

    /// The next item in the hands of a lane leaves them, in order.
    fn finish_next(&mut self, lane: usize, to: At) -> ItemId {
        let item = self.hands[lane].pop_front().expect("it holds something");
        self.go(item, At::Held(lane), to);
        let queue = self.queue[item as usize];
        let alone = self.terms.partitioned || self.terms.lanes == 1;
        if alone && !self.displaced[item as usize] {
            assert!(self.settled[queue].replace(item) < Some(item), "{item} is out of order");
        }
        item
    }

    fn accept(&mut self, lane: usize, items: usize) {
        let items = items.min(self.hands[lane].len());
        if items > 0 {
            self.tell_quietly(Event::Accepted { holder: self.holder(lane), items });
            for _ in 0..items {
                self.finish_next(lane, At::Accepted);
            }
        }
    }

    fn fail(&mut self, lane: usize) {
        let (item, holder) = (self.finish_next(lane, At::Judged), self.holder(lane));
        self.displaced[item as usize] = true;
        let (queue, attempt) = (self.queue[item as usize], self.charged[item as usize]);
        let chunk = Arc::new(vec![(item, ()).into()]);
        let producer = self.producer[item as usize];
        let loan = Loan { chunk, from: 0, to: 1, attempt, producer, queue };
        let orders = self.tell(Event::Failed { holder, loan });
        self.charge(item, false, orders);
    }

    /// A lane loses what it holds, and what it has not fetched yet.
    fn bury(&mut self, lane: usize, guilty: bool, event: Event<()>) {
        let mut mail = self.mailbox(lane);
        // A partition's queue goes with its consumer. One whose hands fell is still there.
        let goes = self.terms.partitioned && !self.is_lease() && self.lives[lane].1;
        if goes && !matches!(event, Event::Fell(_)) {
            mail.extend(self.ledger.ready[lane].iter().flat_map(ids_of));
        }
        let mut orders = self.tell(event);
        let held = std::mem::take(&mut self.hands[lane]);
        let suspect = held.front().copied().filter(|_| guilty && self.is_lease());
        let total = held.len() + mail.len();
        if total > 0 {
            match orders.remove(0) {
                Order::Returned(items) => assert!(self.is_lease() && items == total),
                Order::Lost(items) => assert!(!self.is_lease() && items == total),
                _ => panic!("first of all it says what became of the items"),
            }
        }
        self.suspect.fill(None);
        let back = if self.is_lease() { At::Waiting } else { At::Lost };
        mail.into_iter().for_each(|item| self.go(item, At::Waiting, back));
        for item in held {
            let to = if Some(item) == suspect { At::Judged } else { back };
            self.go(item, At::Held(lane), to);
        }
        match suspect {
            Some(item) => self.charge(item, true, orders),
            None => assert!(orders.is_empty()),
        }
    }

    /// Items in mailboxes.
    fn mailed(&self) -> usize {
        (0..self.terms.lanes).map(|lane| self.mailbox(lane).len()).sum()
    }

    /// One attempt of an item went wrong: once more, or it is set aside.
    fn charge(&mut self, item: ItemId, deadly: bool, mut orders: Vec<Order<()>>) {
        let charged = &mut self.charged[item as usize];
        *charged += 1;
        let attempts_max =
            if self.terms.delivery == Delivery::Lease { self.terms.attempts_max } else { 1 };
        if *charged < attempts_max {
            assert!(orders.is_empty());
            self.suspect.fill(None);
            self.suspect[self.queue[item as usize]] = Some(item);
            return self.go(item, At::Judged, At::Waiting);
        }
        let Some(Order::SetAside { loan, deadly: said }) = orders.pop() else {
            panic!("item {item} had its {charged} attempts");
        };
        assert!(orders.is_empty() && said == deadly && ids_of(&loan) == [item]);
        assert_eq!(loan.attempt + 1, *charged);
        self.judged.push_back((loan, deadly));
    }

    /// What a former life says is refused, and changes nothing.
    fn haunt(&mut self, lane: usize) {
        let (life, alive) = self.lives[lane];
        let incarnation = if alive { life - 1 } else { life };
        let holder = Holder { lane, incarnation };
        let before = (self.ledger.tally(), self.ledger.owed(lane), self.ledger.waiting());
        let refused =
            [Event::Asked(holder), Event::Accepted { holder, items: 1 }, Event::Joined(holder)];
        for event in refused {
            assert!(matches!(self.tell(event)[..], [Order::Refuse]));
        }
        if let Some(item) = self.hands[lane].front() {
            let chunk = Arc::new(vec![(*item, ()).into()]);
            let loan = Loan { chunk, from: 0, to: 1, attempt: 0, producer: 0, queue: 0 };
            assert!(matches!(self.tell(Event::Failed { holder, loan })[..], [Order::Refuse]));
        }
        [Event::Died(holder), Event::Fell(holder), Event::Left(holder)]
            .into_iter()
            .for_each(|event| self.tell_quietly(event));
        assert_eq!(before, (self.ledger.tally(), self.ledger.owed(lane), self.ledger.waiting()));
    }

    fn judge(&mut self, how: usize, ms: u64) {
        let Some((loan, _)) = self.judged.pop_front() else { return };
        let (item, due) = (ids_of(&loan)[0], self.now + Duration::from_millis(ms));
        let (verdict, to) = match how {
            0 => (Verdict::Failed, At::Failed),
            1 => (Verdict::Quarantined, At::Quarantined),
            2 => (Verdict::Rerouted, At::Accepted),
            _ => (Verdict::Retried(loan, due), At::Later(due)),
        };
        self.displaced[item as usize] = true;
        self.tell_quietly(Event::Judged(verdict));
        self.go(item, At::Judged, to);
    }

    fn settle(&mut self, items: usize, to: At, event: fn(usize) -> Event<()>) {
        let accepted = self.all(At::Accepted);
        let items = &accepted[..items.min(accepted.len())];
        self.tell_quietly(event(items.len()));
        items.iter().for_each(|item| self.go(*item, At::Accepted, to));
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.tell_quietly(Event::Tick);
        for item in 0..self.at.len() {
            if let At::Later(due) = self.at[item]
                && due <= self.now
            {
                self.at[item] = At::Waiting;
                self.suspect.fill(None);
            }
        }
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

fn act() -> impl Strategy<Value = Act> {
    let (lane, producer) = (|| 0..LANES, || 0..PRODUCERS);
    let few = || 0usize..5;
    prop_oneof![
        8 => producer().prop_map(Act::Demand),
        8 => (producer(), prop::collection::vec(lane(), 0..7)).prop_map(|(p, l)| Act::Give(p, l)),
        1 => producer().prop_map(Act::Drain),
        1 => producer().prop_map(Act::KillProducer),
        2 => (lane(), few(), prop::option::of(0usize..8)).prop_map(|(l, n, m)| Act::Push(l, n, m)),
        1 => few().prop_map(Act::Unmade),
        3 => lane().prop_map(Act::Join),
        12 => lane().prop_map(Act::Ask),
        10 => (lane(), 1usize..4).prop_map(|(l, n)| Act::Accept(l, n)),
        3 => lane().prop_map(Act::Fail),
        2 => lane().prop_map(Act::Die),
        2 => lane().prop_map(Act::Fall),
        2 => lane().prop_map(Act::Leave),
        1 => lane().prop_map(Act::Haunt),
        4 => (0usize..4, 0u64..20).prop_map(|(how, ms)| Act::Judge(how, ms)),
        4 => few().prop_map(Act::Ack),
        1 => few().prop_map(Act::Spoil),
        1 => few().prop_map(Act::Lose),
        1 => any::<bool>().prop_map(Act::Pause),
        2 => (0u64..10).prop_map(Act::Wait),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let demand = (1usize..7).prop_flat_map(|max| (Just(max), 0..max));
    (any::<bool>(), 1..=LANES, 1..=PRODUCERS, 1u32..4, demand, 0usize..6, any::<bool>()).prop_map(
        |(lease, lanes, producers, attempts_max, (max_demand, min_demand), ahead, partitioned)| {
            let delivery = if lease { Delivery::Lease } else { Delivery::HandOver };
            // Half of all are without anything ahead.
            let ahead = ahead.saturating_sub(2);
            Terms {
                delivery,
                lanes,
                producers,
                attempts_max,
                max_demand,
                min_demand,
                ahead,
                partitioned,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn items_are_conserved_whatever_happens(
        terms in terms(),
        acts in prop::collection::vec(act(), 0..200),
    ) {
        let mut driver = Driver::new(terms);
        for act in acts {
            let lane = match &act {
                Act::Push(lane, ..) | Act::Join(lane) | Act::Ask(lane) | Act::Accept(lane, _)
                | Act::Fail(lane) | Act::Die(lane) | Act::Fall(lane) | Act::Leave(lane)
                | Act::Haunt(lane) => *lane,
                _ => 0,
            };
            let producer = match &act {
                Act::Demand(producer) | Act::Give(producer, _) | Act::Drain(producer)
                | Act::KillProducer(producer) => *producer,
                _ => 0,
            };
            if lane < terms.lanes && producer < terms.producers {
                driver.act(act);
            }
        }
        driver.finish();
    }
}
