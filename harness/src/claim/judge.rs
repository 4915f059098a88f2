//! From claims and stored results to verdicts.

use super::{Claim, Claims, Results, Rule};
use crate::experiment::Experiment;
use crate::history::History;
use crate::measure::{self, Measure};
use crate::oracle::{Answer, Oracle, combine};
use crate::stats::{Estimate, Sample, step_down};
use std::collections::BTreeMap;

/// The method of a number that was counted, not estimated.
const COUNTED: &str = "sum";

/// What the data say to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// They bear it out, and are enough to do so.
    Pass,
    /// They are too few, or allow both.
    Inconclusive,
    /// They contradict it.
    Fail,
}

/// A claim and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding<'a> {
    /// The claim.
    pub claim: &'a Claim,
    /// What the data say.
    pub verdict: Verdict,
    /// The number it is about, with both one-sided bounds; of a promise the share of runs that kept it. `None` where
    /// there are no data.
    pub estimate: Option<Estimate>,
    /// Unit of the number, as in `measures.csv`.
    pub unit: &'static str,
    /// The error of each bound: 1 - confidence, less in a family.
    pub error: f64,
    /// Why it did not pass; empty if it did.
    pub why: String,
}

/// Judges every claim, in their order.
///
/// A bound is one-sided: a claim that is not true passes in `1 - confidence` of all cases at most, and one that is true
/// fails as seldom. In a family of claims that together err so seldom, Holm's procedure widens the intervals, see
/// [`step_down`]. Too few values never pass; they fail where even they contradict.
pub fn judge<'a>(claims: &'a Claims, results: &Results) -> Vec<Finding<'a>> {
    let alpha = 1.0 - claims.confidence;
    let mut families: BTreeMap<(Option<&str>, usize), Vec<usize>> = BTreeMap::new();
    for (place, claim) in claims.claim.iter().enumerate() {
        // Who has no family is one of its own.
        let own = if claim.family.is_some() { usize::MAX } else { place };
        families.entry((claim.family.as_deref(), own)).or_default().push(place);
    }
    let mut all: Vec<Option<Finding<'a>>> = claims.claim.iter().map(|_| None).collect();
    for members in families.values() {
        let evidence: Vec<_> =
            members.iter().map(|m| Evidence::of(&claims.claim[*m], results)).collect();
        let found = step_down(members.len(), alpha, |k, error| {
            let finding = evidence[k].finding(&claims.claim[members[k]], error);
            let answered = finding.verdict != Verdict::Inconclusive;
            (finding, answered)
        });
        for (member, (finding, _)) in members.iter().zip(found) {
            all[*member] = Some(finding);
        }
    }
    all.into_iter().flatten().collect()
}

