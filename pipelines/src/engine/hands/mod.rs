//! What stands between a lane, which is always a thread, and the handler: one file an implementation.

pub mod child;
pub mod inline;
pub mod node;

use super::ledger::Loan;
use super::watch::Watch;
use crate::handler::Handler;
use crate::message::{Death, Failure, ItemId};

/// What became of one item.
pub struct Outcome<T> {
    /// Which item.
    pub item: ItemId,
    /// Which attempt of it, from 0.
    pub attempt: u32,
    /// The handler's own time, in ns.
    pub work_ns: u64,
    /// What it made, or its error.
    pub result: Result<T, Failure>,
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
        /// The tail of the standard error, for a process.
        words: String,
    },
    /// The run is ending; nobody is to blame.
    Stopped,
}

/// Hands do items, one after the other.
pub trait Hands<H: Handler>: Send {
    /// Does the items of a loan in order and tells `settle` of each as soon as it is finished.
    ///
    /// # Errors
    /// When the hands fell in the middle. They can be used again: the next call begins with new ones.
    fn work(
        &mut self,
        loan: &Loan<H::In>,
        watch: &Watch,
        settle: &mut dyn FnMut(Outcome<H::Out>),
    ) -> Result<(), Fall>;
}
