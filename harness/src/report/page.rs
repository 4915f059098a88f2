//! One page for an experiment: a file that needs no network, with verdicts first. Whoever has
//! never heard of us should be able to say after a minute what was compared, what was found, and how sure it is.

use super::claims::{Claim, Standing, Summary};
use crate::experiment::Experiment;
use crate::measure::Measure;
use crate::measure::words::{counted, duration, figures, grouped};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// A figure as a page shows it.
pub struct Figure<'a> {
    /// Its file, beside the page.
    pub file: &'a str,
    /// What is seen, in a sentence.
    pub seen: &'a str,
    /// The table that it is drawn from.
    pub table: &'a str,
    /// The drawing.
    pub svg: &'a str,
}

/// What the page of one experiment shows.
pub struct Contents<'a> {
    /// The experiment as it was run.
    pub experiment: &'a Experiment,
    /// Runs that were made.
    pub runs: usize,
    /// The question's answer, a sentence a subject.
    pub answers: &'a [String],
    /// What was expected, and what was seen.
    pub claims: &'a Summary,
    /// Every number.
    pub measures: &'a [Measure],
    /// In the order in which they are shown.
    pub figures: &'a [Figure<'a>],
    /// `run.toml`: the experiment, and the machine it ran on.
    pub provenance: &'a str,
}

/// The file `index.html` of one experiment.
pub fn page(contents: &Contents<'_>) -> String {
    let Contents { experiment, runs, answers, claims, measures, figures, provenance } = contents;
    let subjects: Vec<_> = experiment.subject.keys().map(String::as_str).collect();
    let (blocks, runs) = (u64::from(experiment.blocks_in_all()), *runs as u64);
    sheet(
        &experiment.name,
        html! {
            h1 { (experiment.question) }
            p.lead {
                (experiment.name) " compares " (listed(&subjects)) " on " code { (experiment.workload.input) } ". "
                (strikes(experiment)) " "
                (counted(blocks, "block")) ", " (counted(runs, "run")) ", seed " code { (format!("{:#x}", experiment.seed)) } "."
            }
            section aria-labelledby="verdicts" {
                h2 #verdicts { "Verdicts" }
                p { (badge(claims.standing())) " " (standing(claims)) }
                ul { @for answer in *answers { li { (answer) } } }
                (claims_table(&claims.claims))
            }
            section aria-labelledby="figures" {
                h2 #figures { "Figures" }
                @for figure in *figures { (drawing(experiment, figure)) }
            }
            section aria-labelledby="numbers" {
                h2 #numbers { "Every number" }
                p { "An interval is one of 95 %; where there is none, there were too few values for it. A heading sorts." }
                (measures_table(measures))
            }
            section aria-labelledby="again" {
                h2 #again { "Run it again" }
                pre { code { "okiagari experiment " (experiment.name) " --seed " (experiment.seed) } }
                p { "To judge the stored files again, without running anything: " code { "okiagari judge DIR" } "." }
                details {
                    summary { "The experiment and the machine, as run.toml has them" }
                    pre { code { (provenance) } }
                }
            }
        },
    )
}

fn sheet(title: &str, body: Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                dialog #zoom aria-label="The figure, larger" { button autofocus { "Close" } div {} }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "nobody".into(),
        [one] => (*one).into(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn strikes(experiment: &Experiment) -> String {
    if experiment.strike.is_empty() {
        return "Nothing strikes: it is the control.".into();
    }
    let specs: Vec<_> = experiment.strike.iter().map(ToString::to_string).collect();
    format!("What strikes: {}.", specs.join(", "))
}

fn standing(claims: &Summary) -> String {
    let count = |standing| claims.count(standing) as u64;
    let all = counted(claims.claims.len() as u64, "expectation");
    format!(
        "Of {all}, {} held, {} did not, and {} could not be judged.",
        count(Standing::Held),
        count(Standing::Failed),
        count(Standing::Unknown)
    )
}

fn badge(standing: Standing) -> Markup {
    let (class, word) = match standing {
        Standing::Held => ("held", "as expected"),
        Standing::Unknown => ("unknown", "cannot be said"),
        Standing::Failed => ("failed", "not as expected"),
    };
    html! { span class=(format!("badge {class}")) { (word) } }
}

fn claims_table(claims: &[Claim]) -> Markup {
    html! {
        div.wide {
            table {
                (head(&["subject", "claim", "expected", "observed", "verdict", "runs", "evidence"]))
                tbody {
                    @for claim in claims {
                        tr {
                            th scope="row" { (claim.subject) }
                            td.claim { (claim.claim) }
                            td { (claim.expected.to_string()) }
                            td { (claim.observed.to_string()) }
                            td { (badge(claim.held)) }
                            td.number data-value=(claim.runs) { (claim.runs) }
                            td.evidence { (claim.detail) }
                        }
                    }
                }
            }
        }
    }
}

fn drawing(experiment: &Experiment, figure: &Figure<'_>) -> Markup {
    let Figure { file, seen, table, svg } = figure;
    html! {
        figure {
            button.zoom type="button" aria-label=(format!("Enlarge: {seen}")) { (PreEscaped(*svg)) }
            figcaption {
                (seen) " Drawn from " a href=(*table) { (table) } " by "
                code { "okiagari report results/" (experiment.name) } "; as a file: " a href=(*file) { (file) } "."
            }
        }
    }
}

fn measures_table(measures: &[Measure]) -> Markup {
    html! {
        div.wide {
            table {
                (head(&["subject", "faults", "measure", "estimate", "95 % interval", "n", "how it was made"]))
                tbody {
                    @for m in measures {
                        tr {
                            th scope="row" { (m.subject) }
                            td { @if m.faults { "with" } @else { "without" } }
                            td { (m.measure) }
                            (number(m.estimate.value, m.unit))
                            td.number data-value=(sortable(m.estimate.interval.map(|i| i.0))) {
                                @if let Some((low, high)) = m.estimate.interval {
                                    (said(low, m.unit)) " – " (said(high, m.unit))
                                } @else { "–" }
                            }
                            td.number data-value=(m.estimate.n) { (m.estimate.n) }
                            td { (m.estimate.method) }
                        }
                    }
                }
            }
        }
    }
}

fn head(columns: &[&str]) -> Markup {
    html! {
        thead { tr { @for column in columns { th scope="col" aria-sort="none" { button type="button" { (column) } } } } }
    }
}

fn number(value: Option<f64>, unit: &str) -> Markup {
    html! {
        td.number data-value=(sortable(value)) { (value.map_or("–".into(), |x| said(x, unit))) }
    }
}

fn sortable(value: Option<f64>) -> String {
    value.map_or_else(String::new, |x| x.to_string())
}

/// A number with its unit, as people say it.
fn said(x: f64, unit: &str) -> String {
    match unit {
        "ns" if x >= 0.0 => duration(x),
        "px/s" => format!("{} Mpx/s", figures(x / 1e6)),
        "1" => format!("{x:.3}"),
        unit if x.fract() == 0.0 && x >= 0.0 => format!("{} {unit}", grouped(x as u64)),
        unit => format!("{} {unit}", figures(x)),
    }
}

#[cfg(test)]
mod tests;
