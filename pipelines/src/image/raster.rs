//! Pixels and where they belong: formats, rectangles, tiles.

use crate::isolation::segment::Buf;
use crate::message::ItemId;
use serde::{Deserialize, Serialize};

/// How one pixel is stored: samples interleaved, 16-bit samples in the machine's own byte order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PixelFormat {
    /// Samples a pixel: 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA.
    pub channels: u8,
    /// Bits a sample: 8 or 16.
    pub depth: u8,
}

impl PixelFormat {
    /// 8-bit RGB.
    pub const RGB8: Self = Self { channels: 3, depth: 8 };

    /// Bytes a pixel.
    pub const fn bytes(self) -> usize {
        self.channels as usize * (self.depth as usize / 8)
    }
    /// True when the last sample is an alpha value (2 or 4 channels).
    pub const fn has_alpha(self) -> bool {
        self.channels.is_multiple_of(2)
    }
}

/// A rectangle of a scene, in pixels, from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rect {
    /// Pixels from the left edge.
    pub x: u32,
    /// Pixels from the top edge.
    pub y: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Rect {
    /// Pixels in it.
    pub const fn area(self) -> u64 {
        self.width as u64 * self.height as u64
    }
}

/// What a tile is without its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TileHead {
    /// The item this tile is.
    pub item: ItemId,
    /// Which scene of the layout it was cut from.
    pub scene: u32,
    /// The part of the scene it stands for, its halo not counted.
    pub rect: Rect,
    /// Pixels of the neighbours carried along on each side. Zero today; operations that look further
    /// than their own pixel will ask for more.
    pub halo: u16,
    /// How its pixels are stored.
    pub format: PixelFormat,
}

impl TileHead {
    /// Pixels across, the halo counted.
    pub const fn across(&self) -> usize {
        self.rect.width as usize + 2 * self.halo as usize
    }
    /// Pixels down, the halo counted.
    pub const fn down(&self) -> usize {
        self.rect.height as usize + 2 * self.halo as usize
    }
    /// Bytes of one row of its pixels, the halo counted.
    pub const fn row_bytes(&self) -> usize {
        self.across() * self.format.bytes()
    }
    /// Bytes of its pixels, the halo counted.
    pub const fn bytes(&self) -> usize {
        self.row_bytes() * self.down()
    }
}

/// A tile: what goes into an operation. Rows from the top, no padding between them.
#[derive(Clone)]
pub struct Tile {
    /// What it is.
    pub head: TileHead,
    /// `head.bytes()` bytes.
    pub pixels: Buf,
}
