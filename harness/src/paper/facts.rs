//! What the paper is told beside the results themselves, as JSON.

use crate::claim::{self, Claims, Finding, Results};
use crate::experiment::Experiment;
use pipelines::fault::{Point, TABLE};
use pipelines::message::Failure;
use serde::Serialize;
use std::collections::BTreeMap;

/// The file `facts.json`.
#[derive(Serialize)]
pub(super) struct Facts {
    /// Copied files, as `EXPERIMENT/FILE`.
    files: Vec<String>,
    /// Whether a number that is missing is an error.
    complete: bool,
    version: &'static str,
    /// What each experiment asks, whether it was run or not.
    questions: BTreeMap<&'static str, String>,
    faults: Vec<Fault>,
    points: Vec<Word>,
    confidence: f64,
    claims: Vec<Claim>,
}

#[derive(Serialize)]
struct Fault {
    name: &'static str,
    class: &'static str,
    point: &'static str,
}

#[derive(Serialize)]
struct Word {
    name: &'static str,
    about: &'static str,
}

/// A claim with what became of it; numbers as `okiagari verify` says them.
#[derive(Serialize)]
struct Claim {
    id: String,
    statement: String,
    experiment: String,
    rule: String,
    verdict: String,
    n: Option<usize>,
    value: Option<String>,
    bounds: Option<String>,
    /// Share of cases in which a bound may be wrong: less than 1 - confidence in a family.
    error: f64,
}

impl Facts {
    pub(super) fn new(
        files: Vec<String>,
        complete: bool,
        claims: &Claims,
        results: &Results,
    ) -> Result<Self, Failure> {
        let question = |name: &'static str| Ok((name, Experiment::load(name)?.question));
        let names = Experiment::embedded().iter().map(|(name, _)| *name);
        Ok(Self {
            files,
            complete,
            version: env!("CARGO_PKG_VERSION"),
            questions: names.map(question).collect::<Result<_, Failure>>()?,
            faults: TABLE
                .iter()
                .map(|e| Fault { name: e.name, class: e.class.name(), point: e.point.name() })
                .collect(),
            points: Point::ALL.map(|p| Word { name: p.name(), about: p.about() }).into(),
            confidence: claims.confidence,
            claims: claim::judge(claims, results).iter().map(Claim::of).collect(),
        })
    }
}

impl Claim {
    fn of(finding: &Finding<'_>) -> Self {
        let claim = finding.claim;
        let estimate = finding.estimate;
        let value = |x: f64| claim::value(x, finding.unit);
        Self {
            id: claim.id.clone(),
            statement: claim.statement.clone(),
            experiment: claim.experiment.clone(),
            rule: claim::rule(finding),
            verdict: finding.verdict.to_string(),
            n: estimate.map(|e| e.n),
            value: estimate.and_then(|e| e.value).map(value),
            bounds: estimate
                .filter(|e| e.interval.is_some())
                .map(|e| claim::bounds(e, finding.unit)),
            error: finding.error,
        }
    }
}
