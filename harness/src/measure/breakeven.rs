//! From which rate of faults on a subject pays (M14).

use super::deficit::penalty_ns;
use super::twins::Twins;
use crate::history::History;
use crate::stats::median;

/// With whom a subject is compared: the first of these that has trials with a makespan penalty. One that never gets
/// through a fault has none.
pub const RIVALS: [&str; 3] = ["resume", "restart", "baseline"];

/// The break-even rate of faults, per second: λ* = (T_S − T_B) ÷ (T_B · (K_B − K_S)), with T the median time of a
/// fault-free trial and K the median makespan penalty of a fault, S the subject and B its rival. 0 if it is no slower
/// without faults; `None` if one of them has no penalty, or a fault costs the rival no more than the subject.
pub fn break_even_per_s(own: &[&History], rival: &[&History], twins: &Twins) -> Option<f64> {
    let time_ns = |trials: &[&History]| {
        let quiet = trials.iter().filter(|h| !h.run.faults);
        median(&quiet.map(|h| h.run.wall_ns as f64).collect::<Vec<_>>()).value
    };
    let cost_ns = |trials: &[&History]| {
        let struck = trials.iter().filter(|h| h.run.faults);
        median(&struck.filter_map(|h| penalty_ns(h, twins)).collect::<Vec<_>>()).value
    };
    let (t_s, t_b) = (time_ns(own)?, time_ns(rival)?);
    let saved_s = (cost_ns(rival)? - cost_ns(own)?) / 1e9;
    (saved_s > 0.0 && t_b > 0.0).then(|| ((t_s - t_b) / (t_b * saved_s)).max(0.0))
}
