//! What a history says in numbers: pure functions of one trial each, of many in [`summarise`]. M1 to M27 are the numbers
//! of the measures in `results/README.md`.

mod availability;
mod blast;
mod breakeven;
mod control;
mod costs;
mod coverage;
mod deficit;
mod diagnosis;
mod drift;
mod outcome;
mod sample;
mod steady;
mod summary;
#[cfg(test)]
mod tests;
mod twins;
pub(crate) mod words;

pub use availability::{Availability, IN_TIME, availability, classical, projected};
pub use blast::{blast_radius, false_alarms, latencies_ns, slow_ns, work_redone_ns};
pub use breakeven::{RIVALS, break_even_per_s};
pub use control::{COMPARISONS_MIN, Control, control_rows, controls};
pub use coverage::{coverage, is_covered, outcomes};
pub use deficit::{Deficit, deficit, penalty_ns};
pub use diagnosis::diagnosis_ok;
pub use drift::slope_per_1000;
pub use outcome::{DEGRADED_ITEMS, LATE_NS, Outcome, declared, outcome, worst};
pub use sample::sample;
pub use steady::{IN_A_ROW, Steady};
pub use summary::{Measure, csv, faults_csv, summarise};
pub use twins::{Curve, FEWEST_ITEMS, Twins, WINDOWS};

use crate::history::{Checksum, History, Item, State};
use std::collections::BTreeMap;

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
        let owed = matches!(i.state, State::Lost | State::Done);
        toll.right += u64::from(i.right());
        toll.wrong += u64::from(i.wrong());
        toll.lost += u64::from(owed && i.found_blake3.is_none());
        toll.declared += u64::from(i.declared());
        toll.twice += u64::from(i.deliveries.saturating_sub(1));
        toll.attempts += u64::from(i.attempts);
    }
    toll
}

/// The law of conservation: each item issued is right, wrong, declared or silently lost, and only one of these. Where it
/// does not hold, as of an item that was declared failed and yet delivered, the record contradicts itself.
pub fn conserved(history: &History) -> bool {
    let Toll { items, right, wrong, declared, lost, .. } = toll(history);
    items == right + wrong + declared + lost
}

/// Items whose file is that of another item (M13): right content, wrong place.
pub fn misplaced(history: &History) -> Vec<(u64, u64)> {
    let golden: BTreeMap<Checksum, u64> =
        history.items.iter().rev().filter_map(|i| Some((i.golden_blake3?, i.item))).collect();
    let of = |i: &Item| Some((i.item, *golden.get(&i.found_blake3?)?));
    history.items.iter().filter(|i| i.wrong()).filter_map(of).collect()
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
