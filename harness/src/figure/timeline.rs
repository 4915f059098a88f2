//! Throughput over time, a row for each subject: who falls, and who gets up.

use super::style::{self, Area, Drawn, Figure, GRID, INK, LABEL_PX, SOFT, WIDTH};
use super::subjects;
use crate::experiment::Experiment;
use crate::history::{Ending, History};
use crate::measure::words::{counted, duration, ending, figures};
use crate::measure::{Curve, toll};
use crate::stats::{median, quantile};
use pipelines::message::Failure;
use plotters::prelude::*;
use std::collections::BTreeMap;

/// How far from a moment tiles still count for its rate, in parts of the time without faults: the less the farther, so that
/// tiles that are saved in batches make no saw teeth.
const REACH: f64 = 1.0 / 14.0;
/// Distance of the moments at which rates are drawn.
const STEP: f64 = 1.0 / 160.0;
/// Beyond so many times the time without faults a row says in words how it goes on.
const LONGEST: f64 = 2.0;
/// Room left and right of the rows for words.
const LEFT: u32 = 206;
const RIGHT: u32 = 238;
/// Height of a row in units of which its throughput without faults is 1.
const HIGH: f64 = 1.75;
const DEAD: RGBColor = RGBColor(0xF4, 0xE2, 0xDA);

/// One subject, in units of the median time and the mean rate that its twins have.
struct Row<'a> {
    name: &'a str,
    twins: usize,
    /// Throughput without faults, pixels per second.
    px_per_s: Option<f64>,
    /// When, and the quantiles 0.1, 0.5 and 0.9 of the twins' rates then.
    band: Vec<(f64, [f64; 3])>,
    run: Option<Trace>,
}

/// A run with faults.
struct Trace {
    line: Vec<(f64, f64)>,
    faults: Vec<f64>,
    /// When no tile was done for longer than ever without faults, other than before the first fault.
    dead: Vec<(f64, f64)>,
    end: f64,
    fell: bool,
    said: [String; 2],
}

/// The figure `timeline`: for each subject the throughput of one run with faults, before the band of all its fault-free
/// twins. All subjects show the same block, that with the median of the runs' times, each in parts of its twins'.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn timeline(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let names = subjects(histories);
    let (block, blocks) = median_block(histories, &names);
    let rows: Vec<_> = names.iter().map(|name| row(histories, name, block)).collect();
    let explained = format!(
        "{}: tiles done over time. The thick line is one run with faults, of block {block}: by its time the middle one of {blocks} \
         in which all took part. The band holds 80 % of the n fault-free twins, the thin line is their median. Tick: a \
         fault; shaded: none is done; dot: all are delivered; cross: it ends with tiles missing. Time and height are parts \
         of the subject's own without faults.",
        experiment.name
    );
    let height = row_height(rows.len()) * rows.len().max(1) as u32 + 74;
    style::sheet(height, &title(&rows), &explained, |area, top| {
        if rows.is_empty() {
            return style::say_nothing(area, top, "There is no run to show.");
        }
        chart(area, top, &rows)
    })
}

/// Higher where there are few.
fn row_height(rows: usize) -> u32 {
    if rows <= 6 { 86 } else { 48 }
}

