//! All trials of an experiment in numbers, one row a number: `measures.csv`.

use super::costs;
use super::{Outcome, Twins, misplaced, outcome, throughput_px_per_s, toll};
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
    let twins = Twins::of(histories);
    let mut all = Vec::new();
    for (subject, faults) in who {
        let trials = of(histories, subject, faults);
        let quiet = of(histories, subject, false);
        let mut add = |measure, unit, estimate| {
            all.push(Measure { subject: subject.into(), faults, measure, unit, estimate });
        };
        totals(&trials, &mut add);
        times(&trials, &mut add);
        costs::of_service(&trials, &mut add);
        if faults {
            add("throughput_to_twin", "1", paired(&trials, &quiet, throughput_px_per_s));
            add("goodput", "px/s", median(&goodputs(&trials, &twins)));
            costs::of_faults(&trials, &quiet, &twins, &mut add);
            costs::of_probe(&trials, &quiet, &mut add);
            costs::of_break_even(histories, subject, &twins, &mut add);
        } else {
            costs::of_silence(&trials, &mut add);
        }
        if let Some(rust) = in_rust(subject) {
            let rust = of(histories, &rust, faults);
            add("throughput_to_rust", "1", paired(&trials, &rust, throughput_px_per_s));
            add("work_to_rust", "1", paired(&trials, &rust, work_ns));
        }
        if let Some(baseline) = control(histories, subject) {
            let baseline = of(histories, baseline, faults);
            add("throughput_to_baseline", "1", paired(&trials, &baseline, throughput_px_per_s));
            if !faults {
                costs::of_isolation(&trials, &baseline, &mut add);
            }
        }
    }
    all
}

pub(super) fn of<'a>(histories: &'a [History], subject: &str, faults: bool) -> Vec<&'a History> {
    histories.iter().filter(|h| h.run.subject == subject && h.run.faults == faults).collect()
}

/// Whom a subject is compared with: the baseline, or, if its name is one of a `[vary]`, the baseline called alike.
fn control<'a>(histories: &'a [History], subject: &str) -> Option<&'a str> {
    let tail =
        |name: &'a str| name.strip_prefix("baseline").filter(|tail| subject.ends_with(*tail));
    let names = histories.iter().map(|h| h.run.subject.as_str());
    let found = names.filter_map(|name| Some((tail(name)?.len(), name))).max();
    found.map(|(_, name)| name).filter(|name| *name != subject && !subject.starts_with("baseline"))
}

/// The subject that does the same in Rust as this one does in C.
fn in_rust(subject: &str) -> Option<String> {
    subject.strip_suffix("-c").map(|name| format!("{name}-rust"))
}

/// The handler's own time over an item, in nanoseconds: the median over those that came back; 0 if none did.
fn work_ns(history: &History) -> f64 {
    let times: Vec<_> = history.items.iter().filter_map(|i| Some(i.work_ns? as f64)).collect();
    median(&times).value.unwrap_or(0.0)
}

/// Right pixels for each second of the time that a trial took, or its twin, whichever is longer: a subject that ends
/// early does no more in the time that it saves.
fn goodputs(trials: &[&History], twins: &Twins) -> Vec<f64> {
    let of = |h: &&History| {
        let wall_ns = h.run.wall_ns.max(1);
        let whole_ns = twins.of_run(h).map_or(wall_ns, |twin| wall_ns.max(twin.wall_ns));
        throughput_px_per_s(h) * wall_ns as f64 / whole_ns as f64
    };
    trials.iter().map(of).collect()
}

/// Takes in a measure: its name, its unit, how much.
pub(super) trait Add: FnMut(&'static str, &'static str, Estimate) {}
impl<F: FnMut(&'static str, &'static str, Estimate)> Add for F {}

