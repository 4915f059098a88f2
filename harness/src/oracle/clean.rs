//! Is anything left behind?

use super::{Verdict, Witness};
use crate::history::History;

/// Holds if no process of the subject outlived it and no file is in its folder that belongs to no item. Its shared memory
/// has no name and goes with the last process that maps it, so that where there is no orphan there is no segment.
pub fn clean(history: &History) -> Verdict {
    let left = [
        (history.run.orphans, "processes outlived the subject"),
        (history.run.foreign_files, "files belong to no item"),
    ];
    let words: Vec<_> =
        left.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if words.is_empty() {
        return Verdict::Holds;
    }
    let count = left.iter().map(|(n, _)| n).sum();
    Verdict::Broken(Witness { count, items: Vec::new(), what: words.join(", and ") })
}
