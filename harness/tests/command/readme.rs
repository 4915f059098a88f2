//! README.md and docs/: their numbers are those of the reference run, their files can be read, their links lead somewhere.

use crate::process::{Scratch, rows};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const SUBJECTS: [&str; 4] = ["baseline", "broadway", "htpipe", "okiagari"];
/// A newcomer reads no more lines than this.
const LINES_MAX: usize = 220;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The measures of an experiment's reference run.
struct Measures(Vec<BTreeMap<String, String>>);

impl Measures {
    fn of(experiment: &str) -> Self {
        Self(rows(&root().join("results/reference").join(experiment).join("measures.csv")))
    }

    /// A measure of a subject: estimate, low, high; `None` where there is none.
    fn find(&self, subject: &str, faults: bool, measure: &str) -> [Option<f64>; 3] {
        let is = |row: &&BTreeMap<String, String>| {
            let found = (&*row["subject"], &*row["faults"], &*row["measure"]);
            found == (subject, if faults { "true" } else { "false" }, measure)
        };
        let row = self.0.iter().find(is).unwrap_or_else(|| panic!("no {measure} of {subject}"));
        ["estimate", "low", "high"].map(|column| row[column].parse().ok())
    }

    fn count(&self, subject: &str, measure: &str) -> String {
        grouped(self.find(subject, true, measure)[0].unwrap() as u64)
    }

    /// Tiles that were delivered right; faults whose tile came back; how long that took.
    fn cells(&self, subject: &str) -> [String; 3] {
        let of = |part, whole| {
            format!("{} of {}", self.count(subject, part), self.count(subject, whole))
        };
        let time = match self.find(subject, true, "recovery").map(|ns| ns.map(|ns| ns / 1e6)) {
            [Some(ms), Some(low), Some(high)] => format!("{ms:.2} ms ({low:.2}–{high:.2})"),
            [Some(ms), ..] => format!("{ms:.2} ms"),
            _ => "–".to_owned(),
        };
        [of("items_right", "items"), of("faults_recovered", "faults_fired"), time]
    }
}

fn grouped(n: u64) -> String {
    if n < 1000 { n.to_string() } else { format!("{},{:03}", grouped(n / 1000), n % 1000) }
}

/// What fell and what got up, as README.md has it.
fn table() -> String {
    let [shutdown, abort] = ["e2-process-shutdown", "e3-ffi-abort"].map(Measures::of);
    let mut table =
        "| | a worker is shut down: tiles | struck ones back | in | C code aborts: tiles | struck ones back | in |\n\
                     |---|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for subject in SUBJECTS {
        let cells = [shutdown.cells(subject), abort.cells(subject)].concat().join(" | ");
        table += &format!("| `{subject}` | {cells} |\n");
    }
    table
}

#[test]
fn what_the_readme_says_of_the_reference_run_is_what_it_measured() {
    let (readme, table) = (readme(), table());
    assert!(
        readme.contains(&table),
        "README.md has another table than the reference run, which has this:\n\n{table}"
    );
    // The fault that is to be explained is one of okiagari, and was recovered from.
    let story = Scratch::new().shell(
        &["env", "-C", &root().display().to_string()],
        "$OKIAGARI explain results/reference/e3-ffi-abort:2 0",
    );
    assert!(readme.contains("okiagari explain results/reference/e3-ffi-abort:2 0 "));
    assert!(story.with(0).stdout.contains("(okiagari, block 0,"));
    let abort = Measures::of("e3-ffi-abort");
    let (fired, recovered) =
        (abort.count("okiagari", "faults_fired"), abort.count("okiagari", "faults_recovered"));
    let ratio = abort.find("okiagari", false, "throughput_to_baseline")[0].unwrap();
    for sentence in [
        format!("{recovered} of {fired} is not 100 %"),
        format!("runs at {ratio:.2} of the baseline's throughput"),
    ] {
        let flowing = readme.replace('\n', " ");
        assert!(flowing.contains(&sentence), "README.md does not say: {sentence}");
    }
    // Of so many faults without a loss, at least 99 % are recovered from (95 %, one-sided, exact).
    let shown = 0.05_f64.powf(1.0 / fired.parse::<f64>().unwrap());
    assert!(recovered == fired && shown >= 0.99, "{fired} faults show {shown}");
    assert!(readme.lines().count() <= LINES_MAX, "README.md has grown too long");
}

#[test]
fn the_texts_count_the_faults_there_are() {
    let all = pipelines::fault::TABLE.len();
    let two_less = format!("and\n{} faults more", all - 2);
    assert!(readme().contains(&two_less), "README.md does not say: {two_less}");
    let lists = format!("`okiagari faults` lists {all},");
    for page in ["README.md", "docs/faults.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains(&lists), "{page} does not say: {lists}");
    }
}

#[test]
fn experiments_in_the_texts_can_be_run() {
    for page in ["README.md", "docs/experiment-file.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let (_, rest) = text.split_once("```toml\n").unwrap();
        let (toml, _) = rest.split_once("```").unwrap();
        let scratch = Scratch::new();
        fs::write(scratch.path("hang.toml"), toml).unwrap();
        let said = scratch.okiagari("experiment hang.toml --dry-run").with(0).stdout;
        assert!(said.contains("6 trials of 64 tiles each, seed 7"), "{page}: {said}");
        // What is commented out is a key all the same: none may be forgotten when a name changes.
        let commented = toml.lines().filter_map(|line| line.strip_prefix("# "));
        let tables: Vec<_> = commented.filter(|line| line.starts_with('[')).collect();
        assert!(page == "README.md" || tables.len() == 3, "{tables:?}");
    }
}

/// The pages for people, each with its path.
fn pages() -> Vec<(PathBuf, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let top = ["README.md", "ARCHITECTURE.md", "results/README.md"].map(|name| root().join(name));
    let paths = docs.chain(top).filter(|path| path.extension().is_some_and(|e| e == "md"));
    paths.map(|path| (path.clone(), fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn links_lead_to_files() {
    let mut followed = 0;
    for (page, text) in pages() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap();
            if file.is_empty() || link.contains("://") {
                continue;
            }
            let target = page.parent().unwrap().join(file);
            assert!(target.exists(), "{} links to {link}, which is not there", page.display());
            followed += 1;
        }
    }
    assert!(followed > 30, "only {followed} links were found");
}

#[test]
fn every_page_of_the_documentation_is_reached_from_the_readme() {
    let pages = pages();
    let all: String = pages.iter().map(|(_, text)| &**text).collect();
    for (path, _) in pages.iter().filter(|(path, _)| path.parent().unwrap().ends_with("docs")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(all.contains(&format!("{name})")), "no page links to {name}");
    }
}
