//! Makes the files the tests read.

use super::*;
use ::tiff::encoder::{Compression, TiffEncoder, colortype};
use std::fs::File;
use std::io::BufWriter;

/// A picture as tiles have it.
pub(super) struct Picture {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: PixelFormat,
    pub(super) pixels: Vec<u8>,
}

/// How a TIFF is cut: rows of a strip, or pixels across and down of a tile.
#[derive(Clone, Copy)]
pub(super) enum TiffShape {
    Strips(u32),
    Tiles(u32, u32),
}

impl Picture {
    pub(super) fn of(width: u32, height: u32, format: PixelFormat, pixels: Vec<u8>) -> Self {
        Self { width, height, format, pixels }
    }
    pub(super) fn new(width: u32, height: u32, format: PixelFormat) -> Self {
        let size = (width * height) as usize * format.bytes();
        let block = |i: usize| *blake3::hash(&i.to_le_bytes()).as_bytes();
        let pixels = (0..size.div_ceil(32)).flat_map(block).take(size).collect();
        Self { width, height, format, pixels }
    }
    /// The pixels of a rectangle; beyond the edge they are zero.
    pub(super) fn part(&self, rect: &Rect) -> Vec<u8> {
        let bytes = self.format.bytes();
        let mut part = Vec::new();
        for y in rect.y..rect.y + rect.height {
            for x in rect.x..rect.x + rect.width {
                let start = (y * self.width + x) as usize * bytes;
                let inside = x < self.width && y < self.height;
                let pixel =
                    if inside { &self.pixels[start..start + bytes] } else { &[0; 8][..bytes] };
                part.extend_from_slice(pixel);
            }
        }
        part
    }
    fn in_order(&self, bytes: &[u8], big_endian: bool) -> Vec<u8> {
        let swap = self.format.depth == 16 && big_endian != cfg!(target_endian = "big");
        if !swap {
            return bytes.to_vec();
        }
        bytes.as_chunks().0.iter().flat_map(|[a, b]| [*b, *a]).collect()
    }
}

pub(super) fn png(picture: &Picture, path: &Path) {
    use crate::image::{codec::Format, raster::TileHead};
    let rect = Rect { x: 0, y: 0, width: picture.width, height: picture.height };
    let head = TileHead { item: 0, scene: 0, rect, halo: 0, format: picture.format };
    let mut out = vec![0; Format::Png.bytes_max(&head)];
    let used = Format::Png.encode(&head, &picture.pixels, &mut out).unwrap();
    std::fs::write(path, &out[..used]).unwrap();
}

/// One row of 2-bit samples, with the palette 1 2 3, 4 5 6, 7 8 9 if there are colours.
pub(super) fn small_png(path: &Path, color: ::png::ColorType, width: u32, row: &[u8]) {
    let mut encoder = ::png::Encoder::new(File::create(path).unwrap(), width, 1);
    encoder.set_color(color);
    encoder.set_depth(::png::BitDepth::Two);
    if color == ::png::ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    encoder.write_header().unwrap().write_image_data(row).unwrap();
}

/// Marks a PNG of one pixel as interlaced, which for one pixel changes nothing but the header.
pub(super) fn interlace(path: &Path) {
    let mut file = std::fs::read(path).unwrap();
    file[28] = 1;
    let crc = file[12..29].iter().fold(u32::MAX, |crc, byte| {
        let step = |c: u32| if c & 1 == 1 { 0xedb8_8320 ^ (c >> 1) } else { c >> 1 };
        (0..8).fold(crc ^ u32::from(*byte), |c, _| step(c))
    });
    file[29..33].copy_from_slice(&(!crc).to_be_bytes());
    std::fs::write(path, file).unwrap();
}

pub(super) fn jpeg(picture: &Picture, color: jpeg_encoder::ColorType, path: &Path) -> Picture {
    let encoder = jpeg_encoder::Encoder::new_file(path, 90).unwrap();
    encoder.encode(&picture.pixels, picture.width as u16, picture.height as u16, color).unwrap();
    let file = std::io::BufReader::new(File::open(path).unwrap());
    let decoder = image::codecs::jpeg::JpegDecoder::new(file).unwrap();
    let mut pixels = vec![0; picture.pixels.len()];
    image::ImageDecoder::read_image(decoder, &mut pixels).unwrap();
    Picture { pixels, ..*picture }
}

