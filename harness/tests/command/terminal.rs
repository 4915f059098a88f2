//! What is seen on a terminal, and what is not: the film, the bar, colours, silence; and what a shell completes.

use crate::process::{Ended, Scratch};
use std::fs;

const MOVED: &str = r#"
name     = "moved"
question = "What is to be seen?"
seed     = 5
blocks   = 1

[workload]
input = "synthetic:512x512"
tile  = 64

[[strike]]
fault = "abort"
when  = { item = 20 }

[subject.baseline]
[subject.okiagari]
workers = 1                # nobody else can do the rest: the successor has to come
"#;

/// Runs `okiagari` on a terminal of 100 columns of its own: all that it was sent.
fn on_a_terminal(scratch: &Scratch, environment: &str, words: &str) -> String {
    let script =
        format!("script -qec 'stty cols 100; {environment} \"$OKIAGARI\" {words}' /dev/null");
    scratch.shell(&["env"], &script).with(0).stdout
}

/// The text without what moves the cursor and clears lines.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest =
        |part: &str| part.trim_start_matches(|c: char| !c.is_ascii_alphabetic())[1..].to_owned();
    parts.fold(first, |all, part| all + &rest(part)).replace('\r', "\n")
}

#[test]
fn a_trial_is_a_line_of_what_fell_and_what_got_up() {
    let scratch = Scratch::new();
    fs::write(scratch.path("moved.toml"), MOVED).unwrap();
    let sent = on_a_terminal(&scratch, "TERM=xterm NO_COLOR=1", "experiment moved.toml --out out");
    assert!(!sent.contains("\x1b[31m") && !sent.contains("\x1b[32m"), "{sent:?}");
    let text = without_escapes(&sent);
    let line = |who: &str, end: &str| {
        let found = text.lines().find(|l| l.starts_with(who) && l.contains(end));
        found
            .unwrap_or_else(|| panic!("no line of {who} that ends in {end:?} in\n{text}"))
            .to_owned()
    };
    let symbols = |line: &str| line.chars().filter(|c| ".X^".contains(*c)).collect::<String>();
    // The end of the line has times, with dots in them.
    let strip = |line: &str| symbols(line.split("64/64").next().unwrap_or_default());
    let ours = strip(&line("okiagari  ", "recovered"));
    let bare: String = ours.chars().filter(|c| *c != '.').collect();
    assert!(bare == "X^" && ours.starts_with('.') && ours.ends_with('.'), "{ours}");
    assert!(line("baseline  ", "abort").contains('X'));
    assert!(!strip(&line("okiagari, twin", "finished")).contains('X'));
    assert!(text.contains(". tiles done   X died   ^ risen"), "{text}");
    // What was only for the moment is gone before the table comes.
    let (moving, table) = sent.split_once('┌').unwrap();
    assert!(moving.contains("\x1b[2K") && !table.contains('\x1b'), "{sent:?}");

    let sent = on_a_terminal(&scratch, "TERM=xterm NO_COLOR=", "experiment moved.toml --overwrite");
    assert!(sent.contains("\x1b[31mX\x1b[0m"), "{sent:?}");
    // The job itself has a bar; a terminal that can only add lines, and one that is to stay quiet, have none.
    for (environment, words, is_live, tells) in [
        ("TERM=xterm", "", true, true),
        ("TERM=dumb", "", false, true),
        ("TERM=xterm", "--quiet", false, false),
    ] {
        let job = format!("run synthetic:256x256 --tile 64 --overwrite --out tiles {words}");
        let sent = on_a_terminal(&scratch, environment, &job);
        assert_eq!(sent.contains('\x1b'), is_live, "{environment} {words}: {sent:?}");
        assert_eq!(sent.contains("okiagari: 16 tiles, 0.1 Mpx, seed 1"), tells, "{sent:?}");
        assert!(sent.contains("16 of 16 tiles are in tiles\r\n"), "{sent:?}");
    }
}

#[test]
fn quiet_is_quiet_but_for_errors_and_results() {
    let scratch = Scratch::new();
    fs::write(scratch.path("moved.toml"), MOVED).unwrap();
    let silent = |words: &str| -> Ended {
        let ended = scratch.okiagari(words);
        assert_eq!(ended.stderr, "", "{words}");
        ended
    };
    let job = "run synthetic:256x256 --tile 64";
    assert!(silent(&format!("{job} --out a --quiet")).with(0).stdout.starts_with("16 of 16 tiles"));
    assert!(silent(&format!("-q {job} --out b --json")).with(0).stdout.starts_with('{'));
    assert!(
        silent("experiment moved.toml --out out -q").with(0).stdout.contains("delivered right")
    );
    assert!(silent("--quiet replay a").with(0).stdout.contains("16 of 16 tiles"));
    let refused = scratch.okiagari("experiment nowhere.toml -q").with(2);
    assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    // Reproducing takes its time; that it is to be quiet is seen where all is there already.
    let all = scratch.okiagari("reproduce --dry-run --quiet").with(0);
    assert_eq!(all.stderr, "");
}

#[test]
fn a_shell_completes_commands_experiments_and_subjects() {
    let scratch = Scratch::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = scratch.okiagari(&format!("completions {shell}")).with(0).stdout;
        assert!(script.contains("completions") && script.contains("htpipe"), "{shell}: {script}");
        fs::write(scratch.path(shell), script).unwrap();
    }
    let completed = |words: &str| {
        let all: Vec<_> = format!("okiagari {words}").split(' ').map(str::to_owned).collect();
        let [.., before, last] = &all[..] else { panic!("two words") };
        let (line, count) = (all.join(" "), all.len() - 1);
        let script = format!(
            "bash -c 'source ./bash; COMP_WORDS=({line}); COMP_CWORD={count}; \
             _okiagari okiagari \"{last}\" \"{before}\"; echo ${{COMPREPLY[*]}}'"
        );
        scratch.shell(&["env"], &script).with(0).stdout
    };
    for (words, offered) in [
        ("exp", "experiment explain\n"),
        ("experiment e3", "e3-ffi-abort e3-big-worker\n"),
        ("run --subject h", "htpipe\n"),
        ("run --qui", "--quiet\n"),
    ] {
        let mut found: Vec<_> = completed(words).split_whitespace().map(str::to_owned).collect();
        let mut expected: Vec<_> = offered.split_whitespace().map(str::to_owned).collect();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{words}");
    }
}
