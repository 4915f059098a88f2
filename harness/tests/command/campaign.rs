//! Campaigns that are interrupted, killed at any moment, and gone on with; and what their folders say of themselves.

use crate::process::{Scratch, rows, signal, until};
use harness::experiment::{Experiment, Trial};
use harness::history::{self, Checksum, History, Item, Run, State};
use harness::noise::Noise;
use harness::report;
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const TINY: &str = r#"
name     = "tiny"
question = "Does a campaign go on as if nothing had happened?"
seed     = 11
blocks   = 2

[workload]
input     = "synthetic:256x256"
tile      = 64
format    = "raw"

[[strike]]
fault = "abort"
when  = { p = 0.1 }

[subject.baseline]
[subject.okiagari]
attempts = 12

[expect]
okiagari = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
"#;

const RUNS: usize = 8;

/// A folder with `tiny.toml`.
pub(crate) fn tiny() -> Scratch {
    let scratch = Scratch::new();
    fs::write(scratch.path("tiny.toml"), TINY).unwrap();
    scratch
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// What is decided by the seed and not by the moment: claims, the schedule, faults, and what became of the tiles; of a
/// baseline that fell not which tiles it had written by then.
fn judgement(out: &Path) -> (Vec<u8>, Vec<String>) {
    let of = |h: &History| {
        let r = &h.run;
        let told =
            format!("{} {} {} {} {} {}", r.run, r.block, r.subject, r.faults, r.seed, r.items);
        if r.faults && r.subject == "baseline" {
            return told;
        }
        let strikes: BTreeSet<_> =
            h.injections.iter().map(|i| format!("{} {} {}", i.fault, i.item, i.attempt)).collect();
        let items = h
            .items
            .iter()
            .map(|i| (i.item, i.attempts, i.state, i.deliveries, i.found_blake3, i.golden_blake3));
        format!("{told} {} {strikes:?} {:?}", r.ending, items.collect::<Vec<_>>())
    };
    let histories = history::read(out).unwrap();
    (fs::read(out.join("claims.csv")).unwrap(), histories.iter().map(of).collect())
}

/// Folders of observers below the place where trials write their tiles.
fn leftovers(scratch: &Scratch) -> Vec<String> {
    let names = fs::read_dir(scratch.path("")).unwrap().map(|e| e.unwrap().file_name());
    names.filter_map(|n| n.into_string().ok()).filter(|n| n.starts_with("okiagari-")).collect()
}

/// Each seed draws when the observer gets SIGKILL: so many rows after it began, and so many milliseconds later. That may
/// be before its folder is there, in a golden run, in a trial, while it writes, or too late.
#[test]
fn a_campaign_that_is_killed_again_and_again_ends_as_one_that_is_not() {
    let scratch = tiny();
    scratch.okiagari("experiment tiny.toml --out whole").with(0);
    let whole = judgement(&scratch.path("whole"));
    assert_eq!(whole.1.len(), RUNS);
    let mut cut_short = 0;
    for seed in 0..4u64 {
        let name = format!("out-{seed}");
        let out = scratch.path(&name);
        for kill in 0..2 {
            let draw = blake3::hash(&[seed as u8, kill]).as_bytes()[..2].to_vec();
            let rows = lines(&out.join("runs.csv")) + usize::from(draw[0]) % 5;
            let started = scratch.start(&format!("experiment tiny.toml --out {name}"));
            until("so many runs are finished", || lines(&out.join("runs.csv")) >= rows.min(RUNS));
            let end = Instant::now() + Duration::from_millis(u64::from(draw[1]) % 64);
            until("the moment to kill has come", || Instant::now() >= end);
            started.kill();
            if out.join("claims.csv").exists() {
                break;
            }
            cut_short += 1;
        }
        let ended =
            scratch.okiagari(&format!("experiment tiny.toml --resume --out {name}")).with(0);
        assert!(ended.stdout.contains("As expected"), "{}", ended.stdout);
        assert_eq!(judgement(&out), whole, "seed {seed}");
        assert_eq!(rows(&out.join("runs.csv")).len(), RUNS);
    }
    assert!(cut_short >= 4, "most kills came too late");
    assert_eq!(leftovers(&scratch), [""; 0], "a folder of a killed observer is still there");
}

#[test]
fn control_c_keeps_what_is_finished_and_the_same_command_goes_on() {
    let scratch = tiny();
    let out = scratch.path("out");
    let started = scratch.start("experiment tiny.toml --out out");
    until("two runs are finished", || lines(&out.join("runs.csv")) > 2);
    signal(started.pid, Signal::INT);
    let ended = started.end().with(130);
    assert!(ended.stderr.contains("the same command goes on"), "{}", ended.stderr);
    assert_eq!(leftovers(&scratch), [""; 0]);
    let before = history::read(&out).unwrap();
    assert!((2..RUNS).contains(&before.len()), "{}", before.len());
    // What is there can be judged; that does not make it finished.
    let judged = scratch.okiagari("judge out");
    assert!(
        judged.stderr.contains(&format!("{} of {RUNS} runs", before.len())),
        "{}",
        judged.stderr
    );
    let ended = scratch.okiagari("experiment tiny.toml --out out").with(0);
    let said = format!("{} of {RUNS} trials are finished already", before.len());
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    let after = history::read(&out).unwrap();
    assert_eq!((&after[..before.len()], after.len()), (&before[..], RUNS));
    let run = fs::read_to_string(out.join("run.toml")).unwrap();
    let run: toml::Table = toml::from_str(&run).unwrap();
    let sittings = run["sitting"].as_array().unwrap();
    let firsts: Vec<_> = sittings.iter().map(|s| s["first_run"].as_integer().unwrap()).collect();
    assert_eq!(firsts, [0, before.len() as i64]);
    assert!(sittings[0]["command"].as_str().unwrap().starts_with("okiagari experiment tiny.toml"));
    // Each was preceded by a look at what the machine takes at least; a death and a call are more than a call.
    for sitting in sittings {
        let floor = |key: &str| sitting["floor"][key].as_integer().unwrap();
        assert!(floor("death_and_call_ns") > floor("call_ns") && floor("call_ns") > 0, "{sitting}");
        assert!(floor("copy_ns").min(floor("wake_ns")).min(floor("start_program_ns")) > 0);
    }
}

#[test]
fn finished_results_are_neither_run_again_nor_lost_by_accident() {
    let scratch = tiny();
    let out = scratch.path("out");
    scratch.okiagari("experiment tiny.toml --trials 1 --out out").with(0);
    let stamp = || fs::metadata(out.join("runs.csv")).unwrap().modified().unwrap();
    let (before, read) = (stamp(), fs::read(out.join("runs.csv")).unwrap());
    for (words, code, said) in [
        ("--trials 1", 2, "has all results of this experiment already"),
        ("--trials 1 --resume", 0, "results, figures and claims are in out"),
        ("--trials 2", 2, "has results of tiny with 1 blocks, not 2: --overwrite removes them"),
        ("--trials 1 --seed 12", 2, "seed 11, not 12"),
        ("--trials 1 --dry-run", 0, "nothing is to be run"),
    ] {
        let ended = scratch.okiagari(&format!("experiment tiny.toml --out out {words}")).with(code);
        let text = ended.stdout + &ended.stderr;
        assert!(text.contains(said), "{words}: {text}");
        assert_eq!((stamp(), fs::read(out.join("runs.csv")).unwrap()), (before, read.clone()));
    }
    // A file of the user's own stays where it is.
    fs::write(out.join("notes.txt"), "mine").unwrap();
    scratch.okiagari("experiment tiny.toml --trials 1 --out out --overwrite").with(0);
    assert_ne!(stamp(), before);
    assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
    // Runs of an unknown experiment are nobody's to remove.
    fs::remove_file(out.join("run.toml")).unwrap();
    let ended = scratch.okiagari("experiment tiny.toml --trials 1 --out out").with(2);
    assert!(ended.stderr.contains("but no run.toml"), "{}", ended.stderr);
}

#[test]
fn what_was_begun_goes_on_only_with_the_same_input_and_program() {
    let scratch = tiny();
    let out = scratch.path("out");
    let started = scratch.start("experiment tiny.toml --out out");
    until("a run is finished", || lines(&out.join("runs.csv")) > 1);
    signal(started.pid, Signal::INT);
    started.end().with(130);
    let run = fs::read_to_string(out.join("run.toml")).unwrap();
    let items = fs::read_to_string(out.join("items.csv")).unwrap();
    let golden = items.lines().nth(1).unwrap().rsplit(',').next().unwrap();
    fs::write(out.join("items.csv"), items.replace(golden, &"0".repeat(32))).unwrap();
    let ended = scratch.okiagari("experiment tiny.toml --out out").with(2);
    assert!(ended.stderr.contains("the input or a library has changed"), "{}", ended.stderr);
    fs::write(out.join("items.csv"), items).unwrap();
    let hash = run.lines().find_map(|l| l.strip_prefix("binary_blake3 = ")).unwrap();
    fs::write(out.join("run.toml"), run.replace(hash, "\"0\"")).unwrap();
    let ended = scratch.okiagari("experiment tiny.toml --out out").with(2);
    assert!(ended.stderr.contains("was begun by another build"), "{}", ended.stderr);
}

#[test]
fn a_dry_run_runs_nothing_and_says_what_would_be_run() {
    let scratch = tiny();
    let told = scratch.okiagari("experiment tiny.toml --out out --dry-run").with(0).stdout;
    for said in ["8 trials of 16 tiles each", "0 are finished", "by one run of the plain program"] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert!(!scratch.path("out").exists(), "it made a folder");
    scratch.okiagari("experiment tiny.toml --out out").with(0);
    // What was foretold came: the order, and the faults of first attempts.
    let runs = rows(&scratch.path("out/runs.csv"));
    for block in ["0", "1"] {
        let of_block = runs.iter().filter(|r| r["block"] == block);
        let names = of_block.map(|r| {
            let star = if r["faults"] == "true" { "*" } else { "" };
            format!("{}{star}", r["subject"])
        });
        let names = names.collect::<Vec<_>>().join(", ");
        let of_okiagari = |r: &&BTreeMap<String, String>| {
            let run = &runs[r["run"].parse::<usize>().unwrap()];
            run["subject"] == "okiagari" && run["block"] == block && r["attempt"] == "0"
        };
        let injections = rows(&scratch.path("out/injections.csv"));
        let faults = match injections.iter().filter(of_okiagari).count() {
            0 => "no faults".into(),
            1 => "1 fault".into(),
            n => format!("{n} faults"),
        };
        assert!(
            told.contains(&format!("{block}  {names}: {faults}\n")),
            "{names} {faults}: {told}"
        );
    }
    // With results, nothing needs to be run to know what it takes.
    let told =
        scratch.okiagari("experiment tiny.toml --out out --dry-run --overwrite").with(0).stdout;
    assert!(told.contains("by the mean of each subject in out"), "{told}");
}

/// What strikes lives on unless somebody ends it: a stopped subject, a worker that never returns, one that burns
/// processor time, a process that a dead worker left behind.
#[test]
fn nothing_outlives_a_campaign_however_it_ends() {
    for (fault, with) in [
        ("stop", Signal::KILL),
        ("hang", Signal::INT),
        ("spin", Signal::KILL),
        ("orphan", Signal::KILL),
        ("stop", Signal::TERM),
    ] {
        let scratch = Scratch::new();
        let text =
            TINY.replace("\"abort\"", &format!("\"{fault}\"")).replace("p = 0.1", "item = 9");
        let text = text.replace("attempts = 12", "deadline_ms = 600000");
        fs::write(scratch.path("tiny.toml"), text).unwrap();
        let started = scratch.start("experiment tiny.toml --out out");
        let boxes = || -> Option<bool> {
            let trials = fs::read_dir(scratch.path(leftovers(&scratch).first()?)).ok()?;
            let mut trials = trials.flatten().map(|e| e.path().join("black_box"));
            Some(trials.any(|path| {
                let receipts =
                    pipelines::black_box::BlackBox::open(&path).map(|b| b.read_receipts());
                receipts.is_ok_and(|r| r.iter().any(|r| r.fired_ns.is_some()))
            }))
        };
        until("the fault has fired", || boxes() == Some(true));
        if with == Signal::KILL {
            // It sees that every process is gone.
            started.kill();
        } else {
            signal(started.pid, with);
            started.end().with(130);
            assert_eq!(leftovers(&scratch), [""; 0]);
        }
    }
}

/// A thousand runs of 256 tiles, made up: whoever judges them does so with 200 MiB of memory of its own.
#[test]
fn a_thousand_runs_are_judged_in_200_mib() {
    let scratch = tiny();
    let mut experiment = Experiment::load(scratch.path("tiny.toml").to_str().unwrap()).unwrap();
    experiment.blocks = 250;
    let hash = |item: u64| Some(Checksum(item.into()));
    let item = |item: u64| Item {
        item,
        attempts: 1,
        state: State::Done,
        deliveries: 1,
        lent_ns: Some(item * 1_000_000),
        done_ns: Some(item * 1_000_000 + 900_000),
        work_ns: Some(800_000),
        found_blake3: hash(item),
        golden_blake3: hash(item),
    };
    let history = |trial: &Trial| History {
        run: Run {
            run: trial.run,
            block: trial.block,
            order_in_block: trial.order_in_block,
            subject: trial.subject.clone(),
            faults: trial.faults,
            seed: trial.seed,
            items: 256,
            pixels: 256 * 4096,
            wall_ns: 257_000_000 + u64::from(trial.run),
            cpu_ns: None,
            ending: history::Ending::Complete,
            deaths: 0,
            restarts: 0,
            orphans: 0,
            foreign_files: 0,
            events_missed: 0,
            noise: Noise::default(),
        },
        injections: vec![],
        resources: vec![],
        events: vec![],
        items: (0..256).map(item).collect(),
    };
    let histories: Vec<_> = experiment.schedule().iter().map(history).collect();
    assert_eq!(histories.len(), 1000);
    report::write(&scratch.path("big"), &experiment, &histories).unwrap();
    drop(histories);
    let script = "ulimit -d 204800 && exec \"$OKIAGARI\" judge big";
    let ended = scratch.shell(&["env"], script).with(4);
    assert!(ended.stdout.contains("64,000 of 64,000"), "{}", ended.stdout);
    // No fault fired, so that nothing was put to the test: that it holds is unknown, and not a lack of memory.
    assert!(ended.stdout.contains("no fault abort fired"), "{}", ended.stdout);
}
