//! From receipts and events to the moments of each injection. Pure.

use super::{Ending, Event, Injection, Ring};
use pipelines::black_box::{Receipt, What};
use pipelines::message::Death;
use std::collections::BTreeSet;

/// What a trial left behind, in nanoseconds since it began.
pub(super) struct Trace<'a> {
    /// All events, in the order of time.
    pub(super) events: &'a [Event],
    /// When and how the subject fell, each time.
    pub(super) falls: &'a [(u64, Ending)],
    /// The last fall was its own decision.
    pub(super) gave_up: bool,
}

/// What became of every receipt; `permanent` says whether the plan strikes every attempt of an item on a lane.
pub(super) fn injections(
    receipts: &[Receipt],
    trace: &Trace<'_>,
    permanent: impl Fn(&Receipt) -> bool,
) -> Vec<Injection> {
    let fired: BTreeSet<u64> = receipts.iter().filter_map(|r| r.fired_ns).collect();
    let next = |t: u64| fired.range(t + 1..).next().copied().unwrap_or(u64::MAX);
    let falls: Vec<_> =
        trace.falls.iter().map(|(t, e)| (culprit(*t, receipts, trace), *t, e)).collect();
    let all = (0..).zip(receipts).map(|(number, receipt)| {
        let mut injection = armed(number, receipt);
        injection.permanent = permanent(receipt);
        if let Some(t) = receipt.fired_ns {
            let fall = falls.iter().find(|(culprit, ..)| *culprit == Some(number as usize));
            follow(&mut injection, (t, next(t)), fall.map(|(_, t, ending)| (*t, *ending)), trace);
        }
        injection
    });
    all.collect()
}

/// What its receipt says.
fn armed(number: u32, receipt: &Receipt) -> Injection {
    Injection {
        injection: number,
        fault: receipt.fault,
        item: receipt.item,
        attempt: receipt.attempt,
        point: receipt.point,
        lane: receipt.lane,
        permanent: false,
        armed_ns: receipt.armed_ns,
        reached_ns: receipt.reached_ns,
        fired_ns: receipt.fired_ns,
        error_ns: None,
        effect_ns: receipt.effect_ns,
        detected_ns: None,
        acted_ns: None,
        ready_ns: None,
        lent_again_ns: None,
        first_ns: None,
        accepted_ns: None,
        work_ns: None,
        diagnosis: None,
        contained_at: None,
        restarts: 0,
    }
}

/// Which receipt a fall is put down to: of the faults that fired before it in attempts that had not come to an end, the
/// last one.
fn culprit(t_ns: u64, receipts: &[Receipt], trace: &Trace<'_>) -> Option<usize> {
    let open = |r: &Receipt| {
        let its = |e: &Event| (e.item, e.attempt) == (r.item, r.attempt);
        let ended = |e: &Event| matches!(e.what, What::Accepted | What::Died);
        !trace.events.iter().any(|e| its(e) && ended(e))
    };
    let fired = receipts.iter().enumerate().filter_map(|(n, r)| Some((r.fired_ns?, n)));
    let before = fired.filter(|(fired, n)| *fired <= t_ns && open(&receipts[*n]));
    before.max().map(|(_, n)| n)
}

