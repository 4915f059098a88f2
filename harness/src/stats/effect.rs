//! How much two samples differ, whatever their unit.

use super::{Estimate, Z};

/// Cliff's delta: how likely a value of `a` is above one of `b`, less how likely it is below. 0 is no difference, 1 means
/// that all of `a` is above all of `b`. The values must be independent; from two of each on there is an interval.
///
/// Source: N. Cliff, Psychological Bulletin 114 (1993), with the interval of Feng and Cliff, J. Modern Applied
/// Statistical Methods 3 (2004), which is not symmetric, and where nothing overlaps is that of their equation for a delta of 1.
pub fn cliffs_delta(a: &[f64], b: &[f64]) -> Estimate {
    let (n, m) = (a.len() as f64, b.len() as f64);
    let sign = |x: f64, y: f64| f64::from(i8::from(x > y) - i8::from(x < y));
    let rows: Vec<f64> =
        a.iter().map(|x| b.iter().map(|y| sign(*x, *y)).sum::<f64>() / m).collect();
    let columns: Vec<f64> =
        b.iter().map(|y| a.iter().map(|x| sign(*x, *y)).sum::<f64>() / n).collect();
    let delta = rows.iter().sum::<f64>() / n;
    let estimate = |value, interval| Estimate {
        n: a.len().min(b.len()),
        value,
        interval,
        method: "Cliff's delta",
    };
    if a.len() < 2 || b.len() < 2 {
        return estimate((n * m > 0.0).then_some(delta), None);
    }
    if delta.abs() >= 1.0 {
        let edge = (n.min(m) - Z * Z) / (n.min(m) + Z * Z);
        let interval = if delta > 0.0 { (edge, 1.0) } else { (-1.0, -edge) };
        return estimate(Some(delta), Some(interval));
    }
    let squares = |of: &[f64]| of.iter().map(|d| (d - delta).powi(2)).sum::<f64>();
    let cells = a.iter().flat_map(|x| b.iter().map(move |y| sign(*x, *y)));
    let all = cells.map(|d| (d - delta).powi(2)).sum::<f64>();
    let unbiased = (m * m * squares(&rows) + n * n * squares(&columns) - all)
        / (n * m * (n - 1.0) * (m - 1.0));
    // Unbiased may be below what is possible.
    let variance = unbiased.max((1.0 - delta * delta) / (n * m - 1.0));
    let spare = 1.0 - delta * delta;
    let reach = Z * (variance * (spare * spare + Z * Z * variance)).sqrt();
    let below = spare + Z * Z * variance;
    let middle = delta * spare;
    estimate(Some(delta), Some(((middle - reach) / below, (middle + reach) / below)))
}
