//! What being ready for faults costs without any, against what it saves for each: from which rate on it pays.

use super::scale::{Scale, centred};
use super::style::{self, Area, BODY, Drawn, Figure, INK, LABEL_PX, SOFT, WIDTH};
use crate::measure::words::figures;
use crate::stats::Estimate;
use pipelines::message::Failure;
use plotters::prelude::*;

/// Rates at which times are computed.
pub(crate) const POINTS: usize = 9;
/// Room right of the chart for the labels.
const RIGHT: u32 = 290;
/// Whoever takes so many times as long without faults is told and not drawn.
const BEYOND: f64 = 4.0;

/// A subject against the rival.
#[derive(Debug, Clone, PartialEq)]
pub struct Course<'a> {
    /// Whose.
    pub subject: &'a str,
    /// The rate at which both take as long, faults per second (M14): 0 if it is no slower without faults, infinite if
    /// a fault costs the rival no more.
    pub break_even_per_s: Estimate,
    /// Expected time at each rate, in parts of the rival's without faults.
    pub times: Vec<Estimate>,
}

/// A rival, and all who are compared with it.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakEven<'a> {
    /// Who gets through faults in another way.
    pub rival: &'a str,
    /// Rates of faults, per second, in ascending order.
    pub rates_per_s: Vec<f64>,
    /// The rival's expected time at each, in parts of its time without faults.
    pub times: Vec<Estimate>,
    /// The others.
    pub courses: Vec<Course<'a>>,
}

impl Course<'_> {
    fn is_beyond(&self) -> bool {
        self.times.first().and_then(|t| t.value).is_none_or(|v| v > BEYOND)
    }
}

/// The figure `break-even`: expected time against the rate of faults, the rival's and that of each other, with bands; a
/// ring marks where two cross.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn break_even(name: &str, found: &BreakEven<'_>) -> Result<Figure, Failure> {
    let BreakEven { rival, courses, .. } = found;
    let said: Vec<_> = courses.iter().map(|c| format!("{} {}", c.subject, pays(c))).collect();
    let title = format!("Against {rival}, {}", said.join("; "));
    let n = courses.iter().map(|c| c.break_even_per_s.n).max().unwrap_or(0);
    let explained = format!(
        "{name}: expected time of a run ÷ {rival}'s without faults, at so many faults a second: time without faults \
         and, for each fault, the median of what one cost (n = {n} blocks). A shade is the 95 % interval (bootstrap over \
         blocks; none below 6). A ring is where both take as long. Only for faults that do not overlap."
    );
    style::sheet(BODY, &title, &explained, |area, top| chart(area, top as i32, found))
}

/// From when on a subject pays.
fn pays(course: &Course<'_>) -> String {
    match course.break_even_per_s.value {
        Some(0.0) => "pays at any rate of faults".to_owned(),
        Some(rate) if rate.is_finite() => format!("pays from {} faults a second on", figures(rate)),
        Some(_) => "never pays".to_owned(),
        None => "cannot be told".to_owned(),
    }
}

/// Three figures, or just 0.
fn rate(per_s: f64) -> String {
    if per_s == 0.0 { "0".to_owned() } else { figures(per_s) }
}

/// `0.50 to 1.20 a second`, with what is beyond all bounds in words.
fn interval(course: &Course<'_>) -> String {
    match course.break_even_per_s.interval {
        Some((_, 0.0)) => "95 %: at any rate".to_owned(),
        Some((low, _)) if low.is_infinite() => "95 %: never".to_owned(),
        Some((low, high)) if high.is_infinite() => {
            format!("95 %: {} a second to never", rate(low))
        }
        Some((low, high)) => format!("95 %: {} to {} a second", rate(low), figures(high)),
        None => "too few blocks for an interval".to_owned(),
    }
}

fn chart(area: &Area<'_>, top: i32, found: &BreakEven<'_>) -> Drawn {
    let across = (84, (WIDTH - RIGHT) as i32);
    let (top, bottom) = (top + 24, top + BODY as i32 - 76);
    let drawn: Vec<_> = found.courses.iter().filter(|c| !c.is_beyond()).collect();
    let lines = || [&found.times].into_iter().chain(drawn.iter().map(|c| &c.times));
    // Bands may be wider than what is of interest.
    let values = lines().flatten().filter_map(|t| t.value).chain([1.0]);
    let rates = Scale::exactly(0.0, found.rates_per_s.last().copied().unwrap_or(1.0), across);
    let times = Scale::linear(values, (bottom, top));
    rates.draw_across(area, (top, bottom), style::tick)?;
    times.draw_upright(area, across, style::tick)?;
    area.draw_text("expected time", &style::plain(LABEL_PX, INK), (24, top - 28))?;
    let middle = i32::midpoint(across.0, across.1);
    centred(area, "faults in a second", LABEL_PX, (middle, bottom + 32))?;
    let place = |(rate, v): (&f64, f64)| (rates.at(*rate), times.at(v));
    let band = |all: &[Estimate], ink: RGBColor| -> Drawn {
        let both = all.iter().map(|t| t.interval).collect::<Option<Vec<_>>>();
        let Some(both) = both else { return Ok(()) };
        let low = found.rates_per_s.iter().zip(&both).map(|(r, b)| place((r, b.0)));
        let high = found.rates_per_s.iter().zip(&both).map(|(r, b)| place((r, b.1))).rev();
        area.draw(&Polygon::new(low.chain(high).collect::<Vec<_>>(), ink.mix(0.15)))?;
        Ok(())
    };
    let line = |all: &[Estimate], ink: RGBColor| -> Drawn {
        let points =
            found.rates_per_s.iter().zip(all).filter_map(|(r, t)| Some(place((r, t.value?))));
        area.draw(&PathElement::new(points.collect::<Vec<_>>(), ink.stroke_width(3)))?;
        Ok(())
    };
    let of = |name: &str| style::colour(name);
    band(&found.times, of(found.rival))?;
    drawn.iter().try_for_each(|c| band(&c.times, of(c.subject)))?;
    line(&found.times, of(found.rival))?;
    drawn.iter().try_for_each(|c| line(&c.times, of(c.subject)))?;
    for course in &drawn {
        let rate = course.break_even_per_s.value.filter(|r| r.is_finite() && *r > 0.0);
        let at = rate.and_then(|r| Some((r, crossing(course, &found.rates_per_s, r)?)));
        if let Some((rate, v)) = at {
            let at = place((&rate, v));
            area.draw(&Circle::new(at, 9, INK.stroke_width(2)))?;
            area.draw(&PathElement::new([(at.0, at.1 + 9), (at.0, bottom)], SOFT))?;
        }
    }
    labels(area, (top, bottom), found, &times)
}