fn title(rows: &[Row<'_>]) -> String {
    let runs = || rows.iter().filter_map(|row| Some((row.name, row.run.as_ref()?)));
    let those = |fell: bool| -> Vec<_> {
        runs().filter(|(_, run)| run.fell == fell).map(|(name, _)| name).collect()
    };
    let (upright, fallen) = (those(false), those(true));
    let s = |names: &[&str]| if names.len() == 1 { "s" } else { "" };
    if runs().all(|(_, run)| run.faults.is_empty()) {
        return "No fault fired in the runs that are shown".into();
    }
    match (upright.len(), fallen.len()) {
        (0, _) => "No subject delivers every tile under faults".into(),
        (_, 0) => "Every subject delivers every tile under faults".into(),
        _ => format!(
            "{} get{} up again and deliver{} every tile; {} {} not",
            style::listed(&upright),
            s(&upright),
            s(&upright),
            style::listed(&fallen),
            if fallen.len() == 1 { "does" } else { "do" }
        ),
    }
}

/// What a time without faults is for a subject, in nanoseconds: the median of its twins, or, if it has none, of its
/// other runs.
fn unit_ns(histories: &[History], name: &str) -> f64 {
    let walls = |faults: bool| -> Vec<_> {
        let runs = histories.iter().filter(|h| h.run.subject == name && h.run.faults == faults);
        runs.map(|h| h.run.wall_ns as f64).collect()
    };
    let typical = median(&walls(false)).value.or(median(&walls(true)).value);
    typical.unwrap_or(1.0).max(1.0)
}

/// The block to show, and among how many: those in which the most subjects took part, in the order of the sum of their
/// runs' times, each in units of its twins' time. The one in the middle; of two, the quicker.
fn median_block(histories: &[History], names: &[&str]) -> (u32, usize) {
    let units: BTreeMap<_, _> =
        names.iter().map(|name| (*name, unit_ns(histories, name))).collect();
    let mut sums: BTreeMap<u32, (usize, f64)> = BTreeMap::new();
    for h in histories.iter().filter(|h| h.run.faults) {
        let sum = sums.entry(h.run.block).or_default();
        *sum = (sum.0 + 1, sum.1 + h.run.wall_ns as f64 / units[h.run.subject.as_str()]);
    }
    let most = sums.values().map(|(runs, _)| *runs).max().unwrap_or(0);
    let mut full: Vec<_> = sums.into_iter().filter(|(_, (runs, _))| *runs == most).collect();
    full.sort_by(|a, b| a.1.1.total_cmp(&b.1.1).then(a.0.cmp(&b.0)));
    let middle = full.get(full.len().saturating_sub(1) / 2);
    (middle.map_or(0, |(block, _)| *block), full.len())
}

fn row<'a>(histories: &[History], name: &'a str, block: u32) -> Row<'a> {
    let own = || histories.iter().filter(|h| h.run.subject == name);
    let unit_ns = unit_ns(histories, name);
    let twins: Vec<_> = own().filter(|h| !h.run.faults).map(Curve::of).collect();
    let items = own().map(|h| h.run.items).max().unwrap_or(0).max(1) as f64;
    let rate = |curve: &Curve, end: f64, x: f64| rate(curve, unit_ns, end, x) / items;
    let at = |k: u32| f64::from(k) * STEP;
    let last = (1.0 / STEP) as u32;
    let band = (0..=last).filter_map(|k| {
        let mut rates: Vec<_> =
            twins.iter().map(|c| rate(c, c.wall_ns as f64 / unit_ns, at(k))).collect();
        rates.sort_by(f64::total_cmp);
        let [low, middle, high] = [0.1, 0.5, 0.9].map(|q| quantile(&rates, q));
        Some((at(k), [low?, middle?, high?]))
    });
    let band = band.collect();
    let speeds = own().filter(|h| !h.run.faults).map(crate::measure::throughput_px_per_s);
    let px_per_s = median(&speeds.collect::<Vec<_>>()).value;
    let run = own().find(|h| h.run.faults && h.run.block == block).map(|h| {
        let (curve, end) = (Curve::of(h), h.run.wall_ns as f64 / unit_ns);
        let steps = (end.min(LONGEST) / STEP) as u32;
        let line = (0..=steps).map(|k| (at(k), rate(&curve, end, at(k)))).collect();
        let faults: Vec<_> = h.fired().filter_map(|i| Some(i.fired_ns? as f64 / unit_ns)).collect();
        let patience = twins.iter().map(longest_gap_ns).max().unwrap_or(0) as f64 / unit_ns;
        let mut dead = dead(&curve, unit_ns, end, patience.max(REACH));
        dead.retain(|(_, to)| faults.iter().any(|fault| fault < to));
        Trace { line, faults, dead, end, fell: fell(h), said: said(h) }
    });
    Row { name, twins: twins.len(), px_per_s, band, run }
}

/// Tiles in a unit of time around `x`, as far as the run went.
fn rate(curve: &Curve, unit_ns: f64, end: f64, x: f64) -> f64 {
    let moments = curve.moments_ns();
    let place = |x: f64| moments.partition_point(|ns| (*ns as f64) < x * unit_ns);
    let near = &moments[place(x - REACH)..place(x + REACH)];
    let weights = near.iter().map(|ns| 1.0 - (*ns as f64 / unit_ns - x).abs() / REACH);
    // What a side of the triangle holds that is cut off by the start or the end.
    let side = |room: f64| {
        let share = (room / REACH).clamp(0.0, 1.0);
        REACH * (share - share * share / 2.0)
    };
    let area = side(x) + side(end - x);
    if area > 0.0 { weights.sum::<f64>() / area } else { 0.0 }
}

