use super::*;
use proptest::prelude::*;

fn plan(seed: u64, specs: &[&str]) -> FaultPlan {
    FaultPlan { specs: specs.iter().map(|s| s.parse().unwrap()).collect(), seed }
}

#[test]
fn specs_are_read_and_written_back() {
    for (text, written) in [
        ("abort@p=1%", "abort@p=0.01"),
        ("abort@p=0.01", "abort@p=0.01"),
        ("shutdown@item=120", "shutdown@item=120"),
        ("segfault@item=10..1000+50", "segfault@item=10..1000+50"),
        ("segfault@item=10..1000", "segfault@item=10..1000"),
        ("hang@rate=0.2/s", "hang@rate=0.2/s"),
        ("panic@at=500ms", "panic@at=500ms"),
        ("panic@at=2.5s", "panic@at=2500ms"),
        ("kill-subject@item=7,attempts=all", "kill-subject@item=7,attempts=all"),
        ("exit:7@item=3", "exit:7@item=3"),
        ("slow:250@p=50%", "slow:250@p=0.5"),
    ] {
        let spec: FaultSpec = text.parse().unwrap();
        assert_eq!(spec.to_string(), written);
        assert_eq!(written.parse::<FaultSpec>().unwrap(), spec);
    }
}

#[test]
fn a_bad_spec_is_a_sentence_with_an_example() {
    for (text, part) in [
        ("abort", "does not say when"),
        ("aborted@p=1%", "no fault called"),
        ("exit:256@p=1%", "N of exit:N is 1 to 255"),
        ("slow@p=1%", "MS of slow:MS"),
        ("hang:3@p=1%", "takes no number"),
        ("abort@p=120%", "between 0 and 1"),
        ("abort@p=NaN", "between 0 and 1"),
        ("abort@p=x", "not a number"),
        ("abort@item=-1", "whole number"),
        ("abort@item=9..3", "before it begins"),
        ("abort@item=3..9+0", "step of 0"),
        ("abort@at=5", "must end in ms or s"),
        ("abort@at=0.0001s", "whole number of milliseconds"),
        ("abort@at=99999999999ms", "later than a day"),
        ("abort@rate=2", "must end in /s"),
        ("abort@rate=0/s", "above 0"),
        ("abort@rate=inf/s", "above 0"),
        ("abort@every=3", "none of item, p, at and rate"),
        ("abort@item=3,attempts=2", "only attempts=all"),
        ("abort@at=3s,attempts=all", "not with a moment"),
        ("abort@item", "KEY=VALUE"),
    ] {
        let error = text.parse::<FaultSpec>().unwrap_err().to_string();
        assert!(error.contains(part) && error.contains("for example"), "{text}: {error}");
    }
}

