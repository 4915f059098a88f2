//! What a recovery's time goes into, phase by phase.

use super::style::{self, Area, Drawn, Figure, GRID, INK, LABEL_PX, SOFT, WIDTH};
use super::subjects;
use crate::experiment::Experiment;
use crate::history::{History, Injection};
use crate::measure::words::duration;
use crate::stats::{Estimate, clustered_median, median};
use pipelines::message::Failure;
use plotters::prelude::*;
use std::collections::BTreeMap;

/// Height of a row, and of one without anything to draw.
const ROW: u32 = 70;
const EMPTY: u32 = 42;
const LEFT: u32 = 230;
const RIGHT: u32 = 190;
/// Room above the rows for the names of the phases.
const KEY: u32 = 30;

/// The phases in order: what each is called, and its colour. The last is the tile's own work, which would be there
/// without any fault; it is drawn hollow.
const PHASES: [(&str, RGBColor); 6] = [
    ("first sign", RGBColor(0xD5, 0x5E, 0x00)),
    ("known", RGBColor(0xE6, 0x9F, 0x00)),
    ("acted on", RGBColor(0x00, 0x72, 0xB2)),
    ("lent again", RGBColor(0x00, 0x9E, 0x73)),
    ("under way", RGBColor(0x56, 0xB4, 0xE9)),
    ("the tile's own work", WHITE),
];

/// One kind of fault under one subject.
struct Row<'a> {
    name: &'a str,
    fault: String,
    fired: usize,
    /// When each phase is over, nanoseconds after the fault: medians over those that came back.
    over_ns: [f64; 6],
    /// When the lane has a worker that is ready, likewise.
    ready_ns: Option<f64>,
    whole_ns: Estimate,
}

/// The figure `phases`: for each subject and fault a bar from the fault to the accepted result of the same tile, cut at
/// the median moments at which each phase was over.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn phases(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let names = subjects(histories);
    let rows: Vec<_> = names.iter().flat_map(|name| rows(histories, name)).collect();
    let explained = format!(
        "{}: from the fault (left) to the accepted result of the same tile. A phase ends at the median moment at which it was \
         over; n counts the tiles that came back; the whisker is the 95 % interval of the whole (bootstrap over runs; none below 6 runs). \
         A lane is ready when it has a worker again.",
        experiment.name
    );
    let height = rows.iter().map(Row::height).sum::<u32>().max(EMPTY) + KEY + 76;
    style::sheet(height, &title(&rows), &explained, |area, top| {
        if rows.is_empty() {
            return style::say_nothing(area, top, "No fault fired.");
        }
        chart(area, top, &rows, &names)
    })
}

impl Row<'_> {
    fn height(&self) -> u32 {
        if self.whole_ns.value.is_some() { ROW } else { EMPTY }
    }
}

fn rows<'a>(histories: &[History], name: &'a str) -> Vec<Row<'a>> {
    let mut faults: BTreeMap<String, Vec<Vec<&Injection>>> = BTreeMap::new();
    for h in histories.iter().filter(|h| h.run.subject == name) {
        let mut own: BTreeMap<String, Vec<&Injection>> = BTreeMap::new();
        for i in h.fired() {
            own.entry(i.fault.to_string()).or_default().push(i);
        }
        own.into_iter().for_each(|(fault, all)| faults.entry(fault).or_default().push(all));
    }
    faults.into_iter().map(|(fault, runs)| row(name, fault, &runs)).collect()
}

fn row<'a>(name: &'a str, fault: String, runs: &[Vec<&Injection>]) -> Row<'a> {
    let all: Vec<_> = runs.iter().flatten().filter_map(|i| over_ns(i)).collect();
    let middle = |k: usize| {
        let values: Vec<_> = all.iter().map(|over| over[k]).collect();
        median(&values).value.unwrap_or(0.0)
    };
    let ready = runs.iter().flatten().filter(|i| i.recovery_ns().is_some());
    let ready: Vec<_> =
        ready.filter_map(|i| Some((i.ready_ns?.checked_sub(i.fired_ns?)?) as f64)).collect();
    let times = |run: &Vec<&Injection>| {
        run.iter().filter_map(|i| i.recovery_ns()).map(|ns| ns as f64).collect()
    };
    Row {
        name,
        fault,
        fired: runs.iter().map(Vec::len).sum(),
        over_ns: [0, 1, 2, 3, 4, 5].map(middle),
        ready_ns: median(&ready).value,
        whole_ns: clustered_median(&runs.iter().map(times).collect::<Vec<_>>()),
    }
}

