//! The rivals that are started again, and what lies between the subjects that have names.

use crate::picture::Picture;
use crate::process::{Scratch, summary, tiles};
use harness::history;
use serde_json::json;
use std::fs;

/// A picture of 24 tiles, for one thread: then what there is to do again does not depend on the moment.
const JOB: &str = "run scene.png --tile 32 --workers 1";

fn scene(scratch: &Scratch) {
    Picture::noise(180, 120, 3, 8).write_png(&scratch.path("scene.png"));
    scratch.okiagari(&format!("{JOB} --out right")).with(0);
}

#[test]
fn a_plain_program_that_is_started_again_does_all_of_it_or_what_is_missing() {
    let scratch = Scratch::new();
    scene(&scratch);
    // Items 0 to 8 were done, and the abort cost one attempt.
    for (subject, attempts) in [("restart", 9 + 1 + 24), ("resume", 1 + 24)] {
        let options = format!("--subject {subject} --fault abort@item=9 --out {subject}");
        let ended = scratch.okiagari(&format!("{JOB} {options}")).with(0);
        assert!(ended.stdout.contains("started again 1 time"), "{}", ended.stdout);
        let dir = scratch.path(subject);
        assert!(tiles(&dir) == tiles(&scratch.path("right")), "{subject}");
        let said = summary(&dir);
        let found = ["attempts", "restarts", "done", "duplicated"].map(|key| said[key].clone());
        assert_eq!(found, [json!(attempts), json!(1), json!(24), json!(0)], "{subject}");
        assert_eq!(said["deaths"], json!({ "signal 6": 1 }), "{subject}");
    }
}

#[test]
fn an_item_that_kills_each_time_ends_every_rival_and_they_say_so() {
    let scratch = Scratch::new();
    scene(&scratch);
    for (subject, restarts, words) in [
        ("baseline", 0, "died: SIGABRT"),
        // Each time it gets to item 9 again.
        ("restart", 20, "started again 20 times, and was given up"),
        // Item 9 is the first, three times in a row.
        ("resume", 3, "3 times in a row without one more tile"),
    ] {
        let options =
            format!("--subject {subject} --fault abort@item=9,attempts=all --out {subject}");
        let ended = scratch.okiagari(&format!("{JOB} {options}")).with(1);
        assert!(ended.stderr.contains(words), "{subject}: {}", ended.stderr);
        let said = summary(&scratch.path(subject));
        assert_eq!((&said["restarts"], &said["done"]), (&json!(restarts), &json!(9)), "{subject}");
    }
}

#[test]
fn a_tile_of_a_run_that_was_begun_again_is_done_when_it_was_done_last() {
    let scratch = Scratch::new();
    let text = "name = \"again\"\nquestion = \"When?\"\nseed = 3\nblocks = 1\n\
                [workload]\ninput = \"synthetic:256x256\"\ntile = 64\n\
                [[strike]]\nfault = \"kill-subject\"\nwhen = { item = 9 }\n\
                [subject.restart]\nworkers = 1\n[subject.resume]\nworkers = 1\n";
    fs::write(scratch.path("again.toml"), text).unwrap();
    scratch.okiagari("experiment again.toml --out out").with(0);
    let histories = history::read(&scratch.path("out")).unwrap();
    for h in histories.iter().filter(|h| h.run.faults) {
        assert_eq!((h.run.restarts, h.injections.len()), (1, 1), "{}", h.run.subject);
        let fell = h.injections[0].fired_ns.unwrap();
        assert!(h.items.iter().all(|i| i.right() && i.deliveries == 1), "{}", h.run.subject);
        let before = h.items.iter().filter(|i| i.done_ns.unwrap() < fell).count();
        assert_eq!(before, if h.run.subject == "restart" { 0 } else { 9 }, "{}", h.run.subject);
        assert!(h.items.iter().all(|i| i.lent_ns.unwrap() < i.done_ns.unwrap()));
    }
}

const BETWEEN: &str = r#"
name     = "between"
question = "Whose tile is lost?"
seed     = 3
blocks   = 1
workload = { input = "synthetic:512x512", tile = 64 }

[[strike]]
fault = "shutdown"
when  = { item = "8..24+8" }

[subject.threads]
isolation = "thread"
again     = "never"
[subject.hand-over]
delivery  = "hand-over"
[subject.shared]
isolation   = "shared"
deadline_ms = 300
[subject.tree]
supervision = "broadway"
max_demand  = 4
[subject.broadway-with-leases]
like      = "broadway"
delivery  = "lease"
[subject.broadway-one-by-one]
like        = "broadway"
supervision = "one-for-one"

[expect]
threads   = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
hand-over = { nothing-lost = "broken", nothing-twice = "holds", nothing-corrupted = "holds" }
shared    = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
tree      = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
broadway-with-leases = { nothing-lost = "holds", nothing-twice = "holds", nothing-corrupted = "holds" }
broadway-one-by-one  = { nothing-lost = "broken", nothing-twice = "holds", nothing-corrupted = "holds" }
"#;

#[test]
fn each_knob_turned_alone_does_what_it_says() {
    let scratch = Scratch::new();
    fs::write(scratch.path("between.toml"), BETWEEN).unwrap();
    scratch.okiagari("experiment between.toml --out out").with(0);
    let histories = history::read(&scratch.path("out")).unwrap();
    let lost = |name: &str| {
        let mut all = histories.iter().filter(|h| h.run.subject == name && h.run.faults);
        let h = all.next().unwrap();
        assert!(h.injections.iter().filter(|i| i.fired_ns.is_some()).count() == 3, "{name}");
        h.items.iter().filter(|i| !i.right()).map(|i| i.item).collect::<Vec<_>>()
    };
    // What is handed over one by one is lost one by one, by a thread as by a process.
    assert_eq!(lost("hand-over"), [8, 16, 24]);
    assert_eq!(lost("broadway-one-by-one"), [8, 16, 24]);
    assert_eq!(lost("threads"), [] as [u64; 0]);
}
