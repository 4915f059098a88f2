//! One page for an experiment: a file that needs no network, with verdicts first. Whoever has
//! never heard of us should be able to say after a minute what was compared, what was found, and how sure it is.

pub(super) mod sheet;

use super::claims::{Claim, Standing, Summary};
use super::machine;
use crate::experiment::Experiment;
use crate::measure::Measure;
use crate::measure::words::counted;
use crate::provenance::Sitting;
use maud::{Markup, PreEscaped, html};
use sheet::{head, listed, mark, said, sheet, sortable};

/// Figures that show times of recovery: the machine and its floor stand beside them.
const OF_RECOVERY: [&str; 3] = ["recovery.svg", "phases.svg", "distribution.svg"];

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
    /// What is known of that machine.
    pub sittings: &'a [Sitting],
    /// Whether a page over all experiments lies one folder up.
    pub overview: bool,
}

/// The file `index.html` of one experiment.
pub fn page(contents: &Contents<'_>) -> String {
    let Contents { experiment, claims, answers, provenance, .. } = contents;
    let body = html! {
        @if contents.overview { nav { a href="../index.html" { "← All experiments" } } }
        h1 { (experiment.question) }
        p.lead { (introduction(experiment, contents.runs as u64)) }
        section aria-labelledby="verdicts" {
            h2 #verdicts { "Verdicts" }
            p { (badge(claims.standing())) " " (standing(claims)) }
            ul { @for answer in *answers { li { (answer) } } }
            (claims_table(&claims.claims))
        }
        section aria-labelledby="figures" {
            h2 #figures { "Figures" }
            p { "A figure opens larger when it is clicked, or with Enter; Escape closes it." }
            div.figures { @for figure in contents.figures { (drawing(contents, figure)) } }
        }
        section aria-labelledby="numbers" {
            h2 #numbers { "Every number" }
            p {
                "An interval is one of 95 %; where there is none, there were too few values for it. The last column says how "
                "each number was made; what each measure is stands in the " code { "README.md" } " of the folder " code { "results" }
                ", and " a href="measures.csv" { "measures.csv" } " has them all. A heading sorts."
            }
            details { summary { (counted(contents.measures.len() as u64, "number")) } (measures_table(contents.measures)) }
        }
        section aria-labelledby="again" {
            h2 #again { "Run it again" }
            pre tabindex="0" { code { "okiagari experiment " (experiment.name) " --seed " (experiment.seed) } }
            p { "To judge the stored files again, without running anything: " code { "okiagari judge DIR" } "." }
            @if let Some(machine) = machine::machine(contents.sittings) {
                p { "It was run on " (machine) ". " (machine::floor(contents.sittings).unwrap_or_default()) }
            }
            details {
                summary { "The experiment and the machine, as run.toml has them" }
                pre tabindex="0" { code { (provenance) } }
            }
        }
    };
    sheet(&experiment.name, "okiagari report", body)
}

/// What was compared, on what, with which faults.
fn introduction(experiment: &Experiment, runs: u64) -> Markup {
    let subjects: Vec<_> = experiment.subject.keys().map(String::as_str).collect();
    let blocks = counted(u64::from(experiment.blocks_in_all()), "block");
    html! {
        (experiment.name) " compares " (listed(&subjects)) " on " code { (experiment.workload.input) } ". "
        (strikes(experiment)) " "
        (blocks) ", " (counted(runs, "run")) ", seed " code { (format!("{:#x}", experiment.seed)) } "."
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

pub(super) fn badge(standing: Standing) -> Markup {
    let (class, word) = match standing {
        Standing::Held => ("held", "as expected"),
        Standing::Unknown => ("unknown", "cannot be said"),
        Standing::Failed => ("failed", "not as expected"),
    };
    mark(class, word)
}

fn claims_table(claims: &[Claim]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Expectations" {
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

fn drawing(contents: &Contents<'_>, figure: &Figure<'_>) -> Markup {
    let Figure { file, seen, table, svg } = figure;
    let machine = machine::machine(contents.sittings).filter(|_| OF_RECOVERY.contains(file));
    html! {
        figure {
            button.zoom type="button" aria-label=(format!("Enlarge: {seen}")) { (PreEscaped(*svg)) }
            figcaption {
                (seen) " Drawn from " a href=(*table) { (table) } " by "
                code { "okiagari report results/" (contents.experiment.name) } "; as a file: " a href=(*file) { (file) } "."
                @if let Some(machine) = machine {
                    " Measured on " (machine) ". " (machine::floor(contents.sittings).unwrap_or_default())
                }
            }
        }
    }
}

fn measures_table(measures: &[Measure]) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label="Every number" {
            table.filtered {
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

fn number(value: Option<f64>, unit: &str) -> Markup {
    html! {
        td.number data-value=(sortable(value)) { (value.map_or("–".into(), |x| said(x, unit))) }
    }
}

#[cfg(test)]
mod tests;