/// What there is to judge a claim by.
enum Evidence {
    /// Nothing, for this reason.
    Missing(String),
    /// What an oracle says of all runs, and how many of those that were put to the test kept the promise.
    Promise(Answer, String, Sample),
    /// Observations, and their unit.
    Sample(Sample, &'static str),
    /// A row of `measures.csv` with an interval that cannot be asked for another confidence.
    Row(Estimate, &'static str),
}

impl Evidence {
    fn of(claim: &Claim, results: &Results) -> Self {
        let name = &claim.experiment;
        let Some((experiment, histories)) = results.of(name) else {
            return Self::Missing(format!("there are no results of {name}"));
        };
        if !histories.iter().any(|h| h.run.subject == claim.subject && h.run.faults == claim.faults)
        {
            let kind = if claim.faults { "with faults" } else { "without faults" };
            return Self::Missing(format!(
                "the results of {name} have no run of {} {kind}",
                claim.subject
            ));
        }
        match (claim.oracle, &claim.measure) {
            (Some(oracle), _) => Self::promise(claim, oracle, experiment, histories),
            (_, Some(measure)) => Self::measured(claim, measure, histories, results.measures(name)),
            (None, None) => Self::Missing("it is about nothing".into()),
        }
    }

    fn promise(claim: &Claim, oracle: Oracle, experiment: &Experiment, all: &[History]) -> Self {
        let mine = |h: &&History| h.run.subject == claim.subject && h.run.faults == claim.faults;
        let verdicts: Vec<_> = all.iter().filter(mine).map(|h| (h, oracle.judge(h))).collect();
        let strikes = claim.faults && !experiment.strike.is_empty();
        let tested: Vec<_> = verdicts
            .iter()
            .filter(|(h, _)| !strikes || h.injections.iter().any(|i| i.fired_ns.is_some()))
            .collect();
        let kept = tested.iter().filter(|(_, v)| v.answer() == Answer::Holds).count() as u64;
        let sample = Sample::Share(kept, tested.len() as u64);
        let whole = combine(verdicts.into_iter().map(|(h, verdict)| (h.run.run, verdict)));
        Self::Promise(whole.answer(), whole.detail().to_owned(), sample)
    }

    fn measured(claim: &Claim, measure: &str, all: &[History], rows: &[Measure]) -> Self {
        let row = rows.iter().find(|m| {
            (&*m.subject, m.faults, m.measure) == (&*claim.subject, claim.faults, measure)
        });
        if let Some(sample) = measure::sample(all, &claim.subject, claim.faults, measure) {
            return Self::Sample(sample, row.map_or("1", |row| row.unit));
        }
        match row {
            None => Self::Missing(format!("{} has no measure {measure}", claim.experiment)),
            Some(row) => Self::Row(row.estimate, row.unit),
        }
    }

    fn finding<'a>(&self, claim: &'a Claim, error: f64) -> Finding<'a> {
        let (estimate, unit) = match self {
            Self::Missing(_) => (None, "1"),
            Self::Promise(_, _, sample) => (Some(sample.estimate(error)), "1"),
            Self::Sample(sample, unit) => (Some(sample.estimate(error)), *unit),
            Self::Row(estimate, unit) => (Some(fact(*estimate)), *unit),
        };
        let (verdict, why) = match self {
            Self::Missing(why) => (Verdict::Inconclusive, why.clone()),
            Self::Promise(answer, detail, _) => promised(claim.rule, *answer, detail),
            // The interval of a row is for 95 % on both sides, so each end is right with 97.5 %.
            Self::Row(e, _) if error < 0.0249 && e.method != COUNTED => {
                (Verdict::Inconclusive, "the interval of this measure cannot be widened".into())
            }
            Self::Sample(..) | Self::Row(..) => {
                measured(claim.rule, estimate.and_then(|e| e.interval))
            }
        };
        let n = estimate.map_or(0, |e| e.n);
        let too_few = verdict == Verdict::Pass && n < claim.n_min;
        let (verdict, why) = match too_few {
            true => {
                (Verdict::Inconclusive, format!("{n} are too few: it asks for {}", claim.n_min))
            }
            false => (verdict, why),
        };
        Finding { claim, verdict, estimate, unit, error, why }
    }
}

/// What was counted is no estimate: it has no error.
fn fact(estimate: Estimate) -> Estimate {
    match (estimate.method, estimate.value) {
        (COUNTED, Some(value)) => Estimate { interval: Some((value, value)), ..estimate },
        _ => estimate,
    }
}

fn promised(rule: Rule, answer: Answer, detail: &str) -> (Verdict, String) {
    match (rule, answer) {
        (Rule::Holds, Answer::Holds) | (Rule::Broken, Answer::Broken) => {
            (Verdict::Pass, String::new())
        }
        (_, Answer::Unknown) => (Verdict::Inconclusive, detail.to_owned()),
        (_, Answer::Broken) => (Verdict::Fail, format!("it was broken in {detail}")),
        // That a promise was kept so far does not show that it always is.
        (_, Answer::Holds) => (Verdict::Inconclusive, "it was kept in every run".into()),
    }
}

fn measured(rule: Rule, interval: Option<(f64, f64)>) -> (Verdict, String) {
    let Some(interval) = interval else {
        return (Verdict::Inconclusive, "there are too few values for an interval".into());
    };
    match rule.met_by(interval) {
        Some(true) => (Verdict::Pass, String::new()),
        Some(false) => (Verdict::Fail, "all of the interval breaks the rule".into()),
        None => (Verdict::Inconclusive, "the interval lies on both sides of the rule".into()),
    }
}
