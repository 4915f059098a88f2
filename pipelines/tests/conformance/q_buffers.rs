//! Q: buffers, and the marker behind what is buffered.

use crate::case::Case;
use crate::kit::{both, dummy, entries, find, next, observer, pass, stop, ticket};
use crate::waits::{all_ids, demanding, until};
use crossbeam_channel::{Receiver, bounded};
use pipelines::acknowledger::{Acked, Acknowledger, Heard, Ticket};
use pipelines::engine::event::{DrainPhase, Event};
use pipelines::engine::settings::Settings;
use pipelines::message::Failure;
use std::sync::Arc;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds("Q10", "items_wait_unasked", "items that nobody asked for wait, in order", q10),
        Case::differs(
            "Q11",
            "a_full_buffer_refuses",
            "a full buffer keeps the first",
            "who pushes more than fits is refused, so that nothing is dropped",
            q11,
        ),
        Case::holds("Q12", "the_oldest_are_dropped", "a full buffer keeps the last", q12),
        Case::holds(
            "Q14",
            "a_drop_is_told_once",
            "dropped items are told of once, as a number",
            q14,
        ),
        Case::holds("Q15", "waiting_items_are_counted", "how many items wait can be asked", q15),
        Case::differs(
            "Q16",
            "the_end_comes_after_all_items",
            "a marker comes after all that was buffered before it",
            "the only marker is the end, which is told of when everything is settled",
            q16,
        ),
    ]
}

fn q10() {
    for (_, settings) in both() {
        let (to, heard) = ticket();
        let running = dummy().settings(settings).stage(demanding(pass(), 1, 0)).start().unwrap();
        running.pause();
        running.push(entries(0..5, &to)).unwrap();
        assert_eq!((running.topology().waiting, heard.len()), (5, 0));
        running.resume();
        let acked = (0..5).map(|_| next(&heard).done[0].item);
        assert!(acked.eq(0..5));
        stop(running);
    }
}

fn q11() {
    let (to, heard) = ticket();
    let running = dummy().stage(demanding(pass(), 10, 5)).start().unwrap();
    running.pause();
    running.push(entries(0..9_999, &to)).unwrap();
    // Two do not fit, and neither goes in; one does.
    assert!(running.push(entries(9_999..10_001, &to)).is_err());
    running.push(entries(9_999..10_000, &to)).unwrap();
    let refused = running.push(entries(10_000..10_001, &to)).unwrap_err();
    assert!(refused.what.contains("10000 items wait"), "{refused}");
    running.resume();
    running.stop();
    assert_eq!(running.wait().tally.done, 10_000);
    assert!(all_ids(&heard).0.into_iter().eq(0..10_000));
}

/// 12,000 items pushed at once to a processor that asked for 10: what is heard, and told.
pub(crate) fn flood() -> (Receiver<Heard>, Receiver<Event>, pipelines::engine::running::Report) {
    let ((to, heard), (observe, told)) = (ticket(), observer());
    let stage = demanding(pass(), 10, 5);
    let running = dummy().settings(Settings::broadway()).stage(stage).observed(observe);
    let running = running.start().unwrap();
    let asked = |event: &Event| matches!(event, Event::Demanded { items: 10, .. }).then_some(());
    find(&told, asked);
    running.push(entries(0..12_000, &to)).unwrap();
    running.stop();
    let report = running.wait();
    (heard, told, report)
}

fn q12() {
    // As measured with the original.
    let (heard, _, report) = flood();
    assert!(all_ids(&heard).0.into_iter().eq((0..10).chain(2_000..12_000)));
    assert_eq!((report.tally.produced, report.tally.done), (12_000, 10_010));
}

fn q14() {
    let (_, told, _) = flood();
    let discarded = told.try_iter().filter(|event| matches!(event, Event::Discarded { .. }));
    assert_eq!(discarded.collect::<Vec<_>>(), [Event::Discarded { items: 1_990 }]);
}

fn q15() {
    for (_, settings) in both() {
        let (to, _heard) = ticket();
        let running = dummy().settings(settings).stage(pass()).start().unwrap();
        running.pause();
        for n in 0..4 {
            assert_eq!(running.topology().waiting, n as usize);
            running.push(entries(n..n + 1, &to)).unwrap();
        }
        running.resume();
        until(|| running.topology().waiting == 0);
        stop(running);
    }
}

/// What is told and what is acknowledged, in one order.
enum Line {
    Up,
    Acked(u64),
    Ended,
}

struct Scribe(crossbeam_channel::Sender<Line>);

impl Acknowledger for Scribe {
    fn ack(&self, _: u64, done: &[Acked], _: &[Acked]) -> Result<(), Failure> {
        done.iter().for_each(|acked| self.0.send(Line::Acked(acked.item)).unwrap());
        Ok(())
    }
}

fn q16() {
    for ((_, settings), items) in
        both().into_iter().flat_map(|both| [0, 1, 7].map(|n| (both.clone(), n)))
    {
        let (tell, told) = bounded(100);
        let to = Ticket::new(Arc::new(Scribe(tell.clone())), 0, 0);
        let observe = move |event: &Event| match event {
            Event::Started => tell.send(Line::Up).unwrap(),
            Event::Drain(DrainPhase::Done) => tell.send(Line::Ended).unwrap(),
            _ => {}
        };
        let (batch, _batches) = crate::kit::told_batches();
        let staged = dummy().settings(settings).stage(demanding(pass(), 2, 1)).batch(batch.size(3));
        let running = staged.observed(observe).start().unwrap();
        assert!(matches!(next(&told), Line::Up));
        running.pause();
        running.push(entries(0..items, &to)).unwrap();
        // Said twice, it is the same end.
        running.stop();
        running.stop();
        running.resume();
        assert_eq!(running.wait().tally.done, items as u64);
        drop(to);
        let lines: Vec<_> = told.try_iter().collect();
        let (last, before) = lines.split_last().unwrap();
        assert!(matches!(last, Line::Ended));
        let acked = before.iter().map(|line| if let Line::Acked(id) = line { *id } else { 99 });
        assert!(acked.eq(0..items as u64));
    }
}
