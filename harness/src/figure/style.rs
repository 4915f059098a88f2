//! What all figures have in common: paper, ink, type, and the way titles and labels are set.

use super::canvas::Canvas;
use super::pixels::Pixels;
use super::type_face::{self, SHRINKS_BY};
use pipelines::message::Failure;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontStyle;
use std::collections::BTreeMap;
use std::error::Error;

pub(super) type Area<'a> = DrawingArea<Canvas<'a>, Shift>;
pub(super) type Drawn = Result<(), Box<dyn Error>>;

/// A figure as two files with the same picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// A drawing whose text is text.
    pub svg: String,
    /// Its pixels, twice as many in each direction, for places that show no drawings.
    pub png: Vec<u8>,
}

pub(super) const WIDTH: u32 = 960;
/// Height of a chart with its axes, if it does not depend on the data.
pub(super) const BODY: u32 = 450;
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
pub(super) const SOFT: RGBColor = RGBColor(0x66, 0x66, 0x66);
pub(super) const GRID: RGBColor = RGBColor(0xE4, 0xE4, 0xE4);
pub(super) const LABEL_PX: f64 = 15.0;

const EDGE: i32 = 24;

/// The colours of Okabe and Ito, which people with any kind of colour vision can tell apart, without their yellow and
/// black: one is not seen on paper, the other is the ink of the text.
const PALETTE: [RGBColor; 6] = [
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
];

/// The colour of a subject that is called by its own name, the same in every figure; grey for any other.
pub(super) fn colour(subject: &str) -> RGBColor {
    own(subject).unwrap_or(RGBColor(0x55, 0x55, 0x55))
}

fn own(subject: &str) -> Option<RGBColor> {
    // A subject that was made of another by `[vary]` has its colour.
    Some(match subject.split('-').next().unwrap_or(subject) {
        "baseline" => PALETTE[5],
        "okiagari" => PALETTE[4],
        "broadway" => PALETTE[3],
        "htpipe" => PALETTE[1],
        "restart" => PALETTE[2],
        "resume" => PALETTE[0],
        _ => return None,
    })
}

/// The colours of all subjects of an experiment: those called by their own names have theirs, the others share what is
/// left of the palette, in the order of their names.
pub(super) fn colours(subjects: &[&str]) -> impl Fn(&str) -> RGBColor {
    let taken: Vec<_> = subjects.iter().filter_map(|name| own(name)).collect();
    let left: Vec<_> = PALETTE.into_iter().filter(|ink| !taken.contains(ink)).collect();
    let left = if left.is_empty() { PALETTE.to_vec() } else { left };
    let mut others: Vec<_> = subjects.iter().filter(|name| own(name).is_none()).collect();
    others.sort_unstable();
    let others: BTreeMap<_, _> =
        others.into_iter().zip(left.into_iter().cycle()).map(|(n, c)| (n.to_string(), c)).collect();
    move |subject| others.get(subject).copied().unwrap_or_else(|| colour(subject))
}

/// More subjects than this are not named in a title, but counted.
pub(super) const MOST_NAMES: usize = 4;

