//! The judges judged: one thing is done to a good history, and exactly the right one must shout.

use super::*;
use crate::history::{State, sample};
use Answer::{Broken, Holds, Unknown};
use proptest::prelude::*;

fn answers(h: &History) -> [Answer; 3] {
    Oracle::ALL.map(|o| o.judge(h).answer())
}

fn witnessed(v: &Verdict) -> &Witness {
    match v {
        Verdict::Broken(w) => w,
        other => panic!("not broken: {other:?}"),
    }
}

#[test]
fn each_harm_wakes_exactly_its_judge() {
    type Harm = fn(&mut History);
    let table: [(&str, Harm, [Answer; 3]); 14] = [
        ("nothing", |_| {}, [Holds, Holds, Holds]),
        (
            "declared failed",
            |h| {
                h.items[3].state = State::Failed;
                h.items[3].found_blake3 = None;
            },
            [Holds, Holds, Holds],
        ),
        (
            "quarantined",
            |h| {
                h.items[3].state = State::Quarantined;
                h.items[3].found_blake3 = None;
            },
            [Holds, Holds, Holds],
        ),
        (
            "dropped",
            |h| {
                h.items[3].state = State::Lost;
                h.items[3].found_blake3 = None;
            },
            [Broken, Holds, Holds],
        ),
        ("done, they said", |h| h.items[3].found_blake3 = None, [Broken, Holds, Holds]),
        (
            "done, they said, events missed",
            |h| {
                h.items[3].found_blake3 = None;
                h.run.events_missed = 1;
            },
            [Broken, Unknown, Holds],
        ),
        ("doubled", |h| h.items[3].deliveries = 2, [Holds, Broken, Holds]),
        (
            "doubled, events missed",
            |h| {
                h.items[3].deliveries = 2;
                h.run.events_missed = 9;
            },
            [Unknown, Broken, Holds],
        ),
        ("foreign file", |h| h.run.foreign_files = 1, [Holds, Broken, Holds]),
        ("altered", |h| h.items[3].found_blake3 = Some("x".into()), [Holds, Holds, Broken]),
        ("events missed", |h| h.run.events_missed = 1, [Unknown, Unknown, Holds]),
        ("item not recorded", |h| drop(h.items.pop()), [Unknown, Unknown, Unknown]),
        ("recorded out of order", |h| h.items.swap(1, 2), [Unknown, Unknown, Unknown]),
        ("no golden checksum", |h| h.items[3].golden_blake3.clear(), [Holds, Holds, Unknown]),
    ];
    for (what, harm, expected) in table {
        let mut h = sample::good(0, "okiagari", true, 9);
        harm(&mut h);
        assert_eq!(answers(&h), expected, "{what}");
    }
    assert_eq!(answers(&sample::good(0, "okiagari", true, 0)), [Unknown, Unknown, Unknown]);
}

#[test]
fn a_witness_names_five_items_and_counts_all() {
    let mut h = sample::good(0, "baseline", true, 20);
    for i in &mut h.items[8..] {
        (i.state, i.found_blake3) = (State::Lost, None);
    }
    let verdict = nothing_lost(&h);
    let w = witnessed(&verdict);
    assert_eq!((w.count, w.items.as_slice()), (12, &[8, 9, 10, 11, 12][..]));
    assert!(
        w.what.starts_with("item 8 is lost, item 9") && w.what.ends_with("and 7 more"),
        "{}",
        w.what
    );
}

#[test]
fn the_worst_of_many_trials_wins_and_unknown_beats_holds() {
    let holds = || (0, Verdict::Holds);
    let unknown = || (1, Verdict::Unknown("dark".into()));
    let broken = |n| {
        (2, Verdict::Broken(Witness { count: n, items: vec![4], what: "item 4 is lost".into() }))
    };
    assert_eq!(combine([]).answer(), Unknown);
    assert_eq!(combine([holds(), holds()]), Verdict::Holds);
    assert_eq!(combine([holds(), unknown()]).detail(), "1 of 2 runs; run 1: dark");
    let all = combine([unknown(), broken(3), holds(), broken(4)]);
    assert_eq!(witnessed(&all).count, 7);
    assert_eq!(all.detail(), "2 of 4 runs; run 2: item 4 is lost");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_harm_at_any_item_is_found_there(n in 2..60u64, at in any::<prop::sample::Index>(), harm in 0..4) {
        let mut h = sample::good(0, "okiagari", true, n);
        let k = at.index(n as usize);
        let other = (k + 1) % n as usize;
        let item = &mut h.items[k];
        let expected = match harm {
            0 => { item.state = State::Lost; item.found_blake3 = None; [Broken, Holds, Holds] }
            1 => { item.deliveries += 1; [Holds, Broken, Holds] }
            2 => { item.found_blake3 = Some("0badc0de".into()); [Holds, Holds, Broken] }
            _ => { item.found_blake3 = Some(format!("{other:032x}")); [Holds, Holds, Broken] }
        };
        prop_assert_eq!(answers(&h), expected);
        let broken = Oracle::ALL.iter().map(|o| o.judge(&h)).find(|v| v.answer() == Broken).unwrap();
        let w = witnessed(&broken);
        prop_assert_eq!((w.count, w.items.clone()), (1, vec![k as u64]));
        if harm == 3 {
            prop_assert_eq!(&w.what, &format!("item {k} is misplaced: its file is that of item {other}"));
        }
    }

    #[test]
    fn no_history_makes_a_judge_panic(all in sample::any_histories()) {
        for h in &all {
            answers(h);
        }
    }
}
