//! Against a second implementation: what `harness/tests/vectors/stats.py` had SciPy and NumPy say. The tolerances are
//! relative, and absolute below 1.

use super::super::*;
use serde_json::Value;

/// Closed forms differ in the last digits only.
const FORM: f64 = 1e-9;
/// An end that is found by halving, or by a long product of logarithms.
const SEARCH: f64 = 1e-7;

fn vectors(name: &str) -> Vec<Value> {
    let all: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/stats.json")).unwrap();
    let rows = all[name].as_array().unwrap().clone();
    assert!(!rows.is_empty());
    rows
}

fn f(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("{key} in {row}"))
}

fn u(row: &Value, key: &str) -> u64 {
    row[key].as_u64().unwrap_or_else(|| panic!("{key} in {row}"))
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64, row: &Value) {
    let off = (found - expected).abs();
    assert!(off <= tolerance * expected.abs().max(1.0), "{found}, not {expected}: {row}");
}

#[track_caller]
fn near_both(found: Option<(f64, f64)>, expected: &Value, tolerance: f64, row: &Value) {
    let (low, high) = found.unwrap();
    let expected = list(expected);
    near(low, expected[0], tolerance, row);
    near(high, expected[1], tolerance, row);
}

#[test]
fn the_incomplete_beta_function_is_that_of_scipy() {
    for row in vectors("beta") {
        let found = beta::incomplete_beta(f(&row, "x"), f(&row, "a"), f(&row, "b"));
        near(found, f(&row, "value"), FORM, &row);
    }
}

#[test]
fn shares_have_the_intervals_of_scipy() {
    for row in vectors("shares") {
        let (k, n) = (u(&row, "k"), u(&row, "n"));
        near_both(clopper_pearson(k, n, 0.025), &row["exact"], SEARCH, &row);
        near_both(clopper_pearson(k, n, 0.005), &row["exact_99"], SEARCH, &row);
        near_both(wilson(k, n), &row["wilson"], FORM, &row);
        near(clopper_pearson(k, n, 0.05).unwrap().0, f(&row, "lower"), SEARCH, &row);
    }
    for row in vectors("differences_of_shares") {
        let found =
            difference_of_shares((u(&row, "k"), u(&row, "n")), (u(&row, "j"), u(&row, "m")));
        near(found.value.unwrap(), f(&row, "value"), FORM, &row);
        let (low, high) = found.interval.unwrap();
        near(low, f(&row, "low"), FORM, &row);
        near(high, f(&row, "high"), FORM, &row);
    }
}

#[test]
fn binomial_tests_are_those_of_scipy() {
    for row in vectors("binomial_tests") {
        let (k, n, p) = (u(&row, "k"), u(&row, "n"), f(&row, "p"));
        near(binomial_test(k, n, p), f(&row, "two_sided"), SEARCH, &row);
        near(at_least(k, n, p), f(&row, "greater"), FORM, &row);
        near(at_most(k, n, p), f(&row, "less"), FORM, &row);
    }
}

#[test]
fn as_many_trials_are_needed_as_scipy_finds_one_by_one() {
    for row in vectors("trials_needed") {
        let found = trials_needed(f(&row, "coverage"), f(&row, "confidence"), u(&row, "failures"));
        assert_eq!(found, u(&row, "n"), "{row}");
    }
}

#[test]
fn quantiles_and_their_bounds_are_those_of_scipy() {
    let mut without_an_end = 0;
    for row in vectors("quantiles") {
        let (mut values, q) = (list(&row["values"]), f(&row, "q"));
        values.sort_by(f64::total_cmp);
        near(quantile(&values, q).unwrap(), f(&row, "value"), FORM, &row);
        let (low, high) = quantile_bounds(&values, q, 0.025);
        assert_eq!((low, high), (row["low"].as_f64(), row["high"].as_f64()), "{row}");
        without_an_end += usize::from(high.is_none());
    }
    assert!(without_an_end > 0, "small samples bound no high quantile");
    for row in vectors("pairs") {
        let pairs: Vec<_> = list(&row["a"]).into_iter().zip(list(&row["b"])).collect();
        for (found, name) in
            [(paired_ratio(&pairs), "ratio"), (paired_difference(&pairs), "difference")]
        {
            let (low, high) = found.interval.unwrap();
            near(found.value.unwrap(), f(&row, name), FORM, &row);
            near(low, f(&row, &format!("{name}_low")), FORM, &row);
            near(high, f(&row, &format!("{name}_high")), FORM, &row);
        }
    }
}

