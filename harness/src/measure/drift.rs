//! Whether restarts leave something behind (M24).

use crate::history::{History, Resource, Role};

/// The slope of a quantity of the subject's own process over the deaths that it had seen, for each 1000 of them, by
/// least squares within each trial: only what changes in a trial counts, not what one trial has more than another.
/// `None` if no trial was looked at twice with deaths in between.
pub fn slope_per_1000(trials: &[&History], of: impl Fn(&Resource) -> u64) -> Option<f64> {
    let (mut xy, mut xx) = (0.0, 0.0);
    for trial in trials {
        let own = trial.resources.iter().filter(|r| r.role == Role::Subject);
        let points: Vec<_> = own.map(|r| (r.deaths as f64, of(r) as f64)).collect();
        let n = points.len().max(1) as f64;
        let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
        let mean_y = points.iter().map(|p| p.1).sum::<f64>() / n;
        for (x, y) in points {
            xy += (x - mean_x) * (y - mean_y);
            xx += (x - mean_x) * (x - mean_x);
        }
    }
    (xx > 0.0).then(|| xy / xx * 1000.0)
}
