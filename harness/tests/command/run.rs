//! `okiagari run` when nothing goes wrong: the tiles are right, and so is what is said of them.

use crate::picture::Picture;
use crate::process::{Scratch, rows, summary, tiles};
use std::collections::BTreeSet;
use std::fs;

#[test]
fn a_scene_is_cut_into_tiles_that_stop_at_its_edges_and_the_manifest_knows_them() {
    let scratch = Scratch::new();
    let scene = "run synthetic:1024x768 --seed 7 --out";
    scratch.okiagari(&format!("{scene} whole --tile 1024")).with(0);
    let whole = Picture::read_png(&scratch.path("whole/synthetic_0_0.png"));
    assert_eq!((whole.width, whole.height), (1024, 768));
    for subject in ["okiagari", "baseline"] {
        scratch.okiagari(&format!("{scene} {subject} --tile 100 --subject {subject}")).with(0);
        let dir = scratch.path(subject);
        let text = fs::read_to_string(dir.join("manifest.csv")).unwrap();
        let header = text.lines().next().unwrap();
        assert_eq!(
            header,
            "item,row,col,x_px,y_px,width_px,height_px,file,file_blake3,pixels_blake3,attempts,state"
        );
        let rows = rows(&dir.join("manifest.csv"));
        assert_eq!((rows.len(), tiles(&dir).len()), (11 * 8, 11 * 8));
        for (item, row) in rows.iter().enumerate() {
            let number = |column: &str| row[column].parse::<u32>().unwrap();
            let (r, c) = (item as u32 / 11, item as u32 % 11);
            let place = ["item", "row", "col", "x_px", "y_px", "attempts"].map(number);
            assert_eq!(place, [item as u32, r, c, c * 100, r * 100, 1]);
            let (w, h) = (number("width_px"), number("height_px"));
            assert_eq!((w, h), (100.min(1024 - c * 100), 100.min(768 - r * 100)));
            assert_eq!(
                (&*row["file"], &*row["state"]),
                (&*format!("synthetic_{r}_{c}.png"), "done")
            );
            let file = dir.join(&row["file"]);
            assert_eq!(blake3::hash(&fs::read(&file).unwrap()).to_string(), row["file_blake3"]);
            let tile = Picture::read_png(&file);
            assert!(tile == whole.part(c * 100, r * 100, w, h), "{}", row["file"]);
            assert_eq!(blake3::hash(&tile.bytes()).to_string(), row["pixels_blake3"]);
        }
    }
    let [ours, theirs] = ["okiagari", "baseline"].map(|name| scratch.path(name));
    assert!(tiles(&ours) == tiles(&theirs));
    let [ours, theirs] = [ours, theirs].map(|dir| fs::read(dir.join("manifest.csv")).unwrap());
    assert!(ours == theirs, "the manifest says what is there, not who made it");
}

#[test]
fn the_summary_has_its_keys_and_its_sum_and_is_what_json_prints() {
    let scratch = Scratch::new();
    let ended = scratch.okiagari("run synthetic:300x300 --tile 100 --seed 5 --out out --json");
    let ended = ended.with(0);
    assert_eq!(ended.stderr, "", "who reads JSON wants nothing beside it");
    assert_eq!(ended.stdout.lines().count(), 1);
    let said: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let written = summary(&scratch.path("out"));
    assert_eq!(said, written);
    let keys: BTreeSet<_> = written.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "subject items done failed quarantined lost duplicated attempts deaths \
        faults_injected restarts wall_s throughput_px_per_s resident_peak_bytes seed version command \
        directory outcome";
    assert_eq!(keys, expected.split_whitespace().collect());
    let memory = written["resident_peak_bytes"].as_object().unwrap();
    assert_eq!(memory.keys().collect::<Vec<_>>(), ["all_pss", "supervisor", "worker_max"]);
    let number = |key: &str| written[key].as_u64().unwrap();
    let parts = ["done", "failed", "quarantined", "lost"].map(number);
    assert_eq!((number("items"), parts), (9, [9, 0, 0, 0]));
    assert_eq!(["duplicated", "attempts", "seed"].map(number), [0, 9, 5]);
    assert_eq!(
        (&written["outcome"], &written["subject"]),
        (&"complete".into(), &"okiagari".into())
    );
    assert!(written["wall_s"].as_f64().unwrap() > 0.0);
    let names: BTreeSet<_> =
        fs::read_dir(scratch.path("out")).unwrap().map(|e| e.unwrap().file_name()).collect();
    let others: Vec<_> = names.iter().filter(|n| !n.to_string_lossy().ends_with(".png")).collect();
    assert_eq!(
        others,
        ["journal", "manifest.csv", "run.json", "schedule.csv"],
        "nothing else is left behind"
    );
}

