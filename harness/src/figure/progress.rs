//! Tiles done over time: who goes on after a fault, and who does not.

use super::style::{self, Area, BODY, Drawn, Figure, GRID, INK, LABEL_PX, SOFT, WIDTH};
use super::subjects;
use crate::experiment::Experiment;
use crate::history::{Ending, History};
use crate::measure::{toll, words};
use pipelines::message::Failure;
use plotters::prelude::*;
use std::collections::BTreeMap;

/// Lines drawn for each subject; more would only be a blot.
const MOST_RUNS: usize = 20;
/// Points drawn for each line.
const MOST_POINTS: usize = 200;
/// Room right of the chart for the labels.
const RIGHT: u32 = 230;

/// The figure `progress`: one line for each run with faults, a dot for each fault that fired, a cross where a
/// subject ended before it was done. Without runs with faults it shows what there is.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn progress(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let struck = histories.iter().any(|h| h.run.faults);
    let shown: Vec<_> = histories.iter().filter(|h| h.run.faults == struck).collect();
    let names = subjects(histories);
    let (mut heads, mut whole) = (Vec::new(), 0);
    for name in &names {
        let runs: Vec<_> = shown.iter().filter(|h| h.run.subject == *name).collect();
        let done = runs.iter().filter(|h| h.run.ending == Ending::Complete && toll(h).lost == 0);
        let done = done.count();
        whole += usize::from(done == runs.len());
        heads.push(format!("{name} completed {done} of {} runs", runs.len()));
    }
    let under = if experiment.strike.is_empty() { "Without faults" } else { "Under faults" };
    let title = match heads.len() {
        0..=style::MOST_NAMES => format!("{under}, {}", heads.join(", ")),
        n => format!("{under}, {whole} of {n} subjects completed all of their runs"),
    };
    let explained = format!(
        "{}: tiles done over time. One line is one run{}; a dot is a fault that fired; a cross is where a run ended \
         with tiles missing.",
        experiment.name,
        if shown.len() > names.len() * MOST_RUNS {
            format!(" (the first {MOST_RUNS} of each)")
        } else {
            String::new()
        }
    );
    style::sheet(BODY, &title, &explained, |area, top| {
        if shown.is_empty() {
            return style::say_nothing(area, top, "There is no run to show.");
        }
        chart(area, top, &shown, &names)
    })
}

/// How much longer the slowest subject must take than the next one for the axis to be logarithmic: the others
/// would be a line on the left.
const SLOW: u64 = 10;

/// The axis of time: linear, or, where one subject takes much longer than all others, logarithmic.
enum Time {
    /// Up to so many, of so many in a second.
    Linear { longest: f64, per_s: f64 },
    /// Powers of ten of milliseconds.
    Powers { from: f64, to: f64 },
}

impl Time {
    fn of(shown: &[&History], names: &[&str]) -> Self {
        let longest = |name: &&str| {
            let runs = shown.iter().filter(|h| h.run.subject == **name);
            runs.map(|h| end_ns(h)).max().unwrap_or(0)
        };
        let mut ends: Vec<_> = names.iter().map(longest).collect();
        ends.sort_unstable_by_key(|ns| std::cmp::Reverse(*ns));
        let slowest = ends.first().copied().unwrap_or(0).max(1);
        if ends.get(1).is_some_and(|next| *next > 0 && slowest / next >= SLOW) {
            let first = |h: &&History| h.items.iter().filter_map(|i| i.done_ns).min();
            let first = shown.iter().filter_map(first).min().unwrap_or(0).max(1_000_000);
            let power = |ns: u64| (ns as f64 / 1e6).log10();
            return Self::Powers { from: power(first).floor(), to: power(slowest) };
        }
        let per_s = if slowest < 2_000_000_000 { 1e3 } else { 1.0 };
        Self::Linear { longest: slowest as f64 / 1e9 * per_s, per_s }
    }
    /// Where a moment lies on the axis.
    fn place(&self, ns: u64) -> f64 {
        match self {
            Self::Linear { per_s, .. } => ns as f64 / 1e9 * per_s,
            Self::Powers { from, .. } => (ns.max(1) as f64 / 1e6).log10().max(*from),
        }
    }
    /// Which moment lies there.
    fn value(&self, place: f64) -> f64 {
        match self {
            Self::Linear { .. } => place,
            Self::Powers { .. } => 10f64.powf(place),
        }
    }
    fn range(&self) -> std::ops::Range<f64> {
        match self {
            Self::Linear { longest, .. } => 0.0..longest * 1.02,
            Self::Powers { from, to } => *from..to + (to - from) * 0.02,
        }
    }
    /// Labels at most: one a power, or what the library takes by default.
    fn labels(&self) -> usize {
        match self {
            Self::Linear { .. } => 11,
            Self::Powers { from, to } => (to - from) as usize + 2,
        }
    }
    fn unit(&self) -> &'static str {
        match self {
            Self::Linear { per_s, .. } if *per_s > 1.0 => "ms",
            Self::Linear { .. } => "s",
            Self::Powers { .. } => "ms (logarithmic)",
        }
    }
}

