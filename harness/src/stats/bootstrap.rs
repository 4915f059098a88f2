//! Medians of values that come in groups and are not independent within one.

use super::{Estimate, quantile};

const RESAMPLES: usize = 2000;
/// With fewer groups their resamples say little: no interval then, as for plain medians.
const FEWEST_GROUPS: usize = 6;

/// The median of all values, with an interval from resampling whole groups. Faults of one run share a machine, a
/// moment and a cache; taking them for independent would make the interval too narrow.
///
/// Source: the percentile cluster bootstrap of Davison and Hinkley, *Bootstrap Methods and their Application* (1997),
/// §3.8. The draws come from a fixed seed, so that the same values always give the same interval.
pub fn clustered_median(groups: &[Vec<f64>]) -> Estimate {
    let groups: Vec<_> = groups.iter().filter(|g| !g.is_empty()).collect();
    let mut all: Vec<f64> = groups.iter().flat_map(|g| g.iter().copied()).collect();
    Estimate {
        n: all.len(),
        value: middle(&mut all),
        interval: (groups.len() >= FEWEST_GROUPS).then(|| resampled(&groups)),
        method: "median, bootstrap over runs",
    }
}

fn resampled(groups: &[&Vec<f64>]) -> (f64, f64) {
    let mut state = 0x0c0b_0517;
    let mut pool = Vec::new();
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            pool.clear();
            for _ in groups {
                let k = (u128::from(splitmix(&mut state)) * groups.len() as u128) >> 64;
                pool.extend_from_slice(groups[k as usize]);
            }
            middle(&mut pool)
        })
        .collect();
    medians.sort_by(f64::total_cmp);
    let at = |q| quantile(&medians, q).unwrap_or(f64::NAN);
    (at(0.025), at(0.975))
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
    Some(lower + (upper - lower) / 2.0)
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA'14): small, and the same everywhere.
fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
