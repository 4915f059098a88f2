//! The judges judged: one thing is done to a good history, and exactly the right one must shout.

use super::*;
use crate::history::{Checksum, Ending, State, any, sample};
use Answer::{Broken, Holds, Unknown};
use proptest::prelude::*;

fn answers(h: &History) -> [Answer; 3] {
    Oracle::PROMISES.map(|o| o.judge(h).answer())
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
        ("altered", |h| h.items[3].found_blake3 = Some(Checksum(999)), [Holds, Holds, Broken]),
        ("events missed", |h| h.run.events_missed = 1, [Unknown, Unknown, Holds]),
        ("item not recorded", |h| h.items.truncate(8), [Unknown, Unknown, Unknown]),
        ("recorded out of order", |h| h.items.swap(1, 2), [Unknown, Unknown, Unknown]),
        ("no golden checksum", |h| h.items[3].golden_blake3 = None, [Holds, Holds, Unknown]),
    ];
    for (what, harm, expected) in table {
        let mut h = sample::good(0, "okiagari", true, 9);
        harm(&mut h);
        assert_eq!(answers(&h), expected, "{what}");
    }
    assert_eq!(answers(&sample::good(0, "okiagari", true, 0)), [Unknown, Unknown, Unknown]);
}

#[test]
fn the_other_judges_are_woken_by_what_is_theirs() {
    use Oracle::{Assembled, Clean, Conservation, Durable, Live};
    type Harm = fn(&mut History);
    let second = 1_000_000_000;
    let table: [(&str, Oracle, Harm, Answer); 22] = [
        ("all well", Conservation, |_| {}, Holds),
        ("declared and delivered", Conservation, |h| h.items[3].state = State::Failed, Broken),
        (
            "corrupted is accounted for",
            Conservation,
            |h| h.items[3].found_blake3 = Some(Checksum(99)),
            Holds,
        ),
        ("not recorded", Conservation, |h| h.items.truncate(8), Unknown),
        ("all well", Assembled, |_| {}, Holds),
        ("a hole", Assembled, |h| h.items[3].found_blake3 = None, Broken),
        ("another tile", Assembled, |h| h.items[3].found_blake3 = Some(Checksum(99)), Broken),
        (
            "in another place",
            Assembled,
            |h| h.items[3].found_blake3 = h.items[4].found_blake3,
            Broken,
        ),
        ("no golden image", Assembled, |h| h.items[3].golden_blake3 = None, Unknown),
        ("never fell", Durable, |_| {}, Unknown),
        ("fell, got up, all there", Durable, |h| h.run.restarts = 1, Holds),
        (
            "fell, and lost what it had not done",
            Durable,
            |h| {
                h.run.ending = Ending::Signal(9);
                (h.items[3].state, h.items[3].found_blake3) = (State::Lost, None);
            },
            Holds,
        ),
        (
            "fell, and lost what it had done",
            Durable,
            |h| {
                h.run.restarts = 1;
                h.items[3].found_blake3 = None;
            },
            Broken,
        ),
        (
            "fell, and left a torn file",
            Durable,
            |h| {
                h.run.ending = Ending::Signal(9);
                h.items[3].found_blake3 = Some(Checksum(99));
            },
            Broken,
        ),
        ("all well", Live, |_| {}, Holds),
        ("hung", Live, |h| h.run.ending = Ending::Hang, Broken),
        (
            "fell with work to do",
            Live,
            |h| {
                h.run.ending = Ending::Signal(6);
                h.items[3].state = State::Lost;
            },
            Broken,
        ),
        ("never ends", Live, |h| h.run.wall_ns = LIVE_WITHIN_NS * 2, Broken),
        (
            "a pause before the last fault",
            Live,
            |h| {
                h.injections.push(sample::strike(h, 0, 3));
                h.injections[0].fired_ns = Some(LIVE_WITHIN_NS * 3);
                h.run.wall_ns = LIVE_WITHIN_NS * 3 + 5;
            },
            Holds,
        ),
        ("all well", Clean, |_| {}, Holds),
        ("an orphan", Clean, |h| h.run.orphans = 1, Broken),
        ("a foreign file", Clean, |h| h.run.foreign_files = 1, Broken),
    ];
    for (what, oracle, harm, expected) in table {
        let mut h = sample::good(0, "okiagari", true, 9);
        harm(&mut h);
        assert_eq!(oracle.judge(&h).answer(), expected, "{oracle}: {what}");
    }
    assert!(LIVE_WITHIN_NS > 7 * second, "HtPipe's own restart is progress");
}

#[test]
fn what_never_fired_leaves_a_claim_unknown() {
    use pipelines::fault::Fault;
    let mut h = sample::good(0, "okiagari", true, 9);
    assert_eq!(activated([], [&h]), Verdict::Holds);
    assert_eq!(activated([Fault::Abort], [&h]).answer(), Unknown);
    h.injections.push(sample::strike(&h, 0, 3));
    assert_eq!(activated([Fault::Abort], [&h]), Verdict::Holds);
    assert_eq!(activated([Fault::Slow(1)], [&h]).answer(), Unknown);
    h.injections[0].fault = Fault::Slow(7);
    assert_eq!(activated([Fault::Slow(1)], [&h]), Verdict::Holds, "another number, the same fault");
    h.injections[0].fired_ns = None;
    let dark = activated([Fault::Slow(1), Fault::Hang], [&h]);
    assert_eq!(dark.detail(), "no fault hang, slow:1 fired, so it was not put to the test");
    assert_eq!(activated([Fault::Abort], []).answer(), Unknown);
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
            2 => { item.found_blake3 = Some(Checksum(0x0bad_c0de)); [Holds, Holds, Broken] }
            _ => { item.found_blake3 = Some(Checksum(other as u128)); [Holds, Holds, Broken] }
        };
        prop_assert_eq!(answers(&h), expected);
        let broken = Oracle::PROMISES.iter().map(|o| o.judge(&h)).find(|v| v.answer() == Broken).unwrap();
        let w = witnessed(&broken);
        prop_assert_eq!((w.count, w.items.clone()), (1, vec![k as u64]));
        if harm == 3 {
            prop_assert_eq!(&w.what, &format!("item {k} is misplaced: its file is that of item {other}"));
        }
    }

    #[test]
    fn no_history_makes_a_judge_panic(all in any::any_histories()) {
        for h in &all {
            assert_eq!(Oracle::ALL.map(|o| o.judge(h).answer()).len(), 8);
            activated([pipelines::fault::Fault::Abort], [h]);
        }
    }
}
