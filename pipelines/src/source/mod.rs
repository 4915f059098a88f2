//! Where pixels come from: files, folders, the web, or a procedural scene; first as a [`Layout`],
//! known from headers alone, then tile by tile in item order.

mod file;
mod folder;
mod http;
mod jpeg;
mod names;
mod png;
pub mod synthetic;
#[cfg(test)]
mod tests;
mod tiff;
mod tiles;

pub use http::DOWNLOAD_BYTES_MAX;
pub use tiles::Tiles;

use crate::image::layout::{Layout, Origin, Scene, Split};
use crate::image::raster::PixelFormat;
use crate::message::Failure;
use names::Names;
use std::path::Path;

/// The longest side a picture may have, in pixels.
pub const SIDE_MAX_PX: u32 = 1 << 20;

/// The longest side of a tile, and the most rows of a strip, in pixels.
pub const TILE_SIDE_MAX_PX: u32 = 65536;

/// The most pixels a picture may have that can only be decoded whole: JPEG and interlaced PNG.
pub const WHOLE_PIXELS_MAX: u64 = 1 << 28;

/// The most bytes of decoded pixels that a source may hold at once, and that a tile may have.
pub const BAND_BYTES_MAX: u64 = 1 << 30;

/// What INPUT starts with when it is a procedural scene.
const SYNTHETIC: &str = "synthetic:";

/// What a picture's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    width_px: u32,
    height_px: u32,
    /// Once decoded.
    format: PixelFormat,
    /// Pixels across and down that can only be decoded together: a row, a strip, a tile, everything.
    block: (u32, u32),
}

/// Finds out what `inputs` hold, reading headers only, and numbers their tiles.
///
/// Each input is a file (PNG, JPEG, TIFF, BigTIFF, told apart by their first bytes), a folder of them
/// (in the order of their names, other files left out), an `http` or `https` address, downloaded into
/// the folder `scratch`, or `synthetic:WIDTHxHEIGHT`, the procedural scene for `seed`.
///
/// # Errors
/// [`Blame::Input`](crate::message::Blame::Input) when an input is missing, not a picture, damaged
/// within its header, of an unsupported kind or beyond a limit of this module, or the split is not
/// possible; [`Blame::Output`](crate::message::Blame::Output) when `scratch` cannot be written.
pub fn probe(
    inputs: &[String],
    split: Split,
    seed: u64,
    scratch: &Path,
) -> Result<Layout, Failure> {
    check_split(split)?;
    if inputs.is_empty() {
        return Err(Failure::input(
            "no input was given: name a picture, a folder, an address or synthetic:WIDTHxHEIGHT",
        ));
    }
    let mut layout = Layout { scenes: Vec::new(), split };
    let mut names = Names::default();
    for (number, input) in inputs.iter().enumerate() {
        if let Some(size) = input.strip_prefix(SYNTHETIC) {
            let (width_px, height_px) = size_of(size)?;
            let name = names.unique("synthetic");
            let (origin, format) = (Origin::Synthetic(seed), PixelFormat::RGB8);
            layout.scenes.push(Scene { name, origin, width_px, height_px, format });
        } else if http::is_address(input) {
            let (path, stem) = http::download(input, scratch, number)?;
            let name = names.unique(&stem);
            layout.scenes.push(scene(&path, name, split)?);
        } else {
            for path in folder::files(Path::new(input))? {
                let name = names.unique(&names::stem_of(&path));
                layout.scenes.push(scene(&path, name, split)?);
            }
        }
    }
    check_tile_bytes(&layout)?;
    Ok(layout)
}

/// The scene a file holds.
fn scene(path: &Path, name: String, split: Split) -> Result<Scene, Failure> {
    let header = file::header(path)?;
    check_band(path, &header, split)?;
    let Header { width_px, height_px, format, .. } = header;
    Ok(Scene { name, origin: Origin::File(path.to_path_buf()), width_px, height_px, format })
}

