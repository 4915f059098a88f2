//! Programs that are not ours: seen from outside, struck by signals, judged by their pixels.

use crate::process::{Scratch, signal, until};
use harness::history::{self, History, State};
use harness::oracle::{Answer, Oracle};
use std::fs;
use std::path::Path;
use std::process::Command;

const HEAD: &str = "seed = 5\nblocks = 1\n[workload]\n";
/// 64 small tiles.
const SMALL: &str = "input = \"synthetic:512x512\"\ntile = 64\n";
/// 64 tiles that take long enough for a signal that is due early to find the program at work.
const LARGE: &str =
    "input = \"synthetic:2048x2048\"\ntile = 256\noperation = [\"grayscale\"]\nformat = \"raw\"\n";
const ALL: usize = 64;
const TILES: &str =
    r#"["./tiles", "{input_ppm}", "{out}", "{name}", "{tile}", "{workers}", "{operation}"]"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// A folder with the program in C.
fn built() -> Scratch {
    let scratch = Scratch::new();
    let source = root().join("experiments/subjects/tiles.c");
    let mut cc = Command::new("cc");
    let cc = cc.args(["-O2", "-Wall", "-Wextra", "-Werror", "-o"]).arg(scratch.path("tiles"));
    assert!(cc.arg(source).status().unwrap().success(), "tiles.c does not build");
    scratch
}

/// Runs an experiment of these tables from its beginning, which ends with `code`; its trials with faults, in order of their names.
fn experiment(scratch: &Scratch, tables: &str, code: i32) -> Vec<History> {
    let text = format!("name = \"it\"\nquestion = \"What?\"\n{HEAD}{tables}");
    fs::write(scratch.path("it.toml"), text).unwrap();
    scratch.okiagari("experiment it.toml --out it --overwrite").with(code);
    let mut struck = history::read(&scratch.path("it")).unwrap();
    struck.retain(|h| h.run.faults);
    struck.sort_by(|a, b| a.run.subject.cmp(&b.run.subject));
    struck
}

fn right(h: &History) -> usize {
    h.items.iter().filter(|i| i.right()).count()
}

#[test]
fn a_killed_worker_of_a_program_in_c_is_replaced_and_the_observer_signed_for_it() {
    let scratch = built();
    let tables = format!(
        "{LARGE}[[strike]]\nfault = \"segfault\"\nwhen = {{ item = 8 }}\n\
         [subject.tiles]\ncommand = {TILES}\nworkers = 2\n"
    );
    let histories = experiment(&scratch, &tables, 0);
    let [h] = &histories[..] else { panic!("one trial with faults") };
    assert_eq!((right(h), &*h.run.ending.to_string()), (ALL, "complete"));
    assert_eq!((h.run.orphans, h.run.foreign_files, h.run.restarts), (0, 0, 0));
    assert!(h.items.iter().all(|i| i.deliveries == 1 && i.done_ns.is_some()));
    let [injection] = &h.injections[..] else { panic!("one signal was due") };
    assert_eq!(injection.fault.to_string(), "segfault");
    let fired = injection.fired_ns.unwrap();
    let before = h.items.iter().filter(|i| i.done_ns.unwrap() <= fired).count();
    assert!(before >= 8, "only {before} tiles were finished when the signal went out");
}

#[test]
fn a_command_that_is_killed_stays_down_goes_on_or_begins_again_as_it_was_told() {
    let scratch = built();
    let tables = format!(
        "{LARGE}[[strike]]\nfault = \"kill-subject\"\nwhen = {{ item = 8 }}\n\
         [subject.a]\ncommand = {TILES}\nworkers = 1\n\
         [subject.b]\ncommand = {TILES}\nworkers = 1\nagain = \"resume\"\n\
         [subject.c]\ncommand = {TILES}\nworkers = 1\nagain = \"from-zero\"\n"
    );
    let histories = experiment(&scratch, &tables, 0);
    let [never, resume, zero] = &histories[..] else { panic!("three subjects") };
    for h in &histories {
        let fired = h.injections.iter().filter(|i| i.fired_ns.is_some());
        assert_eq!(fired.count(), 1, "{}: it strikes once", h.run.subject);
        assert_eq!(h.injections[0].diagnosis.as_deref(), Some("signal 9"), "{}", h.run.subject);
        assert!(h.items.iter().all(|i| i.deliveries == u32::from(i.right())), "{}", h.run.subject);
    }
    assert_eq!(never.run.ending.to_string(), "signal 9");
    assert!((8..ALL).contains(&right(never)), "{}", right(never));
    assert!(never.items.iter().all(|i| (i.state == State::Lost) != i.right()));
    assert_eq!((right(resume), resume.run.restarts), (ALL, 1));
    assert_eq!((right(zero), zero.run.restarts), (ALL, 1));
    let earlier = |h: &History| {
        let fired = h.injections[0].fired_ns;
        h.items.iter().filter(|i| i.done_ns < fired).count()
    };
    assert!(earlier(resume) >= 7, "{}", earlier(resume));
    assert_eq!(earlier(zero), 0, "what was removed does not count");
}

