//! A small experiment from its TOML to its verdicts, and judges that are shown what they must not let pass.

use crate::process::{Scratch, rows};
use harness::history::{self, Checksum, History, State};
use harness::oracle::{Answer, Oracle};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const TINY: &str = r#"
name     = "tiny"
question = "Does one native abort cost more than one tile?"
seed     = 3
blocks   = 2

[workload]
input     = "synthetic:512x512"
tile      = 64
operation = ["blur:2"]

[[strike]]
fault = "abort"
when  = { p = 0.1 }

[subject.baseline]
[subject.okiagari]
attempts = 12

[expect]
baseline = { nothing-lost = "broken", nothing-corrupted = "holds" }
okiagari = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
"#;

fn run() -> (Scratch, Vec<History>) {
    let scratch = Scratch::new();
    fs::write(scratch.path("tiny.toml"), TINY).unwrap();
    scratch.okiagari("experiment tiny.toml --out out").with(0);
    let histories = history::read(&scratch.path("out")).unwrap();
    (scratch, histories)
}

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

fn struck<'a>(histories: &'a [History], subject: &str) -> Vec<&'a History> {
    histories.iter().filter(|h| h.run.subject == subject && h.run.faults).collect()
}

#[test]
fn the_results_are_complete_the_claims_held_and_judging_again_changes_nothing() {
    let (scratch, histories) = run();
    let out = scratch.path("out");
    let all = "runs.csv injections.csv items.csv events.csv resources.csv faults.csv measures.csv claims.csv \
               progress.svg recovery.svg throughput.svg outcomes.svg progress.png recovery.png throughput.png outcomes.png \
               timeline.svg distribution.svg phases.svg coverage.svg timeline.png distribution.png phases.png coverage.png \
               schedule.csv input.png picture.svg picture.png index.html run.toml datapackage.json";
    assert_eq!(names(&out), all.split_whitespace().map(str::to_owned).collect());
    for name in names(&out).iter().filter(|n| n.ends_with(".svg")) {
        let text = fs::read_to_string(out.join(name)).unwrap();
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"), "{name}");
    }
    let claims = rows(&out.join("claims.csv"));
    assert_eq!(claims.len(), 2 + 3 + 2, "what is expected, and each subject's twins");
    for claim in &claims {
        assert_eq!(claim["held"], "yes", "{claim:?}");
        assert_eq!(claim["expected"], claim["observed"], "{claim:?}");
    }
    assert_eq!(histories.len(), 2 * 2 * 2);
    for h in struck(&histories, "okiagari") {
        assert!(h.items.iter().all(|i| i.state == State::Done && i.right()));
        assert!(h.run.deaths > 0 && h.run.orphans == 0 && h.run.foreign_files == 0);
        let recovered = h.injections.iter().filter(|i| i.fired_ns.is_some());
        assert!(recovered.clone().count() > 0);
        assert!(
            recovered.clone().all(|i| i.accepted_ns > i.fired_ns),
            "each struck item came back"
        );
        assert!(recovered.clone().all(|i| i.diagnosis.as_deref() == Some("signal 6")));
    }
    for h in struck(&histories, "baseline") {
        assert!(h.items.iter().any(|i| i.state == State::Lost));
        assert_eq!(h.run.ending.to_string(), "signal 6");
    }
    let before: BTreeMap<_, _> =
        names(&out).into_iter().map(|n| (n.clone(), fs::read(out.join(n)).unwrap())).collect();
    for command in ["judge", "report"] {
        scratch.okiagari(&format!("{command} out")).with(0);
        assert_eq!(names(&out), before.keys().cloned().collect());
        for (name, bytes) in &before {
            assert!(fs::read(out.join(name)).unwrap() == *bytes, "{command} changed {name}");
        }
    }
}

