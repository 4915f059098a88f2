//! `okiagari run` when workers die: who gets up again, and who says so when he does not.

use crate::picture::Picture;
use crate::process::{Scratch, rows, summary, tiles};
use serde_json::{Value, json};
use std::fs;

/// A picture of 24 tiles. Not a synthetic scene: that would change with the seed.
const JOB: &str = "run scene.png --tile 32 --workers 2";

fn scene(scratch: &Scratch) -> Picture {
    let picture = Picture::noise(180, 120, 3, 8);
    picture.write_png(&scratch.path("scene.png"));
    scratch.okiagari(&format!("{JOB} --out right")).with(0);
    picture
}

#[test]
fn whatever_the_seed_aborts_change_no_byte() {
    let scratch = Scratch::new();
    scene(&scratch);
    let right = tiles(&scratch.path("right"));
    assert_eq!(right.len(), 24);
    for seed in 1..=5 {
        let out = format!("out-{seed}");
        let words = format!("{JOB} --fault abort@p=20% --attempts 12 --seed {seed} --out {out}");
        scratch.okiagari(&words).with(0);
        let dir = scratch.path(&out);
        assert!(tiles(&dir) == right, "seed {seed}");
        let summary = summary(&dir);
        let count = |key: &str| summary[key].as_u64().unwrap();
        assert!(count("faults_injected") > 0, "seed {seed} strikes nothing: choose another");
        assert_eq!(summary["deaths"], json!({ "signal 6": count("faults_injected") }));
        assert_eq!(count("attempts"), 24 + count("faults_injected"));
        assert_eq!((count("lost"), count("duplicated"), count("restarts")), (0, 0, 0));
    }
}

#[test]
fn okiagari_gets_up_after_every_fault_and_names_the_cause() {
    let scratch = Scratch::new();
    scene(&scratch);
    let right = tiles(&scratch.path("right"));
    for (fault, cause) in [
        ("abort", "signal 6"),
        ("segfault", "signal 11"),
        ("shutdown", "signal 9"),
        ("bus", "signal 7"),
        ("stack-overflow", "signal 11"),
        ("term", "signal 15"),
        ("orphan", "signal 9"),
        ("exit", "exit 0"),
        ("exit:7", "exit 7"),
        ("panic", "panic"),
        ("error", "error"),
        ("wrong-code", "error"),
        ("hang", "hang"),
        ("spin", "hang"),
        ("stop", "stopped"),
        ("garbage", "garbage"),
        ("oversized", "garbage"),
        ("closed-socket", "garbage"),
        ("no-handshake", "signal 9"),
        ("crash-loop", "signal 9"),
    ] {
        let words = format!("{JOB} --fault {fault}@item=5 --deadline 300ms --out {fault}");
        scratch.okiagari(&words).with(0);
        let dir = scratch.path(fault);
        assert!(tiles(&dir) == right, "{fault}");
        let summary = summary(&dir);
        let expected = (&json!({ cause: 1 }), &json!(1), &json!(25), &json!("complete"));
        let found = ["deaths", "faults_injected", "attempts", "outcome"].map(|k| &summary[k]);
        assert_eq!((found[0], found[1], found[2], found[3]), expected, "{fault}");
        for row in rows(&dir.join("manifest.csv")) {
            let attempts = if row["item"] == "5" { "2" } else { "1" };
            assert_eq!(row["attempts"], attempts, "{fault}, item {}", row["item"]);
        }
    }
}

#[test]
fn what_is_no_death_costs_no_attempt_and_a_damaged_heap_one_whoever_pays() {
    let scratch = Scratch::new();
    scene(&scratch);
    let right = tiles(&scratch.path("right"));
    for (fault, deaths) in
        [("slow:20", json!({})), ("leak", json!({})), ("heap-corruption", json!({ "signal 6": 1 }))]
    {
        scratch.okiagari(&format!("{JOB} --fault {fault}@item=5 --out {fault}")).with(0);
        let dir = scratch.path(fault);
        assert!(tiles(&dir) == right, "{fault}");
        let summary = summary(&dir);
        assert_eq!((&summary["deaths"], &summary["faults_injected"]), (&deaths, &json!(1)));
        let attempts = 24 + deaths.as_object().unwrap().len();
        assert_eq!(summary["attempts"], json!(attempts), "{fault}");
        // Whoever paid for the heap, it was not the one who damaged it.
        let row = rows(&dir.join("manifest.csv")).into_iter().find(|r| r["item"] == "5").unwrap();
        assert_eq!(row["attempts"], "1", "{fault}");
    }
}

