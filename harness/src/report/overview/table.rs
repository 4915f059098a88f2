//! What fell, and what got up: a row for each subject in each experiment.

use super::Folder;
use super::row::Row;
use crate::measure::words::{counted, duration, grouped};
use crate::report::machine;
use crate::report::page::sheet::{head, mark, sortable};
use crate::stats::Estimate;
use maud::{Markup, html};

const COLUMNS: [&str; 9] = [
    "subject",
    "experiment",
    "ended in order",
    "delivered",
    "faults",
    "recovered",
    "recovery",
    "÷ baseline",
    "÷ without faults",
];

pub(super) fn section(all: &[Folder]) -> Markup {
    let rows = all.iter().flat_map(|folder| folder.rows.iter().map(move |row| (folder, row)));
    let (named, others): (Vec<_>, Vec<_>) = rows.partition(|(_, row)| row.is_named());
    let sittings: Vec<_> = all.iter().flat_map(|folder| folder.run.sitting.clone()).collect();
    html! {
        section aria-labelledby="rows" {
            h2 #rows { "What fell, and what got up" }
            p {
                "Over the runs with faults, if an experiment has any. " b { "Delivered" } ": tiles whose file is, by checksum, that of "
                "a run without faults. " b { "Recovered" } ": faults whose tile came back; ≥ is the least share that the data still "
                "allow (exact, one-sided, 95 %). " b { "Recovery" } ": from the fault until its tile was accepted, its own work "
                "included; the median over faults with its 95 % interval. " b { "÷ baseline" } ": throughput without faults as a "
                "share of the baseline's. " b { "÷ without faults" } ": throughput with faults as a share of that without, of "
                "subjects that always ended in order. Both are medians over blocks, with 95 % intervals. A heading sorts."
            }
            (table(&named))
            @if !others.is_empty() {
                details { summary { "Subjects made for one experiment: " (counted(others.len() as u64, "row")) } (table(&others)) }
            }
            @if let Some(machine) = machine::machine(&sittings) {
                p { "Times were taken on " (machine) ". " (machine::floor(&sittings).unwrap_or_default()) }
            }
        }
    }
}

fn table(rows: &[(&Folder, &Row)]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="What fell, and what got up" {
            table.filtered.rows { (head(&COLUMNS)) tbody { @for (folder, row) in rows { (line(folder, row)) } } }
        }
    }
}

fn line(folder: &Folder, row: &Row) -> Markup {
    let share = |k: u64, n: u64| (n > 0).then(|| k as f64 / n as f64);
    let (right, items) = (row.toll.right, row.toll.items);
    let low = Row::recovered_at_least(row.recovered, row.fired).filter(|_| row.recovered > 0);
    html! {
        tr {
            th scope="row" { (row.subject) }
            td { a href=(format!("{}/index.html", folder.name)) { (folder.name) } }
            td.number data-value=(sortable(share(row.complete, row.runs))) { (row.complete) " of " (row.runs) }
            td.number data-value=(sortable(share(right, items))) {
                @if let Some(share) = share(right, items) {
                    (mark(if row.missing() > 0 { "failed" } else { "held" }, &percent(share)))
                    br;
                    small { (grouped(right)) " of " (grouped(items)) }
                } @else { "–" }
            }
            td.number data-value=(row.fired) { (grouped(row.fired)) }
            td.number data-value=(sortable(share(row.recovered, row.fired))) {
                @if row.fired > 0 { (grouped(row.recovered)) " of " (grouped(row.fired)) } @else { "–" }
                @if let Some(low) = low { br; small { "≥ " (percent(low)) } }
            }
            (estimated(row.recovery, duration))
            (estimated(row.to_baseline, |x| format!("{x:.2}")))
            (estimated(row.to_twin, |x| format!("{x:.2}")))
        }
    }
}

fn estimated(estimate: Option<Estimate>, said: impl Fn(f64) -> String) -> Markup {
    let value = estimate.and_then(|e| e.value);
    html! {
        td.number data-value=(sortable(value)) {
            @if let Some(value) = value { (said(value)) } @else { "–" }
            @if let Some((low, high)) = estimate.and_then(|e| e.interval) { br; small { (said(low)) "–" (said(high)) } }
        }
    }
}

/// Cut off, so that only all of them are 100 %.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", (share * 1e3).floor() / 10.0)
}