/// The expected time at a rate between two of those that were computed.
fn crossing(course: &Course<'_>, rates: &[f64], rate: f64) -> Option<f64> {
    let at = rates.windows(2).position(|w| (w[0]..=w[1]).contains(&rate))?;
    let (from, to) = (course.times[at].value?, course.times[at + 1].value?);
    Some(from + (rate - rates[at]) / (rates[at + 1] - rates[at]) * (to - from))
}

/// Right of the chart, who is who, at the height where their lines end; who is not drawn comes last.
fn labels(
    area: &Area<'_>,
    (top, bottom): (i32, i32),
    found: &BreakEven<'_>,
    times: &Scale,
) -> Drawn {
    let end = |all: &[Estimate]| all.last().and_then(|t| t.value).map_or(bottom, |v| times.at(v));
    let mut words = vec![(found.rival, end(&found.times), ["the rival".to_owned(), String::new()])];
    for course in &found.courses {
        let (y, said) = if course.is_beyond() {
            let late = course.times.first().and_then(|t| t.value).map_or("?".into(), figures);
            (bottom, format!("not drawn: {late} times as long"))
        } else {
            (end(&course.times), pays(course))
        };
        words.push((course.subject, y, [said, interval(course)]));
    }
    let wanted: Vec<_> = words.iter().map(|(_, y, _)| y - 12).collect();
    let places = style::spread(&wanted, 62, top, bottom + 40);
    let x = (WIDTH - RIGHT + 14) as i32;
    for ((name, _, lines), y) in words.iter().zip(places) {
        area.draw_text(name, &style::bold(LABEL_PX, style::colour(name)), (x, y))?;
        for (k, line) in lines.iter().enumerate() {
            area.draw_text(line, &style::plain(13.0, INK), (x, y + 20 + 17 * k as i32))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(value: f64) -> Estimate {
        Estimate { n: 6, value: Some(value), interval: Some((value, value * 1.1)), method: "" }
    }

    fn found(rate: f64, late: f64) -> BreakEven<'static> {
        let rates: Vec<_> = (0..POINTS).map(|k| k as f64 / 10.0).collect();
        let line = |from: f64, slope: f64| rates.iter().map(|r| exact(from + slope * r)).collect();
        let course = Course {
            subject: "okiagari",
            break_even_per_s: exact(rate),
            times: line(1.0 + late, 0.1),
        };
        BreakEven {
            rival: "resume",
            times: line(1.0, 1.0),
            courses: vec![course],
            rates_per_s: rates,
        }
    }

    #[test]
    fn it_says_from_when_on_a_subject_pays() {
        for (rate, late, texts) in [
            (
                0.25,
                0.2,
                ["okiagari pays from 0.25 faults a second on", "95 %: 0.25 to 0.28 a second"],
            ),
            (0.0, -0.1, ["okiagari pays at any rate of faults", "95 %: at any rate"]),
            (f64::INFINITY, 0.2, ["okiagari never pays", "95 %: never"]),
            (0.5, 9.0, ["okiagari pays from 0.50", "not drawn: 10.0 times as long"]),
        ] {
            let svg = break_even("e6", &found(rate, late)).unwrap().svg;
            for text in texts.into_iter().chain(["n = 6 blocks", "the rival"]) {
                assert!(svg.contains(text), "{text}: {svg}");
            }
            assert!(!svg.contains("NaN"));
            assert_eq!(break_even("e6", &found(rate, late)), break_even("e6", &found(rate, late)));
        }
        let mut unsure = found(0.25, 0.2);
        unsure.times.iter_mut().for_each(|t| t.interval = None);
        unsure.courses[0].break_even_per_s.interval = None;
        assert!(break_even("e6", &unsure).unwrap().svg.contains("too few blocks for an interval"));
    }
}
