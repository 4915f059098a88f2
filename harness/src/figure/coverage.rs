//! How many faults were handled, and how sure that is: a forest plot.

use super::style::{self, Area, Drawn, Figure, GRID, INK, LABEL_PX, SOFT, WIDTH};
use super::subjects;
use crate::experiment::Experiment;
use crate::history::History;
use crate::measure::{Outcome, Twins, is_covered, outcome};
use crate::stats::clopper_pearson;
use pipelines::message::Failure;
use plotters::prelude::*;
use std::collections::BTreeMap;

const ROW: u32 = 40;
const LEFT: u32 = 250;
const RIGHT: u32 = 190;
/// The share that a recovery mechanism is asked for, where a dashed line stands.
const ASKED: f64 = 0.99;
/// What each bound of a share leaves outside, as in the claims.
const TAIL: f64 = 0.05;
/// Where the axis ends: what is surer than three nines and a half is drawn there.
const NINES: f64 = 3.5;

/// The faults of one class under one subject.
struct Row<'a> {
    name: &'a str,
    class: &'static str,
    covered: u64,
    fired: u64,
    interval: (f64, f64),
}

/// The figure `coverage`: for each subject and class of fault the share that was recovered from or masked (M20), with
/// its exact interval, on an axis of nines.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn coverage(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let names = subjects(histories);
    let rows = rows(histories, &names);
    let explained = format!(
        "{}: the share of faults that fired and were recovered from, or did no harm, by class of fault. A dot is the share; \
         the bar ends at its exact bounds, each one-sided with 95 % (Clopper and Pearson; faults of a run are taken for \
         independent); right of it stands how many of how many (n). The axis counts nines: each step to the right is a tenth of the failures. The dashed line is \
         at {ASKED}.",
        experiment.name
    );
    let height = ROW * rows.len().max(1) as u32 + 76;
    style::sheet(height, &title(&rows), &explained, |area, top| {
        if rows.is_empty() {
            return style::say_nothing(area, top, "No fault fired.");
        }
        chart(area, top, &rows, &names)
    })
}