/// The longest time between two tiles, or from the start to the first.
fn longest_gap_ns(curve: &Curve) -> u64 {
    let moments = curve.moments_ns();
    let before = [0].into_iter().chain(moments.iter().copied());
    before.zip(moments).map(|(a, b)| b - a).max().unwrap_or(0)
}

/// Times of a run that are longer than `patience` and in which no tile was done.
fn dead(curve: &Curve, unit_ns: f64, end: f64, patience: f64) -> Vec<(f64, f64)> {
    let moments = curve.moments_ns().iter().map(|ns| *ns as f64 / unit_ns);
    let ends: Vec<_> = [0.0].into_iter().chain(moments).chain([end]).collect();
    ends.windows(2).map(|w| (w[0], w[1])).filter(|(a, b)| b - a > patience).collect()
}

fn fell(h: &History) -> bool {
    h.run.ending != Ending::Complete || toll(h).right < h.run.items
}

/// How a run ended, in two lines.
fn said(h: &History) -> [String; 2] {
    let (items, missing) = (h.run.items, h.run.items.saturating_sub(toll(h).right));
    let how = match &h.run.ending {
        Ending::Complete if missing > 0 => "ended".to_owned(),
        other => ending(other).split(" (").next().unwrap_or_default().to_owned(),
    };
    let faults = counted(h.fired().count() as u64, "fault");
    let tiles = match missing {
        0 => format!("all {items} tiles"),
        _ => format!("{missing} of {items} tiles missing"),
    };
    [format!("{how} after {}", duration(h.run.wall_ns as f64)), format!("{faults}, {tiles}")]
}

/// Where things are on the sheet.
struct Place {
    top: i32,
    height: i32,
    longest: f64,
}

impl Place {
    fn x(&self, time: f64) -> i32 {
        let room = f64::from(WIDTH - LEFT - RIGHT);
        LEFT as i32 + (time.min(self.longest) / self.longest * room).round() as i32
    }
    /// The foot of a row.
    fn foot(&self, row: usize) -> i32 {
        self.top + self.height * (row as i32 + 1)
    }
    fn y(&self, row: usize, rate: f64) -> i32 {
        let high = f64::from(self.height - 10) * (rate.min(HIGH) / HIGH);
        self.foot(row) - high.round() as i32
    }
}

fn chart(area: &Area<'_>, top: u32, rows: &[Row<'_>]) -> Drawn {
    let ends = rows.iter().filter_map(|row| Some(row.run.as_ref()?.end));
    let longest = ends.fold(1.1, f64::max).min(LONGEST);
    let height = row_height(rows.len()) as i32;
    let place = Place { top: top as i32, height, longest };
    let foot = place.foot(rows.len().saturating_sub(1));
    let mut tick = 0.0;
    while tick <= longest {
        let x = place.x(tick);
        let ink = if tick == 1.0 { SOFT } else { GRID };
        area.draw(&PathElement::new(vec![(x, top as i32), (x, foot)], ink))?;
        style::centred(area, &format!("{:.0} %", tick * 100.0), 14.0, INK, (x, foot + 8))?;
        tick += 0.25;
    }
    let middle = (place.x(0.0) + place.x(longest)) / 2;
    let text = "time since the start, in parts of the time without faults";
    style::centred(area, text, LABEL_PX, INK, (middle, foot + 34))?;
    let names: Vec<_> = rows.iter().map(|row| row.name).collect();
    let inks = style::colours(&names);
    for (k, row) in rows.iter().enumerate() {
        draw_row(area, &place, k, row, inks(row.name))?;
    }
    Ok(())
}

