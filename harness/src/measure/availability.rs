//! How much of the service was there, and how much would be at other rates of faults.

use super::twins::{Curve, Twins, WINDOWS};
use crate::history::History;

/// An item is in time if it is right by so many times the twin's time.
pub const IN_TIME: u64 = 2;

/// Availability of one trial (M15), each a share from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Availability {
    /// Share of windows with a rate of at least θ · r̄_ref, for θ = 0.1, 0.5 and 0.9: a [`WINDOWS`]th of the twin's time
    /// each, until both are done. A trial that died is down from then on.
    pub time: [f64; 3],
    /// Items that are right by [`IN_TIME`] times the twin's time ÷ items issued.
    pub items: f64,
    /// Performability: the mean of min(1, r ÷ r̄_ref) over the same windows.
    pub performability: f64,
}

/// See [`Availability`]; `None` without a twin.
pub fn availability(history: &History, twins: &Twins) -> Option<Availability> {
    let twin = twins.of_run(history)?;
    let (rate, end_ns) = (twin.rate()?, twin.last_ns());
    let curve = Curve::of(history);
    let window_ns = end_ns as f64 / f64::from(WINDOWS);
    // The last window of who is slower is whole, so that its last item counts.
    let windows = (curve.last_ns().max(end_ns) as f64 / window_ns - 1e-9).ceil().max(1.0) as usize;
    let expected = rate * window_ns;
    let level = |k: usize| curve.within(k as f64 * window_ns + 0.5, window_ns) as f64 / expected;
    let levels: Vec<f64> = (0..windows).map(level).collect();
    let share = |least: f64| levels.iter().filter(|l| **l >= least).count() as f64 / windows as f64;
    let issued = history.run.items.max(1) as f64;
    Some(Availability {
        time: [0.1, 0.5, 0.9].map(share),
        items: curve.by(end_ns.saturating_mul(IN_TIME)) as f64 / issued,
        performability: levels.iter().map(|l| l.min(1.0)).sum::<f64>() / windows as f64,
    })
}

/// Projected availability (M16) at `per_s` faults a second, each of which costs `outage_s` equivalent seconds:
/// max(0, 1 − λ·E). It holds only where faults do not overlap, λ·TTR ≪ 1.
pub fn projected(per_s: f64, outage_s: f64) -> f64 {
    (1.0 - per_s * outage_s).clamp(0.0, 1.0)
}

/// The classical form beside it: 1 ÷ (1 + λ·MTTR).
pub fn classical(per_s: f64, mttr_s: f64) -> f64 {
    1.0 / (1.0 + per_s * mttr_s.max(0.0))
}
