//! What an experiment expected, and what was seen.

use crate::experiment::Experiment;
use crate::history::{History, table};
use crate::oracle::{Answer, Oracle, Verdict, activated};
use pipelines::message::Failure;
use serde::{Serialize, Serializer};

/// Whether something is as it was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It is.
    Held,
    /// What was recorded does not allow an answer.
    Unknown,
    /// It is not.
    Failed,
}

/// One expectation and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claim {
    /// A promise, like `nothing-lost`, kept by the trials with faults; or `twin-whole`: all of them but `durable` and
    /// `assembled`, kept by the fault-free twins. The latter is claimed of every subject without being asked: where the control is broken,
    /// nothing else can be learnt.
    pub claim: String,
    /// Whose.
    pub subject: String,
    /// The verdict expected.
    pub expected: Answer,
    /// The verdict found.
    pub observed: Answer,
    /// Whether the two agree; `yes`, `no` or `unknown` in `claims.csv`.
    pub held: Standing,
    /// Trials it was judged on.
    pub runs: usize,
    /// The evidence; empty where there is nothing to add.
    pub detail: String,
}

/// All claims of an experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// By subject; its own expectations first, then its twin.
    pub claims: Vec<Claim>,
}

impl Summary {
    /// The worst of all claims; unknown if nothing was claimed.
    pub fn standing(&self) -> Standing {
        self.claims.iter().map(|c| c.held).max().unwrap_or(Standing::Unknown)
    }

    /// How many claims stand like this.
    pub fn count(&self, standing: Standing) -> usize {
        self.claims.iter().filter(|c| c.held == standing).count()
    }
}

/// Compares what the experiment expects with the verdicts over all its trials.
///
/// If a fault of the plan fired in no trial of a subject, its promises were not put to the test: then what holds is
/// unknown.
pub fn claims(experiment: &Experiment, histories: &[History]) -> Summary {
    let mut all = Vec::new();
    for subject in experiment.subject.keys() {
        let of = |faults: bool| -> Vec<&History> {
            let mine = |h: &&History| h.run.subject == *subject && h.run.faults == faults;
            histories.iter().filter(mine).collect()
        };
        let struck = of(true);
        let planned = experiment.strike.iter().map(|s| s.fault);
        let tested = activated(planned, struck.iter().copied());
        for (oracle, expected) in experiment.expect.get(subject).into_iter().flatten() {
            let verdict = match oracle.judge_all(struck.iter().copied()) {
                Verdict::Holds => tested.clone(),
                verdict => verdict,
            };
            all.push(claim(oracle.to_string(), subject, *expected, &verdict, struck.len()));
        }
        let twins = of(false);
        let worst = Oracle::OF_TWINS.map(|o| o.judge_all(twins.iter().copied()));
        // `max_by_key` takes the last of equals: the first promise is the weightiest, so it goes last.
        if let Some(worst) = worst.iter().rev().max_by_key(|v| v.answer()) {
            all.push(claim("twin-whole".into(), subject, Answer::Holds, worst, twins.len()));
        }
    }
    Summary { claims: all }
}

fn claim(claim: String, subject: &str, expected: Answer, verdict: &Verdict, runs: usize) -> Claim {
    let observed = verdict.answer();
    let held = match observed {
        _ if observed == expected => Standing::Held,
        Answer::Unknown => Standing::Unknown,
        _ => Standing::Failed,
    };
    let detail = verdict.detail().to_owned();
    Claim { claim, subject: subject.into(), expected, observed, held, runs, detail }
}

impl Serialize for Standing {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match self {
            Self::Held => "yes",
            Self::Unknown => "unknown",
            Self::Failed => "no",
        })
    }
}

const COLUMNS: &str = "claim,subject,expected,observed,held,runs,detail";

/// The claims as `claims.csv`.
pub(super) fn csv(summary: &Summary) -> Result<Vec<u8>, Failure> {
    table(COLUMNS, &summary.claims)
}
