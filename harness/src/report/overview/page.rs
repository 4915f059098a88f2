//! The page over all experiments. Whoever has never heard of us should be able to say after a minute what was
//! compared, what was found, and how sure it is.

use super::row::{NAMED, Row};
use super::{CLAIMS, Folder, KIND, card, finding, table};
use crate::claim::{Finding, Verdict, observed, rule};
use crate::measure::words::counted;
use crate::report::machine;
use crate::report::page::sheet::{head, listed, mark, sheet};
use maud::{Markup, html};
use std::collections::BTreeSet;

const TITLE: &str = "Okiagari: which image pipelines get up again?";

pub(super) fn page(all: &[Folder], findings: &[Finding<'_>], limits: &[String]) -> String {
    let body = html! {
        h1 { (TITLE) }
        (introduction(all))
        section aria-labelledby="found" {
            h2 #found { "What was found" }
            div.finding { @for sentence in finding::sentences(all, findings) { p { (sentence) } } }
            @if all.is_empty() { p { "No experiment has left results here yet." } }
        }
        (subjects(all))
        section aria-labelledby="experiments" {
            h2 #experiments { "Each experiment" }
            div.cards { @for folder in all { (card::card(folder)) } }
        }
        (table::section(all))
        (claims(findings))
        (unsaid(limits))
        (provenance(all))
    };
    sheet(TITLE, KIND, body)
}

fn introduction(all: &[Folder]) -> Markup {
    let runs: usize = all.iter().map(|folder| folder.stored.1.len()).sum();
    let experiments = counted(all.len() as u64, "experiment");
    html! {
        p.lead {
            "An image is cut into tiles, each is worked on and saved. Meanwhile faults are injected on purpose: a worker is killed, "
            "native code aborts, memory runs out. Several pipelines do the same work and meet the same faults; then every saved "
            "tile is compared, by checksum, with what it should be. This page shows " (experiments) " with "
            (counted(runs as u64, "run")) "."
        }
    }
}

/// The named subjects that were compared, in a line each.
fn subjects(all: &[Folder]) -> Markup {
    let rows: Vec<&Row> = all.iter().flat_map(|folder| &folder.rows).collect();
    let named = NAMED.iter().filter(|(name, _)| rows.iter().any(|row| row.is_a(name)));
    html! {
        @if !rows.is_empty() {
            section aria-labelledby="compared" {
                h2 #compared { "What was compared" }
                dl.subjects { @for (name, about) in named { dt { (name) } dd { (about) } } }
                @if rows.iter().any(|row| !row.is_named()) {
                    p { "Others are made for one experiment, like a subject with one of its parts exchanged; its page says how." }
                }
            }
        }
    }
}

/// The claims about results that are here.
fn claims(findings: &[Finding<'_>]) -> Markup {
    let about: Vec<_> = findings.iter().filter(|f| f.estimate.is_some()).collect();
    let absent = counted((findings.len() - about.len()) as u64, "claim");
    html! {
        section aria-labelledby="claims" {
            h2 #claims { "Claims, and what the data say to them" }
            p {
                "PASS: the data bear it out, and are enough. FAIL: they contradict it. INCONCLUSIVE: they are too few, or allow both. "
                "Rules were fixed before the data were looked at. " a href=(CLAIMS) { (CLAIMS) } " has the commands; "
                code { "okiagari verify" } " judges again."
                @if about.len() < findings.len() { " " (absent) " more: their experiments have no results here." }
            }
            @if !about.is_empty() {
                div.wide tabindex="0" role="region" aria-label="Claims" {
                    table {
                        (head(&["verdict", "claim", "observed", "rule", "figure"]))
                        tbody { @for finding in about { (claim(finding)) } }
                    }
                }
            }
        }
    }
}

fn claim(finding: &Finding<'_>) -> Markup {
    let claim = finding.claim;
    let class = match finding.verdict {
        Verdict::Pass => "held",
        Verdict::Fail => "failed",
        Verdict::Inconclusive => "unknown",
    };
    html! {
        tr {
            td { (mark(class, &finding.verdict.to_string())) }
            th scope="row" { (claim.statement) }
            td { (observed(finding)) @if !finding.why.is_empty() { "; " (finding.why) } }
            td.claim { (rule(finding)) }
            td {
                @if let Some(figure) = &claim.figure {
                    a href=(format!("{}/{figure}", claim.experiment)) { (figure) }
                } @else { "–" }
            }
        }
    }
}

/// What the results do not show: what is true of all first, the classes of faults folded away.
fn unsaid(limits: &[String]) -> Markup {
    // Those of one class of faults begin with the experiment and the subject.
    let (of_class, of_all): (Vec<_>, Vec<_>) = limits
        .iter()
        .partition(|limit| limit.split(": ").next().is_some_and(|who| who.contains(", ")));
    html! {
        section aria-labelledby="limits" {
            h2 #limits { "What the results do not show" }
            ul { @for limit in &of_all { li { (limit) } } }
            @if !of_class.is_empty() {
                details {
                    summary { "Experiment by experiment: " (counted(of_class.len() as u64, "limit")) }
                    ul { @for limit in &of_class { li { (limit) } } }
                }
            }
        }
    }
}

/// The machines, and when.
fn provenance(all: &[Folder]) -> Markup {
    let sittings: Vec<_> = all.iter().flat_map(|folder| folder.run.sitting.clone()).collect();
    let days: BTreeSet<_> =
        sittings.iter().filter_map(|s| s.started_utc.split('T').next()).collect();
    let days: Vec<_> = days.into_iter().collect();
    html! {
        section aria-labelledby="machine" {
            h2 #machine { "Machine and date" }
            @match machine::machine(&sittings) {
                Some(machine) => p { "Run on " (machine) " (" (listed(&days)) ", UTC). " (machine::floor(&sittings).unwrap_or_default()) },
                None => p { "The results do not say on which machine they were made." },
            }
            p {
                "To make all of it anew: " code { "okiagari reproduce --full" } ". To draw it again from the stored files: "
                code { "okiagari report DIR" } " with the folder of this page."
            }
        }
    }
}
