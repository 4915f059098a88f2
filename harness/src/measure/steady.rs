//! When a trial was itself again after a fault: the time to steady state, and the moment at which it caught up.

use super::twins::{Curve, Twins};
use crate::history::{Ending, History, Injection};

/// So many windows in a row make a steady state (H).
pub const IN_A_ROW: usize = 3;

/// When a steady state was reached, or until when it had not been.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steady {
    /// At this moment, in nanoseconds since the trial began.
    Reached(u64),
    /// Not until this moment, when the trial ended: the time is right-censored.
    Censored(u64),
}

impl Steady {
    /// The moment, if it was reached.
    pub fn reached_ns(self) -> Option<u64> {
        match self {
            Self::Reached(t) => Some(t),
            Self::Censored(_) => None,
        }
    }

    /// Whether the trial ended first.
    pub fn is_censored(self) -> bool {
        matches!(self, Self::Censored(_))
    }

    /// Time to steady state (M6), nanoseconds from `fired_ns`, and whether it was reached.
    pub fn after(self, fired_ns: u64) -> (u64, bool) {
        match self {
            Self::Reached(t) => (t.saturating_sub(fired_ns), true),
            Self::Censored(t) => (t.saturating_sub(fired_ns), false),
        }
    }
}

impl Twins {
    /// Steady state after a fault (M6): the start of the first [`IN_A_ROW`] windows in a row in which as many items were
    /// done as in 95 % of the twin's windows of the same width, from the moment the fault fired on. Windows that reach
    /// beyond the last item say nothing, since work runs out: without a steady state before that it is censored.
    /// `None` if the fault never fired, or there is no twin with a band.
    pub fn steady(&self, history: &History, injection: &Injection) -> Option<Steady> {
        let fired = injection.fired_ns?;
        let (window_ns, (low, high)) = self.of_run(history)?.band()?;
        let curve = Curve::of(history);
        let complete = history.run.ending == Ending::Complete;
        let end = if complete { curve.last_ns() } else { history.run.wall_ns };
        let from = |k: usize| fired as f64 + k as f64 * window_ns;
        let windows = ((end.saturating_sub(fired)) as f64 / window_ns) as usize;
        let inside = |k: usize| {
            let n = curve.within(from(k), window_ns) as f64;
            low <= n && n <= high
        };
        let inside: Vec<bool> = (0..windows).map(inside).collect();
        let found = inside.windows(IN_A_ROW).position(|all| all.iter().all(|x| *x));
        Some(match found {
            Some(k) => Steady::Reached(from(k) as u64),
            None => Steady::Censored(end.max(fired)),
        })
    }

    /// Catch-up (M7): the first moment at which no more than one item is missing against the twin,
    /// N(t) ≥ N_ref(t) − 1, in nanoseconds since the trial began. It is looked for from the moment on at which the most
    /// are missing after the fault: when a fault fires, nothing is missing yet. The producer is a closed loop: it gives
    /// when there is room, so that a trial which lost time can only catch up by being faster than its twin; the makespan
    /// penalty says more. `None` if it never did.
    pub fn caught_ns(&self, history: &History, injection: &Injection) -> Option<u64> {
        let fired = injection.fired_ns?;
        let twin = self.of_run(history)?;
        let curve = Curve::of(history);
        let missing = |t: u64| twin.by(t).saturating_sub(curve.by(t));
        let after = twin.moments_ns().iter().rev().copied().take_while(|t| *t > fired);
        // `max_by_key` takes the last of equals, which is the first in time.
        let worst = after.chain([fired]).max_by_key(|t| missing(*t)).unwrap_or(fired);
        let own = curve.moments_ns().iter().copied().filter(|t| *t > worst);
        std::iter::once(worst).chain(own).find(|t| missing(*t) <= 1)
    }
}
