//! X7–X10: how a pipeline recovers from a kill, and what that waits for.

use crate::case::Case;
use crate::fed::up;
use crate::hand::{Hand, demanding, me};
use crate::kit::{
    Barrier, Closure, PATIENCE, barrier, both, counting, counting_on, ended, ids, next, stage,
    ticket,
};
use crate::losses::{ITEMS, Outcome, outcome, work};
use crossbeam_channel::{Receiver, bounded};
use pipelines::acknowledger::Ticket;
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::{ItemId, Tally};
use pipelines::pipeline::{Pipeline, Stage};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Broadway's `resubscribe_interval`.
const RESUBSCRIBE: Duration = Duration::from_millis(100);
const DYING: Process = Process::Processor(0);
const SIBLING: Process = Process::Processor(1);

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "X7",
            "a_killed_producer_begins_anew",
            "a producer without a cursor outside of it repeats what it gave before; ours does not",
            x7,
        ),
        Case::holds(
            "X8",
            "after_a_killed_producer_comes_a_wait",
            "a restarted producer is not asked for `resubscribe` (100 ms); ours is at once",
            x8,
        ),
        Case::holds(
            "X9",
            "a_restart_waits_for_a_sibling_that_hangs",
            "a processor is killed while the other hangs: it is back after `shutdown`; ours at once",
            x9,
        ),
        Case::holds(
            "X10",
            "a_sibling_finishes_its_chunk",
            "a processor is killed: the other one finishes its chunk, which is acked, and leaves the rest",
            x10,
        ),
    ]
}

/// A run whose producer is killed in the middle.
fn producer_killed(settings: Settings, source: fn(u64, Ticket) -> Pipeline<i64>) -> Outcome {
    let (hand, (to, heard)) = (Hand::default(), ticket());
    let (killer, killed) = (hand.clone(), AtomicBool::new(false));
    let stage = stage(move |n, _| {
        if *n == 500 && !killed.swap(true, Ordering::SeqCst) {
            killer.kill(Process::Producer(0));
        }
        work();
        Ok(*n)
    });
    let stage = demanding(stage, 10, 5).workers(2);
    outcome(source(ITEMS, to).settings(settings).stage(stage), &hand, &heard)
}

fn x7() {
    let anew = producer_killed(Settings::broadway(), counting);
    let Tally { produced, done, lost, .. } = anew.report.tally;
    // What it had given before it gave again.
    let again = (produced - ITEMS) as usize;
    assert!((500..ITEMS as usize).contains(&again), "{again}");
    assert_eq!((done, lost), (produced, 0));
    assert!(anew.acks[..again].iter().all(|acks| *acks == 2));
    assert!(anew.acks[again..ITEMS as usize].iter().all(|acks| *acks == 1));
    producer_killed(Settings::broadway(), counting_on).check_lost(0, "with a cursor");
    for source in [counting, counting_on] {
        producer_killed(Settings::okiagari(), source).check_lost(0, "ours");
    }
}

/// From when a producer was started again to when it was asked.
fn wait_of(outcome: &Outcome) -> Duration {
    let (told, producer) = (&outcome.told, Process::Producer(0));
    let start = Event::ProcessStarted { process: producer, incarnation: 2 };
    let started = told.iter().position(|(_, event)| *event == start).expect("it was restarted");
    let asked = told[started..].iter().find(|(_, e)| matches!(e, Event::Demanded { .. }));
    asked.expect("it was asked").0 - told[started].0
}

fn x8() {
    let wait = wait_of(&producer_killed(Settings::broadway(), counting_on));
    assert!(wait >= RESUBSCRIBE, "{wait:?}");
    assert_eq!(both().map(|(_, settings)| settings.resubscribe), [RESUBSCRIBE, Duration::ZERO]);
    // A machine may be slow for once, but a wait that was meant would be there each time.
    let ours = || wait_of(&producer_killed(Settings::okiagari(), counting_on));
    assert!((0..10).any(|_| ours() < RESUBSCRIBE));
}

