//! From values to pixels, for figures that are set by hand.

use super::style::{self, Area, Drawn, GRID, INK, SOFT};
use super::type_face::width;
use crate::measure::words;
use crate::stats::Estimate;
use plotters::prelude::*;
use plotters::style::FontStyle;

/// Pixels from one mark to the next at least, so that their words have room.
const ACROSS: i32 = 44;
const DOWN: i32 = 36;

/// An axis from one pixel to another, linear or logarithmic.
pub(super) struct Scale {
    low: f64,
    high: f64,
    pixels: (i32, i32),
    powers: bool,
}

impl Scale {
    /// A linear one that has room for all these values; 0 to 1 for none.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>, pixels: (i32, i32)) -> Self {
        let (low, high) = ends(values).unwrap_or((0.0, 1.0));
        let room = if high > low { (high - low) * 0.05 } else { high.abs().max(1.0) * 0.05 };
        Self { low: low - room, high: high + room, pixels, powers: false }
    }

    /// A linear one from and to these values exactly.
    pub(super) fn exactly(low: f64, high: f64, pixels: (i32, i32)) -> Self {
        Self { low, high, pixels, powers: false }
    }

    /// A logarithmic one that has room for all of these values that are above 0; 1 to 10 for none.
    pub(super) fn powers(values: impl IntoIterator<Item = f64>, pixels: (i32, i32)) -> Self {
        let (low, high) = ends(values.into_iter().filter(|v| *v > 0.0)).unwrap_or((1.0, 10.0));
        // Around values that lie close together there is to be a mark.
        let room = if high < 2.5 * low { 1.6 } else { (high / low).powf(0.06).max(1.15) };
        Self { low: low / room, high: high * room, pixels, powers: true }
    }

    /// The pixel of a value; values beyond the ends are at the ends.
    pub(super) fn at(&self, value: f64) -> i32 {
        let value = value.clamp(self.low, self.high);
        let part = if self.powers {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        let (from, to) = (f64::from(self.pixels.0), f64::from(self.pixels.1));
        (from + part * (to - from)).round() as i32
    }

    /// Round values between its ends, as many as have room: steps of 1, 2, 2.5 or 5, or such of each power.
    pub(super) fn marks(&self) -> Vec<f64> {
        let apart = if self.pixels.0 > self.pixels.1 { DOWN } else { ACROSS };
        if self.powers {
            let sets: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
            let roomy = |marks: &Vec<f64>| {
                !marks.is_empty()
                    && marks.windows(2).all(|w| (self.at(w[1]) - self.at(w[0])).abs() >= apart)
            };
            return sets
                .map(|of_ten| self.of_each_power(of_ten))
                .into_iter()
                .find(roomy)
                .unwrap_or_default();
        }
        let most = f64::from((self.pixels.1 - self.pixels.0).abs()) / f64::from(apart);
        let least = (self.high - self.low) / most.max(1.0);
        let power = 10f64.powf(least.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0].map(|m| m * power).into_iter().find(|s| *s >= least);
        let step = step.unwrap_or(power * 10.0);
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        (first..=last).map(|k| k as f64 * step).collect()
    }

    fn of_each_power(&self, of_ten: &[f64]) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        let all = (first..=last).flat_map(|e| of_ten.iter().map(move |m| m * 10f64.powi(e)));
        all.filter(|v| (self.low..=self.high).contains(v)).collect()
    }

    /// Draws it as a horizontal axis: a line up from each mark through all between these pixels, and its words below.
    pub(super) fn draw_across(
        &self,
        area: &Area<'_>,
        (top, bottom): (i32, i32),
        say: impl Fn(f64) -> String,
    ) -> Drawn {
        for mark in self.marks() {
            let x = self.at(mark);
            area.draw(&PathElement::new([(x, top), (x, bottom)], GRID))?;
            let text = say(mark);
            // What passes below an axis is not to pass through its words.
            let half = (width(&text, 13.0, FontStyle::Normal) / 2.0) as i32 + 3;
            let behind = [(x - half, bottom + 4), (x + half, bottom + 22)];
            area.draw(&Rectangle::new(behind, WHITE.filled()))?;
            centred(area, &text, 13.0, (x, bottom + 6))?;
        }
        let (from, to) = self.pixels;
        area.draw(&PathElement::new([(from, bottom), (to, bottom)], SOFT))?;
        Ok(())
    }

    /// Draws it as a vertical axis: a line from each mark across all between these pixels, and its words left of them.
    pub(super) fn draw_upright(
        &self,
        area: &Area<'_>,
        (left, right): (i32, i32),
        say: impl Fn(f64) -> String,
    ) -> Drawn {
        for mark in self.marks() {
            let y = self.at(mark);
            area.draw(&PathElement::new([(left, y), (right, y)], GRID))?;
            until(area, &say(mark), 13.0, INK, (left - 8, y - 8))?;
        }
        let (from, to) = self.pixels;
        area.draw(&PathElement::new([(left, from), (left, to)], SOFT))?;
        Ok(())
    }
}

/// Plain text with its middle at a place.
pub(super) fn centred(area: &Area<'_>, text: &str, px: f64, (x, y): (i32, i32)) -> Drawn {
    let half = (width(text, px, FontStyle::Normal) / 2.0).round() as i32;
    area.draw_text(text, &style::plain(px, INK), (x - half, y))?;
    Ok(())
}

