//! Shares: `k` of `n`.

use super::{Estimate, Z};

/// Wilson's 95 % score interval for a share of `k` in `n`; `None` for none of none. Unlike the textbook interval it
/// says something when all or none succeeded.
///
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
pub fn wilson(k: u64, n: u64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let (p, n) = (k.min(n) as f64 / n as f64, n as f64);
    let z2 = Z * Z;
    let centre = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At the ends rounding would leave something like 0.9999999999999999.
    let low = if p == 0.0 { 0.0 } else { (centre - half).max(0.0) };
    let high = if p == 1.0 { 1.0 } else { (centre + half).min(1.0) };
    Some((low, high))
}

/// The share of `k` in `n` independent trials with its Wilson interval.
pub fn share(k: u64, n: u64) -> Estimate {
    Estimate {
        n: n as usize,
        value: (n > 0).then(|| k as f64 / n as f64),
        interval: wilson(k, n),
        method: "share, Wilson",
    }
}

/// The difference `k/n - j/m` of two independent shares with its 95 % interval; without one of them there is none.
///
/// Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
/// Medicine 17 (1998), method 10, which is made of both Wilson intervals: it does not collapse when all succeeded.
pub fn difference_of_shares((k, n): (u64, u64), (j, m): (u64, u64)) -> Estimate {
    let both = wilson(k, n).zip(wilson(j, m)).map(|((l1, u1), (l2, u2))| {
        let (p, q) = (k as f64 / n as f64, j as f64 / m as f64);
        (p - q, (p - q - (p - l1).hypot(u2 - q), p - q + (u1 - p).hypot(q - l2)))
    });
    Estimate {
        n: n.min(m) as usize,
        value: both.map(|(value, _)| value),
        interval: both.map(|(_, interval)| interval),
        method: "difference of shares, Newcombe",
    }
}
