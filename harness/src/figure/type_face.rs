//! The letters of a PNG, and how wide they are: DejaVu Sans, the usual `sans-serif` of a Linux desktop, so that an SVG
//! shown there and the PNG beside it are alike. It is part of the program: not every machine has fonts.

use pipelines::message::Failure;
use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};
use std::sync::OnceLock;

/// plotters writes sizes divided by this into an SVG.
pub(super) const SHRINKS_BY: f64 = 1.24;
/// From the lowest to the highest letter, and of an `x`, in parts of the size.
pub(super) const HEIGHT: f64 = 2384.0 / 2048.0;
pub(super) const LOWER_CASE: f64 = 1120.0 / 2048.0;

const NAME: &str = "sans-serif";

/// Makes the letters known to plotters, once in a process.
///
/// # Errors
/// The font in the program is not one, which is the engine's fault.
pub(super) fn install() -> Result<(), Failure> {
    static DONE: OnceLock<bool> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let known = |style, bytes| register_font(NAME, style, bytes).is_ok();
        known(FontStyle::Normal, dejavu::sans::regular())
            && known(FontStyle::Bold, dejavu::sans::bold())
    });
    if *done { Ok(()) } else { Err(Failure::engine("the font of the figures cannot be read")) }
}

/// How wide a text is at a size, in the units of both.
pub(super) fn width(text: &str, px: f64, style: FontStyle) -> f64 {
    // Sizes are whole there.
    const FINE: f64 = 16.0;
    let font = FontDesc::new(FontFamily::SansSerif, px * HEIGHT * FINE, style);
    font.box_size(text).map_or(0.0, |(width, _)| f64::from(width) / FINE)
}
