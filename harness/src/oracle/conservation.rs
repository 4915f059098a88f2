//! Does the account add up?

use super::{Verdict, Witness, gap, witness};
use crate::history::History;
use crate::measure::{conserved, toll};

/// Holds if `issued = right + wrong + declared + silent`: each item is one of these and no two. Where it is broken the
/// record contradicts itself, and the trial is invalid: an item that was declared failed has a file all the same.
///
/// Unknown if the items are not all recorded.
pub fn conservation(history: &History) -> Verdict {
    if let Some(why) = gap(history) {
        return Verdict::Unknown(why);
    }
    if conserved(history) {
        return Verdict::Holds;
    }
    let both = history.items.iter().filter(|i| i.declared() && i.found_blake3.is_some());
    let both: Vec<_> = both.map(|i| (i, "was declared failed and delivered".to_owned())).collect();
    Verdict::Broken(witness(&both).unwrap_or_else(|| {
        let t = toll(history);
        let what = format!(
            "{} items, but {} right, {} wrong, {} declared and {} lost",
            t.items, t.right, t.wrong, t.declared, t.lost
        );
        Witness { count: 1, items: Vec::new(), what }
    }))
}
