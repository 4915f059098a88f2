//! X11–X16: what else was measured of the original (`V` and `W` in the notes on it), and what is so here.

use crate::case::Case;
use crate::fed::up;
use crate::hand::{Hand, begin, demanding, listed, until};
use crate::kit::{
    barrier, batch, both, dummy, ended, find, ids, life, next, pass, stage, started, stop, ticket,
    told_batches,
};
use crossbeam_channel::Receiver;
use pipelines::acknowledger::Heard;
use pipelines::engine::event::{DrainPhase, Ending, Event};
use pipelines::engine::limiter::{Kind, Rate};
use pipelines::engine::running::Handle;
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::ItemId;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PROCESSOR: Process = Process::Processor(0);
const BATCH_PROCESSOR: Process = Process::BatchProcessor { batcher: 0, index: 0 };

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "X11",
            "a_killed_batch_processor_loses_its_batch",
            "V4: only its batch is lost, and only it is new; ours loses nothing",
            x11,
        ),
        Case::holds(
            "X12",
            "a_name_is_taken_while_the_old_tree_stops",
            "V9: it cannot be started again at once under its name; here it says why, and can after `wait`",
            x12,
        ),
        Case::holds(
            "X13",
            "a_push_bypasses_the_limit",
            "V10: 50 pushed at one an hour are all acked; ours refuses what is over the limit",
            x13,
        ),
        Case::holds(
            "X14",
            "shutdown_is_each_process_own",
            "V11: with a handler and a batch handler that hang it takes three times `shutdown`; ours once",
            x14,
        ),
        Case::holds(
            "X15",
            "a_killed_batcher_costs_the_other_nothing",
            "W2: all that one batcher held is lost, nothing of the other; ours loses nothing",
            x15,
        ),
        Case::holds(
            "X16",
            "beyond_10_000_the_oldest_are_dropped",
            "W3: of 12,000 pushed at once 1,990 are dropped without a word to who pushed; ours refuses",
            x16,
        ),
    ]
}

/// All ids that were acked as done until the pipeline was gone, sorted.
fn done(heard: &Receiver<Heard>) -> Vec<ItemId> {
    let mut done: Vec<_> = heard.try_iter().flat_map(|heard| ids(&heard).0).collect();
    done.sort_unstable();
    done
}

fn x11() {
    for ((name, settings), lost) in both().into_iter().zip([2, 0]) {
        let (hand, (to, heard)) = (Hand::default(), ticket());
        let (killer, killed) = (hand.clone(), AtomicBool::new(false));
        let batch = batch(move |_, items, _| {
            if items[0].out == 3 && !killed.swap(true, Ordering::SeqCst) {
                killer.kill(BATCH_PROCESSOR);
            }
            Ok(())
        });
        let staged = dummy().settings(settings).stage(pass()).batch(batch.size(2));
        let (running, told) = up(staged);
        hand.reach(&running);
        running.push(listed(1, &[1, 2, 3, 4, 5, 6], &to)).unwrap();
        assert_eq!(ended(&told, BATCH_PROCESSOR), Ending::Killed, "{name}");
        let all: &[_] = if lost == 0 { &[[1, 2], [3, 4], [5, 6]] } else { &[[1, 2], [5, 6]] };
        for batch in all {
            assert_eq!(ids(&next(&heard)), (batch.to_vec(), vec![]), "{name}");
        }
        assert_eq!(running.topology().tally.lost, lost, "{name}");
        let lives = [PROCESSOR, Process::Batcher(0), BATCH_PROCESSOR].map(|p| life(&running, p));
        assert_eq!(lives, [1, 1, 2], "{name}");
        stop(running);
        assert!(heard.is_empty());
    }
}

fn x12() {
    for (name, settings) in both() {
        let (barrier, came, go) = barrier();
        let stage = stage(move |n, _| {
            barrier.pass(*n);
            Ok(*n)
        });
        let name = format!("x12 {name}");
        let (running, _told) = up(dummy().named(&name).settings(settings.clone()).stage(stage));
        let _heard = running.test_message(1).unwrap();
        next(&came);
        running.kill_tree("root");
        let again = || dummy().named(&name).settings(settings.clone()).stage(pass()).start();
        let refused = again().err().expect("the old one is there still").what;
        assert!(refused.contains("running already"), "{refused}");
        go.send(()).unwrap();
        assert!(running.wait().failure.is_some());
        stop(again().unwrap());
    }
}

