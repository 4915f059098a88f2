//! Is what the tiles make together the golden image?

use super::{Verdict, gap, witness};
use crate::history::{Checksum, History, Item};
use crate::measure::misplaced;
use std::collections::BTreeMap;

/// The checksum of an image: BLAKE3 over the checksums of its tiles, each behind its place. `None` if one is missing.
fn image(history: &History, of: impl Fn(&Item) -> Option<Checksum>) -> Option<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    for item in &history.items {
        hasher.update(&item.item.to_le_bytes());
        hasher.update(&of(item)?.0.to_le_bytes());
    }
    Some(hasher.finalize())
}

/// Holds if all tiles, each in its place, have the checksum that the golden run's have together. A hole breaks it, also
/// one that was declared, and so does a tile in the place of another.
///
/// Unknown if the items are not all recorded, or the golden image is not whole.
pub fn assembled(history: &History) -> Verdict {
    if let Some(why) = gap(history) {
        return Verdict::Unknown(why);
    }
    let Some(golden) = image(history, |i| i.golden_blake3) else {
        return Verdict::Unknown("the golden image is not whole".into());
    };
    if image(history, |i| i.found_blake3) == Some(golden) {
        return Verdict::Holds;
    }
    let elsewhere: BTreeMap<_, _> = misplaced(history).into_iter().collect();
    let why = |i: &Item| match (elsewhere.get(&i.item), i.found_blake3) {
        (Some(other), _) => format!("has the tile of item {other}"),
        (None, Some(_)) => "is another tile".to_owned(),
        (None, None) => "is a hole".to_owned(),
    };
    let other = history.items.iter().filter(|i| !i.right());
    let differing: Vec<_> = other.map(|i| (i, why(i))).collect();
    witness(&differing).map_or(Verdict::Holds, Verdict::Broken)
}
