//! `okiagari verify`: what is claimed of results, and whether they bear it out.

use super::{Exit, say};
use crate::claim::{Claims, Results, Verdict, judge, limits, text};
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Verify {
    /// Folder of results, which holds one folder an experiment [default: results, or results/reference]
    dir: Option<PathBuf>,
    /// Claims of your own, in place of those that come with the program (experiments/claims.toml)
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let claims = Claims::load(self.claims.as_deref())?;
        let results = Results::read(&place(self.dir.as_deref(), &claims), &claims)?;
        let findings = judge(&claims, &results);
        say(&text(&findings, &limits(&claims, &findings, &results)));
        Ok(match findings.iter().map(|f| f.verdict).max() {
            Some(Verdict::Pass) => Exit::Good,
            Some(Verdict::Fail) => Exit::Bad,
            Some(Verdict::Inconclusive) | None => Exit::Inconclusive,
        })
    }
}

/// The folder of results that was given, or the first that has any: this machine's own, then those that come with the
/// sources.
pub(super) fn place(given: Option<&Path>, claims: &Claims) -> PathBuf {
    if let Some(dir) = given {
        return dir.to_path_buf();
    }
    let places = ["results", "results/reference"].map(PathBuf::from);
    let found = Results::place(&places, claims);
    if found.as_ref() == Some(&places[1]) {
        eprintln!("results has none of these experiments: looking at results/reference");
    }
    found.unwrap_or_else(|| places[0].clone())
}
