//! Stored results, claimed of, planned for and compared. Nothing runs here but the command itself.

use crate::process::Scratch;
use harness::experiment::{Experiment, Trial};
use harness::history::{Checksum, Ending, History, Injection, Item, Ring, Run, State};
use harness::noise::Noise;
use harness::report;
use pipelines::fault::{Fault, Point};
use std::fs;
use std::path::PathBuf;

/// The committed reference runs.
fn reference() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../results/reference")
}

/// Results made up, as they would lie after `okiagari experiment`: the plain program dies of its first fault, everybody
/// else pays for each with one more attempt. Whatever machine made the reference runs, these stay the same.
fn made_up(scratch: &Scratch, name: &str, to: &str) {
    let experiment = Experiment::load(name).unwrap();
    let history = |trial: &Trial| {
        let mut history = undisturbed(trial);
        if trial.faults && !experiment.strike.is_empty() {
            match &*trial.subject {
                "baseline" => fall(&mut history, 40),
                _ => (0..5).for_each(|n| redo(&mut history, n, 10 * u64::from(n))),
            }
        }
        history
    };
    let histories: Vec<_> = experiment.schedule().iter().map(history).collect();
    report::write(&scratch.path(to).join(name), &experiment, &histories).unwrap();
}

/// A tile each millisecond.
fn undisturbed(trial: &Trial) -> History {
    let item = |item: u64| Item {
        item,
        attempts: 1,
        state: State::Done,
        deliveries: 1,
        lent_ns: Some(item * 1_000_000),
        done_ns: Some(item * 1_000_000 + 900_000),
        work_ns: Some(800_000),
        found_blake3: Some(Checksum(item.into())),
        golden_blake3: Some(Checksum(item.into())),
    };
    let run = Run {
        run: trial.run,
        block: trial.block,
        order_in_block: trial.order_in_block,
        subject: trial.subject.clone(),
        faults: trial.faults,
        seed: trial.seed,
        items: 64,
        pixels: 64 * 65_536,
        wall_ns: 65_000_000 + u64::from(trial.run) * 7919 % 100_000,
        cpu_ns: None,
        ending: Ending::Complete,
        deaths: 0,
        restarts: 0,
        orphans: 0,
        foreign_files: 0,
        events_missed: 0,
        noise: Noise::default(),
    };
    let items = (0..64).map(item).collect();
    History { run, injections: vec![], resources: vec![], events: vec![], items }
}

/// An abort that was noticed.
fn abort(injection: u32, item: u64, contained_at: Ring) -> Injection {
    let after = |ns: u64| Some(item * 1_000_000 + ns);
    Injection {
        injection,
        fault: Fault::Abort,
        item,
        attempt: 0,
        point: Point::Native,
        lane: 0,
        permanent: false,
        armed_ns: item * 1_000_000,
        reached_ns: after(100_000),
        fired_ns: after(100_000),
        error_ns: after(150_000),
        effect_ns: after(200_000),
        detected_ns: after(200_000),
        acted_ns: None,
        ready_ns: None,
        lent_again_ns: None,
        first_ns: None,
        accepted_ns: None,
        work_ns: None,
        diagnosis: Some("signal 6".into()),
        contained_at: Some(contained_at),
        restarts: 0,
    }
}

fn fall(history: &mut History, victim: u64) {
    history.injections.push(abort(0, victim, Ring::Subject));
    history.run.ending = Ending::Signal(6);
    history.run.wall_ns = victim * 1_000_000 + 300_000;
    for item in &mut history.items[victim as usize..] {
        (item.state, item.deliveries, item.done_ns) = (State::Lost, 0, None);
        (item.work_ns, item.found_blake3) = (None, None);
    }
}

fn redo(history: &mut History, injection: u32, victim: u64) {
    let mut abort = abort(injection, victim, Ring::Worker);
    let after = |ns: u64| Some(victim * 1_000_000 + ns);
    (abort.acted_ns, abort.ready_ns) = (after(250_000), after(250_000));
    (abort.lent_again_ns, abort.work_ns) = (after(300_000), Some(800_000));
    (abort.first_ns, abort.accepted_ns) = (after(1_500_000), after(1_500_000));
    abort.restarts = 1;
    history.injections.push(abort);
    history.run.deaths += 1;
    let item = &mut history.items[victim as usize];
    (item.attempts, item.done_ns) = (2, after(1_500_000));
}

fn claim(scratch: &Scratch, subject: &str, rest: &str) {
    let text = format!(
        "[[claim]]\nid = \"mine\"\nstatement = \"It is so.\"\nexperiment = \"e3-ffi-abort\"\n\
         subject = \"{subject}\"\ncommand = \"okiagari experiment e3-ffi-abort\"\nminutes = 3\ndisk_mib = 5\n{rest}\n"
    );
    fs::write(scratch.path("mine.toml"), text).unwrap();
}

