//! What a process for each worker costs, against the work that a tile is.

use super::scale::{Dot, Scale, centred, draw_estimate, round_time, said};
use super::style::{self, Area, Drawn, Figure, INK, LABEL_PX, SOFT, WIDTH};
use super::type_face::width;
use crate::measure::words::duration;
use crate::stats::Estimate;
use pipelines::message::Failure;
use plotters::prelude::*;
use plotters::style::FontStyle;

/// Height of the chart without the names of the operations below it, and of each of these.
const CHART: i32 = 330;
const NAME: i32 = 20;
/// Where the axis of work begins and ends.
const ACROSS: (i32, i32) = (84, 700);
/// How far the two dots of a cost stand from the work that they belong to.
const ASIDE: i32 = 5;

const TIME: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const PROCESSOR: RGBColor = RGBColor(0xD5, 0x5E, 0x00);

/// What isolation costs for one kind of work.
#[derive(Debug, Clone, PartialEq)]
pub struct Cost<'a> {
    /// What is done with a tile.
    pub operations: &'a [String],
    /// The handler's own time over a tile in its own threads, nanoseconds: the median of the medians of runs.
    pub work_ns: Estimate,
    /// Time of a run with a process for each worker ÷ in threads, by block.
    pub time: Estimate,
    /// The same of processor time for each tile that came out right.
    pub processor: Estimate,
}

/// The figure `isolation`: the ratio of times and of processor times against the work per tile.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn isolation(name: &str, costs: &[Cost<'_>]) -> Result<Figure, Failure> {
    let shown: Vec<_> = costs.iter().filter(|c| c.work_ns.value.is_some()).collect();
    let n = shown.iter().map(|c| c.time.n).max().unwrap_or(0);
    let explained = format!(
        "{name}: a process for each worker against the same engine with its calls in its own threads, without faults. \
         Dots are medians of paired ratios (n = {n} blocks), bars their 95 % intervals (none below 6); 1 is no cost. Work is the \
         handler's own time over a tile in threads (median, logarithmic)."
    );
    let body = (CHART + NAME * shown.len() as i32 + 74) as u32;
    style::sheet(body, &title(&shown), &explained, |area, top| {
        if shown.is_empty() {
            return style::say_nothing(area, top, "No subject ran with and without isolation.");
        }
        chart(area, top as i32, &shown)
    })
}

/// What the lightest and the heaviest work pay.
fn title(costs: &[&Cost<'_>]) -> String {
    let paid = |cost: &Cost<'_>| {
        let work = duration(cost.work_ns.value.unwrap_or(0.0));
        let unclear = cost.time.interval.is_some_and(|(low, high)| low <= 1.0 && high >= 1.0);
        let said = match cost.time.value {
            None => "an unknown time".to_owned(),
            Some(_) if unclear => "as long, as far as can be told,".to_owned(),
            Some(ratio) if ratio >= 1.0 => format!("{:.0} % longer", (ratio - 1.0) * 100.0),
            Some(ratio) => format!("{:.0} % less", (1.0 - ratio) * 100.0),
        };
        format!("{said} at {work} of work a tile")
    };
    match costs {
        [] => "What isolation costs is not known here".to_owned(),
        [one] => format!("With a process for each worker a run takes {}", paid(one)),
        [first, .., last] => {
            format!(
                "With a process for each worker a run takes {}, and {}",
                paid(first),
                paid(last)
            )
        }
    }
}

/// Its name, how it is drawn, and which ratio of a cost it is of.
type Series = (&'static str, RGBColor, Dot, i32, fn(&Cost<'_>) -> Estimate);

