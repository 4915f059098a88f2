//! The page over all experiments of a folder, written after what it is about.

use super::say;
use crate::report::{self, overview};
use std::path::Path;

/// Writes it from what is stored in the folder, and says where it is.
pub(super) fn write(dir: &Path) -> anyhow::Result<()> {
    let drawn = overview::drawn(dir)?;
    let all: Result<Vec<_>, _> = drawn.iter().map(|dir| overview::Folder::read(dir)).collect();
    tell(dir, &all?)
}

/// The same, of results that have been read.
pub(super) fn tell(dir: &Path, all: &[overview::Folder]) -> anyhow::Result<()> {
    overview::write(dir, all)?;
    let page = dir.join(overview::PAGE);
    say(&format!("for all experiments at a glance open {}\n", page.display()));
    Ok(())
}

/// Makes sure that there is one, so that pages lead back to it.
pub(super) fn begin(dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    if !overview::is_in(dir) {
        overview::write(dir, &[])?;
    }
    Ok(())
}

/// Says which page shows the results of an experiment, and brings the overview up to date if they lie below one.
pub(super) fn after(results: &Path) -> anyhow::Result<()> {
    say(&format!("to see them open {}\n", results.join(report::PAGE).display()));
    let above = results.join("..");
    let above = results.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(&above);
    if overview::is_in(above) { write(above) } else { Ok(()) }
}
