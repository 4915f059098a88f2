//! TIFF and BigTIFF files, of which only the blocks a tile overlaps are decoded.

use super::file::{broken_header, open, unreadable};
use super::{BAND_BYTES_MAX, Header, check_size};
use crate::image::raster::{PixelFormat, Rect};
use crate::message::Failure;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use tiff::decoder::{Decoder, Limits};
use tiff::tags::{CompressionMethod, PhotometricInterpretation, Tag};
use tiff::{ColorType, TiffError};

/// How much of the file is read at once, in bytes, when a block is not read in one piece.
const BUFFER_BYTES: usize = 1 << 16;

type Blocks = Decoder<BufReader<File>>;

/// A TIFF and the decoded blocks that tiles to come still need.
pub(super) struct Tiff {
    path: PathBuf,
    blocks: Blocks,
    header: Header,
    /// By number. Bounded by the blocks that overlap one row of tiles.
    kept: HashMap<u32, Vec<u8>>,
    /// Memory of blocks that are no longer needed.
    spare: Vec<Vec<u8>>,
}

/// What a TIFF's first picture is like.
pub(super) fn header(path: &Path) -> Result<Header, Failure> {
    start(path).map(|(_, header)| header)
}

fn start(path: &Path) -> Result<(Blocks, Header), Failure> {
    let broken = |e: TiffError| match e {
        TiffError::IoError(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
            unreadable(path, &e)
        }
        TiffError::UnsupportedError(e) => refuse(path, format!("is not supported ({e})")),
        e => broken_header(path, "TIFF", e),
    };
    let mut limits = Limits::default();
    limits.intermediate_buffer_size = BAND_BYTES_MAX as usize;
    let file = BufReader::with_capacity(BUFFER_BYTES, open(path)?);
    let mut file = Decoder::new(file).map_err(broken)?.with_limits(limits);
    let (width_px, height_px) = file.dimensions().map_err(broken)?;
    check_size(path, width_px, height_px)?;
    let format = pixel_format(path, &mut file)?;
    let (block_w, block_h) = file.chunk_dimensions();
    let block = (block_w.min(width_px), block_h.min(height_px));
    Ok((file, Header { width_px, height_px, format, block }))
}

fn refuse(path: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::input(format!(
        "{} {why}: convert it to 8 or 16-bit grey or RGB, with or without alpha",
        path.display()
    ))
}

/// The pixels of a TIFF's first picture, if they are of a kind that can be read.
fn pixel_format(path: &Path, file: &mut Blocks) -> Result<PixelFormat, Failure> {
    let mut tag = |tag: Tag| -> Result<Vec<u16>, Failure> {
        let list = file.find_tag_unsigned_vec(tag).map_err(|e| broken_header(path, "TIFF", e))?;
        Ok(list.unwrap_or_default())
    };
    let samples = tag(Tag::SamplesPerPixel)?.first().copied().unwrap_or(1);
    let bits = tag(Tag::BitsPerSample)?.first().copied().unwrap_or(1);
    let extra = tag(Tag::ExtraSamples)?;
    let compression = tag(Tag::Compression)?.first().copied().unwrap_or(1);
    let photometric = tag(Tag::PhotometricInterpretation)?.first().copied().unwrap_or(1);
    if tag(Tag::SampleFormat)?.iter().any(|format| *format != 1) {
        return Err(refuse(path, "has floating-point or signed samples, which are not supported"));
    }
    match PhotometricInterpretation::from_u16(photometric) {
        Some(PhotometricInterpretation::RGBPalette) => {
            return Err(refuse(path, "is a palette TIFF, which is not supported"));
        }
        Some(PhotometricInterpretation::CMYK) => {
            return Err(refuse(path, "is a CMYK TIFF, which is not supported"));
        }
        Some(PhotometricInterpretation::YCbCr) => {
            return Err(refuse(path, "is a YCbCr TIFF, which is not supported"));
        }
        _ => {}
    }
    if bits != 8 && bits != 16 {
        return Err(refuse(path, format!("has {bits} bits a sample, which is not supported")));
    }
    if tag(Tag::PlanarConfiguration)?.first() == Some(&2) && samples > 1 {
        return Err(refuse(path, "keeps its channels in separate planes, which is not supported"));
    }
    // The decoder takes this for granted and would panic.
    if tag(Tag::Predictor)?.first() == Some(&3) {
        return Err(refuse(path, "has a floating-point predictor over integers"));
    }
    if !readable(compression) {
        let method = CompressionMethod::from_u16_exhaustive(compression);
        return Err(refuse(path, format!("is compressed with {method:?}, which is not supported")));
    }
    let alpha = matches!(extra[..], [] | [1 | 2]);
    let channels = match file.colortype().map_err(|e| refuse(path, format!("is odd ({e})")))? {
        ColorType::Gray(_) => 1,
        ColorType::Multiband { num_samples: 2, .. } if alpha && photometric == 1 => 2,
        ColorType::RGB(_) => 3,
        ColorType::RGBA(_) => 4,
        _ => {
            let why = format!("has {samples} channels that are neither grey nor RGB");
            return Err(refuse(path, why));
        }
    };
    Ok(PixelFormat { channels, depth: bits as u8 })
}

