//! What faults cost in throughput, block by block.

use super::style::{self, Area, BODY, Drawn, Figure, GRID, INK, LABEL_PX, SOFT};
use super::subjects;
use crate::experiment::Experiment;
use crate::history::{Ending, History};
use crate::measure::{throughput_px_per_s, toll};
use crate::stats::{median, paired_ratio};
use pipelines::message::Failure;
use plotters::prelude::*;
use std::collections::BTreeMap;

/// Where the two columns of a subject stand in its stripe of width 1.
const TWIN: f64 = 0.28;
const STRUCK: f64 = 0.72;

/// One block of one subject, in Mpx/s.
#[derive(Default)]
struct Pair {
    twin: Option<f64>,
    struck: Option<f64>,
    /// The run with faults ended early or with tiles missing.
    fell: bool,
}

/// The figure `throughput`: for each subject and block a line from the fault-free twin to the run with faults;
/// hollow where the latter ended with tiles missing; bars are medians.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn throughput(experiment: &Experiment, histories: &[History]) -> Result<Figure, Failure> {
    let names = subjects(histories);
    let all: Vec<_> = names.iter().map(|name| (*name, pairs(histories, name))).collect();
    let blocks = all.iter().map(|(_, p)| p.len()).max().unwrap_or(0);
    let kept: Vec<_> = all.iter().filter_map(|(name, pairs)| kept(name, pairs)).collect();
    let what = if experiment.strike.is_empty() {
        "In a second trial like the first,"
    } else {
        "With faults"
    };
    let whole = all.iter().filter(|(_, pairs)| pairs.values().all(|p| !p.fell)).count();
    let title = match kept.len() {
        0 => "Throughput of each run".to_owned(),
        1..=style::MOST_NAMES => format!("{what} {}", kept.join(", ")),
        n => format!("{what} {whole} of {n} subjects finish all of their runs"),
    };
    let explained = format!(
        "{}: pixels of tiles delivered right for each second of wall time (n = {blocks} blocks). A line joins the two \
         runs of a block; a bar is a median; a hollow dot is a run that ended with tiles missing, at its rate until then.",
        experiment.name
    );
    let words = if experiment.strike.is_empty() {
        ["first trial", "second trial"]
    } else {
        ["without faults", "with faults"]
    };
    style::sheet(BODY, &title, &explained, |area, top| {
        if blocks == 0 {
            return style::say_nothing(area, top, "There is no run to show.");
        }
        chart(area, top, &all, words)
    })
}

fn pairs(histories: &[History], name: &str) -> BTreeMap<u32, Pair> {
    let mut all: BTreeMap<u32, Pair> = BTreeMap::new();
    for h in histories.iter().filter(|h| h.run.subject == name) {
        let pair = all.entry(h.run.block).or_default();
        let mpx = throughput_px_per_s(h) / 1e6;
        if h.run.faults {
            pair.struck = Some(mpx);
            pair.fell = h.run.ending != Ending::Complete || toll(h).lost > 0;
        } else {
            pair.twin = Some(mpx);
        }
    }
    all
}

/// `okiagari keeps 97 % of its throughput`, if there is any pair to tell it from. The rate of a run that ended early
/// is no merit: of such a subject the figure says that it fell.
fn kept(name: &str, pairs: &BTreeMap<u32, Pair>) -> Option<String> {
    let fell = pairs.values().filter(|p| p.fell).count();
    if fell > 0 {
        return Some(format!("{name} does not finish in {fell} of {} runs", pairs.len()));
    }
    let both: Vec<_> = pairs.values().filter_map(|p| Some((p.struck?, p.twin?))).collect();
    let ratio = paired_ratio(&both).value?;
    Some(format!("{name} keeps {:.0} % of its throughput", ratio * 100.0))
}

fn chart(
    area: &Area<'_>,
    top: u32,
    all: &[(&str, BTreeMap<u32, Pair>)],
    words: [&str; 2],
) -> Drawn {
    let values = all.iter().flat_map(|(_, p)| p.values().flat_map(|p| [p.twin, p.struck]));
    let most = values.flatten().fold(0.0, f64::max).max(1e-6);
    let mut chart = ChartBuilder::on(area)
        .margin_top(top)
        .margin_left(16)
        .margin_right(30)
        .margin_bottom(64)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..all.len() as f64, 0.0..most * 1.12)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .disable_x_axis()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(SOFT)
        .y_desc("throughput, Mpx/s")
        .y_label_formatter(&|y| style::tick(*y))
        .label_style(style::plain(14.0, INK))
        .axis_desc_style(style::plain(LABEL_PX, INK))
        .draw()?;
    let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
    let inks = style::colours(&names);
    for (place, (name, pairs)) in all.iter().enumerate() {
        let (left, ink) = (place as f64, inks(name));
        for pair in pairs.values() {
            let ends: Vec<_> = [(left + TWIN, pair.twin), (left + STRUCK, pair.struck)]
                .into_iter()
                .filter_map(|(x, y)| Some((x, y?)))
                .collect();
            chart.draw_series([PathElement::new(ends.clone(), ink.mix(0.35).stroke_width(1))])?;
            for (x, y) in ends {
                let hollow = pair.fell && x > left + 0.5;
                let fill = if hollow { WHITE.filled() } else { ink.filled() };
                chart.draw_series([Circle::new((x, y), 4, fill)])?;
                chart.draw_series([Circle::new((x, y), 4, ink.stroke_width(2))])?;
            }
        }
        let columns = [(TWIN, words[0], -0.1), (STRUCK, words[1], 0.1)];
        for (k, (x, word, aside)) in columns.into_iter().enumerate() {
            let side = pairs.values().filter_map(|p| if k == 0 { p.twin } else { p.struck });
            let side: Vec<_> = side.collect();
            if let Some(m) = median(&side).value {
                let centre = left + x + aside;
                let bar = [(centre - 0.05, m), (centre + 0.05, m)];
                chart.draw_series([PathElement::new(bar, INK.stroke_width(4))])?;
                let at = chart.backend_coord(&(centre, m));
                let text = crate::measure::words::figures(m);
                area.draw_text(&text, &style::plain(14.0, INK), (at.0 - 14, at.1 - 22))?;
            }
            let at = chart.backend_coord(&(left + x, 0.0));
            let half = (word.len() as f64 * 13.0 * 0.26) as i32;
            area.draw_text(word, &style::plain(13.0, INK), (at.0 - half, at.1 + 8))?;
        }
        let at = chart.backend_coord(&(left + 0.5, 0.0));
        let half = (name.len() as f64 * LABEL_PX * 0.28) as i32;
        area.draw_text(name, &style::bold(LABEL_PX, ink), (at.0 - half, at.1 + 30))?;
    }
    Ok(())
}
