//! N: rate limiting.

use crate::case::Case;
use crate::hand::{begin, demanding, listed};
use crate::kit::{both, counting, dummy, find, ids, next, pass, stage, stop, ticket};
use crossbeam_channel::Receiver;
use pipelines::acknowledger::{Heard, Ticket};
use pipelines::engine::event::{DrainPhase, Event};
use pipelines::engine::limiter::{Kind, Rate};
use pipelines::engine::settings::Settings;
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::Pipeline;
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "N1",
            "the_quota_is_exact",
            "of two messages at one an interval one passes, and the other after a reset",
            n1,
        ),
        Case::holds(
            "N2",
            "what_is_over_the_quota_waits",
            "five messages at two an interval are acked as 2, 2, 1, an interval apart",
            n2,
        ),
        Case::holds(
            "N3",
            "demand_waits_too",
            "a producer is not asked while the limit is reached, and is again after a reset; ours asks once ahead",
            n3,
        ),
        Case::holds(
            "N4",
            "stopped_while_the_limit_is_reached",
            "what waits goes after the reset, in order, then what the drain brings; ours does not wait for that",
            n4,
        ),
        Case::holds(
            "N5",
            "the_rate_is_read_and_changed",
            "a new rate holds from the end of the interval, or with reset from now on",
            n5,
        ),
        Case::holds(
            "N6",
            "a_rate_that_makes_no_sense_is_refused",
            "no rate of nothing, of 0 or in no time can be made, so none can be set",
            n6,
        ),
    ]
}

/// An interval that does not end while a test runs.
const LONG: Duration = Duration::from_secs(600);

fn rate(items: u64, interval: Duration) -> Rate {
    Rate::new(Some(items), None, interval).unwrap()
}

/// Waits until the limit is reached.
fn closed(told: &Receiver<Event>) {
    find(told, |event| matches!(event, Event::LimiterClosed { .. }).then_some(()));
}

/// Ids of the next that are acked together.
fn acked(heard: &Receiver<Heard>) -> Vec<ItemId> {
    ids(&next(heard)).0
}

fn n1() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let once = rate(1, LONG);
        let limited = counting(2, to).settings(settings).rate_limited(Kind::Window, once, |_| 0);
        let (running, told) = begin(limited.stage(pass()));
        assert_eq!(acked(&heard), [0], "{name}");
        closed(&told);
        assert!(heard.is_empty());
        running.set_rate(once, true).unwrap();
        assert_eq!(acked(&heard), [1], "{name}");
        stop(running);
    }
}

fn n2() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let interval = Duration::from_millis(50);
        let start = Instant::now();
        let (told, when) = crossbeam_channel::bounded(5);
        let stage = stage(move |n, _| {
            told.send(start.elapsed()).unwrap();
            Ok(*n)
        });
        let limited = counting(5, to).settings(settings);
        let limited = limited.rate_limited(Kind::Window, rate(2, interval), |_| 0);
        assert_eq!(limited.stage(demanding(stage, 10, 5)).run().unwrap().done, 5);
        let acked: Vec<_> = heard.try_iter().map(|heard| ids(&heard).0).collect();
        assert_eq!(acked, [vec![0, 1], vec![2, 3], vec![4]], "{name}");
        // The first interval began after `start`.
        let when: Vec<_> = when.try_iter().collect();
        assert!(when[2] >= interval && when[4] >= 2 * interval, "{name}: {when:?}");
    }
}

/// Gives its items one list at a time, whatever is asked for, and says that it was asked.
struct Lists {
    lists: Vec<Vec<i64>>,
    next: ItemId,
    to: Ticket,
    asked: crossbeam_channel::Sender<()>,
    at_end: Vec<i64>,
}

impl Lists {
    fn take(&mut self, items: &[i64]) -> Vec<Entry<i64>> {
        let entries = listed(self.next, items, &self.to);
        self.next += entries.len() as u64;
        entries
    }
}

impl Producer for Lists {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        self.asked.send(()).unwrap();
        if self.lists.is_empty() {
            demand.wait(crate::kit::PATIENCE);
            return Ok(Supply::Idle(Duration::ZERO));
        }
        let list = self.lists.remove(0);
        Ok(Supply::Items(self.take(&list)))
    }
    fn prepare_for_draining(&mut self) -> Vec<Entry<i64>> {
        let list = std::mem::take(&mut self.at_end);
        self.take(&list)
    }
}

