//! Several questions asked at once.

/// The p-values of a family, adjusted so that with 95 % none of those below 0.05 is there by chance alone. In the order
/// given.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<_> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut worst = 0.0f64;
    for (rank, index) in order.into_iter().enumerate() {
        worst = worst.max(p[index] * (p.len() - rank) as f64).min(1.0);
        adjusted[index] = worst;
    }
    adjusted
}

/// Holm's procedure with intervals in place of p-values. Each of `n` questions is asked with an error of `alpha / n`;
/// those that get an answer leave, and the `m` that remain are asked with `alpha / m`, until none gets one.
/// The closure is given the number of a question and its error, and says what came out and whether that is an answer.
/// Returns what came out last, with the error it was asked with.
pub fn step_down<T>(
    n: usize,
    alpha: f64,
    mut ask: impl FnMut(usize, f64) -> (T, bool),
) -> Vec<(T, f64)> {
    let mut found: Vec<Option<(T, f64)>> = (0..n).map(|_| None).collect();
    let mut open: Vec<_> = (0..n).collect();
    while !open.is_empty() {
        let before = open.len();
        let error = alpha / before as f64;
        open.retain(|&question| {
            let (what, answered) = ask(question, error);
            found[question] = Some((what, error));
            !answered
        });
        if open.len() == before {
            break;
        }
    }
    found.into_iter().flatten().collect()
}
