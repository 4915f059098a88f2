//! JPEG, written with the `jpeg-encoder` crate: baseline, standard Huffman tables.

use super::{Cursor, cannot};
use crate::image::raster::{PixelFormat, TileHead};
use crate::message::Failure;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// The longest side a JPEG can have, in pixels.
pub const SIDE_MAX_PX: usize = 65535;

/// From this quality on colour keeps its full resolution (4:4:4); below it is halved both ways (4:2:0).
pub const FULL_COLOUR_QUALITY: u8 = 90;

/// Bytes of everything but the blocks.
const HEADER_BYTES: usize = 1024;

/// Refuses pixels that are not 8-bit grey or RGB.
pub(super) fn check(format: PixelFormat) -> Result<(), Failure> {
    match (format.channels, format.depth) {
        (1 | 3, 8) => Ok(()),
        (channels, depth) => {
            let kind = match channels {
                1 => "grey",
                2 => "grey with alpha",
                3 => "RGB",
                _ => "RGB with alpha",
            };
            Err(Failure::input(format!(
                "JPEG holds 8-bit grey or RGB and this is {depth}-bit {kind}: use --format png or raw"
            )))
        }
    }
}

/// The bytes the JPEG of a tile can have at most.
///
/// A block's coefficients have no more energy than its pixels, which limits the bits they take with the
/// standard Huffman tables to 20 a sample when nothing is quantised away; three bytes leave room for
/// stuffing. Below [`FULL_COLOUR_QUALITY`] every coefficient is at least halved: a bit or two less each.
pub(super) fn bytes_max(quality: u8, head: &TileHead) -> usize {
    let blocks = head.across().next_multiple_of(16) * head.down().next_multiple_of(16);
    let (per_colour, bytes) = if quality < FULL_COLOUR_QUALITY { (1, 5) } else { (4, 6) };
    let samples = if head.format.channels == 1 { 4 } else { 4 + 2 * per_colour };
    HEADER_BYTES + blocks * samples / 4 * bytes / 2
}

/// Writes a tile as a JPEG.
pub(super) fn encode(
    quality: u8,
    head: &TileHead,
    pixels: &[u8],
    to: &mut Cursor<'_>,
) -> Result<(), Failure> {
    check(head.format).map_err(|failure| Failure::item(failure.what))?;
    let (Ok(width), Ok(height)) = (u16::try_from(head.across()), u16::try_from(head.down())) else {
        return Err(cannot(
            head,
            "JPEG",
            &format!(
                "its sides may have {SIDE_MAX_PX} pixels at most, cut smaller tiles or use png"
            ),
        ));
    };
    let color = if head.format.channels == 1 { ColorType::Luma } else { ColorType::Rgb };
    let mut encoder = Encoder::new(to, quality);
    encoder.set_sampling_factor(if quality < FULL_COLOUR_QUALITY {
        SamplingFactor::F_2_2
    } else {
        SamplingFactor::F_1_1
    });
    encoder.encode(pixels, width, height, color).map_err(|e| cannot(head, "JPEG", &e))
}
