//! A lane's life: borrow, work, settle, pass on, until there is nothing left or it is told to go.

use super::acker::Acker;
use super::event::{Ending, Event as Told};
use super::hands::{Fall, Hands, Outcome, Wrong};
use super::judge::{Decision, Failed};
use super::leave::{Leave, Told as Word};
use super::ledger::{Delivery, Event, Holder, Loan, Order, Verdict};
use super::outlet::Outlet;
use super::pace::Pace;
use super::run::Shared;
use super::tree::shapes::Process;
use super::watch::SetAside;
use crate::black_box::What;
use crate::fault::{Point, Site};
use crate::handler::{Done, Handler, Route};
use crate::isolation::will::Testament;
use crate::message::{Death, Failure, ItemId};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// One life of a lane.
pub(crate) struct Lane<'a, H: Handler> {
    shared: &'a Shared<H>,
    holder: Holder,
    leave: &'a Leave,
    acker: Acker,
    /// What it borrowed and has not begun.
    mailbox: VecDeque<Loan<H::In>>,
    /// What it has to tell the ledger at its next turn.
    events: Vec<Event<H::In>>,
    orders: Vec<Order<H::In>>,
    /// What is finished, and goes on once the ledger knows.
    finished: Vec<Done<H::Out>>,
    /// What went wrong, until the ledger says whether that was the last attempt.
    wrongs: Vec<(ItemId, Wrong)>,
    dismissed: bool,
    pace: Pace,
}

impl<'a, H: Handler> Lane<'a, H> {
    pub(crate) fn new(shared: &'a Shared<H>, holder: Holder, leave: &'a Leave) -> Self {
        Self {
            shared,
            holder,
            leave,
            acker: shared.acker(),
            mailbox: VecDeque::new(),
            events: Vec::new(),
            orders: Vec::new(),
            finished: Vec::new(),
            wrongs: Vec::new(),
            dismissed: false,
            pace: Pace::new(shared.together),
        }
    }

    /// Works until dismissed, told to go, or until the run stops.
    pub(crate) fn run(&mut self, hands: &mut dyn Hands<H>, started: &dyn Fn()) -> Ending {
        if let Err(fall) = hands.start() {
            return ending(fall);
        }
        started();
        if !hands.is_apart() {
            self.shared.watch.record(What::Ready, 0, 0, self.holder.lane, 0);
        }
        self.shared.books.step(Event::Joined(self.holder));
        loop {
            if let Some(ending) = self.turn() {
                return ending;
            }
            let Some(loan) = self.chunk() else { continue };
            let start = Instant::now();
            let (processor, items) = (self.holder.lane, loan.len());
            self.shared.observer.tell(|| Told::ChunkStarted { processor, items });
            let fell = self.work(hands, &loan);
            self.tell_of_chunk(items, start);
            if let Some(items) = self.pace.change() {
                self.events.push(Event::Paced { holder: self.holder, items });
            }
            // Killed after the last item: handed over, that is as bad as in the middle of one.
            let fell = fell.and(if self.is_doomed() { Err(Fall::Killed) } else { Ok(()) });
            if let Err(fall) = fell
                && let Some(ending) = self.fallen(fall, hands.is_apart())
            {
                return ending;
            }
        }
    }

    /// The ledger learns what was done, and lends more; what was done goes on its way.
    fn turn(&mut self) -> Option<Ending> {
        let idle = self.mailbox.is_empty() && self.finished.is_empty() && !self.dismissed;
        let books = &self.shared.books;
        books.turn(self.holder, &mut self.events, &mut self.orders, idle, self.leave);
        if !self.obey() {
            return Some(Ending::Abandoned);
        }
        self.pass_on();
        let ending = match self.leave.told() {
            Word::Die => Ending::Killed,
            Word::Leave => Ending::Left,
            _ if books.is_stopped() => Ending::Left,
            _ if self.dismissed => Ending::Finished,
            _ => return None,
        };
        // What was judged and acknowledged just now still has to be told.
        self.settle_now();
        Some(ending)
    }

    fn is_lease(&self) -> bool {
        self.shared.settings.delivery == Delivery::Lease
    }

    fn is_doomed(&self) -> bool {
        !self.is_lease() && self.leave.is_killed()
    }

    /// What is done at one go.
    fn chunk(&mut self) -> Option<Loan<H::In>> {
        let front = self.mailbox.front_mut()?;
        // Who was near a death goes without company, as far as the terms allow.
        let pace = if front.attempt > 0 { 1 } else { self.pace.items() };
        let chunk = front.take(self.shared.chunk.max(pace));
        if front.is_empty() {
            self.mailbox.pop_front();
        }
        Some(chunk)
    }

    fn work(&mut self, hands: &mut dyn Hands<H>, loan: &Loan<H::In>) -> Result<(), Fall> {
        let (watch, leave) = (&self.shared.watch, self.leave);
        let mut index = 0;
        hands.work(loan, watch, leave, &mut |outcome| {
            let bulky = outcome.bulky;
            self.note(outcome, loan, index);
            index += 1;
            if bulky {
                self.settle_now();
            }
        })
    }