/// Plain text that ends at a place.
pub(super) fn until(
    area: &Area<'_>,
    text: &str,
    px: f64,
    ink: RGBColor,
    (x, y): (i32, i32),
) -> Drawn {
    let wide = width(text, px, FontStyle::Normal).round() as i32;
    area.draw_text(text, &style::plain(px, ink), (x - wide, y))?;
    Ok(())
}

/// The least and the greatest of the values that are finite.
fn ends(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let mut finite = values.into_iter().filter(|v| v.is_finite());
    let first = finite.next()?;
    Some(finite.fold((first, first), |(low, high), v| (low.min(v), high.max(v))))
}

/// A text as it fits into so many pixels: smaller, and if that does not do, cut. With the size to draw it at.
pub(super) fn fitted(text: &str, px: f64, most: f64, style: FontStyle) -> (String, f64) {
    let px = (0..4).map(|k| px - f64::from(k)).find(|px| width(text, *px, style) <= most);
    if let Some(px) = px {
        return (text.to_owned(), px);
    }
    let px = px.unwrap_or(10.0);
    let mut cut = text.to_owned();
    while cut.pop().is_some() && width(&format!("{cut}…"), px, style) > most {}
    (cut + "…", px)
}

/// How an estimate's dot is filled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Dot {
    Filled,
    Hollow,
}

/// A dot at an estimate with a bar over its interval: `place` says where a value lies.
pub(super) fn draw_estimate(
    area: &Area<'_>,
    place: impl Fn(f64) -> (i32, i32),
    estimate: &Estimate,
    ink: RGBColor,
    dot: Dot,
) -> Drawn {
    if let Some((low, high)) = estimate.interval {
        let (from, to) = (place(low), place(high));
        area.draw(&PathElement::new([from, to], ink.stroke_width(2)))?;
        // The ends stand across the bar.
        let (dx, dy) = if from.1 == to.1 { (0, 4) } else { (4, 0) };
        for (x, y) in [from, to] {
            area.draw(&PathElement::new(
                [(x - dx, y - dy), (x + dx, y + dy)],
                ink.stroke_width(2),
            ))?;
        }
    }
    if let Some(at) = estimate.value.map(&place) {
        let fill = if dot == Dot::Hollow { WHITE.filled() } else { ink.filled() };
        area.draw(&Circle::new(at, 5, fill))?;
        area.draw(&Circle::new(at, 5, ink.stroke_width(2)))?;
    }
    Ok(())
}

/// A round time: `500 µs`, and not `500.0 µs`.
pub(super) fn round_time(ns: f64) -> String {
    let text = words::duration(ns);
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let number = if number.contains('.') {
        number.trim_end_matches('0').trim_end_matches('.')
    } else {
        number
    };
    format!("{number} {unit}")
}

/// `0.97 (0.96 to 0.98)`: a value and its interval, each said by `say`.
pub(super) fn said(estimate: &Estimate, say: impl Fn(f64) -> String) -> String {
    let value = estimate.value.map_or("unknown".to_owned(), &say);
    let interval = estimate.interval.map(|(low, high)| format!(" ({} to {})", say(low), say(high)));
    value + &interval.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_between_the_ends_and_marks_are_round() {
        let said =
            |scale: &Scale| scale.marks().iter().map(|m| style::tick(*m)).collect::<Vec<_>>();
        let scale = Scale::linear([0.93, 1.02], (100, 500));
        assert_eq!(said(&scale), ["0.94", "0.96", "0.98", "1", "1.02"]);
        assert!(scale.at(0.93) > 100 && scale.at(1.02) < 500 && scale.at(9.0) == 500);
        assert_eq!(said(&Scale::linear([0.93, 1.02], (100, 230))), ["0.95", "1"], "less room");
        let (short, px) = fitted("okiagari", 13.0, 500.0, FontStyle::Bold);
        assert_eq!((&*short, px), ("okiagari", 13.0));
        let long = "hand-over-".repeat(9);
        let (cut, px) = fitted(&long, 13.0, 100.0, FontStyle::Bold);
        assert!(cut.ends_with('…') && width(&cut, px, FontStyle::Bold) <= 100.0, "{cut}");
        let (whole, px) = fitted(&long, 13.0, width(&long, 11.5, FontStyle::Bold), FontStyle::Bold);
        assert_eq!((whole, px), (long, 11.0));
        let scale = Scale::powers([0.04, 0.6], (400, 100));
        assert_eq!(scale.marks(), [0.05, 0.1, 0.2, 0.5]);
        assert!(scale.at(0.04) < 400 && scale.at(0.6) > 100 && scale.at(0.1) > scale.at(0.2));
        assert_eq!(Scale::powers([0.04, 600.0], (0, 300)).marks(), [0.1, 1.0, 10.0, 100.0, 1000.0]);
        assert_eq!([5e5, 2e6, 1.5e9].map(round_time), ["500 µs", "2 ms", "1.5 s"]);
        // One value, none, and none that has a logarithm.
        let all = [
            Scale::linear([5.0], (0, 300)),
            Scale::linear([], (0, 300)),
            Scale::powers([420.0], (0, 300)),
            Scale::powers([0.0], (0, 300)),
        ];
        for scale in all {
            assert!((0..=300).contains(&scale.at(5.0)) && !scale.marks().is_empty());
        }
    }
}