#[test]
fn moments_and_chances_strike_too_and_a_seed_draws_the_same() {
    let scratch = built();
    let tables = format!(
        "{LARGE}[[strike]]\nfault = \"kill-subject\"\nwhen = {{ at_ms = 0 }}\n\
         [[strike]]\nfault = \"shutdown\"\nwhen = {{ p = 0.1 }}\n\
         [subject.tiles]\ncommand = {TILES}\nworkers = 1\nagain = \"resume\"\n"
    );
    let drawn = || {
        let histories = experiment(&scratch, &tables, 0);
        let h = &histories[0];
        assert_eq!((right(h), h.run.restarts), (ALL, 1));
        let of = |fault: &str| {
            let of = h.injections.iter().filter(|i| i.fault.to_string() == fault);
            of.map(|i| i.item).collect::<Vec<_>>()
        };
        assert_eq!(of("kill-subject").len(), 1);
        // One worker does tile after tile. The last ones may all be there when the program ends.
        of("shutdown").into_iter().filter(|item| *item < 50).collect::<Vec<_>>()
    };
    let first = drawn();
    assert!(!first.is_empty());
    assert_eq!(drawn(), first);
}

#[test]
fn what_a_command_did_not_do_right_is_seen_in_its_files() {
    let scratch = built();
    let after = |script: &str| {
        format!(
            r#"["sh", "-c", "./tiles $0 $1 synthetic 64 2 none && cd $1 && {script}", "{{input_ppm}}", "{{out}}"]"#
        )
    };
    let tables = [
        ("a-good", after("true")),
        ("b-idle", r#"["true", "{input}", "{out}"]"#.to_owned()),
        ("c-torn", after("truncate -s 9 synthetic_3_3.raw")),
        (
            "d-swapped",
            after(
                "mv synthetic_0_0.raw x && mv synthetic_0_1.raw synthetic_0_0.raw && mv x synthetic_0_1.raw",
            ),
        ),
        ("e-stray", after("cp synthetic_0_0.raw synthetic_99_9.raw")),
        ("f-twice", after("cp synthetic_0_0.raw x && mv x synthetic_0_0.raw")),
        ("g-as-png", after("echo no picture > synthetic_0_0.png")),
    ];
    let tables: String = tables
        .iter()
        .map(|(name, words)| format!("[subject.{name}]\ncommand = {words}\n"))
        .collect();
    let histories = experiment(&scratch, &format!("{SMALL}{tables}"), 1);
    use Answer::{Broken, Holds};
    let verdicts: Vec<_> = histories
        .iter()
        .map(|h| (&*h.run.subject, Oracle::PROMISES.map(|o| o.judge(h).answer())))
        .collect();
    // Lost, twice, corrupted, in this order.
    assert_eq!(
        verdicts,
        [
            ("a-good", [Holds, Holds, Holds]),
            ("b-idle", [Broken, Holds, Holds]),
            ("c-torn", [Holds, Broken, Broken]),
            ("d-swapped", [Holds, Broken, Broken]),
            ("e-stray", [Holds, Broken, Holds]),
            ("f-twice", [Holds, Broken, Holds]),
            ("g-as-png", [Holds, Broken, Broken]),
        ]
    );
    assert!(histories.iter().all(|h| h.run.ending.to_string() == "complete"));
    let swapped = Oracle::NothingCorrupted.judge(&histories[3]);
    assert!(
        swapped.detail().contains("item 0 is misplaced: its file is that of item 1"),
        "{swapped:?}"
    );
}

#[test]
fn a_command_that_cannot_work_here_ends_the_experiment_with_its_own_words() {
    let scratch = Scratch::new();
    for (command, words) in [
        (
            r#"["./nowhere", "{input}", "{out}"]"#,
            "\"./nowhere\" could not be started: it is not there",
        ),
        (
            r#"["sh", "-c", "echo first >&2; echo no engine today >&2; exit 2", "{input}", "{out}"]"#,
            "the command of mine refused: no engine today",
        ),
    ] {
        let text = format!(
            "name = \"it\"\nquestion = \"What?\"\n{HEAD}{SMALL}[subject.mine]\ncommand = {command}\n"
        );
        fs::write(scratch.path("it.toml"), text).unwrap();
        let ended = scratch.okiagari("experiment it.toml --out it").with(2);
        let last = ended.stderr.lines().last().unwrap();
        assert!(last.contains(words), "{}", ended.stderr);
    }
}

#[test]
fn control_c_ends_a_command_with_all_that_it_started() {
    let scratch = Scratch::new();
    // A shell whose child has a child, and none of them ever ends.
    let command =
        r#"["sh", "-c", "sh -c 'echo > here; exec tail -f here' & wait", "{input}", "{out}"]"#;
    let text = format!(
        "name = \"it\"\nquestion = \"What?\"\n{HEAD}{SMALL}[subject.mine]\ncommand = {command}\n"
    );
    fs::write(scratch.path("it.toml"), text).unwrap();
    let started = scratch.start("experiment it.toml --out it");
    until("the command has started its own", || {
        scratch.path("here").exists() && started.processes().len() >= 3
    });
    signal(started.pid, rustix::process::Signal::INT);
    // `end` sees that no process is left.
    started.end().with(130);
}

/// The first on the path may be another than the one for which the system installs libraries.
fn python_with_pillow() -> Option<&'static str> {
    ["python3", "/usr/bin/python3"].into_iter().find(|python| {
        let output = Command::new(python).args(["-c", "import PIL"]).output();
        output.is_ok_and(|output| output.status.success())
    })
}

