//! `okiagari faults`: what can be injected.

use super::{Exit, say};
use pipelines::fault::TABLE;

pub(super) fn run() -> anyhow::Result<Exit> {
    let mut text = String::from("Faults, for --fault NAME@WHEN and for experiments:\n\n");
    for entry in TABLE {
        text += &format!("  {:<13} {}\n", entry.name, entry.how);
        text += &format!("  {:<13} contract: {}\n", "", entry.contract);
    }
    text += "\nWHEN is p=1%, item=120, item=10..1000+50, at=500ms or rate=0.2/s. A fault strikes an item's\n\
             first attempt only; `,attempts=all` makes it strike every one (a poison item).\n";
    say(&text);
    Ok(Exit::Good)
}
