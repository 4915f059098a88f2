//! One experiment on the overview: its question, a small figure, and the way to its page.

use super::Folder;
use super::row::Row;
use super::table::percent;
use crate::measure::words::figures;
use crate::report::page::badge;
use maud::{Markup, html};

/// Sizes in the figure's own units, of which the card is 300 wide.
const WIDTH: f64 = 300.0;
const ROW: f64 = 17.0;
const NAME: f64 = 118.0;
const BAR: f64 = 112.0;

pub(super) fn card(folder: &Folder) -> Markup {
    let experiment = &folder.stored.0;
    let page = format!("{}/index.html", folder.name);
    html! {
        article.card {
            h3 { a href=(page) { (folder.name) } }
            p { (experiment.question) }
            p { (badge(folder.summary.standing())) }
            @if folder.stored.1.len() < experiment.schedule().len() {
                p { "Not finished: " (folder.stored.1.len()) " of " (experiment.schedule().len()) " runs." }
            }
            (bars(&folder.rows))
            p { a href=(page) aria-label=(format!("All figures and numbers of {}", folder.name)) { "All figures and numbers" } }
        }
    }
}

/// A bar for each subject: what it delivered, or, where all delivered everything, how fast.
fn bars(rows: &[Row]) -> Markup {
    let speed = rows.iter().all(|row| row.missing() == 0);
    let fastest = rows.iter().map(throughput).fold(0.0, f64::max);
    let height = ROW * rows.len() as f64 + 2.0;
    let title = match (speed, rows.iter().any(|row| row.fired > 0)) {
        (true, _) => "Throughput without faults",
        (false, true) => "Tiles delivered right, with faults (orange: some are missing)",
        (false, false) => "Tiles delivered right (orange: some are missing)",
    };
    html! {
        p { small { (title) ":" } }
        svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(format!("{title}, a bar for each subject")) {
            @for (n, row) in rows.iter().enumerate() {
                @let (share, label) = if speed { of_speed(row, fastest) } else { of_tiles(row) };
                @let y = ROW * n as f64;
                @let class = if !speed && row.missing() > 0 { "bar short" } else { "bar" };
                text x="0" y=(y + 12.0) { (row.subject) }
                rect.track x=(NAME) y=(y + 3.0) width=(BAR) height="11" {}
                rect class=(class) x=(NAME) y=(y + 3.0) width=(format!("{:.1}", BAR * share)) height="11" {}
                text x=(NAME + BAR + 5.0) y=(y + 12.0) { (label) }
            }
        }
    }
}

fn throughput(row: &Row) -> f64 {
    row.throughput.and_then(|e| e.value).unwrap_or(0.0)
}

fn of_speed(row: &Row, fastest: f64) -> (f64, String) {
    let share = if fastest > 0.0 { throughput(row) / fastest } else { 0.0 };
    (share, format!("{} Mpx/s", figures(throughput(row) / 1e6)))
}

fn of_tiles(row: &Row) -> (f64, String) {
    let share = row.toll.right as f64 / row.toll.items.max(1) as f64;
    (share, percent(share))
}
