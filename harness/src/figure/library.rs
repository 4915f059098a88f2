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
    match (even.is_empty(), said.is_empty()) {
        (true, true) => "There is nothing to compare".to_owned(),
        (true, false) => said.join("; "),
        (false, true) => {
            format!(
                "Between C and Rust no difference in throughput can be told in {}",
                even.join(", ")
            )
        }
        (false, false) => {
            format!("{}; no difference can be told in {}", said.join("; "), even.join(", "))
        }
    }
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
        "right: throughputs, Mpx/s",
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
