//! The subjects `broadway` and `htpipe`: what they lose, that it shows, and how they end.

use crate::picture::Picture;
use crate::process::{Scratch, rows, summary, tiles};
use harness::history;
use harness::measure::{Outcome, Twins};
use serde_json::{Value, json};
use std::fs;

/// A picture of 24 tiles, for one lane: then what a death costs does not depend on the moment.
const JOB: &str = "run scene.png --tile 32 --workers 1";

fn scene(scratch: &Scratch) {
    Picture::noise(180, 120, 3, 8).write_png(&scratch.path("scene.png"));
    scratch.okiagari(&format!("{JOB} --out right")).with(0);
}

/// The items in this state by the manifest. Those that are done are there, and right.
fn items(scratch: &Scratch, out: &str, state: &str) -> Vec<u64> {
    let (dir, right) = (scratch.path(out), tiles(&scratch.path("right")));
    let rows = rows(&dir.join("manifest.csv"));
    let found = tiles(&dir);
    for row in &rows {
        let is_there = found.get(&row["file"]);
        assert_eq!(is_there.is_some(), row["state"] == "done", "{out}: item {}", row["item"]);
        assert!(is_there.is_none_or(|bytes| right.get(&row["file"]) == Some(bytes)), "{out}");
    }
    let of = rows.iter().filter(|row| row["state"] == state);
    of.map(|row| row["item"].parse().unwrap()).collect()
}

#[test]
fn broadway_undisturbed_delivers_everything() {
    let scratch = Scratch::new();
    scene(&scratch);
    for (out, demand) in [("one", "--max-demand 1"), ("ten", "--max-demand 10 --workers 3")] {
        let demand = format!("--subject broadway {demand} --out {out}");
        scratch.okiagari(&format!("run scene.png --tile 32 {demand}")).with(0);
        assert_eq!(items(&scratch, out, "done").len(), 24);
        let summary = summary(&scratch.path(out));
        assert_eq!((&summary["outcome"], &summary["duplicated"]), (&json!("complete"), &json!(0)));
    }
}

#[test]
fn a_shutdown_costs_broadway_what_the_lane_held() {
    let scratch = Scratch::new();
    scene(&scratch);
    // Of ten, five are acknowledged, two are saved before the third goes down, five more are on their way.
    for (demand, lost) in [(1, 7..=7), (10, 7..=14)] {
        let out = format!("out-{demand}");
        let options = format!("--subject broadway --max-demand {demand} --fault shutdown@item=7");
        let ended = scratch.okiagari(&format!("{JOB} {options} --out {out}")).with(1);
        assert_eq!(items(&scratch, &out, "lost"), lost.clone().collect::<Vec<_>>());
        let count = lost.count();
        assert!(ended.stdout.contains(&format!("{count} lost")), "{}", ended.stdout);
        let summary = summary(&scratch.path(&out));
        let keys = ["outcome", "deaths", "faults_injected", "duplicated", "failed"];
        let expected = [json!("incomplete"), json!({ "left": 1 }), json!(1), json!(0), json!(0)];
        assert_eq!(keys.map(|key| summary[key].clone()), expected);
    }
}

#[test]
fn the_fourth_shutdown_in_five_seconds_ends_broadway_and_it_says_why() {
    let scratch = Scratch::new();
    scene(&scratch);
    let options = "--subject broadway --fault shutdown@item=2..20+2 --out out";
    let ended = scratch.okiagari(&format!("{JOB} {options}")).with(1);
    assert_eq!(items(&scratch, "out", "done"), [0, 1, 3, 5, 7]);
    let summary = summary(&scratch.path("out"));
    assert_eq!((&summary["faults_injected"], &summary["restarts"]), (&json!(4), &json!(0)));
    let outcome = summary["outcome"].as_str().unwrap();
    let why = outcome.strip_prefix("gave up: the supervisor of the ").expect(outcome);
    assert!(why.contains("gave up on processor 0") && ended.stderr.contains(why), "{why}");
}

#[test]
fn broadway_survives_what_is_caught_and_dies_of_native_code() {
    let scratch = Scratch::new();
    scene(&scratch);
    for (fault, outcome, declared) in [
        ("error", "incomplete", true),
        ("panic", "incomplete", true),
        ("abort", "signal 6", false),
        ("segfault", "signal 11", false),
        ("exit", "exit 0", false),
    ] {
        let options = format!("--subject broadway --fault {fault}@item=2 --out {fault}");
        scratch.okiagari(&format!("{JOB} {options}")).with(1);
        let done = items(&scratch, fault, "done");
        let summary = summary(&scratch.path(fault));
        let count = |key: &str| summary[key].as_u64().unwrap();
        assert_eq!(summary["outcome"], outcome, "{fault}");
        assert_eq!(done.len(), if declared { 23 } else { 2 }, "{fault}");
        assert_eq!(count("failed") + count("quarantined"), u64::from(declared), "{fault}");
    }
}

