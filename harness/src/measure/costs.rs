//! The measures of what faults cost, and of what it costs to be ready for them: rows of `measures.csv`.

use super::breakeven::{RIVALS, break_even_per_s};
use super::coverage::{coverage, outcomes};
use super::summary::{Add, of, paired};
use super::{
    Availability, Deficit, Twins, availability, blast_radius, classical, deficit, diagnosis_ok,
    false_alarms, latencies_ns, penalty_ns, projected, slope_per_1000, slow_ns, toll,
    work_redone_ns,
};
use crate::history::{Ending, History, Injection, Resource, Ring};
use crate::stats::{Estimate, clustered_median, kaplan_meier, median, quantile, share};
use crate::subject::GAVE_UP;
use pipelines::fault::Fault;

/// Something that a process has so much of.
type Quantity = fn(&Resource) -> u64;

/// A number that was computed from all trials at once, without an interval.
fn plain(n: usize, value: Option<f64>, method: &'static str) -> Estimate {
    Estimate { n, value, interval: None, method }
}

/// The median over trials of what some of them have.
fn over_runs(trials: &[&History], of: impl Fn(&History) -> Option<f64>) -> Estimate {
    median(&trials.iter().filter_map(|h| of(h)).collect::<Vec<_>>())
}

/// The median of times some of which were cut off by the end of their trial (false). An interval whose upper end nobody
/// saw is none; it takes the faults of a run for independent, so that it is rather too narrow.
fn cut_off(times: &[(f64, bool)]) -> Estimate {
    let found = kaplan_meier(times).median();
    Estimate { interval: found.interval.filter(|(_, high)| high.is_finite()), ..found }
}

/// Latency (M26), processor time, and what restarts leave behind (M24).
pub(super) fn of_service(trials: &[&History], add: &mut impl Add) {
    let groups: Vec<_> = trials.iter().map(|h| latencies_ns(h)).collect();
    add("latency", "ns", clustered_median(&groups));
    let mut all = groups.concat();
    all.sort_by(f64::total_cmp);
    add("latency_p99", "ns", plain(all.len(), quantile(&all, 0.99), "quantile 0.99"));
    let cpu = |h: &History| {
        let right = toll(h).right;
        (right > 0).then(|| h.run.cpu_ns.map(|ns| ns as f64 / right as f64))?
    };
    add("cpu_per_item", "ns", over_runs(trials, cpu));
    let quantities: [(&str, &str, Quantity); 3] = [
        ("drift_rss", "bytes", |r| r.rss_bytes),
        ("drift_fds", "files", |r| r.fds),
        ("drift_threads", "threads", |r| r.threads),
    ];
    let looks = trials.iter().map(|h| h.resources.len()).sum();
    for (name, unit, quantity) in quantities {
        add(name, unit, plain(looks, slope_per_1000(trials, quantity), "slope per 1000 deaths"));
    }
}

/// What faults cost: M1, M6 to M10, M15 to M21, M23.
pub(super) fn of_faults(
    trials: &[&History],
    quiet: &[&History],
    twins: &Twins,
    add: &mut impl Add,
) {
    let slow_ns = slow_ns(quiet);
    add("blast_radius", "items", over_runs(trials, |h| blast_radius(h, slow_ns)));
    let armed: u64 = trials.iter().map(|h| h.injections.len() as u64).sum();
    let fired: u64 = trials.iter().map(|h| h.fired().count() as u64).sum();
    add("activation", "1", share(fired, armed));
    of_time(trials, twins, add);
    of_service_lost(trials, twins, fired, add);
    let toll: super::Toll = trials.iter().map(|h| toll(h)).sum();
    let attempts = (toll.right > 0).then(|| toll.attempts as f64 / toll.right as f64);
    add("amplification", "1", plain(trials.len(), attempts, "ratio of sums"));
    add("work_redone", "ns", over_runs(trials, |h| Some(work_redone_ns(h) as f64)));
    let seen: Vec<Ring> =
        trials.iter().flat_map(|h| h.fired()).filter_map(|i| i.contained_at).collect();
    for (ring, name) in Ring::ALL.into_iter().zip(CONTAINED) {
        let here = seen.iter().filter(|r| **r == ring).count();
        add(name, "1", share(here as u64, seen.len() as u64));
    }
    let (covered, strictly) = coverage(&outcomes(trials, twins));
    add("coverage", "1", covered);
    add("coverage_strict", "1", strictly);
    let replaced: u64 = trials.iter().flat_map(|h| h.fired()).map(|i| u64::from(i.restarts)).sum();
    let each = (fired > 0).then(|| replaced as f64 / fired as f64);
    add("restarts_per_fault", "1", plain(fired as usize, each, "ratio of sums"));
    let gave_up = trials.iter().filter(|h| h.run.ending == Ending::Exit(GAVE_UP)).count();
    add("gave_up", "1", share(gave_up as u64, trials.len() as u64));
    let named: Vec<bool> = trials.iter().flat_map(|h| h.fired()).filter_map(diagnosis_ok).collect();
    let right = named.iter().filter(|ok| **ok).count();
    add("diagnosis", "1", share(right as u64, named.len() as u64));
}

const CONTAINED: [&str; 6] = [
    "contained_at_item",
    "contained_at_lane",
    "contained_at_worker",
    "contained_at_pool",
    "contained_at_pipeline",
    "contained_at_subject",
];