/// Sums by subject and class, in order; those whose record contradicts itself are left out, as in M20.
fn rows<'a>(histories: &'a [History], names: &[&'a str]) -> Vec<Row<'a>> {
    let twins = Twins::of(histories);
    let mut sums: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for h in histories {
        for i in &h.injections {
            if matches!(outcome(h, i, &twins), Outcome::NotActivated | Outcome::Invalid) {
                continue;
            }
            let class = i.fault.entry().class.name();
            let (covered, fired) = sums.entry((&h.run.subject, class)).or_default();
            (*covered, *fired) = (*covered + u64::from(is_covered(h, i, &twins)), *fired + 1);
        }
    }
    let rows = sums.into_iter().filter_map(|((name, class), (covered, fired))| {
        let name = names.iter().find(|n| **n == name)?;
        let interval = clopper_pearson(covered, fired, TAIL)?;
        Some(Row { name, class, covered, fired, interval })
    });
    rows.collect()
}

fn title(rows: &[Row<'_>]) -> String {
    let best = rows.iter().min_by(|a, b| b.interval.0.total_cmp(&a.interval.0));
    let Some(best) = best else { return "No fault fired, so none had to be covered".into() };
    let sure: Vec<_> = rows.iter().filter(|row| row.interval.0 >= ASKED).collect();
    match sure.len() {
        0 => format!(
            "No subject is shown to cover {:.0} % of faults; {} covers {} of {}, at least {}",
            ASKED * 100.0,
            best.name,
            best.covered,
            best.fired,
            percent(best.interval.0)
        ),
        _ => format!(
            "{} covers {} of {} faults: at least {}",
            best.name,
            best.covered,
            best.fired,
            percent(best.interval.0)
        ),
    }
}

fn percent(share: f64) -> String {
    // Downwards: a bound is not rounded up.
    format!("{} %", (share * 1000.0).floor() / 10.0)
}

/// Where a share lies on an axis of nines, from 0 to 1.
fn place(share: f64) -> f64 {
    (-(1.0 - share).max(1e-9).log10()).clamp(0.0, NINES) / NINES
}

fn chart(area: &Area<'_>, top: u32, rows: &[Row<'_>], names: &[&str]) -> Drawn {
    let x =
        |share: f64| LEFT as i32 + (place(share) * f64::from(WIDTH - LEFT - RIGHT)).round() as i32;
    let (head, foot) = (top as i32, (top + ROW * rows.len() as u32) as i32);
    for share in [0.0, 0.5, 0.9, 0.99, 0.999] {
        area.draw(&PathElement::new(vec![(x(share), head), (x(share), foot)], GRID))?;
        style::centred(area, &style::tick(share), 14.0, INK, (x(share), foot + 8))?;
    }
    area.draw(&PathElement::new(vec![(x(0.0), foot), (x(1.0), foot)], SOFT))?;
    style::centred(area, "coverage (nines)", LABEL_PX, INK, ((x(0.0) + x(1.0)) / 2, foot + 34))?;
    let mut y = head;
    while y < foot {
        let dash = vec![(x(ASKED), y), (x(ASKED), (y + 6).min(foot))];
        area.draw(&PathElement::new(dash, SOFT.stroke_width(2)))?;
        y += 10;
    }
    let inks = style::colours(names);
    for (k, row) in rows.iter().enumerate() {
        let (ink, y) = (inks(row.name), head + (ROW * k as u32 + ROW / 2) as i32);
        area.draw_text(row.name, &style::bold(LABEL_PX, ink), (24, y - 16))?;
        area.draw_text(row.class, &style::plain(12.0, INK), (24, y + 3))?;
        let (low, high) = (x(row.interval.0), x(row.interval.1));
        area.draw(&PathElement::new(vec![(low, y), (high, y)], ink.stroke_width(3)))?;
        for end in [low, high] {
            area.draw(&PathElement::new(vec![(end, y - 6), (end, y + 6)], ink.stroke_width(2)))?;
        }
        let share = row.covered as f64 / row.fired as f64;
        area.draw(&Circle::new((x(share), y), 6, ink.filled()))?;
        let at = (WIDTH - RIGHT + 16) as i32;
        let text = format!("{} of {}", row.covered, row.fired);
        area.draw_text(&text, &style::bold(13.0, INK), (at, y - 16))?;
        let (low, high) = row.interval;
        let text = format!("{} to {} %", percent(low).trim_end_matches(" %"), up(high));
        area.draw_text(&text, &style::plain(12.0, INK), (at, y + 3))?;
    }
    Ok(())
}

/// An upper end in percent, rounded upwards.
fn up(share: f64) -> f64 {
    (share * 1000.0).ceil() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    #[test]
    fn an_axis_of_nines_has_all_shares_on_it_in_order() {
        let places = [0.0, 0.5, 0.9, 0.99, 0.999, 1.0].map(place);
        assert!(places.is_sorted() && places[0] == 0.0 && places[5] == 1.0, "{places:?}");
        assert!((places[3] / places[2] - 2.0).abs() < 1e-9, "two nines are twice as far as one");
    }

    #[test]
    fn faults_are_counted_by_subject_and_class() {
        let all = sample::comparison(10, 256);
        let names = subjects(&all);
        let rows = rows(&all, &names);
        let found: Vec<_> = rows.iter().map(|r| (r.name, r.class, r.covered, r.fired)).collect();
        assert_eq!(found, [("baseline", "crash", 0, 10), ("okiagari", "crash", 20, 20)]);
        // Of 20 without a failure: 0.05^(1/20).
        assert!((rows[1].interval.0 - 0.8609).abs() < 1e-4);
        assert_eq!(
            title(&rows),
            "No subject is shown to cover 99 % of faults; okiagari covers 20 of 20, at least 86 %"
        );
        let sure = [Row { covered: 999, fired: 999, interval: (0.9963, 1.0), ..rows[1] }];
        assert_eq!(title(&sure), "okiagari covers 999 of 999 faults: at least 99.6 %");
    }
}