#[test]
fn the_committed_reference_is_verified_and_its_limits_are_told() {
    let scratch = Scratch::new();
    let ended = scratch.okiagari(&format!("verify {}", reference().display()));
    let text = &ended.stdout;
    let count = |word: &str| text.lines().filter(|l| l.starts_with(word)).count();
    assert!(count("PASS  ") > 0, "{text}{}", ended.stderr);
    // Too few samples are no success, and no failure either.
    let worst = match (count("FAIL  "), count("INCONCLUSIVE  ")) {
        (0, 0) => 0,
        (0, _) => 4,
        _ => 1,
    };
    assert_eq!(ended.code, Some(worst), "{text}");
    assert!(text.contains("What these results do not show:"), "{text}");
    assert!(text.contains("× abort came back right"), "{text}");
}

#[test]
fn the_exit_code_says_the_worst_verdict() {
    let scratch = Scratch::new();
    made_up(&scratch, "e3-ffi-abort", "results/reference");
    let promise = |rule: &str| format!("oracle = \"nothing-lost\"\nrule = \"{rule}\"\nn_min = 1");
    let coverage = |rule: &str| format!("measure = \"coverage\"\nrule = \"{rule}\"\nn_min = 1");
    for (subject, rest, code, verdict) in [
        ("baseline", promise("broken"), 0, "PASS"),
        ("baseline", promise("holds"), 1, "FAIL"),
        ("okiagari", promise("holds").replace("= 1", "= 100000"), 4, "INCONCLUSIVE"),
        ("okiagari", coverage("lower >= 0.8"), 0, "PASS"),
        ("okiagari", coverage("lower >= 0.99999"), 4, "INCONCLUSIVE"),
        ("baseline", coverage("lower >= 0.8"), 1, "FAIL"),
        ("nobody", coverage("lower >= 0.8"), 4, "INCONCLUSIVE"),
    ] {
        claim(&scratch, subject, &rest);
        let ended = scratch.okiagari("verify --claims mine.toml").with(code);
        let head = format!("{verdict}  It is so.");
        assert!(ended.stdout.starts_with(&head), "{subject} {rest}: {}", ended.stdout);
        assert!(ended.stderr.contains("looking at results/reference"), "{}", ended.stderr);
    }
    // The nearer results win.
    made_up(&scratch, "e3-ffi-abort", "results");
    assert_eq!(scratch.okiagari("verify --claims mine.toml").with(4).stderr, "");
}

#[test]
fn what_cannot_be_verified_planned_or_compared_is_refused_in_a_sentence() {
    let scratch = Scratch::new();
    made_up(&scratch, "e3-ffi-abort", "a");
    made_up(&scratch, "e2-process-shutdown", "a");
    fs::write(scratch.path("bad.toml"), "claim = 1").unwrap();
    for (words, why) in [
        ("verify", "results is no folder"),
        ("verify a/e3-ffi-abort", "is the folder of one experiment"),
        ("verify a --claims bad.toml", "bad.toml, line 1"),
        ("verify a --claims none.toml", "none.toml cannot be read"),
        ("compare a/e3-ffi-abort a/e2-process-shutdown", "results of different experiments"),
        ("compare a/e3-ffi-abort nowhere", "nowhere/run.toml cannot be read"),
        ("plan --experiment nothing", "there is no experiment called"),
        ("plan --coverage 1", "above 0 and below 1"),
        ("plan --confidence 95", "above 0 and below 1"),
        ("plan --failures 1001", "1001 is not in"),
    ] {
        let ended = scratch.okiagari(words).with(2);
        assert!(ended.stderr.contains(why), "{words}: {}", ended.stderr);
    }
    let items = scratch.path("a/e3-ffi-abort/items.csv");
    fs::write(&items, fs::read_to_string(&items).unwrap().trim_end()).unwrap();
    let ended = scratch.okiagari("verify a").with(2);
    assert!(ended.stderr.contains("items.csv, line"), "{}", ended.stderr);
}

#[test]
fn a_plan_says_the_price_and_results_are_like_themselves() {
    let scratch = Scratch::new();
    let plan = scratch.okiagari("plan").with(0).stdout;
    assert!(plan.contains("299  473  628  773"), "{plan}");
    let plan = scratch.okiagari("plan --experiment e3-ffi-abort").with(0).stdout;
    assert!(plan.contains("nothing is known of its time"), "{plan}");
    made_up(&scratch, "e3-ffi-abort", "results");
    let plan = scratch.okiagari("plan --experiment e3-ffi-abort --failures 1").with(0).stdout;
    assert!(plan.contains("until 473 faults have fired"), "{plan}");
    assert!(plan.contains("okiagari experiment e3-ffi-abort --trials "), "{plan}");
    let dir = "results/e3-ffi-abort";
    let same = scratch.okiagari(&format!("compare {dir} {dir}")).with(0).stdout;
    assert!(same.contains("indistinguishable") && same.contains("\n0 of "), "{same}");
    assert!(same.contains("No control lies beside"), "{same}");
    made_up(&scratch, "e1-availability", "results");
    let same = scratch.okiagari(&format!("compare {dir} {dir}")).with(0).stdout;
    assert!(same.contains("is taken from results/e1-availability"), "{same}");
}
