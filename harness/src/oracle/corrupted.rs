//! Is what was delivered right?

use super::{Verdict, gap, witness};
use crate::history::History;
use crate::measure::misplaced;
use std::collections::BTreeMap;

/// Holds if each file found is, byte for byte, that of the golden run. A file with the content of another item is
/// told apart: it was misplaced. An item without a file is the matter of [`super::nothing_lost`]; if there is none at
/// all, nothing wrong was delivered, and the observer looked.
///
/// Unknown if the items are not all recorded, or if an item with a file has no golden checksum to compare it with.
/// It reads files, not events, so that missed events do not matter here.
pub fn nothing_corrupted(history: &History) -> Verdict {
    let elsewhere: BTreeMap<_, _> = misplaced(history).into_iter().collect();
    let mut wrong = Vec::new();
    let mut unsure = None;
    for item in history.items.iter().filter(|i| i.found_blake3.is_some()) {
        if item.golden_blake3.is_none() {
            unsure = unsure.or(Some(format!("item {} has no golden checksum", item.item)));
        } else if item.wrong() {
            let why = match elsewhere.get(&item.item) {
                Some(other) => format!("is misplaced: its file is that of item {other}"),
                None => "is corrupted".to_owned(),
            };
            wrong.push((item, why));
        }
    }
    match (witness(&wrong), gap(history).or(unsure)) {
        (Some(found), _) => Verdict::Broken(found),
        (None, Some(why)) => Verdict::Unknown(why),
        (None, None) => Verdict::Holds,
    }
}
