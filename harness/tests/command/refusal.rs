//! What cannot be done is refused with one sentence that names it, the right exit code, and nothing left behind.

use crate::picture::Picture;
use crate::process::{Ended, Scratch, tiles};
use std::fs;
use std::process::Stdio;

/// Asserts that a command was refused with one sentence that has these words.
#[track_caller]
fn refused(ended: Ended, words: &str) {
    let ended = ended.with(2);
    let lines: Vec<_> = ended.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    // The argument parser adds how the command is called and where help is.
    let most = if ended.stderr.starts_with("error: ") { 4 } else { 2 };
    assert!((1..=most).contains(&lines.len()), "{}", ended.stderr);
    assert!(ended.stderr.contains(words), "no {words:?} in: {}", ended.stderr);
    for word in ["panicked", "backtrace", "src/", "Error {", "Failure"] {
        assert!(!ended.stderr.contains(word), "{word:?} in: {}", ended.stderr);
    }
}

#[test]
fn bad_inputs() {
    let scratch = Scratch::new();
    let picture = Picture::noise(64, 64, 3, 8);
    picture.write_png(&scratch.path("whole.png"));
    picture.write_tiff(&scratch.path("whole.tif"));
    let cut = |from: &str, to: &str, bytes: usize| {
        let whole = fs::read(scratch.path(from)).unwrap();
        fs::write(scratch.path(to), &whole[..bytes]).unwrap();
    };
    cut("whole.png", "cut.png", 20);
    cut("whole.tif", "cut.tif", 30);
    fs::write(scratch.path("cut.jpg"), [0xff, 0xd8, 0xff, 0xe0, 0, 16, b'J', b'F']).unwrap();
    fs::write(scratch.path("empty.png"), "").unwrap();
    fs::write(scratch.path("text.tif"), "a letter, not a picture\n").unwrap();
    fs::create_dir(scratch.path("void")).unwrap();
    for (input, words) in [
        ("missing.png", "missing.png does not exist"),
        ("cut.png", "cut.png starts like a PNG but its header is damaged or cut short"),
        ("cut.tif", "cut.tif"),
        ("cut.jpg", "cut.jpg"),
        ("empty.png", "empty.png is empty"),
        ("text.tif", "text.tif is text"),
        ("void", "without a picture"),
        ("synthetic:0x0", "synthetic:0x0 is not a size"),
        ("synthetic:axb", "synthetic:axb is not a size"),
        ("synthetic:99999999x1", "is not a size"),
        ("whole.png missing.png", "missing.png does not exist"),
    ] {
        refused(scratch.okiagari(&format!("run {input} --out out")), words);
        assert!(!scratch.path("out").exists(), "{input}: the folder it made is still there");
    }
}

#[test]
fn a_picture_cut_short_in_its_pixels_ends_the_run_and_what_was_written_is_whole() {
    let scratch = Scratch::new();
    let picture = Picture::noise(64, 256, 3, 8);
    picture.write_png(&scratch.path("cut.png"));
    picture.write_tiff(&scratch.path("cut.tif"));
    for input in ["cut.png", "cut.tif"] {
        let whole = fs::read(scratch.path(input)).unwrap();
        fs::write(scratch.path(input), &whole[..whole.len() * 2 / 3]).unwrap();
        for subject in ["okiagari", "baseline"] {
            let out = format!("{input}-{subject}");
            let words = format!("run {input} --tile 16 --subject {subject} --out {out}");
            let ended = scratch.okiagari(&words);
            // A TIFF's directory may lie behind its pixels: then it is already refused as a whole.
            refused(ended, input);
            let tiles = tiles(&scratch.path(&out));
            // The rows before the cut are there; the plain program finishes what it has read.
            let some = (input, subject) == ("cut.png", "baseline");
            assert!(!some || !tiles.is_empty(), "nothing was saved, so nothing is shown");
            for name in tiles.into_keys() {
                let tile = Picture::read_png(&scratch.path(&format!("{out}/{name}")));
                let mut parts = name.trim_end_matches(".png").split('_').skip(1);
                let mut number = || parts.next().unwrap().parse::<u32>().unwrap();
                let (row, col) = (number(), number());
                assert!(tile == picture.part(16 * col, 16 * row, 16, 16), "{out}: {name}");
            }
        }
    }
}

#[test]
fn bad_options() {
    let scratch = Scratch::new();
    for (options, words) in [
        ("--bogus", "--bogus"),
        ("--operation sharpen", "there is no operation \"sharpen\""),
        ("--operation blur:0", "blur"),
        ("--format gif", "gif"),
        ("--format jpeg:0", "jpeg:0"),
        ("--library pascal", "pascal"),
        ("--subject nobody", "there is no subject called \"nobody\""),
        ("--fault doom@item=1", "there is no fault called \"doom\""),
        ("--fault abort", "@"),
        ("--fault abort@p=200%", "probability"),
        ("--fault hang@rate=1/s,attempts=all", "attempts=all"),
        ("--tile 0", "cannot be 0 pixels"),
        ("--tile 4000000000", "cannot be 4000000000 pixels"),
        ("--tile -1", "-1"),
        ("--tile 9999999999999", "9999999999999"),
        ("--strips 0", "cannot be 0 pixels"),
        ("--tile 8 --strips 8", "cannot be used with"),
        ("--resume --overwrite", "cannot be used with"),
        ("--workers 0", "--workers"),
        ("--workers 100000", "--workers"),
        ("--attempts 0", "--attempts"),
        ("--deadline 0s", "--deadline"),
        ("--deadline soon", "--deadline"),
        ("--memory-max much", "--memory-max"),
        ("--memory-max 15MiB", "with less than 16.0 MiB a worker cannot even start"),
        ("--cpu-max 1500ms", "the kernel counts whole seconds"),
        ("--files-max 3", "--files-max"),
        ("--recycle-items 0", "--recycle-items"),
        ("--recycle-growth 0", "at least one byte"),
        ("--seed x", "--seed"),
    ] {
        refused(scratch.okiagari(&format!("run synthetic:64x64 --out out {options}")), words);
        assert!(!scratch.path("out").exists(), "{options}: the folder it made is still there");
    }
    refused(scratch.okiagari("run --out out"), "<INPUT>");
    refused(scratch.okiagari("run synthetic:64x64"), "--out <DIR>");
    refused(scratch.okiagari("fly"), "fly");
}

