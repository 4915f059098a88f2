//! The same operations in C and in Rust: does it matter inside of a pipeline?

use super::scale::{Dot, Scale, centred, draw_estimate, said, until};
use super::style::{self, Area, Drawn, Figure, INK, LABEL_PX, SOFT};
use crate::measure::words::figures;
use crate::stats::Estimate;
use pipelines::message::Failure;
use plotters::prelude::*;

/// Height of a subject: two rows and room.
const ROW: i32 = 88;
/// Where the axis begins and ends; right of it stand the throughputs.
const ACROSS: (i32, i32) = (250, 680);

/// One subject with both libraries.
#[derive(Debug, Clone, PartialEq)]
pub struct Rival<'a> {
    /// Whose operations, without the library.
    pub subject: &'a str,
    /// Throughput with C ÷ throughput with Rust, by block.
    pub throughput: Estimate,
    /// Speed of the operations alone: the handler's time over a tile in Rust ÷ that in C, by block.
    pub operations: Estimate,
    /// Throughput with Rust, pixels per second.
    pub rust_px_per_s: Estimate,
    /// Throughput with C, pixels per second.
    pub c_px_per_s: Estimate,
}

/// The figure `library`: for each subject the ratio of throughputs and that of the operations' own speed, with
/// intervals, and the throughputs themselves.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn library(name: &str, rows: &[Rival<'_>]) -> Result<Figure, Failure> {
    let n = rows.iter().map(|r| r.throughput.n).max().unwrap_or(0);
    let explained = format!(
        "{name}: the same operations in C and in Rust, without faults. A filled dot is the throughput of the whole \
         pipeline, a hollow one the speed of the operations alone; right of 1, C is faster. Medians of paired ratios \
         (n = {n} blocks); a bar is the 95 % interval."
    );
    let height = (ROW * rows.len().max(1) as i32 + 70) as u32;
    style::sheet(height, &title(rows), &explained, |area, top| {
        if rows.is_empty() {
            return style::say_nothing(area, top, "No subject ran with both libraries.");
        }
        table(area, top as i32, rows)
    })
}

/// Whose throughput differs, and whose cannot be told apart: an interval with 1 in it tells no difference.
fn title(rows: &[Rival<'_>]) -> String {
    if rows.is_empty() {
        return "There is nothing to compare".to_owned();
    }
    let beyond = |side: fn(f64, f64) -> bool| {
        let on = |e: &Estimate| e.interval.is_some_and(|(low, high)| side(low, high));
        let names: Vec<_> = rows.iter().filter(|r| on(&r.throughput)).map(|r| r.subject).collect();
        names
    };
    let (faster, slower) = (beyond(|low, _| low > 1.0), beyond(|_, high| high < 1.0));
    let even =
        rows.iter().map(|r| r.subject).filter(|s| !faster.contains(s) && !slower.contains(s));
    let even: Vec<_> = even.collect();
    let mut said = Vec::new();
    if !faster.is_empty() {
        said.push(format!("C makes {} faster", faster.join(" and ")));
    }
    if !slower.is_empty() {
        said.push(format!("C makes {} slower", slower.join(" and ")));
    }
    if !even.is_empty() {
        said.push(format!("no difference in throughput can be told in {}", even.join(" and ")));
    }
    let speeds = rows.iter().filter_map(|r| r.operations.value);
    let (least, most) = speeds.fold((f64::INFINITY, 0.0), |(a, b), v| (v.min(a), v.max(b)));
    if least.is_finite() {
        let span = if most - least < 0.005 { String::new() } else { format!("{least:.2} to ") };
        said.push(format!("the operations alone have {span}{most:.2} of their speed in Rust"));
    }
    said.join("; ")
}

fn table(area: &Area<'_>, top: i32, rows: &[Rival<'_>]) -> Drawn {
    let each = rows.iter().flat_map(|r| [&r.throughput, &r.operations]);
    let values = each.flat_map(|e| e.interval.map(|(a, b)| [a, b]).or(e.value.map(|v| [v, v])));
    let scale = Scale::linear(values.flatten().chain([1.0]), ACROSS);
    let bottom = top + ROW * rows.len() as i32;
    scale.draw_across(area, (top, bottom), style::tick)?;
    let one = scale.at(1.0);
    area.draw(&PathElement::new([(one, top), (one, bottom)], INK.stroke_width(2)))?;
    let middle = i32::midpoint(ACROSS.0, ACROSS.1);
    centred(area, "speed with C ÷ speed with Rust", LABEL_PX, (middle, bottom + 30))?;
    area.draw_text(
        "Rust, C: throughputs, Mpx/s",
        &style::plain(13.0, SOFT),
        (ACROSS.1 + 14, bottom + 32),
    )?;
    for (place, row) in rows.iter().enumerate() {
        subject(area, &scale, row, top + ROW * place as i32 + 24)?;
    }
    Ok(())
}

