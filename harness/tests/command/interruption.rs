//! Runs that are interrupted, killed and resumed. A native call that never returns holds a run at a known item.

use crate::picture::Picture;
use crate::process::{Scratch, Started, signal, summary, tiles, until};
use pipelines::black_box::BlackBox;
use rustix::process::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const JOB: &str = "run scene.png --tile 32 --workers 1";
/// At item 8 of 24 nothing moves any more, and nobody loses patience.
const HELD: &str = "--fault hang@item=8 --deadline 10m --stall 10m";

fn scene(scratch: &Scratch) {
    Picture::noise(180, 120, 3, 8).write_png(&scratch.path("scene.png"));
    scratch.okiagari(&format!("{JOB} --out right")).with(0);
}

/// A run that has saved items 0 to 7 and is held by item 8: its books and its receipt say so.
fn held(scratch: &Scratch, options: &str) -> Started {
    let started = scratch.start(&format!("{JOB} {HELD} --out out {options}"));
    let journal = scratch.path("out/journal");
    until("eight tiles are in the journal", || {
        fs::read_to_string(&journal).is_ok_and(|text| text.lines().count() == 1 + 8)
    });
    let black_box = BlackBox::open(&scratch.path("out/black_box")).unwrap();
    until("the fault has fired", || black_box.read_receipts().iter().any(|r| r.fired_ns.is_some()));
    started
}

/// Which file each name stands for, and since when.
fn identities(dir: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let identity = |name: String| {
        let about = fs::metadata(dir.join(&name)).unwrap();
        (name, (about.ino(), about.mtime(), about.mtime_nsec()))
    };
    tiles(dir).into_keys().map(identity).collect()
}

#[track_caller]
fn nothing_half(dir: &Path) {
    let left = fs::read_dir(dir.join(".partial")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "what was being written is still there");
}

/// Resumes, and asserts that all is there and what was there was not touched.
#[track_caller]
fn resumes(scratch: &Scratch, options: &str) {
    let (right, out) = (scratch.path("right"), scratch.path("out"));
    let before = identities(&out);
    assert!(!before.is_empty() && before.len() < 24);
    scratch.okiagari(&format!("{JOB} --resume --out out {options}")).with(0);
    assert!(tiles(&out) == tiles(&right));
    let after = identities(&out);
    assert!(before.iter().all(|(name, file)| after[name] == *file), "a tile was written again");
    let summary = summary(&out);
    assert_eq!((&summary["done"], &summary["duplicated"]), (&json!(24), &json!(0)));
    assert_eq!(summary["attempts"], 24 - before.len(), "only what was missing was worked on");
}

#[test]
fn control_c_leaves_nothing_half_and_the_run_goes_on_later() {
    for (subject, with) in [("okiagari", Signal::INT), ("baseline", Signal::TERM)] {
        let scratch = Scratch::new();
        scene(&scratch);
        let options = format!("--subject {subject}");
        let started = held(&scratch, &options);
        signal(started.pid, with);
        // `end` sees that no process is left.
        let ended = started.end().with(130);
        assert!(ended.stdout.contains("--resume goes on"), "{}", ended.stdout);
        let out = scratch.path("out");
        nothing_half(&out);
        let said = summary(&out);
        assert_eq!((&said["outcome"], &said["done"]), (&json!("interrupted"), &json!(8)));
        assert_eq!(identities(&out).len(), 8);
        resumes(&scratch, &options);
    }
}

#[test]
fn an_observer_that_is_killed_takes_everyone_along_and_the_run_goes_on_later() {
    let scratch = Scratch::new();
    scene(&scratch);
    let started = held(&scratch, "--spares 2");
    // Observer, subject, the held worker; its spares may be still starting.
    assert!(started.processes().len() >= 3, "{:?}", started.processes());
    started.kill();
    resumes(&scratch, "");
    nothing_half(&scratch.path("out"));
}

#[test]
fn a_subject_that_is_killed_is_started_again() {
    let scratch = Scratch::new();
    scene(&scratch);
    let started = held(&scratch, "");
    signal(started.subject(), Signal::KILL);
    started.end().with(0);
    let out = scratch.path("out");
    assert!(tiles(&out) == tiles(&scratch.path("right")));
    let said = summary(&out);
    assert_eq!((&said["restarts"], &said["outcome"]), (&json!(1), &json!("complete")));
    // Once more at the item that was held, never at those that were done.
    assert_eq!((&said["attempts"], &said["duplicated"]), (&json!(25), &json!(0)));
}

