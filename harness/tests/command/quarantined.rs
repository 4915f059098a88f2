//! `okiagari run --quarantined`: what was set aside is tried again, with what it was done with.

use crate::picture::Picture;
use crate::process::Scratch;
use serde_json::Value;
use std::fs;

const JOB: &str = "run scene.png --tile 32 --workers 2 --attempts 2";

/// Crashes over the tile at x = 64, y = 32, by its place and not by its pixels.
const FILTER: &str = r#"
#include "okiagari.h"
#include <string.h>
int32_t picky(const struct okiagari_tile *tile) {
    memcpy(tile->output, tile->input, tile->input_bytes);
    if (tile->x == 64 && tile->y == 32 && tile->parameters[0] == 'c')
        *(volatile int *)24 = 1;
    return 0;
}
"#;

fn scene(scratch: &Scratch, depth: u32) {
    Picture::noise(180, 120, 3, depth).write_png(&scratch.path("scene.png"));
}

fn evidence(scratch: &Scratch, folder: &str) -> Value {
    let text = fs::read(scratch.path(folder).join("evidence.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn compile(scratch: &Scratch, source: &str) {
    fs::write(scratch.path("picky.c"), source).unwrap();
    let native = concat!(env!("CARGO_MANIFEST_DIR"), "/../pipelines/native");
    let cc = format!("cc -shared -fPIC -I {native} -o libpicky.so picky.c");
    scratch.shell(&["env"], &cc).with(0);
}

#[test]
fn an_injected_death_is_told_with_its_evidence_and_was_not_the_items_fault() {
    let scratch = Scratch::new();
    scene(&scratch, 16);
    let fault = "--fault abort@item=3,attempts=all";
    let ended = scratch.okiagari(&format!("{JOB} {fault} --out out")).with(1);
    let last = ended.stdout.lines().last().unwrap();
    assert_eq!(last, "to try one again: okiagari run --quarantined out/quarantine/3");
    let told = evidence(&scratch, "out/quarantine/3");
    assert_eq!(told["worker"]["cause"], "SIGABRT (SI_TKILL)");
    let stack = fs::read(scratch.path("out/quarantine/3/stack.bin")).unwrap();
    assert_eq!(told["worker"]["stack_bytes"], stack.len());
    let again = "run --quarantined out/quarantine/3";
    let ended = scratch.okiagari(again).with(0);
    assert!(ended.stdout.ends_with("item 3 survived\n"), "{}", ended.stdout);
    // The same fault, once more: it is still item 3.
    let ended = scratch.okiagari(&format!("{again} {fault}")).with(1);
    let last = ended.stdout.lines().last().unwrap();
    assert_eq!(last, "item 3 died again, of the same cause, in the same place");
    let ended = scratch.okiagari(&format!("{again} --fault exit:9@item=3 --json")).with(1);
    let said: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((&said["survived"], &said["same_cause"]), (&false.into(), &false.into()));
    assert_eq!(
        (&said["before"]["death"], &said["now"]["death"]),
        (&"signal 6".into(), &"exit 9".into())
    );
}

#[test]
fn a_filter_that_crashes_crashes_again_until_it_is_mended() {
    let scratch = Scratch::new();
    scene(&scratch, 8);
    compile(&scratch, FILTER);
    let job = format!("{JOB} --operation lib:./libpicky.so:picky:c --out out");
    scratch.okiagari(&job).with(1);
    let told = evidence(&scratch, "out/quarantine/8");
    assert_eq!(told["worker"]["cause"], "SIGSEGV (SEGV_MAPERR) at 0x18");
    let frame = told["worker"]["backtrace"][0].as_str().unwrap();
    assert!(frame.contains("libpicky.so+0x") && frame.ends_with(" picky"), "{frame}");
    // From another folder: what was recorded is absolute.
    let again = "cd / && exec \"$OKIAGARI\" run --quarantined";
    let folder = scratch.path("out/quarantine/8");
    let again = format!("{again} {}", folder.display());
    let ended = scratch.shell(&["env"], &again).with(1);
    let last = ended.stdout.lines().last().unwrap();
    assert_eq!(last, "item 8 died again, of the same cause, in the same place");
    compile(&scratch, &FILTER.replace("'c'", "'d'"));
    let ended = scratch.shell(&["env"], &again).with(0);
    assert!(ended.stdout.ends_with("item 8 survived\n"), "{}", ended.stdout);
    fs::remove_file(scratch.path("libpicky.so")).unwrap();
    let ended = scratch.shell(&["env"], &again).with(2);
    assert!(ended.stderr.contains("libpicky.so does not exist"), "{}", ended.stderr);
}

#[test]
fn what_is_no_item_or_no_longer_whole_is_refused() {
    let scratch = Scratch::new();
    scene(&scratch, 8);
    scratch.okiagari(&format!("{JOB} --fault error@item=3,attempts=all --out out")).with(1);
    let folder = scratch.path("out/quarantine/3");
    let whole =
        ["evidence.json", "input.png"].map(|name| (name, fs::read(folder.join(name)).unwrap()));
    let refused = |folder: &str, words: &str| {
        let ended = scratch.okiagari(&format!("run --quarantined {folder}")).with(2);
        assert!(ended.stderr.contains(words), "no {words:?} in {}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    };
    refused("nowhere", "nowhere is not the folder of an item that was set aside");
    refused("out", "out is not the folder of an item that was set aside");
    for (name, words) in
        [("evidence.json", "evidence.json is damaged"), ("input.png", "is not what was set aside")]
    {
        let bytes = &whole.iter().find(|(n, _)| *n == name).unwrap().1;
        fs::write(folder.join(name), &bytes[..bytes.len() / 2]).unwrap();
        refused("out/quarantine/3", words);
        fs::remove_file(folder.join(name)).unwrap();
        refused("out/quarantine/3", &format!("there is no out/quarantine/3/{name}"));
        fs::write(folder.join(name), bytes).unwrap();
    }
    Picture::noise(32, 32, 3, 8).write_png(&folder.join("input.png"));
    refused("out/quarantine/3", "its checksum is another");
    Picture::noise(31, 32, 3, 8).write_png(&folder.join("input.png"));
    refused("out/quarantine/3", "it has another size");
    let ended = scratch.okiagari("run --quarantined out/quarantine/3 --out again").with(2);
    assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
    let ended = scratch.okiagari("run --quarantined out/quarantine/3 --memory-max 1GiB").with(2);
    assert!(ended.stderr.contains("cannot be used with"), "{}", ended.stderr);
}

#[test]
fn a_limit_on_processor_time_is_named_in_words() {
    let scratch = Scratch::new();
    scene(&scratch, 8);
    let limits = "--cpu-max 1s --files-max 64 --file-size-max 1MiB --recycle-items 5 --recycle-age 1m --recycle-growth 64MiB";
    let words = format!("{JOB} {limits} --fault spin@item=3,attempts=all --attempts 1 --out out");
    let ended = scratch.okiagari(&words.replacen("--attempts 2 ", "", 1)).with(1);
    let words = "1 × SIGXCPU (its processor time was used up)";
    assert!(ended.stdout.contains(words), "{}", ended.stdout);
    let told = evidence(&scratch, "out/quarantine/3");
    assert_eq!(told["death"], "signal 24");
    assert_eq!(told["terms"]["limits"]["files_max"], 64);
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
