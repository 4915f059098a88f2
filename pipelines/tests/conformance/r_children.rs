//! R: handlers in processes of their own, and how those can end.

use crate::case::Case;
use crate::kit::{barrier, both, counting, dummy, entries, next, stage, ticket};
use crate::r_frail::{Faults, Start, deaths, isolated, isolation, watch};
use crate::r_siblings::lasting;
use crate::waits::{all_ids, demanding, until};
use pipelines::engine::reserve::Intensity;
use pipelines::engine::running::Left;
use pipelines::engine::settings::Settings;
use pipelines::fault::Fault;
use pipelines::isolation::{Budget, Isolation};
use pipelines::message::{Blame, Death, Tally};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "R26",
            "a_handler_hangs",
            "a process is ended at its item's deadline; a thread is given up when the run ends, and \
             what it held is reported",
            r26,
        ),
        Case::holds(
            "R27",
            "a_process_ends_in_every_way",
            "SIGKILL, SIGSEGV, SIGABRT, out of memory, exit, a hang, a panic, garbage, half an answer, a \
             start that takes too long: each is named, costs one attempt, and leaves no zombie",
            r27,
        ),
        Case::differs(
            "R28",
            "memory_is_admitted_beforehand",
            "admission stops before memory does",
            "what slots may take is a fixed number of bytes that is never exceeded; how much memory the \
             machine has left is not looked at",
            r28,
        ),
        Case::holds(
            "R29",
            "poison_is_quarantined",
            "an item that kills whoever handles it is set aside after its attempts, and only it; under \
             hand-over it is lost with what its holder held",
            r29,
        ),
    ]
}

fn r26() {
    let deadline = Duration::from_millis(300);
    let once: Faults = |item, attempt| ((item, attempt) == (2, 0)).then_some(Fault::Hang);
    for (_, settings) in both() {
        let lost = u64::from(settings.as_the_original);
        let isolation = Isolation { deadline, ..isolation() };
        let began = Instant::now();
        let (result, black_box) = isolated(settings, Start::Well, 8, isolation, once);
        let right = Tally { produced: 8, done: 8 - lost, lost, ..Default::default() };
        assert_eq!(result, Ok(right));
        assert_eq!(deaths(&black_box), [(2, 0, Death::Deadline)]);
        assert!(began.elapsed() >= deadline);
    }
    in_a_thread();
}

fn in_a_thread() {
    let shutdown = Duration::from_millis(100);
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let settings = Settings { shutdown, ..settings };
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            if *n == 0 {
                hold.pass(0);
            }
            Ok(*n)
        });
        let (to, heard) = ticket();
        let stage = demanding(slow.workers(2), 1, 0);
        let running = dummy().settings(settings).stage(stage).start().unwrap();
        running.push(entries(0..4, &to)).unwrap();
        assert_eq!(next(&came), 0);
        until(|| running.topology().tally.done == 3);
        running.stop();
        let report = running.wait();
        drop(go);
        assert_eq!((report.tally.produced, report.tally.done), (4, 3));
        let held = Left { processors: 1, ..Left::default() };
        let right = if original { (1, Left::default()) } else { (0, held) };
        assert_eq!((report.tally.lost, report.left), right);
        assert_eq!(all_ids(&heard).0, [1, 2, 3]);
    }
}

fn r27() {
    let faults: Faults = |item, attempt| match (item, attempt) {
        (1, 0) => Some(Fault::Shutdown),
        (2, 0) => Some(Fault::Segfault),
        (3, 0) => Some(Fault::Abort),
        (4, 0) => Some(Fault::Exit(0)),
        (6, 0) => Some(Fault::Hang),
        (7, 0) => Some(Fault::Panic),
        (10, 0) => Some(Fault::Error),
        _ => None,
    };
    let ends = [
        Death::Signal(9),
        Death::Signal(11),
        Death::Signal(6),
        Death::Exit(0),
        Death::Exit(3),
        Death::Deadline,
        Death::Panic,
        Death::Garbage,
        Death::OutOfMemory,
        Death::Error,
    ];
    for (_, settings) in both() {
        let right = if settings.as_the_original {
            Tally { produced: 12, done: 2, lost: 9, failed: 1, ..Default::default() }
        } else {
            Tally { produced: 12, done: 12, ..Default::default() }
        };
        let isolation = Isolation { deadline: Duration::from_secs(2), ..isolation() };
        let (result, black_box) = isolated(settings, Start::Frail, 12, isolation, faults);
        assert_eq!(result, Ok(right));
        let ended: Vec<_> = (1..).zip(ends).map(|(item, death)| (item, 0, death)).collect();
        assert_eq!(deaths(&black_box), ended);
    }
    slow_start();
}

fn slow_start() {
    for (_, settings) in both() {
        let start_deadline = Duration::from_millis(50);
        let intensity = Intensity { restarts: 2, ..isolation().intensity };
        let isolation = Isolation { start_deadline, intensity, ..isolation() };
        let (result, black_box) = isolated(settings, Start::Never, 3, isolation, |_, _| None);
        let failure = result.unwrap_err();
        assert!(failure.what.contains("workers cannot start"), "{failure}");
        assert_eq!(failure.blame, Blame::Engine);
        assert_eq!(deaths(&black_box), [], "no item is to blame");
    }
}

fn r28() {
    // Two workers, a spare, and the next one's memory: two slots to write into for each, and one for the result of
    // each worker.
    let least = (4 * 2 + 2) * 4096;
    for (_, settings) in both() {
        let with = |bytes| Isolation { budget: Arc::new(Budget::new(bytes)), ..isolation() };
        let run = |bytes| isolated(settings.clone(), Start::Well, 200, with(bytes), |_, _| None);
        let (refused, black_box) = run(least - 1);
        let refused = refused.unwrap_err();
        assert_eq!(refused.blame, Blame::Input);
        assert!(refused.what.contains("do not fit"), "{refused}");
        assert!(black_box.events().is_empty(), "no process was started");
        let (result, _) = run(least);
        assert_eq!(result, Ok(Tally { produced: 200, done: 200, ..Default::default() }));
    }
}

fn r29() {
    for settings in lasting() {
        let original = settings.as_the_original;
        let (to, heard) = ticket();
        let aside = Arc::new(Mutex::new(Vec::new()));
        let note = aside.clone();
        let always: Faults = |item, _| (item == 7).then_some(Fault::Shutdown);
        let (watch, _black_box) = watch(50, always);
        let pass = demanding(crate::kit::pass().workers(2), 1, 0).attempts(3);
        let staged = counting(50, to).settings(settings).stage(pass).watched(watch);
        let staged = staged.set_aside(move |gone| {
            note.lock().unwrap().push((gone.item, gone.attempts, gone.death));
            Ok(())
        });
        let tally = staged.run().unwrap();
        let (done, failed) = all_ids(&heard);
        assert_eq!(tally.produced, 50);
        if original {
            // It dies with its holder, and so may what the other one held.
            assert!((1..=2).contains(&tally.lost) && tally.quarantined == 0, "{tally:?}");
            assert_eq!((tally.done + tally.lost, failed), (50, vec![]));
            assert!(!done.contains(&7) && aside.lock().unwrap().is_empty());
        } else {
            assert_eq!((tally.done, tally.quarantined, tally.lost), (49, 1, 0));
            assert_eq!(*aside.lock().unwrap(), [(7, 3, Death::Left)]);
            assert!(done.into_iter().eq((0..50).filter(|n| *n != 7)));
            assert_eq!(failed, [7]);
        }
    }
}
