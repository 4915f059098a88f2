//! Stored results, claimed of, planned for and compared. Nothing runs here but the command itself.

use crate::made_up::made_up;
use crate::process::Scratch;
use std::fs;
use std::path::PathBuf;

/// The committed reference runs.
fn reference() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../results/reference")
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
    made_up(&scratch.path("results/reference"), "e3-ffi-abort", None);
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
    made_up(&scratch.path("results"), "e3-ffi-abort", None);
    assert_eq!(scratch.okiagari("verify --claims mine.toml").with(4).stderr, "");
}

#[test]
fn what_cannot_be_verified_planned_or_compared_is_refused_in_a_sentence() {
    let scratch = Scratch::new();
    made_up(&scratch.path("a"), "e3-ffi-abort", None);
    made_up(&scratch.path("a"), "e2-process-shutdown", None);
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
    made_up(&scratch.path("results"), "e3-ffi-abort", None);
    let plan = scratch.okiagari("plan --experiment e3-ffi-abort --failures 1").with(0).stdout;
    assert!(plan.contains("until 473 faults have fired"), "{plan}");
    assert!(plan.contains("okiagari experiment e3-ffi-abort --trials "), "{plan}");
    let dir = "results/e3-ffi-abort";
    let same = scratch.okiagari(&format!("compare {dir} {dir}")).with(0).stdout;
    assert!(same.contains("indistinguishable") && same.contains("\n0 of "), "{same}");
    assert!(same.contains("No control lies beside"), "{same}");
    made_up(&scratch.path("results"), "e1-availability", None);
    let same = scratch.okiagari(&format!("compare {dir} {dir}")).with(0).stdout;
    assert!(same.contains("is taken from results/e1-availability"), "{same}");
}
