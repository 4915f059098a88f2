//! A source of tiles as a producer: decoded straight into the slots that workers read.

use super::raster::Tile;
use crate::engine::Watch;
use crate::fault::{Fault, Point, Site, flip};
use crate::isolation::segment::Segment;
use crate::message::{Failure, ItemId};
use crate::producer::{Demand, Entry, Producer, Supply};
use crate::source::Tiles;
use std::sync::Arc;
use std::time::Duration;

/// Feeds the tiles of a source, but those that `skip` names.
pub struct TileFeed<S> {
    tiles: Tiles,
    slab: Arc<Segment>,
    skip: S,
    watch: Arc<Watch>,
}

impl<S: Fn(ItemId) -> bool + Send> TileFeed<S> {
    /// Tiles go into slots of `slab`, which must hold the largest of them.
    pub fn new(tiles: Tiles, slab: Arc<Segment>, skip: S) -> Self {
        Self { tiles, slab, skip, watch: Arc::default() }
    }

    /// Lets somebody watch, and strike where a tile has been decoded.
    pub fn watched(self, watch: Arc<Watch>) -> Self {
        Self { watch, ..self }
    }
}

impl<S: Fn(ItemId) -> bool + Send + 'static> Producer for TileFeed<S> {
    type Item = Tile;

    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Tile>, Failure> {
        let mut most = demand.count();
        let mut items = Vec::with_capacity(most);
        while items.len() < most {
            let Some(next) = self.tiles.next() else { break };
            if (self.skip)(next.item) {
                self.tiles.skip();
                continue;
            }
            // What nobody asked for takes what is free; waiting for more would be waiting for itself.
            let mut slot = if items.len() < demand.count() {
                self.slab.reserve().ok_or_else(|| Failure::engine("the run is ending"))?
            } else {
                let Some(slot) = self.slab.reserve_now() else { break };
                slot
            };
            let head = self.tiles.read(slot.bytes_mut())?;
            let struck = self.watch.pass(Site::new(Point::Decode, head.item, 0));
            match struck {
                Some(Fault::FlipInput) => flip(&mut slot.bytes_mut()[..head.bytes()], head.item),
                Some(Fault::SourceStall(ms)) => drop(demand.wait(Duration::from_millis(ms.into()))),
                Some(Fault::SourceBurst(more)) => most = most.saturating_add(more as usize),
                _ => {}
            }
            let tile = Tile { head, pixels: slot.freeze(head.bytes()) };
            if struck == Some(Fault::SourceDuplicate) {
                items.push(Entry::from((head.item, tile.clone())));
            }
            items.push(Entry::from((head.item, tile)));
        }
        Ok(if items.is_empty() { Supply::Drained } else { Supply::Items(items) })
    }

    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        let slab = self.slab.clone();
        Box::new(move || slab.close())
    }
}
