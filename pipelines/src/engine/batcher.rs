//! When a batch is full. Pure: items and time in, batches out.

use std::time::{Duration, Instant};

/// What happens to a batcher.
pub enum Event<T> {
    /// One more item.
    Item(T),
    /// Time passed.
    Tick,
    /// There will be no more items for now: give out what there is.
    Flush,
}

/// Collects items until there are `size` of them, or until the first has waited for `within`.
#[derive(Debug)]
pub struct Batcher<T> {
    size: usize,
    within: Duration,
    items: Vec<T>,
    due: Option<Instant>,
}

impl<T> Batcher<T> {
    /// An empty one. A `size` of 0 is taken as 1.
    pub fn new(size: usize, within: Duration) -> Self {
        Self { size: size.max(1), within, items: Vec::new(), due: None }
    }

    /// When a `Tick` is due, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Takes in one event and appends at most one batch.
    pub fn step(&mut self, now: Instant, event: Event<T>, batches: &mut Vec<Vec<T>>) {
        let flush = match event {
            Event::Item(item) => {
                self.items.push(item);
                self.due.get_or_insert(now + self.within);
                self.items.len() >= self.size
            }
            Event::Tick => self.due.is_some_and(|due| now >= due),
            Event::Flush => !self.items.is_empty(),
        };
        if flush {
            self.due = None;
            batches.push(std::mem::take(&mut self.items));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_batch_goes_out_when_full_or_old_or_flushed() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        let (mut batcher, mut out) = (Batcher::new(2, ms(50)), vec![]);
        batcher.step(start, Event::Item(1), &mut out);
        batcher.step(start + ms(49), Event::Tick, &mut out);
        assert!(out.is_empty());
        batcher.step(start + ms(50), Event::Tick, &mut out);
        batcher.step(start + ms(60), Event::Item(2), &mut out);
        batcher.step(start + ms(61), Event::Item(3), &mut out);
        batcher.step(start + ms(62), Event::Item(4), &mut out);
        batcher.step(start + ms(63), Event::Flush, &mut out);
        batcher.step(start + ms(64), Event::Flush, &mut out);
        assert_eq!(out, [vec![1], vec![2, 3], vec![4]]);
        assert_eq!(batcher.deadline(), None);
    }

    proptest! {
        #[test]
        fn every_item_comes_out_once_and_in_order(size in 0usize..9, ticks in prop::collection::vec(0u64..80, 0..100)) {
            let (mut batcher, mut now) = (Batcher::new(size, Duration::from_millis(50)), Instant::now());
            let mut out = vec![];
            for (n, wait) in ticks.iter().enumerate() {
                now += Duration::from_millis(*wait);
                batcher.step(now, Event::Tick, &mut out);
                batcher.step(now, Event::Item(n), &mut out);
            }
            batcher.step(now, Event::Flush, &mut out);
            prop_assert!(out.iter().all(|b| !b.is_empty() && b.len() <= size.max(1)));
            prop_assert_eq!(out.concat(), (0..ticks.len()).collect::<Vec<_>>());
        }
    }
}
