//! The costs of a fault, computed by hand on histories of forty items.

use super::super::*;
use super::value;
use crate::history::{Ending, History, Resource, Role, State, sample};

/// A twin of 40 items, one a millisecond, and a trial of which item 10 is struck at 10.4 ms.
fn pair() -> (History, History) {
    let mut twin = sample::good(0, "okiagari", false, 40);
    let mut struck = sample::good(1, "okiagari", true, 40);
    (twin.run.wall_ns, struck.run.wall_ns) = (40_000_000, 40_000_000);
    sample::recover(&mut struck, 0, 10, 1_000_000);
    (twin, struck)
}

/// Everything from item `from` on is done later.
fn delay(h: &mut History, from: usize, by_ns: u64) {
    for i in &mut h.items[from..] {
        i.done_ns = i.done_ns.map(|t| t + by_ns);
    }
    h.run.wall_ns += by_ns;
}

fn all(twin: &History, struck: &History) -> Twins {
    Twins::of(&[twin.clone(), struck.clone()])
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-6 * expected.abs().max(1.0), "{found} {expected}");
}

#[test]
fn a_curve_counts_distinct_right_items() {
    let (twin, _) = pair();
    let curve = Curve::of(&twin);
    assert_eq!((curve.len(), curve.last_ns()), (40, 40_000_000));
    assert_eq!([0, 999_999, 1_000_000, 40_000_000].map(|t| curve.by(t)), [0, 0, 1, 40]);
    near(curve.rate().unwrap(), 1e-6);
    // From 1 to 40 ms: windows of 1.95 ms, with one or two items in each.
    let (window_ns, (low, high)) = curve.band().unwrap();
    near(window_ns, 1_950_000.0);
    assert!((1.0..=2.0).contains(&low) && high == 2.0, "{low} {high}");
    let few = sample::good(0, "okiagari", false, 39);
    assert_eq!(Curve::of(&few).band(), None);
}

#[test]
fn an_outage_of_ten_milliseconds_costs_ten_items_and_ten_milliseconds() {
    let (twin, mut struck) = pair();
    struck.items[10].done_ns = Some(11_000_000);
    let same = deficit(&struck, &all(&twin, &struck)).unwrap();
    assert_eq!((same.peak_items, same.signed_ns, same.positive_ns), (0.0, 0.0, 0.0));
    delay(&mut struck, 10, 10_000_000);
    let twins = all(&twin, &struck);
    let lost = deficit(&struck, &twins).unwrap();
    near(lost.peak_items, 10.0);
    near(lost.signed_ns, 10_000_000.0);
    near(lost.positive_ns, 10_000_000.0);
    assert_eq!(penalty_ns(&struck, &twins), Some(10_000_000.0));
    // Two faults share it; a trial that fell has no makespan.
    sample::recover(&mut struck, 1, 20, 1);
    assert_eq!(penalty_ns(&struck, &twins), Some(5_000_000.0));
    struck.run.ending = Ending::Signal(6);
    assert_eq!(penalty_ns(&struck, &twins), None);
    assert_eq!(deficit(&struck, &Twins::default()), None);
}

#[test]
fn it_is_steady_after_three_windows_as_the_twin_has_them() {
    let (twin, mut struck) = pair();
    struck.items[10].done_ns = Some(11_000_000);
    delay(&mut struck, 10, 10_000_000);
    let twins = all(&twin, &struck);
    let fired = struck.injections[0].fired_ns.unwrap();
    assert_eq!(fired, 10_400_000);
    // Nothing is done until 21 ms. Windows of 1.95 ms begin at 10.4, …, 20.15, 22.1, 24.05, 26.0, 27.95, 29.9 ms. The
    // twin has two items in all but one of its own; that of 24.05 ms has one, the three from 26.0 ms on have two.
    let steady = twins.steady(&struck, &struck.injections[0]).unwrap();
    assert_eq!(steady, Steady::Reached(26_000_000));
    assert_eq!(steady.after(fired), (15_600_000, true));
    // It catches up with a twin that is as fast only after that has ended: 39 of 40 are done at 49 ms.
    assert_eq!(
        twins.caught_ns(&struck, &struck.injections[0]),
        Some(40_000_000 - 1_000_000 + 10_000_000)
    );
    // Ended at once, it was not steady until then.
    struck.run.ending = Ending::Signal(6);
    struck.run.wall_ns = 12_000_000;
    struck.items[10..].iter_mut().for_each(|i| {
        (i.state, i.found_blake3, i.done_ns) = (State::Lost, None, None);
    });
    let twins = all(&twin, &struck);
    let steady = twins.steady(&struck, &struck.injections[0]).unwrap();
    assert_eq!((steady, steady.is_censored()), (Steady::Censored(12_000_000), true));
    assert_eq!(twins.caught_ns(&struck, &struck.injections[0]), None);
    assert_eq!(Twins::default().steady(&struck, &struck.injections[0]), None);
}

