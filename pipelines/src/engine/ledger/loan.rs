//! What is lent, and what is known of whom it is lent to.

use super::Delivery;
use crate::message::ItemId;
use crate::producer::Entry;
use std::collections::VecDeque;
use std::sync::Arc;

/// Items lent together: what one `produce` returned, or a part of it.
pub struct Loan<T> {
    pub(super) chunk: Arc<Vec<Entry<T>>>,
    pub(super) from: usize,
    pub(super) to: usize,
    /// Attempts of the first item that failed before; the others have none.
    pub attempt: u32,
    pub(super) producer: usize,
    pub(super) queue: usize,
}

impl<T> Clone for Loan<T> {
    fn clone(&self) -> Self {
        Self { chunk: self.chunk.clone(), ..*self }
    }
}

impl<T> Loan<T> {
    /// The items, in order.
    pub fn items(&self) -> &[Entry<T>] {
        &self.chunk[self.from..self.to]
    }
    /// How many.
    pub fn len(&self) -> usize {
        self.to - self.from
    }
    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }
    /// One item of it, alone.
    pub fn one(&self, index: usize) -> Self {
        let attempt = if index == 0 { self.attempt } else { 0 };
        Self { from: self.from + index, to: self.from + index + 1, attempt, ..self.clone() }
    }
    /// Takes the first `items` off it, or all.
    pub fn take(&mut self, items: usize) -> Self {
        let cut = self.to.min(self.from + items);
        let first = Self { to: cut, ..self.clone() };
        (self.from, self.attempt) = (cut, if items == 0 { self.attempt } else { 0 });
        first
    }
}

/// The ids of a loan, for those who only want to know who is in it.
pub fn ids<T>(loan: &Loan<T>) -> impl Iterator<Item = ItemId> {
    loan.items().iter().map(|entry| entry.id)
}

/// What the ledger knows of a lane.
pub(super) struct Stub<T> {
    pub(super) incarnation: u32,
    pub(super) alive: bool,
    /// Items in its hands and in its mailbox.
    pub(super) owed: usize,
    /// Items it asked for and has not got.
    pub(super) unmet: usize,
    /// Items that it does at one go, if the terms do not allow more.
    pub(super) pace: usize,
    /// Items that it still believes are on their way, but a call has swallowed.
    pub(super) swallowed: usize,
    /// The whole knob: what it owes, in order, under leases; always empty under hand-over.
    pub(super) kept: VecDeque<Loan<T>>,
    /// Dispatched to it, not fetched yet.
    pub(super) mailbox: VecDeque<Loan<T>>,
}

impl<T> Stub<T> {
    pub(super) fn new() -> Self {
        let (kept, mailbox) = (VecDeque::new(), VecDeque::new());
        Self {
            incarnation: 0,
            alive: false,
            owed: 0,
            unmet: 0,
            pace: 1,
            swallowed: 0,
            kept,
            mailbox,
        }
    }

    /// Puts a loan into its mailbox; under leases the ledger keeps a copy.
    pub(super) fn lend(&mut self, delivery: Delivery, loan: Loan<T>) {
        self.unmet -= loan.len();
        self.owed += loan.len();
        if delivery == Delivery::Lease {
            self.kept.push_back(loan.clone());
        }
        self.mailbox.push_back(loan);
    }

    /// The first items it owes are settled.
    pub(super) fn settle(&mut self, mut items: usize) {
        self.owed -= items;
        while items > 0
            && let Some(first) = self.kept.front_mut()
        {
            items -= first.take(items).len();
            if first.is_empty() {
                self.kept.pop_front();
            }
        }
    }
}