/// `a`, `a and b`, `a, b and c`; of more than [`MOST_NAMES`] how many there are.
pub(super) fn listed(names: &[&str]) -> String {
    match names {
        [] => "nobody".into(),
        [one] => (*one).into(),
        all if all.len() > MOST_NAMES => format!("{} subjects", all.len()),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// How wide a plain text is.
pub(super) fn width(text: &str, px: f64) -> f64 {
    type_face::width(text, px, FontStyle::Normal)
}

/// How lines are broken, so that they are told apart without colours: pixels drawn, pixels left out.
const DASHES: [(f64, f64); 4] = [(1.0, 0.0), (9.0, 4.0), (2.0, 3.0), (16.0, 5.0)];

/// A line through these points, broken in the way of the subject with this number.
pub(super) fn dashed(
    area: &Area<'_>,
    points: &[(i32, i32)],
    number: usize,
    ink: RGBColor,
) -> Drawn {
    let style = ink.stroke_width(2);
    let (on, off) = DASHES[number % DASHES.len()];
    if off == 0.0 {
        area.draw(&PathElement::new(points.to_vec(), style))?;
        return Ok(());
    }
    let mut gone = 0.0;
    for ends in points.windows(2) {
        let [(x, y), (dx, dy)] = [ends[0], (ends[1].0 - ends[0].0, ends[1].1 - ends[0].1)];
        let length = f64::from(dx.pow(2) + dy.pow(2)).sqrt();
        let at = |way: f64| {
            let share = way / length;
            (x + (f64::from(dx) * share).round() as i32, y + (f64::from(dy) * share).round() as i32)
        };
        let mut way = 0.0;
        while way < length {
            let phase = gone % (on + off);
            let (drawn, rest) =
                if phase < on { (true, on - phase) } else { (false, on + off - phase) };
            let next = (way + rest).min(length);
            if drawn {
                area.draw(&PathElement::new(vec![at(way), at(next)], style))?;
            }
            gone += next - way;
            way = next;
        }
    }
    Ok(())
}

/// A text whose middle is at a place.
pub(super) fn centred(
    area: &Area<'_>,
    text: &str,
    px: f64,
    ink: RGBColor,
    at: (i32, i32),
) -> Drawn {
    let half = (width(text, px) / 2.0) as i32;
    area.draw_text(text, &plain(px, ink), (at.0 - half, at.1))?;
    Ok(())
}

pub(super) fn plain<'a>(px: f64, ink: RGBColor) -> TextStyle<'a> {
    ("sans-serif", px * SHRINKS_BY).into_font().color(&ink)
}

pub(super) fn bold<'a>(px: f64, ink: RGBColor) -> TextStyle<'a> {
    ("sans-serif", px * SHRINKS_BY).into_font().style(FontStyle::Bold).color(&ink)
}

/// A figure with a title, a line or two that explain it, and below them what `draw` adds: it is told where that begins,
/// and has `body` pixels from there. It is called twice, once for each file.
pub(super) fn sheet(
    body: u32,
    title: &str,
    explained: &str,
    draw: impl Fn(&Area<'_>, u32) -> Drawn,
) -> Result<Figure, Failure> {
    type_face::install()?;
    let title = wrap(title, 20.0, FontStyle::Bold);
    let explained = wrap(explained, 14.0, FontStyle::Normal);
    let top = (EDGE + 26 * title.len() as i32 + 19 * explained.len() as i32 + 18) as u32;
    let size = (WIDTH, top + body);
    let drawn = |canvas: Canvas<'_>| -> Drawn {
        let area = canvas.into_drawing_area();
        area.fill(&WHITE)?;
        let mut y = 20;
        for line in &title {
            area.draw_text(line, &bold(20.0, INK), (EDGE, y))?;
            y += 26;
        }
        for line in &explained {
            area.draw_text(line, &plain(14.0, SOFT), (EDGE, y + 2))?;
            y += 19;
        }
        draw(&area, top)?;
        area.present()?;
        Ok(())
    };
    let (mut svg, mut pixels) = (String::new(), Pixels::new(size)?);
    drawn(Canvas::Svg(SVGBackend::with_string(&mut svg, size)))
        .and_then(|()| drawn(Canvas::Png(&mut pixels)))
        .map_err(|e| Failure::engine(format!("a figure could not be drawn: {e}")))?;
    Ok(Figure { svg, png: pixels.png()? })
}

/// Breaks a text into lines that fit on the sheet at this size.
fn wrap(text: &str, px: f64, style: FontStyle) -> Vec<String> {
    let most = f64::from(WIDTH) - 2.0 * f64::from(EDGE);
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if line.is_empty() || type_face::width(&longer, px, style) <= most {
            *line = longer;
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Places for labels of this height that want to be at `wanted`, from top to bottom, moved apart where they would
/// overlap and kept between `top` and `bottom`.
pub(super) fn spread(wanted: &[i32], height: i32, top: i32, bottom: i32) -> Vec<i32> {
    let mut order: Vec<_> = (0..wanted.len()).collect();
    order.sort_by_key(|&k| (wanted[k], k));
    let mut places = wanted.to_vec();
    let mut free = top;
    for &k in &order {
        places[k] = places[k].max(free);
        free = places[k] + height;
    }
    let mut end = bottom;
    for &k in order.iter().rev() {
        places[k] = places[k].min(end - height);
        end = places[k];
    }
    places
}

/// A tick label: no digits after the point that are all zero.
pub(super) fn tick(x: f64) -> String {
    let text = if x.abs() >= 1000.0 {
        crate::measure::words::grouped(x.round() as u64)
    } else {
        format!("{x:.3}")
    };
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Where nothing could be drawn: a sentence in place of the data.
pub(super) fn say_nothing(area: &Area<'_>, top: u32, sentence: &str) -> Drawn {
    area.draw_text(sentence, &plain(16.0, SOFT), (EDGE, top as i32 + 30))?;
    Ok(())
}