#[test]
fn filters_that_cannot_be_loaded() {
    let scratch = Scratch::new();
    let crashing = "__attribute__((constructor)) static void f(void) { *(volatile int *)0 = 1; }\n\
                    int f2(void) { return 0; }\n";
    fs::write(scratch.path("crashing.c"), crashing).unwrap();
    scratch.shell(&["env"], "cc -w -shared -fPIC -o crashing.so crashing.c").with(0);
    fs::write(scratch.path("other.c"), "int other(void) { return 0; }\n").unwrap();
    scratch.shell(&["env"], "cc -shared -fPIC -o other.so other.c").with(0);
    for (operation, words) in [
        ("lib:", "names no shared object"),
        ("lib:other.so", "names no function"),
        ("lib:missing.so:f", "missing.so does not exist"),
        ("lib:.:f", "is not a file"),
        ("lib:other.c:f", "other.c cannot be loaded as a shared object: "),
        ("lib:other.so:f", "other.so has no function called f"),
        ("lib:crashing.so:f2", "the process that loaded it died: SIGSEGV"),
    ] {
        for subject in ["okiagari", "baseline"] {
            let words_of_run = format!(
                "run synthetic:64x64 --out out --operation {operation} --subject {subject}"
            );
            refused(scratch.okiagari(&words_of_run), words);
            assert!(!scratch.path("out").exists(), "{operation}: the folder is still there");
        }
    }
    let experiment = "name = \"mine\"\nquestion = \"Why?\"\nseed = 1\nblocks = 1\n\n[workload]\n\
        input = \"synthetic:64x64\"\noperation = [\"lib:missing.so:f\"]\n\n[subject.okiagari]\n";
    fs::write(scratch.path("mine.toml"), experiment).unwrap();
    let ended = scratch.okiagari("experiment mine.toml --out results").with(2);
    assert!(ended.stderr.contains("missing.so does not exist"), "{}", ended.stderr);
}

#[test]
fn places_that_cannot_be_written() {
    let scratch = Scratch::new();
    fs::write(scratch.path("file"), "mine").unwrap();
    fs::create_dir(scratch.path("full")).unwrap();
    fs::write(scratch.path("full/letter"), "mine").unwrap();
    for (out, words) in [
        ("file", "file is a file, not a folder"),
        ("file/below", "a part of the path is a file"),
        ("full", "full is not empty: --resume goes on"),
        ("/proc/okiagari", "could not write to /proc/okiagari"),
    ] {
        refused(scratch.okiagari(&format!("run synthetic:64x64 --out {out}")), words);
    }
    assert_eq!(fs::read_to_string(scratch.path("file")).unwrap(), "mine");
    // What is no tile of an earlier run is not ours to remove.
    scratch.okiagari("run synthetic:64x64 --out full --overwrite").with(0);
    assert_eq!(fs::read_to_string(scratch.path("full/letter")).unwrap(), "mine");
}

#[test]
fn bad_experiments_are_refused_with_the_line() {
    let scratch = Scratch::new();
    let good = "name = \"mine\"\nquestion = \"Why?\"\nseed = 1\nblocks = 1\n\n[workload]\n\
                input = \"synthetic:64x64\"\ntile = 32\n\n[subject.okiagari]\n";
    for (from, to, line) in [
        ("blocks = 1", "blocks = ", "line 4"),
        ("blocks = 1", "blocks = true", "line 4"),
        ("blocks = 1", "blocks = 0", "line 4"),
        ("tile = 32", "tiel = 32", "line 8"),
        ("tile = 32", "tile = 0", "line 8"),
        ("[subject.okiagari]", "[subject.nobody]", "line 10"),
        ("[subject.okiagari]", "[subject.okiagari]\nspare = 1", "line 11"),
    ] {
        assert!(good.contains(from));
        fs::write(scratch.path("mine.toml"), good.replace(from, to)).unwrap();
        let ended = scratch.okiagari("experiment mine.toml --out out");
        refused(ended, &format!("mine.toml, {line}"));
        assert!(!scratch.path("out").exists());
    }
    refused(scratch.okiagari("experiment nothing"), "there is no experiment called \"nothing\"");
    refused(scratch.okiagari("experiment no/where.toml"), "no/where.toml cannot be read");
}

#[test]
fn an_empty_folder_cannot_be_judged() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("empty")).unwrap();
    for command in ["judge", "report"] {
        refused(scratch.okiagari(&format!("{command} empty")), "run.toml cannot be read");
        refused(scratch.okiagari(&format!("{command} nowhere")), "cannot be read");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_reason_to_panic() {
    for words in [&["list"][..], &["faults"], &["--help"], &["run", "--help"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        // Closed before the program starts: its first write already fails.
        drop(reader);
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_okiagari"));
        let command = command.args(words).stdin(Stdio::null()).stdout(writer);
        let output = command.stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    }
}
