//! C against Rust, as the figure of it wants it.

use crate::experiment::Experiment;
use crate::figure::Rival;
use crate::measure::Measure;
use crate::stats::Estimate;

/// A row for each subject that stands in the experiment with both libraries; none in any other experiment.
pub(super) fn rows<'a>(experiment: &'a Experiment, measures: &[Measure]) -> Vec<Rival<'a>> {
    let find = |subject: &str, measure: &str| {
        let mine = |m: &&Measure| (&*m.subject, m.faults, m.measure) == (subject, false, measure);
        measures.iter().find(mine).map(|m| m.estimate)
    };
    let row = |name: &'a String| {
        let subject = name.strip_suffix("-c")?;
        let rust = format!("{subject}-rust");
        experiment.subject.get(&rust)?;
        Some(Rival {
            subject,
            throughput: find(name, "throughput_to_rust")?,
            operations: find(name, "work_to_rust").map(upside_down)?,
            rust_px_per_s: find(&rust, "throughput")?,
            c_px_per_s: find(name, "throughput")?,
        })
    };
    experiment.subject.keys().filter_map(row).collect()
}

/// A ratio of times as one of speeds.
fn upside_down(time: Estimate) -> Estimate {
    let speed = |ratio: f64| 1.0 / ratio;
    Estimate {
        value: time.value.map(speed),
        interval: time.interval.map(|(low, high)| (speed(high), speed(low))),
        ..time
    }
}
