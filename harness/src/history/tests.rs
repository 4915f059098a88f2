use super::*;
use proptest::prelude::*;
use std::fs;

/// In the opposite order to that in which a run is written to them.
const FILES: [&str; 5] = ["runs.csv", "injections.csv", "resources.csv", "items.csv", "events.csv"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back_exactly(all in any::any_histories()) {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &all).unwrap();
        let bytes = FILES.map(|f| fs::read(dir.path().join(f)).unwrap());
        let mut back = read(dir.path()).unwrap();
        prop_assert!(back.iter().all(|h| h.events.is_empty()), "they are read on request");
        for h in &mut back {
            h.events = read_events(dir.path(), h.run.run).unwrap();
        }
        prop_assert_eq!(&back, &all);
        write(dir.path(), &back).unwrap();
        prop_assert_eq!(bytes_of(dir.path()), bytes.clone());
        // Run by run it comes to the same, once what needs a twin is derived.
        tables_of(dir.path(), &all);
        prop_assert_eq!(&read(dir.path()).unwrap(), &without_events(&all));
        derive(dir.path(), &all).unwrap();
        prop_assert_eq!(bytes_of(dir.path()), bytes);
    }

    #[test]
    fn a_kill_at_any_byte_leaves_the_finished_runs_and_the_campaign_goes_on(
        all in any::any_histories(),
        at in any::<prop::sample::Index>(),
    ) {
        let Some((last, before)) = all.split_last() else { return Ok(()) };
        let dir = tempfile::tempdir().unwrap();
        let (start, after) = (tables_of(dir.path(), before), tables_of(dir.path(), &all));
        let written: usize = (0..FILES.len()).map(|k| after[k].len() - start[k].len()).sum();
        cut(dir.path(), &start, &after, at.index(written));
        let (found, left_out) = recover(dir.path()).unwrap();
        prop_assert_eq!(&found, &without_events(before));
        let (mut tables, finished, removed) = Tables::go_on(dir.path()).unwrap();
        prop_assert_eq!(finished, before.iter().map(|h| h.run.clone()).collect::<Vec<_>>());
        prop_assert!(removed.rows >= left_out.rows && removed.torn >= left_out.torn, "events, too");
        prop_assert_eq!(bytes_of(dir.path()), start);
        tables.append(last).unwrap();
        prop_assert_eq!(bytes_of(dir.path()), after);
    }
}

fn without_events(all: &[History]) -> Vec<History> {
    all.iter().map(|h| History { events: vec![], ..h.clone() }).collect()
}

fn bytes_of(dir: &Path) -> [Vec<u8>; 5] {
    FILES.map(|f| fs::read(dir.join(f)).unwrap())
}

/// The tables of these histories, byte for byte; they are in the folder then.
fn tables_of(dir: &Path, all: &[History]) -> [Vec<u8>; 5] {
    let mut tables = Tables::begin(dir).unwrap();
    all.iter().for_each(|history| tables.append(history).unwrap());
    bytes_of(dir)
}

/// Leaves the tables as a kill does when this many bytes of a run are written.
fn cut(dir: &Path, start: &[Vec<u8>; 5], after: &[Vec<u8>; 5], mut written: usize) {
    for k in (0..FILES.len()).rev() {
        let bytes = written.min(after[k].len() - start[k].len());
        written -= bytes;
        fs::write(dir.join(FILES[k]), &after[k][..start[k].len() + bytes]).unwrap();
    }
}

#[test]
fn of_a_run_that_was_cut_short_what_is_left_out_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = sample::comparison(3, 4);
    // A row may be torn in the middle of a character.
    let last = all.last_mut().unwrap();
    last.injections[0].diagnosis = Some("起き上がり".into());
    let before = &all[..all.len() - 1];
    let (start, after) = (tables_of(dir.path(), before), tables_of(dir.path(), &all));
    let mut rows_before = 0;
    for written in 0..(0..FILES.len()).map(|k| after[k].len() - start[k].len()).sum() {
        cut(dir.path(), &start, &after, written);
        let (found, LeftOut { rows, torn }) = recover(dir.path()).unwrap();
        assert!(found == before, "at byte {written}");
        // Every byte but the last of a row tears it.
        let ended = bytes_of(dir.path()).iter().all(|bytes| bytes.last() == Some(&b'\n'));
        assert_eq!(torn, u64::from(!ended), "at byte {written}");
        assert!(rows_before <= rows && rows <= rows_before + 1);
        rows_before = rows;
    }
    assert_eq!(rows_before, 4 + 2);
}

