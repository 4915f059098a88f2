//! A source of tiles as a producer: decoded straight into the slots that workers read.

use super::raster::Tile;
use crate::isolation::segment::Segment;
use crate::message::{Failure, ItemId};
use crate::producer::{Demand, Entry, Producer, Supply};
use crate::source::Tiles;
use std::sync::Arc;

/// Feeds the tiles of a source, but those that `skip` names.
pub struct TileFeed<S> {
    tiles: Tiles,
    slab: Arc<Segment>,
    skip: S,
}

impl<S: Fn(ItemId) -> bool + Send> TileFeed<S> {
    /// Tiles go into slots of `slab`, which must hold the largest of them.
    pub fn new(tiles: Tiles, slab: Arc<Segment>, skip: S) -> Self {
        Self { tiles, slab, skip }
    }
}

impl<S: Fn(ItemId) -> bool + Send + 'static> Producer for TileFeed<S> {
    type Item = Tile;

    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Tile>, Failure> {
        let mut items = Vec::with_capacity(demand.count());
        while items.len() < demand.count() {
            let Some(next) = self.tiles.next() else { break };
            if (self.skip)(next.item) {
                self.tiles.skip();
                continue;
            }
            let slot = self.slab.reserve();
            let mut slot = slot.ok_or_else(|| Failure::engine("the run is ending"))?;
            let head = self.tiles.read(slot.bytes_mut())?;
            items.push(Entry::from((head.item, Tile { head, pixels: slot.freeze(head.bytes()) })));
        }
        Ok(if items.is_empty() { Supply::Drained } else { Supply::Items(items) })
    }

    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        let slab = self.slab.clone();
        Box::new(move || slab.close())
    }
}