fn readable(compression: u16) -> bool {
    use CompressionMethod as C;
    let known = [C::None, C::LZW, C::Deflate, C::OldDeflate, C::PackBits, C::ModernJPEG];
    known.contains(&CompressionMethod::from_u16_exhaustive(compression))
}

impl Tiff {
    pub(super) fn open(path: &Path) -> Result<(Self, Header), Failure> {
        let (blocks, header) = start(path)?;
        let (path, kept, spare) = (path.to_path_buf(), HashMap::new(), Vec::new());
        Ok((Self { path, blocks, header, kept, spare }, header))
    }

    /// Decodes `rect` into `into`. Rectangles come in item order: row of tiles by row of tiles.
    pub(super) fn read(&mut self, rect: &Rect, into: &mut [u8]) -> Result<(), Failure> {
        let ((block_w, block_h), width) = (self.header.block, self.header.width_px);
        let across = width.div_ceil(block_w);
        for row in rect.y / block_h..=(rect.y + rect.height - 1) / block_h {
            for col in rect.x / block_w..=(rect.x + rect.width - 1) / block_w {
                let (x, y) = (col * block_w, row * block_h);
                let block = Rect {
                    x,
                    y,
                    width: block_w.min(width - x),
                    height: block_h.min(self.header.height_px - y),
                };
                self.place(row * across + col, &block, rect, into)?;
            }
        }
        self.forget(rect, across);
        Ok(())
    }

    /// Puts the part of block `number` that lies in `rect` where it belongs in `into`.
    fn place(
        &mut self,
        number: u32,
        block: &Rect,
        rect: &Rect,
        into: &mut [u8],
    ) -> Result<(), Failure> {
        let pixel = self.header.format.bytes();
        let stride = rect.width as usize * pixel;
        let inside = contains(rect, block);
        if inside && block.width == rect.width {
            // Its rows are whole rows of the tile: no detour.
            let first = (block.y - rect.y) as usize * stride;
            let size = block.area() as usize * pixel;
            return self.decode(number, block, &mut into[first..first + size]);
        }
        let pixels = match self.kept.remove(&number) {
            Some(pixels) => pixels,
            None => {
                let mut pixels = self.spare.pop().unwrap_or_default();
                pixels.resize(block.area() as usize * pixel, 0);
                self.decode(number, block, &mut pixels)?;
                pixels
            }
        };
        let (left, top) = (block.x.max(rect.x), block.y.max(rect.y));
        let right = (block.x + block.width).min(rect.x + rect.width);
        let bottom = (block.y + block.height).min(rect.y + rect.height);
        let bytes = (right - left) as usize * pixel;
        for y in top..bottom {
            let from =
                ((y - block.y) as usize * block.width as usize + (left - block.x) as usize) * pixel;
            let to = (y - rect.y) as usize * stride + (left - rect.x) as usize * pixel;
            into[to..to + bytes].copy_from_slice(&pixels[from..from + bytes]);
        }
        if inside {
            self.spare.push(pixels);
        } else {
            self.kept.insert(number, pixels);
        }
        Ok(())
    }

    /// Lets go of the blocks no tile after `rect` overlaps.
    fn forget(&mut self, rect: &Rect, across: u32) {
        let (block_w, block_h) = self.header.block;
        let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
        let done = |number: u32| {
            let block_right = (number % across + 1) * block_w;
            let block_bottom = (number / across + 1) * block_h;
            let in_row = block_right <= right || right == self.header.width_px;
            block_bottom <= rect.y || (block_bottom.min(self.header.height_px) <= bottom && in_row)
        };
        let numbers: Vec<u32> = self.kept.keys().copied().filter(|n| done(*n)).collect();
        self.spare.extend(numbers.iter().filter_map(|number| self.kept.remove(number)));
    }

    fn decode(&mut self, number: u32, block: &Rect, into: &mut [u8]) -> Result<(), Failure> {
        self.blocks.read_chunk_bytes(number, into).map_err(|e| {
            Failure::input(format!(
                "{} is damaged or cut short in its block {number}, rows {} to {} ({e}): get the \
                 file again",
                self.path.display(),
                block.y,
                block.y + block.height - 1
            ))
        })
    }
}

fn contains(outer: &Rect, inner: &Rect) -> bool {
    outer.x <= inner.x
        && outer.y <= inner.y
        && inner.x + inner.width <= outer.x + outer.width
        && inner.y + inner.height <= outer.y + outer.height
}