fn lines(dir: &Path, file: &str) -> Vec<String> {
    fs::read_to_string(dir.join(file)).unwrap().lines().map(str::to_owned).collect()
}

use std::path::Path;

#[test]
fn rows_look_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &sample::comparison(1, 20)).unwrap();
    let runs = lines(dir.path(), "runs.csv");
    assert_eq!(
        runs[1],
        "0,0,0,baseline,true,1000,20,1310720,6200000,30000000,52851613,signal 6,0,0,0,0,0,,,,abort"
    );
    let injections = lines(dir.path(), "injections.csv");
    assert_eq!(
        injections[1],
        "0,0,baseline,abort,crash,5,0,native,1,false,5000000,5400000,5400000,5800000,5900000,5900000,,,,,,,,500000,,,,\
         signal 6,true,subject,0,abort,false,"
    );
    assert_eq!(
        injections[2],
        "3,0,okiagari,abort,crash,5,0,native,1,false,5300000,5700000,5700000,6100000,6200000,6200000,6700000,6700000,7200000,\
         8700000,8700000,,6360000,500000,3000000,900000,2100000,signal 6,true,worker,1,recovered,false,"
    );
    let items = lines(dir.path(), "items.csv");
    assert_eq!(items.len(), 81);
    assert_eq!(
        items[1],
        "0,0,1,done,1,0,1000000,900000,00000000000000000000000000000000,00000000000000000000000000000000"
    );
    assert!(!dir.path().join(".runs.csv.part").exists());
}

#[test]
fn a_file_that_cannot_be_read_is_told_by_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &sample::comparison(1, 20)).unwrap();
    let spoil = |file: &str, change: &dyn Fn(&str) -> String| {
        let path = dir.path().join(file);
        let good = fs::read_to_string(&path).unwrap();
        fs::write(&path, change(&good)).unwrap();
        let error = read(dir.path()).unwrap_err();
        fs::write(&path, good).unwrap();
        assert_eq!(error.blame, pipelines::message::Blame::Input);
        error.what
    };
    let torn = |t: &str| t[..t.len() - 3].to_owned();
    // Its run is finished, so no kill tore it.
    for (file, line) in [("injections.csv", 4), ("items.csv", 81)] {
        let error = spoil(file, &torn);
        let said = format!("{file}, line {line}: the file ends in the middle");
        assert!(error.contains(&said), "{error}");
    }
    // A run without the end of its row is not finished.
    let path = dir.path().join("runs.csv");
    let good = fs::read_to_string(&path).unwrap();
    fs::write(&path, torn(&good)).unwrap();
    let (found, left_out) = recover(dir.path()).unwrap();
    assert_eq!((found.len(), left_out), (3, LeftOut { rows: 20 + 2, torn: 1 }));
    fs::write(&path, good).unwrap();
    for (file, from, to, said) in [
        ("items.csv", "19,1,done,1,19000000", "19,1", "line 61: there are"),
        ("items.csv", "1,done", "1,gone", "unknown variant `gone`"),
        ("items.csv", "done_ns", "ready_ns", "line 1: there is no column done_ns"),
        ("runs.csv", "signal 6", "sigh", "line 2: \"sigh\" is no ending"),
        ("runs.csv", "0,0,0,baseline", "x,0,0,baseline", "line 2: field 0: invalid digit"),
        ("runs.csv", "\n1,", "\n0,", "line 3: run 0 stands here twice"),
        ("injections.csv", "\n0,", "\n9,", "line 2: run 9 does not stand in runs.csv"),
        ("injections.csv", "abort", "burp", "no fault called \"burp\""),
    ] {
        let error = spoil(file, &|t: &str| t.replacen(from, to, 1));
        assert!(error.contains(file) && error.contains(said), "{error}");
    }
    fs::remove_file(dir.path().join("items.csv")).unwrap();
    assert!(read(dir.path()).unwrap_err().what.contains("items.csv cannot be read"));
}

#[test]
fn a_thousand_runs_of_256_tiles_fit_into_memory() {
    // Of the 200 MiB that a campaign may take; its events are not kept.
    assert!(1000 * 256 * size_of::<Item>() < 50 << 20, "{} bytes an item", size_of::<Item>());
}
