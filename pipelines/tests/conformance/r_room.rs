//! R: queues, keys, timers and memory that nobody bounds.

use crate::case::Case;
use crate::kit::{
    barrier, both, counting_on, dummy, ended, entries, next, observer, pass, stage, ticket,
    told_batches,
};
use crate::r_siblings::{VICTIM, lasting};
use crate::waits::{demanding, until, until_life};
use pipelines::engine::batcher::{Batcher, Event as Batching, Split, Trigger};
use pipelines::engine::event::Ending;
use pipelines::engine::limiter::{Kind, Limiter, Rate};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "R19",
            "a_partitions_queue_and_its_consumer",
            "what waits for a partition is lost with its consumer, or waits for the next one",
            r19,
        ),
        Case::holds(
            "R20",
            "a_hot_partition",
            "what waits for one partition is bounded by what all together asked for",
            r20,
        ),
        Case::holds(
            "R21",
            "keys_without_a_bound",
            "batches are begun for any number of keys, or for so many, and then the oldest goes",
            r21,
        ),
        Case::holds(
            "R22",
            "a_timeout_while_nobody_is_free",
            "a batch whose time is up takes no more items, although nobody can handle it yet",
            r22,
        ),
        Case::holds(
            "R25",
            "the_clock_jumps",
            "time that jumps brings what is due, once, and time that stands still nothing",
            r25,
        ),
    ]
}

fn r19() {
    for settings in lasting() {
        let original = settings.as_the_original;
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            hold.pass(*n);
            Ok(*n)
        });
        let stage = demanding(slow.workers(2), 2, 1).partition_by(|_| 0);
        let running = dummy().settings(settings).stage(stage).observed(observe).start().unwrap();
        running.push(entries(0..10, &to)).unwrap();
        assert_eq!(next(&came), 0);
        assert!(running.kill(VICTIM));
        go.send(()).unwrap();
        assert_eq!(ended(&told, VICTIM), Ending::Killed);
        drop(go);
        until_life(&running, VICTIM, 2);
        // Whoever comes then is served.
        assert_eq!(next(&running.test_message(99).unwrap()).done.len(), 1);
        running.stop();
        let report = running.wait();
        let kept = if original { 0 } else { 10 };
        assert!(crate::waits::all_ids(&heard).0.into_iter().eq(0..kept));
        assert_eq!((report.tally.done, report.tally.lost), (kept + 1, 10 - kept));
        assert_eq!((report.left.items(), report.failure), (0, None));
    }
}

fn r20() {
    for (_, settings) in both() {
        // Each of four may hold 2; ours keeps twice as much ready.
        let most = if settings.as_the_original { 8 } else { 8 + 16 };
        let (hold, came, go) = barrier();
        let slow = stage(move |n, _| {
            hold.pass(*n);
            Ok(*n)
        });
        let (to, heard) = ticket();
        let stage = demanding(slow.workers(4), 2, 1).partition_by(|_| 2);
        let running = counting_on(1_000, to).settings(settings).stage(stage).start().unwrap();
        assert_eq!(next(&came), 0);
        let produced = || running.topology().tally.produced;
        until(|| produced() >= 8);
        let look = Instant::now() + Duration::from_millis(20);
        while Instant::now() < look {
            let topology = running.topology();
            assert!(topology.tally.produced <= most, "{topology:?}");
        }
        drop(go);
        assert_eq!(running.wait().tally.done, 1_000);
        // In order, as one partition's items are.
        let done: Vec<_> = heard.try_iter().flat_map(|heard| crate::kit::ids(&heard).0).collect();
        assert!(done.into_iter().eq(0..1_000));
    }
}

