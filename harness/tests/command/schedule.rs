//! What strikes whom, by the schedule that each run writes: real subjects, several numbers of workers.

use crate::process::{Scratch, rows};
use std::fs;

/// (fault, point, item, attempt) of all that a run armed, sorted by item and attempt.
pub(crate) fn decisions(scratch: &Scratch, dir: &str) -> Vec<(String, String, u64, u32)> {
    let rows = rows(&scratch.path(dir).join("schedule.csv"));
    let of = |r: &std::collections::BTreeMap<String, String>| {
        let (item, attempt) = (r["item"].parse().unwrap(), r["attempt"].parse().unwrap());
        (r["fault"].clone(), r["point"].clone(), item, attempt)
    };
    let mut all: Vec<_> = rows.iter().map(of).collect();
    all.sort_by_key(|d| (d.2, d.3));
    all
}

/// Items and attempts alone.
fn struck(scratch: &Scratch, dir: &str) -> Vec<(u64, u32)> {
    decisions(scratch, dir).into_iter().map(|d| (d.2, d.3)).collect()
}

#[test]
fn one_worker_and_many_meet_the_same_faults_and_so_does_the_next_run() {
    let scratch = Scratch::new();
    let run = "run synthetic:512x512 --tile 64 --attempts 12 --fault abort@p=10% --fault \
               shutdown@item=3..60+7,attempts<2";
    for seed in 1..=3 {
        let of = |workers: u32, dir: &str| {
            let dir = format!("{dir}-{seed}-{workers}");
            let words = format!("{run} --workers {workers} --seed {seed} --out {dir}");
            scratch.okiagari(&words).with(0);
            decisions(&scratch, &dir)
        };
        let alone = of(1, "first");
        assert!(alone.len() >= 18, "nine items twice: {alone:?}");
        assert_eq!(alone, of(3, "first"), "seed {seed}");
        assert_eq!(alone, of(3, "again"), "seed {seed}");
    }
}

#[test]
fn conditions_on_the_tile_and_on_the_lane_strike_whom_they_name() {
    let scratch = Scratch::new();
    // 64 + 64 + 32 pixels each way: four whole tiles, and a smaller one in each row.
    let run = "run synthetic:160x160 --tile 64 --workers 1 --out";
    for (dir, fault, items) in [
        ("tile", "abort@tile=1:2", &[5][..]),
        ("bytes", "abort@p=1,attempts<1,bytes>11000", &[0, 1, 3, 4]),
        ("lane", "abort@item=2..9,lane=0", &[2, 3, 4, 5, 6, 7, 8]),
        ("none", "abort@item=2..9,lane=1", &[]),
    ] {
        scratch.okiagari(&format!("{run} {dir} --fault {fault}")).with(0);
        assert!(struck(&scratch, dir).into_iter().eq(items.iter().map(|i| (*i, 0))), "{fault}");
    }
}

#[test]
fn a_second_fault_strikes_while_the_first_is_being_recovered_from_and_then_no_more() {
    let scratch = Scratch::new();
    scratch
        .okiagari(
            "run synthetic:512x512 --tile 64 --workers 1 --out out --fault abort@item=7 --fault \
             shutdown@p=1,attempts<2,when=recovering",
        )
        .with(0);
    let fault = |name: &str, point: &str, attempt| (name.to_owned(), point.to_owned(), 7, attempt);
    let expected = [fault("abort", "native", 0), fault("shutdown", "before", 1)];
    assert_eq!(decisions(&scratch, "out"), expected);
}

#[test]
fn what_waits_for_a_restart_strikes_only_after_it() {
    let scratch = Scratch::new();
    scratch
        .okiagari(
            "run synthetic:512x512 --tile 64 --workers 1 --out out --fault kill-subject@item=20 --fault \
             abort@p=1,attempts<1,after-restart=1 --fault hang@p=1,after-restart=2",
        )
        .with(0);
    let all = rows(&scratch.path("out").join("schedule.csv"));
    let at =
        |row: &std::collections::BTreeMap<String, String>| row["at_ns"].parse::<u64>().unwrap();
    let (kills, aborts): (Vec<_>, Vec<_>) =
        all.iter().partition(|row| row["fault"] == "kill-subject");
    assert_eq!(kills.len(), 1);
    assert!(aborts.iter().all(|row| row["fault"] == "abort" && at(row) > at(kills[0])));
    // Item 20 itself has its second attempt then. All that follow have their first.
    assert!(struck(&scratch, "out").into_iter().eq((20..64).map(|item| (item, 0))));
}

#[test]
fn a_period_strikes_again_and_again() {
    let scratch = Scratch::new();
    let run = "run synthetic:1024x1024 --tile 64 --workers 1 --attempts 99 --out out";
    scratch.okiagari(&format!("{run} --fault slow:5@every=10ms±30%")).with(0);
    let all = rows(&scratch.path("out").join("schedule.csv"));
    let times = all.iter().map(|row| row["at_ns"].parse::<u64>().unwrap() / 1_000_000);
    // Strike k comes at the first item after its moment, which is never before 7 ms a period.
    assert!(all.len() > 2 && times.zip(1..).all(|(ms, k)| ms >= 7 * k - 1), "{all:?}");
}

#[test]
fn a_file_by_hand_is_a_schedule_and_stands_for_itself() {
    let scratch = Scratch::new();
    fs::write(scratch.path("mine.csv"), "fault,item,attempt\nabort,3,0\nshutdown,3,1\n").unwrap();
    let run = "run synthetic:512x512 --tile 64 --schedule mine.csv --out out";
    scratch.okiagari(run).with(0);
    assert_eq!(struck(&scratch, "out"), [(3, 0), (3, 1)]);
    let twice = scratch.okiagari(&format!("{run}2 --fault abort@p=1%")).with(2);
    assert!(twice.stderr.contains("cannot be used with"), "{}", twice.stderr);
    fs::write(scratch.path("mine.csv"), "fault,item,attempt\nabort,3\n").unwrap();
    let torn = scratch.okiagari(&format!("{run}2")).with(2);
    assert!(torn.stderr.contains("mine.csv, line 2"), "{}", torn.stderr);
    assert!(!scratch.path("out2").exists(), "nothing is left of a run that never was");
}
