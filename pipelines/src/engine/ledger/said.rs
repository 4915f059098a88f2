//! What is said to the ledger and by it, and the terms on which.

use super::Loan;
use crate::producer::Entry;
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// What the ledger still has in its hand when a holder dies: all, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Items are handed over and die with their holder, as in Broadway.
    HandOver,
    /// Items are lent and come back when their holder dies.
    Lease,
}

/// A lane, in one of its lives. What a former life still says is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Which lane.
    pub lane: usize,
    /// Which life of it.
    pub incarnation: u32,
}

/// What was decided about an item that had gone wrong.
pub enum Verdict<T> {
    /// It failed.
    Failed,
    /// It is set aside.
    Quarantined,
    /// It goes on, in spite of it.
    Rerouted,
    /// It is tried once more, not before then.
    Retried(Loan<T>, Instant),
}

/// What happens to items.
pub enum Event<T> {
    /// A producer is being asked for so many.
    Promised(usize),
    /// It answered. `promised` of what it was asked for are not to be expected any more.
    Taken {
        /// Which producer, from 0.
        producer: usize,
        /// Only for this lane, or for any.
        lane: Option<usize>,
        /// What it had been asked for; 0 when nobody asked.
        promised: usize,
        /// What it gave; none when it has no more for now.
        items: Vec<Entry<T>>,
    },
    /// Items that a transformer could not make: they are produced and failed at once.
    Unmade(usize),
    /// A producer has no more.
    Drained {
        /// Which.
        producer: usize,
    },
    /// A producer begins, perhaps again.
    Opened {
        /// Which.
        producer: usize,
    },
    /// A producer died, and what it had not handed over yet with it, unless the ledger owns it.
    ProducerDied {
        /// Which.
        producer: usize,
    },
    /// A lane begins a life.
    Joined(Holder),
    /// A lane has room for more.
    Asked(Holder),
    /// The lane's items turned out to be so quick, or so slow, that from now on it holds up to so many, if the
    /// terms do not allow more.
    Paced {
        /// Which lane.
        holder: Holder,
        /// How many.
        items: usize,
    },
    /// The first items that the lane still owes are finished and accepted.
    Accepted {
        /// Which lane.
        holder: Holder,
        /// How many.
        items: usize,
    },
    /// The first item that the lane still owes came back with an error; its holder lives.
    Failed {
        /// Which lane.
        holder: Holder,
        /// The item, from the lane's own hand.
        loan: Loan<T>,
    },
    /// What the lane works with died of the first item it owes, the others are innocent. The lane lives.
    Fell {
        /// Which lane.
        holder: Holder,
        /// So often in a row, at least once: the first time in company, so that others could be to blame.
        deaths: u32,
    },
    /// The lane died of the first item it owes; the others are innocent.
    Died(Holder),
    /// The holder is gone; no item is to blame.
    Left(Holder),
    /// The run ends without the holder: what it owes stays as it is, and nobody is lent it any more.
    Forsaken(Holder),
    /// An order to set aside was followed.
    Judged(Verdict<T>),
    /// So many accepted items were handled to the end.
    Acked(usize),
    /// So many accepted items failed later.
    Spoiled(usize),
    /// So many accepted items died with whoever held them.
    Lost(usize),
    /// A call in the lane took the first message in its mailbox for its own reply. Under hand-over the items in
    /// it are lost, and the lane, which never saw them, never asks for others in their place.
    Swallowed {
        /// Which lane.
        lane: usize,
    },
    /// Nothing new is lent while it is so.
    Paused(bool),
    /// Time passed.
    Tick,
}

/// What the ledger wants done.
pub enum Order<T> {
    /// Give the lane this loan.
    Lend(Loan<T>),
    /// There is nothing for the lane now; it may ask again after the next change.
    Wait,
    /// There will never be anything for the lane again.
    Dismiss,
    /// The lane speaks from a former life: it is to go, and what it says does not count.
    Refuse,
    /// The first item of this loan is given up; it had `loan.attempt + 1` attempts. Answered by
    /// [`Event::Judged`].
    SetAside {
        /// The item, alone.
        loan: Loan<T>,
        /// True when it killed its workers, false when it returned errors.
        deadly: bool,
    },
    /// So many items are lost.
    Lost(usize),
    /// So many items came back.
    Returned(usize),
}

/// How the ledger of a stage is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// What it keeps.
    pub delivery: Delivery,
    /// How many lanes there are.
    pub lanes: usize,
    /// How many producers there are.
    pub producers: usize,
    /// An item is given up after so many attempts; under hand-over after the first.
    pub attempts_max: u32,
    /// A lane holds at most so many items …
    pub max_demand: usize,
    /// … and asks for more at so many.
    pub min_demand: usize,
    /// So many items wait in the ledger beyond what lanes asked for.
    pub ahead: usize,
    /// Each lane has a queue of its own.
    pub partitioned: bool,
}
