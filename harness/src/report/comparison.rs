//! Two results of one experiment, side by side.

use super::{columns, wrap};
use crate::experiment::Experiment;
use crate::figure::subjects;
use crate::history::History;
use crate::measure::words::{counted, duration, figures};
use crate::measure::{Control, sample};
use crate::stats::{Estimate, Sample, cliffs_delta, difference_of_shares, ratio_of_medians};
use pipelines::message::Failure;
use std::collections::BTreeMap;

const WIDTH: usize = 100;
/// What is compared, with its unit.
const COMPARED: [(&str, &str); 9] = [
    ("complete", "1"),
    ("coverage", "1"),
    ("throughput", "px/s"),
    ("wall", "ns"),
    ("detect", "ns"),
    ("recovery", "ns"),
    ("recovery_net", "ns"),
    ("throughput_to_twin", "1"),
    ("throughput_to_baseline", "1"),
];

/// An experiment and what was observed in it.
pub type Stored = (Experiment, Vec<History>);

/// What can be said of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// Too little was observed for an interval.
    Unknown,
    /// The interval contains no difference at all.
    Indistinguishable,
    /// The interval does not, but equal runs on this machine differ as much.
    WithinControl,
    /// The second is higher.
    Higher,
    /// The second is lower.
    Lower,
}

/// One measure of one subject in both results.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Whose.
    pub subject: String,
    /// Over its trials with faults, or over their twins.
    pub faults: bool,
    /// What, as in `measures.csv`, or `coverage`.
    pub measure: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Both estimates.
    pub values: (Option<f64>, Option<f64>),
    /// The second ÷ the first; of shares the second - the first.
    pub effect: Estimate,
    /// Cliff's delta of the second against the first, for what has one value a run.
    pub delta: Option<f64>,
    /// What can be said of it.
    pub difference: Difference,
}

/// Compares two results measure by measure. `controls` are smallest effects on throughput that may be claimed, by subject:
/// where there is none, the interval alone decides.
///
/// The runs of two results are no pairs, whatever their seeds: other days, other temperatures.
///
/// # Errors
/// They are not results of the same experiment; the input is to blame.
pub fn compare(
    a: &Stored,
    b: &Stored,
    controls: &BTreeMap<String, f64>,
) -> Result<Vec<Line>, Failure> {
    let differing = [
        ("name", a.0.name != b.0.name),
        ("workload", a.0.workload != b.0.workload),
        ("strikes", a.0.strike != b.0.strike),
    ];
    if let Some((what, _)) = differing.iter().find(|(_, differs)| *differs) {
        return Err(Failure::input(format!(
            "these are results of different experiments ({} and {}; their {what} differ): only the same work under the \
             same faults can be compared",
            a.0.name, b.0.name
        )));
    }
    let in_both = subjects(&a.1).into_iter().filter(|name| subjects(&b.1).contains(name));
    let mut lines = Vec::new();
    for subject in in_both {
        for faults in [false, true] {
            for (measure, unit) in COMPARED {
                let of = |stored: &Stored| sample(&stored.1, subject, faults, measure);
                let Some((first, second)) = of(a).zip(of(b)) else { continue };
                let control = controls.get(subject).copied();
                let found = line(measure, &first, &second, control);
                let Some((values, effect, delta, difference)) = found else { continue };
                let subject = subject.to_owned();
                lines.push(Line {
                    subject,
                    faults,
                    measure,
                    unit,
                    values,
                    effect,
                    delta,
                    difference,
                });
            }
        }
    }
    Ok(lines)
}

type Found = ((Option<f64>, Option<f64>), Estimate, Option<f64>, Difference);

/// `None` if neither has anything to compare.
fn line(measure: &str, a: &Sample, b: &Sample, control: Option<f64>) -> Option<Found> {
    let values = (a.estimate(0.025).value, b.estimate(0.025).value);
    if values == (None, None) {
        return None;
    }
    let (effect, delta) = match (a, b) {
        (Sample::Share(k, n), Sample::Share(j, m)) => {
            (difference_of_shares((*j, *m), (*k, *n)), None)
        }
        (Sample::Groups(a), Sample::Groups(b)) => (ratio_of_medians(b, a, 0.025), None),
        _ => {
            let (a, b) = (a_value_a_run(a), a_value_a_run(b));
            let alone = |values: &[f64]| values.iter().map(|v| vec![*v]).collect::<Vec<_>>();
            (ratio_of_medians(&alone(&b), &alone(&a), 0.025), cliffs_delta(&b, &a).value)
        }
    };
    let none = if matches!(a, Sample::Share(..)) { 0.0 } else { 1.0 };
    let within = |effect: f64| {
        let about_throughput = measure.starts_with("throughput") || measure == "wall";
        about_throughput && control.is_some_and(|least| effect.ln().abs() <= least.ln_1p())
    };
    let difference = match (effect.value, effect.interval) {
        // Neither ever comes back.
        _ if values == (Some(f64::INFINITY), Some(f64::INFINITY)) => Difference::Indistinguishable,
        (Some(_), Some((low, high))) if low <= none && none <= high => {
            Difference::Indistinguishable
        }
        (Some(value), Some(_)) if within(value) => Difference::WithinControl,
        (Some(value), Some(_)) if value > none => Difference::Higher,
        (Some(_), Some(_)) => Difference::Lower,
        _ => Difference::Unknown,
    };
    Some((values, effect, delta, difference))
}

