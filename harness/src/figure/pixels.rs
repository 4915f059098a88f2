//! The pixels of a PNG, drawn with smooth edges at twice the size of the SVG, so that they look the same side by side.
//!
//! plotters has a bitmap backend of its own, but its edges are rough, and its lines end elsewhere than those of an SVG.

use super::type_face;
use pipelines::message::Failure;
use plotters::style::{FontDesc, FontError};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle};
use std::ops::Range;

/// Pixels for each unit of the drawing, in both directions: sharp on a fine screen and in print.
const SCALE: u32 = 2;
/// Lines within each row of pixels at which the edges of a polygon are looked at.
const LINES: u32 = 4;

/// A picture in the making, white at first.
pub(super) struct Pixels {
    /// Width and height in units of the drawing.
    size: (u32, u32),
    rgb: Vec<u8>,
    /// How much of each pixel is covered by the path that is being drawn, in 255ths; 0 between two paths.
    cover: Vec<u8>,
}

type Point = (f64, f64);

fn scaled(at: BackendCoord) -> Point {
    (f64::from(at.0) * f64::from(SCALE), f64::from(at.1) * f64::from(SCALE))
}

impl Pixels {
    pub(super) fn new((width, height): (u32, u32)) -> Self {
        let all = (width * SCALE) as usize * (height * SCALE) as usize;
        Self { size: (width, height), rgb: vec![255; 3 * all], cover: vec![0; all] }
    }

    /// In units of the drawing.
    pub(super) fn get_size(&self) -> (u32, u32) {
        self.size
    }

