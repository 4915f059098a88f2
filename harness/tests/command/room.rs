//! A disk that fills up in the middle of a run, and has room again afterwards.

use crate::picture::Picture;
use crate::process::{Scratch, tiles};
use std::fs;

/// A mount of its own that only these processes see; `None` where that is not allowed.
fn wrapper(scratch: &Scratch) -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["unshare", "-m"], &["unshare", "-U", "-r", "-m"]];
    let allowed = |way: &&&[&str]| {
        scratch.shell(way, "mkdir -p disk && mount -t tmpfs -o size=1m none disk").code == Some(0)
    };
    ways.iter().find(allowed).copied()
}

#[test]
fn a_full_disk_is_told_and_once_there_is_room_the_run_goes_on() {
    let scratch = Scratch::new();
    let Some(wrapper) = wrapper(&scratch) else {
        println!("left out: no file system may be mounted here");
        return;
    };
    for subject in ["okiagari", "baseline"] {
        let job = format!("run synthetic:1024x1024 --tile 128 --subject {subject} --out");
        scratch.okiagari(&format!("{job} right-{subject}")).with(0);
        // Copies go out of the disk, since it is gone with the script.
        let script = format!(
            "mount -t tmpfs -o size=1m none disk
             $OKIAGARI {job} disk/out 2>said; echo $? >first
             cp -r disk/out half-{subject}
             mount -o remount,size=32m disk
             $OKIAGARI {job} disk/out --resume; echo $? >second
             cp -r disk/out whole-{subject}"
        );
        scratch.shell(wrapper, &script).with(0);
        let read = |name: &str| fs::read_to_string(scratch.path(name)).unwrap();
        let said = read("said");
        assert_eq!(read("first").trim(), "2", "{said}");
        assert!(said.contains("the disk is full: free some room"), "{said}");
        assert!(said.lines().count() <= 2 && !said.contains("panicked"), "{said}");
        let right = tiles(&scratch.path(&format!("right-{subject}")));
        let half = tiles(&scratch.path(&format!("half-{subject}")));
        assert!((1..64).contains(&half.len()), "the disk was to fill up midway: {}", half.len());
        for (name, bytes) in half {
            assert!(right[&name] == bytes, "{name} is half-written");
            Picture::read_png(&scratch.path(&format!("half-{subject}/{name}")));
        }
        assert_eq!(read("second").trim(), "0");
        assert!(tiles(&scratch.path(&format!("whole-{subject}"))) == right);
        assert!(fs::remove_file(scratch.path("said")).is_ok());
    }
}
