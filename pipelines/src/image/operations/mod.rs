//! What is done to a tile's pixels: in Rust or in C, with the same bits as the result, or in a library of the
//! user's own.

mod blur;
mod decode;
mod grayscale;
mod sobel;
#[cfg(test)]
mod tests;
mod worktop;

pub use worktop::Worktop;

use crate::image::native::filter::{self, FilterSpec};
use crate::image::raster::{PixelFormat, Rect, TileHead};
use crate::message::Failure;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The largest radius of a blur, in pixels.
pub const BLUR_RADIUS_MAX: u32 = 64;

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// The pixels as they are.
    None,
    /// Luma by BT.601 in fixed point; grey stays as it is, alpha is carried.
    Grayscale,
    /// The mean over a square of `2 * radius + 1` pixels a side, edges replicated; radius 1 to
    /// [`BLUR_RADIUS_MAX`]. Rounded to nearest after the horizontal and after the vertical pass.
    Blur(u32),
    /// `|gx| + |gy|` of each channel, clamped, edges replicated; alpha is carried.
    Sobel,
    /// A function of a shared object, the same whatever the [`Library`].
    Filter(FilterSpec),
    /// The tile is a file's bytes, see [`Origin::Bytes`](crate::image::layout::Origin::Bytes): a picture of this
    /// many pixels across and down, decoded to 8-bit RGB by the C library stb_image 0.2.4, which has a hole
    /// (CVE-2023-43898). Only with the feature `real-cve`.
    Decode(u32, u32),
}

impl Operation {
    /// What becomes of a tile's description: its format may change, its rectangle only when it is decoded.
    pub fn output(&self, head: TileHead) -> TileHead {
        match self {
            Self::Grayscale => {
                let channels = if head.format.has_alpha() { 2 } else { 1 };
                TileHead { format: PixelFormat { channels, ..head.format }, ..head }
            }
            Self::Decode(width, height) => {
                let rect = Rect { x: 0, y: 0, width: *width, height: *height };
                TileHead { rect, format: PixelFormat::RGB8, ..head }
            }
            Self::None | Self::Blur(_) | Self::Sobel | Self::Filter(_) => head,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => to.write_str("none"),
            Self::Grayscale => to.write_str("grayscale"),
            Self::Blur(radius) => write!(to, "blur:{radius}"),
            Self::Sobel => to.write_str("sobel"),
            Self::Filter(spec) => spec.fmt(to),
            Self::Decode(width, height) => write!(to, "decode:{width}x{height}"),
        }
    }
}

impl FromStr for Operation {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        match text.split_once(':') {
            None if text == "none" => Ok(Self::None),
            None if text == "grayscale" => Ok(Self::Grayscale),
            None if text == "sobel" => Ok(Self::Sobel),
            Some(_) if text.starts_with(filter::PREFIX) => text.parse().map(Self::Filter),
            Some(("decode", size)) => decode::size_of(size),
            Some(("blur", radius)) => match radius.parse() {
                Ok(radius) if (1..=BLUR_RADIUS_MAX).contains(&radius) => Ok(Self::Blur(radius)),
                _ => Err(Failure::input(format!(
                    "the blur radius {radius:?} is not a whole number from 1 to \
                     {BLUR_RADIUS_MAX}: write for example blur:2"
                ))),
            },
            _ => Err(Failure::input(format!(
                "there is no operation {text:?}: use none, grayscale, blur:R with R from 1 to \
                 {BLUR_RADIUS_MAX}, sobel, or lib:PATH:SYMBOL"
            ))),
        }
    }
}

/// Which implementation of the operations is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Library {
    /// The operations of this crate.
    #[default]
    Rust,
    /// The native kernels.
    C,
}

impl fmt::Display for Library {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Rust => "rust",
            Self::C => "c",
        })
    }
}

impl FromStr for Library {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        match text {
            "rust" => Ok(Self::Rust),
            "c" => Ok(Self::C),
            _ => Err(Failure::input(format!("there is no library {text:?}: use rust or c"))),
        }
    }
}

/// The scalar an image is made of, and what sums of it fit into.
trait Sample: Copy + Default + 'static {
    /// Holds the sum of `2 * BLUR_RADIUS_MAX + 2` samples.
    type Sum: Copy + Default;
    /// Copies samples out of bytes in the machine's order.
    fn load(bytes: &[u8], samples: &mut [Self]);
    /// Copies samples into bytes in the machine's order.
    fn store(samples: &[Self], bytes: &mut [u8]);
    /// `sum + enter - leave`, which never leaves the range of a sum.
    fn slide(sum: Self::Sum, enter: Self, leave: Self) -> Self::Sum;
    /// `sum / n`, rounded to nearest.
    fn divide(sum: Self::Sum, by: blur::Divisor) -> Self;
    /// The divisor for boxes `n` pixels wide.
    fn divisor(n: u32) -> blur::Divisor;
    /// `|gx| + |gy|` of the eight neighbours, clamped: up left, up, up right, left, right, down left,
    /// down, down right.
    fn edge(around: [Self; 8]) -> Self;
}

/// Copies row `y` of a tile into `row` with `margin` copies of the first and last pixel around it.
fn pad<S: Sample>(head: &TileHead, pixels: &[u8], y: usize, margin: usize, row: &mut [S]) {
    let channels = usize::from(head.format.channels);
    let (margin, bytes) = (margin * channels, head.row_bytes());
    let end = margin + head.across() * channels;
    S::load(&pixels[y * bytes..(y + 1) * bytes], &mut row[margin..end]);
    for left in (0..margin).step_by(channels) {
        row.copy_within(margin..margin + channels, left);
        row.copy_within(end - channels..end, end + left);
    }
}
