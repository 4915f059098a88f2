//! A real crash of a real decoder, where it was built in; where it was not, a word on how to build it.

use crate::process::Scratch;
#[cfg(feature = "real-cve")]
use crate::process::rows;
use std::fs;

/// One block, and one worker for the baseline: what comes after the file is what it loses.
const SMALL: &str = r#"
name     = "small"
question = "Does one file cost more than itself?"
seed     = 8
blocks   = 1

[workload]
input     = "pictures:12"
operation = ["decode:256x256"]

[subject.baseline]
workers = 1
[subject.okiagari]
memory_max_mib = 1024

[expect]
baseline = { nothing-lost = "broken", nothing-corrupted = "holds" }
okiagari = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
"#;

#[cfg(feature = "real-cve")]
#[test]
fn the_file_of_the_cve_costs_the_baseline_all_that_follows_and_okiagari_the_file() {
    let scratch = Scratch::new();
    fs::write(scratch.path("small.toml"), SMALL).unwrap();
    scratch.okiagari("experiment small.toml --out out").with(0);
    let runs = rows(&scratch.path("out/runs.csv"));
    let items = rows(&scratch.path("out/items.csv"));
    let struck = |subject: &str| {
        let run = runs.iter().find(|r| r["subject"] == subject && r["faults"] == "true").unwrap();
        let mine = items.iter().filter(|i| i["run"] == run["run"]);
        let missing = mine.filter(|i| i["found_blake3"] != i["golden_blake3"]);
        let missing = missing.map(|i| format!("{} {}", i["item"], i["state"]));
        (run["ending"].clone(), run["deaths"].clone(), missing.collect::<Vec<_>>().join(", "))
    };
    let lost = "6 lost, 7 lost, 8 lost, 9 lost, 10 lost, 11 lost";
    assert_eq!(struck("baseline"), ("signal 11".into(), "0".into(), lost.into()));
    assert_eq!(struck("okiagari"), ("complete".into(), "3".into(), "6 quarantined".into()));
    assert!(runs.iter().filter(|r| r["faults"] == "false").all(|r| r["ending"] == "complete"));
}

#[cfg(not(feature = "real-cve"))]
#[test]
fn a_program_without_the_decoder_says_how_to_build_one_with_it() {
    let scratch = Scratch::new();
    fs::write(scratch.path("small.toml"), SMALL).unwrap();
    for name in ["small.toml", "e8-real-cve"] {
        let ended = scratch.okiagari(&format!("experiment {name} --out out")).with(2);
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.contains("cargo build --release --features real-cve"), "{}", ended.stderr);
        assert!(!scratch.path("out/runs.csv").exists());
    }
    let ended = scratch.okiagari("list").with(0);
    assert!(ended.stdout.contains("e8-real-cve"), "{}", ended.stdout);
}