fn chart(area: &Area<'_>, top: i32, costs: &[&Cost<'_>]) -> Drawn {
    let bottom = top + CHART;
    let work = |c: &Cost<'_>| c.work_ns.value.unwrap_or(1.0);
    let reach = |e: &Estimate| e.interval.map(|(a, b)| [a, b]).or(e.value.map(|v| [v, v]));
    let ratios = costs.iter().flat_map(|c| [&c.time, &c.processor]).filter_map(reach).flatten();
    let across = Scale::powers(costs.iter().map(|c| work(c)), ACROSS);
    let upright = Scale::linear(ratios.chain([1.0]), (bottom, top + 24));
    names(area, &across, (top + 24, bottom + 30), costs)?;
    across.draw_across(area, (top + 24, bottom), round_time)?;
    upright.draw_upright(area, ACROSS, style::tick)?;
    let one = upright.at(1.0);
    area.draw(&PathElement::new([(ACROSS.0, one), (ACROSS.1, one)], INK.stroke_width(2)))?;
    let text = "isolated ÷ in threads";
    area.draw_text(text, &style::plain(LABEL_PX, INK), (24, top - 4))?;
    let series: [Series; 2] = [
        ("time", TIME, Dot::Filled, -ASIDE, |c| c.time),
        ("processor time a tile", PROCESSOR, Dot::Hollow, ASIDE, |c| c.processor),
    ];
    let mut ends = Vec::new();
    for (_, ink, dot, aside, of) in series {
        let place = |c: &Cost<'_>, v: f64| (across.at(work(c)) + aside, upright.at(v));
        let line: Vec<_> = costs.iter().filter_map(|c| Some(place(c, of(c).value?))).collect();
        ends.push(line.last().map_or(bottom, |at| at.1) - 10);
        area.draw(&PathElement::new(line, ink.mix(0.5).stroke_width(1)))?;
        for cost in costs {
            draw_estimate(area, |v| place(cost, v), &of(cost), ink, dot)?;
        }
    }
    let labels = style::spread(&ends, 44, top, bottom);
    for ((word, ink, _, _, of), y) in series.iter().zip(labels) {
        let last = costs.last().map(|c| said(&of(c), |v| format!("{v:.2}")));
        area.draw_text(word, &style::bold(LABEL_PX, *ink), (ACROSS.1 + 16, y))?;
        let text = format!("{} at the right end", last.unwrap_or_default());
        area.draw_text(&text, &style::plain(12.0, SOFT), (ACROSS.1 + 16, y + 20))?;
    }
    let middle = i32::midpoint(ACROSS.0, ACROSS.1);
    let below = bottom + 38 + NAME * costs.len() as i32;
    centred(
        area,
        "work for each tile (logarithmic), and what is done with it",
        LABEL_PX,
        (middle, below),
    )
}

/// The operations, each in a line of its own, at the work that they are.
fn names(area: &Area<'_>, across: &Scale, (top, y): (i32, i32), costs: &[&Cost<'_>]) -> Drawn {
    for (k, cost) in costs.iter().enumerate() {
        let (x, y) = (across.at(cost.work_ns.value.unwrap_or(1.0)), y + NAME * k as i32);
        area.draw(&PathElement::new([(x, top), (x, y + 4)], SOFT.mix(0.5)))?;
        let text = cost.operations.join(", ");
        let wide = width(&text, 13.0, FontStyle::Normal) as i32;
        let left = (x - wide / 2).clamp(24, (WIDTH as i32 - 24 - wide).max(24));
        area.draw_text(&text, &style::plain(13.0, INK), (left, y + 4))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_lightest_and_the_heaviest_work_pay() {
        let of = |value: f64| Estimate {
            n: 16,
            value: Some(value),
            interval: Some((value * 0.98, value * 1.02)),
            method: "",
        };
        let names = [vec!["none".to_owned()], vec!["blur:2".to_owned(), "sobel".to_owned()]];
        let cost = |k: usize, work_ns, time| Cost {
            operations: &names[k],
            work_ns: of(work_ns),
            time: of(time),
            processor: of(1.3),
        };
        let costs = [cost(0, 50_000.0, 1.2), cost(1, 600_000.0, 1.01)];
        let svg = isolation("e9", &costs).unwrap().svg;
        for text in [
            "takes 20 % longer at 50.0 µs of work",
            "as long, as far as",
            "n = 16 blocks",
            "blur:2, sobel",
            "1.30 (1.27 to 1.33) at the right end",
        ] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert_eq!(isolation("e9", &costs), isolation("e9", &costs));
        for few in [&costs[..1], &[]] {
            let svg = isolation("e9", few).unwrap().svg;
            assert!(!svg.contains("NaN") && !svg.contains("inf"));
        }
    }
}
