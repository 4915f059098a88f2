//! The whole distribution of recovery times: not only how long it takes, but how often that long.

use super::recovery::ticks;
use super::style::{self, Area, BODY, Drawn, Figure, GRID, INK, LABEL_PX, SOFT, WIDTH};
use super::subjects;
use crate::experiment::Experiment;
use crate::history::{Ending, History};
use crate::measure::words::duration;
use crate::stats::{Rung, ecdf, kaplan_meier, median};
use pipelines::message::Failure;
use plotters::prelude::*;

const LEFT: u32 = 84;
const RIGHT: u32 = 236;
const LABEL: i32 = 40;

/// The recoveries of one subject.
struct Curve<'a> {
    name: &'a str,
    fired: usize,
    back: usize,
    /// Times at which the watching of a tile ended that might still have come back, in ms.
    censored_ms: Vec<f64>,
    /// The share of struck tiles that are back by a time in ms, with its band.
    rungs: Vec<Rung>,
    /// The median of all, with those that never came back; `None` if that is half of them.
    median_ms: Option<f64>,
}

/// The figure `distribution`: for each subject the share of all struck tiles that are back by a time, on a logarithmic
/// axis. A tile that was lost never comes back: the curve ends below 1. Where a run was ended from outside, a tile
/// might have come back later: the curve is then that of Kaplan and Meier.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn distribution(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let names = subjects(histories);
    let curves: Vec<_> = names.iter().map(|name| curve(histories, name)).collect();
    let fired: usize = curves.iter().map(|c| c.fired).sum();
    let cut = curves.iter().any(|c| !c.censored_ms.is_empty());
    let explained = format!(
        "{}: the share of struck tiles that are back by a time (n = {fired} faults, taken for independent). The band holds the \
         whole true curve with 95 % (Dvoretzky, Kiefer and Wolfowitz){}; the mark is the median; a tile that was lost never \
         comes back.",
        experiment.name,
        if cut {
            "; where a run was ended from outside, at the small ticks, it is that of Kaplan and Meier with Greenwood's \
             95 % interval"
        } else {
            ""
        }
    );
    let body = BODY.max(LABEL as u32 * curves.len() as u32 + 80);
    style::sheet(body, &title(&curves), &explained, |area, top| {
        if curves.iter().all(|c| c.rungs.is_empty()) {
            return style::say_nothing(area, top, "There is no recovery to show.");
        }
        chart(area, top, body, &curves)
    })
}

fn curve<'a>(histories: &[History], name: &'a str) -> Curve<'a> {
    let runs = histories.iter().filter(|h| h.run.subject == name);
    let times = runs.flat_map(|h| {
        h.fired().map(move |i| match (i.recovery_ns(), &h.run.ending) {
            (Some(ns), _) => (ns.max(1) as f64 / 1e6, true),
            (None, Ending::Hang) => {
                (h.run.wall_ns.saturating_sub(i.fired_ns.unwrap_or(0)).max(1) as f64 / 1e6, false)
            }
            (None, _) => (f64::INFINITY, true),
        })
    });
    let times: Vec<_> = times.collect();
    let censored_ms: Vec<_> = times.iter().filter(|t| !t.1).map(|t| t.0).collect();
    let all = if censored_ms.is_empty() {
        ecdf(&times.iter().map(|t| t.0).collect::<Vec<_>>())
    } else {
        let steps = kaplan_meier(&times).steps.into_iter();
        let rung = |s: crate::stats::Step| Rung {
            at: s.at,
            share: 1.0 - s.survival,
            low: 1.0 - s.interval.1,
            high: 1.0 - s.interval.0,
        };
        steps.map(rung).collect()
    };
    let rungs: Vec<_> = all.into_iter().filter(|r| r.at.is_finite()).collect();
    let back = times.iter().filter(|t| t.1 && t.0.is_finite()).count();
    let mut curve = Curve { name, fired: times.len(), back, censored_ms, rungs, median_ms: None };
    // Between the two in the middle, as in every other figure, where all times are known.
    let plain = median(&times.iter().map(|t| t.0).collect::<Vec<_>>()).value;
    let known = curve.censored_ms.is_empty();
    curve.median_ms = if known { plain.filter(|ms| ms.is_finite()) } else { curve.by(0.5) };
    curve
}

