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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;
    use crate::measure::summarise;

    #[test]
    fn a_subject_with_both_libraries_has_a_row() {
        let e4 = Experiment::load("e4-speed").unwrap();
        // C takes 10 % longer for the whole, and half of the time for a tile.
        let run = |k: u32, c: bool| {
            let mut h = sample::good(k, if c { "okiagari-c" } else { "okiagari-rust" }, false, 20);
            h.run.block = k / 2;
            h.run.wall_ns = if c { 110_000_000 } else { 100_000_000 };
            h.items.iter_mut().for_each(|i| i.work_ns = Some(if c { 500 } else { 1000 }));
            h
        };
        let all: Vec<_> = (0..16).map(|k| run(k, k % 2 == 1)).collect();
        let found = rows(&e4, &summarise(&all));
        assert_eq!(found.len(), 1, "of the others nothing was measured");
        let near = |e: Estimate, value: f64| {
            let (low, high) = e.interval.unwrap();
            assert!(
                (e.value.unwrap() - value).abs() < 1e-9
                    && low <= value + 1e-9
                    && high >= value - 1e-9
            );
        };
        assert_eq!((found[0].subject, found[0].throughput.n), ("okiagari", 8));
        near(found[0].throughput, 1.0 / 1.1);
        near(found[0].operations, 2.0);
        let other = Experiment::load("e3-ffi-abort").unwrap();
        assert_eq!(rows(&other, &summarise(&all)), []);
    }
}
