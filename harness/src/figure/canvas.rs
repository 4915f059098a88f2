//! What figures are drawn on: an SVG, or the pixels of a PNG. A figure's code knows neither; it is run once on each.

use super::pixels::Pixels;
use plotters::prelude::{DrawingBackend, SVGBackend};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};
use std::io;

/// Where a figure is drawn.
pub(super) enum Canvas<'a> {
    Svg(SVGBackend<'a>),
    Png(&'a mut Pixels),
}

type Done = Result<(), DrawingErrorKind<io::Error>>;

/// The same call on whichever it is.
macro_rules! on {
    ($canvas:ident, $backend:ident => $call:expr) => {
        match $canvas {
            Canvas::Svg($backend) => $call,
            Canvas::Png($backend) => $call,
        }
    };
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = io::Error;

    fn get_size(&self) -> (u32, u32) {
        on!(self, it => it.get_size())
    }
    fn ensure_prepared(&mut self) -> Done {
        match self {
            Self::Svg(svg) => svg.ensure_prepared(),
            Self::Png(_) => Ok(()),
        }
    }
    fn present(&mut self) -> Done {
        match self {
            Self::Svg(svg) => svg.present(),
            Self::Png(_) => Ok(()),
        }
    }
    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Done {
        match self {
            Self::Svg(svg) => svg.draw_pixel(at, colour)?,
            Self::Png(png) => png.rectangle(at, (at.0 + 1, at.1 + 1), colour),
        }
        Ok(())
    }
    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Done {
        match self {
            Self::Svg(svg) => svg.draw_line(from, to, style)?,
            Self::Png(png) => png.path(&[from, to], style.stroke_width(), style.color()),
        }
        Ok(())
    }
    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Done {
        let ((left, top), (right, bottom)) = (upper_left, bottom_right);
        let round = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        match self {
            Self::Svg(svg) => svg.draw_rect(upper_left, bottom_right, style, fill)?,
            Self::Png(png) if fill => png.rectangle(upper_left, bottom_right, style.color()),
            // As an SVG has it.
            Self::Png(png) => png.path(&round, 1, style.color()),
        }
        Ok(())
    }
    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Done {
        match self {
            Self::Svg(svg) => svg.draw_path(path, style)?,
            Self::Png(png) => {
                let points: Vec<_> = path.into_iter().collect();
                png.path(&points, style.stroke_width(), style.color());
            }
        }
        Ok(())
    }
    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Done {
        match self {
            Self::Svg(svg) => svg.draw_circle(center, radius, style, fill)?,
            Self::Png(png) => {
                let line = (!fill).then(|| style.stroke_width());
                png.circle(center, radius, line, style.color());
            }
        }
        Ok(())
    }
    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Done {
        match self {
            Self::Svg(svg) => svg.fill_polygon(vert, style)?,
            Self::Png(png) => {
                let corners: Vec<_> = vert.into_iter().collect();
                png.polygon(&corners, style.color());
            }
        }
        Ok(())
    }
    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Done {
        match self {
            Self::Svg(svg) => svg.draw_text(text, style, at),
            Self::Png(png) => {
                png.text(text, style, at).map_err(|e| DrawingErrorKind::FontError(Box::new(e)))
            }
        }
    }
}
