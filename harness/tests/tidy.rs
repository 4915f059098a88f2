//! The rules of the house that a compiler does not know. A number is that of the invariant in the design.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 400;
/// Longer than they should be, each with what it may have until it is split.
const LONG: [(&str, usize); 0] = [];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The files below these folders with one of these endings, each with its path from the root and its text.
fn files(folders: &[&str], endings: &[&str]) -> Vec<(String, String)> {
    let mut open: Vec<_> = folders.iter().map(|f| root().join(f)).filter(|f| f.exists()).collect();
    let mut found = vec![];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|e| name.ends_with(e)) {
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "a rule that looks at nothing holds for nothing");
    found.sort();
    found
}

fn sources() -> Vec<(String, String)> {
    files(&["pipelines", "harness"], &[".rs"])
}

/// The lines of a source, numbered from 1, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(n, line)| {
        // `://` is an address within a string.
        let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
        (n + 1, comment.map_or(line, |(at, _)| &line[..at]))
    })
}

/// Whether a word stands in a line, and not as a part of a longer one.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// Asserts that there is nothing in the list.
#[track_caller]
fn none(rule: &str, broken: &[String]) {
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

#[test]
fn pipelines_never_heard_of_experiments_1() {
    let mut broken = vec![];
    for (name, text) in files(&["pipelines/src", "pipelines/benches"], &[".rs"]) {
        for (n, line) in code(&text) {
            let lower = line.to_lowercase();
            let words = ["experiment", "plotters", "harness", "csv", "faultplan", "fault_plan"];
            if words.iter().any(|w| lower.contains(w)) {
                broken.push(format!("{name}:{n}: {line}"));
            }
        }
    }
    none("pipelines knows no experiment, CSV file, plot or fault plan", &broken);
    let manifest = fs::read_to_string(root().join("pipelines/Cargo.toml")).unwrap();
    // `harness = false` of a test is another word.
    let dependency =
        |name: &str| manifest.lines().any(|line| line.starts_with(name) && !line.contains("false"));
    assert!(!["csv", "plotters", "harness"].into_iter().any(dependency));
}

#[test]
fn unsafe_stays_in_its_homes_and_says_why_it_is_sound_2() {
    let homes = [
        "pipelines/src/isolation/",
        "pipelines/src/fault/",
        "pipelines/src/black_box/",
        "pipelines/src/image/native.rs",
        "pipelines/src/image/native/",
        "pipelines/src/image/operations/",
    ];
    let (mut strays, mut silent, mut seen) = (vec![], vec![], 0);
    for (name, text) in sources().iter().filter(|(name, _)| !name.ends_with("/tidy.rs")) {
        let lines: Vec<_> = text.lines().collect();
        for (n, line) in code(text).filter(|(_, line)| has_word(line, "unsafe")) {
            seen += 1;
            if !homes.iter().any(|home| name.starts_with(home)) {
                strays.push(format!("{name}:{n}: {line}"));
            }
            // A declaration of foreign functions asserts nothing that a sentence could prove.
            let above = lines[..n - 1].iter().rev().take_while(|l| l.trim().starts_with("//"));
            let mut above = above.chain(lines.get(n.wrapping_sub(2)));
            let said = line.contains("unsafe extern")
                || above.any(|l| l.contains("SAFETY: ") || l.contains("# Safety"));
            if !said {
                silent.push(format!("{name}:{n}: {line}"));
            }
        }
    }
    none("unsafe stays in its homes", &strays);
    none("unsafe says why it is sound, in the comment right above", &silent);
    assert!(seen > 0, "this rule looked at nothing");
}

#[test]
fn no_channel_is_without_bounds_6() {
    // In two pieces, or this file would break its own rules.
    let words = [concat!("unbounded", "("), concat!("mpsc::", "channel")];
    let mut broken = vec![];
    for (name, text) in sources() {
        let bad = code(&text).filter(|(_, line)| words.iter().any(|w| line.contains(w)));
        broken.extend(bad.map(|(n, line)| format!("{name}:{n}: {line}")));
    }
    none("everything has a limit with a name", &broken);
}

/// Endings that are units.
const UNITS: [&str; 8] = ["_ns", "_ms", "_s", "_px", "_mib", "_bytes", "_px_per_s", "_per_s"];

/// Columns and keys that have no unit: names, counts, numbers of things, words, checksums, flags. `tile` and
/// `strips` (in pixels) and `low`, `high`, `estimate` (in the unit of their row) are named as their options are.
const UNITLESS: &str = "run block subject faults seed items pixels ending deaths restarts orphans \
    foreign_files events_missed noisy injection fault item attempt attempts diagnosis outcome state \
    deliveries found_blake3 golden_blake3 experiment measure unit n estimate low high method claim \
    expected observed held runs detail row col file file_blake3 pixels_blake3 done failed \
    quarantined lost duplicated faults_injected version name question blocks workload strike expect \
    order_in_block outcome_worst class permanent diagnosis_ok contained_at declared censored seq kind value role pid \
    fds threads injections \
    files_max recycle_items input tile strips operation library format sandbox spares workers max_demand when p \
    point points sweep vary schedule lane fired attempts_below after_restart recovering jitter command directory invocation \
    confidence id statement oracle rule n_min family figure minutes like delivery isolation supervision again \
    build options sitting commit dirty cargo_lock_blake3 rustc profile target features binary_blake3 first_run started_utc \
    machine limits results tiles cpu microcode cores smt governor boost kernel libc randomize_va_space \
    core_pattern load floor process cgroup file_system";

#[test]
fn a_column_and_a_key_end_in_their_unit_12() {
    let mut names: BTreeSet<(String, String)> = BTreeSet::new();
    for (file, text) in files(&["harness/src"], &[".rs"]) {
        // Column lists are constants of one text.
        for part in text.split("COLUMNS: &str =").skip(1) {
            let list = part.split('"').nth(1).unwrap();
            let columns = list.split([',', '\\', '\n', ' ']).filter(|c| !c.is_empty());
            names.extend(columns.map(|c| (c.to_owned(), file.clone())));
        }
        // The manifest, the summary and the experiment are structs.
        for (of, head) in [
            ("summary.rs", "struct Row<'a> {"),
            ("summary.rs", "pub struct Summary {"),
            ("summary.rs", "pub struct Invocation {"),
            ("experiment.rs", "pub struct Experiment {"),
            ("experiment.rs", "pub struct Workload {"),
            ("experiment.rs", "pub struct Options {"),
            ("plan/form.rs", "struct WhenForm {"),
            ("experiment/sweep.rs", "pub struct Sweep {"),
            ("schedule.rs", "pub struct Armed {"),
            ("claim/mod.rs", "pub struct Claim {"),
            ("claim/mod.rs", "pub struct Claims {"),
            ("report/mod.rs", "pub struct RunFile {"),
            ("provenance.rs", "pub struct Build {"),
            ("provenance.rs", "pub struct Sitting {"),
            ("floor.rs", "pub struct Floor {"),
            ("provenance/machine.rs", "pub struct Machine {"),
            ("provenance/machine.rs", "pub struct Limits {"),
            ("provenance/machine.rs", "pub struct Place {"),
        ] {
            if !file.ends_with(&format!("src/{of}")) {
                continue;
            }
            let body = text.split(head).nth(1).expect(head).split("\n}").next().unwrap();
            let fields = code(body).filter_map(|(_, line)| line.trim().split_once(": "));
            let field =
                |f: &str| f.trim_start_matches("pub(super) ").trim_start_matches("pub ").to_owned();
            let fields = fields.map(|(f, _)| field(f));
            names.extend(fields.map(|field| (field, file.clone())));
        }
    }
    for (file, text) in files(&["experiments"], &[".toml"]) {
        let keys = code(&text).filter_map(|(_, line)| line.split_once('='));
        let keys = keys.map(|(key, _)| key.trim().to_owned()).filter(|k| !k.starts_with('#'));
        // Below [expect] the keys are subjects.
        let subjects: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("[subject.")?.strip_suffix(']'))
            .collect();
        let keys = keys.filter(|key| !subjects.contains(&&**key));
        names.extend(keys.map(|key| (key, file.clone())));
    }
    for known in ["recovery_net_ns", "throughput_px_per_s", "y_px", "wall_s", "deadline_ms", "low"]
    {
        assert!(names.iter().any(|(name, _)| name == known), "{known} was not found at all");
    }
    let unitless: BTreeSet<_> = UNITLESS.split_whitespace().collect();
    let fine = |name: &str| {
        unitless.contains(name)
            || UNITS.iter().any(|unit| name.ends_with(unit))
            || name == "resident_peak_bytes"
    };
    let broken: Vec<_> = names.iter().filter(|(name, _)| !fine(name)).collect();
    let broken: Vec<_> = broken.iter().map(|(name, file)| format!("{file}: {name}")).collect();
    none("a quantity ends in its unit (or is named as unitless here)", &broken);
}