#[test]
fn an_abort_costs_htpipe_its_item_and_two_more_and_the_first_call_is_lost_anyhow() {
    let scratch = Scratch::new();
    scene(&scratch);
    let options = "--subject htpipe --fault abort@item=9 --out out";
    scratch.okiagari(&format!("{JOB} {options}")).with(1);
    assert_eq!(items(&scratch, "out", "failed"), [0, 9, 10, 11]);
    let said = |item: u64| -> String {
        let path = scratch.path(&format!("out/quarantine/{item}/evidence.json"));
        let evidence: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        evidence["words"].as_str().unwrap().to_owned()
    };
    assert_eq!((said(0), said(11)), ("HtPipe returned nil".into(), "HtPipe returned nil".into()));
    assert!(said(9).ends_with(", 134}}") && said(10).contains(":DOWN"), "{} {}", said(9), said(10));
    let summary = summary(&scratch.path("out"));
    assert_eq!((&summary["outcome"], &summary["lost"]), (&json!("incomplete"), &json!(0)));
}

#[test]
fn an_engine_tells_its_events_and_their_counts_and_the_baseline_has_none() {
    let scratch = Scratch::new();
    scene(&scratch);
    let options = "--subject broadway --max-demand 10 --fault shutdown@item=7 --events told";
    scratch.okiagari(&format!("{JOB} {options} --out out")).with(1);
    let text = fs::read_to_string(scratch.path("told")).unwrap();
    let told: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = |message: &str| told.iter().find(|event| event["message"] == message);
    let fell = first("process ended").unwrap();
    assert_eq!((&fell["process"], &fell["ending"]), (&json!("processor 0"), &json!("Fell")));
    let counts = told.last().unwrap();
    assert_eq!(counts["message"], "counts");
    // Two of the ten that were lost to the acknowledger had been saved.
    let numbers = ["items_produced", "items_lost", "items_handled"].map(|key| &counts[key]);
    assert_eq!(numbers, [&json!(24), &json!(10), &json!(16)]);
    let refused =
        scratch.okiagari(&format!("{JOB} --subject baseline --events e --out no")).with(2);
    assert!(refused.stderr.contains("no engine that could tell"), "{}", refused.stderr);
}

const TRIO: &str = r#"
name     = "trio"
question = "What does a shutdown cost?"
seed     = 5
blocks   = 2

[workload]
input     = "synthetic:256x256"
tile      = 64
format    = "raw"

[[strike]]
fault = "shutdown"
when  = { item = 5 }

[subject.broadway]
max_demand = 4
workers    = 1
[subject.htpipe]
blocks     = 1
workers    = 1
[subject.okiagari]

[expect]
broadway = { nothing-lost = "broken", nothing-twice = "holds", nothing-corrupted = "holds" }
htpipe   = { nothing-lost = "holds", nothing-corrupted = "holds" }
okiagari = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
"#;

#[test]
fn an_experiment_compares_them_and_invents_no_recovery() {
    let scratch = Scratch::new();
    fs::write(scratch.path("trio.toml"), TRIO).unwrap();
    scratch.okiagari("experiment trio.toml --out out").with(0);
    let histories = history::read(&scratch.path("out")).unwrap();
    let of = |subject: &'static str| {
        histories.iter().filter(move |h| h.run.subject == subject && h.run.faults)
    };
    let blocks = |subject| of(subject).map(|h| h.run.block).collect::<Vec<_>>();
    assert_eq!((blocks("htpipe"), blocks("okiagari")), (vec![0], vec![0, 1]));
    for (subject, outcome, diagnosis) in [
        ("broadway", Outcome::SilentLoss, "left"),
        ("htpipe", Outcome::DeclaredLoss, "error"),
        ("okiagari", Outcome::Recovered, "signal 9"),
    ] {
        for h in of(subject) {
            let [injection] = &h.injections[..] else { panic!("{:?}", h.injections) };
            assert_eq!(
                harness::measure::outcome(h, injection, &Twins::default()),
                outcome,
                "{subject}"
            );
            assert_eq!(injection.diagnosis.as_deref(), Some(diagnosis), "{subject}");
            assert!(injection.detect_ns().is_some(), "{subject}");
            assert_eq!(injection.recovery_ns().is_some(), subject == "okiagari", "{subject}");
        }
    }
    scratch.okiagari("judge out").with(0);
    scratch.okiagari("report out").with(0);
    let svg = fs::read_to_string(scratch.path("out/progress.svg")).unwrap();
    assert!(svg.contains("(logarithmic)"), "htpipe is slower by far");
}
