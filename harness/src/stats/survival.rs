//! Times that were not all reached before the watching ended.

use super::{Estimate, Z};

/// A Kaplan–Meier curve: the share that has not been reached by a time, where some were only watched for a while.
/// Dropping those would make every recovery look quick.
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    /// One for each time at which something was reached, ascending.
    pub steps: Vec<Step>,
    /// How many were watched.
    pub n: usize,
    /// The longest time that any was watched; beyond it nothing is known, unless the curve is at 0.
    pub watched: f64,
}

/// A step of the curve; all intervals are for 95 % at this one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// When.
    pub at: f64,
    /// How many were still watched, and not reached, just before.
    pub at_risk: usize,
    /// How many were reached at it.
    pub reached: usize,
    /// The share not reached by then.
    pub survival: f64,
    /// Greenwood's variance of it.
    pub variance: f64,
    /// Its log-log interval, which stays within 0 and 1.
    pub interval: (f64, f64),
}

/// The curve of times, each with whether it was reached then (true) or only not until then (false: right-censored).
///
/// Source: Kaplan and Meier, JASA 53 (1958); Greenwood's variance and the log-log interval as in Klein and Moeschberger,
/// *Survival Analysis* (2003), §4.2 and §4.3. Where the curve is at 0 the interval is not defined: its upper end stays what
/// it was.
pub fn kaplan_meier(times: &[(f64, bool)]) -> Survival {
    let mut sorted = times.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut steps: Vec<Step> = Vec::new();
    let (mut survival, mut sum, mut gone) = (1.0, 0.0, 0);
    for same in sorted.chunk_by(|a, b| a.0 == b.0) {
        let (at_risk, reached) = (sorted.len() - gone, same.iter().filter(|t| t.1).count());
        gone += same.len();
        if reached == 0 {
            continue;
        }
        let (d, n) = (reached as f64, at_risk as f64);
        survival *= 1.0 - d / n;
        let before = steps.last().map_or(1.0, |s| s.interval.1);
        let (variance, interval) = if at_risk == reached {
            (0.0, (0.0, before))
        } else {
            sum += d / (n * (n - d));
            let reach = Z * sum.sqrt() / survival.ln();
            // Both exponents: a share below 1 is lowered by a power above 1.
            (survival * survival * sum, (survival.powf((-reach).exp()), survival.powf(reach.exp())))
        };
        steps.push(Step { at: same[0].0, at_risk, reached, survival, variance, interval });
    }
    let watched = sorted.last().map_or(0.0, |t| t.0);
    Survival { steps, n: times.len(), watched }
}

impl Survival {
    /// The time by which half was reached; `None` if the watching ended before. The upper end is infinite if it is not
    /// known.
    ///
    /// Source: Brookmeyer and Crowley, Biometrics 38 (1982): the times whose own interval holds one half.
    pub fn median(&self) -> Estimate {
        // A product of fractions misses one half by its last digit.
        let first = |of: fn(&Step) -> f64| {
            self.steps.iter().find(|s| of(s) <= 0.5 + 1e-12).map(|step| step.at)
        };
        let low = first(|s| s.interval.0);
        Estimate {
            n: self.n,
            value: first(|s| s.survival),
            interval: low.map(|low| (low, first(|s| s.interval.1).unwrap_or(f64::INFINITY))),
            method: "median, Kaplan-Meier",
        }
    }

    /// The mean of the times, each cut at `horizon`: the area under the curve until then. `None` if some were not
    /// watched for so long, and were not reached.
    ///
    /// Source: Klein and Moeschberger, *Survival Analysis* (2003), §4.5.
    pub fn restricted_mean(&self, horizon: f64) -> Estimate {
        let method = "restricted mean, Kaplan-Meier";
        let known = self.n > 0
            && (horizon <= self.watched || self.steps.last().is_some_and(|s| s.survival <= 0.0));
        if !known {
            return Estimate { n: self.n, value: None, interval: None, method };
        }
        let (mut area, mut variance) = (0.0, 0.0);
        let mut end = horizon;
        // From the end, so that the area beyond each step is at hand.
        for step in self.steps.iter().rev().filter(|s| s.at < horizon) {
            area += step.survival * (end - step.at);
            end = step.at;
            let (d, n) = (step.reached as f64, step.at_risk as f64);
            if n > d {
                variance += area * area * d / (n * (n - d));
            }
        }
        let mean = area + end;
        let reach = Z * variance.sqrt();
        Estimate {
            n: self.n,
            value: Some(mean),
            interval: Some((mean - reach, mean + reach)),
            method,
        }
    }
}
