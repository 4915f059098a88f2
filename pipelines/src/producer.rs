//! What a user implements to feed a pipeline.

use crate::message::{Failure, ItemId};
use std::num::NonZeroUsize;

/// What a producer answers to a demand.
pub enum Supply<T> {
    /// Items in source order, at least one and at most as many as were asked for.
    Items(Vec<(ItemId, T)>),
    /// There will be no more.
    Drained,
}

/// A source of items. It is asked when somebody has room, and only then.
pub trait Producer: Send + Sized {
    /// What it produces.
    type Item: Send + Sync + 'static;
    /// The next items, at most `demand` of them. May wait, for memory say, until
    /// [`Producer::close`]d.
    ///
    /// # Errors
    /// When the source cannot go on; this ends the run.
    fn produce(&mut self, demand: NonZeroUsize) -> Result<Supply<Self::Item>, Failure>;
    /// A function that ends every wait inside `produce`, callable from any thread.
    fn closer(&self) -> Box<dyn Fn() + Send + Sync>;
}
