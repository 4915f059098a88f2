//! What a user implements to feed a pipeline.

use crate::acknowledger::Ticket;
use crate::engine::leave::Leave;
use crate::handler::Route;
use crate::message::{Failure, ItemId};
use std::num::NonZeroUsize;
use std::time::Duration;

/// An item on its way into a pipeline.
pub struct Entry<T> {
    /// Its position in source order. A producer's ids rise.
    pub id: ItemId,
    /// What it is.
    pub item: T,
    /// Who is told what became of it.
    pub ticket: Ticket,
    /// Where it goes after the stage, unless its handler says otherwise.
    pub route: Route,
}

impl<T> Entry<T> {
    /// With somebody to be told of it.
    pub fn with_ticket(id: ItemId, item: T, ticket: Ticket) -> Self {
        Self { id, item, ticket, route: Route::default() }
    }
}

impl<T> From<(ItemId, T)> for Entry<T> {
    fn from((id, item): (ItemId, T)) -> Self {
        Self::with_ticket(id, item, Ticket::default())
    }
}

/// What a producer answers to a demand.
pub enum Supply<T> {
    /// Items in source order, at least one and at most as many as were asked for.
    Items(Vec<Entry<T>>),
    /// Nothing now: it is asked again after this time at the latest.
    Idle(Duration),
    /// There will be no more.
    Drained,
}

impl<T> Supply<T> {
    /// These items, or, when there are none, the end.
    pub fn of(items: impl IntoIterator<Item = (ItemId, T)>) -> Self {
        let items: Vec<_> = items.into_iter().map(Entry::from).collect();
        if items.is_empty() { Self::Drained } else { Self::Items(items) }
    }
}

/// How many items are wanted, and how long it makes sense to wait for them.
#[derive(Clone, Copy)]
pub struct Demand<'a> {
    count: NonZeroUsize,
    leave: Option<&'a Leave>,
}

impl<'a> Demand<'a> {
    /// So many, from a caller that never drains.
    pub fn of(count: NonZeroUsize) -> Self {
        Self { count, leave: None }
    }
    pub(crate) fn until(count: NonZeroUsize, leave: &'a Leave) -> Self {
        Self { count, leave: Some(leave) }
    }
    /// At most so many items.
    pub fn count(&self) -> usize {
        self.count.get()
    }
    /// Waits at most so long; true as soon as the pipeline drains or the producer is to leave, and then
    /// waiting for more makes no sense.
    pub fn wait(&self, within: Duration) -> bool {
        match self.leave {
            Some(leave) => leave.wait(within),
            None => {
                std::thread::sleep(within);
                false
            }
        }
    }
}

/// A source of items. It is asked when somebody has room, and only then.
pub trait Producer: Send + Sized + 'static {
    /// What it produces.
    type Item: Send + Sync + 'static;
    /// The next items, at most as many as are demanded. May wait: for memory, until closed by
    /// [`Producer::closer`], or for anything else by [`Demand::wait`].
    ///
    /// # Errors
    /// When the source cannot go on. What it produced before is finished, and then the run fails.
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Self::Item>, Failure>;
    /// The pipeline drains: the last items, that are in hand already. It is not asked again.
    fn prepare_for_draining(&mut self) -> Vec<Entry<Self::Item>> {
        vec![]
    }
    /// A function that ends every wait inside `produce` that [`Demand::wait`] does not know of, callable
    /// from any thread.
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| {})
    }
}

/// Which copy of a producer is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// From 0.
    pub index: usize,
    /// Of how many.
    pub of: usize,
    /// The name of its pipeline.
    pub pipeline: String,
}
