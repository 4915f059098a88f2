//! The page over all experiments of a folder, as commands write it.

use crate::campaign::tiny;
use crate::made_up::made_up;
use crate::process::Scratch;
use harness::report::overview;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every file below a folder, with what is in it.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => BTreeMap::from([(path.clone(), fs::read(&path).unwrap())]),
        })
        .collect()
}

#[test]
fn a_folder_of_results_is_drawn_again_to_the_same_bytes_with_a_page_over_all() {
    let scratch = Scratch::new();
    let results = scratch.path("results");
    for name in ["e2-process-shutdown", "e3-ffi-abort"] {
        made_up(&results, name, Some(6));
    }
    // Whoever is made up does better than is expected of it.
    let ended = scratch.okiagari("report results").with(1);
    assert!(ended.stdout.contains("e3-ffi-abort: "), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("open results/index.html\n"), "{}", ended.stdout);
    let first = files(&results);
    assert!(overview::differing(&results).unwrap().is_empty());
    scratch.okiagari("report results").with(1);
    assert!(files(&results) == first, "drawn twice, and not the same");
    // That of one experiment alone is brought up to date.
    fs::write(results.join("CLAIMS.md"), "old").unwrap();
    let ended = scratch.okiagari("report results/e3-ffi-abort").with(1);
    assert!(ended.stdout.contains("open results/e3-ffi-abort/index.html\n"), "{}", ended.stdout);
    assert!(files(&results) == first, "the page over all did not follow");
    let ended = scratch.okiagari("report .").with(2);
    assert!(ended.stderr.contains("run.toml cannot be read"), "{}", ended.stderr);
}

#[test]
fn an_experiment_below_an_overview_appears_on_it() {
    let scratch = tiny();
    made_up(&scratch.path("out"), "e3-ffi-abort", Some(6));
    scratch.okiagari("report out").with(1);
    let ended = scratch.okiagari("experiment tiny.toml --trials 1 --out out/tiny").with(0);
    assert!(ended.stdout.contains("to see them open out/tiny/index.html"), "{}", ended.stdout);
    let page = fs::read_to_string(scratch.path("out").join("index.html")).unwrap();
    assert!(page.contains("href=\"tiny/index.html\""));
    assert!(overview::differing(&scratch.path("out")).unwrap().is_empty());
    // Elsewhere nothing is written that nobody asked for.
    scratch.okiagari("experiment tiny.toml --trials 1 --out alone/tiny").with(0);
    assert!(!scratch.path("alone").join("index.html").exists());
}

/// Set to false as soon as the committed folder has both files.
const MAY_BE_ABSENT: bool = false;

#[test]
fn the_committed_overview_follows_from_the_committed_results() {
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/reference");
    if MAY_BE_ABSENT && !overview::is_in(&reference) {
        return;
    }
    let differing = overview::differing(&reference).unwrap();
    assert!(
        differing.is_empty(),
        "{differing:?}: okiagari report results/reference makes them anew"
    );
}
