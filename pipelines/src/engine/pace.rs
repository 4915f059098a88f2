//! How many items a lane takes at one go: more than one while they are so quick that to wake lane and worker for each
//! would cost too much. Pure.

use std::time::Duration;

/// Items are quick when they take less than this on average …
const QUICK_NS: u64 = Duration::from_micros(300).as_nanos() as u64;
/// … and slow again from here on, so that a lane does not waver.
const SLOW_NS: u64 = Duration::from_micros(450).as_nanos() as u64;
/// An item counts one in so many in the average: one that is ten times slower than all others ends their being quick.
const WEIGHT: u64 = 4;

/// The pace of one lane.
pub(crate) struct Pace {
    together: usize,
    mean_ns: Option<u64>,
    quick: bool,
}

impl Pace {
    /// Quick items go so many together; nothing is known of them yet.
    pub(crate) fn new(together: usize) -> Self {
        Self { together, mean_ns: None, quick: false }
    }

    /// A handler took so long over an item.
    pub(crate) fn saw(&mut self, work_ns: u64) {
        let mean = self.mean_ns.unwrap_or(work_ns);
        self.mean_ns = Some((mean * (WEIGHT - 1)).saturating_add(work_ns) / WEIGHT);
    }

    /// Items to take at one go.
    pub(crate) fn items(&self) -> usize {
        if self.quick { self.together } else { 1 }
    }

    /// The same from now on, if that changes.
    pub(crate) fn change(&mut self) -> Option<usize> {
        let below_ns = if self.quick { SLOW_NS } else { QUICK_NS };
        let quick = self.together > 1 && self.mean_ns.is_some_and(|mean| mean < below_ns);
        let changes = quick != self.quick;
        self.quick = quick;
        changes.then(|| self.items())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The changes that these works, in µs, bring about.
    fn changes(together: usize, works: &[u64]) -> Vec<Option<usize>> {
        let mut pace = Pace::new(together);
        let step = |work: &u64| {
            pace.saw(work * 1000);
            pace.change()
        };
        works.iter().map(step).collect()
    }

    #[test]
    fn quick_items_go_together_until_a_slow_one_comes() {
        assert_eq!(changes(2, &[100, 120, 110]), [Some(2), None, None]);
        assert_eq!(changes(2, &[100, 5000, 5000]), [Some(2), Some(1), None]);
        assert_eq!(changes(2, &[5000, 100, 100]), [None, None, None], "the average has to fall");
    }

    #[test]
    fn a_lane_between_quick_and_slow_does_not_waver() {
        assert_eq!(changes(4, &[290, 400, 290, 400]), [Some(4), None, None, None]);
        assert_eq!(changes(4, &[310, 400, 310, 400]), [None; 4]);
    }

    #[test]
    fn one_together_is_never() {
        assert_eq!(changes(1, &[1, 1, 1]), [None; 3]);
    }
}
