//! Medians, with intervals from order statistics.

use super::Estimate;

/// The quantile `q` (0 to 1) of values in ascending order, linear between neighbours (Hyndman and Fan's type 7, the
/// default of R and NumPy). `None` of no values.
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let above = sorted[(low + 1).min(last)];
    // Equal neighbours are returned as they are, so that infinity does not become NaN.
    if part == 0.0 || above == sorted[low] {
        return Some(sorted[low]);
    }
    Some(sorted[low] + part * (above - sorted[low]))
}

/// The median, with the interval between two order statistics that covers the true one with at least 95 %, whatever
/// the distribution. Below 6 values there is no such interval.
///
/// Source: the binomial argument, as in Hoefler and Belli, "Scientific Benchmarking of Parallel Computing Systems",
/// SC'15. The values must be independent: one for each run, not one for each fault in a run.
pub fn median(values: &[f64]) -> Estimate {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Estimate {
        n: sorted.len(),
        value: quantile(&sorted, 0.5),
        interval: rank_below(sorted.len()).map(|r| (sorted[r], sorted[sorted.len() - 1 - r])),
        method: "median, order statistics",
    }
}

/// The typical ratio `a / b` of pairs, as `exp` of the median of `ln a - ln b` with its interval. Pairs in which one
/// side is not above 0 have no ratio: they are left out, and `n` says how many are left.
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Estimate {
    let logs: Vec<_> =
        pairs.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| a.ln() - b.ln()).collect();
    let found = median(&logs);
    Estimate {
        value: found.value.map(f64::exp),
        interval: found.interval.map(|(low, high)| (low.exp(), high.exp())),
        method: "median of paired log ratios, order statistics",
        ..found
    }
}

/// How many values may lie outside on each side: the largest `r` with `1 - 2 P(Bin(n, 1/2) <= r) >= 0.95`.
fn rank_below(n: usize) -> Option<usize> {
    let n_f = n as f64;
    // In logarithms, since 2^-n is no f64 beyond n = 1074.
    let mut ln_term = -n_f * std::f64::consts::LN_2;
    let mut outside = 0.0;
    let mut best = None;
    for r in 0..n {
        outside += 2.0 * ln_term.exp();
        if outside > 0.05 {
            break;
        }
        best = Some(r);
        ln_term += ((n_f - r as f64) / (r as f64 + 1.0)).ln();
    }
    best
}