/// When each phase of a recovery was over, nanoseconds after the fault; `None` if the item never came back. A moment that
/// is not known, or that came out of order, is that of the phase before.
fn over_ns(i: &Injection) -> Option<[f64; 6]> {
    let (fired, whole) = (i.fired_ns?, i.recovery_ns()?);
    let work = whole.saturating_sub(i.work_ns.unwrap_or(0));
    let since = |at: Option<u64>| at.map(|ns| ns.saturating_sub(fired));
    let moments = [i.error_ns, i.detected_ns, i.acted_ns, i.lent_again_ns].map(since);
    let mut last = 0;
    let mut over = [0.0; 6];
    let known = moments.into_iter().chain([Some(work), Some(whole)]);
    for (slot, moment) in over.iter_mut().zip(known) {
        last = moment.map_or(last, |ns| ns.clamp(last, whole.max(last)));
        *slot = last as f64;
    }
    Some(over)
}

/// Of the subject that brought back the largest share of its tiles the fault that is over the quickest.
fn title(rows: &[Row<'_>]) -> String {
    let share = |name: &str| {
        let own = || rows.iter().filter(|row| row.name == name);
        own().map(|row| row.whole_ns.n).sum::<usize>() as f64
            / own().map(|row| row.fired).sum::<usize>().max(1) as f64
    };
    let back = rows.iter().filter_map(|row| Some((row, row.whole_ns.value?)));
    let better = |a: &(&Row<'_>, f64), b: &(&Row<'_>, f64)| {
        share(b.0.name).total_cmp(&share(a.0.name)).then(a.1.total_cmp(&b.1))
    };
    let Some((row, whole)) = back.min_by(better) else {
        return match rows.len() {
            0 => "No fault fired, so nothing had to recover".into(),
            _ => "No struck tile came back".into(),
        };
    };
    let own = row.over_ns[5] - row.over_ns[4];
    format!(
        "{} knows of {} after {}, has lent the tile again after {}, and has its result after {}, of which {} are the tile's own work",
        row.name,
        with_article(&row.fault),
        duration(row.over_ns[1]),
        duration(row.over_ns[3]),
        duration(whole),
        duration(own)
    )
}

fn with_article(fault: &str) -> String {
    let an = fault.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {fault}", if an { "an" } else { "a" })
}

fn chart(area: &Area<'_>, top: u32, rows: &[Row<'_>], names: &[&str]) -> Drawn {
    let high =
        |row: &Row<'_>| row.whole_ns.interval.map_or(row.over_ns[5], |i| i.1).max(row.over_ns[5]);
    let longest =
        rows.iter().map(high).filter(|ns| ns.is_finite()).fold(0.0, f64::max).max(1.0) * 1.02;
    let room = f64::from(WIDTH - LEFT - RIGHT);
    let x = |ns: f64| LEFT as i32 + (ns.min(longest) / longest * room).round() as i32;
    key(area, top)?;
    let head = (top + KEY) as i32;
    let foot = head + rows.iter().map(Row::height).sum::<u32>() as i32;
    let step = step(longest / 1e6);
    let mut tick = 0.0;
    while tick * 1e6 <= longest {
        let at = x(tick * 1e6);
        area.draw(&PathElement::new(vec![(at, head), (at, foot)], GRID))?;
        style::centred(area, &style::tick(tick), 14.0, INK, (at, foot + 8))?;
        tick += step;
    }
    let middle = (x(0.0) + x(longest)) / 2;
    style::centred(area, "time since the fault, ms", LABEL_PX, INK, (middle, foot + 34))?;
    let inks = style::colours(names);
    let mut y = head;
    for row in rows {
        draw_row(area, row, inks(row.name), y, &x)?;
        y += row.height() as i32;
    }
    Ok(())
}

/// The names of the phases with their colours, above all rows.
fn key(area: &Area<'_>, top: u32) -> Drawn {
    let mut x = 24;
    for (name, ink) in PHASES {
        let (from, to) = ((x, top as i32 + 2), (x + 14, top as i32 + 16));
        area.draw(&Rectangle::new([from, to], ink.filled()))?;
        area.draw(&Rectangle::new([from, to], INK))?;
        area.draw_text(name, &style::plain(13.0, INK), (x + 20, top as i32 + 2))?;
        x += 40 + style::width(name, 13.0) as i32;
    }
    Ok(())
}

