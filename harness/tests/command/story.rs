//! From a fault in a real process to its story: the marks are there, in their order, and the words follow from them.

use crate::process::{Scratch, rows};
use harness::history::{self, History, Injection, Ring, read_events};
use pipelines::fault::Fault;
use std::fs;

const STRUCK: &str = r#"
name     = "struck"
question = "What happens, and when?"
seed     = 5
blocks   = 1

[workload]
input     = "synthetic:512x512"
tile      = 64
operation = ["blur:2"]

[[strike]]
fault = "shutdown"
when  = { item = 5 }

[[strike]]
fault = "abort"
when  = { item = 40 }

[subject.baseline]
[subject.broadway]
[subject.okiagari]
"#;

fn injection(h: &History, fault: Fault) -> &Injection {
    h.injections.iter().find(|i| i.fault == fault).unwrap_or_else(|| panic!("no {fault} in {h:?}"))
}

/// Those of the marks that are there, which must be in their order.
fn marks(i: &Injection) -> Vec<u64> {
    let own = [Some(i.armed_ns), i.reached_ns, i.fired_ns, i.error_ns, i.detected_ns, i.acted_ns];
    let marks: Vec<u64> = own.into_iter().chain([i.ready_ns]).flatten().collect();
    assert!(marks.is_sorted(), "{i:?}");
    assert!(i.effect_ns.is_none() || i.effect_ns >= i.fired_ns, "{i:?}");
    marks
}

#[test]
fn a_fault_leaves_all_its_marks_and_its_story_can_be_told() {
    let scratch = Scratch::new();
    fs::write(scratch.path("struck.toml"), STRUCK).unwrap();
    // Nothing is expected, so that nothing can be said to have held.
    scratch.okiagari("experiment struck.toml --out out").with(0);
    let out = scratch.path("out");
    let histories = history::read(&out).unwrap();
    let of = |subject: &str| {
        histories.iter().find(|h| h.run.subject == subject && h.run.faults).unwrap()
    };
    let (ours, broadway, baseline) = (of("okiagari"), of("broadway"), of("baseline"));
    for (fault, cause) in [(Fault::Shutdown, "signal 9"), (Fault::Abort, "signal 6")] {
        let i = injection(ours, fault);
        assert_eq!(marks(i).len(), 7, "{i:?}");
        assert!(i.lent_again_ns > i.detected_ns && i.lent_again_ns < i.accepted_ns, "{i:?}");
        assert!(
            i.first_ns.is_some() && i.accepted_ns.is_some() && i.effect_ns == i.detected_ns,
            "{i:?}"
        );
        assert_eq!((i.diagnosis.as_deref(), i.contained_at), (Some(cause), Some(Ring::Worker)));
        assert_eq!((i.restarts, i.permanent), (1, false), "{i:?}");
    }
    let left = injection(broadway, Fault::Shutdown);
    assert!(marks(left).len() == 7 && left.accepted_ns.is_none(), "{left:?}");
    assert_eq!((left.diagnosis.as_deref(), left.contained_at), (Some("left"), Some(Ring::Pool)));
    // Nobody in the baseline notices that a thread has left; what ends all of it the observer does.
    let left = injection(baseline, Fault::Shutdown);
    assert_eq!((marks(left).len(), left.detected_ns, left.effect_ns), (3, None, None), "{left:?}");
    for h in [broadway, baseline] {
        let i = injection(h, Fault::Abort);
        assert!(i.effect_ns.is_some() && marks(i).len() == 5, "{i:?}");
        assert_eq!(
            (i.diagnosis.as_deref(), i.contained_at),
            (Some("signal 6"), Some(Ring::Subject))
        );
    }
    for h in &histories {
        assert!(!read_events(&out, h.run.run).unwrap().is_empty(), "run {}", h.run.run);
        assert!(h.resources.iter().all(|r| r.threads > 0 && r.rss_bytes > 0), "{:?}", h.resources);
    }
    tell(&scratch, ours);
}

fn tell(scratch: &Scratch, ours: &History) {
    let (run, abort) = (ours.run.run, injection(ours, Fault::Abort));
    let told = scratch.okiagari(&format!("explain out:{run} {}", abort.injection)).with(0).stdout;
    let parts = [
        format!("Injection {} of run {run} (okiagari, block 0,", abort.injection),
        format!("tile 40 was lent to lane {}", abort.lane),
        "called it SIGABRT, which is what it was".to_owned(),
        "its result was accepted".to_owned(),
        "Meanwhile ".to_owned(),
        "\nOutcome: recovered".to_owned(),
    ];
    for part in parts {
        assert!(told.contains(&part), "{part}\n{told}");
    }
    let list = scratch.okiagari(&format!("explain out:{run}")).with(0).stdout;
    assert_eq!(list.lines().count(), 2, "{list}");
    assert_eq!(scratch.okiagari("explain out").with(0).stdout.lines().count(), 6);
    for (words, why) in [
        ("explain out:99", "has no run 99; it has 6, from 0"),
        (&*format!("explain out:{run} 7"), "has no injection 7; it has 2, from 0"),
        ("explain out 7", "an injection belongs to a run"),
        ("explain nowhere:1", "run.toml cannot be read"),
    ] {
        let ended = scratch.okiagari(words).with(2);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
    // A story without its events is shorter, and no error.
    fs::remove_file(scratch.path("out/events.csv")).unwrap();
    let short = scratch.okiagari(&format!("explain out:{run} {}", abort.injection)).with(0).stdout;
    assert!(!short.contains("Meanwhile") && short.contains("Outcome: "), "{short}");
    let faults = rows(&scratch.path("out/faults.csv"));
    assert!(
        faults.iter().any(|r| r["outcome"].starts_with("recovered") && r["subject"] == "okiagari")
    );
}
