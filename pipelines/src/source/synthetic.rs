//! Stub.
use crate::image::raster::Rect;
/// Stub.
pub fn fill(_seed: u64, _w: u32, _h: u32, _rect: Rect, into: &mut [u8]) {
    into.fill(0);
}
