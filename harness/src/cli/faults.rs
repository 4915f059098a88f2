//! `okiagari faults`: what can be injected.

use super::{Exit, say};
use pipelines::fault::TABLE;

pub(super) fn run() -> anyhow::Result<Exit> {
    say(&text());
    Ok(Exit::Good)
}

/// The table, class by class; no line is longer than 100 columns.
fn text() -> String {
    let mut text = String::from("Faults, for --fault NAME@WHEN and for experiments:\n");
    let mut class = None;
    for entry in TABLE {
        if class.replace(entry.class) != Some(entry.class) {
            text += &format!("\n{}\n", entry.class.name());
        }
        text += &format!("  {:<21}  {}  {}\n", entry.usage(), entry.tier, entry.how);
        text += &format!("  {:<21}  ⇒  {}\n", "", entry.contract);
    }
    text += "\nThe digit is the tier, what injecting it takes: 0 nothing, 1 signals or processes. After ⇒ stands\n\
             what a supervised pipeline owes its user. A fault of the class protocol is one of worker\n\
             processes; a thread that meets it shuts down.\n\n\
             WHEN is p=1%, item=120, item=10..1000+50, at=500ms or rate=0.2/s. A fault strikes an item's\n\
             first attempt only; `,attempts=all` makes it strike every one (a poison item). N is an exit\n\
             status from 1 to 255, MS are milliseconds.\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_every_fault_once_and_fits_a_terminal() {
        let text = text();
        let long: Vec<_> = text.lines().filter(|l| l.chars().count() > 100).collect();
        assert!(long.is_empty(), "{long:#?}");
        for entry in TABLE {
            let head = format!("\n  {:<21}  {}  ", entry.usage(), entry.tier);
            assert_eq!(text.matches(&head).count(), 1, "{}", entry.name);
            assert!(text.contains(entry.contract), "{}", entry.name);
            assert_eq!(text.matches(&format!("\n\n{}\n", entry.class.name())).count(), 1);
        }
    }
}
