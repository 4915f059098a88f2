//! JPEG files: a header scanned marker by marker, and pixels that can only be decoded whole.

use super::file::{broken_header, open, unreadable};
use super::{Header, check_size, check_whole, copy_rows};
use crate::image::raster::{PixelFormat, Rect};
use crate::message::Failure;
use image::ImageDecoder;
use image::codecs::jpeg::JpegDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// How far from the end of the file its end marker is looked for, in bytes.
const TAIL_BYTES: u64 = 1 << 16;

/// A JPEG, decoded at the first tile that is read.
pub(super) struct Jpeg {
    path: PathBuf,
    header: Header,
    pixels: Option<Vec<u8>>,
}

/// What a JPEG is like: always 8 bits, grey or RGB.
pub(super) fn header(path: &Path) -> Result<Header, Failure> {
    let broken = |e: io::Error| match e.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => broken_header(path, "JPEG", e),
        _ => unreadable(path, &e),
    };
    let frame = frame(&mut BufReader::new(open(path)?)).map_err(broken)?;
    let refuse = |what: &str| {
        let name = path.display();
        Err(Failure::input(format!("{name} is {what}: convert it to an RGB or grey PNG or TIFF")))
    };
    if frame.coding > 2 {
        return refuse("a lossless, hierarchical or arithmetic-coded JPEG, which is not supported");
    }
    if frame.bits != 8 {
        return refuse("a JPEG with more than 8 bits a sample, which is not supported");
    }
    let channels = match frame.components {
        1 => 1,
        3 => 3,
        4 => return refuse("a CMYK JPEG, which is not supported"),
        _ => return refuse("a JPEG with neither one nor three components, which is not supported"),
    };
    let (width_px, height_px) = (u32::from(frame.width), u32::from(frame.height));
    check_size(path, width_px, height_px)?;
    check_whole(path, width_px, height_px, "a JPEG")?;
    let format = PixelFormat { channels, depth: 8 };
    Ok(Header { width_px, height_px, format, block: (width_px, height_px) })
}

/// A start-of-frame segment.
struct Frame {
    /// 0 baseline, 1 extended, 2 progressive; others are rare.
    coding: u8,
    bits: u8,
    height: u16,
    width: u16,
    components: u8,
}

/// Steps from segment to segment until a frame starts.
fn frame(file: &mut (impl Read + Seek)) -> io::Result<Frame> {
    let bad = |why| Err(io::Error::new(io::ErrorKind::InvalidData, why));
    let mut two = [0; 2];
    file.read_exact(&mut two)?;
    loop {
        file.read_exact(&mut two)?;
        // Any number of 0xff bytes may stand before a marker.
        while two == [0xff, 0xff] {
            file.read_exact(&mut two[1..])?;
        }
        let [0xff, marker] = two else { return bad("a segment does not start with a marker") };
        match marker {
            0x01 | 0xd0..=0xd7 => continue,
            0xd9 | 0xda => return bad("pixels start before a frame was described"),
            _ => {}
        }
        file.read_exact(&mut two)?;
        let length = u16::from_be_bytes(two);
        if length < 2 {
            return bad("a segment has an impossible length");
        }
        // 0xc4, 0xc8 and 0xcc lie among the frame markers but are not frames.
        if (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker) {
            let mut f = [0; 6];
            file.read_exact(&mut f)?;
            let (height, width) =
                (u16::from_be_bytes([f[1], f[2]]), u16::from_be_bytes([f[3], f[4]]));
            let coding = marker - 0xc0;
            return Ok(Frame { coding, bits: f[0], height, width, components: f[5] });
        }
        file.seek_relative(i64::from(length) - 2)?;
    }
}

impl Jpeg {
    pub(super) fn open(path: &Path) -> Result<(Self, Header), Failure> {
        let header = header(path)?;
        Ok((Self { path: path.to_path_buf(), header, pixels: None }, header))
    }

    /// Copies `rect` into `into`, decoding the picture first if this has not been done.
    pub(super) fn read(&mut self, rect: &Rect, into: &mut [u8]) -> Result<(), Failure> {
        let pixels = match &mut self.pixels {
            Some(pixels) => pixels,
            none => none.insert(decode(&self.path, &self.header)?),
        };
        let bytes = self.header.format.bytes();
        let stride = self.header.width_px as usize * bytes;
        let first = rect.y as usize * stride + rect.x as usize * bytes;
        copy_rows(pixels, stride, first, rect.width as usize * bytes, into);
        Ok(())
    }
}

fn decode(path: &Path, header: &Header) -> Result<Vec<u8>, Failure> {
    let damaged = |why: &dyn std::fmt::Display| {
        Failure::input(format!(
            "{} is damaged or cut short within its pixels ({why}): get the file again",
            path.display()
        ))
    };
    let mut file = open(path)?;
    // The decoder fills up what is missing with grey, so the end has to be looked for here.
    if !has_end(&mut file).map_err(|e| unreadable(path, &e))? {
        return Err(damaged(&"it has no end marker"));
    }
    let decoder = JpegDecoder::new(BufReader::new(file)).map_err(|e| damaged(&e))?;
    let size = (header.width_px, header.height_px);
    let bytes = u64::from(size.0) * u64::from(size.1) * header.format.bytes() as u64;
    if decoder.dimensions() != size || decoder.total_bytes() != bytes {
        return Err(damaged(&"its frame is not what its header says"));
    }
    let mut pixels = vec![0; bytes as usize];
    decoder.read_image(&mut pixels).map_err(|e| damaged(&e))?;
    Ok(pixels)
}

/// True when an end-of-image marker stands near the end; the file is then rewound.
fn has_end(file: &mut File) -> io::Result<bool> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    file.rewind()?;
    Ok(tail.windows(2).any(|pair| pair == [0xff, 0xd9]))
}