/// Of two processors one waits in its first item, and the other is killed then. Gives what the first one
/// has begun, until it goes.
fn one_waits(hand: Hand, barrier: Barrier) -> (Stage<Closure>, Receiver<ItemId>) {
    let (waits, waiting) = bounded(1);
    let (began, begun) = bounded(1000);
    let (old, waited) = (Mutex::new(None), AtomicBool::new(false));
    let killed = AtomicBool::new(false);
    let stage = stage(move |n, desk| {
        if me() == SIBLING {
            let this = std::thread::current().id();
            let former = *old.lock().unwrap().get_or_insert(this);
            if former == this {
                began.send(desk.item).ok();
                if !waited.swap(true, Ordering::SeqCst) {
                    waits.send(()).unwrap();
                    barrier.pass(*n);
                }
            }
        } else if !killed.swap(true, Ordering::SeqCst) {
            waiting.recv_timeout(PATIENCE).unwrap();
            hand.kill_me(desk);
        }
        Ok(*n)
    });
    (demanding(stage, 10, 5).workers(2), begun)
}

fn x9() {
    let shutdown = Duration::from_millis(150);
    for (name, settings) in both() {
        let broadway = name == "broadway";
        // Ours would not come to an end if it waited.
        let settings = if broadway { Settings { shutdown, ..settings } } else { settings };
        let (hand, (to, heard), (barrier, _came, go)) = (Hand::default(), ticket(), barrier());
        let (stage, _begun) = one_waits(hand.clone(), barrier);
        let (tell, told) = bounded(10_000);
        let staged = counting(200, to).settings(settings).stage(stage);
        let staged = staged.observed(move |event| {
            tell.send((Instant::now(), event.clone())).ok();
        });
        let running = staged.start().unwrap();
        let when = |what: Event| loop {
            let (when, event) = next(&told);
            if event == what {
                return when;
            }
        };
        let ended = |process, ending| Event::ProcessEnded { process, incarnation: 1, ending };
        // Nobody is killed before the tree is up.
        when(Event::Started);
        hand.reach(&running);
        let died = when(ended(DYING, Ending::Killed));
        if broadway {
            when(ended(SIBLING, Ending::Abandoned));
        }
        let back = when(Event::ProcessStarted { process: DYING, incarnation: 2 });
        if broadway {
            assert!(back - died >= shutdown, "{:?}", back - died);
        } else {
            // All but what the hanging one holds is done while it hangs.
            let mut acked = 0;
            while acked < 190 {
                acked += ids(&next(&heard)).0.len();
            }
            assert_eq!(acked, 190);
            go.send(()).unwrap();
        }
        let tally = running.wait().tally;
        let lost = if broadway { 20 } else { 0 };
        assert_eq!((tally.produced, tally.done, tally.lost), (200, 200 - lost, lost), "{name}");
    }
}

fn x10() {
    let (hand, (to, heard), (barrier, came, go)) = (Hand::default(), ticket(), barrier());
    let (stage, begun) = one_waits(hand.clone(), barrier);
    let (running, told) = up(counting(200, to).settings(Settings::broadway()).stage(stage));
    hand.reach(&running);
    next(&came);
    assert_eq!(ended(&told, DYING), Ending::Killed);
    // The supervisor does one thing after the other: when this is done, the sibling has been told to leave.
    hand.kill(Process::Terminator);
    assert_eq!(ended(&told, Process::Terminator), Ending::Killed);
    assert!(heard.is_empty());
    go.send(()).unwrap();
    let chunk = ids(&next(&heard)).0;
    assert_eq!(ended(&told, SIBLING), Ending::Left);
    let tally = running.wait().tally;
    assert_eq!((tally.produced, tally.done, tally.lost), (200, 180, 20));
    assert_eq!(begun.try_iter().collect::<Vec<_>>(), chunk);
    assert_eq!(chunk.len(), 5);
}