fn x13() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let hourly = Rate::new(Some(1), None, Duration::from_secs(3600)).unwrap();
        let limited = dummy().settings(settings).rate_limited(Kind::Window, hourly, |_| 0);
        let (running, _told) = up(limited.stage(pass()));
        let pushed = running.push(listed(0, &[7; 50], &to));
        if name == "broadway" {
            pushed.unwrap();
            stop(running);
            assert_eq!(done(&heard), (0..50).collect::<Vec<_>>());
        } else {
            assert!(pushed.unwrap_err().what.contains("the rate limit is reached"));
            running.push(listed(50, &[7], &to)).unwrap();
            assert!(running.push(listed(51, &[7], &to)).is_err());
            stop(running);
            assert_eq!(done(&heard), [50]);
        }
    }
}

fn x14() {
    for (name, settings) in both() {
        let broadway = name == "broadway";
        let shutdown = Duration::from_millis(if broadway { 100 } else { 1000 });
        let (barrier_here, came, _go) = barrier();
        let stage = stage(move |n, _| {
            if *n == 2 {
                barrier_here.pass(2);
            }
            Ok(*n)
        });
        let (barrier_there, came_there, _go_there) = barrier();
        let batch = batch(move |_, items, _| {
            barrier_there.pass(items[0].out);
            Ok(())
        });
        let staged = dummy().settings(Settings { shutdown, ..settings }).stage(stage);
        let (running, told) = up(staged.batch(batch.size(1)));
        let (to, heard) = ticket();
        running.push(listed(1, &[1, 2], &to)).unwrap();
        next(&came);
        next(&came_there);
        let asked = Instant::now();
        running.stop();
        if broadway {
            let report = running.wait();
            assert!(asked.elapsed() >= 3 * shutdown, "{:?}", asked.elapsed());
            assert_eq!((report.tally.lost, report.left.items()), (2, 0));
        } else {
            find(&told, |event| (*event == Event::Drain(DrainPhase::Late)).then_some(()));
            let late = Instant::now();
            assert!(late - asked >= shutdown);
            let report = running.wait();
            // There is only one deadline, and it has passed.
            assert!(late.elapsed() < shutdown, "{:?}", late.elapsed());
            assert_eq!((report.tally.lost, report.left.items()), (0, 2));
        }
        assert!(heard.is_empty());
    }
}

fn x15() {
    for ((name, settings), lost) in both().into_iter().zip([10, 0]) {
        let [(even, _evens), (odd, _odds)] = [told_batches(), told_batches()];
        let [even, odd] = [even, odd].map(|b| b.size(100).within(Duration::from_secs(60)));
        let stage = stage(|n, desk| {
            desk.route.batcher = (n % 2) as u8;
            Ok(*n)
        });
        let (running, told) = up(dummy().settings(settings).stage(stage).batch(even).batch(odd));
        let (to, heard) = ticket();
        running.push(listed(0, &(0..20).collect::<Vec<_>>(), &to)).unwrap();
        let holds = |handle: &Handle<i64>| -> Vec<usize> {
            let members = handle.topology().processes.into_iter();
            let batchers = members.filter(|m| matches!(m.process, Process::Batcher(_)));
            batchers.map(|member| member.holds).collect()
        };
        until(|| holds(&running) == [10, 10]);
        assert!(running.kill(Process::Batcher(0)));
        assert_eq!(ended(&told, Process::Batcher(0)), Ending::Killed);
        assert_eq!(started(&told, Process::Batcher(0)), 2);
        assert_eq!(holds(&running), [10 - lost as usize, 10], "{name}");
        assert_eq!(running.topology().tally.lost, lost, "{name}");
        assert_eq!(life(&running, Process::Batcher(1)), 1);
        stop(running);
        let kept = (0..20).filter(|id| lost == 0 || id % 2 == 1);
        assert_eq!(done(&heard), kept.collect::<Vec<_>>(), "{name}");
    }
}

fn x16() {
    let all: Vec<i64> = (0..12_000).collect();
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let staged = dummy().settings(settings).stage(demanding(pass(), 10, 5));
        let (running, told) = begin(staged);
        // The processor has asked for its ten.
        find(&told, |event| matches!(event, Event::Demanded { .. }).then_some(()));
        let pushed = running.push(listed(0, &all, &to));
        if name == "broadway" {
            pushed.unwrap();
            let dropped = find(&told, |event| match event {
                Event::Discarded { items } => Some(*items),
                _ => None,
            });
            assert_eq!(dropped, 1990);
            assert_eq!(running.topology().tally.lost, 1990);
            stop(running);
            assert_eq!(done(&heard), (0..10).chain(2000..12_000).collect::<Vec<_>>());
        } else {
            assert!(pushed.unwrap_err().what.contains("items wait already"));
            assert_eq!(running.topology().tally.produced, 0);
            for (first, part) in (0..).step_by(4000).zip(all.chunks(4000)) {
                until(|| running.push(listed(first, part, &to)).is_ok());
            }
            stop(running);
            assert_eq!(done(&heard), (0..12_000).collect::<Vec<_>>());
        }
    }
}