#[test]
fn all_subjects_of_a_block_meet_the_same_faults_and_twins_meet_none() {
    let (_scratch, histories) = run();
    for block in 0..2 {
        let decided = |subject| {
            let history = struck(&histories, subject).into_iter().find(|h| h.run.block == block);
            let of = |i: &history::Injection| (i.item, (i.fault, i.attempt));
            history
                .unwrap()
                .injections
                .iter()
                .map(of)
                .filter(|(_, (_, attempt))| *attempt == 0)
                .collect::<BTreeMap<_, _>>()
        };
        let (few, many) = (decided("baseline"), decided("okiagari"));
        assert!(!few.is_empty() && few.len() <= many.len());
        // The baseline fell early: what it met is part of what the other met.
        assert!(few.iter().all(|(item, fault)| many.get(item) == Some(fault)), "{few:?} {many:?}");
        let seeds = histories.iter().filter(|h| h.run.block == block).map(|h| h.run.seed);
        assert_eq!(seeds.collect::<BTreeSet<_>>().len(), 1);
    }
    assert!(histories.iter().filter(|h| !h.run.faults).all(|h| h.injections.is_empty()));
}

#[test]
fn the_same_seed_strikes_the_same_items_and_another_seed_others() {
    let fired = |histories: &[History]| -> BTreeSet<_> {
        let of = struck(histories, "okiagari");
        let all = of.iter().flat_map(|h| h.injections.iter().map(move |i| (h.run.block, i)));
        all.map(|(block, i)| (block, i.item, i.attempt, i.fault.to_string())).collect()
    };
    let (scratch, first) = run();
    scratch.okiagari("experiment tiny.toml --out again").with(0);
    let again = history::read(&scratch.path("again")).unwrap();
    assert_eq!(fired(&first), fired(&again));
    scratch.okiagari("experiment tiny.toml --seed 4 --out other").with(0);
    let other = history::read(&scratch.path("other")).unwrap();
    assert_ne!(fired(&first), fired(&other));
}

#[test]
fn the_judges_shout_when_a_real_result_is_tampered_with() {
    let (scratch, histories) = run();
    let whole = struck(&histories, "okiagari")[0];
    let verdicts = |h: &History| Oracle::PROMISES.map(|o| o.judge(h).answer());
    use Answer::{Broken, Holds, Unknown};
    assert_eq!(verdicts(whole), [Holds; 3]);
    let altered = |alter: &dyn Fn(&mut History)| {
        let mut history = whole.clone();
        alter(&mut history);
        verdicts(&history)
    };
    // Lost, twice, corrupted, in this order.
    let lost = altered(&|h| {
        h.items[7].state = State::Lost;
        h.items[7].deliveries = 0;
        h.items[7].found_blake3 = None;
    });
    assert_eq!(lost, [Broken, Holds, Holds]);
    let vanished = altered(&|h| h.items[7].found_blake3 = None);
    assert_eq!(vanished[0], Broken, "declared done, and no file is there");
    assert_eq!(altered(&|h| h.items[7].deliveries = 2), [Holds, Broken, Holds]);
    assert_eq!(altered(&|h| h.run.foreign_files = 1), [Holds, Broken, Holds]);
    let flipped = altered(&|h| h.items[7].found_blake3 = Some(Checksum(0)));
    assert_eq!(flipped, [Holds, Holds, Broken]);
    let misplaced = altered(&|h| {
        let other = h.items[8].found_blake3;
        h.items[8].found_blake3 = std::mem::replace(&mut h.items[7].found_blake3, other);
    });
    assert_eq!(misplaced, [Holds, Holds, Broken]);
    assert_eq!(altered(&|h| h.items.truncate(63)), [Unknown; 3], "silence is no good news");
    assert_eq!(altered(&|h| h.run.events_missed = 1)[..2], [Unknown, Unknown]);
    // And from the files: a changed checksum is found by `judge`, whose exit code says so.
    let path = scratch.path("out/items.csv");
    let text = fs::read_to_string(&path).unwrap();
    let golden = whole.items[7].golden_blake3.unwrap().to_string();
    let right = format!("{golden},{golden}\n");
    assert!(text.contains(&right));
    fs::write(&path, text.replace(&right, &format!("{},{golden}\n", "0".repeat(32)))).unwrap();
    let ended = scratch.okiagari("judge out").with(1);
    assert!(ended.stdout.contains("nothing-corrupted"), "{}", ended.stdout);
    fs::write(&path, &text[..text.len() - 20]).unwrap();
    let ended = scratch.okiagari("judge out").with(2);
    assert!(ended.stderr.contains("items.csv, line"), "{}", ended.stderr);
}
