//! What lanes do, and what becomes of what they hold.

use super::cases::broadway;
use super::*;

impl Driver {
    pub(super) fn mailbox(&self, lane: usize) -> Vec<ItemId> {
        self.ledger.lanes[lane].mailbox.iter().flat_map(ids_of).collect()
    }

    /// Asks for a lane; whether it was dismissed.
    pub(super) fn ask(&mut self, lane: usize) -> bool {
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

    pub(super) fn lend(&mut self, lane: usize, queue: usize, loan: &Loan<()>) {
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
    pub(super) fn can_end(&self) -> bool {
        let still = |at: &At| matches!(at, At::Waiting | At::Held(_) | At::Judged | At::Later(_));
        !self.open.contains(&true)
            && self.promised.iter().sum::<usize>() == 0
            && !self.at.iter().any(still)
    }

    /// The next item in the hands of a lane leaves them, in order.
    pub(super) fn finish_next(&mut self, lane: usize, to: At) -> ItemId {
        let item = self.hands[lane].pop_front().expect("it holds something");
        self.go(item, At::Held(lane), to);
        let queue = self.queue[item as usize];
        let alone = self.terms.partitioned || self.terms.lanes == 1;
        if alone && !self.displaced[item as usize] {
            assert!(self.settled[queue].replace(item) < Some(item), "{item} is out of order");
        }
        item
    }

    pub(super) fn accept(&mut self, lane: usize, items: usize) {
        let items = items.min(self.hands[lane].len());
        if items > 0 {
            self.tell_quietly(Event::Accepted { holder: self.holder(lane), items });
            for _ in 0..items {
                self.finish_next(lane, At::Accepted);
            }
        }
    }

    pub(super) fn fail(&mut self, lane: usize) {
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
    pub(super) fn bury(&mut self, lane: usize, guilty: bool, event: Event<()>) {
        let mut mail = self.mailbox(lane);
        // A partition's queue goes with its consumer. One whose hands fell is still there.
        let goes = self.terms.partitioned && !self.is_lease() && self.lives[lane].1;
        if goes && !matches!(event, Event::Fell { .. }) {
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
    pub(super) fn mailed(&self) -> usize {
        (0..self.terms.lanes).map(|lane| self.mailbox(lane).len()).sum()
    }

    /// One attempt of an item went wrong: once more, or it is set aside.
    pub(super) fn charge(&mut self, item: ItemId, deadly: bool, mut orders: Vec<Order<()>>) {
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
    pub(super) fn haunt(&mut self, lane: usize) {
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
        [Event::Died(holder), Event::Fell { holder, deaths: 1 }, Event::Left(holder)]
            .into_iter()
            .for_each(|event| self.tell_quietly(event));
        assert_eq!(before, (self.ledger.tally(), self.ledger.owed(lane), self.ledger.waiting()));
    }

    pub(super) fn judge(&mut self, how: usize, ms: u64) {
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

    pub(super) fn settle(&mut self, items: usize, to: At, event: fn(usize) -> Event<()>) {
        let accepted = self.all(At::Accepted);
        let items = &accepted[..items.min(accepted.len())];
        self.tell_quietly(event(items.len()));
        items.iter().for_each(|item| self.go(*item, At::Accepted, to));
    }

    pub(super) fn wait(&mut self, time: Duration) {
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
}

#[test]
fn what_a_call_swallowed_is_lost_and_narrows_the_window_until_the_lane_dies() {
    let (mut ledger, now) = (Ledger::<()>::new(broadway()), Instant::now());
    let mut step = |event| {
        let mut orders = vec![];
        ledger.step(now, event, &mut orders);
        let count = |order: &Order<()>| match order {
            Order::Lend(loan) => loan.len() as i64,
            Order::Lost(items) => -(*items as i64),
            _ => 0,
        };
        (orders.iter().map(count).collect::<Vec<_>>(), ledger.room(), ledger.tally().lost)
    };
    let holder = Holder { lane: 0, incarnation: 1 };
    let give = |items: u64| Event::Taken {
        producer: 0,
        lane: None,
        promised: 0,
        items: (0..items).map(|id| (id, ()).into()).collect(),
    };
    step(Event::Joined(holder));
    assert_eq!(step(Event::Asked(holder)), (vec![0], 4, 0));
    step(give(4));
    assert_eq!(step(Event::Asked(holder)), (vec![4], 0, 0));
    assert_eq!(step(Event::Swallowed { lane: 0 }), (vec![], 0, 0), "nothing is there");
    step(Event::Accepted { holder, items: 2 });
    assert_eq!(step(Event::Asked(holder)), (vec![], 2, 0));
    step(give(2));
    assert_eq!(step(Event::Swallowed { lane: 0 }), (vec![-2], 0, 2));
    assert_eq!(step(Event::Asked(holder)), (vec![], 0, 2), "it waits for what it never saw");
    step(Event::Accepted { holder, items: 2 });
    assert_eq!(step(Event::Asked(holder)), (vec![0], 2, 2));
    step(Event::Left(holder));
    let heir = Holder { incarnation: 2, ..holder };
    step(Event::Joined(heir));
    assert_eq!(step(Event::Asked(heir)), (vec![0], 6, 2), "and two for the dead");
}

#[test]
fn a_suspect_that_died_alone_too_is_charged_for_both() {
    for (attempts_max, given_up) in [(1, true), (2, true), (3, false)] {
        let delivery = Delivery::Lease;
        let terms = Terms { delivery, attempts_max, ahead: 8, ..broadway() };
        let mut ledger = Ledger::<()>::new(terms);
        let (holder, now) = (Holder { lane: 0, incarnation: 1 }, Instant::now());
        let items = (0..2).map(|id| (id, ()).into()).collect();
        let taken = Event::Taken { producer: 0, lane: None, promised: 2, items };
        let mut orders = vec![];
        for event in [Event::Promised(2), taken, Event::Joined(holder), Event::Asked(holder)] {
            ledger.step(now, event, &mut orders);
        }
        orders.clear();
        ledger.step(now, Event::Fell { holder, deaths: 2 }, &mut orders);
        let aside = orders.iter().find_map(|order| match order {
            Order::SetAside { loan, deadly } => Some((loan.attempt + 1, *deadly)),
            _ => None,
        });
        assert_eq!(aside, given_up.then_some((2, true)), "of {attempts_max} attempts");
    }
}
