//! A lane's life: borrow, work, settle, until there is nothing left.

use super::books::Books;
use super::hands::{Fall, Hands, Outcome};
use super::ledger::{Event, Order};
use super::outlet::Outlet;
use super::watch::{Aside, SetAside, Watch};
use crate::black_box::What;
use crate::handler::{Done, Handler};
use crate::message::Death;

/// What a lane needs beside its hands.
pub(crate) struct Lane<'a, H: Handler> {
    pub(crate) number: usize,
    pub(crate) books: &'a Books<H::In>,
    pub(crate) outlet: &'a Outlet<H::Out>,
    pub(crate) watch: &'a Watch,
    pub(crate) aside: &'a Aside<H::In>,
}

impl<H: Handler> Lane<'_, H> {
    /// Works until dismissed, or until the run stops.
    pub(crate) fn run(&self, hands: &mut dyn Hands<H>) {
        while let Some(loan) = self.books.borrow(self.number) {
            match hands.work(&loan, self.watch, &mut |outcome| self.settle(outcome)) {
                Ok(()) => {}
                Err(Fall::Stopped) => return,
                Err(Fall::Died { item, attempt, death, words }) => {
                    self.watch.record(What::Died, item, attempt, self.number, death.code());
                    let orders = self.books.step(Event::Died { lane: self.number });
                    self.set_aside(orders, death, &words);
                }
            }
        }
    }

    fn settle(&self, outcome: Outcome<H::Out>) {
        let Outcome { item, attempt, work_ns, result } = outcome;
        match result {
            Ok(out) => {
                self.watch.record(What::Accepted, item, attempt, self.number, work_ns);
                self.books.step(Event::Accepted { lane: self.number });
                self.outlet.put(Done { item, attempts: attempt + 1, out });
            }
            Err(failure) => {
                let code = Death::Error.code();
                self.watch.record(What::Died, item, attempt, self.number, code);
                let orders = self.books.step(Event::Failed { lane: self.number });
                self.set_aside(orders, Death::Error, &failure.what);
            }
        }
    }

    fn set_aside(&self, orders: Vec<Order<H::In>>, death: Death, words: &str) {
        for order in orders {
            let Order::SetAside { loan, deadly } = order else { continue };
            for (item, input) in loan.items() {
                let attempts = loan.attempt + 1;
                let words = words.to_owned();
                let aside = SetAside { item: *item, input, attempts, death, words };
                if let Err(failure) = (self.aside)(&aside) {
                    return self.books.stop(failure);
                }
                let what = if deadly { What::Quarantined } else { What::Failed };
                self.watch.record(what, *item, loan.attempt, self.number, death.code());
            }
        }
    }
}