/// What came after it fired, at `fired`; another fault fired at `next`, and the subject fell of this one at `fall`.
fn follow(
    i: &mut Injection,
    (fired, next): (u64, u64),
    fall: Option<(u64, &Ending)>,
    trace: &Trace<'_>,
) {
    let start = trace.events.partition_point(|e| e.t_ns < fired);
    let after = &trace.events[start..];
    let (item, attempt) = (i.item, i.attempt);
    let own = |whats: &[What]| {
        after.iter().find(|e| whats.contains(&e.what) && (e.item, e.attempt) == (item, attempt))
    };
    let again =
        |what| after.iter().find(|e| e.what == what && e.item == item && e.attempt > attempt);
    let died = own(&[What::Died]);
    i.detected_ns = died.map(|e| e.t_ns).or(fall.map(|(t, _)| t));
    i.error_ns = own(&[What::Ailing, What::Died]).map(|e| e.t_ns).or(i.detected_ns);
    i.diagnosis = died
        .map(|e| Death::from_code(e.value).to_string())
        .or(fall.map(|(_, ending)| ending.to_string()));
    i.lent_again_ns = again(What::Lent).map(|e| e.t_ns);
    let accepted = again(What::Accepted);
    (i.accepted_ns, i.work_ns) = (accepted.map(|e| e.t_ns), accepted.map(|e| e.value));
    let until = next.min(i.accepted_ns.unwrap_or(u64::MAX));
    let acted = |e: &&Event| e.what == What::Acted;
    i.restarts = after.iter().filter(acted).take_while(|e| e.t_ns < until).count() as u32;
    let Some(detected) = i.detected_ns else { return };
    let in_lane = |what| {
        let its = |e: &&Event| e.what == what && e.lane == i.lane && e.t_ns >= detected;
        after.iter().find(its).map(|e| e.t_ns)
    };
    i.first_ns = in_lane(What::Accepted);
    let lanes: BTreeSet<u8> =
        after.iter().filter(acted).take_while(|e| e.t_ns < next).map(|e| e.lane).collect();
    let gave_up = trace.gave_up && next == u64::MAX && i.accepted_ns.is_none();
    let cause = died.map(|e| Death::from_code(e.value));
    let ring = ring(cause, &lanes, i.lane, gave_up);
    if ring > Ring::Item {
        i.ready_ns = in_lane(What::Ready);
    }
    i.acted_ns =
        in_lane(What::Acted).filter(|_| ring > Ring::Item).into_iter().chain(i.lent_again_ns).min();
    i.contained_at = Some(ring);
}

