//! Who decides what becomes of an item that failed.

use crate::handler::Route;
use crate::message::{Death, Failure, ItemId};
use std::time::Duration;

/// An item that failed, and had all its attempts.
pub struct Failed<'a, T> {
    /// Which item.
    pub item: ItemId,
    /// What it is.
    pub input: &'a T,
    /// Attempts it had, at least 1.
    pub attempts: u32,
    /// How the last one ended.
    pub death: Death,
    /// Why, in words.
    pub failure: &'a Failure,
}

/// What becomes of it. `O` is what goes on in its place.
pub enum Decision<O> {
    /// It failed, and is acknowledged so. This is the default.
    Fail,
    /// It failed, for this reason.
    FailAs(Failure),
    /// It is tried once more, after this time.
    Retry(Duration),
    /// It is kept aside for a person to look at, and acknowledged as failed.
    DeadLetter,
    /// This goes on in its place, to that batcher.
    Reroute(Route, O),
    /// It is acknowledged as done, and forgotten; the tally counts it as failed.
    Drop,
}

impl<O> Decision<O> {
    /// A word for it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fail | Self::FailAs(_) => "fail",
            Self::Retry(_) => "retry",
            Self::DeadLetter => "dead-letter",
            Self::Reroute(..) => "reroute",
            Self::Drop => "drop",
        }
    }
}

/// Decides.
pub type Decide<T, O> = dyn Fn(&Failed<'_, T>) -> Decision<O> + Send + Sync;