#[test]
fn a_baseline_that_is_killed_stays_down() {
    let scratch = Scratch::new();
    scene(&scratch);
    let started = held(&scratch, "--subject baseline");
    signal(started.subject(), Signal::KILL);
    started.end().with(1);
    let said = summary(&scratch.path("out"));
    assert_eq!((&said["outcome"], &said["lost"]), (&json!("signal 9"), &json!(16)));
    // The honest rival: the same program, told to go on.
    resumes(&scratch, "--subject baseline");
}

#[test]
fn a_worker_that_is_killed_is_replaced() {
    let scratch = Scratch::new();
    scene(&scratch);
    let started = held(&scratch, "--spares 0");
    let others = [started.pid, started.subject()];
    let is_worker = |pid: &_| {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm"));
        !others.contains(pid) && name.is_ok_and(|name| name.trim() == "worker")
    };
    let workers = started.processes().into_iter().filter(is_worker);
    let [worker] = workers.collect::<Vec<_>>()[..] else { panic!("there is to be one worker") };
    signal(worker, Signal::KILL);
    started.end().with(0);
    let out = scratch.path("out");
    assert!(tiles(&out) == tiles(&scratch.path("right")));
    let said = summary(&out);
    assert_eq!((&said["restarts"], &said["deaths"]), (&json!(0), &json!({ "signal 9": 1 })));
}

#[test]
fn a_tile_that_was_changed_or_removed_meanwhile_is_made_again() {
    let scratch = Scratch::new();
    scene(&scratch);
    scratch.okiagari(&format!("{JOB} --out out")).with(0);
    let out = scratch.path("out");
    let before = identities(&out);
    let mut bytes = fs::read(out.join("scene_1_2.png")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(out.join("scene_1_2.png"), bytes).unwrap();
    fs::remove_file(out.join("scene_2_0.png")).unwrap();
    scratch.okiagari(&format!("{JOB} --resume --out out")).with(0);
    assert!(tiles(&out) == tiles(&scratch.path("right")));
    let after = identities(&out);
    let touched = before.iter().filter(|(name, file)| after[*name] != **file).map(|(n, _)| &**n);
    assert_eq!(touched.collect::<Vec<_>>(), ["scene_1_2.png", "scene_2_0.png"]);
    let said = summary(&out);
    assert_eq!((&said["attempts"], &said["duplicated"]), (&json!(2), &json!(0)));
}

#[test]
fn another_job_is_not_resumed_and_what_differs_is_named() {
    let scratch = Scratch::new();
    scene(&scratch);
    scratch.okiagari(&format!("{JOB} --out out")).with(0);
    Picture::noise(180, 120, 3, 8).write_png(&scratch.path("other.png"));
    for (words, named) in [
        ("run scene.png --tile 64", "its split is --tile 32, not --tile 64"),
        ("run scene.png --strips 32", "not --strips 32"),
        ("run scene.png --tile 32 --operation sobel", "its operation is none, not sobel"),
        ("run scene.png --tile 32 --format jpeg", "its format is png"),
        ("run scene.png --tile 32 --library c", "its library is rust, not c"),
        ("run other.png --tile 32", "not other 180x120"),
    ] {
        let before = identities(&scratch.path("out"));
        let ended = scratch.okiagari(&format!("{words} --resume --out out")).with(2);
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert_eq!(identities(&scratch.path("out")), before);
    }
}

#[test]
fn two_runs_do_not_write_to_one_folder() {
    let scratch = Scratch::new();
    scene(&scratch);
    let first = held(&scratch, "");
    let before = identities(&scratch.path("out"));
    for how in ["", "--resume", "--overwrite"] {
        let second = scratch.okiagari(&format!("{JOB} --out out {how}")).with(2);
        assert!(second.stderr.contains("another run is writing to"), "{}", second.stderr);
    }
    assert_eq!(identities(&scratch.path("out")), before, "the second touched nothing");
    signal(first.pid, Signal::INT);
    first.end().with(130);
    resumes(&scratch, "");
}
