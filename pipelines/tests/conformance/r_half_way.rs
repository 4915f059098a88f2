//! R: deaths between what was handled and what is acknowledged.

use crate::case::Case;
use crate::kit::{both, dummy, ended, entries, ids, next, observer, pass, stage, ticket};
use crate::r_kills::BATCH_PROCESSOR;
use crate::waits::{all_ids, demanding, until_life};
use crossbeam_channel::bounded;
use pipelines::acknowledger::{Acked, Acknowledger, Ticket};
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::running::Handle;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::Failure;
use std::sync::{Arc, OnceLock};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "R8",
            "killed_between_handled_and_acked",
            "what was handled is lost, or acknowledged once; a batch may be handled twice",
            r8,
        ),
        Case::differs(
            "R9",
            "killed_between_ack_groups",
            "the groups after the one in which it is killed are told, or not",
            "a thread goes at its next receive, and what it has begun to tell it tells to the end",
            r9,
        ),
    ]
}

fn r8() {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let (to, heard) = ticket();
        let (tell, handled) = bounded(100);
        let quick = stage(move |n, _| {
            tell.send(*n).unwrap();
            Ok(*n)
        });
        // Killed when the second of its chunk of two is handled, and nothing is acknowledged yet.
        let handle = Arc::new(OnceLock::<Handle<i64>>::new());
        let (hand, (watch, told)) = (handle.clone(), observer());
        let observe = move |event: &Event| {
            if matches!(event, Event::ItemEnded { item: 1, .. }) {
                assert!(hand.get().expect("it was set first").kill(Process::Processor(0)));
            }
            watch(event);
        };
        let running = dummy().settings(settings).stage(demanding(quick, 4, 2)).observed(observe);
        let running = running.start().unwrap();
        handle.set(running.handle()).ok();
        running.push(entries(0..4, &to)).unwrap();
        assert_eq!(ended(&told, Process::Processor(0)), Ending::Killed);
        until_life(&running, Process::Processor(0), 2);
        running.stop();
        let report = running.wait();
        let kept = if original { 0 } else { 4 };
        assert_eq!((report.tally.done, report.tally.lost), (kept, 4 - kept));
        assert!(all_ids(&heard).0.into_iter().eq(0..kept));
        // Nothing is handled twice: a thread that is killed has said what it did, or it counts for nothing.
        assert!(handled.try_iter().eq(if original { 0..2 } else { 0..4 }));
    }
    batch_killed();
}

/// Killed when its batch is handled, and not acknowledged yet.
fn batch_killed() {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let ((to, heard), (tell, handled)) = (ticket(), bounded(100));
        let handle = Arc::new(OnceLock::<Handle<i64>>::new());
        let hand = handle.clone();
        let batch = crate::kit::batch(move |_, items, _| {
            tell.send(items.iter().map(|done| done.out).collect::<Vec<_>>()).unwrap();
            if tell.len() == 1 {
                assert!(hand.get().expect("it was set first").kill(BATCH_PROCESSOR));
            }
            Ok(())
        });
        let running =
            dummy().settings(settings).stage(demanding(pass(), 2, 1)).batch(batch.size(2));
        let running = running.start().unwrap();
        handle.set(running.handle()).ok();
        running.push(entries(0..2, &to)).unwrap();
        until_life(&running, BATCH_PROCESSOR, 2);
        running.stop();
        let report = running.wait();
        let (kept, times) = if original { (0, 1) } else { (2, 2) };
        assert_eq!((report.tally.done, report.tally.lost), (kept, 2 - kept));
        assert!(all_ids(&heard).0.into_iter().eq(0..kept));
        assert_eq!(handled.try_iter().collect::<Vec<_>>(), vec![vec![0, 1]; times]);
    }
}

/// Kills the processor that tells it.
struct Killer(Arc<OnceLock<Handle<i64>>>);

impl Acknowledger for Killer {
    fn ack(&self, _: u64, _: &[Acked], _: &[Acked]) -> Result<(), Failure> {
        assert!(self.0.get().expect("it was set first").kill(Process::Processor(0)));
        Ok(())
    }
}

fn r9() {
    for (_, settings) in both() {
        let handle = Arc::new(OnceLock::new());
        let killer = Ticket::new(Arc::new(Killer(handle.clone())), 0, 0);
        let ((to, heard), (observe, told)) = (ticket(), observer());
        let running = dummy().settings(settings).stage(demanding(pass(), 4, 2)).observed(observe);
        let running = running.start().unwrap();
        handle.set(running.handle()).ok();
        let items = entries(0..1, &killer).into_iter().chain(entries(1..2, &to));
        running.push(items.collect()).unwrap();
        assert_eq!(ids(&next(&heard)).0, [1]);
        assert_eq!(ended(&told, Process::Processor(0)), Ending::Killed);
        running.stop();
        let report = running.wait();
        assert_eq!((report.tally.done, report.tally.lost, report.left.items()), (2, 0, 0));
    }
}
