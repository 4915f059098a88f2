//! The pixels of a PNG, drawn with smooth edges at twice the size of the SVG, so that they look the same side by side.
//!
//! plotters has a bitmap backend of its own, but its edges are rough, and its lines end elsewhere than those of an SVG.

use super::{palette, type_face};
use pipelines::message::Failure;
use plotters::style::{FontDesc, FontError};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle};
use tiny_skia::{
    Color, FillRule, LineJoin, Paint, Path, PathBuilder, Pixmap, PremultipliedColorU8, Rect,
    Shader, Stroke, Transform,
};

/// Pixels for each unit of the drawing, in both directions: sharp on a fine screen and in print.
const SCALE: u32 = 2;

/// A picture in the making, white at first.
pub(super) struct Pixels {
    /// Width and height in units of the drawing.
    size: (u32, u32),
    map: Pixmap,
}

impl Pixels {
    /// # Errors
    /// No picture has this size, which is the engine's fault.
    pub(super) fn new(size: (u32, u32)) -> Result<Self, Failure> {
        let map = Pixmap::new(size.0 * SCALE, size.1 * SCALE);
        let mut map = map.ok_or_else(|| Failure::engine("a figure has an impossible size"))?;
        map.fill(Color::WHITE);
        Ok(Self { size, map })
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
        // Nothing shines through: the paper is white.
        let rgb: Vec<_> =
            self.map.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.map.width(), self.map.height());
        encoder.set_compression(png::Compression::Balanced);
        encoder.set_filter(png::Filter::NoFilter);
        let data = match palette::indexed(&rgb) {
            Some((palette, indices)) => {
                encoder.set_color(png::ColorType::Indexed);
                encoder.set_palette(palette);
                indices
            }
            None => {
                encoder.set_color(png::ColorType::Rgb);
                encoder.set_filter(png::Filter::Adaptive);
                rgb
            }
        };
        let wrong = |e| Failure::engine(format!("a figure could not be encoded: {e}"));
        let mut writer = encoder.write_header().map_err(wrong)?;
        writer.write_image_data(&data).map_err(wrong)?;
        writer.finish().map_err(wrong)?;
        Ok(bytes)
    }

    /// A filled rectangle, without the right and lower edge.
    pub(super) fn rectangle(&mut self, from: BackendCoord, to: BackendCoord, ink: BackendColor) {
        let ends = |a: i32, b: i32| (a.min(b) as f32, a.max(b) as f32);
        let ((left, right), (top, bottom)) = (ends(from.0, to.0), ends(from.1, to.1));
        if let Some(rect) = Rect::from_ltrb(left, top, right, bottom) {
            self.map.fill_rect(rect, &paint(ink), scale(), None);
        }
    }

    /// A line through these points, whose ends are cut straight; where it crosses itself it is not darker.
    pub(super) fn path(&mut self, points: &[BackendCoord], width: u32, ink: BackendColor) {
        self.stroke(through(points, false), width, ink);
    }

    /// A disc, or a ring of this width.
    pub(super) fn circle(
        &mut self,
        centre: BackendCoord,
        radius: u32,
        line: Option<u32>,
        ink: BackendColor,
    ) {
        let round = PathBuilder::from_circle(centre.0 as f32, centre.1 as f32, radius as f32);
        match line {
            Some(width) => self.stroke(round, width, ink),
            None => self.fill(round, ink),
        }
    }

    /// A filled polygon; what lies within an even number of its rounds is outside.
    pub(super) fn polygon(&mut self, corners: &[BackendCoord], ink: BackendColor) {
        self.fill(through(corners, true), ink);
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

    /// A path that has no extent is none.
    fn stroke(&mut self, path: Option<Path>, width: u32, ink: BackendColor) {
        let stroke =
            Stroke { width: width as f32, line_join: LineJoin::Round, ..Stroke::default() };
        if let Some(path) = path {
            self.map.stroke_path(&path, &paint(ink), &stroke, scale(), None);
        }
    }

    fn fill(&mut self, path: Option<Path>, ink: BackendColor) {
        if let Some(path) = path {
            self.map.fill_path(&path, &paint(ink), FillRule::EvenOdd, scale(), None);
        }
    }

    /// Covers a share of a pixel; one outside of the picture is left out.
    fn blend(&mut self, x: u32, y: u32, ink: BackendColor, share: f64) {
        let share = share.clamp(0.0, 1.0) * ink.alpha;
        if share <= 0.0 || x >= self.map.width() || y >= self.map.height() {
            return;
        }
        let at = (y * self.map.width() + x) as usize;
        let pixel = &mut self.map.pixels_mut()[at];
        let mixed = |old: u8, new: u8| {
            (f64::from(old) + (f64::from(new) - f64::from(old)) * share).round() as u8
        };
        let (red, green, blue) = ink.rgb;
        let (red, green, blue) =
            (mixed(pixel.red(), red), mixed(pixel.green(), green), mixed(pixel.blue(), blue));
        *pixel = PremultipliedColorU8::from_rgba(red, green, blue, u8::MAX).unwrap_or(*pixel);
    }
}

fn scale() -> Transform {
    Transform::from_scale(SCALE as f32, SCALE as f32)
}

fn paint(ink: BackendColor) -> Paint<'static> {
    let (red, green, blue) = ink.rgb;
    let alpha = (ink.alpha.clamp(0.0, 1.0) * 255.0).round() as u8;
    let shader = Shader::SolidColor(Color::from_rgba8(red, green, blue, alpha));
    Paint { shader, ..Paint::default() }
}

/// The path through these points; `None` if it has no extent.
fn through(points: &[BackendCoord], closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (k, (x, y)) in points.iter().enumerate() {
        let (x, y) = (*x as f32, *y as f32);
        if k == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    if closed {
        path.close();
    }
    path.finish()
}
