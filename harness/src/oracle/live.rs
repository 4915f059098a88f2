//! Does work go on once faults have stopped?

use super::{Verdict, Witness, gap};
use crate::history::{Ending, History, State};
use crate::measure::words::duration;

/// Between two items that are done, and until the end, no more time than this may pass once faults have stopped, in
/// nanoseconds: 10 s. HtPipe needs 7 s for a restart.
pub const LIVE_WITHIN_NS: u64 = 10_000_000_000;

/// Holds if, from the moment the last fault fired, there is progress at least every [`LIVE_WITHIN_NS`] until the subject
/// ends, and that is an end in order or with nothing left to do.
///
/// Unknown if the items are not all recorded.
pub fn live(history: &History) -> Verdict {
    if let Some(why) = gap(history) {
        return Verdict::Unknown(why);
    }
    let broken = |items: Vec<u64>, what: String| Verdict::Broken(Witness { count: 1, items, what });
    let ending = &history.run.ending;
    let left: Vec<_> = history.items.iter().filter(|i| i.state == State::Lost).collect();
    if *ending == Ending::Hang {
        return broken(vec![], "it made no progress and was ended".into());
    }
    if *ending != Ending::Complete && !left.is_empty() {
        let first = left.iter().take(super::MOST_NAMED).map(|i| i.item).collect();
        return broken(first, format!("it ended ({ending}) with {} items to do", left.len()));
    }
    let quiet_ns = history.fired().filter_map(|i| i.fired_ns).max().unwrap_or(0);
    let mut moments: Vec<u64> =
        history.items.iter().filter_map(|i| i.done_ns).filter(|t| *t > quiet_ns).collect();
    moments.push(history.run.wall_ns.max(quiet_ns));
    moments.sort_unstable();
    let mut before = quiet_ns;
    for t in moments {
        if t - before > LIVE_WITHIN_NS {
            let (gap, at) = (duration((t - before) as f64), duration(before as f64));
            return broken(vec![], format!("nothing was done for {gap} from {at} on"));
        }
        before = t;
    }
    Verdict::Holds
}