    /// An item was worked on.
    fn note(&mut self, outcome: Outcome<H::Out>, loan: &Loan<H::In>, index: usize) {
        let Outcome { item, attempt, work_ns, result, in_company, bulky: _ } = outcome;
        let (shared, processor) = (self.shared, self.holder.lane);
        let result = result.and_then(|(out, route)| match self.wrong_way(route) {
            None => Ok((out, route)),
            Some(why) => Err(why.into()),
        });
        self.pace.saw(work_ns);
        shared.observer.tell(|| Told::ItemEnded {
            item,
            attempt,
            processor,
            error: result.as_ref().err().map(|w| (w.death, w.failure.what.clone())),
            took: Duration::from_nanos(work_ns),
        });
        match result {
            Ok((out, route)) => {
                shared.watch.record(What::Accepted, item, attempt, processor, work_ns);
                shared.pass(Site { point: Point::Accept, item, attempt, lane: processor });
                let ticket = loan.items()[index].ticket.clone();
                self.finished.push(Done { item, attempts: attempt + 1, out, route, ticket });
                match self.events.last_mut() {
                    Some(Event::Accepted { items, .. }) => *items += 1,
                    _ => self.events.push(Event::Accepted { holder: self.holder, items: 1 }),
                }
            }
            Err(wrong) => {
                shared.watch.record(What::Died, item, attempt, processor, wrong.death.code());
                self.wrongs.push((item, wrong));
                let mut loan = loan.one(index);
                loan.attempt += in_company;
                self.events.push(Event::Failed { holder: self.holder, loan });
            }
        }
    }

    /// Tells the ledger without asking for more, in the middle of a chunk.
    fn settle_now(&mut self) {
        while !self.events.is_empty() {
            for event in std::mem::take(&mut self.events) {
                let orders = self.shared.books.step(event);
                self.orders.extend(orders);
            }
            if !self.obey() {
                return;
            }
            self.pass_on();
        }
    }

    /// Does what the ledger ordered; false when it no longer knows this lane.
    fn obey(&mut self) -> bool {
        let mut orders = std::mem::take(&mut self.orders);
        for order in orders.drain(..) {
            match order {
                Order::Lend(loan) => self.mailbox.push_back(loan),
                Order::Wait => {}
                Order::Dismiss => self.dismissed = true,
                Order::Refuse => {
                    // What it brings was given to somebody else.
                    self.finished.clear();
                    return false;
                }
                Order::SetAside { loan, deadly } => self.set_aside(loan, deadly),
                Order::Lost(items) => self.shared.lost(self.process(), items),
                Order::Returned(items) => self.shared.returned(self.process(), items),
            }
        }
        self.orders = orders;
        self.wrongs.clear();
        true
    }

    fn process(&self) -> Process {
        Process::Processor(self.holder.lane)
    }

    /// Finished items go to their batchers, or are acknowledged if there are none: together with those
    /// that failed, and these before the others go on.
    fn pass_on(&mut self) {
        let (shared, finished) = (self.shared, std::mem::take(&mut self.finished));
        if finished.is_empty() {
            return self.acker.tell();
        }
        self.leave.prove();
        if shared.outlets.is_empty() {
            return self.acknowledge(finished);
        }
        if let [outlet] = &shared.outlets[..]
            && finished.iter().all(|done| done.route.batcher == 0)
        {
            self.acker.tell();
            return self.put(outlet, finished);
        }
        let mut routed: Vec<Vec<_>> = shared.outlets.iter().map(|_| Vec::new()).collect();
        for done in finished {
            match routed.get_mut(usize::from(done.route.batcher)) {
                Some(list) => list.push(done),
                None => self.unroutable(done),
            }
        }
        self.acker.tell();
        for (outlet, list) in shared.outlets.iter().zip(routed) {
            self.put(outlet, list);
        }
    }

    fn put(&self, outlet: &Outlet<H::Out>, list: Vec<Done<H::Out>>) {
        if !list.is_empty() {
            let (batcher, items) = (outlet.number, list.len());
            self.shared.observer.tell(|| Told::Batching { batcher, items });
            outlet.put(list, self.leave, self.shared);
        }
    }

    fn acknowledge(&mut self, finished: Vec<Done<H::Out>>) {
        for done in &finished {
            self.acker.add(&done.ticket, done.item, None);
            self.shared.watch.record(What::Done, done.item, done.attempts - 1, 0, 0);
        }
        self.acker.tell();
        self.events.push(Event::Acked(finished.len()));
    }

    /// Why a result cannot go there, if it cannot. Without batchers it goes nowhere, whatever its route.
    fn wrong_way(&self, route: Route) -> Option<Failure> {
        let (batcher, there) = (route.batcher, self.shared.outlets.len());
        let wrong = there > 0 && usize::from(batcher) >= there;
        let what =
            || format!("it was sent to batcher {batcher}, but there are only {there}, from 0");
        wrong.then(|| Failure::item(what()))
    }

