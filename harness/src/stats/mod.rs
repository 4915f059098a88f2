//! How sure we are: estimates with intervals that assume little. All intervals are for 95 %.

mod bootstrap;
mod median;
#[cfg(test)]
mod tests;
mod wilson;

pub use bootstrap::clustered_median;
pub use median::{median, paired_ratio, quantile};
pub use wilson::{share, wilson};

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
