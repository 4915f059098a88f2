//! Measures of histories whose numbers can be computed by hand.

mod costs;
mod outcomes;

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
    h.items[0].found_blake3 = Some(Checksum(999));
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

#[test]
fn what_is_kept_as_observations_gives_the_numbers_of_the_summary() {
    let all = sample::comparison(10, 100);
    let names = "complete throughput wall detect recovery recovery_net throughput_to_twin \
                 throughput_to_baseline coverage";
    for measure in summarise(&all) {
        let (subject, faults, name) = (&*measure.subject, measure.faults, measure.measure);
        let kept = super::sample(&all, subject, faults, name);
        assert_eq!(kept.is_some(), names.split_whitespace().any(|n| n == name), "{name}");
        let Some(kept) = kept else { continue };
        let (found, row) = (kept.estimate(0.025), measure.estimate);
        if subject == "baseline" && faults && name.starts_with("recovery") {
            // No item came back: that is no time there, and a time without end here.
            assert_eq!((found.n, found.value, row.n), (10, Some(f64::INFINITY), 0));
            continue;
        }
        assert_eq!((found.value, found.n), (row.value, row.n), "{name}");
        // Shares have Wilson's interval there, and an exact one here.
        assert!(
            found.interval == row.interval || ["complete", "coverage"].contains(&name),
            "{name}"
        );
    }
}

#[test]
fn coverage_counts_faults_whose_item_came_back_right() {
    let mut all = sample::comparison(10, 100);
    let of = |all: &[History], subject| super::sample(all, subject, true, "coverage");
    assert_eq!(of(&all, "okiagari"), Some(crate::stats::Sample::Share(20, 20)));
    assert_eq!(of(&all, "baseline"), Some(crate::stats::Sample::Share(0, 10)));
    let struck = all[3].injections[0].item as usize;
    all[3].items[struck].found_blake3 = Some(Checksum(999));
    all[7].injections[1].fired_ns = None;
    assert_eq!(of(&all, "okiagari"), Some(crate::stats::Sample::Share(18, 19)));
}

#[test]
fn equal_runs_show_what_the_machine_adds() {
    // Runs and twins that differ by a few per cent either way, by a rule.
    let equal = |blocks: u32, by: &dyn Fn(u32) -> f64| -> Vec<History> {
        let run = |n: u32| {
            let (block, faults) = (n / 2, n.is_multiple_of(2));
            let mut h = sample::good(n, "okiagari", faults, 10);
            h.run.block = block;
            let slower = if faults { by(block) } else { 1.0 };
            h.run.wall_ns = (1e9 * slower) as u64;
            h
        };
        (0..2 * blocks).map(run).collect()
    };
    let wobble = |block: u32| [0.97, 1.02, 1.01, 0.99, 0.98, 1.03][block as usize % 6];
    let found = Control::of(&equal(120, &wobble), "okiagari");
    assert_eq!((found.blocks, found.comparisons, found.excluded), (120, 20, 0));
    assert!(found.effect_min.unwrap() < 0.025, "{found:?}");
    assert_eq!(found.p_value(), 1.0);
    // An order that always favours one of the two is found out, and is the smallest effect.
    let found = Control::of(&equal(120, &|block| wobble(block) * 1.05), "okiagari");
    assert_eq!(found.excluded, 20);
    assert!(found.p_value() < 1e-20 && found.effect_min.unwrap() > 0.05, "{found:?}");
    // One block less is one comparison less, and none of them is shorter than six.
    assert_eq!(Control::of(&equal(119, &wobble), "okiagari").comparisons, 19);
    let few = Control::of(&equal(5, &wobble), "okiagari");
    assert_eq!((few.effect_min, few.comparisons, few.p_value()), (None, 0, 1.0));
    let rows = control_rows(&equal(12, &wobble));
    let names: Vec<_> = rows.iter().map(|m| m.measure).collect();
    assert_eq!(names, ["aa_effect_min", "aa_excluded"]);
    assert_eq!(rows[1].estimate.n, 2);
}
