//! What is kept of an item that was set aside: written once, and read again by whoever tries it again.

use super::{EVIDENCE, INPUT, Terms};
use crate::engine::SetAside;
use crate::image::raster::{PixelFormat, Tile, TileHead};
use crate::isolation::evidence::Evidence;
use crate::message::Failure;
use png::{BitDepth, ColorType, Decoder, Limits};
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{BufReader, ErrorKind};
use std::path::Path;

/// `evidence.json`: what is known of why an item could not be done, and what it was done with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Which item.
    pub item: u64,
    /// The file that its tile would have become.
    pub file: String,
    /// Its place in its image, in pixels.
    pub x_px: u32,
    /// Its place in its image, in pixels.
    pub y_px: u32,
    /// Pixels across.
    pub width_px: u32,
    /// Pixels down.
    pub height_px: u32,
    /// Attempts it had.
    pub attempts: u32,
    /// How the last of them ended.
    #[serde(flatten)]
    pub end: End,
    /// The tile as it went in, in the same folder.
    pub input: String,
    /// BLAKE3 of its pixels.
    pub input_blake3: String,
    /// The tile's head as workers get it.
    pub head: TileHead,
    /// What its attempts were made with.
    pub terms: Terms,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The cause, as the summary names it.
    pub death: String,
    /// The tail of what the worker wrote to standard error, or the handler's error.
    pub words: String,
    /// What else is known of an isolated worker's death; nothing of one that lives, or never answered in time.
    pub worker: Option<Evidence>,
}

impl End {
    /// Of an item that is set aside.
    pub fn of<T>(aside: &SetAside<'_, T>) -> Self {
        Self {
            death: aside.death.to_string(),
            words: aside.words.clone(),
            worker: aside.will.map(|will| Evidence::of(aside.death, will)),
        }
    }

    /// In a few words.
    pub fn cause(&self) -> &str {
        self.worker.as_ref().map_or(&self.death, |worker| &worker.cause)
    }

    /// Whether both ended by the same signal for the same reason, or otherwise alike.
    pub fn is_like(&self, other: &Self) -> bool {
        let code = |end: &Self| {
            let signal = end.worker.as_ref().and_then(|worker| worker.signal.as_ref());
            signal.map(|signal| (signal.number, signal.code))
        };
        self.death == other.death && code(self) == code(other)
    }

    /// The innermost function that it was in, and where in that.
    pub fn place(&self) -> Option<&str> {
        self.worker.as_ref()?.backtrace.first().map(String::as_str)
    }
}

impl Kept {
    pub(super) fn of(aside: &SetAside<'_, Tile>, file: String, terms: Terms) -> Self {
        let head = aside.input.head;
        Self {
            item: aside.item,
            file,
            x_px: head.rect.x,
            y_px: head.rect.y,
            width_px: head.rect.width,
            height_px: head.rect.height,
            attempts: aside.attempts,
            end: End::of(aside),
            input: INPUT.to_owned(),
            input_blake3: blake3::hash(&aside.input.pixels).to_hex().to_string(),
            head,
            terms,
        }
    }

    /// Reads the folder of an item that was set aside: what is known of it, and its pixels.
    ///
    /// # Errors
    /// [`Blame::Input`](crate::message::Blame::Input) when a file is missing, damaged, or not what was written.
    pub fn read(dir: &Path) -> Result<(Self, Vec<u8>), Failure> {
        let path = dir.join(EVIDENCE);
        let text = fs::read_to_string(&path).map_err(|e| missing(dir, &path, &e))?;
        let kept: Self = serde_json::from_str(&text).map_err(|e| {
            Failure::input(format!("{} is damaged, or of another version: {e}", path.display()))
        })?;
        let path = dir.join(INPUT);
        let file = File::open(&path).map_err(|e| missing(dir, &path, &e))?;
        let damaged = |why: &dyn std::fmt::Display| {
            Failure::input(format!("{} is not what was set aside: {why}", path.display()))
        };
        let pixels = pixels(BufReader::new(file), &kept.head).map_err(|e| damaged(&e))?;
        if blake3::hash(&pixels).to_hex().as_str() != kept.input_blake3 {
            return Err(damaged(&"its checksum is another"));
        }
        Ok((kept, pixels))
    }
}

fn missing(dir: &Path, path: &Path, error: &std::io::Error) -> Failure {
    let (dir, path) = (dir.display(), path.display());
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Failure::input(format!(
            "{dir} is not the folder of an item that was set aside: there is no {path}"
        )),
        _ => Failure::input(format!("{path} cannot be read: {error}")),
    }
}

/// The pixels of a picture, which must be one like `head`. 16-bit samples are the machine's in memory.
fn pixels(file: BufReader<File>, head: &TileHead) -> Result<Vec<u8>, String> {
    let said = |e: png::DecodingError| e.to_string();
    let mut reader =
        Decoder::new_with_limits(file, Limits { bytes: usize::MAX }).read_info().map_err(said)?;
    let info = reader.info();
    let channels = match info.color_type {
        ColorType::Grayscale => 1,
        ColorType::GrayscaleAlpha => 2,
        ColorType::Rgb => 3,
        ColorType::Rgba => 4,
        ColorType::Indexed => 0,
    };
    let depth = match info.bit_depth {
        BitDepth::Eight => 8,
        BitDepth::Sixteen => 16,
        _ => 0,
    };
    let size = (info.width as usize, info.height as usize);
    if size != (head.across(), head.down()) || (PixelFormat { channels, depth }) != head.format {
        return Err("it has another size, or other pixels".to_owned());
    }
    let mut pixels = vec![0; head.bytes()];
    reader.next_frame(&mut pixels).map_err(said)?;
    if depth == 16 {
        for sample in pixels.chunks_exact_mut(2) {
            let value = u16::from_be_bytes([sample[0], sample[1]]);
            sample.copy_from_slice(&value.to_ne_bytes());
        }
    }
    Ok(pixels)
}
