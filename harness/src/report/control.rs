//! What equal runs say of the instrument, in a sentence.

use crate::measure::{COMPARISONS_MIN, Control};

/// What an experiment in which nothing strikes says of each subject, and of all intervals.
pub(super) fn control(found: &[(&str, Control)]) -> String {
    let effects = found.iter().filter_map(|(name, control)| {
        Some(format!("{:.1} % for {name}", control.effect_min? * 100.0))
    });
    let effects = effects.collect::<Vec<_>>().join(", ");
    if effects.is_empty() {
        return "Nothing strikes here, so runs and twins are equal; six blocks would show how equal."
            .into();
    }
    let all = found.iter().fold(Control::default(), |all, (_, one)| Control {
        comparisons: all.comparisons + one.comparisons,
        excluded: all.excluded + one.excluded,
        ..all
    });
    format!(
        "Nothing strikes here, so runs and twins are equal: {}. The smallest effect on throughput that may be \
         claimed: {effects}.",
        intervals(&all)
    )
}

/// Whether intervals exclude "no difference" as seldom as they say.
fn intervals(all: &Control) -> String {
    let (k, n, p) = (all.excluded, all.comparisons, all.p_value());
    if n < COMPARISONS_MIN {
        return format!("{n} comparisons of equal runs are too few to judge their intervals");
    }
    let p_text = if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") };
    let so = if p < 0.05 {
        "too many, so do not trust an interval"
    } else {
        "no more than chance gives"
    };
    format!(
        "of {n} comparisons of equal runs {k} had a 95 % interval without 1, where 5 % are {:.1} \
         (exact binomial test, {p_text}: {so})",
        n as f64 * 0.05
    )
}
