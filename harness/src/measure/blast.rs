//! How far a fault reaches beyond its victim, and the work that had to be done again.

use crate::history::{History, State};
use crate::stats::quantile;
use std::collections::BTreeSet;

/// Latencies of a trial (M26), nanoseconds in ascending order: from the moment an item was first lent until its tile was
/// safe. The producer is a closed loop, so that this is also the intended start: an item that is not lent has not come.
pub fn latencies_ns(history: &History) -> Vec<f64> {
    let of = |i: &crate::history::Item| Some(i.done_ns?.checked_sub(i.lent_ns?)? as f64);
    let mut all: Vec<f64> = history.items.iter().filter_map(of).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Blast radius (M18), items for each fault that fired: items that no fault had struck, and that were begun again, were
/// declared or lost, or took longer than 99 % of all items of fault-free trials (`slow_ns`). `None` if no fault fired.
pub fn blast_radius(history: &History, slow_ns: Option<f64>) -> Option<f64> {
    let struck: BTreeSet<_> = history.fired().map(|i| i.item).collect();
    let fired = history.fired().count();
    let hit = history.items.iter().filter(|i| {
        let latency = i.done_ns.zip(i.lent_ns).map(|(d, l)| d.saturating_sub(l) as f64);
        let slow = latency.zip(slow_ns).is_some_and(|(took, most)| took > most);
        let harmed = i.attempts > 1 || i.state != State::Done || i.found_blake3.is_none();
        !struck.contains(&i.item) && (slow || harmed)
    });
    (fired > 0).then(|| hit.count() as f64 / fired as f64)
}

/// The latency that 99 % of the items of these trials stay below, nanoseconds.
pub fn slow_ns(trials: &[&History]) -> Option<f64> {
    let mut all: Vec<f64> = trials.iter().flat_map(|h| latencies_ns(h)).collect();
    all.sort_by(f64::total_cmp);
    quantile(&all, 0.99)
}

/// Work done in vain (M17), nanoseconds of a trial: from the moment a struck attempt was armed until it was known to have
/// failed. This is wall time of a lane; the processor time of a single attempt is not recorded.
pub fn work_redone_ns(history: &History) -> u64 {
    history.fired().filter_map(|i| i.detected_ns?.checked_sub(i.armed_ns)).sum()
}

/// False alarms (M22) of fault-free trials: deaths, and the hours that were watched.
pub fn false_alarms(trials: &[&History]) -> (u64, f64) {
    let hours = trials.iter().map(|h| h.run.wall_ns as f64 / 3.6e12).sum();
    (trials.iter().map(|h| h.run.deaths + h.run.restarts).sum(), hours)
}
