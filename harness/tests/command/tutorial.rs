//! The tutorials, read as their readers do: files are written, commands are typed, answers are compared.

use crate::process::{Scratch, rows};
use std::fs;
use std::path::Path;

/// The fenced blocks of a page, each with its kind.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fenced = page.split("```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').expect("a block has lines")).collect()
}

/// The lines of a block that start with this mark, without it.
fn marked(block: &str, mark: char) -> String {
    block
        .lines()
        .filter_map(|line| line.strip_prefix(mark))
        .fold(String::new(), |all, line| all + line + "\n")
}

/// Where a page is followed: a folder, and the program in the path.
struct Reader {
    scratch: Scratch,
    environment: [String; 2],
    typed: usize,
}

impl Reader {
    fn new() -> Self {
        let programs = Path::new(env!("CARGO_BIN_EXE_okiagari")).parent().unwrap();
        let path = format!("PATH={}:{}", programs.display(), std::env::var("PATH").unwrap());
        let source = format!("SOURCE={}", root().display());
        Self { scratch: Scratch::new(), environment: [path, source], typed: 0 }
    }

    /// Saves a file that a block shows; a `diff` changes the one that is there.
    fn saves(&self, name: &str, block: &str) {
        fs::write(self.scratch.path(name), block).unwrap();
    }

    fn changes(&self, name: &str, diff: &str) {
        let (file, [old, new]) = (self.scratch.path(name), ['-', '+'].map(|m| marked(diff, m)));
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.matches(&old).count(), 1, "{old}");
        fs::write(&file, text.replace(&old, &new)).unwrap();
    }

    /// Types the commands of a block, and looks for each line of their answers. Some commands are known to say more.
    fn types(&mut self, block: &str, says_more: impl Fn(&str) -> bool) {
        for command in block.split("$ ").filter(|c| !c.is_empty()) {
            let (command, answer) = command.split_once('\n').unwrap();
            let [path, source] = &self.environment;
            let ended = self.scratch.shell(&["env", path, source], command);
            let said = ended.stdout + &ended.stderr;
            // A command without an answer is expected to have none.
            assert!(
                !answer.is_empty() || said.is_empty() || says_more(command),
                "{command}\n{said}"
            );
            for line in answer.lines() {
                assert!(said.lines().any(|l| l == line), "{command}\nno {line:?} in:\n{said}");
            }
            self.typed += 1;
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn whoever_follows_the_tutorial_on_functions_sees_what_it_says() {
    let page = fs::read_to_string(root().join("docs/tutorial-library.md")).unwrap();
    let mut reader = Reader::new();
    for (kind, block) in blocks(&page) {
        match kind {
            "c" => {
                let name = block.strip_prefix("/* ").unwrap().split(':').next().unwrap();
                reader.saves(name, block);
            }
            "diff" => reader.changes("white.c", block),
            "console" => reader.types(block, |_| false),
            kind => panic!("nobody knows what to do with a block of {kind:?}"),
        }
    }
    assert!(reader.typed >= 9, "only {} commands were found", reader.typed);
    assert!(reader.scratch.path("tiles/synthetic_3_3.png").exists());
}

#[test]
fn whoever_follows_the_tutorial_on_experiments_sees_what_it_says() {
    let page = fs::read_to_string(root().join("docs/tutorial-experiment.md")).unwrap();
    let mut reader = Reader::new();
    for (kind, block) in blocks(&page) {
        match kind {
            "toml" => reader.saves("patience.toml", block),
            "diff" => reader.changes("patience.toml", block),
            // A story is all times, and stands in a box of its own.
            "console" => reader.types(block, |command| command.starts_with("okiagari explain")),
            // What has times in it cannot be the same again.
            "text" => {}
            kind => panic!("nobody knows what to do with a block of {kind:?}"),
        }
    }
    assert!(reader.typed >= 7, "only {} commands were found", reader.typed);
    // What the page says of times is so: each deadline is what a hang costs, and little more.
    for (results, least, most) in [("patience", 200.0, 400.0), ("hasty", 50.0, 200.0)] {
        let measures = rows(&reader.scratch.path(&format!("results/{results}/measures.csv")));
        let recovery =
            measures.iter().find(|m| m["measure"] == "recovery" && m["faults"] == "true").unwrap();
        let median_ms = recovery["estimate"].parse::<f64>().unwrap() / 1e6;
        assert!((least..most).contains(&median_ms), "{results}: {median_ms} ms");
    }
    let story = reader.scratch.okiagari("explain results/patience:0 0").with(0).stdout;
    assert!(story.contains("called it hang, which is what it was"), "{story}");
}
