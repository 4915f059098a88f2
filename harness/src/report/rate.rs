//! Goodput against the mean time between faults, as the figure of it wants it.

use crate::experiment::Experiment;
use crate::figure::{self, Figure, Line};
use crate::measure::Measure;
use pipelines::message::Failure;
use std::collections::BTreeMap;

/// The figure `rate`, if there is anything to show in it.
///
/// # Errors
/// Those of [`figure::rate`].
pub(super) fn drawn(
    experiment: &Experiment,
    measures: &[Measure],
) -> Result<Option<Figure>, Failure> {
    let lines = lines(experiment, measures);
    (!lines.is_empty()).then(|| figure::rate(&experiment.name, &lines)).transpose()
}

/// A line for each subject that stands in the experiment with several mean times between faults; none in any other
/// experiment.
fn lines<'a>(experiment: &'a Experiment, measures: &[Measure]) -> Vec<Line<'a>> {
    let mut all: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
    for (name, options) in &experiment.subject {
        if let Some((mtbf_ms, like)) = options.mtbf_ms.zip(options.like.as_deref()) {
            all.entry(like).or_default().push((mtbf_ms, name));
        }
    }
    let find = |name: &str, faults: bool, measure: &str| {
        let mine = |m: &&Measure| (&*m.subject, m.faults, m.measure) == (name, faults, measure);
        measures.iter().find(mine).map(|m| m.estimate)
    };
    let line = |(subject, mut variants): (&'a str, Vec<(u64, &str)>)| {
        variants.sort_unstable();
        let points = variants
            .iter()
            .filter_map(|(ms, name)| Some((*ms as f64 / 1e3, find(name, true, "goodput")?)));
        // Its twins are equal at all times; those at the longest are as good as any.
        let without = variants.last().and_then(|(_, name)| find(name, false, "throughput")?.value);
        Line { subject, points: points.collect(), without }
    };
    all.into_iter().map(line).collect()
}