fn check_split(split: Split) -> Result<(), Failure> {
    let (Split::Tiles(side) | Split::Strips(side)) = split;
    if (1..=TILE_SIDE_MAX_PX).contains(&side) {
        return Ok(());
    }
    let what = if matches!(split, Split::Tiles(_)) { "a tile's side" } else { "a strip's height" };
    Err(Failure::input(format!(
        "{what} cannot be {side} pixels: choose a number from 1 to {TILE_SIDE_MAX_PX}"
    )))
}

/// Reads `WIDTHxHEIGHT`.
fn size_of(text: &str) -> Result<(u32, u32), Failure> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=SIDE_MAX_PX).contains(side));
    text.split_once('x').and_then(|(w, h)| Some((side(w)?, side(h)?))).ok_or_else(|| {
        Failure::input(format!(
            "{SYNTHETIC}{text} is not a size: write {SYNTHETIC}WIDTHxHEIGHT with sides from 1 to \
             {SIDE_MAX_PX} pixels, for example {SYNTHETIC}4096x4096"
        ))
    })
}

/// Refuses a size no picture should have, before anything is allocated for it.
fn check_size(path: &Path, width_px: u32, height_px: u32) -> Result<(), Failure> {
    let name = path.display();
    if width_px == 0 || height_px == 0 {
        return Err(Failure::input(format!(
            "{name} has no pixels: its header says {width_px} x {height_px}"
        )));
    }
    if width_px > SIDE_MAX_PX || height_px > SIDE_MAX_PX {
        return Err(Failure::input(format!(
            "{name} says it has {width_px} x {height_px} pixels, and {SIDE_MAX_PX} a side are the \
             limit: cut it into several files"
        )));
    }
    Ok(())
}

/// Refuses a picture that can only be decoded whole and is too large for that.
fn check_whole(path: &Path, width_px: u32, height_px: u32, kind: &str) -> Result<(), Failure> {
    if u64::from(width_px) * u64::from(height_px) <= WHOLE_PIXELS_MAX {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{} is {kind} of {width_px} x {height_px} pixels, which can only be decoded whole, and \
         {WHOLE_PIXELS_MAX} pixels are the limit for that: convert it to a tiled TIFF",
        path.display()
    )))
}

/// Refuses a split for which too much of a file would have to be held at once.
fn check_band(path: &Path, header: &Header, split: Split) -> Result<(), Failure> {
    let (cell_w, cell_h) = match split {
        Split::Tiles(side) => (side, side),
        Split::Strips(rows) => (header.width_px, rows),
    };
    let (block_w, block_h) = header.block;
    // A block within one tile is decoded for that tile alone and never kept.
    let fits = |cell: u32, block: u32, side| cell >= side || cell.is_multiple_of(block);
    if fits(cell_w, block_w, header.width_px) && fits(cell_h, block_h, header.height_px) {
        return Ok(());
    }
    let rows = (u64::from(block_h) - 1 + u64::from(cell_h)).min(u64::from(header.height_px));
    let bytes = rows * u64::from(header.width_px) * header.format.bytes() as u64;
    if bytes <= BAND_BYTES_MAX {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{} would need {} MiB of its rows in memory at once, and {} MiB are the limit: choose \
         smaller tiles, or convert it to a TIFF with tiles of that size",
        path.display(),
        bytes >> 20,
        BAND_BYTES_MAX >> 20
    )))
}

/// Refuses tiles too large to be handed around.
fn check_tile_bytes(layout: &Layout) -> Result<(), Failure> {
    let bytes = layout.tile_bytes_max() as u64;
    if bytes <= BAND_BYTES_MAX {
        return Ok(());
    }
    Err(Failure::input(format!(
        "the largest tile would have {} MiB, and {} MiB are the limit: choose smaller tiles or \
         strips",
        bytes >> 20,
        BAND_BYTES_MAX >> 20
    )))
}

/// Copies `rows` rows of `row_bytes` bytes each out of a plane, starting at byte `first`.
fn copy_rows(plane: &[u8], stride: usize, first: usize, row_bytes: usize, into: &mut [u8]) {
    for (y, row) in into.chunks_exact_mut(row_bytes).enumerate() {
        let start = first + y * stride;
        row.copy_from_slice(&plane[start..start + row_bytes]);
    }
}
