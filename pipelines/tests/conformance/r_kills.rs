//! R: what a death costs that Broadway's own suite does not kill.

use crate::case::Case;
use crate::kit::{
    barrier, both, dummy, ended, entries, ids, life, next, observer, pass, stage, started, stop,
    ticket, told_batches,
};
use crate::waits::{all_ids, demanding, is_up, until_life};
use pipelines::engine::event::Ending;
use pipelines::engine::limiter::{Kind, Rate};
use pipelines::engine::registry;
use pipelines::engine::tree::shapes::Process;
use std::time::Duration;

const BATCHER: Process = Process::Batcher(0);
pub(crate) const BATCH_PROCESSOR: Process = Process::BatchProcessor { batcher: 0, index: 0 };
pub(crate) const PRODUCER: Process = Process::Producer(0);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "R1",
            "batch_processor_killed",
            "the batch it held is lost, or handled again; its batcher and the processors stay",
            r1,
        ),
        Case::holds(
            "R2",
            "rate_limiter_killed",
            "all that comes after it is restarted and loses what it held, or it alone is",
            r2,
        ),
        Case::holds("R3", "terminator_killed", "it is restarted, and nobody else notices", r3),
        Case::holds(
            "R4",
            "root_killed_and_name_reused",
            "the name stays taken until the tree is down, and is free then",
            r4,
        ),
    ]
}

fn r1() {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let (hold, came, go) = barrier();
        let batch = crate::kit::batch(move |_, items, _| {
            hold.pass(items[0].out);
            Ok(())
        });
        let running =
            dummy().settings(settings).stage(demanding(pass(), 2, 1)).batch(batch.size(2));
        let running = running.observed(observe).start().unwrap();
        running.push(entries(1..7, &to)).unwrap();
        assert_eq!(next(&came), 1);
        go.send(()).unwrap();
        assert_eq!(next(&came), 3);
        assert!(running.kill(BATCH_PROCESSOR));
        go.send(()).unwrap();
        assert_eq!(ended(&told, BATCH_PROCESSOR), Ending::Killed);
        assert_eq!(started(&told, BATCH_PROCESSOR), 2);
        let again: &[i64] = if original { &[5] } else { &[3, 5] };
        for first in again {
            assert_eq!(next(&came), *first);
            go.send(()).unwrap();
        }
        let right: &[&[u64]] =
            if original { &[&[1, 2], &[5, 6]] } else { &[&[1, 2], &[3, 4], &[5, 6]] };
        for batch in right {
            assert_eq!(ids(&next(&heard)).0, *batch);
        }
        let lives = [BATCHER, Process::Processor(0), PRODUCER].map(|p| life(&running, p));
        assert_eq!(lives, [1, 1, 1]);
        running.stop();
        let report = running.wait();
        let lost = if original { 2 } else { 0 };
        assert_eq!(
            (report.tally.done, report.tally.lost, report.left.items()),
            (6 - lost, lost, 0)
        );
    }
}

fn r2() {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            hold.pass(*n);
            Ok(*n)
        });
        let (batch, _batches) = told_batches();
        let much = Rate::new(Some(1_000_000), None, Duration::from_secs(1)).unwrap();
        let running = dummy().settings(settings).rate_limited(Kind::Window, much, |_| 1);
        let running = running.stage(demanding(slow, 4, 2)).batch(batch.size(3));
        let running = running.observed(observe).start().unwrap();
        is_up(&told);
        running.push(entries(0..4, &to)).unwrap();
        // 0 and 1 wait in the batcher; 2 is in hand, and 3 waits behind it.
        for _ in 0..2 {
            next(&came);
            go.send(()).unwrap();
        }
        assert_eq!(next(&came), 2);
        assert!(running.kill(Process::RateLimiter));
        assert_eq!(ended(&told, Process::RateLimiter), Ending::Killed);
        drop(go);
        let others =
            [PRODUCER, Process::Processor(0), BATCHER, BATCH_PROCESSOR, Process::Terminator];
        if original {
            // It comes up last, when all the others have.
            assert_eq!(started(&told, Process::Terminator), 2);
        }
        until_life(&running, Process::RateLimiter, 2);
        let lives = others.map(|process| life(&running, process));
        assert_eq!(lives, [if original { 2 } else { 1 }; 5]);
        running.stop();
        let report = running.wait();
        let (done, _) = all_ids(&heard);
        let kept = if original { 0 } else { 4 };
        assert!(done.into_iter().eq(0..kept));
        assert_eq!((report.tally.done, report.tally.lost), (kept, 4 - kept));
        assert_eq!((report.left.items(), report.failure), (0, None));
    }
}

fn r3() {
    for (_, settings) in both() {
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            hold.pass(*n);
            Ok(*n)
        });
        let (batch, _batches) = told_batches();
        let running = dummy().settings(settings).stage(demanding(slow, 4, 2)).batch(batch.size(3));
        let running = running.observed(observe).start().unwrap();
        is_up(&told);
        running.push(entries(0..4, &to)).unwrap();
        assert_eq!(next(&came), 0);
        for life in 2..=3 {
            assert!(running.kill(Process::Terminator));
            assert_eq!(ended(&told, Process::Terminator), Ending::Killed);
            assert_eq!(started(&told, Process::Terminator), life);
        }
        drop(go);
        let others = [PRODUCER, Process::Processor(0), BATCHER, BATCH_PROCESSOR];
        assert_eq!(others.map(|process| life(&running, process)), [1; 4]);
        // The new one drains as the first would have.
        running.stop();
        let report = running.wait();
        assert_eq!((report.tally.done, report.tally.lost, report.left.items()), (4, 0, 0));
        assert!(all_ids(&heard).0.into_iter().eq(0..4));
    }
}

fn r4() {
    for (name, settings) in both() {
        let name = format!("r4 {name}");
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            hold.pass(*n);
            Ok(*n)
        });
        let (to, _heard) = ticket();
        let running = dummy().named(name.clone()).settings(settings.clone()).stage(slow);
        let running = running.start().unwrap();
        running.push(entries(0..1, &to)).unwrap();
        assert_eq!(next(&came), 0);
        running.kill_tree("root");
        // One of its handlers is still at work, so its tree is still there.
        let again = || dummy().named(name.clone()).settings(settings.clone()).stage(pass()).start();
        let refused = again().err().expect("the name is taken");
        assert!(refused.what.contains("is running already"), "{refused}");
        go.send(()).unwrap();
        let failure = running.wait().failure.expect("it was killed");
        assert!(failure.what.contains("was killed"), "{failure}");
        assert!(!registry::all_running().contains(&name));
        let running = again().expect("the name is free");
        assert_eq!(next(&running.test_message(1).unwrap()).done.len(), 1);
        stop(running);
    }
}
