//! Each outcome by the one thing that makes it, and the worse one wins.

use super::super::*;
use crate::history::{Checksum, Ending, History, Ring, State, sample};
use pipelines::fault::Fault;

type Change = fn(&mut History);

/// A trial with a fault at item 5 that was recovered from, twenty items.
fn recovered() -> History {
    sample::comparison(1, 20).remove(3)
}

/// The same, of which nothing was noticed.
fn unnoticed(h: &mut History) {
    let i = &mut h.injections[0];
    (i.detected_ns, i.accepted_ns, i.contained_at, i.effect_ns) = (None, None, None, None);
}

fn gone(h: &mut History) {
    (h.items[5].state, h.items[5].found_blake3) = (State::Lost, None);
}

#[test]
fn each_outcome_is_told_apart() {
    let table: [(&str, Change, Outcome); 24] = [
        ("nothing", |_| {}, Outcome::Recovered),
        (
            "never fired",
            |h| (h.injections[0].fired_ns, h.injections[0].effect_ns) = (None, None),
            Outcome::NotActivated,
        ),
        ("unnoticed", unnoticed, Outcome::Masked),
        ("late", |h| h.injections[0].accepted_ns = Some(5 * LATE_NS), Outcome::RecoveredLate),
        (
            "a lane that never came back",
            |h| {
                let i = &mut h.injections[0];
                (i.ready_ns, i.first_ns, i.detected_ns) = (None, None, Some(1));
                (i.armed_ns, i.reached_ns, i.fired_ns, i.effect_ns) =
                    (0, Some(0), Some(0), Some(1));
            },
            Outcome::Degraded,
        ),
        ("twice", |h| h.items[5].deliveries = 2, Outcome::Duplicated),
        (
            "given up",
            |h| (h.items[5].state, h.items[5].found_blake3) = (State::Failed, None),
            Outcome::DeclaredLoss,
        ),
        (
            "poison, set aside: the contract",
            |h| {
                (h.items[5].state, h.items[5].found_blake3) = (State::Quarantined, None);
                h.injections[0].permanent = true;
            },
            Outcome::Recovered,
        ),
        (
            "gone, and it hung",
            |h| {
                gone(h);
                h.run.ending = Ending::Hang;
            },
            Outcome::Hang,
        ),
        (
            "gone with the subject",
            |h| {
                gone(h);
                h.run.ending = Ending::Signal(6);
            },
            Outcome::Abort,
        ),
        (
            "gone, and it gave up",
            |h| {
                gone(h);
                h.run.ending = Ending::Exit(3);
            },
            Outcome::Abort,
        ),
        (
            "felled the subject, which had delivered it",
            |h| {
                h.run.ending = Ending::Signal(6);
                h.injections[0].contained_at = Some(Ring::Subject);
            },
            Outcome::Abort,
        ),
        ("another fault felled it later", |h| h.run.ending = Ending::Signal(6), Outcome::Recovered),
        ("gone without a word", gone, Outcome::SilentLoss),
        (
            "gone behind an exit(0)",
            |h| {
                gone(h);
                h.run.ending = Ending::Exit(0);
            },
            Outcome::SilentLoss,
        ),
        ("said to be done", |h| h.items[5].found_blake3 = None, Outcome::SilentLoss),
        ("wrong", |h| h.items[5].found_blake3 = Some(Checksum(999)), Outcome::Sdc),
        ("misplaced", |h| h.items[5].found_blake3 = h.items[6].golden_blake3, Outcome::Sdc),
        (
            "another item is damaged",
            |h| h.items[0].found_blake3 = Some(Checksum(9)),
            Outcome::Catastrophic,
        ),
        ("somebody outlived it", |h| h.run.orphans = 1, Outcome::Catastrophic),
        ("an effect without a cause", |h| h.injections[0].fired_ns = None, Outcome::Invalid),
        ("fired where it never came", |h| h.injections[0].reached_ns = None, Outcome::Invalid),
        ("declared and delivered", |h| h.items[7].state = State::Failed, Outcome::Invalid),
        ("no such item", |h| h.injections[0].item = 99, Outcome::Invalid),
    ];
    for (what, change, expected) in table {
        let mut h = recovered();
        change(&mut h);
        assert_eq!(outcome(&h, &h.injections[0], &Twins::default()), expected, "{what}");
    }
}

#[test]
fn the_worst_of_a_trial_is_that_of_its_faults_or_its_own() {
    let table: [(&str, Change, Outcome); 7] = [
        ("nothing", |_| {}, Outcome::Recovered),
        (
            "one is late",
            |h| h.injections[1].accepted_ns = Some(5 * LATE_NS),
            Outcome::RecoveredLate,
        ),
        (
            "an item that nobody struck is lost",
            |h| {
                (h.items[0].state, h.items[0].found_blake3) = (State::Lost, None);
            },
            Outcome::SilentLoss,
        ),
        ("it fell after all", |h| h.run.ending = Ending::Signal(9), Outcome::Abort),
        (
            "an item that nobody struck is wrong",
            |h| {
                h.injections.clear();
                h.items[0].found_blake3 = Some(Checksum(9));
            },
            Outcome::Sdc,
        ),
        ("quiet", |h| h.injections.clear(), Outcome::NotActivated),
        ("a record is missing", |h| h.items.truncate(19), Outcome::Invalid),
    ];
    for (what, change, expected) in table {
        let mut h = recovered();
        change(&mut h);
        assert_eq!(worst(&h, &Twins::default()), expected, "{what}");
    }
    assert!(Outcome::ALL.windows(2).all(|w| w[0] > w[1]), "listed from the worst to the best");
    for o in Outcome::ALL {
        assert_eq!(serde_json::to_value(o).unwrap(), o.name());
    }
}

#[test]
fn a_cause_is_right_if_it_is_the_one_that_was_injected() {
    let named = |fault, diagnosis: Option<&str>| {
        let mut i = recovered().injections.remove(0);
        (i.fault, i.diagnosis) = (fault, diagnosis.map(str::to_owned));
        diagnosis_ok(&i)
    };
    for (fault, diagnosis, expected) in [
        (Fault::Abort, Some("signal 6"), Some(true)),
        (Fault::Abort, Some("signal 11"), Some(false)),
        (Fault::Abort, Some("error"), Some(false)),
        (Fault::Abort, None, None),
        (Fault::Exit(0), Some("exit 0"), Some(true)),
        (Fault::Exit(7), Some("exit 0"), Some(false)),
        (Fault::Hang, Some("hang"), Some(true)),
        (Fault::Shutdown, Some("left"), Some(true)),
        (Fault::Leak, Some("out of memory"), Some(true)),
        (Fault::Slow(5), Some("hang"), None),
    ] {
        assert_eq!(named(fault, diagnosis), expected, "{fault} {diagnosis:?}");
    }
}

#[test]
fn coverage_leaves_out_what_says_nothing_for_or_against() {
    use Outcome::*;
    let all = [
        (Recovered, 6),
        (Masked, 2),
        (Sdc, 1),
        (RecoveredLate, 1),
        (NotActivated, 5),
        (Invalid, 3),
    ];
    let (all_, strict) = coverage(&all.into_iter().collect());
    assert_eq!((all_.n, all_.value), (10, Some(0.8)));
    assert_eq!((strict.n, strict.value), (8, Some(0.75)));
    assert_eq!(coverage(&Default::default()).0.value, None);
}
