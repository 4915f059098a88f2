//! `okiagari run` under the faults that strike elsewhere than in the native call: what the product owes is what comes.

use crate::picture::Picture;
use crate::process::{Scratch, rows, summary, tiles};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const JOB: &str = "run scene.png --tile 32 --workers 2";
type Tiles = BTreeMap<String, Vec<u8>>;

fn scene(scratch: &Scratch) -> Tiles {
    Picture::noise(180, 120, 3, 8).write_png(&scratch.path("scene.png"));
    scratch.okiagari(&format!("{JOB} --out right")).with(0);
    let right = tiles(&scratch.path("right"));
    assert_eq!(right.len(), 24);
    right
}

fn differing(found: &Tiles, right: &Tiles) -> usize {
    assert_eq!(found.len(), right.len());
    right.iter().filter(|(name, bytes)| found[*name] != **bytes).count()
}

/// A run in which one fault strikes; its summary.
fn struck(scratch: &Scratch, fault: &str, options: &str, code: i32) -> Value {
    let out = fault.replace([':', '@', '=', ' '], "_");
    scratch.okiagari(&format!("{JOB} --fault {fault} {options} --out {out}")).with(code);
    let summary = summary(&scratch.path(&out));
    assert_eq!(summary["faults_injected"], 1, "{fault}");
    summary
}

fn out(scratch: &Scratch, fault: &str) -> Tiles {
    tiles(&scratch.path(&fault.replace([':', '@', '=', ' '], "_")))
}

#[test]
fn okiagari_pays_each_death_with_one_attempt() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    for (fault, cause) in [
        ("double-panic", "signal 6"),
        ("handler-overflow", "signal 11"),
        ("panic-lock", "panic"),
        ("livelock", "hang"),
        ("block", "hang"),
        ("handler-error", "error"),
        ("flip-file", "garbage"),
        ("flip-shared", "garbage"),
        ("flip-head", "garbage"),
        ("out-of-memory", "out of memory"),
    ] {
        let fault = format!("{fault}@item=5");
        // To fill memory takes its time; to wait for what hangs should not.
        let waits = fault.starts_with("out") as u64 * 10_000 + 300;
        let options = format!("--memory-max 64MiB --deadline {waits}ms");
        let said = struck(&scratch, &fault, &options, 0);
        assert!(out(&scratch, &fault) == right, "{fault}");
        assert_eq!(
            (&said["deaths"], &said["attempts"]),
            (&json!({ cause: 1 }), &json!(25)),
            "{fault}"
        );
        assert_eq!((&said["lost"], &said["duplicated"]), (&json!(0), &json!(0)), "{fault}");
    }
}

#[test]
fn what_need_not_cost_an_attempt_costs_none() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    for fault in [
        "placebo@item=5",
        "starve:50@item=5",
        "no-descriptors@item=5",
        "source-stall:50@item=5",
        "source-burst:9@item=5",
        "source-duplicate@item=5",
        "io-error@item=5",
        "short-write@item=5",
        "slow-disk:50@item=5",
        "no-files@item=5",
        "fork-fails@item=0",
        "shm-full@item=1",
    ] {
        let said = struck(&scratch, fault, "", 0);
        assert!(out(&scratch, fault) == right, "{fault}");
        assert_eq!((&said["deaths"], &said["attempts"]), (&json!({}), &json!(24)), "{fault}");
        assert_eq!((&said["done"], &said["duplicated"]), (&json!(24), &json!(0)), "{fault}");
        assert_eq!(
            (&said["restarts"], &said["outcome"]),
            (&json!(0), &json!("complete")),
            "{fault}"
        );
    }
}

#[test]
fn a_subject_that_falls_over_its_own_fault_is_started_again() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    for fault in ["supervisor-panic@item=5", "torn-file@item=5"] {
        let said = struck(&scratch, fault, "", 0);
        assert!(out(&scratch, fault) == right, "{fault}");
        assert_eq!(
            (&said["restarts"], &said["outcome"]),
            (&json!(1), &json!("complete")),
            "{fault}"
        );
        assert_eq!((&said["done"], &said["duplicated"]), (&json!(24), &json!(0)), "{fault}");
    }
}

#[test]
fn a_disk_that_stays_bad_ends_the_run_in_one_sentence_and_the_run_goes_on_later() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    for (fault, words) in [
        ("disk-full@item=5", "the disk is full: free some room, then go on with --resume"),
        ("io-error@item=5,attempts=all", "Input/output error"),
        ("no-files@item=5,attempts=all", "Too many open files"),
    ] {
        let name = fault.split('@').next().unwrap();
        let ended = scratch.okiagari(&format!("{JOB} --fault {fault} --out {name}"));
        assert_ne!(ended.code, Some(0), "{fault}");
        let said: Vec<_> = ended.stderr.lines().filter(|line| line.contains(words)).collect();
        assert_eq!(said.len(), 1, "{fault}: {}", ended.stderr);
        let dir = scratch.path(name);
        let found = tiles(&dir);
        assert!(found.len() < 24 && found.iter().all(|(n, bytes)| right[n] == *bytes), "{fault}");
        let half = std::fs::read_dir(dir.join(".partial")).map_or(0, Iterator::count);
        assert_eq!(half, 0, "{fault}");
        scratch.okiagari(&format!("{JOB} --resume --out {name}")).with(0);
        assert!(tiles(&dir) == right, "{fault}");
    }
}

