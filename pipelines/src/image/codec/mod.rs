//! How a tile becomes a file: PNG, JPEG or plain pixels, written straight into the caller's bytes.

pub mod jpeg;
pub mod png;

use crate::image::raster::{PixelFormat, TileHead};
use crate::message::Failure;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

/// The quality of a JPEG for which none was given.
pub const JPEG_QUALITY_DEFAULT: u8 = 75;

/// The format of the tiles a job writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Lossless, any pixel format.
    #[default]
    Png,
    /// Lossy, 8-bit grey or RGB only; colour is halved both ways below quality 90.
    Jpeg {
        /// 1 (worst) to 100 (best).
        quality: u8,
    },
    /// The pixels alone, as they are in memory: no header, samples in the machine's byte order.
    Raw,
}

impl Format {
    /// What its files' names end in, without the dot.
    pub fn extension(&self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg { .. } => "jpg",
            Self::Raw => "raw",
        }
    }

    /// Says whether pixels of `format` can be written.
    ///
    /// # Errors
    /// [`Blame::Input`](crate::message::Blame::Input) when they cannot, naming formats that can.
    pub fn check(&self, format: PixelFormat) -> Result<(), Failure> {
        match self {
            Self::Jpeg { .. } => jpeg::check(format),
            Self::Png | Self::Raw => Ok(()),
        }
    }

    /// The bytes the file of a tile can have at most.
    pub fn bytes_max(&self, head: &TileHead) -> usize {
        match self {
            Self::Png => png::bytes_max(head),
            Self::Jpeg { quality } => jpeg::bytes_max(*quality, head),
            Self::Raw => head.bytes(),
        }
    }

    /// Writes the tile `pixels` described by `head` to the front of `out` and returns how many bytes
    /// that were. The same tile always gives the same bytes.
    ///
    /// # Errors
    /// [`Blame::Item`](crate::message::Blame::Item) when the format cannot hold the tile, `pixels` is
    /// not `head.bytes()` long, or `out` is too small: [`Format::bytes_max`] is always enough.
    pub fn encode(&self, head: &TileHead, pixels: &[u8], out: &mut [u8]) -> Result<usize, Failure> {
        if pixels.len() != head.bytes() {
            return Err(Failure::item(format!(
                "item {} has {} bytes of pixels instead of {}: this is a bug, report it",
                head.item,
                pixels.len(),
                head.bytes()
            )));
        }
        let mut to = Cursor { bytes: out, used: 0 };
        match self {
            Self::Png => png::encode(head, pixels, &mut to)?,
            Self::Jpeg { quality } => jpeg::encode(*quality, head, pixels, &mut to)?,
            Self::Raw => to.write_all(pixels).map_err(|e| cannot(head, "raw pixels", &e))?,
        }
        Ok(to.used)
    }
}

/// The sentence for a tile that could not be encoded.
fn cannot(head: &TileHead, what: &str, why: &dyn fmt::Display) -> Failure {
    Failure::item(format!("item {} cannot be written as {what}: {why}", head.item))
}

/// Writes into borrowed bytes and counts them.
struct Cursor<'a> {
    bytes: &'a mut [u8],
    used: usize,
}

impl Write for Cursor<'_> {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.write_all(from).map(|()| from.len())
    }
    fn write_all(&mut self, from: &[u8]) -> io::Result<()> {
        let Some(to) = self.bytes.get_mut(self.used..self.used + from.len()) else {
            return Err(io::Error::new(
                io::ErrorKind::WriteZero,
                "the room set aside for it is too small",
            ));
        };
        to.copy_from_slice(from);
        self.used += from.len();
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Png => to.write_str("png"),
            Self::Jpeg { quality: JPEG_QUALITY_DEFAULT } => to.write_str("jpeg"),
            Self::Jpeg { quality } => write!(to, "jpeg:{quality}"),
            Self::Raw => to.write_str("raw"),
        }
    }
}

