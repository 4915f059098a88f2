//! Typst, which sets the paper: the program of that name, or the package of that name for Python.

use super::MAIN;
use pipelines::message::Failure;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What is said where there is neither.
pub const MISSING: &str = "Typst is not on this machine: install typst, or `pip install typst` (the interpreter is \
     python3, or $PYTHON)";

/// How `numbers.typ` begins to say which number is missing.
const LACKING: &str = "the results lack ";

/// Sets the paper. No font of this machine is used, and no time of day: the same sources always give the same bytes.
const SCRIPT: &str = "import sys, typst\n\
    typst.compile(sys.argv[1], output=sys.argv[2], root=sys.argv[3], ignore_system_fonts=True, timestamp=0)";

/// A way to set a paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typst {
    /// The program.
    Program,
    /// A Python that has the package.
    Python(OsString),
}

impl Typst {
    /// What there is on this machine; `None` if nothing.
    pub fn find() -> Option<Self> {
        if runs(Command::new("typst").arg("--version")) {
            return Some(Self::Program);
        }
        let python = std::env::var_os("PYTHON").unwrap_or("python3".into());
        runs(Command::new(&python).args(["-c", "import typst"])).then_some(Self::Python(python))
    }

    /// Sets the paper that was laid out in a folder; gives the bytes of its PDF.
    ///
    /// # Errors
    /// One sentence: which number the results lack that must be there, or else what Typst complained of first.
    pub fn set(&self, stage: &Path) -> Result<Vec<u8>, Failure> {
        let (main, pdf) = (stage.join(MAIN), stage.join("paper.pdf"));
        let mut command = match self {
            Self::Program => {
                let mut command = Command::new("typst");
                command.args(["compile", "--ignore-system-fonts", "--creation-timestamp", "0"]);
                command.arg("--root").arg(stage).arg(&main).arg(&pdf);
                command
            }
            Self::Python(python) => {
                let mut command = Command::new(python);
                command.args(["-c", SCRIPT]).arg(&main).arg(&pdf).arg(stage);
                command
            }
        };
        let output = command.stdin(Stdio::null()).output().map_err(Failure::engine)?;
        if !output.status.success() {
            return Err(refusal(&told(&output)));
        }
        std::fs::read(&pdf).map_err(Failure::engine)
    }
}

/// Whose fault it is: where a number is missing, that of the results.
fn refusal(told: &str) -> Failure {
    match told.find(LACKING) {
        Some(at) => Failure::input(&told[at..]),
        None => Failure::engine(format!("the paper could not be set: {told}")),
    }
}

/// What went wrong, in one line: Typst's own words come before the place in the source.
fn told(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|l| l.contains("rror: ")).or(text.lines().last());
    line.unwrap_or("Typst did not say why").trim().to_owned()
}

fn runs(command: &mut Command) -> bool {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|s| s.success())
}
