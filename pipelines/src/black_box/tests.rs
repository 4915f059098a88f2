//! What one process writes, the next one reads; and what is no black box is refused.

use super::page::LAST_WORDS_BYTES;
use super::*;
use crate::fault::{Fault, Point, Site};
use crate::message::Blame;
use std::collections::BTreeSet;
use std::sync::atomic::AtomicU32;
use std::thread::scope;
use tempfile::TempDir;

fn new(items: u64, armed: bool) -> (TempDir, std::path::PathBuf, BlackBox) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("box");
    let black_box = BlackBox::create(&path, items, armed).unwrap();
    (dir, path, black_box)
}

#[test]
fn what_was_written_survives_its_writer() {
    let (_dir, path, writer) = new(10, true);
    assert_eq!((writer.begin(3), writer.begin(3), writer.begin(4)), (0, 1, 0));
    let write = Site { point: Point::Write, ..Site::lent(9, 0, 300) };
    let receipts = [
        writer.arm(Fault::Abort, &Site::lent(3, 1, 7)).unwrap(),
        writer.arm(Fault::KillSubject, &write).unwrap(),
    ];
    // As a worker does it: through a mapping of its own that shows the receipts alone.
    let (file, cap) = writer.for_workers().unwrap();
    Receipts::attach(&file.try_clone_to_owned().unwrap(), cap).unwrap().sign(receipts[1]);
    writer.record(What::Lent, 3, 1, 7, 0);
    writer.record(What::Died, 3, 1, 7, Death::Signal(6).code());
    writer.record(What::Done, 4, 0, 200, 5);
    writer.say_last(&Failure::output("no room"));
    writer.finish();
    let started = writer.started_ns();
    drop(writer);

    let reader = BlackBox::open(&path).unwrap();
    assert_eq!((reader.begun(3), reader.begun(4), reader.begun(5)), (2, 1, 0));
    assert_eq!(reader.begin(3), 2, "attempts go on where the last incarnation left off");
    let found = reader.read_receipts();
    let found: Vec<_> =
        found.iter().map(|r| (r.fault, r.item, r.attempt, r.fired_ns.is_some())).collect();
    assert_eq!(found, [(Fault::Abort, 3, 1, false), (Fault::KillSubject, 9, 0, true)]);
    let places = reader.read_receipts().into_iter().map(|r| (r.point, r.lane));
    assert!(places.eq([(Point::Native, 7), (Point::Write, 255)]));
    let events = reader.events();
    let what: Vec<_> =
        events.iter().map(|e| (e.what, e.item, e.attempt, e.lane, e.value)).collect();
    let lent = (What::Lent, 3, 1, 7, 0);
    assert_eq!(what, [lent, (What::Died, 3, 1, 7, 6), (What::Done, 4, 0, 200, 5)]);
    assert!(events.is_sorted_by_key(|e| e.t_ns) && events[0].t_ns >= started);
    let mut seen = 1;
    assert_eq!(reader.events_since(&mut seen), events[1..]);
    assert_eq!((reader.events_since(&mut seen), seen), (vec![], 3));
    assert_eq!(reader.deaths(), [(Death::Signal(6), 1)]);
    assert_eq!((reader.settled(), reader.events_missed(), reader.progress()), (1, 0, 3));
    assert!(reader.finished());
    assert_eq!(reader.last_words(), Some(Failure::output("no room")));
    assert_eq!(reader.started_ns(), started);
}

/// In the environment of the process that is killed at a stage: the black box, and which stage.
const VICTIM: &str = "OKIAGARI_TEST_RECEIPT";

/// A process of its own that goes through the stages of a receipt until it is killed at one of them, by SIGKILL.
#[test]
fn a_victim_is_killed_at_its_stage() {
    let Some(told) = std::env::var_os(VICTIM) else { return };
    let told = told.into_string().unwrap();
    let (stage, path) = told.split_once(':').unwrap();
    let black_box = BlackBox::open(Path::new(path)).unwrap();
    let stages: [&dyn Fn(); 4] = [
        &|| assert_eq!(black_box.arm(Fault::Abort, &Site::lent(3, 1, 0)), Some(0)),
        &|| black_box.receipts().reach(0),
        &|| black_box.receipts().sign(0),
        &|| black_box.record(What::Died, 3, 1, 0, Death::Signal(6).code()),
    ];
    stages.iter().take(stage.parse().unwrap()).for_each(|pass| pass());
    let me = rustix::process::getpid();
    rustix::process::kill_process(me, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn whatever_stage_a_kill_comes_at_what_stands_there_is_how_far_it_came() {
    for stage in 0..=4 {
        let (_dir, path, black_box) = new(10, true);
        let status = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "black_box::tests::a_victim_is_killed_at_its_stage"])
            .env(VICTIM, format!("{stage}:{}", path.display()))
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        let killed = std::os::unix::process::ExitStatusExt::signal(&status);
        assert_eq!(killed, Some(9), "stage {stage}");
        let receipts = black_box.read_receipts();
        assert_eq!(receipts.len(), usize::from(stage > 0), "armed at stage {stage}");
        let Some(r) = receipts.first() else { continue };
        let marks = [Some(r.armed_ns), r.reached_ns, r.fired_ns, r.effect_ns];
        let there = marks.iter().filter(|mark| mark.is_some()).count();
        assert_eq!(there, stage, "{r:?}");
        assert!(marks[..there].is_sorted(), "{r:?}");
        // The observer sees the fall, which is an effect of what has fired and of nothing else.
        black_box.saw_fall(u64::MAX);
        let seen = black_box.read_receipts()[0].effect_ns;
        let expected = [None, None, None, Some(u64::MAX), r.effect_ns][stage];
        assert_eq!(seen, expected, "stage {stage}");
    }
}

