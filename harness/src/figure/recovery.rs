//! How long it takes until a struck tile is there after all.

use super::style::{self, Area, Drawn, Figure, GRID, INK, LABEL_PX, SOFT, WIDTH};
use super::subjects;
use crate::experiment::Experiment;
use crate::history::{History, Injection};
use crate::measure::words;
use crate::stats::{Estimate, clustered_median};
use pipelines::message::Failure;
use plotters::prelude::*;

/// Height of a subject's row; lower where there are many.
fn row_height(rows: usize) -> u32 {
    if rows <= 6 { 104 } else { 60 }
}
/// Room left of the chart for names.
const LEFT: u32 = 214;
/// Dots drawn for each subject, spread over all there are.
const MOST_DOTS: usize = 1000;

/// What there is to say of one subject.
struct Row<'a> {
    name: &'a str,
    fired: usize,
    times_ms: Vec<f64>,
    median_ms: Estimate,
}

/// The figure `recovery`: one dot for each fault that fired and whose item came back, on a logarithmic axis, with
/// the median and its interval; beside it, how many never came back.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn recovery(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let names = subjects(histories);
    let rows: Vec<_> = names.iter().map(|name| row(histories, name)).collect();
    let fired: usize = rows.iter().map(|r| r.fired).sum();
    let said: Vec<_> = rows.iter().filter(|r| r.fired > 0).map(sentence).collect();
    let whole = rows.iter().filter(|r| r.fired > 0 && r.times_ms.len() == r.fired).count();
    let title = match said.len() {
        0 => "No fault fired, so nothing had to recover".into(),
        1..=style::MOST_NAMES => said.join("; "),
        n => format!("{whole} of {n} subjects brought back all of their struck tiles"),
    };
    let explained = format!(
        "{}: from the fault to the accepted result of the same tile. One dot is one fault (n = {fired} fired); the \
         bar is the median, the band its 95 % interval (bootstrap over runs; none below 6 runs).",
        experiment.name
    );
    let height = row_height(names.len()) * names.len().max(1) as u32 + 72;
    style::sheet(height, &title, &explained, |area, top| {
        if fired == 0 {
            return style::say_nothing(area, top, "There is no recovery to show.");
        }
        chart(area, top, &rows)
    })
}

fn row<'a>(histories: &[History], name: &'a str) -> Row<'a> {
    let runs: Vec<_> = histories.iter().filter(|h| h.run.subject == name).collect();
    let ms = |i: &Injection| i.recovery_ns().map(|ns| ns.max(1) as f64 / 1e6);
    let groups: Vec<Vec<f64>> =
        runs.iter().map(|h| h.injections.iter().filter_map(ms).collect()).collect();
    Row {
        name,
        fired: runs.iter().flat_map(|h| &h.injections).filter(|i| i.fired_ns.is_some()).count(),
        times_ms: groups.concat(),
        median_ms: clustered_median(&groups),
    }
}

fn sentence(row: &Row<'_>) -> String {
    let time = row.median_ms.value.map(|ms| format!(", in {} (median)", words::duration(ms * 1e6)));
    format!(
        "{} brought back {} of {} struck tiles{}",
        row.name,
        row.times_ms.len(),
        row.fired,
        time.unwrap_or_default()
    )
}

