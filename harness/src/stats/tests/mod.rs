mod vectors;

use super::*;
use proptest::prelude::*;

#[test]
fn the_ranks_of_a_median_interval_are_the_known_ones() {
    for (n, low, high) in [(6, 1, 6), (10, 2, 9), (20, 6, 15), (30, 10, 21), (100, 40, 61)] {
        let values: Vec<f64> = (1..=n).rev().map(f64::from).collect();
        let found = median(&values);
        assert_eq!(found.interval, Some((f64::from(low), f64::from(high))), "n = {n}");
        assert_eq!((found.n, found.value), (n as usize, Some((f64::from(n) + 1.0) / 2.0)));
    }
    for n in 0..6 {
        assert_eq!(median(&vec![1.0; n]).interval, None);
    }
    assert_eq!(median(&[]).value, None);
    // Beyond what 2^-n can hold; the normal approximation says ranks 2500.5 ± 98.
    let many: Vec<f64> = (1..=5000).map(f64::from).collect();
    let (low, high) = median(&many).interval.unwrap();
    assert!((low - 2431.0).abs() <= 2.0 && (high - 2570.0).abs() <= 2.0, "{low} {high}");
}

#[test]
fn quantiles_are_those_of_type_seven() {
    let v = [1.0, 2.0, 4.0, 8.0];
    for (q, x) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
        assert!((quantile(&v, q).unwrap() - x).abs() < 1e-12);
    }
    assert_eq!(quantile(&[1.0, f64::INFINITY, f64::INFINITY], 0.75), Some(f64::INFINITY));
    assert_eq!(quantile(&[], 0.5), None);
}

#[test]
fn wilson_gives_the_known_values() {
    for (k, n, low, high) in [
        (30, 30, 0.886, 1.0),
        (100, 100, 0.963, 1.0),
        (300, 300, 0.987, 1.0),
        (1000, 1000, 0.996, 1.0),
        (99, 100, 0.946, 0.998),
        (995, 1000, 0.988, 0.998),
        (0, 30, 0.0, 0.114),
    ] {
        let (l, h) = wilson(k, n).unwrap();
        assert!((l - low).abs() < 6e-4 && (h - high).abs() < 6e-4, "{k}/{n}: {l} {h}");
    }
    assert_eq!(wilson(0, 0), None);
    assert_eq!(wilson(7, 7).unwrap().1, 1.0);
}

#[test]
fn a_ratio_is_that_of_pairs_and_zeros_are_left_out() {
    let pairs: Vec<_> = (1..=8).map(|b| (f64::from(b) * 0.9, f64::from(b))).collect();
    let found = paired_ratio(&pairs);
    let (low, high) = found.interval.unwrap();
    for x in [found.value.unwrap(), low, high] {
        assert!((x - 0.9).abs() < 1e-12);
    }
    let found = paired_ratio(&[(0.0, 1.0), (3.0, 1.0), (1.0, 0.0), (12.0, 1.0)]);
    assert_eq!((found.n, found.interval), (2, None));
    assert!((found.value.unwrap() - 6.0).abs() < 1e-12);
}

#[test]
fn a_clustered_interval_is_wider_when_groups_differ() {
    // Ten runs of ten equal values each: as much as ten values say, not a hundred.
    let groups: Vec<Vec<f64>> = (1..=10).map(|g| vec![f64::from(g); 10]).collect();
    let found = clustered_median(&groups);
    let pooled = median(&groups.concat());
    let width = |e: Estimate| e.interval.map(|(l, h)| h - l).unwrap();
    assert_eq!((found.n, found.value), (100, Some(5.5)));
    assert!(width(found) > 1.5 * width(pooled), "{found:?} {pooled:?}");
    assert_eq!(clustered_median(&groups), found);
    assert_eq!(clustered_median(&groups[..5]).interval, None);
    assert_eq!(clustered_median(&[]).value, None);
}