    /// As the bytes of a file, always the same for the same picture.
    ///
    /// # Errors
    /// Only if the encoder fails, which is the engine's fault.
    pub(super) fn png(&self) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.size.0 * SCALE, self.size.1 * SCALE);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Balanced);
        let wrong = |e| Failure::engine(format!("a figure could not be encoded: {e}"));
        let mut writer = encoder.write_header().map_err(wrong)?;
        writer.write_image_data(&self.rgb).map_err(wrong)?;
        writer.finish().map_err(wrong)?;
        Ok(bytes)
    }

    /// A filled rectangle, without the right and lower edge.
    pub(super) fn rectangle(&mut self, from: BackendCoord, to: BackendCoord, ink: BackendColor) {
        let (from, to) = (scaled(from), scaled(to));
        let columns = self.columns(from.0.min(to.0), from.0.max(to.0));
        for y in self.rows(from.1.min(to.1), from.1.max(to.1)) {
            for x in columns.clone() {
                self.blend(x, y, ink, 1.0);
            }
        }
    }

    /// A line through these points, whose ends are cut straight; where it crosses itself it is not darker.
    pub(super) fn path(&mut self, points: &[BackendCoord], width: u32, ink: BackendColor) {
        let mut points: Vec<_> = points.iter().map(|p| scaled(*p)).collect();
        points.dedup();
        let half = f64::from(width * SCALE) / 2.0;
        let last = points.len().saturating_sub(2);
        for (k, ends) in points.windows(2).enumerate() {
            let stroke = Stroke { from: ends[0], to: ends[1], half };
            self.over(&stroke, |pixels, x, y| {
                let share = stroke.share((f64::from(x) + 0.5, f64::from(y) + 0.5), k > 0, k < last);
                let at = pixels.place(x, y);
                pixels.cover[at] = pixels.cover[at].max((share * 255.0).round() as u8);
            });
        }
        for ends in points.windows(2) {
            let stroke = Stroke { from: ends[0], to: ends[1], half };
            self.over(&stroke, |pixels, x, y| {
                let at = pixels.place(x, y);
                let share = std::mem::take(&mut pixels.cover[at]);
                pixels.blend(x, y, ink, f64::from(share) / 255.0);
            });
        }
    }

    /// Calls for each pixel that a stroke may touch.
    fn over(&mut self, stroke: &Stroke, mut each: impl FnMut(&mut Self, u32, u32)) {
        let (top, bottom) = stroke.rows();
        for y in self.rows(top, bottom) {
            let (left, right) = stroke.columns(f64::from(y) + 0.5);
            for x in self.columns(left, right) {
                each(self, x, y);
            }
        }
    }

    /// A disc, or a ring of this width.
    pub(super) fn circle(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        line: Option<u32>,
        ink: BackendColor,
    ) {
        let (centre, radius) = (scaled(centre), f64::from(radius * SCALE));
        let half = f64::from(line.unwrap_or(0) * SCALE) / 2.0;
        let reach = radius + half + 1.0;
        for y in self.rows(centre.1 - reach, centre.1 + reach) {
            for x in self.columns(centre.0 - reach, centre.0 + reach) {
                let (dx, dy) = (f64::from(x) + 0.5 - centre.0, f64::from(y) + 0.5 - centre.1);
                let beyond = (dx * dx + dy * dy).sqrt() - radius;
                let beyond = if line.is_some() { beyond.abs() - half } else { beyond };
                self.blend(x, y, ink, 0.5 - beyond);
            }
        }
    }

    /// A filled polygon; what lies within an even number of its rounds is outside.
    pub(super) fn polygon(&mut self, corners: &[BackendCoord], ink: BackendColor) {
        let corners: Vec<_> = corners.iter().map(|p| scaled(*p)).collect();
        let ends = |y: fn(f64, f64) -> f64, first| corners.iter().map(|c| c.1).fold(first, y);
        let (top, bottom) = (ends(f64::min, f64::INFINITY), ends(f64::max, 0.0));
        let mut shares = vec![0.0; (self.size.0 * SCALE) as usize];
        for y in self.rows(top, bottom) {
            shares.fill(0.0);
            for line in 0..LINES {
                let at = f64::from(y) + (f64::from(line) + 0.5) / f64::from(LINES);
                for ends in crossings(&corners, at).chunks_exact(2) {
                    for x in self.columns(ends[0], ends[1]) {
                        let (left, right) = (f64::from(x), f64::from(x) + 1.0);
                        let inside = right.min(ends[1]) - left.max(ends[0]);
                        shares[x as usize] += inside.max(0.0) / f64::from(LINES);
                    }
                }
            }
            for (x, share) in (0..).zip(&shares) {
                self.blend(x, y, ink, *share);
            }
        }
    }

    /// A text, where and as large as an SVG has it.
    pub(super) fn text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        at: BackendCoord,
    ) -> Result<(), FontError> {
        let em = style.size() / type_face::SHRINKS_BY * f64::from(SCALE);
        let font = FontDesc::new(style.family(), em * type_face::HEIGHT, style.style());
        let anchor = style.anchor();
        let width = font.box_size(text)?.0 as i32;
        let left = match anchor.h_pos {
            HPos::Left => 0,
            HPos::Center => -width / 2,
            HPos::Right => -width,
        };
        let baseline = em
            * match anchor.v_pos {
                VPos::Top => 0.76,
                VPos::Center => type_face::LOWER_CASE / 2.0,
                VPos::Bottom => -type_face::LOWER_CASE / 2.0,
            };
        // plotters has the base line half of the size below the top.
        let top = (baseline - em * type_face::HEIGHT / 2.0).round() as i32;
        let (turn, origin) = (style.transform(), (at.0 * SCALE as i32, at.1 * SCALE as i32));
        let ink = style.color();
        let drawn: Result<(), std::convert::Infallible> =
            font.draw(text, (left, top), |x, y, share| {
                let (x, y) = turn.transform(x, y);
                let (x, y) = (origin.0 + x, origin.1 + y);
                if let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) {
                    self.blend(x, y, ink, f64::from(share));
                }
                Ok(())
            })?;
        drawn.unwrap_or_else(|never| match never {});
        Ok(())
    }

    /// Those rows of the picture that lie between two heights.
    fn rows(&self, top: f64, bottom: f64) -> Range<u32> {
        between(top, bottom, self.size.1 * SCALE)
    }

    fn columns(&self, left: f64, right: f64) -> Range<u32> {
        between(left, right, self.size.0 * SCALE)
    }

    fn place(&self, x: u32, y: u32) -> usize {
        y as usize * (self.size.0 * SCALE) as usize + x as usize
    }

    /// Covers a share of a pixel; one outside of the picture is left out.
    fn blend(&mut self, x: u32, y: u32, ink: BackendColor, share: f64) {
        let share = share.clamp(0.0, 1.0) * ink.alpha;
        if share <= 0.0 || x >= self.size.0 * SCALE || y >= self.size.1 * SCALE {
            return;
        }
        let at = 3 * self.place(x, y);
        let (red, green, blue) = ink.rgb;
        for (old, new) in self.rgb[at..at + 3].iter_mut().zip([red, green, blue]) {
            *old = (f64::from(*old) + (f64::from(new) - f64::from(*old)) * share).round() as u8;
        }
    }
}

