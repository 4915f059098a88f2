//! The nouns that travel: who an item is, how work fails, how a worker dies, what a run adds up to.

use serde::{Deserialize, Serialize};
use std::fmt;

/// An item's position in source order, from 0. It stays the same whatever the subject, the number of
/// workers or the attempt.
pub type ItemId = u64;

/// Whose fault a failure is, and so what a caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Blame {
    /// The input cannot be read as asked: another input or another option is needed.
    Input,
    /// The place for the output refuses: no room, no permission, not a directory.
    Output,
    /// This one item could not be done; others are not concerned.
    Item,
    /// The machinery itself is at its end: no worker can be started, a limit was reached.
    Engine,
}

/// Why something could not be done, as one sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{what}")]
pub struct Failure {
    /// Whose fault it is.
    pub blame: Blame,
    /// One sentence that says what is wrong and what to do.
    pub what: String,
}

impl Failure {
    /// The input is at fault.
    pub fn input(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Input, what: what.to_string() }
    }
    /// The place for the output is at fault.
    pub fn output(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Output, what: what.to_string() }
    }
    /// One item is at fault.
    pub fn item(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Item, what: what.to_string() }
    }
    /// The machinery is at its end.
    pub fn engine(what: impl fmt::Display) -> Self {
        Self { blame: Blame::Engine, what: what.to_string() }
    }
}
