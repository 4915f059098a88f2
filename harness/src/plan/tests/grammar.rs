//! How a fault is written, in text and in TOML.

use super::*;

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
        ("abort@p=1%,attempts=all", "abort@p=0.01"),
        ("abort@p=1%,attempts<2", "abort@p=0.01,attempts<2"),
        ("abort@attempts<3,item=7", "abort@item=7,attempts<3"),
        ("abort@item=7,attempts<1", "abort@item=7"),
        ("abort@item=7,attempt=1", "abort@item=7,attempt=1"),
        ("abort@item=7,point=native", "abort@item=7"),
        ("abort@point=native", "abort@point=native"),
        ("kill-subject@point=rename", "kill-subject@point=rename"),
        ("kill-subject@point=rename,item=7", "kill-subject@item=7,point=rename"),
        ("stop@p=50%,point=journal", "stop@p=0.5,point=journal"),
        ("abort@tile=3:12", "abort@tile=3:12"),
        ("panic@every=5s±30%", "panic@every=5000ms±0.3"),
        ("panic@every=5s+-0.3,lane=2", "panic@every=5000ms±0.3,lane=2"),
        ("panic@every=20ms", "panic@every=20ms"),
        ("abort@p=1,bytes>1M", "abort@p=1,bytes>1000000"),
        ("abort@p=1,bytes>1MiB,lane=0", "abort@p=1,lane=0,bytes>1048576"),
        ("abort@at=1s,when=recovering", "abort@at=1000ms,when=recovering"),
        ("abort@item=1..9,after-restart=3", "abort@item=1..9,after-restart=3"),
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
        ("abort@each=3", "no trigger (item=, tile="),
        ("abort@item=3,attempts=2", "attempts=all, attempts<N"),
        ("abort@item=3,attempts<0", "leaves no attempt"),
        ("abort@item=3,attempts<2,attempt=1", "only one of"),
        ("abort@item=3,item=4", "item is given twice"),
        ("abort@item=3,p=1%", "exactly one trigger"),
        ("abort@item=3,at=1s", "exactly one trigger"),
        ("abort@at=2s,rate=1/s", "exactly one trigger"),
        ("abort@lane=3", "exactly one trigger"),
        ("abort@item=3,lane=128", "numbered from 0 to 127"),
        ("stop@item=3,point=write,lane=1", "no lane passes the point write"),
        ("segfault@item=3,point=write", "segfault strikes at the point native"),
        ("abort@item=3,point=before", "not at before, where these can: shutdown, "),
        ("kill-subject@point=native", "kill-subject strikes at the point before"),
        ("kill-subject@point=writ", "no point called"),
        ("abort@tile=3", "not ROW:COL"),
        ("abort@tile=3:x", "whole number"),
        ("abort@every=0ms", "period of 0"),
        ("abort@every=5", "must end in ms or s"),
        ("abort@every=5s±130%", "between 0 and 1"),
        ("abort@every=2d", "must end in ms or s"),
        ("abort@p=1,bytes>many", "no number of bytes"),
        ("abort@p=1,bytes<3", "no condition"),
        ("abort@p=1,when=idle", "when=recovering"),
        ("abort@p=1,after-restart=0", "counted from 1"),
        ("abort@every=5s,attempts<2", "not with a moment"),
        ("abort@at=3s,attempts=all", "not with a moment"),
        ("abort@item", "KEY=VALUE"),
        ("abort@item=3,", "KEY=VALUE"),
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
        ("fault='hang'\nwhen={every_ms=20, jitter=0.3}", "hang@every=20ms±0.3"),
        ("fault='abort'\nwhen={item=1, attempts='all'}", "abort@item=1,attempts=all"),
        ("fault='abort'\nwhen={p=0.5, attempts_below=2}", "abort@p=0.5,attempts<2"),
        ("fault='abort'\nwhen={tile='3:4', lane=1}", "abort@tile=3:4,lane=1"),
        ("fault='term'\nwhen={point='write'}", "term@point=write"),
        ("fault='term'\nwhen={point='write', item=2}", "term@item=2,point=write"),
        (
            "fault='abort'\nwhen={p=1, above_bytes=9, recovering=true, after_restart=2}",
            "abort@p=1,bytes>9,when=recovering,after-restart=2",
        ),
    ] {
        let found = read(text).unwrap();
        assert_eq!(found.to_string(), spec);
        assert_eq!(read(&toml::to_string(&found).unwrap()).unwrap(), found);
    }
    for (text, part) in [
        ("fault='abort'\nwhen={}", "exactly one"),
        ("fault='abort'\nwhen={p=0.1, item=3}", "exactly one"),
        ("fault='abort'\nwhen={at_ms=1, jitter=0.1}", "goes with every"),
        ("fault='panic'\nwhen={item=1, point='write'}", "panic strikes at the point before"),
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

fn any_trigger() -> impl Strategy<Value = Trigger> {
    let which = prop_oneof![
        any::<u64>().prop_map(Which::One),
        (0..u64::MAX / 2, 0..u64::MAX / 2, 1..1000u64)
            .prop_map(|(first, more, step)| { Which::Range { first, last: first + more, step } }),
        any::<(u64, u64)>().prop_map(|(row, col)| Which::Tile { row, col }),
        Just(Which::Each),
        (0.0..=1.0f64).prop_map(Which::Probability),
    ];
    let attempts = prop_oneof![
        Just(Attempts::All),
        (1..9u32).prop_map(Attempts::Below),
        any::<u32>().prop_map(Attempts::Only),
    ];
    let moment = prop_oneof![
        (0..=MAX_AT_MS).prop_map(Moment::AtMs),
        (1..=MAX_AT_MS, 0.0..=1.0f64)
            .prop_map(|(period_ms, jitter)| Moment::Every { period_ms, jitter }),
        (1e-6..1000.0f64).prop_map(Moment::RatePerS),
    ];
    prop_oneof![
        (which, attempts).prop_map(|(which, attempts)| Trigger::Item(which, attempts)),
        moment.prop_map(Trigger::Moment),
    ]
}

pub(super) fn any_spec() -> impl Strategy<Value = FaultSpec> {
    let fault = proptest::sample::select(pipelines::fault::TABLE).prop_map(|e| e.fault);
    let point = proptest::sample::select(Point::ALL.to_vec());
    let only =
        (prop::option::of(0..128usize), prop::option::of(0..1u64 << 60), any::<bool>(), 0..3u32);
    let only = only.prop_map(|(lane, above_bytes, recovering, after_restart)| Conditions {
        lane,
        above_bytes,
        recovering,
        after_restart,
    });
    (fault, point, any_trigger(), only).prop_map(|(fault, point, trigger, only)| {
        let spec = FaultSpec { fault, point, trigger, only };
        // What cannot be is put where it can.
        let home = fault.entry().point;
        let lone = FaultSpec { only: Conditions { lane: None, ..only }, ..spec };
        let at_home = FaultSpec { point: home, ..spec };
        let lone_at_home = FaultSpec { point: home, ..lone };
        let there = spec.checked().or(lone.checked());
        there.or(at_home.checked()).or(lone_at_home.checked()).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_spec_survives_text_and_toml(spec in any_spec()) {
        prop_assert_eq!(spec.to_string().parse::<FaultSpec>().unwrap(), spec);
        // TOML has no larger number.
        if !matches!(spec.trigger, Trigger::Item(Which::One(i), _) if i > i64::MAX as u64) {
            let text = toml::to_string(&spec).unwrap();
            prop_assert_eq!(toml::from_str::<FaultSpec>(&text).unwrap(), spec);
        }
    }
}