#[test]
fn strikes_in_toml_name_exactly_one_condition() {
    let read = |t: &str| toml::from_str::<FaultSpec>(t).map_err(|e| e.message().to_owned());
    for (text, spec) in [
        ("fault='abort'\nwhen={p=0.01}", "abort@p=0.01"),
        ("fault='abort'\nwhen={p=1}", "abort@p=1"),
        ("fault='exit:7'\nwhen={p=1}", "exit:7@p=1"),
        ("fault='abort'\nwhen={item=120}\nattempts='all'", "abort@item=120,attempts=all"),
        ("fault='abort'\nwhen={item='10..1000+50'}", "abort@item=10..1000+50"),
        ("fault='hang'\nwhen={at_ms=500}", "hang@at=500ms"),
        ("fault='hang'\nwhen={rate_per_s=0.2}", "hang@rate=0.2/s"),
    ] {
        let found = read(text).unwrap();
        assert_eq!(found.to_string(), spec);
        assert_eq!(read(&toml::to_string(&found).unwrap()).unwrap(), found);
    }
    for (text, part) in [
        ("fault='abort'\nwhen={}", "exactly one"),
        ("fault='abort'\nwhen={p=0.1, item=3}", "exactly one"),
        ("fault='abort'\nwhen={q=0.1}", "unknown field `q`"),
        ("fault='abort'\nwhen={p=0.1}\nwho=1", "unknown field `who`"),
        ("fault='abort'\nwhen={p=3.0}", "between 0 and 1"),
        ("fault='abort'\nwhen={item=true}", "an item is its number"),
        ("fault='abort'\nwhen={item=1}\nattempts='some'", "expected `all`"),
        ("fault='burp'\nwhen={p=0.1}", "no fault called \"burp\""),
        ("fault='abort'", "missing field `when`"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

#[test]
fn items_ranges_and_attempts_decide_as_written() {
    let p = plan(1, &["abort@item=3", "hang@item=10..20+5", "exit@item=30,attempts=all"]);
    let hits: Vec<_> =
        (0..40).filter_map(|i| p.decide(&Site::lent(i, 0, 0)).map(|f| (i, f))).collect();
    let hang = Fault::Hang;
    let expected =
        [(3, Fault::Abort), (10, hang), (15, hang), (20, hang), (30, Fault::Exit(0))].to_vec();
    assert_eq!(hits, expected);
    let second: Vec<_> =
        (0..40).filter_map(|i| p.decide(&Site::lent(i, 1, 0)).map(|f| (i, f))).collect();
    assert_eq!(second, [(30, Fault::Exit(0))]);
    assert_eq!(
        plan(1, &["abort@item=3", "hang@item=3"]).decide(&Site::lent(3, 0, 0)),
        Some(Fault::Abort)
    );
    assert_eq!(plan(1, &["hang@at=1s", "error@rate=5/s"]).decide(&Site::lent(0, 0, 0)), None);
    assert!((0..99).all(|i| plan(1, &["abort@p=1"]).decide(&Site::lent(i, 0, 0)).is_some()));
    assert!((0..99).all(|i| plan(1, &["abort@p=0"]).decide(&Site::lent(i, 0, 0)).is_none()));
}

#[test]
fn the_layout_of_the_draw_stays_as_documented() {
    let p = plan(0x5eed_0003, &["hang@item=9", "abort@p=0.5"]);
    let mut bytes = b"okiagari item  1".to_vec();
    bytes.extend([0x03, 0x00, 0xed, 0x5e, 0, 0, 0, 0, 1, 0, 0, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([1, 0, 0, 0]);
    assert_eq!(bytes.len(), 41);
    assert_eq!(p.draw(1, Fault::Abort, 7, 1), first_eight(&bytes));
}

#[test]
fn moments_come_sorted_limited_and_with_the_rate_asked_for() {
    let p = plan(7, &["hang@rate=100/s", "abort@at=2s", "panic@at=1ms"]);
    let timed = p.timed();
    assert_eq!(timed, p.clone().timed());
    assert!(timed.is_sorted_by_key(|t| t.at_ns));
    assert_eq!(timed.len(), MAX_ARRIVALS + 2);
    assert!(timed.contains(&Timed { at_ns: 2_000_000_000, fault: Fault::Abort }));
    // 4096 arrivals at 100/s take 40.96 s, with a standard deviation of 0.64 s.
    let end_s = timed.last().unwrap().at_ns as f64 / 1e9;
    assert!((38.0..44.0).contains(&end_s), "{end_s}");
    let rare = plan(7, &["hang@rate=0.001/s"]).timed();
    assert!(rare.len() < 200 && rare.iter().all(|t| t.at_ns <= HORIZON_NS));
}

#[test]
fn the_frequency_of_a_probability_lies_in_its_binomial_bounds() {
    for seed in 0..8 {
        for p in [0.01f64, 0.2, 0.5] {
            let n = 20_000u32;
            let plan = plan(seed, &[&format!("abort@p={p}")]);
            let first =
                (0..u64::from(n)).filter(|&i| plan.decide(&Site::lent(i, 0, 0)).is_some()).count();
            let again = (0..u64::from(n))
                .filter(|&i| {
                    plan.decide(&Site::lent(i, 0, 0)).is_some()
                        && plan.decide(&Site::lent(i, 1, 0)).is_some()
                })
                .count();
            // Five standard deviations: 48 checks of this kind fail once in some 36,000 choices of seeds.
            let bound = |p: f64| 5.0 * (f64::from(n) * p * (1.0 - p)).sqrt();
            assert!((first as f64 - f64::from(n) * p).abs() < bound(p), "{seed} {p} {first}");
            assert!(
                (again as f64 - f64::from(n) * p * p).abs() < bound(p * p),
                "{seed} {p} {again}"
            );
        }
    }
}

fn any_when() -> impl Strategy<Value = When> {
    prop_oneof![
        any::<u64>().prop_map(When::Item),
        (0..500u64, 0..500u64, 1..60u64).prop_map(|(first, more, step)| When::Range {
            first,
            last: first + more,
            step
        }),
        (0.0..=1.0f64).prop_map(When::Probability),
        (0..=MAX_AT_MS).prop_map(When::AtMs),
        (1e-6..1000.0f64).prop_map(When::RatePerS),
    ]
}

fn any_spec() -> impl Strategy<Value = FaultSpec> {
    let fault = proptest::sample::select(pipelines::fault::TABLE).prop_map(|e| e.fault);
    (fault, any_when(), any::<bool>()).prop_map(|(fault, when, all)| {
        let every_attempt = all && !matches!(when, When::AtMs(_) | When::RatePerS(_));
        FaultSpec { fault, when, every_attempt }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_spec_survives_text_and_toml(spec in any_spec()) {
        prop_assert_eq!(spec.to_string().parse::<FaultSpec>().unwrap(), spec);
        if !matches!(spec.when, When::Item(i) if i > i64::MAX as u64) {
            let text = toml::to_string(&spec).unwrap();
            prop_assert_eq!(toml::from_str::<FaultSpec>(&text).unwrap(), spec);
        }
    }

    #[test]
    fn a_plan_decides_alike_in_any_order_and_across_json(
        specs in prop::collection::vec(any_spec(), 0..5),
        seed in any::<u64>(),
        asked in prop::collection::vec((0..2000u64, 0..4u32), 1..50),
    ) {
        let plan = FaultPlan { specs, seed };
        let there: FaultPlan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
        prop_assert_eq!(&there, &plan);
        let forth: Vec<_> = asked.iter().map(|&(i, a)| plan.decide(&Site::lent(i, a, 0))).collect();
        let mut back: Vec<_> = asked.iter().rev().map(|&(i, a)| there.decide(&Site::lent(i, a, 0))).collect();
        back.reverse();
        prop_assert_eq!(forth, back);
        prop_assert_eq!(format!("{:?}", plan.timed()), format!("{:?}", there.timed()));
    }
}
