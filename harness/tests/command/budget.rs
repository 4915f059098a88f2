//! One budget of memory, and a control group, as the command line has them.

use crate::process::Scratch;
use std::fs;

#[test]
fn tiles_wait_for_each_other_where_memory_is_scarce() {
    let scratch = Scratch::new();
    let job = "run synthetic:1024x1024 --tile 256 --operation blur:2 --workers 3";
    scratch.okiagari(&format!("{job} --out all")).with(0);
    scratch.okiagari(&format!("{job} --memory-budget 24MiB --out scarce")).with(0);
    let tiles = crate::process::tiles(&scratch.path("all"));
    assert_eq!(tiles.len(), 16);
    assert!(tiles == crate::process::tiles(&scratch.path("scarce")));
}

#[test]
fn tiles_beyond_the_budget_are_refused_before_the_run() {
    let scratch = Scratch::new();
    let job = "run synthetic:4096x4096 --tile 4096 --memory-budget 64MiB --out out";
    let ended = scratch.okiagari(job).with(2);
    assert!(ended.stderr.contains("a single tile takes 48 MiB"), "{}", ended.stderr);
    assert!(!scratch.path("out").exists(), "nothing was begun");
}

#[test]
fn workers_get_groups_in_a_delegated_one() {
    let scratch = Scratch::new();
    let group = scratch.path("group");
    fs::create_dir(&group).unwrap();
    let job = "run synthetic:512x512 --tile 256 --cgroup group";
    let ended = scratch.okiagari(&format!("{job} --out none")).with(2);
    assert!(ended.stderr.contains("is no control group of version 2"), "{}", ended.stderr);
    fs::write(group.join("cgroup.controllers"), "memory").unwrap();
    fs::write(group.join("cgroup.subtree_control"), "memory").unwrap();
    scratch.okiagari(&format!("{job} --out out")).with(0);
    // A tree of plain files keeps what the kernel would have removed.
    let groups: Vec<_> = fs::read_dir(&group).unwrap().flatten().map(|e| e.path()).collect();
    let limits = groups.iter().filter_map(|g| fs::read_to_string(g.join("memory.max")).ok());
    let limits: Vec<u64> = limits.map(|limit| limit.parse().unwrap()).collect();
    assert!(!limits.is_empty() && limits.iter().all(|limit| *limit > 544 << 20), "{limits:?}");
}