#[test]
fn the_published_values_are_met() {
    // Zero failures: n >= ln(alpha) / ln(coverage), and the rule of three.
    for (coverage, n) in [(0.9, 29), (0.95, 59), (0.99, 299), (0.995, 598), (0.999, 2995)] {
        assert_eq!(trials_needed(coverage, 0.95, 0), n);
        assert!(clopper_pearson(n, n, 0.05).unwrap().0 >= coverage);
        assert!(clopper_pearson(n - 1, n - 1, 0.05).unwrap().0 < coverage);
    }
    let bound = clopper_pearson(100, 100, 0.05).unwrap().0;
    assert!((bound - 0.970).abs() < 5e-4 && (bound - 0.05f64.powf(0.01)).abs() < 1e-12);
    assert_eq!((clopper_pearson(0, 0, 0.05), clopper_pearson(0, 5, 0.05).unwrap().0), (None, 0.0));
    // Newcombe's own example: 56 of 70 against 48 of 80 is 0.0524 to 0.3339.
    let (low, high) = difference_of_shares((56, 70), (48, 80)).interval.unwrap();
    assert!((low - 0.0524).abs() < 5e-5 && (high - 0.3339).abs() < 5e-5);
    // Freireich's trial of 6-MP, as in every textbook: 21 patients, 9 relapses, a median of 23 weeks.
    let relapses = [6, 6, 6, 7, 10, 13, 16, 22, 23].map(|t| (f64::from(t), true));
    let watched = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35].map(|t| (f64::from(t), false));
    let found = kaplan_meier(&[relapses.as_slice(), &watched].concat());
    let curve = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448];
    for (step, survival) in found.steps.iter().zip(curve) {
        assert!((step.survival - survival).abs() < 5e-4, "{step:?}");
    }
    assert_eq!((found.steps.len(), found.median().value), (7, Some(23.0)));
    // Nobody was watched for 50 weeks, so no mean until then is known.
    assert_eq!(found.restricted_mean(50.0).value, None);
}

#[test]
fn an_exact_bound_is_right_as_often_as_it_says() {
    // All outcomes of 60 trials, each with its probability: no simulation, no luck.
    for p in [0.5, 0.9, 0.97, 0.99] {
        let just = |k| at_least(k, 60, p) - at_least(k + 1, 60, p);
        let right = |k: u64| clopper_pearson(k, 60, 0.05).unwrap().0 <= p;
        let share: f64 = (0..=60).filter(|k| right(*k)).map(just).sum();
        assert!((0.95..=1.0).contains(&share), "{p}: {share}");
    }
}

#[test]
fn without_values_there_is_no_number() {
    assert_eq!(kaplan_meier(&[]).median().value, None);
    assert_eq!(kaplan_meier(&[]).restricted_mean(1.0).value, None);
    assert_eq!(kaplan_meier(&[(1.0, false); 9]).median().value, None);
    assert!(ecdf(&[]).is_empty() && holm(&[]).is_empty());
    assert_eq!(cliffs_delta(&[], &[1.0]).value, None);
    assert_eq!(cliffs_delta(&[2.0], &[1.0]).value, Some(1.0));
    assert_eq!(ratio_of_medians(&[], &[], 0.025).value, None);
    assert_eq!(difference_of_shares((0, 0), (1, 2)).value, None);
    assert_eq!(quantile_bounds(&[], 0.5, 0.025), (None, None));
    for sample in [Sample::Share(0, 0), Sample::Values(vec![]), Sample::Groups(vec![])] {
        assert_eq!((sample.estimate(0.05).value, sample.estimate(0.05).interval), (None, None));
    }
}

#[test]
fn a_smaller_tail_never_narrows_an_interval() {
    let values: Vec<f64> = (0..40).map(|k| f64::from(k * 37 % 41)).collect();
    let pairs: Vec<_> = values.iter().map(|v| (v + 1.0, 20.0)).collect();
    let groups: Vec<_> = values.chunks(4).map(<[f64]>::to_vec).collect();
    for sample in [
        Sample::Share(38, 40),
        Sample::Values(values),
        Sample::Groups(groups),
        Sample::Ratios(pairs),
    ] {
        let of = |tail| sample.estimate(tail).interval.unwrap();
        let (wide, narrow) = (of(0.005), of(0.05));
        assert!(wide.0 <= narrow.0 && narrow.1 <= wide.1 && wide != narrow, "{sample:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_estimate_lies_in_its_interval(v in prop::collection::vec(-1e9..1e9f64, 1..80)) {
        let groups: Vec<_> = v.chunks(3).map(<[f64]>::to_vec).collect();
        for found in [median(&v), clustered_median(&groups)] {
            let x = found.value.unwrap();
            if let Some((low, high)) = found.interval {
                prop_assert!(low <= x && x <= high, "{:?}", found);
            }
        }
        let mut sorted = v.clone();
        sorted.sort_by(f64::total_cmp);
        let same = clustered_median(&groups).value.unwrap() - quantile(&sorted, 0.5).unwrap();
        prop_assert!(same.abs() < 1e-3);
    }
}