#[test]
fn strips_are_bands_of_rows_and_the_last_one_is_shorter() {
    let scratch = Scratch::new();
    let picture = Picture::noise(50, 68, 3, 8);
    picture.write_png(&scratch.path("scene.png"));
    scratch.okiagari("run scene.png --strips 20 --out out").with(0);
    let names: Vec<_> = tiles(&scratch.path("out")).into_keys().collect();
    assert_eq!(names, ["scene_0.png", "scene_1.png", "scene_2.png", "scene_3.png"]);
    for (n, height) in [20, 20, 20, 8].into_iter().enumerate() {
        let strip = Picture::read_png(&scratch.path(&format!("out/scene_{n}.png")));
        assert!(strip == picture.part(0, 20 * n as u32, 50, height), "strip {n}");
    }
}

#[test]
fn pictures_of_every_depth_in_a_folder_come_through_unchanged() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("in")).unwrap();
    let mut pictures = vec![];
    for (channels, depth) in [(1, 8), (1, 16), (2, 8), (2, 16), (3, 8), (3, 16), (4, 8), (4, 16)] {
        let picture = Picture::noise(37, 29, channels, depth);
        let name = format!("png-{channels}-{depth}");
        picture.write_png(&scratch.path(&format!("in/{name}.png")));
        pictures.push((name, picture.clone()));
        if channels != 2 {
            let name = format!("tiff-{channels}-{depth}");
            picture.write_tiff(&scratch.path(&format!("in/{name}.tif")));
            pictures.push((name, picture));
        }
    }
    fs::write(scratch.path("in/notes.txt"), "not a picture").unwrap();
    for subject in ["okiagari", "baseline"] {
        scratch.okiagari(&format!("run in --tile 16 --out {subject} --subject {subject}")).with(0);
        let dir = scratch.path(subject);
        assert_eq!(tiles(&dir).len(), pictures.len() * 3 * 2);
        for (name, picture) in &pictures {
            for (row, col) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] {
                let tile = Picture::read_png(&dir.join(format!("{name}_{row}_{col}.png")));
                let (x, y) = (16 * col, 16 * row);
                let part = picture.part(x, y, 16.min(37 - x), 16.min(29 - y));
                assert!(tile == part, "{subject}: {name}_{row}_{col}.png");
            }
        }
    }
}

#[test]
fn both_libraries_give_the_same_bytes_and_the_operation_does_something() {
    let scratch = Scratch::new();
    Picture::noise(150, 100, 3, 8).write_png(&scratch.path("eight.png"));
    Picture::noise(150, 100, 4, 16).write_png(&scratch.path("sixteen.png"));
    let run = |dir: &str, options: &str| {
        let words = format!("run eight.png sixteen.png --tile 64 --out {dir} {options}");
        scratch.okiagari(&words).with(0);
        tiles(&scratch.path(dir))
    };
    let none = run("none", "");
    assert!(none == run("none-c", "--library c"));
    let operations =
        ["--operation grayscale", "--operation blur:3", "--operation sobel --operation blur:1"];
    for (n, operation) in operations.into_iter().enumerate() {
        let rust = run(&format!("rust-{n}"), operation);
        let c = run(&format!("c-{n}"), &format!("{operation} --library c"));
        assert!(rust == c && rust != none && rust.len() == none.len(), "{operation}");
    }
}

#[test]
fn where_core_dumps_are_forbidden_for_good_everything_still_starts() {
    let scratch = Scratch::new();
    let run = "exec \"$OKIAGARI\" run synthetic:300x300 --tile 100 --out out --fault abort@item=4";
    let ended = scratch.shell(&["env"], &format!("ulimit -c 0; {run}")).with(0);
    assert!(ended.stdout.starts_with("9 of 9 tiles"), "{}", ended.stdout);
}

#[test]
fn the_floor_of_this_machine_is_measured_and_not_made_up() {
    let ended = Scratch::new().okiagari("floor").with(0);
    let number = |line: &str| line.split_whitespace().next()?.parse::<f64>().ok();
    let times: Vec<_> = ended.stdout.lines().filter_map(number).collect();
    let [copy, wake, call, death, start] = times[..] else { panic!("{}", ended.stdout) };
    assert!(copy > 0.0 && wake > 0.0 && start > 0.0, "{times:?}");
    // A death and a call are more than a call.
    assert!(death > call && call > 0.0, "{times:?}");
}
