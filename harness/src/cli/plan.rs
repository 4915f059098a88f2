//! `okiagari plan`: how many runs and minutes it takes to show a coverage.

use super::{Exit, say};
use crate::effort::{Target, text};
use crate::experiment::Experiment;
use crate::history::History;
use crate::report;
use anyhow::Result;
use clap::Args;
use pipelines::image::layout::Split;
use pipelines::source;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Plan {
    /// The least share of faults that are recovered from, like 0.99
    #[arg(long, value_name = "SHARE", default_value = "0.99", value_parser = share)]
    coverage: f64,
    /// With what confidence, like 0.95
    #[arg(long, value_name = "SHARE", default_value = "0.95", value_parser = share)]
    confidence: f64,
    /// How many faults may stay without recovery
    #[arg(long, value_name = "K", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=1000))]
    failures: u64,
    /// The experiment that is to show it: one of `okiagari list`, or the path of a TOML file
    #[arg(long, value_name = "NAME")]
    experiment: Option<String>,
    /// Folder of results with earlier runs [default: results, then results/reference]
    #[arg(long, value_name = "DIR", requires = "experiment")]
    results: Option<PathBuf>,
}

impl Plan {
    pub(super) fn run(self) -> Result<Exit> {
        let Self { coverage, confidence, failures, .. } = self;
        let target = Target { coverage, confidence, failures };
        say(&target.text());
        let Some(name) = &self.experiment else {
            say("\nWith --experiment NAME it says how many runs and minutes that is.\n");
            return Ok(Exit::Good);
        };
        let experiment = Experiment::load(name)?;
        let places = match self.results {
            Some(dir) => vec![dir],
            None => vec!["results".into(), "results/reference".into()],
        };
        let earlier = earlier(&experiment, &places)?;
        let (place, histories) = earlier.unzip();
        let histories: Vec<History> = histories.unwrap_or_default();
        let items = histories.first().map(|h| h.run.items).or_else(|| items(&experiment));
        let efforts = target.efforts(&experiment, items, &histories);
        let place = place.map(|p| p.display().to_string());
        say(&format!("\n{}", text(&target, &experiment, &efforts, place.as_deref())));
        Ok(Exit::Good)
    }
}

/// The first place with runs of this very experiment: the same work, and the same strikes.
fn earlier(experiment: &Experiment, places: &[PathBuf]) -> Result<Option<(PathBuf, Vec<History>)>> {
    for place in places.iter().map(|p| p.join(&experiment.name)) {
        if !report::is_results(&place) {
            continue;
        }
        let (found, histories) = report::read(&place)?;
        if (&found.workload, &found.strike) == (&experiment.workload, &experiment.strike) {
            return Ok(Some((place, histories)));
        }
        eprintln!(
            "{} has other work or other strikes than {}: left out",
            place.display(),
            experiment.name
        );
    }
    Ok(None)
}

/// How many items the source has, if nothing must be fetched to know it.
fn items(experiment: &Experiment) -> Option<u64> {
    let workload = &experiment.workload;
    if workload.input.contains("://") {
        return None;
    }
    let split = match workload.strips {
        Some(rows) => Split::Strips(rows),
        None => Split::Tiles(workload.tile_px()?),
    };
    let inputs = std::slice::from_ref(&workload.input);
    let layout = source::probe(inputs, split, experiment.seed, Path::new(".")).ok()?;
    Some(layout.items())
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x > 0.0 && x < 1.0 => Ok(x),
        _ => Err("it must be a number above 0 and below 1, like 0.99".into()),
    }
}