fn r21() {
    let (now, mut batches) = (Instant::now(), Vec::new());
    let fill = |keys_max, batches: &mut Vec<_>| {
        let mut batcher = Batcher::new(Split::Count(2), HOUR).keys_max(keys_max);
        for key in 0..10_000 {
            batcher.step(now, Batching::Item { key, flush: false, item: key }, batches);
        }
        batcher.len()
    };
    assert_eq!((fill(None, &mut batches), batches.len()), (10_000, 0));
    assert_eq!((fill(Some(10), &mut batches), batches.len()), (10, 9_990));
    let oldest = batches.iter().map(|(info, items)| (info.trigger, items[..].to_vec()));
    assert!(oldest.eq((0..9_990).map(|key| (Trigger::Keys, vec![key]))));
    // The same in a pipeline: a third key sends the first one's batch off.
    for (_, settings) in both() {
        let keyed = stage(|n, desk| {
            desk.route.key = *n as u64;
            Ok(*n)
        });
        let (batch, batches) = told_batches();
        let ((to, _heard), batch) = (ticket(), batch.size(2).within(HOUR).keys_max(2));
        let running = dummy().settings(settings).stage(demanding(keyed, 1, 0)).batch(batch);
        let running = running.start().unwrap();
        running.push(entries(0..3, &to)).unwrap();
        let (info, items) = next(&batches);
        assert_eq!((info.key, info.trigger, items), (0, Trigger::Keys, vec![0]));
        crate::kit::stop(running);
        let rest: Vec<_> = batches.try_iter().map(|(_, items)| items).collect();
        assert_eq!(rest, [[1], [2]]);
    }
}

fn r22() {
    let within = Duration::from_millis(30);
    for (_, settings) in both() {
        let (hold, came, go) = barrier();
        let (tell, told) = crossbeam_channel::bounded(100);
        let batch = crate::kit::batch(move |info, items, _| {
            hold.pass(items[0].out);
            let items: Vec<_> = items.iter().map(|done| done.out).collect();
            tell.send((info.trigger, items)).unwrap();
            Ok(())
        });
        let ((to, _heard), batch) = (ticket(), batch.size(3).within(within));
        let running = dummy().settings(settings).stage(demanding(pass(), 1, 0)).batch(batch);
        let running = running.start().unwrap();
        running.push(entries(0..3, &to)).unwrap();
        assert_eq!(next(&came), 0);
        // The only batch processor is at work. Meanwhile a batch begins, and its time runs out.
        let held = |items| {
            let processes = running.topology().processes;
            let batcher = pipelines::engine::tree::shapes::Process::Batcher(0);
            processes.iter().any(|m| (m.process, m.holds) == (batcher, items))
        };
        running.push(entries(3..4, &to)).unwrap();
        until(|| held(1));
        let due = Instant::now() + within;
        until(|| Instant::now() > due);
        running.push(entries(4..6, &to)).unwrap();
        until(|| held(3));
        drop(go);
        assert_eq!(next(&told), (Trigger::Size, vec![0, 1, 2]));
        assert_eq!(next(&told), (Trigger::Timeout, vec![3]));
        assert_eq!(next(&told).1[0], 4);
        crate::kit::stop(running);
    }
}

fn r25() {
    let (began, within) = (Instant::now() + HOUR, Duration::from_secs(1));
    // A batch is due by the time at which it began, wherever the clock is meanwhile.
    let (mut batcher, mut batches) = (Batcher::new(Split::Count(9), within), Vec::new());
    batcher.step(began, Batching::Item { key: 0, flush: false, item: 1 }, &mut batches);
    for now in [began, began - HOUR, began + within - Duration::from_nanos(1)] {
        batcher.step(now, Batching::Tick, &mut batches);
        assert_eq!((batcher.len(), batches.len()), (1, 0));
    }
    for now in [began + HOUR, began, began + 2 * HOUR] {
        batcher.step(now, Batching::Tick, &mut batches);
        assert_eq!((batcher.len(), batches.len()), (0, 1));
        assert_eq!(batches[0].0.trigger, Trigger::Timeout);
    }
    // An hour's jump frees one interval's allowance and not that of an hour; a jump back frees nothing.
    for kind in [Kind::Window, Kind::Bucket] {
        let rate = Rate::new(Some(3), None, within).unwrap();
        let mut limiter = Limiter::new(began, kind, rate);
        let ones = [1; 10];
        assert_eq!(limiter.take(began, &ones), 3, "{kind:?}");
        assert_eq!(limiter.take(began - HOUR, &ones), 0, "{kind:?}");
        assert_eq!(limiter.take(began + HOUR, &ones), 3, "{kind:?}");
        assert_eq!(limiter.take(began + HOUR, &ones), 0, "{kind:?}");
    }
}
