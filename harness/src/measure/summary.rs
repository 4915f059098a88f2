//! All trials of an experiment in numbers, one row a number: `measures.csv`.

use super::{throughput_px_per_s, toll};
use crate::history::{Ending, History, Injection, table};
use crate::stats::{Estimate, clustered_median, median, paired_ratio, share};
use pipelines::message::Failure;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One number about one subject, over all its trials with or all without faults.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Whose.
    pub subject: String,
    /// Over its trials with faults, or over their fault-free twins.
    pub faults: bool,
    /// What: a column-like name, as `results/README.md` explains it.
    pub measure: &'static str,
    /// Its unit: `px/s`, `ns`, `items`, `faults`, `runs`, `1` for a ratio or a share.
    pub unit: &'static str,
    /// How much, and how sure.
    pub estimate: Estimate,
}

/// Every measure of every subject, in a fixed order: by subject, without faults first.
pub fn summarise(histories: &[History]) -> Vec<Measure> {
    let who: BTreeSet<_> =
        histories.iter().map(|h| (h.run.subject.as_str(), h.run.faults)).collect();
    let mut all = Vec::new();
    for (subject, faults) in who {
        let trials = of(histories, subject, faults);
        let mut add = |measure, unit, estimate| {
            all.push(Measure { subject: subject.into(), faults, measure, unit, estimate });
        };
        totals(&trials, &mut add);
        times(&trials, &mut add);
        if faults {
            let pairs = pairs(&trials, &of(histories, subject, false));
            add("throughput_to_twin", "1", paired_ratio(&pairs));
        }
        if subject != "baseline" {
            let pairs = pairs(&trials, &of(histories, "baseline", faults));
            add("throughput_to_baseline", "1", paired_ratio(&pairs));
        }
    }
    all
}

pub(super) fn of<'a>(histories: &'a [History], subject: &str, faults: bool) -> Vec<&'a History> {
    histories.iter().filter(|h| h.run.subject == subject && h.run.faults == faults).collect()
}

fn totals(trials: &[&History], add: &mut impl FnMut(&'static str, &'static str, Estimate)) {
    let n = trials.len();
    let sum = |f: &dyn Fn(&History) -> u64| Estimate::counted(n, trials.iter().map(|h| f(h)).sum());
    let complete = trials.iter().filter(|h| h.run.ending == Ending::Complete).count();
    add("complete", "1", share(complete as u64, n as u64));
    add("items", "items", sum(&|h| h.run.items));
    add("items_right", "items", sum(&|h| toll(h).right));
    add("items_lost", "items", sum(&|h| toll(h).lost));
    add("items_declared", "items", sum(&|h| toll(h).declared));
    add("items_twice", "items", sum(&|h| toll(h).twice));
    add("items_wrong", "items", sum(&|h| toll(h).wrong));
    add("attempts", "attempts", sum(&|h| toll(h).attempts));
    add("deaths", "deaths", sum(&|h| h.run.deaths));
    add("restarts", "restarts", sum(&|h| h.run.restarts));
    add("faults_armed", "faults", sum(&|h| h.injections.len() as u64));
    add("faults_fired", "faults", sum(&|h| fired(h).count() as u64));
    add(
        "faults_recovered",
        "faults",
        sum(&|h| fired(h).filter_map(Injection::recovery_ns).count() as u64),
    );
}

fn times(trials: &[&History], add: &mut impl FnMut(&'static str, &'static str, Estimate)) {
    let runs =
        |f: &dyn Fn(&History) -> f64| median(&trials.iter().map(|h| f(h)).collect::<Vec<_>>());
    let faults = |f: fn(&Injection) -> Option<u64>| {
        let of_run = |h: &&History| h.injections.iter().filter_map(f).map(|ns| ns as f64).collect();
        clustered_median(&trials.iter().map(of_run).collect::<Vec<Vec<f64>>>())
    };
    add("throughput", "px/s", runs(&throughput_px_per_s));
    add("wall", "ns", runs(&|h| h.run.wall_ns as f64));
    add("detect", "ns", faults(Injection::detect_ns));
    add("recovery", "ns", faults(Injection::recovery_ns));
    add("recovery_net", "ns", faults(Injection::recovery_net_ns));
}

pub(super) fn fired(h: &History) -> impl Iterator<Item = &Injection> {
    h.injections.iter().filter(|i| i.fired_ns.is_some())
}

/// The throughputs of trials of the same block, side by side.
pub(super) fn pairs(a: &[&History], b: &[&History]) -> Vec<(f64, f64)> {
    let b: BTreeMap<_, _> = b.iter().map(|h| (h.run.block, throughput_px_per_s(h))).collect();
    a.iter().filter_map(|h| Some((throughput_px_per_s(h), *b.get(&h.run.block)?))).collect()
}

#[derive(Serialize)]
struct Row<'a> {
    experiment: &'a str,
    subject: &'a str,
    faults: bool,
    measure: &'a str,
    unit: &'a str,
    n: usize,
    estimate: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    method: &'a str,
}

const COLUMNS: &str = "experiment,subject,faults,measure,unit,n,estimate,low,high,method";

/// The measures as `measures.csv`.
///
/// # Errors
/// None that a measure can cause; the writer's own are the engine's.
pub fn csv(experiment: &str, measures: &[Measure]) -> Result<Vec<u8>, Failure> {
    // Six decimals: more would only show how an exponential is rounded.
    let short = |x: f64| (x * 1e6).round() / 1e6;
    table(
        COLUMNS,
        measures.iter().map(|m| Row {
            experiment,
            subject: &m.subject,
            faults: m.faults,
            measure: m.measure,
            unit: m.unit,
            n: m.estimate.n,
            estimate: m.estimate.value.map(short),
            low: m.estimate.interval.map(|i| short(i.0)),
            high: m.estimate.interval.map(|i| short(i.1)),
            method: m.estimate.method,
        }),
    )
}
