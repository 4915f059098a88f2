//! How many faults were handled (M20).

use super::outcome::{Outcome, outcome};
use super::twins::Twins;
use crate::history::{History, Injection};
use crate::stats::{Estimate, share};
use std::collections::BTreeMap;

/// How often each outcome came.
pub fn outcomes(trials: &[&History], twins: &Twins) -> BTreeMap<Outcome, u64> {
    let mut all = BTreeMap::new();
    for h in trials {
        for i in &h.injections {
            *all.entry(outcome(h, i, twins)).or_default() += 1;
        }
    }
    all
}

/// Whether a fault was recovered from or masked.
pub fn is_covered(history: &History, injection: &Injection, twins: &Twins) -> bool {
    matches!(outcome(history, injection, twins), Outcome::Recovered | Outcome::Masked)
}

/// Faults that were recovered from or masked, and those that were activated.
pub(super) fn covered(outcomes: &BTreeMap<Outcome, u64>) -> (u64, u64) {
    let n = |o: Outcome| outcomes.get(&o).copied().unwrap_or(0);
    let out = n(Outcome::NotActivated) + n(Outcome::Invalid);
    let activated = outcomes.values().sum::<u64>() - out;
    (n(Outcome::Recovered) + n(Outcome::Masked), activated)
}

/// Coverage C = (recovered + masked) ÷ activated, and C_strict = recovered ÷ (activated − masked), in which what needed
/// no mechanism does not speak for the mechanism. Activated are the faults that fired; those whose record contradicts
/// itself are left out. Faults of one trial are taken for independent.
///
/// Source: Bouricius, Carter and Schneider, "Reliability modeling techniques for self-repairing computer systems",
/// ACM 1969, for C.
pub fn coverage(outcomes: &BTreeMap<Outcome, u64>) -> (Estimate, Estimate) {
    let n = |o: Outcome| outcomes.get(&o).copied().unwrap_or(0);
    let ((covered, activated), masked) = (covered(outcomes), n(Outcome::Masked));
    (share(covered, activated), share(n(Outcome::Recovered), activated - masked))
}
