//! Pictures that the tests make, and tiles read back by another decoder than the one under test.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;
use tiff::encoder::{TiffEncoder, colortype};

/// Samples of 8 or 16 bits, interleaved.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) channels: u32,
    pub(crate) depth: u32,
    pub(crate) samples: Vec<u16>,
}

impl Picture {
    /// Samples that repeat nowhere, so that a misplaced tile is a wrong one.
    pub(crate) fn noise(width: u32, height: u32, channels: u32, depth: u32) -> Self {
        let sample = |i: u32| {
            let hash = blake3::hash(&i.to_le_bytes());
            u16::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1]]) >> (16 - depth)
        };
        let samples = (0..width * height * channels).map(sample).collect();
        Self { width, height, channels, depth, samples }
    }
    pub(crate) fn part(&self, x: u32, y: u32, width: u32, height: u32) -> Self {
        let row = |y: u32| {
            let first = ((y * self.width + x) * self.channels) as usize;
            &self.samples[first..first + (width * self.channels) as usize]
        };
        let samples = (y..y + height).flat_map(row).copied().collect();
        Self { width, height, samples, ..*self }
    }
    /// The samples in the machine's byte order.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self.depth {
            8 => self.samples.iter().map(|s| *s as u8).collect(),
            _ => self.samples.iter().flat_map(|s| s.to_ne_bytes()).collect(),
        }
    }
    pub(crate) fn write_png(&self, path: &Path) {
        let file = BufWriter::new(File::create(path).unwrap());
        let mut encoder = png::Encoder::new(file, self.width, self.height);
        encoder.set_color(COLORS[self.channels as usize - 1]);
        encoder.set_depth(match self.depth {
            8 => png::BitDepth::Eight,
            _ => png::BitDepth::Sixteen,
        });
        let bytes = match self.depth {
            8 => self.bytes(),
            _ => self.samples.iter().flat_map(|s| s.to_be_bytes()).collect(),
        };
        encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    }
    pub(crate) fn write_tiff(&self, path: &Path) {
        let mut file = TiffEncoder::new(BufWriter::new(File::create(path).unwrap())).unwrap();
        let (w, h, samples, bytes) = (self.width, self.height, &self.samples, &self.bytes());
        let written = match (self.channels, self.depth) {
            (1, 8) => file.write_image::<colortype::Gray8>(w, h, bytes),
            (1, _) => file.write_image::<colortype::Gray16>(w, h, samples),
            (3, 8) => file.write_image::<colortype::RGB8>(w, h, bytes),
            (3, _) => file.write_image::<colortype::RGB16>(w, h, samples),
            (4, 8) => file.write_image::<colortype::RGBA8>(w, h, bytes),
            (4, _) => file.write_image::<colortype::RGBA16>(w, h, samples),
            other => panic!("no TIFF is made of {other:?}"),
        };
        written.unwrap();
    }
    pub(crate) fn read_png(path: &Path) -> Self {
        let file = BufReader::new(File::open(path).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        let samples = match info.bit_depth {
            png::BitDepth::Eight => bytes.iter().map(|b| u16::from(*b)).collect(),
            png::BitDepth::Sixteen => {
                bytes.as_chunks().0.iter().map(|two| u16::from_be_bytes(*two)).collect()
            }
            other => panic!("no tile has {other:?} bits"),
        };
        let channels = info.color_type.samples() as u32;
        let (width, height, depth) = (info.width, info.height, info.bit_depth as u32);
        Self { width, height, channels, depth, samples }
    }
}

const COLORS: [png::ColorType; 4] = [
    png::ColorType::Grayscale,
    png::ColorType::GrayscaleAlpha,
    png::ColorType::Rgb,
    png::ColorType::Rgba,
];