/// How long until all is as before: M6, M7.
fn of_time(trials: &[&History], twins: &Twins, add: &mut impl Add) {
    let (mut steady, mut caught) = (Vec::new(), Vec::new());
    for h in trials.iter().filter(|h| twins.of_run(h).is_some()) {
        for i in h.fired() {
            let Some(fired) = i.fired_ns else { continue };
            if let Some(found) = twins.steady(h, i) {
                let (ns, reached) = found.after(fired);
                steady.push((ns as f64, reached));
            }
            let at = twins.caught_ns(h, i);
            let ns = at.unwrap_or(h.run.wall_ns).saturating_sub(fired);
            caught.push((ns as f64, at.is_some()));
        }
    }
    let censored = steady.iter().filter(|(_, reached)| !reached).count();
    add("steady", "ns", cut_off(&steady));
    add("steady_censored", "1", share(censored as u64, steady.len() as u64));
    add("catch_up", "ns", cut_off(&caught));
}

/// What was not done meanwhile: M8, M9, M10, M15, M16.
fn of_service_lost(trials: &[&History], twins: &Twins, fired: u64, add: &mut impl Add) {
    let lost = |of: fn(&Deficit) -> f64| over_runs(trials, |h| deficit(h, twins).map(|d| of(&d)));
    add("deficit_peak", "items", lost(|d| d.peak_items));
    add("degradation", "ns", lost(|d| d.signed_ns));
    add("degradation_positive", "ns", lost(|d| d.positive_ns));
    add("makespan_penalty", "ns", over_runs(trials, |h| penalty_ns(h, twins)));
    let up = |of: fn(&Availability) -> f64| {
        over_runs(trials, |h| availability(h, twins).map(|a| of(&a)))
    };
    add("available_10", "1", up(|a| a.time[0]));
    add("available_50", "1", up(|a| a.time[1]));
    add("available_90", "1", up(|a| a.time[2]));
    add("available_items", "1", up(|a| a.items));
    add("performability", "1", up(|a| a.performability));
    let outage_ns: f64 = trials.iter().filter_map(|h| deficit(h, twins)).map(|d| d.signed_ns).sum();
    let outage_s = (fired > 0).then(|| outage_ns / 1e9 / fired as f64);
    let at =
        |per_s: f64| plain(fired as usize, outage_s.map(|s| projected(per_s, s)), "projection");
    add("projected_per_minute", "1", at(1.0 / 60.0));
    add("projected_per_hour", "1", at(1.0 / 3600.0));
    let times = trials.iter().flat_map(|h| h.fired()).filter_map(Injection::recovery_ns);
    let times: Vec<f64> = times.map(|ns| ns as f64 / 1e9).collect();
    let mttr_s = (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64);
    let value = mttr_s.map(|s| classical(1.0 / 60.0, s));
    add("classical_per_minute", "1", plain(times.len(), value, "projection"));
}

/// What the instrument itself does (M25): throughput against the twin, where it was armed and struck nobody, and where all
/// that fired was the placebo `slow:0`. A build without fault points is another program, and no trial of this one.
pub(super) fn of_probe(trials: &[&History], quiet: &[&History], add: &mut impl Add) {
    let fired = |h: &History| h.fired().map(|i| i.fault).collect::<Vec<_>>();
    let armed: Vec<_> = trials.iter().filter(|h| fired(h).is_empty()).copied().collect();
    let placebo =
        |h: &History| !fired(h).is_empty() && fired(h).iter().all(|f| *f == Fault::Slow(0));
    let placebos: Vec<_> = trials.iter().filter(|h| placebo(h)).copied().collect();
    add("probe_armed", "1", paired(&armed, quiet, super::throughput_px_per_s));
    add("probe_fired", "1", paired(&placebos, quiet, super::throughput_px_per_s));
}

/// From which rate of faults on the subject pays, against its best rival that is there (M14).
pub(super) fn of_break_even(
    histories: &[History],
    subject: &str,
    twins: &Twins,
    add: &mut impl Add,
) {
    let all = |name: &str| [of(histories, name, true), of(histories, name, false)].concat();
    let own = all(subject);
    let found = RIVALS.into_iter().filter(|rival| *rival != subject).find_map(|rival| {
        let method = match rival {
            "resume" => "against resume",
            "restart" => "against restart",
            _ => "against baseline",
        };
        break_even_per_s(&own, &all(rival), twins).map(|per_s| (per_s, method))
    });
    let method = found.map_or("no rival has a penalty", |(_, method)| method);
    add("break_even", "1/s", plain(own.len(), found.map(|(per_s, _)| per_s), method));
}

/// What is seen where nothing strikes (M22).
pub(super) fn of_silence(trials: &[&History], add: &mut impl Add) {
    let (alarms, hours) = false_alarms(trials);
    let per_hour = (hours > 0.0).then(|| alarms as f64 / hours);
    add("false_alarms", "1/h", plain(trials.len(), per_hour, "ratio of sums"));
}

/// What isolation costs where nothing strikes, against the baseline in the same block: time (M14) and processor time an
/// item (M27).
pub(super) fn of_isolation(trials: &[&History], baseline: &[&History], add: &mut impl Add) {
    let less_one = |e: Estimate| Estimate {
        value: e.value.map(|v| v - 1.0),
        interval: e.interval.map(|(low, high)| (low - 1.0, high - 1.0)),
        ..e
    };
    add("overhead", "1", less_one(paired(trials, baseline, |h| h.run.wall_ns as f64)));
    let cpu = |h: &History| {
        let right = toll(h).right.max(1) as f64;
        h.run.cpu_ns.unwrap_or_default() as f64 / right
    };
    add("cpu_to_baseline", "1", paired(trials, baseline, cpu));
}
