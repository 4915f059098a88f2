//! What stands between a lane, which is always a thread, and the handler: one file an implementation.

pub mod caller;
pub mod child;
pub mod inline;
pub mod node;

use super::leave::Leave;
use super::ledger::Loan;
use super::watch::Watch;
use crate::handler::{Handler, Route};
use crate::isolation::will::Testament;
use crate::message::{Death, Failure, ItemId};

/// What became of one item.
pub struct Outcome<T> {
    /// Which item.
    pub item: ItemId,
    /// Which attempt of it, from 0.
    pub attempt: u32,
    /// The handler's own time, in ns.
    pub work_ns: u64,
    /// What it made, with where that goes; or what went wrong, though the hands live.
    pub result: Result<(T, Route), Wrong>,
    /// So many deaths before it, in company, that it was not charged with: they were its own if it goes wrong now.
    pub in_company: u32,
    /// It takes room that is scarce, and is passed on before the next item is waited for.
    pub bulky: bool,
}

/// What went wrong with an item.
#[derive(Debug, Clone)]
pub struct Wrong {
    /// An error, or a panic that was caught.
    pub death: Death,
    /// In words.
    pub failure: Failure,
    /// What a process wrote as it died of it.
    pub will: Option<Testament>,
}

impl From<Failure> for Wrong {
    fn from(failure: Failure) -> Self {
        Self { death: Death::Error, failure, will: None }
    }
}

/// How hands fell.
#[derive(Debug)]
pub enum Fall {
    /// They died over an item; the items of the loan after it are innocent.
    Died {
        /// The suspect: the first item that was not settled.
        item: ItemId,
        /// Which attempt of it, from 0.
        attempt: u32,
        /// What they died of.
        death: Death,
        /// How often hands died of it in a row: the first time perhaps in company.
        deaths: u32,
        /// The tail of the standard error, for a process.
        words: String,
        /// What it wrote as it died, for a process that serves one lane.
        will: Option<Testament>,
    },
    /// The thread was killed while it held these items; nobody is to blame.
    Killed,
    /// They cannot start at all.
    NotStarted(Failure),
    /// The run is ending; nobody is to blame.
    Stopped,
}

/// Hands do items, one after the other.
pub trait Hands<H: Handler> {
    /// Makes them ready for their first item, if that can be done beforehand.
    ///
    /// # Errors
    /// [`Fall::NotStarted`] when they cannot work at all.
    fn start(&mut self) -> Result<(), Fall> {
        Ok(())
    }

    /// What died was the hands and not the thread.
    fn is_apart(&self) -> bool;

    /// Does the items of a loan in order and tells `settle` of each as soon as it is finished.
    ///
    /// # Errors
    /// When the hands fell in the middle. They can be used again: the next call begins with new ones.
    fn work(
        &mut self,
        loan: &Loan<H::In>,
        watch: &Watch,
        leave: &Leave,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall>;
}
