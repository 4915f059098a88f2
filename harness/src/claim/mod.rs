//! What is claimed of results, and whether the stored files bear it out: `claims.toml` in, verdicts out. Nothing runs
//! here. A [`crate::report::Claim`] is what one experiment expects of its own promises; a claim here is about a
//! number, with an interval and a rule that were fixed before the data were looked at.

mod judge;
mod limits;
mod results;
mod rule;
#[cfg(test)]
mod tests;
mod text;

pub use judge::{Finding, Verdict, judge};
pub use limits::limits;
pub use results::Results;
pub use rule::Rule;
pub use text::text;
pub(crate) use text::{bounds, observed, rule, value};

use crate::oracle::Oracle;
use pipelines::message::Failure;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::Path;

/// The claims that come with the program, about its own experiments.
const EMBEDDED: &str = include_str!("../../../experiments/claims.toml");

/// All claims of a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// With what confidence each of them holds, or each family of them as a whole; 0.95 if not given. Bounds are one-sided.
    #[serde(default = "confidence")]
    pub confidence: f64,
    /// The claims, in the order in which they are told.
    pub claim: Vec<Claim>,
}

/// One claim.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// A short name.
    pub id: String,
    /// The claim in words.
    pub statement: String,
    /// The experiment that it is about.
    pub experiment: String,
    /// The subject that it is about.
    pub subject: String,
    /// Over the subject's trials with faults, as is usual, or over their twins.
    #[serde(default = "yes")]
    pub faults: bool,
    /// The measure that it is about: a row of `measures.csv`, or `coverage`. This or an oracle.
    #[serde(default)]
    pub measure: Option<String>,
    /// The promise that it is about.
    #[serde(default)]
    pub oracle: Option<Oracle>,
    /// When it passes.
    pub rule: Rule,
    /// With fewer values, or fewer runs that were put to the test, it never passes.
    pub n_min: usize,
    /// Claims of one family are corrected together, since who asks often enough finds something.
    #[serde(default)]
    pub family: Option<String>,
    /// The command that makes the data.
    pub command: String,
    /// How long that takes, in minutes, on two cores.
    pub minutes: f64,
    /// Room on disk that it takes, in MiB.
    pub disk_mib: u64,
    /// The figure that shows it, by its file in the experiment's folder.
    #[serde(default)]
    pub figure: Option<String>,
}

impl Claim {
    /// The table that it is judged by, in the experiment's folder.
    pub fn table(&self) -> &'static str {
        if self.oracle.is_some() { "items.csv" } else { "measures.csv" }
    }
}

fn confidence() -> f64 {
    0.95
}

fn yes() -> bool {
    true
}

impl Claims {
    /// The claims that come with the program, or those of a file.
    ///
    /// # Errors
    /// One sentence that names the file and what is wrong in it; the input is to blame.
    pub fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Self::parse(EMBEDDED, "claims.toml") };
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::input(format!("{} cannot be read: {e}", path.display())))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads claims; `file` is only for the words of an error.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str, file: &str) -> Result<Self, Failure> {
        let claims: Self = toml::from_str(text).map_err(|e| {
            let line =
                |at: usize| text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
            let at = e.span().map(|s| format!(", line {}", line(s.start.min(text.len()))));
            Failure::input(format!(
                "{file}{}: {}",
                at.unwrap_or_default(),
                e.message().replace('\n', " ")
            ))
        })?;
        claims.check().map_err(|why| Failure::input(format!("{file}: {why}")))?;
        Ok(claims)
    }

    fn check(&self) -> Result<(), String> {
        if self.claim.is_empty() {
            return Err("it claims nothing; a claim begins with [[claim]]".into());
        }
        if !(0.5..1.0).contains(&self.confidence) {
            let given = self.confidence;
            return Err(format!("confidence is {given}, but must be at least 0.5 and below 1"));
        }
        let mut seen = BTreeSet::new();
        for claim in &self.claim {
            let id = &claim.id;
            if !seen.insert(id) {
                return Err(format!("there are two claims called {id:?}"));
            }
            if claim.n_min == 0 {
                return Err(format!("claim {id:?}: n_min is 0, but nothing follows from no data"));
            }
            match (&claim.measure, claim.oracle, claim.rule.is_of_a_promise()) {
                (Some(_), None, false) | (None, Some(_), true) => {}
                (Some(_), None, true) => {
                    return Err(format!("claim {id:?}: a measure takes a rule like lower >= 0.99"));
                }
                (None, Some(_), false) => {
                    return Err(format!("claim {id:?}: an oracle takes the rule holds or broken"));
                }
                _ => return Err(format!("claim {id:?} needs a measure or an oracle, one of them")),
            }
            if claim.oracle.is_some() && claim.family.is_some() {
                return Err(format!(
                    "claim {id:?}: an oracle has no family; one counter-example refutes it, \
                     however many others are asked"
                ));
            }
        }
        Ok(())
    }
}