impl Curve<'_> {
    /// The time by which this share is back, if it ever is.
    fn by(&self, share: f64) -> Option<f64> {
        self.rungs.iter().find(|r| r.share >= share - 1e-12).map(|r| r.at)
    }
}

fn title(curves: &[Curve<'_>]) -> String {
    let said = |c: &Curve<'_>| {
        let (half, most) = (c.median_ms?, c.by(0.9)?);
        let [half, most] = [half, most].map(|ms| duration(ms * 1e6));
        Some(format!(
            "{} has half of its struck tiles back after {half}, nine in ten after {most}",
            c.name
        ))
    };
    let best = curves.iter().min_by(|a, b| {
        let at = |c: &Curve<'_>| c.by(0.9).unwrap_or(f64::INFINITY);
        at(a).total_cmp(&at(b))
    });
    match best.and_then(said) {
        Some(text) => text,
        None if curves.iter().any(|c| c.fired > 0) => {
            "No subject has nine in ten struck tiles back".into()
        }
        None => "No fault fired, so nothing had to recover".into(),
    }
}

/// Where things are on the sheet.
struct Place {
    head: i32,
    foot: i32,
    from: f64,
    to: f64,
}

impl Place {
    fn x(&self, ms: f64) -> i32 {
        let share = (ms / self.from).ln() / (self.to / self.from).ln();
        LEFT as i32 + (share.clamp(0.0, 1.0) * f64::from(WIDTH - LEFT - RIGHT)).round() as i32
    }
    fn y(&self, share: f64) -> i32 {
        self.foot - (share * f64::from(self.foot - self.head)).round() as i32
    }
    /// The corners of a curve that jumps at each rung.
    fn stairs(&self, rungs: &[Rung], height: fn(&Rung) -> f64) -> Vec<(i32, i32)> {
        let mut corners = vec![(self.x(self.from), self.foot)];
        let mut last = 0.0;
        for rung in rungs {
            let x = self.x(rung.at);
            corners.extend([(x, self.y(last)), (x, self.y(height(rung)))]);
            last = height(rung);
        }
        corners.push((self.x(self.to), self.y(last)));
        corners
    }
}

fn chart(area: &Area<'_>, top: u32, body: u32, curves: &[Curve<'_>]) -> Drawn {
    let rungs = curves.iter().flat_map(|c| &c.rungs).map(|r| r.at);
    let ticks = ticks(rungs.chain(curves.iter().flat_map(|c| c.censored_ms.iter().copied())));
    let place = Place {
        head: top as i32 + 6,
        foot: (top + body) as i32 - 66,
        from: ticks[0],
        to: ticks[ticks.len() - 1],
    };
    axes(area, &place, &ticks)?;
    let names: Vec<_> = curves.iter().map(|c| c.name).collect();
    let inks = style::colours(&names);
    // Many bands lie over each other.
    let paint = if curves.len() > 4 { 0.08 } else { 0.16 };
    for (k, curve) in curves.iter().filter(|c| !c.rungs.is_empty()).enumerate() {
        let ink = inks(curve.name);
        let mut band = place.stairs(&curve.rungs, |r| r.high);
        band.extend(place.stairs(&curve.rungs, |r| r.low).into_iter().rev());
        area.draw(&Polygon::new(band, ink.mix(paint)))?;
        style::dashed(area, &place.stairs(&curve.rungs, |r| r.share), k, ink)?;
        for ms in &curve.censored_ms {
            let rung = curve.rungs.iter().rev().find(|r| r.at <= *ms);
            let at = (place.x(*ms), place.y(rung.map_or(0.0, |r| r.share)));
            area.draw(&PathElement::new(vec![(at.0, at.1 - 5), (at.0, at.1 + 5)], INK))?;
        }
        if let Some(ms) = curve.median_ms {
            area.draw(&Circle::new((place.x(ms), place.y(0.5)), 5, WHITE.filled()))?;
            area.draw(&Circle::new((place.x(ms), place.y(0.5)), 5, ink.stroke_width(3)))?;
        }
    }
    labels(area, &place, curves, &inks)
}