#[test]
fn an_effect_belongs_to_the_attempt_that_the_fault_fired_in() {
    let (_dir, _, black_box) = new(10, true);
    let strikes: Vec<_> = [(3, 0), (3, 1), (5, 0)]
        .map(|(i, a)| black_box.arm(Fault::Slow(0), &Site::lent(i, a, 0)).unwrap())
        .into();
    strikes.iter().for_each(|receipt| black_box.receipts().sign(*receipt));
    black_box.record(What::Died, 3, 1, 0, Death::Error.code());
    black_box.record(What::Died, 7, 0, 0, Death::Error.code());
    black_box.record(What::Accepted, 5, 0, 0, 9);
    let seen = |b: &BlackBox| -> Vec<_> {
        b.read_receipts().iter().map(|r| r.effect_ns.is_some()).collect()
    };
    assert_eq!(seen(&black_box), [false, true, false]);
    // Item 5 came through its fault before the fall; attempt 0 of item 3 was never seen to end.
    black_box.saw_fall(now_ns());
    assert_eq!(seen(&black_box), [true, true, false]);
    // Of several that are open, it is the last that it fell of.
    let (_dir, _, black_box) = new(10, true);
    let open = [1, 2, 3].map(|item| black_box.arm(Fault::Hang, &Site::lent(item, 0, 0)).unwrap());
    [open[0], open[2], open[1]].into_iter().for_each(|r| black_box.receipts().sign(r));
    black_box.saw_fall(now_ns());
    assert_eq!(seen(&black_box), [false, true, false]);
}

#[test]
fn a_new_one_has_nothing_to_say() {
    let (_dir, path, _) = new(0, false);
    let reader = BlackBox::open(&path).unwrap();
    assert!(reader.events().is_empty() && reader.read_receipts().is_empty());
    assert!(reader.deaths().is_empty() && !reader.finished() && reader.last_words().is_none());
    assert_eq!((reader.begin(0), reader.begun(0)), (0, 0), "no such item: nothing is counted");
}

#[test]
fn every_death_has_its_own_code() {
    use Death::*;
    let deaths = (0..128).map(Signal).chain((0..256).map(Exit));
    for death in deaths.chain([Panic, Deadline, Garbage, Left, Error]) {
        assert_eq!(Death::from_code(death.code()), death);
        assert!(death.code() < Death::CODES as u64);
    }
}

#[test]
fn what_is_none_is_refused() {
    let (dir, path, black_box) = new(100, true);
    let bytes = black_box.parts.bytes();
    drop(black_box);
    let whole = std::fs::read(&path).unwrap();
    let other = dir.path().join("other");
    assert!(BlackBox::open(&other).is_err(), "missing");
    for len in [0, 1, 8, PAGE - 1, PAGE, PAGE + 1, bytes - PAGE, bytes - 1] {
        std::fs::write(&other, &whole[..len]).unwrap();
        assert!(BlackBox::open(&other).is_err(), "cut to {len} bytes");
    }
    std::fs::write(&other, vec![0; bytes]).unwrap();
    assert!(BlackBox::open(&other).is_err(), "nothing but zeros");
    // The magic is written last: a creation that was cut short does not count.
    std::fs::write(&other, [&[0; 8], &whole[8..]].concat()).unwrap();
    assert!(BlackBox::open(&other).is_err(), "no magic");
    // 2^62 items take no bytes at all when their product wraps.
    for items in [0, 1 << 20, 1 << 62, (1 << 62) + 100, u64::MAX] {
        let mut scribbled = whole.clone();
        scribbled[8..16].copy_from_slice(&items.to_le_bytes());
        std::fs::write(&other, scribbled).unwrap();
        let opened = BlackBox::open(&other);
        // No items and a hundred of them take the same number of pages only if both round up to one.
        assert!(opened.is_err(), "{items} items");
    }
    std::fs::write(&other, &whole).unwrap();
    assert!(BlackBox::open(&other).is_ok());
}

