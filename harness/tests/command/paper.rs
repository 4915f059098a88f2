//! The command `paper`, with and without something that sets type. That it sets what it should is tested beside its sources.

use crate::process::{Ended, Scratch};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// Runs `okiagari paper` where there is no Typst but this stand-in for Python, a shell script. Its third argument is the
/// source, its fourth the file to write.
fn paper(scratch: &Scratch, python: &str) -> Ended {
    let script = scratch.path("python");
    fs::write(&script, format!("#!/bin/sh\n{python}\n")).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let reference = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/reference");
    let words = format!("\"$OKIAGARI\" paper '{reference}' --out made/p.pdf");
    scratch.shell(&["env"], &format!("PATH=/nowhere PYTHON=./python {words}"))
}

#[test]
fn without_typst_it_says_how_to_get_it() {
    let scratch = Scratch::new();
    let ended = paper(&scratch, "exit 1");
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("pip install typst"), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1);
    assert!(!scratch.path("made").exists());
}

#[test]
fn the_paper_is_written_whole_or_not_at_all() {
    let scratch = Scratch::new();
    let set = "[ $# -lt 4 ] || { [ -f \"$3\" ] && printf %s new > \"$4\"; }";
    let ended = paper(&scratch, set);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.ends_with("made/p.pdf is written\n"), "{}", ended.stdout);
    assert_eq!(fs::read_to_string(scratch.path("made/p.pdf")).unwrap(), "new");

    let fail = "[ $# -lt 4 ] || { printf half > \"$4\"; echo 'error: no such font' >&2; exit 1; }";
    let ended = paper(&scratch, fail);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("the paper could not be set: error: no such font"));
    assert_eq!(fs::read_to_string(scratch.path("made/p.pdf")).unwrap(), "new");
    assert_eq!(fs::read_dir(scratch.path("made")).unwrap().count(), 1);
}