#[test]
fn the_pool_in_python_breaks_when_a_worker_is_killed_and_goes_on_when_told_to() {
    let Some(python) = python_with_pillow() else {
        eprintln!("skipped: there is no python3 with Pillow (apt install python3-pil)");
        return;
    };
    let scratch = Scratch::new();
    let pool = root().join("experiments/subjects/pool.py");
    let command = format!(
        r#"["{python}", "{}", "{{input}}", "{{out}}", "{{name}}", "{{tile}}", "{{workers}}", "{{operation}}", "{{resume}}"]"#,
        pool.display()
    );
    let tables = format!(
        "{SMALL}operation = [\"grayscale\"]\n[[strike]]\nfault = \"shutdown\"\nwhen = {{ item = 5 }}\n\
         [subject.a]\ncommand = {command}\nworkers = 2\ndeadline_ms = 1\n\
         [subject.b]\ncommand = {command}\nworkers = 2\ndeadline_ms = 1\nagain = \"resume\"\n"
    );
    let histories = experiment(&scratch, &tables, 0);
    let [never, resume] = &histories[..] else { panic!("two subjects") };
    // Python's pool says that it is broken, or, seldom, waits for ever for a lock that the dead worker held.
    let ending = never.run.ending.to_string();
    assert!(["exit 1", "hang"].contains(&&*ending), "{ending}");
    assert!(
        (5..ALL).contains(&right(never))
            && never.items.iter().all(|i| i.right() || i.found_blake3.is_none())
    );
    assert_eq!((right(resume), resume.run.restarts), (ALL, 1));
    assert!(resume.items.iter().all(|i| i.deliveries == 1));
}

#[test]
fn whoever_follows_the_page_on_foreign_subjects_sees_what_it_says() {
    let page = fs::read_to_string(root().join("docs/foreign-subjects.md")).unwrap();
    let scratch = Scratch::new();
    std::os::unix::fs::symlink(root().join("experiments"), scratch.path("experiments")).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_okiagari")).parent().unwrap();
    let path = format!("PATH={}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut typed = 0;
    for block in page.split("```").skip(1).step_by(2) {
        match block.split_once('\n').unwrap() {
            ("toml", text) => fs::write(scratch.path("mine.toml"), text).unwrap(),
            ("sh", command) => {
                let ended = scratch.shell(&["env", &path], command).with(0);
                assert!(
                    typed == 0 || ended.stdout.contains("tiles-c delivered all 128 tiles right")
                );
                typed += 1;
            }
            ("elixir", _) => {}
            (kind, _) => panic!("nobody knows what to do with a block of {kind:?}"),
        }
    }
    assert_eq!(typed, 2);
    // The page says of each placeholder and each struck fault what the program does.
    for (name, _) in harness::subject::foreign::PLACEHOLDERS {
        assert!(page.contains(&format!("| `{{{name}}}` |")), "{name}");
    }
    for entry in pipelines::fault::TABLE {
        let told = page.contains(&format!("`{}`", entry.name));
        assert_eq!(
            told,
            harness::subject::foreign::signal(entry.fault).is_some(),
            "{}",
            entry.name
        );
    }
}
