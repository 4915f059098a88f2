//! Which tiles an input has: pure arithmetic from scenes and a way to split them, known before any
//! pixel is read.

use crate::image::raster::{PixelFormat, Rect, TileHead};
use crate::message::ItemId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a scene is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Split {
    /// Squares with this many pixels a side; those at the right and lower edge are smaller, never padded.
    Tiles(u32),
    /// Bands of this many rows over the whole width: the thesis's split.
    Strips(u32),
}

/// Where a scene's pixels come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// An image file on this machine.
    File(PathBuf),
    /// The procedural scene for this seed.
    Synthetic(u64),
    /// A file that nobody has decoded yet: a row of 8-bit grey pixels, which are its bytes. What they mean is for
    /// the worker to find out, by [`Operation::Decode`](crate::image::operations::Operation::Decode).
    Bytes(PathBuf),
}

/// One picture of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// The stem of its tiles' file names; unique within a layout.
    pub name: String,
    /// Where its pixels come from.
    pub origin: Origin,
    /// Pixels across, at least 1.
    pub width_px: u32,
    /// Pixels down, at least 1.
    pub height_px: u32,
    /// How its pixels are stored once decoded.
    pub format: PixelFormat,
}

/// All pictures of an input and how they are cut. Items are numbered scene by scene, row by row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The pictures, in source order.
    pub scenes: Vec<Scene>,
    /// How each is cut.
    pub split: Split,
}

impl Scene {
    /// A file of `bytes` bytes that is still to be decoded; for a layout of [`Split::Strips`].
    pub fn of_bytes(name: String, path: PathBuf, bytes: u32) -> Self {
        let format = PixelFormat { channels: 1, depth: 8 };
        Self { name, origin: Origin::Bytes(path), width_px: bytes, height_px: 1, format }
    }
    /// The size of a full cell of the grid, in pixels: (across, down).
    fn cell(&self, split: Split) -> (u32, u32) {
        match split {
            Split::Tiles(side) => (side, side),
            Split::Strips(rows) => (self.width_px, rows),
        }
    }
    /// (columns, rows) of the grid.
    pub fn grid(&self, split: Split) -> (u64, u64) {
        let (w, h) = self.cell(split);
        (u64::from(self.width_px.div_ceil(w)), u64::from(self.height_px.div_ceil(h)))
    }
}

/// Where an item lies: its head, and its (row, column) in its scene's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The tile without its pixels.
    pub head: TileHead,
    /// Row of the grid, from 0.
    pub row: u64,
    /// Column of the grid, from 0; always 0 for strips.
    pub col: u64,
}

impl Layout {
    /// How many items there are in all.
    pub fn items(&self) -> u64 {
        self.scenes
            .iter()
            .map(|s| {
                let (c, r) = s.grid(self.split);
                c * r
            })
            .sum()
    }
    /// Pixels in all.
    pub fn pixels(&self) -> u64 {
        self.scenes.iter().map(|s| u64::from(s.width_px) * u64::from(s.height_px)).sum()
    }
    /// Bytes of the largest tile.
    pub fn tile_bytes_max(&self) -> usize {
        let largest = |s: &Scene| {
            let (w, h) = s.cell(self.split);
            w.min(s.width_px) as usize * h.min(s.height_px) as usize * s.format.bytes()
        };
        self.scenes.iter().map(largest).max().unwrap_or(0)
    }
    /// Where `item` lies; `None` past the end.
    pub fn place(&self, item: ItemId) -> Option<Place> {
        let mut first = 0;
        for (number, scene) in self.scenes.iter().enumerate() {
            let (columns, rows) = scene.grid(self.split);
            if item < first + columns * rows {
                let (row, col) = ((item - first) / columns, (item - first) % columns);
                let (w, h) = scene.cell(self.split);
                let (x, y) = (col as u32 * w, row as u32 * h);
                let rect = Rect {
                    x,
                    y,
                    width: w.min(scene.width_px - x),
                    height: h.min(scene.height_px - y),
                };
                let scene_number = number as u32;
                let head =
                    TileHead { item, scene: scene_number, rect, halo: 0, format: scene.format };
                return Some(Place { head, row, col });
            }
            first += columns * rows;
        }
        None
    }
    /// The file name of an item's tile: `NAME_ROW_COL.EXT` for tiles, `NAME_ROW.EXT` for strips.
    pub fn file_name(&self, place: &Place, extension: &str) -> String {
        let name = &self.scenes[place.head.scene as usize].name;
        match self.split {
            Split::Tiles(_) => format!("{name}_{}_{}.{extension}", place.row, place.col),
            Split::Strips(_) => format!("{name}_{}.{extension}", place.row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn layout(sizes: &[(u32, u32)], split: Split) -> Layout {
        let scene = |(n, (width_px, height_px)): (usize, &(u32, u32))| Scene {
            name: format!("s{n}"),
            origin: Origin::Synthetic(0),
            width_px: *width_px,
            height_px: *height_px,
            format: PixelFormat::RGB8,
        };
        Layout { scenes: sizes.iter().enumerate().map(scene).collect(), split }
    }

    #[test]
    fn edges_are_smaller_and_never_padded() {
        let tiles = layout(&[(10, 5)], Split::Tiles(4));
        let last = tiles.place(5).unwrap();
        assert_eq!((tiles.items(), last.row, last.col), (6, 1, 2));
        assert_eq!(last.head.rect, Rect { x: 8, y: 4, width: 2, height: 1 });
        assert_eq!(tiles.file_name(&last, "png"), "s0_1_2.png");
        let strips = layout(&[(10, 5)], Split::Strips(4));
        let last = strips.place(1).unwrap();
        assert_eq!(last.head.rect, Rect { x: 0, y: 4, width: 10, height: 1 });
        assert_eq!((strips.items(), strips.file_name(&last, "raw")), (2, "s0_1.raw".into()));
        assert_eq!(layout(&[], Split::Tiles(1)).items(), 0);
    }

    proptest! {
        #[test]
        fn the_tiles_are_the_scenes(
            sizes in prop::collection::vec((1u32..60, 1u32..60), 0..4),
            side in 1u32..70,
            strips in any::<bool>(),
        ) {
            let split = if strips { Split::Strips(side) } else { Split::Tiles(side) };
            let layout = layout(&sizes, split);
            let mut pixels = BTreeSet::new();
            let mut names = BTreeSet::new();
            let mut largest = 0;
            for item in 0..layout.items() {
                let place = layout.place(item).unwrap();
                let Rect { x, y, width, height } = place.head.rect;
                prop_assert_eq!(place.head.item, item);
                prop_assert!(names.insert(layout.file_name(&place, "png")));
                largest = largest.max(place.head.bytes());
                for pixel in (x..x + width).flat_map(|x| (y..y + height).map(move |y| (x, y))) {
                    prop_assert!(pixels.insert((place.head.scene, pixel)), "covered twice");
                }
            }
            prop_assert_eq!(pixels.len() as u64, layout.pixels(), "covered once, all of it");
            prop_assert_eq!(largest, layout.tile_bytes_max());
            prop_assert!(layout.place(layout.items()).is_none());
        }
    }
}