    /// Who decided about its failure sent it to a batcher that is not there.
    fn unroutable(&mut self, done: Done<H::Out>) {
        let lane = self.holder.lane;
        self.shared.watch.record(
            What::Failed,
            done.item,
            done.attempts - 1,
            lane,
            Death::Error.code(),
        );
        self.acker.add(&done.ticket, done.item, self.wrong_way(done.route));
        self.events.push(Event::Spoiled(1));
    }

    /// An item had its last attempt: whoever decides is asked.
    fn set_aside(&mut self, loan: Loan<H::In>, deadly: bool) {
        let entry = &loan.items()[0];
        let attempts = loan.attempt + 1;
        let wrong = self.wrongs.iter().find(|(item, _)| *item == entry.id);
        let wrong = wrong.map(|(_, wrong)| wrong.clone()).unwrap_or_else(|| Wrong {
            death: Death::Left,
            failure: Failure::item("its holder died"),
            will: None,
        });
        let decision = match &self.shared.decide {
            None => Decision::Fail,
            Some(decide) => {
                let (input, item, death) = (&entry.item, entry.id, wrong.death);
                let failed = Failed { item, input, attempts, death, failure: &wrong.failure };
                super::judged(&self.shared.observer, item, || decide(&failed))
            }
        };
        let verdict = match decision {
            Decision::Retry(after) => Verdict::Retried(loan.clone(), Instant::now() + after),
            Decision::Reroute(route, out) => {
                let ticket = entry.ticket.clone();
                self.finished.push(Done { item: entry.id, attempts, out, route, ticket });
                Verdict::Rerouted
            }
            Decision::Drop => {
                self.acker.add(&entry.ticket, entry.id, None);
                self.record(&loan, &wrong, false);
                Verdict::Failed
            }
            Decision::Fail => self.give_up(&loan, &wrong, deadly, wrong.failure.clone()),
            Decision::FailAs(why) => self.give_up(&loan, &wrong, deadly, why),
            Decision::DeadLetter => self.give_up(&loan, &wrong, true, wrong.failure.clone()),
        };
        self.events.push(Event::Judged(verdict));
    }

    /// It is set aside, and acknowledged as failed.
    fn give_up(
        &mut self,
        loan: &Loan<H::In>,
        wrong: &Wrong,
        quarantined: bool,
        why: Failure,
    ) -> Verdict<H::In> {
        let entry = &loan.items()[0];
        let (item, input, attempts) = (entry.id, &entry.item, loan.attempt + 1);
        let words = wrong.failure.what.clone();
        let (death, will) = (wrong.death, wrong.will.as_ref().map(Testament::read));
        let aside = SetAside { item, input, attempts, death, words, will: will.as_ref() };
        if let Err(failure) = (self.shared.aside)(&aside) {
            self.shared.stop(failure);
        } else {
            self.record(loan, wrong, quarantined);
        }
        self.acker.add(&entry.ticket, item, Some(why));
        if quarantined { Verdict::Quarantined } else { Verdict::Failed }
    }

    fn record(&self, loan: &Loan<H::In>, wrong: &Wrong, quarantined: bool) {
        let what = if quarantined { What::Quarantined } else { What::Failed };
        let (item, lane) = (loan.items()[0].id, self.holder.lane);
        self.shared.watch.record(what, item, loan.attempt, lane, wrong.death.code());
    }

    /// The hands fell. An ending when the lane goes with them.
    fn fallen(&mut self, fall: Fall, apart: bool) -> Option<Ending> {
        if !self.is_lease() && !apart {
            // What this chunk came to goes with it. What was acknowledged before is still to be told.
            let here =
                |event: &Event<_>| matches!(event, Event::Accepted { .. } | Event::Failed { .. });
            self.events.retain(|event| !here(event));
            self.finished.clear();
        }
        self.settle_now();
        self.mailbox.clear();
        let Fall::Died { item, attempt, death, words, deaths, will } = fall else {
            return Some(ending(fall));
        };
        let lane = self.holder.lane;
        self.shared.watch.record(What::Died, item, attempt, lane, death.code());
        self.wrongs.push((item, Wrong { death, failure: Failure::item(words), will }));
        let holder = self.holder;
        self.events.push(if apart { Event::Fell { holder, deaths } } else { Event::Died(holder) });
        self.settle_now();
        // An item is to blame, and charged with it.
        (!apart).then_some(Ending::Fell)
    }

    fn tell_of_chunk(&self, items: usize, start: Instant) {
        let (processor, failed) = (self.holder.lane, self.wrongs.len());
        self.shared.observer.tell(|| Told::ChunkEnded {
            processor,
            done: items.saturating_sub(failed),
            failed,
            took: start.elapsed(),
        });
    }
}

fn ending(fall: Fall) -> Ending {
    match fall {
        Fall::NotStarted(failure) => Ending::NotStarted(failure.what),
        Fall::Killed | Fall::Died { .. } => Ending::Killed,
        Fall::Stopped => Ending::Left,
    }
}