#[test]
fn survival_is_that_of_scipy() {
    let mut unknown = 0;
    for row in vectors("survival") {
        let reached = row["events"].as_array().unwrap().iter().map(|e| e.as_bool().unwrap());
        let times: Vec<_> = list(&row["times"]).into_iter().zip(reached).collect();
        let found = kaplan_meier(&times);
        let steps = row["steps"].as_array().unwrap();
        assert_eq!(found.steps.len(), steps.len());
        for (step, expected) in found.steps.iter().zip(steps) {
            near(step.at, f(expected, "at"), FORM, expected);
            near(step.survival, f(expected, "survival"), FORM, expected);
            // SciPy has no interval where the curve is at 0.
            if expected["log_log"][0].is_null() {
                assert!(step.survival < FORM);
                continue;
            }
            near_both(Some(step.interval), &expected["log_log"], FORM, expected);
            let reach = Z * step.variance.sqrt();
            let greenwood = ((step.survival - reach).max(0.0), (step.survival + reach).min(1.0));
            near_both(Some(greenwood), &expected["greenwood"], FORM, expected);
        }
        let median = found.median();
        assert_eq!(median.value, row["median"].as_f64());
        assert_eq!(median.interval.map(|i| i.0), row["median_low"].as_f64());
        let high = median.interval.map(|i| i.1).filter(|h| h.is_finite());
        assert_eq!(high, row["median_high"].as_f64());
        unknown += usize::from(high.is_none());
        let mean = found.restricted_mean(f(&row, "horizon"));
        near(mean.value.unwrap(), f(&row, "mean"), FORM, &row);
        let (low, high) = mean.interval.unwrap();
        near(low, f(&row, "mean_low"), SEARCH, &row);
        near(high, f(&row, "mean_high"), SEARCH, &row);
    }
    assert!(unknown > 0, "a curve that was watched too shortly is among them");
}

#[test]
fn bands_effects_and_families_are_those_of_scipy() {
    for row in vectors("bands") {
        let found = ecdf(&list(&row["values"]));
        let column = |of: fn(&Rung) -> f64| found.iter().map(of).collect::<Vec<_>>();
        let columns = [
            ("at", column(|r| r.at)),
            ("share", column(|r| r.share)),
            ("low", column(|r| r.low)),
            ("high", column(|r| r.high)),
        ];
        for (key, ours) in columns {
            let expected = list(&row[key]);
            assert_eq!(ours.len(), expected.len());
            ours.iter().zip(expected).for_each(|(x, y)| near(*x, y, FORM, &row));
        }
    }
    for row in vectors("effects") {
        let found = cliffs_delta(&list(&row["a"]), &list(&row["b"]));
        near(found.value.unwrap(), f(&row, "delta"), FORM, &row);
        let (low, high) = found.interval.unwrap();
        near(low, f(&row, "low"), FORM, &row);
        near(high, f(&row, "high"), FORM, &row);
    }
    for row in vectors("holm") {
        let (p, expected) = (list(&row["p"]), list(&row["adjusted"]));
        let found = holm(&p);
        assert_eq!(found.len(), expected.len());
        found.iter().zip(&expected).for_each(|(x, y)| near(*x, *y, FORM, &row));
        // With intervals in place of p-values the same questions get an answer.
        let stepped = step_down(p.len(), 0.05, |k, error| (p[k] <= error, p[k] <= error));
        let answered: Vec<_> = stepped.iter().map(|(yes, _)| *yes).collect();
        assert_eq!(answered, expected.iter().map(|p| *p <= 0.05).collect::<Vec<_>>(), "{row}");
    }
}

#[test]
fn a_bootstrap_agrees_with_scipy_but_for_the_error_of_its_draws() {
    for row in vectors("clusters") {
        let groups: Vec<Vec<f64>> = row["groups"].as_array().unwrap().iter().map(list).collect();
        let (value, interval) = if row["ratio"].as_bool().unwrap() {
            let share = |pools: &mut [Vec<f64>]| {
                let above = pools[0].iter().filter(|v| **v > 1.0).sum::<f64>();
                Some(above / pools[0].iter().sum::<f64>())
            };
            (share(&mut [groups.concat()]).unwrap(), bootstrap(&[&groups], 0.025, share))
        } else {
            let found = clustered_median(&groups);
            (found.value.unwrap(), found.interval)
        };
        near(value, f(&row, "value"), FORM, &row);
        // An end of 2,000 draws is off by some 6 % of the standard error, and where draws are few and far between by
        // the step from one to the next.
        let (low, high) = interval.unwrap();
        let most = 0.25 * f(&row, "error");
        assert!((low - f(&row, "low")).abs() < most, "{low} {row}");
        assert!((high - f(&row, "high")).abs() < most, "{high} {row}");
    }
}
