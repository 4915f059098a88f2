use super::*;
use crate::history::sample;
use crate::measure::summarise;
use crate::report::claims;

fn with(question: &str) -> String {
    let mut experiment = Experiment::load("e3-ffi-abort").unwrap();
    experiment.question = question.into();
    let all = sample::comparison(6, 20);
    let (claims, measures) = (claims(&experiment, &all), summarise(&all));
    let svg = "<svg><text>a figure</text></svg>";
    let figures = [Figure { file: "a.svg", seen: "What is seen.", table: "runs.csv", svg }];
    page(&Contents {
        experiment: &experiment,
        runs: all.len(),
        answers: &["It got up.".into()],
        claims: &claims,
        measures: &measures,
        figures: &figures,
        provenance: "version = \"1\"",
        sittings: &[],
        overview: false,
    })
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let page = with("Does it get up?");
    for outside in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    for anchor in ["a.svg", "runs.csv"] {
        assert!(page.contains(&format!("href=\"{anchor}\"")), "{anchor}");
    }
    assert!(page.contains("<svg><text>a figure</text></svg>"));
}

#[test]
fn what_others_wrote_is_text_and_not_markup() {
    let page = with("<script>alert(1)</script> & more?");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; more?"));
    assert_eq!(page.matches("<script>").count(), 1, "ours alone");
}

#[test]
fn every_claim_and_every_measure_has_a_row_and_verdicts_come_first() {
    let page = with("Does it get up?");
    let all = sample::comparison(6, 20);
    let measures = summarise(&all);
    let experiment = Experiment::load("e3-ffi-abort").unwrap();
    let rows = claims(&experiment, &all).claims.len() + measures.len();
    assert_eq!(page.matches("<th scope=\"row\">").count(), rows);
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("id=\"verdicts\"") < place("id=\"figures\""));
    assert!(place("id=\"figures\"") < place("id=\"numbers\""));
}

#[test]
fn numbers_are_said_with_their_units() {
    for (x, unit, text) in [
        (1_510_000.0, "ns", "1.51 ms"),
        (53_200_000.0, "px/s", "53.2 Mpx/s"),
        (0.9712, "1", "0.971"),
        (2560.0, "items", "2,560 items"),
        (-0.5, "items", "-0.50 items"),
    ] {
        assert_eq!(said(x, unit), text);
    }
}