/// The pixels that an interval touches, of `end` there are.
fn between(low: f64, high: f64, end: u32) -> Range<u32> {
    let cut = |x: f64| x.clamp(0.0, f64::from(end)) as u32;
    cut(low.floor())..cut(high.ceil())
}

/// Where the edges of a polygon cross a horizontal line, from left to right.
fn crossings(corners: &[Point], y: f64) -> Vec<f64> {
    let next = corners.iter().cycle().skip(1);
    let edges = corners.iter().zip(next).filter(|(a, b)| (a.1 <= y) != (b.1 <= y));
    let mut all: Vec<_> = edges.map(|(a, b)| a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)).collect();
    all.sort_by(f64::total_cmp);
    all
}

/// A straight piece of a line, in pixels.
struct Stroke {
    from: Point,
    to: Point,
    half: f64,
}

impl Stroke {
    /// How far from its middle a pixel may be touched.
    fn reach(&self) -> f64 {
        self.half + 1.0
    }

    fn rows(&self) -> (f64, f64) {
        let (a, b) = (self.from.1, self.to.1);
        (a.min(b) - self.reach(), a.max(b) + self.reach())
    }

    /// Which columns it may touch at this height.
    fn columns(&self, y: f64) -> (f64, f64) {
        let (a, b, reach) = (self.from, self.to, self.reach());
        let rise = b.1 - a.1;
        if rise == 0.0 {
            return (a.0.min(b.0) - reach, a.0.max(b.0) + reach);
        }
        let at = |y: f64| a.0 + ((y - a.1) / rise).clamp(0.0, 1.0) * (b.0 - a.0);
        let (one, other) = (at(y - reach), at(y + reach));
        (one.min(other) - reach, one.max(other) + reach)
    }

    /// How much of the pixel around a point it covers. Where another piece follows, its end is round, else cut straight.
    fn share(&self, at: Point, before: bool, after: bool) -> f64 {
        let (dx, dy) = (self.to.0 - self.from.0, self.to.1 - self.from.1);
        let length = (dx * dx + dy * dy).sqrt();
        let (x, y) = (at.0 - self.from.0, at.1 - self.from.1);
        let (along, aside) = ((x * dx + y * dy) / length, ((x * dy - y * dx) / length).abs());
        let beyond = (-along).max(along - length);
        let joined = if along < length / 2.0 { before } else { after };
        // Not `hypot`, whose last digit the C library decides.
        let round = beyond > 0.0 && joined;
        let distance = if round { (aside * aside + beyond * beyond).sqrt() } else { aside };
        let end = if joined { 1.0 } else { 0.5 - beyond };
        (self.half + 0.5 - distance).clamp(0.0, 1.0).min(end.clamp(0.0, 1.0))
    }
}
