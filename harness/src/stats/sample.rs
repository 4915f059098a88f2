//! Observations that can be asked again with another confidence.

use super::{Estimate, clopper_pearson, clustered_median_at, median_at, paired_ratio_at};

/// What was observed of one quantity.
#[derive(Debug, Clone, PartialEq)]
pub enum Sample {
    /// So many of so many independent trials.
    Share(u64, u64),
    /// One value a run; the median is asked for.
    Values(Vec<f64>),
    /// Several values a run, run by run; the median is asked for.
    Groups(Vec<Vec<f64>>),
    /// Two values a block; the typical ratio of first to second is asked for.
    Ratios(Vec<(f64, f64)>),
}

impl Sample {
    /// The estimate, with an interval that leaves at most `tail` on each side. Each end is then a one-sided bound that
    /// holds with `1 - tail`.
    pub fn estimate(&self, tail: f64) -> Estimate {
        match self {
            Self::Share(k, n) => Estimate {
                n: *n as usize,
                value: (*n > 0).then(|| *k as f64 / *n as f64),
                interval: clopper_pearson(*k, *n, tail),
                method: "share, Clopper-Pearson",
            },
            Self::Values(values) => median_at(values, tail),
            Self::Groups(groups) => clustered_median_at(groups, tail),
            Self::Ratios(pairs) => paired_ratio_at(pairs, tail),
        }
    }
}