#[test]
fn events_without_room_are_counted() {
    let (_dir, path, black_box) = new(1, false);
    let room = black_box.parts.events_cap as u64;
    (0..room + 10).for_each(|n| black_box.record(What::Done, 0, 0, 0, n));
    let reader = BlackBox::open(&path).unwrap();
    let events = reader.events();
    assert!(events.iter().map(|e| e.value).eq(0..room));
    assert_eq!((reader.events_missed(), reader.settled()), (10, room + 10));
}

#[test]
fn a_torn_event_is_left_out() {
    let (_dir, _, black_box) = new(1, false);
    black_box.record(What::Lent, 0, 0, 0, 0);
    // Its writer was killed between taking a number and filling the slot.
    black_box.header().events_next.fetch_add(1, Relaxed);
    black_box.record(What::Done, 0, 0, 0, 0);
    let what: Vec<_> = black_box.events().iter().map(|e| e.what).collect();
    assert_eq!(what, [What::Lent, What::Done]);
}

#[test]
fn without_a_receipt_nothing_is_armed() {
    let (_dir, _, black_box) = new(1, true);
    let cap = black_box.parts.receipts_cap;
    let next = AtomicU32::new(0);
    let arm = || black_box.arm(Fault::Abort, &Site::lent(0, next.fetch_add(1, Relaxed), 0));
    let armed: BTreeSet<_> = scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..cap).filter_map(|_| arm()).collect::<Vec<_>>()))
            .collect();
        let got: Vec<_> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
        assert_eq!(got.len(), cap, "each receipt once");
        got.into_iter().collect()
    });
    assert!(armed.into_iter().eq(0..cap as u32));
    assert_eq!(arm(), None);
    assert_eq!(black_box.read_receipts().len(), cap);
    black_box.receipts().sign(u32::MAX);

    let (_dir, _, peaceful) = new(1, false);
    assert_eq!(peaceful.arm(Fault::Abort, &Site::lent(0, 0, 0)), None);
    assert!(peaceful.for_workers().is_none());
}

#[test]
fn a_moment_is_claimed_once_and_streams_do_not_know_of_each_other() {
    const MOMENTS: usize = 1000;
    let (_dir, path, black_box) = new(1, true);
    let claim = |stream| loop {
        let moment = black_box.unclaimed(stream).filter(|n| *n < MOMENTS)?;
        if black_box.claim(stream, moment, moment + 1) {
            return Some(moment);
        }
    };
    let claimed: Vec<_> = scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| std::iter::from_fn(|| claim(3)).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    assert_eq!(claimed.len(), MOMENTS);
    assert_eq!(claimed.into_iter().collect::<BTreeSet<_>>().len(), MOMENTS);
    let again = BlackBox::open(&path).unwrap();
    assert_eq!((again.unclaimed(3), again.unclaimed(0)), (Some(MOMENTS), Some(0)));
    assert!(!again.claim(3, 5, 6) && again.claim(STREAMS_MAX - 1, 0, 1), "whatever restarts");
    assert_eq!((again.unclaimed(STREAMS_MAX), again.claim(STREAMS_MAX, 0, 1)), (None, false));
}

#[test]
fn a_lane_recovers_from_the_death_of_its_worker_until_its_next_result() {
    let (_dir, path, black_box) = new(1, true);
    assert_eq!((black_box.incarnate(), black_box.is_recovering()), (0, false));
    black_box.record(What::Died, 0, 0, 3, Death::Error.code());
    assert!(!black_box.is_recovering(), "an error killed nobody");
    black_box.record(What::Died, 0, 1, 3, Death::Signal(6).code());
    black_box.record(What::Died, 0, 0, 200, Death::Panic.code());
    black_box.record(What::Lent, 0, 2, 3, 0);
    black_box.record(What::Accepted, 0, 2, 3, 0);
    assert!(black_box.is_recovering(), "the other lane");
    black_box.record(What::Accepted, 0, 0, 201, 0);
    assert!(black_box.is_recovering(), "another lane's result says nothing of it");
    black_box.record(What::Accepted, 0, 0, 200, 0);
    assert!(!black_box.is_recovering());
    black_box.record(What::Died, 0, 0, 7, Death::Deadline.code());
    let next = BlackBox::open(&path).unwrap();
    assert!(next.is_recovering(), "it is in the file");
    assert_eq!((next.incarnate(), next.is_recovering()), (1, false), "its lanes are new");
}

#[test]
fn last_words_are_clipped() {
    let (_dir, _, black_box) = new(1, false);
    black_box.say_last(&Failure::input("ä".repeat(LAST_WORDS_BYTES)));
    let words = black_box.last_words().unwrap();
    assert_eq!((words.blame, words.what), (Blame::Input, "ä".repeat(LAST_WORDS_BYTES / 2)));
}