#[test]
fn a_bit_that_flips_before_any_checksum_is_seen_by_nobody() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    for fault in ["flip-input@item=5", "flip-output@item=5"] {
        for subject in ["okiagari", "baseline", "broadway"] {
            let options = format!("--subject {subject} --overwrite");
            let said = struck(&scratch, fault, &options, 0);
            assert_eq!((&said["done"], &said["deaths"]), (&json!(24), &json!({})), "{fault}");
            assert_eq!(differing(&out(&scratch, fault), &right), 1, "{subject}, {fault}");
        }
    }
}

#[test]
fn a_death_that_nobody_is_told_of_is_seen_all_the_same() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    let faults = "--fault shutdown@item=5 --fault lost-notice@item=5";
    let ended = scratch.okiagari(&format!("{JOB} {faults} --deadline 10m --out lost")).with(0);
    assert!(ended.stderr.is_empty() || !ended.stderr.contains("hang"), "{}", ended.stderr);
    assert!(tiles(&scratch.path("lost")) == right);
    let said = summary(&scratch.path("lost"));
    assert_eq!((&said["deaths"], &said["faults_injected"]), (&json!({ "signal 9": 1 }), &json!(2)));
}

#[test]
fn workers_that_die_together_are_replaced_and_their_items_done() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    // More than there are, and no fewer than the lanes have.
    for count in [2, 99] {
        let fault = format!("kill-workers:{count}@item=5");
        let said = struck(&scratch, &fault, "", 0);
        assert!(out(&scratch, &fault) == right, "{fault}");
        let died = said["deaths"]["signal 9"].as_u64().unwrap_or(0);
        // Two lanes' and, if it was taken in the moment in which it died, the spare's.
        assert!((1..=3).contains(&died), "{fault}: {died} items were in their hands");
        assert_eq!(said["attempts"], json!(24 + died), "{fault}");
    }
}

#[test]
fn a_panic_with_a_lock_in_hand_costs_the_others_nothing() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    // Threads of one process, whose results go to the same memory, behind the same lock.
    let said = struck(&scratch, "panic-lock@item=5", "--subject broadway", 1);
    assert_eq!((&said["done"], &said["quarantined"]), (&json!(23), &json!(1)));
    let found = out(&scratch, "panic-lock@item=5");
    assert!(found.len() == 23 && found.iter().all(|(name, bytes)| right[name] == *bytes));
}

#[test]
fn what_a_subject_is_sent_twice_it_saves_twice_if_it_believes_it() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    let said = struck(&scratch, "source-duplicate@item=5", "--subject broadway", 0);
    assert_eq!((&said["done"], &said["duplicated"]), (&json!(24), &json!(1)));
    assert!(out(&scratch, "source-duplicate@item=5") == right, "the same file twice");
}

#[test]
fn the_baseline_believes_what_it_is_given() {
    let scratch = Scratch::new();
    let right = scene(&scratch);
    let said =
        |fault: &str, code| struck(&scratch, fault, "--subject baseline --stall 500ms", code);
    // After its checksum was made: with nobody to compare it, a wrong tile is delivered as a good one.
    said("flip-file@item=5", 0);
    assert_eq!(differing(&out(&scratch, "flip-file@item=5"), &right), 1);
    // Item 5 is saved as item 4.
    let misplaced = said("flip-head@item=5", 1);
    assert_eq!((&misplaced["lost"], &misplaced["duplicated"]), (&json!(1), &json!(1)));
    let twice = said("source-duplicate@item=5", 0);
    assert_eq!((&twice["done"], &twice["duplicated"]), (&json!(24), &json!(1)));
    for (fault, outcome) in [
        ("handler-overflow@item=5", "signal 6"),
        ("torn-file@item=5", "signal 9"),
        ("livelock@item=5", "hang"),
        ("block@item=5", "hang"),
    ] {
        let said = said(fault, 1);
        assert_eq!(said["outcome"], json!(outcome), "{fault}");
        assert!(said["lost"].as_u64().unwrap() > 0, "{fault}");
    }
    // Rust names all of the stack before it aborts, which takes a while, as it does to fill memory.
    for fault in ["double-panic@item=5", "out-of-memory@item=5"] {
        let said = struck(&scratch, fault, "--subject baseline", 1);
        assert_eq!(said["outcome"], json!("signal 6"), "{fault}");
    }
    // What is torn has a tile's name, and nobody says that it is one.
    let torn = scratch.path("torn-file_item_5");
    let row = &rows(&torn.join("manifest.csv"))[5];
    assert_eq!(row["state"], "lost");
    let name = right.keys().find(|name| name.ends_with("_0_5.png")).unwrap();
    assert_eq!(tiles(&torn)[name].len(), right[name].len() / 2);
    assert_eq!(said("handler-error@item=5", 1)["failed"], json!(1));
    assert_eq!(said("placebo@item=5", 0)["done"], json!(24));
}
