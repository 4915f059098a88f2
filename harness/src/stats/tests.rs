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
