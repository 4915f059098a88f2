//! What decides about a fault beside its item: which moments are taken, who is being replaced, and how often the subject
//! was started.

use super::{BlackBox, LANES_MAX, What};
use crate::message::Death;
use std::sync::atomic::Ordering::*;

impl BlackBox {
    /// The number of the moment of a stream that was not claimed yet. `None` of a stream beyond [`STREAMS_MAX`].
    pub fn unclaimed(&self, stream: usize) -> Option<usize> {
        self.header().timed_next.get(stream).map(|next| next.load(Acquire) as usize)
    }

    /// Takes the moments of a stream from `moment` to before `next`, if nobody has taken them yet: once, whatever
    /// restarts.
    pub fn claim(&self, stream: usize, moment: usize, next: usize) -> bool {
        let (now, then) = (moment as u32, next as u32);
        let next = self.header().timed_next.get(stream);
        next.is_some_and(|n| n.compare_exchange(now, then, AcqRel, Acquire).is_ok())
    }

    /// Counts one more process of the subject, and says how many there were before it. No worker of theirs is
    /// missed any more.
    pub fn incarnate(&self) -> u32 {
        self.header().fallen.iter().for_each(|lanes| lanes.store(0, Release));
        self.header().incarnations.fetch_add(1, AcqRel)
    }

    /// Whether some worker is being replaced: one died, and no result was accepted in its lane since. An attempt
    /// that returned an error killed nobody.
    pub fn is_recovering(&self) -> bool {
        self.header().fallen.iter().any(|lanes| lanes.load(Acquire) != 0)
    }

    pub(super) fn note_recovery(&self, what: What, lane: usize, value: u64) {
        let lane = lane.min(LANES_MAX - 1);
        let (lanes, bit) = (&self.header().fallen[lane / 64], 1 << (lane % 64));
        match what {
            What::Died if value != Death::Error.code() => lanes.fetch_or(bit, AcqRel),
            // Nearly always there is nothing to forget: a read does not take the line from other cores.
            What::Accepted if lanes.load(Acquire) & bit != 0 => lanes.fetch_and(!bit, AcqRel),
            _ => 0,
        };
    }
}
