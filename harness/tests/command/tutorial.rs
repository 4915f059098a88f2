//! The tutorial, read as its readers do: files are written, commands are typed, answers are compared.

use crate::process::Scratch;
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

#[test]
fn whoever_follows_the_tutorial_sees_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(root.join("docs/tutorial-library.md")).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_okiagari")).parent().unwrap();
    let path = format!("PATH={}:{}", programs.display(), std::env::var("PATH").unwrap());
    let source = format!("SOURCE={}", root.display());
    let (scratch, mut typed) = (Scratch::new(), 0);
    for (kind, block) in blocks(&page) {
        match kind {
            "c" => {
                let name = block.strip_prefix("/* ").unwrap().split(':').next().unwrap();
                fs::write(scratch.path(name), block).unwrap();
            }
            "diff" => {
                let (file, [old, new]) =
                    (scratch.path("white.c"), ['-', '+'].map(|m| marked(block, m)));
                let text = fs::read_to_string(&file).unwrap();
                assert_eq!(text.matches(&old).count(), 1, "{old}");
                fs::write(&file, text.replace(&old, &new)).unwrap();
            }
            "console" => {
                for command in block.split("$ ").filter(|c| !c.is_empty()) {
                    let (command, answer) = command.split_once('\n').unwrap();
                    let ended = scratch.shell(&["env", &path, &source], command);
                    let said = ended.stdout + &ended.stderr;
                    // A command without an answer is expected to have none.
                    assert!(!answer.is_empty() || said.is_empty(), "{command}\n{said}");
                    for line in answer.lines() {
                        assert!(
                            said.lines().any(|l| l == line),
                            "{command}\nno {line:?} in:\n{said}"
                        );
                    }
                    typed += 1;
                }
            }
            kind => panic!("nobody knows what to do with a block of {kind:?}"),
        }
    }
    assert!(typed >= 9, "only {typed} commands were found");
    assert!(scratch.path("tiles/synthetic_3_3.png").exists());
}
