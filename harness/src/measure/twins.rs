//! What the same subject did in the same block without faults: the measure for the cost of a fault.

use crate::history::History;
use crate::stats::quantile;
use std::collections::BTreeMap;

/// Windows that a twin's time is cut into, where a measure needs windows.
pub const WINDOWS: u32 = 20;
/// A twin with fewer right items than this has no band: its windows would count next to nothing.
pub const FEWEST_ITEMS: usize = 2 * WINDOWS as usize;

/// When the right items of a trial were done: N(t).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curve {
    /// Nanoseconds since the trial began, in ascending order: distinct right items only.
    done_ns: Vec<u64>,
    /// From the start of the subject to the end of all its processes, in nanoseconds.
    pub wall_ns: u64,
}

impl Curve {
    /// Of one trial.
    pub fn of(history: &History) -> Self {
        let right = history.items.iter().filter(|i| i.right());
        let mut done_ns: Vec<u64> = right.filter_map(|i| i.done_ns).collect();
        done_ns.sort_unstable();
        Self { done_ns, wall_ns: history.run.wall_ns }
    }

    /// N(t): right items done by then.
    pub fn by(&self, t_ns: u64) -> usize {
        self.done_ns.partition_point(|t| *t <= t_ns)
    }

    /// Right items at the end.
    pub fn len(&self) -> usize {
        self.done_ns.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.done_ns.is_empty()
    }

    /// The moments at which items were done.
    pub fn moments_ns(&self) -> &[u64] {
        &self.done_ns
    }

    /// When the last item was done; 0 if there is none.
    pub fn last_ns(&self) -> u64 {
        self.done_ns.last().copied().unwrap_or(0)
    }

    /// The mean rate from the start to the last item, in items per nanosecond; `None` of nothing.
    pub fn rate(&self) -> Option<f64> {
        (self.last_ns() > 0).then(|| self.len() as f64 / self.last_ns() as f64)
    }

    /// Items done in the window that begins at `from_ns`.
    pub fn within(&self, from_ns: f64, window_ns: f64) -> usize {
        let below = |t: f64| self.done_ns.partition_point(|at| (*at as f64) < t);
        below(from_ns + window_ns) - below(from_ns)
    }

    /// Width of a window between the first item and the last, nanoseconds, and the band in which 95 % of such windows
    /// lie (in items, from quantile 0.025 to 0.975). `None` if there are fewer than [`FEWEST_ITEMS`] items.
    pub fn band(&self) -> Option<(f64, (f64, f64))> {
        let first = *self.done_ns.first()? as f64;
        let window_ns = (self.last_ns() as f64 - first) / f64::from(WINDOWS);
        if self.len() < FEWEST_ITEMS || window_ns <= 0.0 {
            return None;
        }
        let count = |k| self.within(first + f64::from(k) * window_ns, window_ns) as f64;
        let mut counts: Vec<f64> = (0..WINDOWS).map(count).collect();
        counts.sort_by(f64::total_cmp);
        Some((window_ns, (quantile(&counts, 0.025)?, quantile(&counts, 0.975)?)))
    }
}

/// The fault-free twins among some histories, by subject and block.
#[derive(Debug, Clone, Default)]
pub struct Twins {
    curves: BTreeMap<(String, u32), Curve>,
}

impl Twins {
    /// Finds them.
    pub fn of(histories: &[History]) -> Self {
        let twins = histories.iter().filter(|h| !h.run.faults);
        let key = |h: &History| (h.run.subject.clone(), h.run.block);
        Self { curves: twins.map(|h| (key(h), Curve::of(h))).collect() }
    }

    /// The twin of this trial; `None` if there is none, or it delivered nothing.
    pub fn of_run(&self, history: &History) -> Option<&Curve> {
        let key = (history.run.subject.clone(), history.run.block);
        self.curves.get(&key).filter(|curve| !curve.is_empty())
    }
}
