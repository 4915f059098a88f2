//! What a history says in numbers: pure functions of one trial here, of many in [`summarise`].

mod control;
mod sample;
mod summary;
#[cfg(test)]
mod tests;
pub(crate) mod words;

pub use control::{COMPARISONS_MIN, Control, control_rows, controls};
pub use sample::{covered, sample};
pub use summary::{Measure, csv, summarise};

use crate::history::{History, Injection, State};
use serde::{Deserialize, Serialize};

/// What became of an injected fault; worse ones win when several are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It was put into a loan, but never fired.
    NotFired,
    /// It fired, and the item came through without another attempt.
    Survived,
    /// It fired, and a later attempt's result was accepted.
    Recovered,
    /// It fired, and the subject declared the item failed or set it aside.
    Declared,
    /// It fired, and the item's file is wrong.
    Corrupted,
    /// It fired, and the item is gone without a word.
    Lost,
}

/// What became of `injection` in the trial it belongs to.
pub fn outcome(history: &History, injection: &Injection) -> Outcome {
    if injection.fired_ns.is_none() {
        return Outcome::NotFired;
    }
    let place = usize::try_from(injection.item).ok();
    match place.and_then(|p| history.items.get(p)) {
        None => Outcome::Lost,
        Some(i) if i.found_blake3.is_some() && !i.right() => Outcome::Corrupted,
        Some(i) => match i.state {
            State::Lost => Outcome::Lost,
            State::Failed | State::Quarantined => Outcome::Declared,
            State::Done if i.found_blake3.is_none() => Outcome::Lost,
            State::Done if injection.accepted_ns.is_some() => Outcome::Recovered,
            State::Done => Outcome::Survived,
        },
    }
}

impl Injection {
    /// Time to detect (M2), nanoseconds: from the receipt of the fault to the moment the subject knew, or, if the
    /// subject fell, the observer. `None` if it never fired or was never detected.
    pub fn detect_ns(&self) -> Option<u64> {
        self.detected_ns?.checked_sub(self.fired_ns?)
    }

    /// Victim recovery (M5), nanoseconds: from the receipt of the fault to the moment a later attempt's result of the
    /// same item was accepted. `None` if that never happened.
    pub fn recovery_ns(&self) -> Option<u64> {
        self.accepted_ns?.checked_sub(self.fired_ns?)
    }

    /// Net recovery, nanoseconds: [`Self::recovery_ns`] without the item's own work in the accepted attempt, which
    /// any subject has to do.
    pub fn recovery_net_ns(&self) -> Option<u64> {
        self.recovery_ns()?.checked_sub(self.work_ns?)
    }
}

/// Goodput (M14), pixels per second: pixels of the source × (items delivered right ÷ items) ÷ wall time. An item is
/// delivered right if its file is that of the golden run. With tiles of equal size this is exact; smaller tiles at
/// the edges count as a tile of mean size. 0 if nothing was delivered right.
pub fn throughput_px_per_s(history: &History) -> f64 {
    let run = &history.run;
    let right = toll(history).right;
    if right == 0 || run.items == 0 || run.wall_ns == 0 {
        return 0.0;
    }
    run.pixels as f64 * (right as f64 / run.items as f64) / (run.wall_ns as f64 / 1e9)
}

/// What became of the items of a trial (M11, M12, M13), in items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Toll {
    /// Items the source had.
    pub items: u64,
    /// Items whose file is that of the golden run.
    pub right: u64,
    /// Silently lost: neither delivered nor declared, or declared done without a file.
    pub lost: u64,
    /// Declared failed or set aside.
    pub declared: u64,
    /// Deliveries beyond an item's first.
    pub twice: u64,
    /// Items whose file is not that of the golden run.
    pub wrong: u64,
    /// Attempts begun.
    pub attempts: u64,
}

/// What became of the items of a trial.
pub fn toll(history: &History) -> Toll {
    let mut toll = Toll { items: history.run.items, ..Toll::default() };
    for i in &history.items {
        let found = i.found_blake3.is_some();
        toll.right += u64::from(i.right());
        toll.wrong += u64::from(found && !i.right());
        toll.lost += u64::from(i.state == State::Lost || (i.state == State::Done && !found));
        toll.declared += u64::from(matches!(i.state, State::Failed | State::Quarantined));
        toll.twice += u64::from(i.deliveries.saturating_sub(1));
        toll.attempts += u64::from(i.attempts);
    }
    toll
}

impl std::iter::Sum for Toll {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            items: a.items + b.items,
            right: a.right + b.right,
            lost: a.lost + b.lost,
            declared: a.declared + b.declared,
            twice: a.twice + b.twice,
            wrong: a.wrong + b.wrong,
            attempts: a.attempts + b.attempts,
        })
    }
}
