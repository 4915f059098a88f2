//! Medians and other quantiles, with intervals from order statistics.

use super::Estimate;
use super::binomial::{at_least, at_most, first};

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

/// Between which of the values, in ascending order, the true quantile `q` lies: with at most `tail` below the first and
/// at most `tail` above the second, whatever the distribution. An end is `None` where there are too few values for it:
/// of 25 values none bounds the 0.99 quantile from above.
///
/// Source: the binomial argument, as in Hoefler and Belli, "Scientific Benchmarking of Parallel Computing Systems",
/// SC'15. The values must be independent: one for each run, not one for each fault in a run.
pub fn quantile_bounds(sorted: &[f64], q: f64, tail: f64) -> (Option<f64>, Option<f64>) {
    let n = sorted.len() as u64;
    // How many may lie outside: as many as the count below (above) the quantile stays under seldom enough.
    let below = first((0, n), |r| at_most(r, n, q) > tail);
    let above = first((0, n), |r| at_least(n - r, n, q) > tail);
    let low = below.checked_sub(1).and_then(|r| sorted.get(r as usize));
    let high = above.checked_sub(1).and_then(|r| sorted.get((n - 1 - r) as usize));
    (low.copied(), high.copied())
}

/// The median, with the interval between two order statistics that covers the true one with at least 95 %, whatever
/// the distribution, see [`quantile_bounds`]. Below 6 values there is no such interval.
pub fn median(values: &[f64]) -> Estimate {
    median_at(values, 0.025)
}

/// [`median`] with an interval that leaves at most `tail` on each side.
pub fn median_at(values: &[f64], tail: f64) -> Estimate {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = quantile_bounds(&sorted, 0.5, tail);
    Estimate {
        n: sorted.len(),
        value: quantile(&sorted, 0.5),
        interval: low.zip(high),
        method: "median, order statistics",
    }
}

/// The typical ratio `a / b` of pairs, as `exp` of the median of `ln a - ln b` with its interval. Pairs in which one
/// side is not above 0 have no ratio: they are left out, and `n` says how many are left.
pub fn paired_ratio(pairs: &[(f64, f64)]) -> Estimate {
    paired_ratio_at(pairs, 0.025)
}

/// [`paired_ratio`] with an interval that leaves at most `tail` on each side.
pub fn paired_ratio_at(pairs: &[(f64, f64)], tail: f64) -> Estimate {
    let logs: Vec<_> =
        pairs.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| a.ln() - b.ln()).collect();
    let found = median_at(&logs, tail);
    Estimate {
        value: found.value.map(f64::exp),
        interval: found.interval.map(|(low, high)| (low.exp(), high.exp())),
        method: "median of paired log ratios, order statistics",
        ..found
    }
}

/// The typical difference `a - b` of pairs: the median of the differences with its interval.
pub fn paired_difference(pairs: &[(f64, f64)]) -> Estimate {
    let differences: Vec<_> = pairs.iter().map(|(a, b)| a - b).collect();
    Estimate { method: "median of paired differences, order statistics", ..median(&differences) }
}
