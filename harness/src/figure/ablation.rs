//! Which of the three knobs buys what: what each combination of them saved, and what each is worth.

use super::scale::{Dot, Scale, centred, draw_estimate, fitted, round_time, said};
use super::style::{self, Area, Drawn, Figure, INK, SOFT};
use crate::measure::words::duration;
use crate::stats::Estimate;
use crate::subject::{Isolation, Knobs};
use pipelines::engine::ledger::Delivery;
use pipelines::engine::settings::Supervision;
use pipelines::message::Failure;
use plotters::prelude::*;
use plotters::style::FontStyle;

/// Room for the name of a subject.
const NAME_PX: f64 = 150.0;
const ROW: i32 = 24;
const HEAD: i32 = 34;
/// Where the dots of the three knobs stand, and the axes of what was saved and of recovery.
const KNOBS: [(&str, i32); 3] = [("delivery", 204), ("isolation", 266), ("supervision", 338)];
const RIGHT: (i32, i32) = (394, 514);
const RECOVERY: (i32, i32) = (656, 802);

/// One combination of the knobs.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination<'a> {
    /// The subject.
    pub name: &'a str,
    /// How its knobs stand.
    pub knobs: Knobs,
    /// The share of items that came out right.
    pub right: Estimate,
    /// From a fault to the accepted result of the same item, milliseconds.
    pub recovery_ms: Estimate,
    /// Faults whose item came back.
    pub recovered: usize,
    /// Faults that fired.
    pub fired: usize,
}

/// What one value of a knob is worth against another.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Which two values: `a lease instead of hand-over`.
    pub what: &'static str,
    /// Pairs of combinations that differ in nothing else.
    pub pairs: usize,
    /// By how much more of all items came out right, over blocks.
    pub right: Estimate,
}

/// The figure `ablation`: a row for each combination with its knobs, the share of items that came out right and the
/// recovery; below them what each knob is worth.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn ablation(
    name: &str,
    rows: &[Combination<'_>],
    effects: &[Effect],
) -> Result<Figure, Failure> {
    let n = rows.iter().map(|r| r.right.n).max().unwrap_or(0);
    let original = if rows.iter().any(|r| r.knobs.original) {
        " A subject with a star is the original, which has more of its own than its knobs, and is in no pair."
    } else {
        ""
    };
    let explained = format!(
        "{name}, with faults. Filled: a lease, a process each, one-for-one; hollow: hand-over, threads, Broadway's tree; \
         with a point: one shared process. Tiles right: mean over runs (n = {n}); recovery: median over faults, \
         logarithmic. Bars are 95 % intervals (bootstrap over runs; none below 6).{original}"
    );
    let body = HEAD + ROW * rows.len() as i32 + 52 + 22 * (effects.len() as i32 + 1);
    style::sheet(body as u32, &title(effects), &explained, |area, top| {
        let bottom = top as i32 + HEAD + ROW * rows.len() as i32;
        table(area, top as i32, bottom, rows)?;
        worth(area, bottom + 44, effects)
    })
}

/// What each knob is worth, the most first. An interval with 0 in it tells no difference.
fn title(effects: &[Effect]) -> String {
    let told = |e: &&Effect| e.right.interval.is_none_or(|(low, high)| low > 0.0 || high < 0.0);
    let mut clear: Vec<_> = effects.iter().filter(told).collect();
    clear.sort_by(|a, b| b.right.value.unwrap_or(0.0).total_cmp(&a.right.value.unwrap_or(0.0)));
    let clear =
        clear.iter().map(|e| format!("{} {}", e.what, points(e.right.value.unwrap_or(0.0))));
    let clear = clear.collect::<Vec<_>>().join(", ");
    let rest = effects.iter().filter(|e| !told(e)).map(|e| e.what).collect::<Vec<_>>().join(", ");
    match (clear.is_empty(), rest.is_empty()) {
        (true, true) => "What each knob is worth cannot be told".to_owned(),
        (true, false) => format!("No knob changes how many tiles come out right: {rest}"),
        (false, true) => format!("Tiles saved of 100: {clear}"),
        (false, false) => format!("Tiles saved of 100: {clear}; none that can be told: {rest}"),
    }
}

/// `+5.9`: of a hundred.
fn points(share: f64) -> String {
    format!("{:+.1}", share * 100.0)
}

