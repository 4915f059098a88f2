//! Shares, exactly: what `k` of `n` independent trials say, by the binomial distribution itself.

use super::beta::incomplete_beta;

/// Halvings of an interval of length 1 after which its ends are neighbours as `f64`.
const HALVINGS: u32 = 60;

/// The probability of at most `k` successes in `n` trials that succeed with probability `p`.
pub fn at_most(k: u64, n: u64, p: f64) -> f64 {
    if k >= n { 1.0 } else { incomplete_beta(1.0 - p, (n - k) as f64, k as f64 + 1.0) }
}

/// The probability of at least `k` successes in `n` trials that succeed with probability `p`.
pub fn at_least(k: u64, n: u64, p: f64) -> f64 {
    match k {
        0 => 1.0,
        k if k > n => 0.0,
        k => incomplete_beta(p, k as f64, (n - k) as f64 + 1.0),
    }
}

/// The interval for a share of `k` in `n` with at most `tail` on each side: `tail = 0.025` for a 95 % interval,
/// `tail = 0.05` for a one-sided 95 % bound at either end. `None` for none of none.
///
/// Unlike Wilson's it is guaranteed to cover the true share as often as it says, which a headline needs.
/// With no failure the lower bound is `tail^(1/n)`.
///
/// Source: Clopper and Pearson, Biometrika 26 (1934).
pub fn clopper_pearson(k: u64, n: u64, tail: f64) -> Option<(f64, f64)> {
    if n == 0 {
        return None;
    }
    let k = k.min(n);
    let low = if k == 0 { 0.0 } else { root(|p| at_least(k, n, p) < tail) };
    let high = if k == n { 1.0 } else { root(|p| at_most(k, n, p) > tail) };
    Some((low, high))
}

/// Where `below` turns false between 0 and 1.
fn root(below: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if below(middle) { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

/// The exact two-sided binomial test of `k` successes in `n` trials against the probability `p`: how likely is an
/// outcome that is at most as likely as this one.
///
/// Source: the method of small p-values, as R's `binom.test` and SciPy's `binomtest` have it.
pub fn binomial_test(k: u64, n: u64, p: f64) -> f64 {
    let just = |j: u64| {
        if 2 * j > n {
            at_least(j, n, p) - at_least(j + 1, n, p)
        } else {
            at_most(j, n, p) - if j == 0 { 0.0 } else { at_most(j - 1, n, p) }
        }
    };
    // Equal likelihoods differ in their last digits.
    let limit = just(k) * (1.0 + 1e-7);
    let mode = ((n + 1) as f64 * p) as u64;
    if k < mode {
        let other = first((mode, n + 1), |j| just(j) <= limit);
        at_most(k, n, p) + at_least(other, n, p)
    } else if k > mode {
        let other = first((0, mode), |j| just(j) > limit);
        at_least(k, n, p) + if other == 0 { 0.0 } else { at_most(other - 1, n, p) }
    } else {
        1.0
    }
    .min(1.0)
}

/// How many trials it takes to show, with this confidence, that a share is at least `share` (both in 0 to 1, without the
/// ends), when up to `failures` of them fail: the least `n` whose one-sided Clopper–Pearson bound reaches it. Without a
/// failure that is `ln(1 - confidence) / ln(share)`, rounded up.
pub fn trials_needed(share: f64, confidence: f64, failures: u64) -> u64 {
    let enough = |n: u64| at_least(n - failures, n, share) <= 1.0 - confidence;
    let mut top = failures + 1;
    while !enough(top) {
        top = top.saturating_mul(2);
    }
    first((failures + 1, top), enough)
}

/// The first number from `low` to `high` of which `yes` is true, if it is true of all that follow; else `high`.
pub(super) fn first((mut low, mut high): (u64, u64), yes: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if yes(middle) { high = middle } else { low = middle + 1 }
    }
    low
}