fn chart(area: &Area<'_>, top: u32, shown: &[&History], names: &[&str]) -> Drawn {
    let time = Time::of(shown, names);
    let scale = |ns: u64| time.place(ns);
    let most = shown.iter().map(|h| h.run.items).max().unwrap_or(0).max(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .margin_top(top)
        .margin_left(16)
        .margin_bottom(14)
        .margin_right(RIGHT)
        .x_label_area_size(48)
        .y_label_area_size(66)
        .build_cartesian_2d(time.range(), 0.0..most * 1.04)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(SOFT)
        .x_labels(time.labels())
        .x_desc(format!("time since the start of the run, {}", time.unit()))
        .y_desc("tiles done")
        .x_label_formatter(&|x| style::tick(time.value(*x)))
        .y_label_formatter(&|y| style::tick(*y))
        .label_style(style::plain(14.0, INK))
        .axis_desc_style(style::plain(LABEL_PX, INK))
        .draw()?;
    let inks = style::colours(names);
    for name in names {
        let ink = inks(name);
        let runs = shown.iter().filter(|h| h.run.subject == *name).take(MOST_RUNS);
        for h in runs {
            let line: Vec<_> = steps(h).into_iter().map(|(ns, n)| (scale(ns), n as f64)).collect();
            chart.draw_series([PathElement::new(line, ink.mix(0.6).stroke_width(1))])?;
            let fired = h.injections.iter().filter_map(|i| i.fired_ns);
            chart.draw_series(
                fired.map(|ns| Circle::new((scale(ns), done_by(h, ns) as f64), 2, INK.filled())),
            )?;
            if fell(h) {
                let end = (scale(end_ns(h)), done_by(h, u64::MAX) as f64);
                chart.draw_series([Cross::new(end, 6, ink.stroke_width(3))])?;
            }
        }
    }
    let last = |name: &&str| {
        let runs = shown.iter().filter(|h| h.run.subject == **name);
        let ends: Vec<_> = runs.map(|h| (scale(end_ns(h)), done_by(h, u64::MAX) as f64)).collect();
        let mean = ends.iter().map(|e| e.1).sum::<f64>() / ends.len().max(1) as f64;
        chart.backend_coord(&(0.0, mean)).1
    };
    let wanted: Vec<_> = names.iter().map(last).collect();
    let labels = style::spread(&wanted, 62, top as i32, (top + BODY) as i32 - 62);
    for (name, y) in names.iter().zip(labels) {
        let x = (WIDTH - RIGHT + 10) as i32;
        area.draw_text(name, &style::bold(LABEL_PX, inks(name)), (x, y))?;
        for (k, line) in endings(shown, name).iter().enumerate().take(2) {
            area.draw_text(line, &style::plain(13.0, INK), (x, y + 20 + 17 * k as i32))?;
        }
    }
    Ok(())
}

/// How the runs of a subject ended, the commonest first: `10 of 10 died: SIGABRT`.
fn endings(shown: &[&History], name: &str) -> Vec<String> {
    let runs: Vec<_> = shown.iter().filter(|h| h.run.subject == name).collect();
    let mut kinds = BTreeMap::new();
    for h in &runs {
        let short = h.run.ending == Ending::Complete && fell(h);
        let word = if short { "ended, tiles missing".into() } else { words::ending(&h.run.ending) };
        *kinds.entry(word).or_insert(0usize) += 1;
    }
    let mut kinds: Vec<_> = kinds.into_iter().collect();
    kinds.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    kinds.into_iter().map(|(word, n)| format!("{n} of {} {word}", runs.len())).collect()
}

/// Whether a run ended before all was done or declared.
fn fell(h: &History) -> bool {
    h.run.ending != Ending::Complete || toll(h).lost > 0
}

/// Where a run's line ends: at its last event, or, if it fell, not before it was seen to end.
fn end_ns(h: &History) -> u64 {
    let done = h.items.iter().filter_map(|i| i.done_ns);
    let last = done.chain(h.injections.iter().filter_map(|i| i.fired_ns)).max();
    if fell(h) { last.unwrap_or(0).max(h.run.wall_ns) } else { last.unwrap_or(h.run.wall_ns) }
}

fn done_by(h: &History, ns: u64) -> usize {
    h.items.iter().filter_map(|i| i.done_ns).filter(|t| *t <= ns).count()
}

/// Time and tiles done, thinned out to [`MOST_POINTS`].
fn steps(h: &History) -> Vec<(u64, usize)> {
    let mut done: Vec<_> = h.items.iter().filter_map(|i| i.done_ns).collect();
    done.sort_unstable();
    let each = done.len().div_ceil(MOST_POINTS).max(1);
    let mut points = vec![(0, 0)];
    let all = done.iter().enumerate().map(|(k, ns)| (*ns, k + 1));
    points.extend(all.filter(|(_, n)| n % each == 0 || *n == done.len()));
    points.push((end_ns(h), done.len()));
    points
}