fn table(area: &Area<'_>, top: i32, bottom: i32, rows: &[Combination<'_>]) -> Drawn {
    for (word, x) in KNOBS {
        centred(area, word, 12.0, (x, top + 4))?;
    }
    let reach = |e: &Estimate| e.interval.map(|(a, b)| [a, b]).or(e.value.map(|v| [v, v]));
    let shares = rows.iter().filter_map(|r| reach(&r.right)).flatten();
    let right = Scale::linear(shares.chain([1.0]), RIGHT);
    let times = rows.iter().filter_map(|r| reach(&r.recovery_ms)).flatten();
    let recovery = Scale::powers(times, RECOVERY);
    area.draw_text("tiles right", &style::plain(12.0, INK), (RIGHT.0, top + 4))?;
    area.draw_text("recovery", &style::plain(12.0, INK), (RECOVERY.0, top + 4))?;
    let span = (top + HEAD - 8, bottom);
    right.draw_across(area, span, |v| format!("{:.0} %", v * 100.0))?;
    recovery.draw_across(area, span, |ms| round_time(ms * 1e6))?;
    for (k, row) in rows.iter().enumerate() {
        let y = top + HEAD + ROW * k as i32 + ROW / 2;
        let star = if row.knobs.original { " *" } else { "" };
        let text = format!("{}{star}", row.name);
        let (text, px) = fitted(&text, 13.0, NAME_PX, FontStyle::Normal);
        area.draw_text(&text, &style::plain(px, INK), (24, y - 8))?;
        knobs(area, &row.knobs, y)?;
        draw_estimate(area, |v| (right.at(v), y), &row.right, TILES, Dot::Filled)?;
        let share = said(&row.right, |v| format!("{:.1}", v * 100.0));
        area.draw_text(&share, &style::plain(12.0, INK), (RIGHT.1 + 10, y - 7))?;
        draw_estimate(area, |v| (recovery.at(v), y), &row.recovery_ms, TIMES, Dot::Filled)?;
        let came = match row.recovery_ms.value {
            _ if row.fired == 0 => "no fault fired".to_owned(),
            Some(ms) => format!("{}, {} of {}", duration(ms * 1e6), row.recovered, row.fired),
            None => format!("none of {}", row.fired),
        };
        area.draw_text(&came, &style::plain(12.0, INK), (RECOVERY.1 + 12, y - 7))?;
    }
    Ok(())
}

const TILES: RGBColor = RGBColor(0x00, 0x72, 0xB2);
const TIMES: RGBColor = RGBColor(0xD5, 0x5E, 0x00);

fn knobs(area: &Area<'_>, knobs: &Knobs, y: i32) -> Drawn {
    let filled = [
        knobs.delivery == Delivery::Lease,
        knobs.isolation == Isolation::Process,
        knobs.supervision == Supervision::OneForOne,
    ];
    for ((_, x), filled) in KNOBS.into_iter().zip(filled) {
        let fill = if filled { INK.filled() } else { WHITE.filled() };
        area.draw(&Circle::new((x, y), 6, fill))?;
        area.draw(&Circle::new((x, y), 6, INK.stroke_width(2)))?;
    }
    if knobs.isolation == Isolation::Shared {
        area.draw(&Circle::new((KNOBS[1].1, y), 2, INK.filled()))?;
    }
    Ok(())
}

/// What each knob is worth, a line each.
fn worth(area: &Area<'_>, top: i32, effects: &[Effect]) -> Drawn {
    let head = "What it is worth, in tiles of 100 that come out right:";
    area.draw_text(head, &style::bold(13.0, INK), (24, top))?;
    for (k, effect) in effects.iter().enumerate() {
        let y = top + 22 * (k as i32 + 1);
        area.draw_text(effect.what, &style::plain(13.0, INK), (24, y))?;
        let text = said(&effect.right, |share| format!("{:+.2}", share * 100.0));
        area.draw_text(&text, &style::bold(13.0, INK), (300, y))?;
        let text = format!("{} pairs, n = {} blocks", effect.pairs, effect.right.n);
        area.draw_text(&text, &style::plain(13.0, SOFT), (486, y))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::Subject;

    fn of(value: f64, reach: f64) -> Estimate {
        let interval = Some((value - reach, value + reach));
        Estimate { n: 6, value: Some(value), interval, method: "" }
    }

    #[test]
    fn it_says_what_each_knob_is_worth() {
        let row = |name: &'static str| Combination {
            name,
            knobs: name.parse::<Subject>().unwrap().knobs().unwrap(),
            right: of(0.9, 0.05),
            recovery_ms: of(2.0, 1.0),
            recovered: 5,
            fired: 6,
        };
        let mut rows = vec![row("okiagari"), row("broadway")];
        (rows[1].recovery_ms.value, rows[1].recovery_ms.interval) = (None, None);
        let effects =
            [("a lease", 0.011, 0.001), ("a process", 0.06, 0.01), ("a tree", 0.001, 0.01)];
        let effects =
            effects.map(|(what, value, reach)| Effect { what, pairs: 6, right: of(value, reach) });
        let svg = ablation("e7", &rows, &effects).unwrap().svg;
        for text in [
            "Tiles saved of 100: a process +6.0, a lease +1.1; none that can be told: a",
            "broadway *",
            "90.0 (85.0 to 95.0)",
            "none of 6",
            "+6.00 (+5.00 to +7.00)",
            "6 pairs, n = 6 blocks",
        ] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert_eq!(ablation("e7", &rows, &effects), ablation("e7", &rows, &effects));
        assert!(!ablation("e7", &[], &[]).unwrap().svg.contains("NaN"));
    }
}