/// A pipeline on such a producer, at one item in a long interval.
fn lists(lists: &[&[i64]], at_end: &[i64], to: Ticket) -> (Pipeline<i64>, Receiver<()>) {
    let (asked, told) = crossbeam_channel::bounded(1000);
    let lists: Vec<_> = lists.iter().map(|list| list.to_vec()).collect();
    let at_end = at_end.to_vec();
    let make = move |_: &Instance| {
        let (lists, at_end) = (lists.clone(), at_end.clone());
        Ok(Lists { lists, next: 0, to: to.clone(), asked: asked.clone(), at_end })
    };
    let limited = Pipeline::produced_by(1, make);
    (limited.rate_limited(Kind::Window, rate(1, LONG), |_| 0), told)
}

fn n3() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let (limited, asked) = lists(&[&[0], &[1]], &[], to);
        let (running, told) = begin(limited.settings(settings).stage(demanding(pass(), 10, 5)));
        assert_eq!(acked(&heard), [0], "{name}");
        closed(&told);
        // Ours has the next item in hand already.
        let ahead = usize::from(name == "okiagari");
        assert_eq!(asked.try_iter().count(), 1 + ahead, "{name}");
        running.set_rate(rate(1, LONG), true).unwrap();
        assert_eq!(acked(&heard), [1], "{name}");
        if ahead == 0 {
            closed(&told);
            assert_eq!(asked.try_iter().count(), 1);
        } else {
            next(&asked);
        }
        stop(running);
        assert!(asked.is_empty(), "{name}");
    }
}

fn n4() {
    for (name, settings) in both() {
        let (to, heard) = ticket();
        let (limited, _asked) = lists(&[&[0, 1, 2]], &[3], to);
        let (running, told) = begin(limited.settings(settings).stage(pass()));
        assert_eq!(acked(&heard), [0], "{name}");
        closed(&told);
        running.stop();
        if name == "broadway" {
            find(&told, |event| (*event == Event::Drain(DrainPhase::Producers)).then_some(()));
            assert!(heard.is_empty());
            running.set_rate(rate(100, LONG), true).unwrap();
        }
        let report = running.wait();
        assert_eq!((report.tally.done, report.left.items(), report.failure), (4, 0, None));
        let acked: Vec<_> = heard.try_iter().flat_map(|heard| ids(&heard).0).collect();
        assert_eq!(acked, [1, 2, 3], "{name}");
        let opened = told.try_iter().filter(|event| *event == Event::LimiterOpened).count();
        assert_eq!(opened, usize::from(name == "broadway"), "{name}");
    }
}

/// Changes the rate in the middle of an interval. False when that came too late, and so shows nothing.
fn changed_in_time(name: &str, settings: Settings, interval: Duration) -> bool {
    let (to, heard) = ticket();
    let (slow, fast) = (rate(1, interval), rate(3, LONG));
    let start = Instant::now();
    let limited = counting(7, to).settings(settings).rate_limited(Kind::Window, slow, |_| 0);
    let (running, told) = begin(limited.stage(demanding(pass(), 10, 0)));
    assert_eq!(running.rate(), Some(slow));
    assert_eq!(acked(&heard), [0], "{name}");
    running.set_rate(fast, false).unwrap();
    assert_eq!(running.rate(), Some(fast), "{name}");
    if start.elapsed() >= interval {
        running.stop();
        return false;
    }
    assert_eq!(acked(&heard), [1, 2, 3], "{name}");
    assert!(start.elapsed() >= interval, "{name}");
    closed(&told);
    running.set_rate(fast, true).unwrap();
    assert_eq!(acked(&heard), [4, 5, 6], "{name}");
    stop(running);
    true
}

fn n5() {
    for (name, settings) in both() {
        let mut intervals = [50, 200, 1000, 5000].into_iter().map(Duration::from_millis);
        assert!(intervals.any(|interval| changed_in_time(name, settings.clone(), interval)));
    }
    let unlimited = dummy().stage(pass()).start().unwrap();
    assert_eq!(unlimited.rate(), None);
    let refused = unlimited.set_rate(rate(1, LONG), true).unwrap_err();
    assert!(refused.what.contains("no rate limit"), "{refused}");
    stop(unlimited);
}

fn n6() {
    for (items, bytes, interval, why) in [
        (Some(0), None, LONG, "0 items"),
        (None, Some(0), LONG, "0 bytes"),
        (None, None, LONG, "neither"),
        (Some(1), None, Duration::ZERO, "an interval of 0"),
    ] {
        let refused = Rate::new(items, bytes, interval).unwrap_err();
        assert!(refused.what.contains(why), "{refused}");
    }
}