fn chart(area: &Area<'_>, top: u32, rows: &[Row<'_>]) -> Drawn {
    let ticks = ticks(rows.iter().flat_map(|r| r.times_ms.iter().copied()));
    let (low, high) = (ticks[0], ticks[ticks.len() - 1]);
    let mut chart = ChartBuilder::on(area)
        .margin_top(top)
        .margin_left(LEFT)
        .margin_right(40)
        .margin_bottom(62)
        .build_cartesian_2d((low..high).log_scale(), 0.0..rows.len() as f64)?;
    // Drawn by hand: plotters labels a single power of ten twice.
    for x in ticks {
        chart.draw_series([PathElement::new([(x, 0.0), (x, rows.len() as f64)], GRID)])?;
        let (at, text) = (chart.backend_coord(&(x, 0.0)), style::tick(x));
        let half = (text.len() as f64 * 14.0 * 0.28) as i32;
        area.draw_text(&text, &style::plain(14.0, INK), (at.0 - half, at.1 + 8))?;
    }
    chart.draw_series([PathElement::new([(low, 0.0), (high, 0.0)], SOFT)])?;
    let middle = chart.backend_coord(&((low * high).sqrt(), 0.0));
    let text = "recovery time, ms (logarithmic)";
    area.draw_text(text, &style::plain(LABEL_PX, INK), (middle.0 - 110, middle.1 + 34))?;
    let names: Vec<_> = rows.iter().map(|row| row.name).collect();
    let inks = style::colours(&names);
    for (place, row) in rows.iter().rev().enumerate() {
        let (middle, ink) = (place as f64 + 0.5, inks(row.name));
        if let Some((from, to)) = row.median_ms.interval {
            let band = [(from, middle - 0.34), (to, middle + 0.34)];
            chart.draw_series([Rectangle::new(band, ink.mix(0.18).filled())])?;
        }
        let each = row.times_ms.len().div_ceil(MOST_DOTS).max(1);
        chart.draw_series(
            row.times_ms
                .iter()
                .step_by(each)
                .enumerate()
                .map(|(k, ms)| Circle::new((*ms, middle + jitter(k)), 4, ink.mix(0.65).filled())),
        )?;
        if let Some(ms) = row.median_ms.value {
            let bar = [(ms, middle - 0.36), (ms, middle + 0.36)];
            chart.draw_series([PathElement::new(bar, INK.stroke_width(3))])?;
        }
        label(area, row, ink, chart.backend_coord(&(low, middle)).1)?;
    }
    Ok(())
}

/// The name of a subject and how many of its tiles never came back, left of its row.
fn label(area: &Area<'_>, row: &Row<'_>, ink: RGBColor, y: i32) -> Drawn {
    area.draw_text(row.name, &style::bold(LABEL_PX, ink), (24, y - 20))?;
    let never = row.fired - row.times_ms.len();
    let text = match (row.fired, never) {
        (0, _) => "no fault fired".to_owned(),
        (n, 0) => format!("all {n} came back"),
        (n, never) => format!("{never} of {n} never came back"),
    };
    area.draw_text(&text, &style::plain(13.0, INK), (24, y + 2))?;
    if row.times_ms.is_empty() && row.fired > 0 {
        let x = ((LEFT + WIDTH) / 2) as i32 - 130;
        let text = format!("none of {} recovered: no time to show", row.fired);
        area.draw_text(&text, &style::plain(14.0, SOFT), (x, y - 8))?;
    }
    Ok(())
}

/// Marks of the axis, in ms, around all times: at 1, 2 and 5 in each power of ten, or, if there are many of those, at
/// the powers alone.
pub(super) fn ticks(times_ms: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let most = times_ms.clone().fold(0.0, f64::max);
    let least = times_ms.fold(f64::INFINITY, f64::min);
    if !least.is_finite() {
        return vec![1.0, 10.0, 100.0];
    }
    let (first, last) = (least.log10().floor() as i32, most.log10().floor() as i32);
    if last - first > 2 {
        return (first..=last + 1).map(|e| 10f64.powi(e)).collect();
    }
    let fine = (first..=last + 1).flat_map(|e| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(e)));
    let fine: Vec<_> = fine.collect();
    let from = fine.iter().rposition(|t| *t <= least).unwrap_or(0);
    let to = fine.iter().position(|t| *t > most).unwrap_or(fine.len() - 1);
    fine[from..=to].to_vec()
}

/// Dots beside each other where they would cover each other: steps of the golden ratio, which never repeat.
fn jitter(k: usize) -> f64 {
    ((k as f64 * 0.618_033_988_75).fract() - 0.5) * 0.5
}
