//! What all pages have in common: one file each, which needs no network.

use crate::measure::words::{duration, figures, grouped};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// A page of this title. `kind` stands in its head, so that a program knows what it has before it.
pub(in crate::report) fn sheet(title: &str, kind: &str, body: Markup) -> String {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="generator" content=(kind);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main { (body) }
                dialog #zoom aria-label="The figure, larger" { button type="button" autofocus { "Close" } div tabindex="0" {} }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
    .into_string()
}

/// The head of a table; each heading is a button that sorts by its column.
pub(in crate::report) fn head(columns: &[&str]) -> Markup {
    html! {
        thead { tr { @for column in columns { th scope="col" aria-sort="none" { button type="button" { (column) } } } } }
    }
}

/// A word in a frame: `held`, `failed` or `unknown` decides its colour and its sign.
pub(in crate::report) fn mark(class: &str, word: &str) -> Markup {
    html! { span class=(format!("badge {class}")) { (word) } }
}

/// What a column is sorted by; nothing is sorted last.
pub(in crate::report) fn sortable(value: Option<f64>) -> String {
    value.map_or_else(String::new, |x| x.to_string())
}

/// A number with its unit, as people say it.
pub(in crate::report) fn said(x: f64, unit: &str) -> String {
    match unit {
        "ns" if x >= 0.0 => duration(x),
        "px/s" => format!("{} Mpx/s", figures(x / 1e6)),
        "1" => format!("{x:.3}"),
        unit if x.fract() == 0.0 && x >= 0.0 => format!("{} {unit}", grouped(x as u64)),
        unit => format!("{} {unit}", figures(x)),
    }
}

/// `a, b and c`.
pub(in crate::report) fn listed<T: AsRef<str>>(names: &[T]) -> String {
    match names {
        [] => "nobody".into(),
        [one] => one.as_ref().into(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}
