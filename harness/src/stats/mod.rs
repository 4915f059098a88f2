//! How sure we are: estimates with intervals that assume little, all pure. An interval is for 95 % where nothing else is
//! said. A function that takes a `tail` leaves at most so much on each side: 0.025 is a 95 % interval, and each end of
//! an interval with 0.05 is a one-sided 95 % bound.
//!
//! All of it is compared with SciPy: `harness/tests/vectors/stats.py` writes what that says.

mod beta;
mod binomial;
mod bootstrap;
mod ecdf;
mod effect;
mod holm;
mod median;
mod sample;
mod survival;
#[cfg(test)]
mod tests;
mod wilson;

pub use binomial::{at_least, at_most, binomial_test, clopper_pearson, trials_needed};
pub use bootstrap::{bootstrap, clustered_median, clustered_median_at, ratio_of_medians};
pub use ecdf::{Rung, ecdf};
pub use effect::cliffs_delta;
pub use holm::{holm, step_down};
pub use median::{
    median, median_at, paired_difference, paired_ratio, paired_ratio_at, quantile, quantile_bounds,
};
pub use sample::Sample;
pub use survival::{Step, Survival, kaplan_meier};
pub use wilson::{difference_of_shares, share, wilson};

/// The normal quantile of 97.5 %.
const Z: f64 = 1.959_963_984_540_054;

/// What is estimated from some values, and how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// How many values it comes from.
    pub n: usize,
    /// The estimate; `None` if there was nothing to estimate it from.
    pub value: Option<f64>,
    /// Both ends of its 95 % interval; `None` if there are too few values for one.
    pub interval: Option<(f64, f64)>,
    /// How it was made, in a few words.
    pub method: &'static str,
}

impl Estimate {
    /// A number that was counted, not estimated, over `n` trials.
    pub fn counted(n: usize, value: u64) -> Self {
        Self { n, value: Some(value as f64), interval: None, method: "sum" }
    }
}
