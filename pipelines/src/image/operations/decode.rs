//! Decoding by a C library with a known hole: the real crash that experiments are made with.

use super::Operation;
use crate::image::raster::TileHead;
use crate::message::Failure;

/// The longest side of a picture that can be decoded, in pixels.
const SIDE_MAX_PX: u32 = 4096;

/// Reads what stands behind `decode:`.
pub(super) fn size_of(text: &str) -> Result<Operation, Failure> {
    if !cfg!(feature = "real-cve") {
        return Err(Failure::input(
            "the operation decode needs a program built with `cargo build --release --features real-cve`, \
             since its decoder has a known hole",
        ));
    }
    let side = |text: &str| text.parse().ok().filter(|side| (1..=SIDE_MAX_PX).contains(side));
    let size = text.split_once('x').and_then(|(w, h)| Some((side(w)?, side(h)?)));
    size.map(|(width, height)| Operation::Decode(width, height)).ok_or_else(|| {
        Failure::input(format!(
            "decode:{text} is no size: write decode:WIDTHxHEIGHT with sides from 1 to {SIDE_MAX_PX} pixels"
        ))
    })
}

/// Decodes the file `bytes` to the picture that `next` describes.
pub(super) fn apply(bytes: &[u8], next: &TileHead, pixels: &mut [u8]) -> Result<(), Failure> {
    let item = next.item;
    let (width, height, decoded) =
        stb(bytes).map_err(|why| Failure::item(format!("item {item} cannot be decoded: {why}")))?;
    if (width, height) != (next.across(), next.down()) || decoded.len() != pixels.len() {
        return Err(Failure::item(format!(
            "item {item} is a picture of {width} x {height} pixels instead of {} x {}",
            next.across(),
            next.down()
        )));
    }
    pixels.copy_from_slice(&decoded);
    Ok(())
}

/// Pixels across and down, and the pixels in 8-bit RGB.
#[cfg(feature = "real-cve")]
fn stb(bytes: &[u8]) -> Result<(usize, usize, Vec<u8>), String> {
    use stb_image::image::{Image, LoadResult, load_from_memory_with_depth};
    match load_from_memory_with_depth(bytes, 3, false) {
        LoadResult::ImageU8(Image { width, height, data, .. }) => Ok((width, height, data)),
        LoadResult::ImageF32(_) => Err("it is a picture of floating point numbers".into()),
        LoadResult::Error(why) => Err(why),
    }
}

#[cfg(not(feature = "real-cve"))]
fn stb(_: &[u8]) -> Result<(usize, usize, Vec<u8>), String> {
    Err("this program was built without the feature real-cve".into())
}

#[cfg(all(test, feature = "real-cve"))]
mod tests {
    use super::*;
    use crate::image::codec::Format;
    use crate::image::raster::{PixelFormat, Rect};

    #[test]
    fn what_was_encoded_here_is_decoded_there_and_what_is_no_picture_is_refused() {
        let rect = Rect { x: 0, y: 0, width: 33, height: 20 };
        let head = TileHead { item: 4, scene: 0, rect, halo: 0, format: PixelFormat::RGB8 };
        let pixels: Vec<u8> = (0..head.bytes()).map(|i| (i * 31 % 255) as u8).collect();
        let mut file = vec![0; Format::Png.bytes_max(&head)];
        let bytes = Format::Png.encode(&head, &pixels, &mut file).unwrap();
        let mut decoded = vec![0; head.bytes()];
        apply(&file[..bytes], &head, &mut decoded).unwrap();
        assert!(decoded == pixels);
        let refused = apply(&file[..40], &head, &mut decoded).unwrap_err().what;
        assert!(refused.starts_with("item 4 cannot be decoded"), "{refused}");
        let smaller = TileHead { rect: Rect { width: 32, ..rect }, ..head };
        let what = apply(&file[..bytes], &smaller, &mut decoded).unwrap_err().what;
        assert!(what.contains("33 x 20 pixels instead of 32 x 20"), "{what}");
    }
}
