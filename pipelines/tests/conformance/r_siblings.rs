//! R: what a death costs those that did not die.

use crate::case::Case;
use crate::kit::{
    barrier, both, counting_on, dummy, ended, entries, life, next, observer, stage, started, ticket,
};
use crate::r_kills::PRODUCER;
use crate::waits::{all_ids, demanding, until, until_life};
use crossbeam_channel::bounded;
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "R6",
            "innocents_of_one_kill",
            "one kill costs what the victim holds, and its siblings', or nothing",
            r6,
        ),
        Case::holds(
            "R7",
            "a_hanging_sibling",
            "the restart waits until a hanging sibling is given up, or does not wait",
            r7,
        ),
        Case::holds(
            "R23",
            "producers_die_in_a_row",
            "demand is not multiplied by restarts, and nothing comes twice or never",
            r23,
        ),
    ]
}

/// Both settings with a budget that no test spends.
pub(crate) fn lasting() -> [Settings; 2] {
    both().map(|(_, settings)| Settings {
        restarts: 1_000_000,
        resubscribe: Duration::from_millis(1),
        ..settings
    })
}

fn r6() {
    for (lanes, max) in [(2, 1), (2, 10), (2, 100), (4, 10)] {
        for settings in lasting() {
            let original = settings.as_the_original;
            let (to, heard) = ticket();
            let ((hold, came, go), begun) = (barrier(), AtomicUsize::new(0));
            let slow = stage(move |n, _| {
                if begun.fetch_add(1, Ordering::SeqCst) < lanes {
                    hold.pass(*n);
                }
                Ok(*n)
            });
            let stage = demanding(slow.workers(lanes), max, max / 2);
            let running = counting_on(3_000, to).settings(settings).stage(stage).start().unwrap();
            (0..lanes).for_each(|_| assert!(next(&came) >= 0));
            let holds = |lane: usize| {
                let processes = running.topology().processes;
                processes.into_iter().find(|m| m.process == Process::Processor(lane)).unwrap().holds
            };
            until(|| (0..lanes).all(|lane| holds(lane) == max));
            assert!(running.kill(Process::Processor(0)));
            drop(go);
            let report = running.wait();
            assert_eq!(report.failure, None);
            let lost = report.tally.lost;
            // The victim's for certain; what its siblings hold just then depends on how far they are.
            let holds = if original { max..=lanes * max } else { 0..=0 };
            assert!(holds.contains(&(lost as usize)), "{lanes} x {max}: {lost}");
            assert_eq!(report.tally.done, 3_000 - lost);
            let (mut done, _) = all_ids(&heard);
            assert_eq!(done.len() as u64, 3_000 - lost);
            done.dedup();
            assert_eq!(done.len() as u64, 3_000 - lost, "nothing came twice");
        }
    }
}

/// One of two processors can be killed at item 0, the other hangs at item 1 until it is let go on. Both are
/// there when this returns; then the first is killed.
pub(crate) struct Pair {
    pub(crate) running: pipelines::engine::running::Running<i64>,
    pub(crate) told: crossbeam_channel::Receiver<Event>,
    pub(crate) heard: crossbeam_channel::Receiver<pipelines::acknowledger::Heard>,
    pub(crate) go: crossbeam_channel::Sender<()>,
    pub(crate) killed: Instant,
}

pub(crate) const VICTIM: Process = Process::Processor(0);
pub(crate) const SIBLING: Process = Process::Processor(1);

pub(crate) fn pair(settings: Settings) -> Pair {
    let ((to, heard), (observe, told)) = (ticket(), observer());
    let ((hold, came, go), (tell, at_work)) = (barrier(), bounded(1));
    let slow = stage(move |n, desk| {
        if *n == 1 {
            hold.pass(1);
        } else if tell.try_send(()).is_ok() {
            // Only once: from then on the channel is full, or gone.
            loop {
                desk.point();
                std::thread::yield_now();
            }
        }
        Ok(*n)
    });
    let stage = demanding(slow.workers(2), 1, 0).partition_by(|n| *n as u64);
    let running = dummy().settings(settings).stage(stage).observed(observe).start().unwrap();
    running.push(entries(0..2, &to)).unwrap();
    assert_eq!(next(&came), 1);
    until(|| at_work.is_full());
    let killed = Instant::now();
    assert!(running.kill(VICTIM));
    assert_eq!(ended(&told, VICTIM), Ending::Killed);
    Pair { running, told, heard, go, killed }
}

fn r7() {
    let shutdown = Duration::from_millis(150);
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let Pair { running, told, heard, go, killed } = pair(Settings { shutdown, ..settings });
        if original {
            assert_eq!(ended(&told, SIBLING), Ending::Abandoned);
            assert!(killed.elapsed() >= shutdown);
        }
        assert_eq!(started(&told, VICTIM), 2);
        if original {
            assert_eq!(started(&told, SIBLING), 2);
        } else {
            assert_eq!(life(&running, SIBLING), 1);
        }
        drop(go);
        running.stop();
        let report = running.wait();
        let kept = if original { 0 } else { 2 };
        assert!(all_ids(&heard).0.into_iter().eq(0..kept));
        assert_eq!((report.tally.done, report.tally.lost), (kept, 2 - kept));
        assert_eq!((report.left.items(), report.failure), (0, None));
    }
}

fn r23() {
    // Broadway's producers may die twice in a second; once more, and the whole pipeline is restarted.
    for (settings, deaths) in lasting().into_iter().zip([2, 20]) {
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            if *n % 20 == 10 {
                hold.pass(*n);
            }
            Ok(*n)
        });
        // What is asked for, and what is kept ready beside it.
        let most = if settings.as_the_original { 0 } else { 4 + 2 };
        let total = deaths as u64 * 20 + 60;
        let running = counting_on(total, to).settings(settings).stage(demanding(slow, 2, 1));
        let running = running.observed(observe).start().unwrap();
        for death in 1..=deaths {
            next(&came);
            assert!(running.kill(PRODUCER));
            until_life(&running, PRODUCER, death + 1);
            go.send(()).unwrap();
        }
        drop(go);
        let report = running.wait();
        assert_eq!((report.tally.produced, report.tally.done), (total, total));
        assert!(all_ids(&heard).0.into_iter().eq(0..total));
        let waiting = told.try_iter().map(|event| match event {
            Event::Demanded { items, .. } => {
                assert!(items <= 2);
                0
            }
            Event::Produced { waiting, .. } => waiting,
            _ => 0,
        });
        let waited = waiting.max().unwrap();
        assert!(waited <= most, "{waited} waited");
    }
}