fn totals(trials: &[&History], add: &mut impl Add) {
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
    add("items_misplaced", "items", sum(&|h| misplaced(h).len() as u64));
    add("files_foreign", "files", sum(&|h| h.run.foreign_files));
    add("attempts", "attempts", sum(&|h| toll(h).attempts));
    add("deaths", "deaths", sum(&|h| h.run.deaths));
    add("restarts", "restarts", sum(&|h| h.run.restarts));
    add("orphans", "processes", sum(&|h| h.run.orphans));
    add("faults_armed", "faults", sum(&|h| h.injections.len() as u64));
    add("faults_fired", "faults", sum(&|h| h.fired().count() as u64));
    add(
        "faults_recovered",
        "faults",
        sum(&|h| h.fired().filter_map(Injection::recovery_ns).count() as u64),
    );
}

/// A time of an injection, in ns, if it has one.
type Time = fn(&Injection) -> Option<u64>;

fn times(trials: &[&History], add: &mut impl Add) {
    let runs =
        |f: &dyn Fn(&History) -> f64| median(&trials.iter().map(|h| f(h)).collect::<Vec<_>>());
    add("throughput", "px/s", runs(&throughput_px_per_s));
    add("wall", "ns", runs(&|h| h.run.wall_ns as f64));
    let of: [(&str, Time); 7] = [
        ("latent", Injection::latent_ns),
        ("detect", Injection::detect_ns),
        ("act", Injection::act_ns),
        ("restart", Injection::restart_ns),
        ("first_service", Injection::first_service_ns),
        ("recovery", Injection::recovery_ns),
        ("recovery_net", Injection::recovery_net_ns),
    ];
    for (name, time) in of {
        let of_run =
            |h: &&History| h.injections.iter().filter_map(time).map(|ns| ns as f64).collect();
        add(name, "ns", clustered_median(&trials.iter().map(of_run).collect::<Vec<Vec<f64>>>()));
    }
}

pub(super) fn fired(h: &History) -> impl Iterator<Item = &Injection> {
    h.injections.iter().filter(|i| i.fired_ns.is_some())
}

/// The throughputs of trials of the same block, side by side.
pub(super) fn pairs(a: &[&History], b: &[&History]) -> Vec<(f64, f64)> {
    let b: BTreeMap<_, _> = b.iter().map(|h| (h.run.block, throughput_px_per_s(h))).collect();
    a.iter().filter_map(|h| Some((throughput_px_per_s(h), *b.get(&h.run.block)?))).collect()
}

/// The typical ratio of a quantity in trials of the same block.
pub(super) fn paired(a: &[&History], b: &[&History], of: impl Fn(&History) -> f64) -> Estimate {
    let b: BTreeMap<_, _> = b.iter().map(|h| (h.run.block, of(h))).collect();
    let pairs = a.iter().filter_map(|h| Some((of(h), *b.get(&h.run.block)?)));
    paired_ratio(&pairs.collect::<Vec<_>>())
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

#[derive(Serialize)]
struct FaultRow {
    subject: String,
    fault: String,
    outcome: &'static str,
    diagnosis: String,
    injections: u64,
}

const FAULT_COLUMNS: &str = "subject,fault,outcome,diagnosis,injections";

/// What each fault came to and what it was called, as `faults.csv`: outcomes by fault, and the confusion matrix of
/// diagnoses (M23).
///
/// # Errors
/// As [`csv()`].
pub fn faults_csv(histories: &[History]) -> Result<Vec<u8>, Failure> {
    let twins = Twins::of(histories);
    let mut all: BTreeMap<_, u64> = BTreeMap::new();
    for h in histories {
        for i in &h.injections {
            let (outcome, named) = (outcome(h, i, &twins), i.diagnosis.clone().unwrap_or_default());
            let key = (h.run.subject.clone(), i.fault.to_string(), outcome, named);
            *all.entry(key).or_default() += 1;
        }
    }
    let row = |((subject, fault, outcome, diagnosis), injections): (_, u64)| {
        let outcome = Outcome::name(outcome);
        FaultRow { subject, fault, outcome, diagnosis, injections }
    };
    table(FAULT_COLUMNS, all.into_iter().map(row))
}
