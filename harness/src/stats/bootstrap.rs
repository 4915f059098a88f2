//! Intervals for values that come in groups and are not independent within one.

use super::{Estimate, quantile};

const RESAMPLES_MIN: usize = 2000;
/// So many resamples must lie outside on each side, or chance alone decides where an end is.
const OUTSIDE: f64 = 50.0;
/// With fewer groups their resamples say little: no interval then, as for plain medians.
const FEWEST_GROUPS: usize = 6;

/// The median of all values, with an interval from resampling whole groups. Faults of one run share a machine, a
/// moment and a cache; taking them for independent would make the interval too narrow. See [`bootstrap`].
pub fn clustered_median(groups: &[Vec<f64>]) -> Estimate {
    clustered_median_at(groups, 0.025)
}

/// [`clustered_median`] with an interval that leaves at most `tail` on each side.
pub fn clustered_median_at(groups: &[Vec<f64>], tail: f64) -> Estimate {
    let mut all = groups.concat();
    Estimate {
        n: all.len(),
        value: middle(&mut all),
        interval: bootstrap(&[groups], tail, |pools| middle(&mut pools[0])),
        method: "median, bootstrap over runs",
    }
}

/// The median of `a` ÷ that of `b`, two independent samples in groups, with an interval that leaves at most `tail` on
/// each side. See [`bootstrap`]. An infinite median has no ratio.
pub fn ratio_of_medians(a: &[Vec<f64>], b: &[Vec<f64>], tail: f64) -> Estimate {
    let ratio = |pools: &mut [Vec<f64>]| {
        let (top, below) = (middle(&mut pools[0])?, middle(&mut pools[1])?);
        (below > 0.0 && top.is_finite() && below.is_finite()).then(|| top / below)
    };
    let (n, m) = (a.iter().map(Vec::len).sum::<usize>(), b.iter().map(Vec::len).sum());
    Estimate {
        n: n.min(m),
        value: ratio(&mut [a.concat(), b.concat()]),
        interval: bootstrap(&[a, b], tail, ratio),
        method: "ratio of medians, bootstrap over runs",
    }
}

/// The interval of any statistic of one or more independent samples, each in groups: groups are drawn anew, sample by
/// sample, and the statistic is computed of what was pooled. It leaves at most `tail` on each side.
/// `None` if a sample has fewer than six groups with something in them.
///
/// Source: the percentile cluster bootstrap of Davison and Hinkley, *Bootstrap Methods and their Application* (1997),
/// §3.8. The draws come from a fixed seed, so that the same values always give the same interval.
pub fn bootstrap<T: Copy>(
    samples: &[&[Vec<T>]],
    tail: f64,
    statistic: impl Fn(&mut [Vec<T>]) -> Option<f64>,
) -> Option<(f64, f64)> {
    let samples: Vec<Vec<&Vec<T>>> =
        samples.iter().map(|s| s.iter().filter(|g| !g.is_empty()).collect()).collect();
    if samples.iter().any(|groups| groups.len() < FEWEST_GROUPS) {
        return None;
    }
    let mut state = 0x0c0b_0517;
    let mut pools: Vec<Vec<T>> = vec![Vec::new(); samples.len()];
    let resamples = RESAMPLES_MIN.max((OUTSIDE / tail) as usize);
    let mut found = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        for (pool, groups) in pools.iter_mut().zip(&samples) {
            pool.clear();
            for _ in groups {
                let k = (u128::from(splitmix(&mut state)) * groups.len() as u128) >> 64;
                pool.extend_from_slice(groups[k as usize]);
            }
        }
        found.extend(statistic(&mut pools));
    }
    found.sort_by(f64::total_cmp);
    Some((quantile(&found, tail)?, quantile(&found, 1.0 - tail)?))
}

/// The median, without sorting everything.
fn middle(values: &mut [f64]) -> Option<f64> {
    let half = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if odd {
        return Some(upper);
    }
    let lower = below.iter().copied().max_by(f64::total_cmp)?;
    // Equals are returned as they are, so that infinity does not become NaN.
    Some(if lower == upper { upper } else { lower + (upper - lower) / 2.0 })
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA'14): small, and the same everywhere.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