fn subject(area: &Area<'_>, scale: &Scale, row: &Rival<'_>, y: i32) -> Drawn {
    let (ink, right) = (style::colour(row.subject), ACROSS.1 + 14);
    let small = |ink| style::plain(13.0, ink);
    area.draw_text(row.subject, &style::bold(LABEL_PX, ink), (24, y - 9))?;
    area.draw_text(&format!("n = {}", row.throughput.n), &small(SOFT), (24, y + 13))?;
    let mpx = |e: &Estimate| said(e, |v| figures(v / 1e6));
    for (k, (word, estimate, dot)) in
        [("throughput", &row.throughput, Dot::Filled), ("operations", &row.operations, Dot::Hollow)]
            .into_iter()
            .enumerate()
    {
        let y = y + 34 * k as i32;
        until(area, word, 13.0, INK, (ACROSS.0 - 14, y - 8))?;
        draw_estimate(area, |v| (scale.at(v), y), estimate, ink, dot)?;
        area.draw_text(&said(estimate, |v| format!("{v:.3}")), &small(INK), (right, y - 8))?;
    }
    let both = format!("Rust {}", mpx(&row.rust_px_per_s));
    area.draw_text(&both, &style::plain(12.0, SOFT), (right, y + 8))?;
    let both = format!("C {}", mpx(&row.c_px_per_s));
    area.draw_text(&both, &style::plain(12.0, SOFT), (right, y + 42))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(low: f64, high: f64) -> Vec<Rival<'static>> {
        let of = |low: f64, high: f64| Estimate {
            n: 20,
            value: Some(f64::midpoint(low, high)),
            interval: Some((low, high)),
            method: "",
        };
        let row = |subject, low, high| Rival {
            subject,
            throughput: of(low, high),
            operations: of(0.7, 0.8),
            rust_px_per_s: of(50e6, 52e6),
            c_px_per_s: of(48e6, 49e6),
        };
        vec![row("baseline", low, high), row("okiagari", 0.94, 0.96)]
    }

    #[test]
    fn it_says_who_is_faster_with_intervals() {
        let svg = library("e4", &rows(1.01, 1.03)).unwrap().svg;
        for text in [
            "C makes baseline faster; C makes okiagari slower",
            "n = 20 blocks",
            "1.020 (1.010 to 1.030)",
            "Rust 51.0 (50.0 to 52.0)",
        ] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert_eq!(library("e4", &rows(1.01, 1.03)), library("e4", &rows(1.01, 1.03)));
        let svg = library("e4", &rows(0.99, 1.03)).unwrap().svg;
        assert!(svg.contains(
            "C makes okiagari slower; no difference in throughput can be told in baseline"
        ));
        let mut unknown = rows(1.01, 1.03);
        (unknown[0].throughput.value, unknown[0].throughput.interval) = (None, None);
        for all in [&unknown[..], &[]] {
            assert!(!library("e4", all).unwrap().svg.contains("NaN"));
        }
    }
}