/// How far it came: by what died, and by the lanes that needed something new before the next fault.
fn ring(cause: Option<Death>, lanes: &BTreeSet<u8>, own: u8, gave_up: bool) -> Ring {
    if gave_up {
        return Ring::Pipeline;
    }
    let replaced = lanes.contains(&own);
    match cause {
        None => Ring::Subject,
        Some(_) if lanes.len() > 1 => Ring::Pool,
        // Its lane was told of an error, and yet a process had to be started: it was that of all lanes.
        Some(Death::Error) if !lanes.is_empty() => Ring::Pool,
        Some(Death::Error) => Ring::Item,
        Some(Death::Panic) if !replaced => Ring::Item,
        Some(Death::Left) => Ring::Lane,
        Some(_) => Ring::Worker,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipelines::fault::{Fault, Point};

    fn event(t_ns: u64, what: What, item: u64, attempt: u32, lane: u8, value: u64) -> Event {
        Event { t_ns, what, item, attempt, lane, value }
    }

    fn receipt(item: u64, attempt: u32, fired_ns: Option<u64>) -> Receipt {
        let (fault, armed_ns, effect_ns) = (Fault::Abort, 5, fired_ns.map(|t| t + 50));
        let (point, lane) = (Point::Native, 1);
        let reached_ns = fired_ns;
        Receipt { fault, item, attempt, point, lane, armed_ns, reached_ns, fired_ns, effect_ns }
    }

    fn only(events: &[Event], falls: &[(u64, Ending)], gave_up: bool) -> Injection {
        let trace = Trace { events, falls, gave_up };
        injections(&[receipt(7, 0, Some(100))], &trace, |_| false).remove(0)
    }

    #[test]
    fn every_mark_of_a_worker_that_died_is_found() {
        let events = [
            event(10, What::Lent, 7, 0, 1, 0),
            event(20, What::Ready, 0, 0, 1, 0),
            event(120, What::Accepted, 8, 0, 0, 3),
            event(130, What::Ailing, 7, 0, 1, 0),
            event(150, What::Died, 7, 0, 1, Death::Signal(6).code()),
            event(160, What::Acted, 0, 0, 1, 0),
            event(165, What::Ready, 0, 0, 1, 0),
            event(170, What::Lent, 7, 1, 1, 0),
            event(200, What::Accepted, 7, 1, 1, 25),
            event(300, What::Acted, 0, 0, 0, 0),
        ];
        let i = only(&events, &[], false);
        let marks = [
            i.error_ns,
            i.detected_ns,
            i.acted_ns,
            i.ready_ns,
            i.lent_again_ns,
            i.first_ns,
            i.accepted_ns,
        ];
        assert_eq!(marks, [130, 150, 160, 165, 170, 200, 200].map(Some));
        assert_eq!((i.lane, i.work_ns, i.restarts), (1, Some(25), 1));
        assert_eq!(i.diagnosis.as_deref(), Some("signal 6"));
        // The other lane's new worker came before any other fault: as far as is known it was this one's doing.
        assert_eq!(i.contained_at, Some(Ring::Pool));
        assert_eq!(only(&events[..9], &[], false).contained_at, Some(Ring::Worker));
        let times =
            [i.latent_ns(), i.detect_ns(), i.act_ns(), i.restart_ns(), i.first_service_ns()];
        assert_eq!(times, [30, 50, 10, 15, 100].map(Some));
    }

    #[test]
    fn how_far_it_came_is_told_by_what_had_to_be_replaced() {
        let died = |death: Death| event(150, What::Died, 7, 0, 1, death.code());
        let acted = |lane| event(160, What::Acted, 0, 0, lane, 0);
        let lent = event(10, What::Lent, 7, 0, 1, 0);
        let fell = [(400, Ending::Signal(6))];
        let table: [(&[Event], bool, bool, Option<Ring>); 10] = [
            (&[lent], false, false, None),
            (&[lent, died(Death::Error)], false, false, Some(Ring::Item)),
            (&[lent, died(Death::Panic)], false, false, Some(Ring::Item)),
            (&[lent, died(Death::Panic), acted(1)], false, false, Some(Ring::Worker)),
            (&[lent, died(Death::Left), acted(1)], false, false, Some(Ring::Lane)),
            (&[lent, died(Death::Signal(9)), acted(1)], false, false, Some(Ring::Worker)),
            (&[lent, died(Death::Error), acted(0)], false, false, Some(Ring::Pool)),
            (&[lent, died(Death::Left), acted(0), acted(1)], false, false, Some(Ring::Pool)),
            (&[lent, died(Death::Left), acted(0), acted(1)], true, true, Some(Ring::Pipeline)),
            (&[lent], true, false, Some(Ring::Subject)),
        ];
        for (events, falls, gave_up, expected) in table {
            let falls = if falls { &fell[..] } else { &[] };
            let i = only(events, falls, gave_up);
            assert_eq!(i.contained_at, expected, "{events:?}");
        }
    }

    #[test]
    fn what_came_through_its_fault_is_not_blamed_for_a_later_fall() {
        let events = [event(10, What::Lent, 7, 0, 1, 0), event(150, What::Accepted, 7, 0, 1, 1)];
        let i = only(&events, &[(400, Ending::Signal(9))], false);
        assert_eq!((i.detected_ns, i.diagnosis, i.contained_at), (None, None, None));
        let i = only(&events[..1], &[(400, Ending::Signal(9))], false);
        assert_eq!((i.detected_ns, i.diagnosis.as_deref()), (Some(400), Some("signal 9")));
    }

    #[test]
    fn a_fall_is_put_down_to_the_last_fault_that_was_open() {
        let lent = |item| event(10, What::Lent, item, 0, item as u8, 0);
        let events = [lent(1), lent(2), lent(3), event(350, What::Accepted, 3, 0, 3, 1)];
        let receipts = [(1, 100), (2, 200), (3, 300)].map(|(item, t)| receipt(item, 0, Some(t)));
        let trace = Trace { events: &events, falls: &[(400, Ending::Signal(6))], gave_up: false };
        let all = injections(&receipts, &trace, |_| false);
        let detected: Vec<_> = all.iter().map(|i| i.detected_ns).collect();
        assert_eq!(detected, [None, Some(400), None]);
    }

    #[test]
    fn what_never_fired_has_no_marks() {
        let events = [event(10, What::Died, 7, 0, 1, 6), event(20, What::Accepted, 7, 1, 1, 1)];
        let trace = Trace { events: &events, falls: &[], gave_up: false };
        let i = injections(&[receipt(7, 0, None)], &trace, |_| true).remove(0);
        assert_eq!(
            (i.detected_ns, i.accepted_ns, i.contained_at, i.permanent),
            (None, None, None, true)
        );
    }
}
