//! Tells acknowledgers, outside every lock.

use super::event::{Event, Observer};
use crate::acknowledger::{Acked, Acknowledger, Ticket};
use crate::message::{Failure, ItemId};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What is told of items that were settled together, by acknowledger and reference.
struct Group {
    to: Arc<dyn Acknowledger>,
    reference: u64,
    done: Vec<Acked>,
    failed: Vec<Acked>,
    /// Something was added since it was last to be told.
    due: bool,
}

/// One thread's way to acknowledge.
pub(crate) struct Acker {
    groups: Vec<Group>,
    observer: Observer,
    /// Broadway's way (its acknowledger.ex): when one acknowledger raises, the later ones are not told,
    /// and what was meant for them waits until they are told of something else, or for ever.
    stops_at_failure: bool,
}

impl Acker {
    pub(crate) fn new(observer: Observer, stops_at_failure: bool) -> Self {
        Self { groups: Vec::new(), observer, stops_at_failure }
    }

    /// One more item to tell of.
    pub(crate) fn add(&mut self, ticket: &Ticket, item: ItemId, failure: Option<Failure>) {
        let Some(to) = ticket.spend() else { return };
        let reference = ticket.reference();
        let acked = Acked { item, data: ticket.data(), failure };
        let mine = |g: &Group| g.reference == reference && Arc::ptr_eq(&g.to, to);
        let at = self.groups.iter().position(mine).unwrap_or_else(|| {
            let (to, done, failed) = (to.clone(), vec![], vec![]);
            self.groups.push(Group { to, reference, done, failed, due: true });
            self.groups.len() - 1
        });
        let group = &mut self.groups[at];
        group.due = true;
        if acked.failure.is_none() { &mut group.done } else { &mut group.failed }.push(acked);
    }

    /// Tells them all; what was left over from before, only along with something new.
    pub(crate) fn tell(&mut self) {
        let mut left = Vec::new();
        let mut stopped = false;
        for group in std::mem::take(&mut self.groups) {
            if stopped || !group.due {
                left.push(Group { due: false, ..group });
                continue;
            }
            let Group { to, reference, done, failed, .. } = &group;
            let told = catch_unwind(AssertUnwindSafe(|| to.ack(*reference, done, failed)));
            let why = match told {
                Ok(Ok(())) => continue,
                Ok(Err(failure)) => failure.what,
                Err(_) => "it panicked".to_owned(),
            };
            let (reference, items) = (*reference, done.len() + failed.len());
            self.observer.tell(|| Event::AckFailed { reference, items, why });
            stopped = self.stops_at_failure;
        }
        self.groups = left;
    }
}

#[cfg(test)]
mod tests;