#[test]
fn okiagari_itself_killed_goes_on_by_itself() {
    let scratch = Scratch::new();
    scene(&scratch);
    let words = format!("{JOB} --fault kill-subject@item=4..20+8 --out out");
    let ended = scratch.okiagari(&words).with(0);
    assert!(ended.stdout.contains("started again 3 times"), "{}", ended.stdout);
    let summary = summary(&scratch.path("out"));
    assert_eq!((&summary["restarts"], &summary["faults_injected"]), (&json!(3), &json!(3)));
    assert_eq!((&summary["done"], &summary["duplicated"]), (&json!(24), &json!(0)));
    assert!(tiles(&scratch.path("out")) == tiles(&scratch.path("right")));
}

#[test]
fn the_baseline_falls_and_is_never_called_a_success() {
    let scratch = Scratch::new();
    scene(&scratch);
    let right = tiles(&scratch.path("right"));
    for (fault, outcome) in [
        ("abort", "signal 6"),
        ("segfault", "signal 11"),
        ("kill-subject", "signal 9"),
        // The program's end looks like success from outside.
        ("exit", "exit 0"),
        ("hang", "hang"),
        // A thread that left took one item along, the others went on.
        ("shutdown", "incomplete"),
    ] {
        let options = format!("--subject baseline --stall 500ms --fault {fault}@item=2");
        let ended = scratch.okiagari(&format!("{JOB} {options} --out {fault}")).with(1);
        let dir = scratch.path(fault);
        let summary = summary(&dir);
        let count = |key: &str| summary[key].as_u64().unwrap();
        assert_eq!(
            (&summary["outcome"], count("faults_injected")),
            (&json!(outcome), 1),
            "{fault}"
        );
        assert!(count("lost") > 0, "{fault}");
        assert_eq!(count("items"), count("done") + count("lost"), "{fault}");
        assert!(ended.stdout.contains(&format!("{} lost", count("lost"))), "{}", ended.stdout);
        // What is there is right, and what is called done is there. A thread that was struck down by the
        // other's fault may have named its tile, and not yet entered it into the journal.
        let found = tiles(&dir);
        let unsaid = found.len() as u64 - count("done");
        assert!(unsaid <= 1, "{fault}: {unsaid} tiles that nobody knows of");
        assert!(found.iter().all(|(name, bytes)| right.get(name) == Some(bytes)), "{fault}");
        let rows = rows(&dir.join("manifest.csv"));
        assert_eq!(rows.iter().filter(|r| r["state"] == "lost").count() as u64, count("lost"));
        assert!(rows.iter().any(|r| r["item"] == "2" && r["state"] == "lost"), "{fault}");
    }
}

#[test]
fn the_baseline_survives_an_error_and_not_a_panic() {
    let scratch = Scratch::new();
    scene(&scratch);
    for (fault, lost, failed) in [("error", false, 1), ("panic", true, 0)] {
        let options = format!("--subject baseline --fault {fault}@item=2 --out {fault}");
        scratch.okiagari(&format!("{JOB} {options}")).with(1);
        let summary = summary(&scratch.path(fault));
        assert_eq!(summary["lost"] != 0, lost, "{fault}");
        assert_eq!(summary["failed"], failed, "{fault}");
    }
}

#[test]
fn a_poison_item_is_set_aside_with_its_evidence_and_costs_no_other() {
    let scratch = Scratch::new();
    let picture = scene(&scratch);
    let right = tiles(&scratch.path("right"));
    for (fault, cause, state) in
        [("abort", "signal 6", "quarantined"), ("error", "error", "failed")]
    {
        let words = format!("{JOB} --fault {fault}@item=3,attempts=all --out {fault}");
        scratch.okiagari(&words).with(1);
        let dir = scratch.path(fault);
        let aside = dir.join("quarantine/3");
        let evidence: Value =
            serde_json::from_slice(&fs::read(aside.join("evidence.json")).unwrap()).unwrap();
        assert_eq!(evidence["death"], cause);
        assert_eq!((&evidence["item"], &evidence["attempts"]), (&json!(3), &json!(3)));
        let input = Picture::read_png(&aside.join("input.png"));
        assert!(input == picture.part(96, 0, 32, 32), "the input is that of item 3");
        let mut others = right.clone();
        assert!(others.remove("scene_0_3.png").is_some());
        assert!(tiles(&dir) == others);
        let summary = summary(&dir);
        assert_eq!((&summary["done"], &summary[state]), (&json!(23), &json!(1)));
        assert_eq!((&summary["lost"], &summary["faults_injected"]), (&json!(0), &json!(3)));
        let row = &rows(&dir.join("manifest.csv"))[3];
        assert_eq!((&*row["state"], &*row["attempts"], &*row["file_blake3"]), (state, "3", ""));
    }
}
