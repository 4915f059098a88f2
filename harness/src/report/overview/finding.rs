//! What was found, in a few sentences whose numbers are computed: the part that everybody reads.

use super::Folder;
use super::row::{CONFIDENCE, NAMED, Row};
use crate::claim::{Finding, Verdict};
use crate::measure::words::{counted, duration, grouped};

/// The sentences, the weightiest first.
pub(super) fn sentences(all: &[Folder], findings: &[Finding<'_>]) -> Vec<String> {
    // Where it takes part as it is, all meet the same faults; whoever is varied meets others.
    let whole = |folder: &&Folder| folder.rows.iter().any(|row| row.subject == "okiagari");
    let comparable: Vec<_> = all.iter().filter(whole).collect();
    let folders = if comparable.is_empty() { all.iter().collect() } else { comparable };
    let rows: Vec<_> = folders.iter().flat_map(|folder| &folder.rows).collect();
    let own = Sum::of("okiagari", &rows);
    let mut said = Vec::new();
    said.extend(own.as_ref().map(Sum::got_up));
    let others = NAMED.iter().map(|(name, _)| *name).filter(|name| *name != "okiagari");
    let others: Vec<_> = others.filter_map(|name| Some(Sum::of(name, &rows)?.fell())).collect();
    if !others.is_empty() {
        said.push(format!("Struck by the same faults, {}.", others.join("; ")));
    }
    said.extend(own.as_ref().and_then(Sum::price));
    if said.is_empty() && !all.is_empty() {
        said.push("No fault struck any of the subjects that have a name of their own; the table below has the rest.".into());
    }
    said.extend(certainty(findings));
    said.extend(findings.iter().filter_map(open));
    said
}

/// A named subject over those of the experiments in which faults struck it.
struct Sum<'a> {
    name: &'a str,
    struck: Vec<&'a Row>,
    /// Also where nothing struck.
    all: Vec<&'a Row>,
}

impl<'a> Sum<'a> {
    fn of(name: &'a str, rows: &[&'a Row]) -> Option<Self> {
        let all: Vec<_> = rows.iter().copied().filter(|row| row.is_a(name)).collect();
        let struck: Vec<_> = all.iter().copied().filter(|row| row.fired > 0).collect();
        (!struck.is_empty()).then_some(Self { name, struck, all })
    }

    fn sum(&self, number: impl Fn(&Row) -> u64) -> u64 {
        self.struck.iter().map(|row| number(row)).sum()
    }

    /// What it delivered, and how many of its struck tiles came back, with a bound.
    fn got_up(&self) -> String {
        let (items, missing) = (self.sum(|r| r.toll.items), self.sum(Row::missing));
        let (fired, recovered) = (self.sum(|r| r.fired), self.sum(|r| r.recovered));
        let tiles = match missing {
            0 => format!("delivered all {} tiles right", grouped(items)),
            _ => {
                format!("delivered {} of {} tiles right", grouped(items - missing), grouped(items))
            }
        };
        let bound = Row::recovered_at_least(recovered, fired).map_or(String::new(), |low| {
            let (low, with) = ((low * 1e3).floor() / 10.0, CONFIDENCE * 100.0);
            format!(
                ", so at least {low:.1} % do ({with} % confidence, all kinds of faults together)"
            )
        });
        format!(
            "{} {tiles}, although {} struck it in {}: {} of {} struck tiles came back{bound}.",
            self.name,
            counted(fired, "fault"),
            counted(self.sum(|r| r.runs), "run"),
            grouped(recovered),
            grouped(fired)
        )
    }

    /// What it did not deliver.
    fn fell(&self) -> String {
        let (items, missing) = (self.sum(|r| r.toll.items), self.sum(Row::missing));
        let (runs, complete) = (self.sum(|r| r.runs), self.sum(|r| r.complete));
        let share = 100.0 * missing as f64 / items.max(1) as f64;
        let ended = match runs - complete.min(runs) {
            0 => String::new(),
            n => format!(" and ended early in {} of {} runs", grouped(n), grouped(runs)),
        };
        format!(
            "{} failed to deliver {} of {} tiles ({share:.1} %){ended}",
            self.name,
            grouped(missing),
            grouped(items)
        )
    }

    /// How long a struck tile takes, and what it costs when nothing fails: the range of the experiments' medians.
    fn price(&self) -> Option<String> {
        let recovery = range(self.struck.iter().filter_map(|r| r.recovery?.value));
        let rate = range(self.all.iter().filter_map(|r| r.to_baseline?.value));
        let recovery = recovery.map(|(low, high)| {
            let times = [duration(low), duration(high)];
            let times = if times[0] == times[1] { times[0].clone() } else { times.join(" to ") };
            format!("A tile that was struck under {} was back after {times}, its own work included (medians, by experiment)",
                self.name)
        });
        let rate = rate.map(|(low, high)| {
            format!(
                "without faults, {} runs at {low:.2} to {high:.2} of the baseline's throughput (by experiment)",
                self.name
            )
        });
        match (recovery, rate) {
            (None, None) => None,
            (Some(one), None) => Some(format!("{one}.")),
            (None, Some(rate)) => Some(format!("The price: {rate}.")),
            (Some(one), Some(rate)) => Some(format!("{one}. The price: {rate}.")),
        }
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, x| {
        let (low, high) = range.unwrap_or((x, x));
        Some((f64::min(low, x), f64::max(high, x)))
    })
}

/// How sure it is: the verdicts of those claims that are about results which are here.
fn certainty(findings: &[Finding<'_>]) -> Option<String> {
    let about: Vec<_> = findings.iter().filter(|f| f.estimate.is_some()).collect();
    let count = |verdict| about.iter().filter(|f| f.verdict == verdict).count() as u64;
    (!about.is_empty()).then(|| {
        format!(
            "How sure: {} were fixed before the data were looked at. The data bear out {}, contradict {}, and leave {} open.",
            counted(about.len() as u64, "claim"),
            count(Verdict::Pass),
            count(Verdict::Fail),
            count(Verdict::Inconclusive)
        )
    })
}

/// A claim that the data do not bear out, in its own words.
fn open(finding: &Finding<'_>) -> Option<String> {
    let verdict = match finding.verdict {
        Verdict::Fail => "Contradicted",
        Verdict::Inconclusive if finding.estimate.is_some() => "Left open",
        _ => return None,
    };
    Some(format!("{verdict}: “{}” ({}).", finding.claim.statement, finding.why))
}
