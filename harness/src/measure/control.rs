//! What equal runs say of the instrument itself: an A/A control.
//!
//! Where nothing strikes, the runs "with faults" are equal to their twins. Whatever difference is found between them is
//! the machine's, so no smaller effect may be claimed; and an interval for it should miss "no difference" in 5 % of the
//! comparisons at most.

use super::Measure;
use super::summary::{of, pairs};
use crate::history::History;
use crate::stats::{Estimate, at_least, clopper_pearson, paired_ratio};
use std::collections::BTreeSet;

/// A comparison takes so many blocks: fewer give no interval.
const BLOCKS_MIN: usize = 6;
/// With fewer comparisons nothing is said about their intervals: even two of ten would be no surprise.
pub const COMPARISONS_MIN: u64 = 20;

/// What equal runs of one subject, or of all, say of the instrument.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Control {
    /// The smallest relative effect on throughput that may be claimed: how far the 95 % interval of the ratio of equal
    /// runs reaches from 1. `None` with less than six blocks.
    pub effect_min: Option<f64>,
    /// Blocks it comes from.
    pub blocks: usize,
    /// Comparisons of at least six blocks each.
    pub comparisons: u64,
    /// Those of them whose 95 % interval excludes 1.
    pub excluded: u64,
}

impl Control {
    /// Compares a subject's runs with their twins, in as many groups of successive blocks as there can be.
    pub fn of(histories: &[History], subject: &str) -> Self {
        let both = pairs(&of(histories, subject, true), &of(histories, subject, false));
        let reach = |(low, high): (f64, f64)| low.ln().abs().max(high.ln().abs()).exp_m1();
        let groups = both.len() / BLOCKS_MIN;
        let group = |k: usize| &both[k * both.len() / groups..(k + 1) * both.len() / groups];
        let excludes = |k: &usize| {
            let interval = paired_ratio(group(*k)).interval;
            interval.is_some_and(|(low, high)| low > 1.0 || high < 1.0)
        };
        Self {
            effect_min: paired_ratio(&both).interval.map(reach),
            blocks: both.len(),
            comparisons: groups as u64,
            excluded: (0..groups).filter(excludes).count() as u64,
        }
    }

    /// How likely so many excluded ones, or more, are by chance alone: the exact binomial test against 5 %. Only too many
    /// are a fault, since an interval between order statistics misses somewhat less often than it may.
    pub fn p_value(&self) -> f64 {
        at_least(self.excluded, self.comparisons, 0.05)
    }
}

/// The control of each subject, by name.
pub fn controls(histories: &[History]) -> Vec<(&str, Control)> {
    let names: BTreeSet<_> = histories.iter().map(|h| h.run.subject.as_str()).collect();
    names.into_iter().map(|name| (name, Control::of(histories, name))).collect()
}

/// The rows of an A/A control for `measures.csv`.
pub fn control_rows(histories: &[History]) -> Vec<Measure> {
    let rows = |(subject, found): (&str, Control)| {
        let row = |measure, estimate| Measure {
            subject: subject.to_owned(),
            faults: true,
            measure,
            unit: "1",
            estimate,
        };
        let (k, n) = (found.excluded, found.comparisons);
        let effect = Estimate {
            n: found.blocks,
            value: found.effect_min,
            interval: None,
            method: "reach of the interval of equal runs",
        };
        let excluded = Estimate {
            n: n as usize,
            value: (n > 0).then(|| k as f64 / n as f64),
            interval: clopper_pearson(k, n, 0.025),
            method: "share, Clopper-Pearson",
        };
        [row("aa_effect_min", effect), row("aa_excluded", excluded)]
    };
    controls(histories).into_iter().flat_map(rows).collect()
}
