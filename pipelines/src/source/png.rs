//! PNG files, decoded row by row.

use super::file::{broken_header, open, unreadable};
use super::{Header, check_size, check_whole, copy_rows};
use crate::image::codec::png::{EXPANDED, pixel_format, swap_to_native};
use crate::image::raster::Rect;
use crate::message::Failure;
use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How much of the file is read at once, in bytes.
const BUFFER_BYTES: usize = 1 << 16;

/// The most bytes the decoder may set aside for what is not pixels (profiles, texts).
const METADATA_BYTES_MAX: usize = 64 << 20;

type Rows = png::Reader<BufReader<File>>;

/// A PNG whose rows are decoded from the top, once.
pub(super) struct Png {
    path: PathBuf,
    rows: Rows,
    header: Header,
    interlaced: bool,
    /// Rows decoded so far, from the top.
    decoded: u32,
    /// Whole rows kept for the tiles that share them, and which rows of the picture they are.
    band: Vec<u8>,
    kept: Range<u32>,
    /// Set once the decoder gave up: nothing after that point can be decoded.
    broken: Option<Failure>,
}

/// What a PNG is like once expanded.
pub(super) fn header(path: &Path) -> Result<Header, Failure> {
    start(path).map(|(_, header)| header)
}

fn start(path: &Path) -> Result<(Rows, Header), Failure> {
    let broken = |e: png::DecodingError| match e {
        png::DecodingError::IoError(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
            unreadable(path, &e)
        }
        e => broken_header(path, "PNG", e),
    };
    let file = BufReader::with_capacity(BUFFER_BYTES, open(path)?);
    let limits = png::Limits { bytes: METADATA_BYTES_MAX };
    let mut decoder = png::Decoder::new_with_limits(file, limits);
    decoder.set_transformations(EXPANDED);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    // Sizes are checked before the decoder makes room for a row.
    let (width_px, height_px) = decoder.read_header_info().map_err(broken)?.size();
    check_size(path, width_px, height_px)?;
    let rows = decoder.read_info().map_err(broken)?;
    let (color, depth) = rows.output_color_type();
    let format = pixel_format(color, depth)
        .ok_or_else(|| broken_header(path, "PNG", "a palette picture without a palette"))?;
    let block = if rows.info().interlaced {
        check_whole(path, width_px, height_px, "an interlaced PNG")?;
        (width_px, height_px)
    } else {
        (width_px, 1)
    };
    Ok((rows, Header { width_px, height_px, format, block }))
}

impl Png {
    pub(super) fn open(path: &Path) -> Result<(Self, Header), Failure> {
        let (rows, header) = start(path)?;
        let interlaced = rows.info().interlaced;
        let (band, kept) = (Vec::new(), 0..0);
        let path = path.to_path_buf();
        Ok((Self { path, rows, header, interlaced, decoded: 0, band, kept, broken: None }, header))
    }

    /// Decodes `rect` into `into`. Rectangles come in item order: none lies above one before it.
    pub(super) fn read(&mut self, rect: &Rect, into: &mut [u8]) -> Result<(), Failure> {
        if let Some(failure) = &self.broken {
            return Err(failure.clone());
        }
        let result = self.decode(rect, into);
        if let Err(failure) = &result {
            self.broken = Some(failure.clone());
        }
        result
    }

    fn decode(&mut self, rect: &Rect, into: &mut [u8]) -> Result<(), Failure> {
        let whole_rows = rect.width == self.header.width_px;
        if whole_rows && !self.interlaced {
            self.pass_to(rect.y)?;
            return self.rows_into(into);
        }
        let bytes = self.header.format.bytes();
        let stride = self.header.width_px as usize * bytes;
        let end = rect.y + rect.height;
        if !(self.kept.start <= rect.y && end <= self.kept.end) {
            // Taken out while it is filled; a failure leaves it empty, and `broken` set.
            let mut band = std::mem::take(&mut self.band);
            if self.interlaced {
                band.resize(stride * self.header.height_px as usize, 0);
                self.whole_into(&mut band)?;
                self.kept = 0..self.header.height_px;
            } else {
                self.pass_to(rect.y)?;
                band.resize(stride * rect.height as usize, 0);
                self.rows_into(&mut band)?;
                self.kept = rect.y..end;
            }
            self.band = band;
        }
        let first = (rect.y - self.kept.start) as usize * stride + rect.x as usize * bytes;
        copy_rows(&self.band, stride, first, rect.width as usize * bytes, into);
        Ok(())
    }

    /// Decodes rows that nobody asked for, to get to row `y`.
    fn pass_to(&mut self, y: u32) -> Result<(), Failure> {
        while self.decoded < y {
            match self.rows.next_row() {
                Ok(Some(_)) => self.decoded += 1,
                Ok(None) => return Err(self.cut_short("there are no more rows")),
                Err(e) => return Err(self.cut_short(e)),
            }
        }
        Ok(())
    }

    /// Decodes as many of the next rows as `into` holds.
    fn rows_into(&mut self, into: &mut [u8]) -> Result<(), Failure> {
        let row_bytes = self.header.width_px as usize * self.header.format.bytes();
        for row in into.chunks_exact_mut(row_bytes) {
            match self.rows.read_row(row) {
                Ok(Some(_)) => self.decoded += 1,
                Ok(None) => return Err(self.cut_short("there are no more rows")),
                Err(e) => return Err(self.cut_short(e)),
            }
        }
        self.to_native(into);
        Ok(())
    }

    fn whole_into(&mut self, into: &mut [u8]) -> Result<(), Failure> {
        self.rows.next_frame(into).map_err(|e| {
            Failure::input(format!(
                "{} is damaged or cut short within its pixels ({e}): get the file again",
                self.path.display()
            ))
        })?;
        self.to_native(into);
        Ok(())
    }

    fn to_native(&self, samples: &mut [u8]) {
        if self.header.format.depth == 16 {
            swap_to_native(samples);
        }
    }

    fn cut_short(&self, why: impl std::fmt::Display) -> Failure {
        Failure::input(format!(
            "{} is damaged or cut short at row {} of {} ({why}): get the file again",
            self.path.display(),
            self.decoded,
            self.header.height_px
        ))
    }
}