fn draw_row(area: &Area<'_>, place: &Place, k: usize, row: &Row<'_>, ink: RGBColor) -> Drawn {
    let (foot, head) = (place.foot(k), place.y(k, HIGH));
    let shade = |from: f64, to: f64| {
        Rectangle::new([(place.x(from), head), (place.x(to), foot)], DEAD.filled())
    };
    if let Some(run) = &row.run {
        for (from, to) in &run.dead {
            area.draw(&shade(*from, *to))?;
        }
        if run.fell && run.end < 1.0 {
            area.draw(&shade(run.end, 1.0))?;
        }
    }
    let edge =
        |q: usize| row.band.iter().map(move |(x, rates)| (place.x(*x), place.y(k, rates[q])));
    area.draw(&Polygon::new(edge(0).chain(edge(2).rev()).collect::<Vec<_>>(), ink.mix(0.25)))?;
    area.draw(&PathElement::new(edge(1).collect::<Vec<_>>(), ink.mix(0.7)))?;
    area.draw(&PathElement::new(vec![(place.x(0.0), foot), (place.x(place.longest), foot)], SOFT))?;
    if let Some(run) = &row.run {
        let line = run.line.iter().map(|(x, y)| (place.x(*x), place.y(k, *y)));
        area.draw(&PathElement::new(line.collect::<Vec<_>>(), ink.stroke_width(2)))?;
        for fault in run.faults.iter().filter(|x| **x <= place.longest) {
            let x = place.x(*fault);
            area.draw(&PathElement::new(vec![(x, head - 3), (x, head + 7)], INK.stroke_width(2)))?;
        }
        let end = (place.x(run.end), foot);
        match (run.end > place.longest, run.fell) {
            (true, _) => {
                let tip = |by: i32| (end.0 - 7, foot + by);
                area.draw(&Polygon::new(vec![(end.0 + 2, foot), tip(-5), tip(5)], ink))?;
            }
            (false, true) => area.draw(&Cross::new(end, 6, INK.stroke_width(3)))?,
            (false, false) => area.draw(&Circle::new(end, 5, ink.filled()))?,
        }
    }
    words(area, place, k, row, ink)
}

/// The words left and right of a row.
fn words(area: &Area<'_>, place: &Place, k: usize, row: &Row<'_>, ink: RGBColor) -> Drawn {
    let y = place.foot(k) - place.height / 2 - 14;
    area.draw_text(row.name, &style::bold(LABEL_PX, ink), (24, y))?;
    let without = row.px_per_s.map(|v| format!(", {} Mpx/s", figures(v / 1e6)));
    let text = format!("n = {} twins{}", row.twins, without.unwrap_or_default());
    area.draw_text(&text, &style::plain(12.0, INK), (24, y + 20))?;
    let x = (WIDTH - RIGHT + 14) as i32;
    let Some(run) = &row.run else {
        area.draw_text("no run in this block", &style::plain(13.0, SOFT), (x, y + 8))?;
        return Ok(());
    };
    let [first, second] = &run.said;
    area.draw_text(first, &style::bold(13.0, INK), (x, y + 1))?;
    area.draw_text(second, &style::plain(12.0, INK), (x, y + 20))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    #[test]
    fn an_even_run_has_an_even_rate_up_to_its_ends() {
        let curve = Curve::of(&sample::good(0, "okiagari", false, 1000));
        let unit_ns = 1e9;
        for x in [0.0, 0.01, 0.04, 0.3, 0.98, 1.0] {
            let found = rate(&curve, unit_ns, 1.0, x);
            assert!((found - 1000.0).abs() < 20.0, "{x}: {found}");
        }
        assert_eq!(rate(&curve, unit_ns, 1.0, 2.0), 0.0);
    }

    #[test]
    fn time_without_tiles_is_seen() {
        let mut h = sample::good(0, "okiagari", true, 10);
        for item in &mut h.items[4..] {
            item.done_ns = item.done_ns.map(|ns| ns + 20_000_000);
        }
        let curve = Curve::of(&h);
        assert_eq!(longest_gap_ns(&curve), 21_000_000);
        assert_eq!(dead(&curve, 1e6, 60.0, 5.0), [(4.0, 25.0), (30.0, 60.0)]);
        assert_eq!(dead(&curve, 1e6, 30.0, 25.0), []);
    }

    #[test]
    fn the_block_in_the_middle_is_shown_and_only_one_in_which_all_took_part() {
        let mut all = Vec::new();
        for (block, ms) in [(0, 9), (1, 5), (2, 7), (3, 6)] {
            for subject in ["a", "b"] {
                let mut h = sample::good(all.len() as u32, subject, true, 4);
                (h.run.block, h.run.wall_ns) = (block, ms * 1_000_000);
                all.push(h);
            }
        }
        assert_eq!(median_block(&all, &["a", "b"]), (3, 4), "of 5, 6, 7 and 9 ms the second");
        all.retain(|h| h.run.block != 3 || h.run.subject == "a");
        assert_eq!(median_block(&all, &["a", "b"]), (2, 3), "of 5, 7 and 9 ms the second");
        assert_eq!(median_block(&[], &[]), (0, 0));
    }
}
