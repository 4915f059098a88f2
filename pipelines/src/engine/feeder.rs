//! Asks the producer when there is room, and only then.

use super::books::Books;
use super::ledger::Event;
use crate::producer::{Producer, Supply};
use std::num::NonZeroUsize;

/// Feeds until the source is drained or the run stops.
pub(crate) fn feed<P: Producer>(mut producer: P, demand: NonZeroUsize, books: &Books<P::Item>) {
    while books.wait_for_room() {
        match producer.produce(demand) {
            Ok(Supply::Items(items)) => {
                debug_assert!(!items.is_empty() && items.len() <= demand.get());
                books.step(Event::Taken(items));
            }
            Ok(Supply::Drained) => {
                books.step(Event::Drained);
                return;
            }
            Err(failure) => {
                // What was produced before is good: it is finished, and then the run fails.
                books.fail(failure);
                books.step(Event::Drained);
                return;
            }
        }
    }
}
