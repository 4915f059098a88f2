//! `okiagari replay`: the same faults once more, and what is said of how much was the same.

use crate::process::{Scratch, rows};
use crate::schedule::decisions;
use std::fs;

#[test]
fn a_run_is_replayed_with_the_faults_that_it_had_those_by_moment_too() {
    let scratch = Scratch::new();
    let run = "run synthetic:512x512 --tile 64 --attempts 12 --seed 5 --json --fault abort@p=10% --fault \
               shutdown@every=15ms±30% --out";
    scratch.okiagari(&format!("{run} out")).with(0);
    let replay = scratch.okiagari("replay out").with(0);
    for part in ["L1, the same decisions: yes, ", "L2, the same order: ", "L3, the same timing: no"]
    {
        assert!(replay.stdout.contains(part), "{}", replay.stdout);
    }
    let then = decisions(&scratch, "out");
    assert!(then.len() > 2, "{then:?}");
    assert_eq!(then, decisions(&scratch, "out-replay"));
    // A replay can be replayed, from any other folder.
    fs::create_dir(scratch.path("else")).unwrap();
    let script = "cd else && \"$OKIAGARI\" replay ../out-replay --out third";
    scratch.shell(&["env"], script).with(0);
    assert_eq!(then, decisions(&scratch, "else/third"));
    scratch.shell(&["env"], "cd else/third && exec \"$OKIAGARI\" replay ./").with(0);
    assert_eq!(then, decisions(&scratch, "else/third-replay"));
    let full = scratch.okiagari("replay out").with(2);
    assert!(full.stderr.contains("out-replay is not empty"), "{}", full.stderr);
}

#[test]
fn what_did_not_come_again_is_told_and_costs_the_exit_code() {
    let scratch = Scratch::new();
    scratch.okiagari("run synthetic:512x512 --tile 64 --fault abort@item=9 --out out").with(0);
    let path = scratch.path("out").join("schedule.csv");
    let text = fs::read_to_string(&path).unwrap();
    // Item 12 had one attempt then, and has one now: its third was never there.
    fs::write(&path, text + "abort,native,12,2,0,0,true\n").unwrap();
    let replay = scratch.okiagari("replay out").with(1);
    let part = "L1, the same decisions: no, 1 of 2; 1 then only, 0 now only";
    assert!(replay.stdout.contains(part), "{}", replay.stdout);
    assert!(replay.stdout.contains("fired, done (1)          not armed"), "{}", replay.stdout);
}

#[test]
fn what_cannot_be_replayed_is_refused_with_what_to_give_instead() {
    let scratch = Scratch::new();
    let run = "run synthetic:256x256 --tile 64 --out out";
    scratch.okiagari(run).with(0);
    scratch.okiagari(&format!("{run} --resume")).with(0);
    let resumed = scratch.okiagari("replay out").with(2);
    assert!(resumed.stderr.contains("made in one piece"), "{}", resumed.stderr);
    for words in ["replay nothing", "replay out:3"] {
        let refused = scratch.okiagari(words).with(2);
        assert!(refused.stderr.contains("RESULTS:RUN"), "{}", refused.stderr);
    }
}

const SWEEP: &str = r#"
name     = "tiny"
question = "Does it matter which tile a crash strikes?"
seed     = 3
blocks   = 1

[workload]
input     = "synthetic:256x256"
tile      = 64

[sweep]
fault = "segfault"
items = [3, 7]

[subject.okiagari]
"#;

#[test]
fn a_sweep_strikes_each_item_in_a_run_of_its_own_which_can_be_replayed_or_scheduled() {
    let scratch = Scratch::new();
    fs::write(scratch.path("tiny.toml"), SWEEP).unwrap();
    scratch.okiagari("experiment tiny.toml --out out").with(0);
    let schedule = |dir: &str| {
        let rows = rows(&scratch.path(dir).join("schedule.csv"));
        let rows = rows.into_iter().map(|r| [&r["run"], &r["item"], &r["fired"]].map(Clone::clone));
        rows.collect::<Vec<_>>()
    };
    let then = schedule("out");
    assert!(then.iter().map(|r| (&*r[1], &*r[2])).eq([("3", "true"), ("7", "true")]), "{then:?}");
    let run = &then[1][0];
    let replay = scratch.okiagari(&format!("replay out:{run}")).with(0);
    assert!(replay.stdout.contains("L1, the same decisions: yes, 1 fault\n"), "{}", replay.stdout);
    assert_eq!(schedule("out-replay"), then[1..]);
    // It is a folder of results, whose claims nothing can be said of without a twin.
    scratch.okiagari("judge out-replay").with(4);
    let text = SWEEP.replace("[sweep]\nfault = \"segfault\"\nitems = [3, 7]\n", "");
    let text = text.replace("blocks   = 1", "blocks   = 2\nschedule = \"out/schedule.csv\"");
    fs::write(scratch.path("tiny.toml"), text).unwrap();
    scratch.okiagari("experiment tiny.toml --out again").with(0);
    assert_eq!(schedule("again"), then, "each run has its own part");
    let missing = scratch.okiagari("replay out:99").with(2);
    assert!(missing.stderr.contains("there is no run 99 in out"), "{}", missing.stderr);
}

/// Reads a file that nobody gave it, over one tile.
const NOSY: &str = r#"
#include "okiagari.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int32_t nosy(const struct okiagari_tile *tile) {
    memcpy(tile->output, tile->input, tile->input_bytes);
    if (tile->x == 64 && tile->y == 32 && !fopen("/etc/passwd", "r"))
        abort();
    return 0;
}
"#;

#[test]
fn a_filter_in_a_sandbox_is_tried_again_in_one() {
    let scratch = Scratch::new();
    scene(&scratch, 8);
    fs::write(scratch.path("nosy.c"), NOSY).unwrap();
    let native = concat!(env!("CARGO_MANIFEST_DIR"), "/../pipelines/native");
    let cc = format!("cc -shared -fPIC -I {native} -o libnosy.so nosy.c");
    scratch.shell(&["env"], &cc).with(0);
    let job = format!("{JOB} --operation lib:./libnosy.so:nosy");
    scratch.okiagari(&format!("{job} --out free")).with(0);
    let ended = scratch.okiagari(&format!("{job} --sandbox --out shut")).with(1);
    assert!(ended.stdout.contains("\n0 failed, 1 quarantined, 0 lost\n"), "{}", ended.stdout);
    let again = "run --quarantined shut/quarantine/8";
    let ended = scratch.okiagari(again).with(1);
    let last = ended.stdout.lines().last().unwrap();
    assert_eq!(last, "item 8 died again, of the same cause, in the same place");
    // What makes the difference is the sandbox that was recorded, and nothing else.
    let told = scratch.path("shut/quarantine/8/evidence.json");
    let text = fs::read_to_string(&told).unwrap();
    let opened = text.replace("\"sandbox\": true", "\"sandbox\": false");
    assert_ne!(text, opened);
    fs::write(told, opened).unwrap();
    let ended = scratch.okiagari(again).with(0);
    assert!(ended.stdout.ends_with("item 8 survived\n"), "{}", ended.stdout);
}
