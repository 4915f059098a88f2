use super::*;
use crate::history::sample;

fn value(all: &[Measure], subject: &str, faults: bool, measure: &str) -> crate::stats::Estimate {
    let found =
        all.iter().find(|m| (&*m.subject, m.faults, m.measure) == (subject, faults, measure));
    found.unwrap_or_else(|| panic!("{subject} {faults} {measure}")).estimate
}

#[test]
fn throughput_counts_only_what_was_delivered_right() {
    let mut h = sample::good(0, "okiagari", true, 10);
    h.run.wall_ns = 500_000_000;
    assert_eq!(throughput_px_per_s(&h), 1_310_720.0);
    h.items[0].found_blake3 = Some("wrong".into());
    (h.items[1].found_blake3, h.items[1].state) = (None, State::Lost);
    assert_eq!(throughput_px_per_s(&h), 1_048_576.0);
    let toll = toll(&h);
    assert_eq!((toll.right, toll.wrong, toll.lost, toll.attempts), (8, 1, 1, 10));
    h.items.clear();
    assert_eq!(throughput_px_per_s(&h), 0.0);
    h.run.wall_ns = 0;
    assert_eq!(throughput_px_per_s(&h), 0.0);
}

#[test]
fn each_outcome_is_told_apart() {
    type Change = fn(&mut History);
    let table: [(Change, Outcome); 7] = [
        (|_| {}, Outcome::Recovered),
        (|h| h.injections[0].fired_ns = None, Outcome::NotFired),
        (|h| h.injections[0].accepted_ns = None, Outcome::Survived),
        (
            |h| {
                h.items[5].state = State::Quarantined;
                h.items[5].found_blake3 = None;
            },
            Outcome::Declared,
        ),
        (|h| h.items[5].found_blake3 = Some("x".into()), Outcome::Corrupted),
        (|h| h.items[5].found_blake3 = None, Outcome::Lost),
        (|h| h.injections[0].item = 99, Outcome::Lost),
    ];
    for (change, expected) in table {
        let mut h = sample::comparison(1, 20).remove(3);
        change(&mut h);
        assert_eq!(outcome(&h, &h.injections[0]), expected);
    }
}

#[test]
fn times_that_were_not_reached_or_run_backwards_are_none() {
    let mut i = sample::comparison(1, 20)[3].injections[0].clone();
    assert_eq!((i.detect_ns(), i.recovery_ns()), (Some(500_000), Some(3_000_000)));
    assert_eq!(i.recovery_net_ns(), Some(2_100_000));
    i.work_ns = None;
    assert_eq!(i.recovery_net_ns(), None);
    i.fired_ns = Some(u64::MAX);
    assert_eq!((i.detect_ns(), i.recovery_ns()), (None, None));
}

#[test]
fn a_comparison_is_summarised() {
    let all = summarise(&sample::comparison(10, 100));
    let complete = value(&all, "baseline", true, "complete");
    assert_eq!((complete.value, complete.n), (Some(0.0), 10));
    assert_eq!(value(&all, "okiagari", true, "items_right").value, Some(1000.0));
    assert_eq!(value(&all, "okiagari", true, "faults_fired").value, Some(20.0));
    assert_eq!(value(&all, "okiagari", true, "attempts").value, Some(1020.0));
    assert_eq!(value(&all, "baseline", true, "faults_recovered").value, Some(0.0));
    assert_eq!(value(&all, "baseline", true, "recovery").value, None);
    let recovery = value(&all, "okiagari", true, "recovery");
    let (low, high) = recovery.interval.unwrap();
    assert!(recovery.n == 20 && low < high && low >= 3_000_000.0);
    let cost = value(&all, "okiagari", false, "throughput_to_baseline");
    assert!((cost.value.unwrap() - 1.0 / 1.06).abs() < 0.01, "{cost:?}");
    let csv = String::from_utf8(csv("e", &all).unwrap()).unwrap();
    assert!(
        csv.contains("e,okiagari,true,faults_fired,faults,20,")
            || csv.contains("faults_fired,faults,10,20.0,,,sum"),
        "{csv}"
    );
}

#[test]
fn nothing_gives_nothing() {
    assert!(summarise(&[]).is_empty());
    assert_eq!(String::from_utf8(csv("e", &[]).unwrap()).unwrap().lines().count(), 1);
}