fn a_value_a_run(sample: &Sample) -> Vec<f64> {
    match sample {
        Sample::Values(values) => values.clone(),
        Sample::Ratios(pairs) => {
            pairs.iter().filter(|(a, b)| *a > 0.0 && *b > 0.0).map(|(a, b)| a / b).collect()
        }
        Sample::Share(..) | Sample::Groups(_) => Vec::new(),
    }
}

/// The smallest effects of a control, for [`compare`].
pub fn smallest_effects(histories: &[History]) -> BTreeMap<String, f64> {
    let least = |name: &str| Some((name.to_owned(), Control::of(histories, name).effect_min?));
    subjects(histories).into_iter().filter_map(least).collect()
}

/// The comparison for a person; `control` says where the smallest effects come from.
pub fn comparison(a: &Stored, b: &Stored, lines: &[Line], control: Option<&str>) -> String {
    let mut out = wrap(&format!("{}: {}", a.0.name, a.0.question), WIDTH);
    out += &format!(
        "A: {}, seed {:#x}; B: {}, seed {:#x}\n\n",
        counted(a.1.len() as u64, "run"),
        a.0.seed,
        counted(b.1.len() as u64, "run"),
        b.0.seed
    );
    let head = ["", "A", "B", "B ÷ A (95 %)", "delta", ""];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    let mut of = None;
    for line in lines {
        let who = (&line.subject, line.faults);
        if of.replace(who) != Some(who) {
            let faults = if line.faults { "with" } else { "without" };
            rows.push(vec![format!("{}, {faults} faults", line.subject)]);
        }
        rows.push(line.row());
    }
    out += &columns(&rows);
    let count = |difference| lines.iter().filter(|l| l.difference == difference).count() as u64;
    let different = count(Difference::Higher) + count(Difference::Lower);
    out.push('\n');
    out += &wrap(
        &format!(
            "{} of {} differ. Of so many, {:.1} would by chance, if nothing did (5 %). Shares are compared as B - A. \
             delta is Cliff's: 0 is no difference, 1 and -1 are all of B above or below all of A. What \
             else the machine did on the two days is in these numbers too.",
            different,
            counted(lines.len() as u64, "measure"),
            lines.len() as f64 * 0.05
        ),
        WIDTH,
    );
    let about = match control {
        Some(place) => format!("How much equal runs differ here is taken from {place}."),
        None => "No control lies beside A or B (okiagari experiment a-a): how much equal runs differ here is not known.".into(),
    };
    out += &wrap(&about, WIDTH);
    for (name, (mine, other)) in [("A", (a, b)), ("B", (b, a))] {
        let others = subjects(&other.1);
        let alone: Vec<_> = subjects(&mine.1).into_iter().filter(|s| !others.contains(s)).collect();
        if !alone.is_empty() {
            out += &wrap(&format!("Only {name} has {}.", alone.join(", ")), WIDTH);
        }
    }
    out
}

impl Line {
    fn is_endless(&self) -> bool {
        [self.values.0, self.values.1].iter().flatten().any(|x| x.is_infinite())
    }

    fn row(&self) -> Vec<String> {
        let value = |x: Option<f64>| match (x, self.unit) {
            (None, _) => "–".into(),
            (Some(x), _) if x.is_infinite() => "never".into(),
            (Some(x), "ns") => duration(x),
            (Some(x), "px/s") => format!("{} Mpx/s", figures(x / 1e6)),
            (Some(x), _) => format!("{x:.3}"),
        };
        let effect = match (self.effect.value, self.effect.interval) {
            (None, _) => "–".into(),
            (Some(x), None) => format!("{x:.3}"),
            (Some(x), Some((low, high))) => format!("{x:.3} ({low:.3}..{high:.3})"),
        };
        let said = match self.difference {
            Difference::Unknown if self.is_endless() => "no ratio",
            Difference::Unknown => "too few",
            Difference::Indistinguishable => "indistinguishable",
            Difference::WithinControl => "within equal runs",
            Difference::Higher => "B is higher",
            Difference::Lower => "B is lower",
        };
        vec![
            format!("  {}", self.measure),
            value(self.values.0),
            value(self.values.1),
            effect,
            // Not "-0.00".
            self.delta.map_or("–".into(), |d| format!("{:.2}", (d * 1e2).round() / 1e2 + 0.0)),
            said.to_owned(),
        ]
    }
}
