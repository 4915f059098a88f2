//! Was what is claimed put to the test at all?

use super::Verdict;
use crate::history::History;
use pipelines::fault::Fault;
use std::collections::BTreeSet;
use std::mem::discriminant;

/// Holds if each fault of the plan fired at least once in these trials ("sometimes"). Else nothing is known of how those
/// that did not would have been met: never Broken.
pub fn activated<'a>(
    planned: impl IntoIterator<Item = Fault>,
    trials: impl IntoIterator<Item = &'a History>,
) -> Verdict {
    let trials: Vec<_> = trials.into_iter().collect();
    let fired = |fault: Fault| {
        let same = |other: Fault| discriminant(&other) == discriminant(&fault);
        trials.iter().flat_map(|h| h.fired()).any(|i| same(i.fault))
    };
    let missing: BTreeSet<String> =
        planned.into_iter().filter(|f| !fired(*f)).map(|f| f.to_string()).collect();
    if missing.is_empty() {
        return Verdict::Holds;
    }
    let missing: Vec<_> = missing.into_iter().collect();
    Verdict::Unknown(format!(
        "no fault {} fired, so it was not put to the test",
        missing.join(", ")
    ))
}