#[test]
fn files_are_short_and_named_by_what_they_are() {
    let (mut long, mut vague) = (vec![], vec![]);
    let all = [".rs", ".c", ".h", ".inc", ".typ"];
    for (name, text) in files(&["pipelines", "harness", "paper"], &all) {
        let most = LONG.iter().find(|(n, _)| *n == name).map_or(LINES_MAX, |(_, most)| *most);
        let lines = text.lines().count();
        if lines > most {
            long.push(format!("{name}: {lines} lines"));
        }
        let words = ["util", "utils", "common", "helper", "helpers", "misc", "shared", "core"];
        let part = |p: &str| words.contains(&p.split('.').next().unwrap_or(p));
        if name.split('/').any(part) {
            vague.push(name);
        }
    }
    none("a file has at most 400 lines", &long);
    none("a file is named by what it is", &vague);
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("dbg", "!("),
    ];
    let mut broken = vec![];
    for (name, text) in files(&["pipelines", "harness", "experiments"], &[".rs", ".toml", ".c"]) {
        let lines = text.lines().enumerate();
        let bad = lines.filter(|(_, line)| words.iter().any(|w| line.contains(w)));
        broken.extend(bad.map(|(n, line)| format!("{name}:{}: {line}", n + 1)));
    }
    none("nothing is left for later", &broken);
}

#[test]
fn tests_wait_for_events_and_none_is_left_out() {
    let words = [concat!("thread::", "sleep"), concat!("#[ig", "nore")];
    let mut broken = vec![];
    for (name, text) in sources().iter().filter(|(name, _)| name.contains("test")) {
        let bad = code(text).filter(|(_, line)| words.iter().any(|w| line.contains(w)));
        broken.extend(bad.map(|(n, line)| format!("{name}:{n}: {line}")));
    }
    none("time passing proves nothing", &broken);
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let words = [concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/")];
    let mut broken = vec![];
    let all = [".rs", ".toml", ".c", ".md", ".typ"];
    for (name, text) in files(&["pipelines", "harness", "experiments", "results", "paper"], &all) {
        let lines = text.lines().enumerate();
        let bad = lines.filter(|(_, line)| words.iter().any(|w| line.contains(w)));
        broken.extend(bad.map(|(n, line)| format!("{name}:{}: {line}", n + 1)));
    }
    none("a path of one machine means nothing on another", &broken);
}

#[test]
fn the_house_has_its_papers() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE"] {
        let text = fs::read_to_string(root().join(name)).unwrap_or_default();
        assert!(!text.trim().is_empty(), "{name} is missing or empty");
    }
}