impl FromStr for Format {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        match (text, text.strip_prefix("jpeg:")) {
            ("png", _) => Ok(Self::Png),
            ("raw", _) => Ok(Self::Raw),
            ("jpeg", _) => Ok(Self::Jpeg { quality: JPEG_QUALITY_DEFAULT }),
            (_, Some(quality)) => match quality.parse() {
                Ok(quality) if (1..=100).contains(&quality) => Ok(Self::Jpeg { quality }),
                _ => Err(Failure::input(format!(
                    "the JPEG quality {quality:?} is not a whole number from 1 to 100: write for \
                     example jpeg:90"
                ))),
            },
            _ => Err(Failure::input(format!(
                "there is no format {text:?}: use png, jpeg, jpeg:Q with Q from 1 to 100, or raw"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["png", "jpeg", "jpeg:1", "jpeg:100", "raw"] {
            assert_eq!(name.parse::<Format>().unwrap().to_string(), name);
        }
        assert_eq!("jpeg:75".parse::<Format>().unwrap(), Format::Jpeg { quality: 75 });
        assert_eq!(Format::default(), Format::Png);
    }

    #[test]
    fn unknown_names_are_answered_with_those_that_exist() {
        for name in ["jpg", "webp", "", "PNG", "png:9"] {
            assert!(name.parse::<Format>().unwrap_err().what.contains("use png, jpeg, jpeg:Q"));
        }
        for name in ["jpeg:0", "jpeg:101", "jpeg:", "jpeg:high"] {
            assert!(name.parse::<Format>().unwrap_err().what.contains("from 1 to 100"));
        }
    }

    fn head(width: u32, height: u32, channels: u8, depth: u8) -> TileHead {
        let rect = crate::image::raster::Rect { x: 0, y: 0, width, height };
        TileHead { item: 3, scene: 0, rect, halo: 0, format: PixelFormat { channels, depth } }
    }

    fn noise(count: usize) -> Vec<u8> {
        let block = |i: usize| *blake3::hash(&i.to_le_bytes()).as_bytes();
        (0..count.div_ceil(32)).flat_map(block).take(count).collect()
    }

    fn encoded(format: Format, head: &TileHead, pixels: &[u8]) -> Vec<u8> {
        let mut out = vec![0; format.bytes_max(head)];
        let used = format.encode(head, pixels, &mut out).unwrap();
        out.truncate(used);
        out
    }

    #[test]
    fn png_and_raw_give_back_what_they_were_given() {
        for (channels, depth) in [1, 2, 3, 4].into_iter().flat_map(|c| [(c, 8), (c, 16)]) {
            for (width, height) in [(1, 1), (33, 7), (256, 130)] {
                let head = head(width, height, channels, depth);
                for pixels in [noise(head.bytes()), vec![9; head.bytes()]] {
                    let file = encoded(Format::Png, &head, &pixels);
                    let back = png::decode_png(&file).unwrap();
                    assert_eq!(back, (width, height, head.format, pixels.clone()));
                    assert_eq!(file, encoded(Format::Png, &head, &pixels));
                    assert!(png::decode_png(&file[..file.len() / 2]).is_err());
                    assert_eq!(encoded(Format::Raw, &head, &pixels), pixels);
                }
            }
        }
    }

    #[test]
    fn jpeg_comes_back_alike_and_never_exceeds_its_bound() {
        for quality in [1, 50, 75, 89, 90, 100] {
            for (channels, width, height) in [(1, 100, 70), (3, 64, 64), (3, 17, 33), (3, 1, 1)] {
                let head = head(width, height, channels, 8);
                let format = Format::Jpeg { quality };
                // Full contrast at random is the hardest there is.
                let hard: Vec<u8> =
                    noise(head.bytes()).iter().map(|b| if b % 2 == 0 { 0 } else { 255 }).collect();
                encoded(format, &head, &hard);
                let flat = vec![200; head.bytes()];
                let file = encoded(format, &head, &flat);
                assert_eq!(file, encoded(format, &head, &flat));
                let decoder =
                    image::codecs::jpeg::JpegDecoder::new(io::Cursor::new(&file)).unwrap();
                let mut back = vec![0; flat.len()];
                image::ImageDecoder::read_image(decoder, &mut back).unwrap();
                assert!(back.iter().all(|b| b.abs_diff(200) < 16), "quality {quality}");
            }
        }
    }

    #[test]
    fn what_jpeg_cannot_hold_is_refused_with_a_way_out() {
        let jpeg = Format::Jpeg { quality: 75 };
        for (channels, depth) in [(2, 8), (4, 8), (1, 16), (3, 16)] {
            let what = jpeg.check(PixelFormat { channels, depth }).unwrap_err().what;
            assert!(what.contains("use --format png or raw"), "{what}");
            assert!(Format::Png.check(PixelFormat { channels, depth }).is_ok());
        }
        assert!(jpeg.check(PixelFormat::RGB8).is_ok());
        let wide = head(70_000, 1, 1, 8);
        let what = jpeg.encode(&wide, &[0; 70_000], &mut [0; 1 << 20]).unwrap_err().what;
        assert!(what.contains("65535"), "{what}");
    }

    #[test]
    fn too_little_room_is_an_error() {
        let head = head(64, 64, 3, 8);
        let pixels = noise(head.bytes());
        for format in [Format::Png, Format::Raw, Format::Jpeg { quality: 75 }] {
            let what = format.encode(&head, &pixels, &mut [0; 100]).unwrap_err().what;
            assert!(what.contains("item 3") && what.contains("too small"), "{what}");
            assert!(format.encode(&head, &pixels[1..], &mut [0; 100]).is_err());
        }
    }
}
