//! Whole distributions: the share of values up to each.

/// A step of an empirical distribution, with a band around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rung {
    /// A value.
    pub at: f64,
    /// The share of values up to it.
    pub share: f64,
    /// Lower edge of the band.
    pub low: f64,
    /// Upper edge of the band.
    pub high: f64,
}

/// The empirical distribution of independent values with a band that holds the whole true one with 95 %.
///
/// Source: the inequality of Dvoretzky, Kiefer and Wolfowitz with the constant of Massart, Annals of Probability 18
/// (1990): half the band is `sqrt(ln(2 / 0.05) / 2n)`.
pub fn ecdf(values: &[f64]) -> Vec<Rung> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let half = (40f64.ln() / (2.0 * n)).sqrt();
    let mut seen = 0;
    let rung = |same: &[f64]| {
        seen += same.len();
        let share = seen as f64 / n;
        Rung { at: same[0], share, low: (share - half).max(0.0), high: (share + half).min(1.0) }
    };
    sorted.chunk_by(|a, b| a == b).map(rung).collect()
}
