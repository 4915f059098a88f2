//! A procedural scene that looks like a satellite's picture of a coast: computed for any rectangle on
//! its own, in integers only, so that it is the same on any machine.

mod land;
mod noise;

use crate::image::raster::Rect;
use land::Palette;
use noise::{Noise, ORIGIN, Window, hash};

/// Pixels a side of what is computed at once: its fields stay in the cache.
const BLOCK_PX: u32 = 128;

/// From a cloud to its shadow: pixels to the right and down.
const SHADOW_PX: (u32, u32) = (9, 12);

/// The fields a scene is made of.
struct Terrain {
    height: Noise,
    moisture: Noise,
    rivers: Noise,
    clouds: Noise,
    palette: Palette,
    salt: u32,
}

/// The fields of one block.
#[derive(Default)]
struct Fields {
    height: Vec<i32>,
    moisture: Vec<i32>,
    rivers: Vec<i32>,
    clouds: Vec<i32>,
}

impl Terrain {
    fn new(seed: u64, width_px: u32, height_px: u32) -> Self {
        let salt = hash(seed as u32, (seed >> 32) as u32, 0x0_1ad5);
        // The largest forms are about as large as a small scene, and not larger than 2048 pixels.
        let large = width_px.min(height_px).max(2).ilog2().saturating_sub(1).clamp(6, 11);
        Self {
            height: Noise::new(salt ^ 1, large, 3),
            moisture: Noise::new(salt ^ 2, large.min(8), 5),
            rivers: Noise::new(salt ^ 3, large.min(9), 6),
            clouds: Noise::new(salt ^ 4, large.min(7), 4),
            palette: Palette::new(),
            salt,
        }
    }
}

/// Writes the 8-bit RGB pixels of `rect` of the scene for `seed` with the given size in pixels to
/// `into`, row by row, as far as whole rows of it fit.
pub fn fill(seed: u64, scene_width: u32, scene_height: u32, rect: Rect, into: &mut [u8]) {
    let terrain = Terrain::new(seed, scene_width, scene_height);
    let mut fields = Fields::default();
    let stride = rect.width as usize * 3;
    for top in (0..rect.height).step_by(BLOCK_PX as usize) {
        for left in (0..rect.width).step_by(BLOCK_PX as usize) {
            let block = Rect {
                x: rect.x + left,
                y: rect.y + top,
                width: BLOCK_PX.min(rect.width - left),
                height: BLOCK_PX.min(rect.height - top),
            };
            terrain.survey(block, &mut fields);
            let rows = into.chunks_exact_mut(stride).skip(top as usize);
            for (y, row) in rows.take(block.height as usize).enumerate() {
                let start = left as usize * 3;
                let row = &mut row[start..start + block.width as usize * 3];
                terrain.paint(&fields, block, y, row);
            }
        }
    }
}

impl Terrain {
    /// Computes the fields of a block, with the margins that slopes and shadows need.
    fn survey(&self, block: Rect, fields: &mut Fields) {
        let (x, y) = (ORIGIN + block.x, ORIGIN + block.y);
        let (width, height) = (block.width as usize, block.height as usize);
        let slopes = Window { x: x - 1, y: y - 1, width: width + 1, height: height + 1 };
        self.height.fill(slopes, &mut fields.height);
        let window = Window { x, y, width, height };
        self.moisture.fill(window, &mut fields.moisture);
        self.rivers.fill(window, &mut fields.rivers);
        let (dx, dy) = SHADOW_PX;
        let (width, height) = (width + dx as usize, height + dy as usize);
        self.clouds.fill(Window { x: x - dx, y: y - dy, width, height }, &mut fields.clouds);
    }

    /// Paints row `y` of a block.
    fn paint(&self, fields: &Fields, block: Rect, y: usize, row: &mut [u8]) {
        let width = block.width as usize;
        let (above, here) = (y * (width + 1), (y + 1) * (width + 1) + 1);
        let above = &fields.height[above..above + width];
        let here = &fields.height[here..here + width];
        let moisture = &fields.moisture[y * width..][..width];
        let rivers = &fields.rivers[y * width..][..width];
        let (dx, dy) = (SHADOW_PX.0 as usize, SHADOW_PX.1 as usize);
        let cast = &fields.clouds[y * (width + dx)..][..width];
        let over = &fields.clouds[(y + dy) * (width + dx) + dx..][..width];
        let (pixels, _) = row.as_chunks_mut::<3>();
        for (i, pixel) in pixels.iter_mut().enumerate() {
            let (px, py) = (block.x + i as u32, block.y + y as u32);
            let grain = hash(px, py, self.salt);
            let spot = land::Spot {
                x: px,
                y: py,
                height: here[i],
                slope: here[i] - above[i],
                moisture: moisture[i],
                river: rivers[i],
                grain,
            };
            let ground = self.palette.ground(&spot, self.salt);
            *pixel = land::weather(ground, over[i], cast[i], grain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tile(seed: u64, size: (u32, u32), rect: Rect) -> Vec<u8> {
        let mut pixels = vec![0; rect.area() as usize * 3];
        fill(seed, size.0, size.1, rect, &mut pixels);
        pixels
    }

    #[test]
    fn tiles_are_parts_of_the_whole() {
        let (width, height) = (301, 203);
        let whole = tile(7, (width, height), Rect { x: 0, y: 0, width, height });
        for (x, y, w, h) in [(0, 0, 64, 64), (250, 150, 51, 53), (100, 3, 129, 200), (7, 9, 1, 1)] {
            let part = tile(7, (width, height), Rect { x, y, width: w, height: h });
            for (row, line) in part.chunks_exact(w as usize * 3).zip(y..) {
                let start = ((line * width + x) * 3) as usize;
                assert_eq!(row, &whole[start..start + row.len()], "{x} {line}");
            }
        }
    }

    #[test]
    fn a_seed_is_a_scene_on_any_machine() {
        let rect = Rect { x: 1000, y: 2000, width: 256, height: 256 };
        let pixels = tile(0x5eed, (4096, 4096), rect);
        assert_eq!(blake3::hash(&pixels).to_hex().as_str(), TILE_BLAKE3);
        assert_ne!(pixels, tile(0x5eee, (4096, 4096), rect));
    }

    #[test]
    fn the_far_corner_of_the_largest_scene_can_be_computed() {
        let side = crate::source::SIDE_MAX_PX;
        tile(u64::MAX, (side, side), Rect { x: side - 3, y: side - 2, width: 3, height: 2 });
        tile(0, (1, 1), Rect { x: 0, y: 0, width: 1, height: 1 });
    }

    /// Of the 256 x 256 pixels at (1000, 2000) of the 4096 x 4096 scene for seed 0x5eed.
    const TILE_BLAKE3: &str = "24243520096aacfdc24aaec92966bcb2cfa594cbadde2827379703834285a3a8";
}