#[test]
fn availability_counts_windows_and_items() {
    let (twin, mut struck) = pair();
    struck.items[10].done_ns = Some(11_000_000);
    let whole = availability(&struck, &all(&twin, &struck)).unwrap();
    assert_eq!((whole.time, whole.items), ([1.0; 3], 1.0));
    near(whole.performability, 1.0);
    // Ten milliseconds of nothing, and ten more in all: 25 windows of 2 ms, 5 of them empty.
    delay(&mut struck, 10, 10_000_000);
    let down = availability(&struck, &all(&twin, &struck)).unwrap();
    assert_eq!((down.time, down.items), ([0.8; 3], 1.0));
    near(down.performability, 0.8);
    // Died at item 10: a quarter of the time, and of the items.
    struck.items[10..].iter_mut().for_each(|i| (i.found_blake3, i.done_ns) = (None, None));
    let dead = availability(&struck, &all(&twin, &struck)).unwrap();
    assert_eq!((dead.time, dead.items), ([0.25; 3], 0.25));
    assert_eq!([projected(0.1, 2.0), projected(1.0, 2.0), projected(1.0, -2.0)], [0.8, 0.0, 1.0]);
    assert_eq!(classical(0.5, 2.0), 0.5);
}

#[test]
fn a_blast_reaches_whom_nothing_struck() {
    let (twin, mut struck) = pair();
    let slow = slow_ns(&[&twin]);
    assert_eq!(slow, Some(1_000_000.0));
    assert_eq!(blast_radius(&twin, slow), None);
    assert_eq!(blast_radius(&struck, slow), Some(0.0), "the victim itself does not count");
    struck.items[20].attempts = 2;
    struck.items[21].done_ns = Some(22_500_000);
    (struck.items[22].state, struck.items[22].found_blake3) = (State::Lost, None);
    assert_eq!(blast_radius(&struck, slow), Some(3.0));
    assert_eq!(work_redone_ns(&struck), 900_000);
    // From 21 ms to 22.5 ms; that of the victim ends before it.
    assert_eq!(latencies_ns(&struck).last(), Some(&1_500_000.0));
}

#[test]
fn break_even_is_where_what_is_saved_pays_for_the_overhead() {
    let of = |subject: &str, quiet_ms: u64, struck_ms: u64| {
        let mut two = [false, true].map(|faults| sample::good(0, subject, faults, 40));
        (two[0].run.wall_ns, two[1].run.wall_ns) = (quiet_ms * 1_000_000, struck_ms * 1_000_000);
        sample::recover(&mut two[1], 0, 10, 1_000_000);
        two
    };
    // 10 % slower, and a fault costs 1 s instead of 2 s: 0.1 faults a second.
    let (own, rival) = (of("okiagari", 1100, 2100), of("restart", 1000, 3000));
    let histories: Vec<_> = own.iter().chain(&rival).cloned().collect();
    let twins = Twins::of(&histories);
    let (own, rival): (Vec<_>, Vec<_>) = (own.iter().collect(), rival.iter().collect());
    near(break_even_per_s(&own, &rival, &twins).unwrap(), 0.1);
    assert_eq!(break_even_per_s(&rival, &own, &twins), None, "a fault costs it more");
    near(value(&summarise(&histories), "okiagari", true, "break_even").value.unwrap(), 0.1);
}

#[test]
fn a_drift_is_what_grows_with_deaths_within_a_trial() {
    let look = |deaths, fds| Resource {
        t_ns: 0,
        role: Role::Subject,
        pid: 1,
        deaths,
        rss_bytes: 5,
        fds,
        threads: 3,
        cpu_ns: 0,
    };
    let mut two = [0, 1].map(|run| sample::good(run, "okiagari", true, 4));
    two[0].resources = vec![look(0, 10), look(10, 11), look(20, 12)];
    // Another trial begins with more: that is no drift. Nor is what a worker has.
    two[1].resources = vec![look(0, 50), look(10, 51)];
    two[1].resources.push(Resource { role: Role::Worker, ..look(10, 999) });
    let trials: Vec<_> = two.iter().collect();
    near(slope_per_1000(&trials, |r| r.fds).unwrap(), 100.0);
    assert_eq!(slope_per_1000(&trials, |r| r.rss_bytes), Some(0.0));
    assert_eq!(slope_per_1000(&trials[..0], |r| r.fds), None);
}

#[test]
fn every_measure_of_the_list_is_there() {
    let histories = sample::comparison(10, 100);
    let all = summarise(&histories);
    for (measure, expected) in [
        ("activation", 1.0),
        ("latent", 400_000.0),
        ("detect", 500_000.0),
        ("coverage", 1.0),
        ("coverage_strict", 1.0),
        ("diagnosis", 1.0),
        ("contained_at_worker", 1.0),
        ("restarts_per_fault", 1.0),
        ("gave_up", 0.0),
        ("amplification", 1.02),
    ] {
        near(value(&all, "okiagari", true, measure).value.unwrap_or(f64::NAN), expected);
    }
    assert_eq!(value(&all, "baseline", true, "coverage").value, Some(0.0));
    assert_eq!(value(&all, "baseline", true, "contained_at_subject").value, Some(1.0));
    assert_eq!(value(&all, "okiagari", false, "false_alarms").value, Some(0.0));
    assert_eq!(value(&all, "okiagari", true, "probe_armed").n, 0);
    let overhead = value(&all, "okiagari", false, "overhead").value.unwrap();
    near((overhead * 100.0).round(), 6.0);
}
