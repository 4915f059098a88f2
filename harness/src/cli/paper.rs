//! `okiagari paper`: the report on stored results, as PDF.

use super::{Exit, say, verify};
use crate::claim::Claims;
use crate::history::write_whole;
use crate::paper::typst::{self, Typst};
use crate::paper::{Contents, stage};
use clap::Args;
use pipelines::message::Failure;
use pipelines::sink::refused;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct Paper {
    /// Folder of results, which holds one folder an experiment [default: results, or results/reference]
    dir: Option<PathBuf>,
    /// The file to write [default: paper.pdf in the folder of results]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Refuse to build it where the results of an experiment lack a number, which else is a dash
    #[arg(long)]
    complete: bool,
}

impl Paper {
    pub(super) fn run(self) -> anyhow::Result<Exit> {
        let claims = Claims::load(None)?;
        let results = verify::place(self.dir.as_deref(), &claims);
        let out = self.out.unwrap_or_else(|| results.join("paper.pdf"));
        let (folder, name) = split(&out)?;
        let typst = Typst::find().ok_or_else(|| Failure::input(typst::MISSING))?;
        let temporary = tempfile::tempdir().map_err(|e| {
            Failure::output(format!("the temporary folder of this machine cannot be written: {e}"))
        })?;
        let contents = stage(&results, &claims, self.complete, temporary.path())?;
        let pdf = typst.set(temporary.path())?;
        std::fs::create_dir_all(folder).map_err(|e| refused("make", folder, &e))?;
        write_whole(folder, name, &pdf)?;
        say(&format!("{}{} is written\n", about(&contents), out.display()));
        Ok(Exit::Good)
    }
}

/// Its folder and its name.
fn split(out: &Path) -> Result<(&Path, &str), Failure> {
    let name = out.file_name().and_then(|n| n.to_str()).filter(|_| !out.is_dir());
    let name =
        name.ok_or_else(|| Failure::output(format!("{} is no name for a file", out.display())))?;
    let folder = out.parent().filter(|f| !f.as_os_str().is_empty());
    Ok((folder.unwrap_or(Path::new(".")), name))
}

/// What it does not tell, if anything.
fn about(contents: &Contents) -> String {
    if contents.missing.is_empty() {
        return String::new();
    }
    format!("not run, and so not told: {}\n", contents.missing.join(", "))
}
