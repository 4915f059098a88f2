//! Those measures of which the observations are kept, so that they can be asked with any confidence.

use super::coverage::{covered, outcomes};
use super::summary::{fired, of, pairs};
use super::{Twins, throughput_px_per_s};
use crate::history::{Ending, History, Injection};
use crate::stats::Sample;

/// What was observed of one measure of a subject, over its trials with faults or all without. `None` if the measure is
/// not kept as observations.
///
/// The names are those of `measures.csv`. `coverage` (M20) takes the faults of a run for independent.
///
/// A fault that was not detected, or whose item never came back, has no time there and is left out; here it took for
/// ever. Else a subject that is quick once and then never again would have the best median of all.
pub fn sample(histories: &[History], subject: &str, faults: bool, measure: &str) -> Option<Sample> {
    let trials = of(histories, subject, faults);
    let runs = |f: &dyn Fn(&History) -> f64| Sample::Values(trials.iter().map(|h| f(h)).collect());
    let times = |f: fn(&Injection) -> Option<u64>| {
        let of_run =
            |h: &&History| fired(h).map(|i| f(i).map_or(f64::INFINITY, |ns| ns as f64)).collect();
        Sample::Groups(trials.iter().map(of_run).collect())
    };
    let share = |yes: usize, of: usize| Sample::Share(yes as u64, of as u64);
    Some(match measure {
        "complete" => {
            let complete = trials.iter().filter(|h| h.run.ending == Ending::Complete);
            share(complete.count(), trials.len())
        }
        "coverage" => {
            let all = outcomes(&trials, &Twins::of(histories));
            let (covered, activated) = covered(&all);
            Sample::Share(covered, activated)
        }
        "throughput" => runs(&throughput_px_per_s),
        "wall" => runs(&|h| h.run.wall_ns as f64),
        "detect" => times(Injection::detect_ns),
        "recovery" => times(Injection::recovery_ns),
        "recovery_net" => times(Injection::recovery_net_ns),
        "throughput_to_twin" if faults => {
            Sample::Ratios(pairs(&trials, &of(histories, subject, false)))
        }
        "throughput_to_baseline" if subject != "baseline" => {
            Sample::Ratios(pairs(&trials, &of(histories, "baseline", faults)))
        }
        _ => return None,
    })
}
