//! What a fault cost in items and seconds, against the twin.

use super::twins::{Curve, Twins, WINDOWS};
use crate::history::{Ending, History};

/// What a trial lost against its twin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deficit {
    /// Peak deficit (M8): the most items that it was behind its twin at any moment, max Δ(t) with
    /// Δ(t) = N_ref(t) − N(t). It needs no windows.
    pub peak_items: f64,
    /// Degradation area (M9), signed, in nanoseconds of the twin's mean rate ("equivalent outage"): Δ(T) ÷ r̄_ref at the
    /// moment T at which the twin was done. Negative for a trial that was faster.
    pub signed_ns: f64,
    /// Its positive part, (1 ÷ r̄_ref) ∫ max(0, r̄_ref − r(t)) dt over [`WINDOWS`] windows until T, less the same of the
    /// twin against its own mean: noise alone makes that part larger than 0.
    pub positive_ns: f64,
}

/// See [`Deficit`]; `None` without a twin.
pub fn deficit(history: &History, twins: &Twins) -> Option<Deficit> {
    let twin = twins.of_run(history)?;
    let (rate, end_ns) = (twin.rate()?, twin.last_ns());
    let curve = Curve::of(history);
    let behind = |t: u64| twin.by(t) as f64 - curve.by(t) as f64;
    let peak = twin.moments_ns().iter().map(|t| behind(*t)).fold(0.0, f64::max);
    let window_ns = end_ns as f64 / f64::from(WINDOWS);
    let outage_ns = |curve: &Curve| -> f64 {
        let window = |k| {
            // The first item after the last moment belongs to the last window.
            let from_ns = f64::from(k) * window_ns + 0.5;
            (window_ns - curve.within(from_ns, window_ns) as f64 / rate).max(0.0)
        };
        (0..WINDOWS).map(window).sum()
    };
    Some(Deficit {
        peak_items: peak,
        signed_ns: behind(end_ns) / rate,
        positive_ns: outage_ns(&curve) - outage_ns(twin),
    })
}

/// Makespan penalty (M10), nanoseconds for each fault that fired: (T_fault − T_twin) ÷ k. `None` if no fault fired, there
/// is no twin, or the trial did not end in order: then it has no makespan.
pub fn penalty_ns(history: &History, twins: &Twins) -> Option<f64> {
    let fired = history.fired().count();
    let whole = history.run.ending == Ending::Complete && fired > 0;
    let twin = twins.of_run(history).filter(|_| whole)?;
    Some((history.run.wall_ns as f64 - twin.wall_ns as f64) / fired as f64)
}