fn draw_row(
    area: &Area<'_>,
    row: &Row<'_>,
    ink: RGBColor,
    y: i32,
    x: &impl Fn(f64) -> i32,
) -> Drawn {
    area.draw_text(row.name, &style::bold(LABEL_PX, ink), (24, y + 4))?;
    let said = format!("{}, n = {} of {}", row.fault, row.whole_ns.n, row.fired);
    area.draw_text(&said, &style::plain(12.0, INK), (24, y + 23))?;
    let Some(whole) = row.whole_ns.value else {
        let text = format!("none of {} came back", row.fired);
        area.draw_text(&text, &style::plain(13.0, SOFT), (x(0.0) + 10, y + 12))?;
        return Ok(());
    };
    let (head, foot) = (y + 6, y + 28);
    let mut from = 0.0;
    let mut words = Vec::new();
    for ((name, paint), over) in PHASES.into_iter().zip(row.over_ns) {
        let part = [(x(from), head), (x(over), foot)];
        area.draw(&Rectangle::new(part, paint.filled()))?;
        if over > from {
            area.draw(&Rectangle::new(part, INK.stroke_width(1)))?;
            words.push(format!(
                "{} {}",
                name.trim_start_matches("the tile's own "),
                duration(over - from)
            ));
        }
        from = over;
    }
    area.draw_text(&words.join(" · "), &style::plain(12.0, INK), (x(0.0), foot + 11))?;
    let right = (WIDTH - RIGHT + 14) as i32;
    area.draw_text(&duration(whole), &style::bold(13.0, INK), (right, head - 4))?;
    if let Some(ready) = row.ready_ns {
        let text = format!("lane ready: {}", duration(ready));
        area.draw_text(&text, &style::plain(12.0, INK), (right, head + 32))?;
    }
    let Some((low, high)) = row.whole_ns.interval else { return Ok(()) };
    let middle = (head + foot) / 2;
    area.draw(&PathElement::new(vec![(x(low), middle), (x(high), middle)], INK.stroke_width(2)))?;
    for end in [low, high] {
        area.draw(&PathElement::new(
            vec![(x(end), middle - 5), (x(end), middle + 5)],
            INK.stroke_width(2),
        ))?;
    }
    let text = format!("{} to {}", duration(low), duration(high));
    area.draw_text(&text, &style::plain(12.0, INK), (right, head + 15))?;
    Ok(())
}

/// A round distance of ticks: four to ten fit.
fn step(longest: f64) -> f64 {
    let power = 10f64.powf((longest / 4.0).log10().floor());
    let fits = |m: &f64| longest / (m * power) <= 8.0;
    [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    #[test]
    fn a_phase_that_is_not_known_takes_no_time_and_none_goes_backwards() {
        let h = sample::good(0, "okiagari", true, 4);
        let strike = sample::strike(&h, 0, 1);
        let fired = strike.fired_ns.unwrap();
        assert_eq!(over_ns(&strike), None, "it never came back");
        let at = |ns: u64| Some(fired + ns);
        let whole = Injection {
            error_ns: at(10),
            detected_ns: at(20),
            acted_ns: at(30),
            lent_again_ns: at(30),
            accepted_ns: at(100),
            work_ns: Some(60),
            ..strike
        };
        assert_eq!(over_ns(&whole), Some([10.0, 20.0, 30.0, 30.0, 40.0, 100.0]));
        let unseen = Injection { error_ns: None, acted_ns: None, ..whole.clone() };
        assert_eq!(over_ns(&unseen), Some([0.0, 20.0, 20.0, 30.0, 40.0, 100.0]));
        let backwards = Injection { detected_ns: at(5), work_ns: Some(1000), ..whole };
        assert_eq!(over_ns(&backwards), Some([10.0, 10.0, 30.0, 30.0, 30.0, 100.0]));
    }

    #[test]
    fn an_axis_has_four_to_ten_steps() {
        for longest in [0.0011, 0.3, 1.0, 1.04, 3.6, 7.9, 45.0, 999.0, 60_000.0] {
            let steps = longest / step(longest);
            assert!((3.9..=10.0).contains(&steps), "{longest}: {steps}");
        }
    }
}