fn axes(area: &Area<'_>, place: &Place, ticks: &[f64]) -> Drawn {
    let (left, right) = (place.x(place.from), place.x(place.to));
    for tick in ticks {
        let x = place.x(*tick);
        area.draw(&PathElement::new(vec![(x, place.head), (x, place.foot)], GRID))?;
        style::centred(area, &style::tick(*tick), 14.0, INK, (x, place.foot + 8))?;
    }
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let (y, text) = (place.y(share), format!("{:.0} %", share * 100.0));
        let ink = if share == 0.0 { SOFT } else { GRID };
        area.draw(&PathElement::new(vec![(left, y), (right, y)], ink))?;
        let width = style::width(&text, 14.0) as i32;
        area.draw_text(&text, &style::plain(14.0, INK), (left - width - 8, y - 6))?;
    }
    let middle = ((left + right) / 2, place.foot + 34);
    style::centred(area, "recovery time, ms (logarithmic)", LABEL_PX, INK, middle)
}

fn labels(
    area: &Area<'_>,
    place: &Place,
    curves: &[Curve<'_>],
    inks: &impl Fn(&str) -> RGBColor,
) -> Drawn {
    let end = |c: &Curve<'_>| place.y(c.rungs.last().map_or(0.0, |r| r.share)) - 10;
    let wanted: Vec<_> = curves.iter().map(end).collect();
    let places = style::spread(&wanted, LABEL, place.head - 4, place.foot + 30);
    let right = (WIDTH - RIGHT) as i32;
    let mut shown = 0;
    for (curve, y) in curves.iter().zip(places) {
        let ink = inks(curve.name);
        if !curve.rungs.is_empty() {
            style::dashed(area, &[(right + 8, y + 8), (right + 34, y + 8)], shown, ink)?;
            shown += 1;
        }
        area.draw_text(curve.name, &style::bold(14.0, ink), (right + 40, y))?;
        let text = match (curve.fired, curve.back, curve.median_ms) {
            (0, _, _) => "no fault fired".to_owned(),
            (n, 0, _) => format!("none of n = {n} came back"),
            (n, back, None) => format!("{back} of n = {n} came back"),
            (n, _, Some(ms)) => format!("median {}, n = {n}", duration(ms * 1e6)),
        };
        area.draw_text(&text, &style::plain(12.0, INK), (right + 40, y + 17))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    #[test]
    fn lost_tiles_never_come_back_and_those_of_a_hung_run_might_have() {
        let mut h = sample::good(0, "okiagari", true, 40);
        for (k, ms) in [1, 2, 3].into_iter().enumerate() {
            sample::recover(&mut h, k as u32, k as u64, ms * 1_000_000);
        }
        let lost = sample::strike(&h, 3, 20);
        h.injections.push(lost);
        let one = curve(std::slice::from_ref(&h), "okiagari");
        assert_eq!((one.fired, one.back, one.censored_ms.len()), (4, 3, 0));
        let shares: Vec<_> = one.rungs.iter().map(|r| (r.at, r.share)).collect();
        assert_eq!(shares, [(1.0, 0.25), (2.0, 0.5), (3.0, 0.75)]);
        assert_eq!((one.by(0.5), one.by(0.9)), (Some(2.0), None));
        // The same, but it was ended from outside 10 ms after the fault.
        h.run.ending = Ending::Hang;
        h.run.wall_ns = h.injections[3].fired_ns.unwrap() + 10_000_000;
        let one = curve(std::slice::from_ref(&h), "okiagari");
        assert_eq!((one.fired, one.back, &*one.censored_ms), (4, 3, &[10.0][..]));
        assert!(one.rungs.iter().all(|r| r.low <= r.share && r.share <= r.high));
        assert!((one.rungs[2].share - 0.75).abs() < 1e-12);
    }
}
