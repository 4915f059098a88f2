//! Goodput against the mean time between faults: where each subject begins to suffer, and where it collapses.

use super::style::{self, Area, BODY, Drawn, Figure, GRID, INK, LABEL_PX, SOFT, WIDTH};
use crate::stats::Estimate;
use pipelines::message::Failure;
use plotters::prelude::*;

/// Room right of the chart for the labels.
const RIGHT: u32 = 250;
/// Below this share of what it does without faults a subject has collapsed.
pub(super) const COLLAPSE: f64 = 0.1;

/// One subject over the sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Line<'a> {
    /// Whose.
    pub subject: &'a str,
    /// Mean time between faults in seconds, and goodput in pixels per second, in ascending order of time.
    pub points: Vec<(f64, Estimate)>,
    /// Goodput without faults, pixels per second.
    pub without: Option<f64>,
}

impl Line<'_> {
    /// The longest mean time between faults at which it does less than a tenth of what it does without
    /// faults, if there is one.
    pub fn collapse_s(&self) -> Option<f64> {
        let least = self.without? * COLLAPSE;
        let low = |(_, goodput): &&(f64, Estimate)| goodput.value.is_some_and(|v| v < least);
        self.points.iter().rev().find(low).map(|(s, _)| *s)
    }
}

/// The figure `rate`: a line for each subject on a logarithmic axis of time, with intervals; a cross where it has
/// collapsed, and a dash at the right for what it does without faults.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn rate(name: &str, lines: &[Line<'_>]) -> Result<Figure, Failure> {
    let fallen = lines.iter().filter_map(|l| {
        l.collapse_s().map(|s| format!("{} collapses at a fault every {}", l.subject, seconds(s)))
    });
    let fallen: Vec<_> = fallen.collect();
    let title = match fallen.len() {
        0 => "No subject collapses at any of these rates".into(),
        _ => fallen.join(", "),
    };
    let runs = lines.iter().flat_map(|l| &l.points).map(|(_, e)| e.n).max().unwrap_or(0);
    let explained = format!(
        "{name}: right pixels for each second, against the mean time between faults (logarithmic). A dot is the median \
         of up to {runs} runs, a bar its 95 % interval; a cross is less than a tenth of what the subject does without \
         faults, which the dash at the right edge shows."
    );
    style::sheet(BODY, &title, &explained, |area, top| {
        if lines.iter().all(|l| l.points.is_empty()) {
            return style::say_nothing(area, top, "There is no sweep to show.");
        }
        chart(area, top, lines)
    })
}

fn chart(area: &Area<'_>, top: u32, lines: &[Line<'_>]) -> Drawn {
    let times = || lines.iter().flat_map(|l| &l.points).map(|(s, _)| s.log10());
    let (from, to) =
        (times().fold(f64::INFINITY, f64::min), times().fold(-f64::INFINITY, f64::max));
    let ends = |l: &Line<'_>| {
        let highs = l.points.iter().filter_map(|(_, e)| e.interval.map(|i| i.1).or(e.value));
        highs.chain(l.without).fold(0.0, f64::max)
    };
    let most = lines.iter().map(ends).fold(0.0, f64::max).max(1.0) / 1e6;
    let mut chart = ChartBuilder::on(area)
        .margin_top(top)
        .margin_left(16)
        .margin_bottom(14)
        .margin_right(RIGHT)
        .x_label_area_size(48)
        .y_label_area_size(66)
        .build_cartesian_2d(from - 0.1..to + 0.25, 0.0..most * 1.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(SOFT)
        .x_desc("mean time between faults (logarithmic)")
        .y_desc("goodput, Mpx/s")
        .disable_x_mesh()
        .x_label_formatter(&|_| String::new())
        .y_label_formatter(&|y| style::tick(*y))
        .label_style(style::plain(14.0, INK))
        .axis_desc_style(style::plain(LABEL_PX, INK))
        .draw()?;
    // By hand, at the times that were measured and not at round powers between them.
    let mut marks: Vec<_> = lines.iter().flat_map(|l| &l.points).map(|(s, _)| *s).collect();
    marks.sort_by(f64::total_cmp);
    marks.dedup();
    for s in marks {
        let (at, text) = (chart.backend_coord(&(s.log10(), 0.0)), seconds(s));
        let half = (text.len() as f64 * 14.0 * 0.28) as i32;
        area.draw_text(&text, &style::plain(14.0, INK), (at.0 - half, at.1 + 8))?;
    }
    for line in lines {
        let ink = style::colour(line.subject);
        let at = |(s, e): &(f64, Estimate)| Some((s.log10(), e.value? / 1e6));
        let dots: Vec<_> = line.points.iter().filter_map(at).collect();
        chart.draw_series([PathElement::new(dots.clone(), ink.mix(0.7).stroke_width(2))])?;
        for (s, estimate) in &line.points {
            if let Some((low, high)) = estimate.interval {
                let bar = [(s.log10(), low / 1e6), (s.log10(), high / 1e6)];
                chart.draw_series([PathElement::new(bar, ink.stroke_width(2))])?;
            }
        }
        let least = line.without.map_or(0.0, |w| w * COLLAPSE / 1e6);
        let (fallen, upright): (Vec<_>, Vec<_>) = dots.iter().partition(|(_, y)| *y < least);
        chart.draw_series(upright.iter().map(|at| Circle::new(*at, 4, ink.filled())))?;
        chart.draw_series(fallen.iter().map(|at| Cross::new(*at, 6, ink.stroke_width(3))))?;
        if let Some(without) = line.without {
            let dash = [(to + 0.15, without / 1e6), (to + 0.25, without / 1e6)];
            chart.draw_series([PathElement::new(dash, ink.stroke_width(3))])?;
        }
    }
    let end = |l: &Line<'_>| {
        let last = l.without.or(l.points.last().and_then(|(_, e)| e.value)).unwrap_or(0.0);
        chart.backend_coord(&(to, last / 1e6)).1 - 8
    };
    let wanted: Vec<_> = lines.iter().map(end).collect();
    let labels = style::spread(&wanted, 42, top as i32, (top + BODY) as i32 - 62);
    for (line, y) in lines.iter().zip(labels) {
        let x = (WIDTH - RIGHT + 10) as i32;
        area.draw_text(line.subject, &style::bold(LABEL_PX, style::colour(line.subject)), (x, y))?;
        let said = match line.collapse_s() {
            Some(s) => format!("collapses at a fault every {}", seconds(s)),
            None => "does not collapse".into(),
        };
        area.draw_text(&said, &style::plain(13.0, INK), (x, y + 20))?;
    }
    Ok(())
}

/// `30 ms`, `1 s`.
fn seconds(s: f64) -> String {
    let short = |x: f64| format!("{x:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    if s < 0.9995 {
        format!("{} ms", short((s * 1e4).round() / 10.0))
    } else {
        format!("{} s", short(s))
    }
}