pub(super) fn compressed_tiff(picture: &Picture, by: Compression, rows: u32, path: &Path) {
    let file = BufWriter::new(File::create(path).unwrap());
    let mut encoder = TiffEncoder::new(file).unwrap().with_compression(by);
    let mut image = encoder.new_image::<colortype::RGB8>(picture.width, picture.height).unwrap();
    image.rows_per_strip(rows).unwrap();
    image.write_data(&picture.pixels).unwrap();
}

/// Writes an uncompressed TIFF byte by byte.
pub(super) fn tiff(picture: &Picture, shape: TiffShape, big_endian: bool, big: bool, path: &Path) {
    let blocks = blocks(picture, shape, big_endian);
    let number = |value: u64, bytes: usize| {
        let all = value.to_be_bytes();
        let mut bytes = all[8 - bytes..].to_vec();
        if !big_endian {
            bytes.reverse();
        }
        bytes
    };
    let word = if big { 8 } else { 4 };
    let mut file = if big_endian { b"MM".to_vec() } else { b"II".to_vec() };
    file.extend(number(if big { 43 } else { 42 }, 2));
    if big {
        file.extend([number(8, 2), number(0, 2)].concat());
    }
    let start = file.len() + word;
    let (mut data, mut offsets, mut counts) = (Vec::new(), Vec::new(), Vec::new());
    for block in &blocks {
        offsets.push((start + data.len()) as u64);
        counts.push(block.len() as u64);
        data.extend_from_slice(block);
    }
    let channels = u64::from(picture.format.channels);
    let alpha = u64::from(picture.format.has_alpha());
    let mut tags: Vec<(u64, Vec<u64>)> = vec![
        (256, vec![picture.width.into()]),
        (257, vec![picture.height.into()]),
        (258, vec![picture.format.depth.into(); channels as usize]),
        (259, vec![1]),
        (262, vec![if channels > 2 { 2 } else { 1 }]),
        (277, vec![channels]),
    ];
    match shape {
        TiffShape::Strips(rows) => {
            tags.extend([(273, offsets), (278, vec![rows.into()]), (279, counts)]);
        }
        TiffShape::Tiles(w, h) => {
            tags.extend([(322, vec![w.into()]), (323, vec![h.into()])]);
            tags.extend([(324, offsets), (325, counts)]);
        }
    }
    if alpha == 1 {
        tags.push((338, vec![2]));
    }
    tags.sort();
    let directory = start + data.len();
    let entry = if big { 20 } else { 12 };
    let mut lists = Vec::new();
    let lists_at = directory + if big { 8 } else { 2 } + tags.len() * entry + word;
    let mut entries = number(tags.len() as u64, if big { 8 } else { 2 });
    for (tag, values) in &tags {
        // Values are longs (type 4), only the kinds of extra samples have to be shorts (type 3).
        let (kind, size) = if *tag == 338 { (3, 2) } else { (4, 4) };
        let count = values.len() as u64;
        entries.extend([number(*tag, 2), number(kind, 2), number(count, word)].concat());
        let mut list: Vec<u8> = values.iter().flat_map(|v| number(*v, size)).collect();
        if list.len() > word {
            entries.extend(number((lists_at + lists.len()) as u64, word));
            lists.extend(list);
        } else {
            list.resize(word, 0);
            entries.extend(list);
        }
    }
    entries.extend(number(0, word));
    file.extend(number(directory as u64, word));
    std::fs::write(path, [file, data, entries, lists].concat()).unwrap();
}

fn blocks(picture: &Picture, shape: TiffShape, big_endian: bool) -> Vec<Vec<u8>> {
    let (w, h) = match shape {
        TiffShape::Strips(rows) => (picture.width, rows),
        TiffShape::Tiles(w, h) => (w, h),
    };
    let mut blocks = Vec::new();
    for y in (0..picture.height).step_by(h as usize) {
        for x in (0..picture.width).step_by(w as usize) {
            // The last strip is shorter, tiles are padded.
            let strip = matches!(shape, TiffShape::Strips(_));
            let height = if strip { h.min(picture.height - y) } else { h };
            let part = picture.part(&Rect { x, y, width: w, height });
            blocks.push(picture.in_order(&part, big_endian));
        }
    }
    blocks
}
