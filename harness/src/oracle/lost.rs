//! Was every item delivered, or at least declared?

use super::{Verdict, gap, witness};
use crate::history::{History, State};

/// Holds if each item is done and its file was found, or was declared (failed or quarantined), so that
/// `items = done + failed + quarantined`. An item that is said to be done but has no file is lost too.
///
/// Unknown if an item seems lost while the black box missed events (its declaration may be among them), and if the
/// items are not all recorded. A file that is missing against the word of the subject is proof in any case.
pub fn nothing_lost(history: &History) -> Verdict {
    let mut lost = Vec::new();
    let mut lied = false;
    for item in &history.items {
        match (item.state, &item.found_blake3) {
            (State::Done, None) => {
                lied = true;
                lost.push((item, "was declared done, but has no file".to_owned()));
            }
            (State::Lost, _) => lost.push((item, "is lost".to_owned())),
            _ => {}
        }
    }
    if let Some(why) = gap(history) {
        return Verdict::Unknown(why);
    }
    let missed = history.run.events_missed;
    match witness(&lost) {
        Some(found) if lied || missed == 0 => Verdict::Broken(found),
        _ if missed > 0 => Verdict::Unknown(format!("{missed} events were missed")),
        _ => Verdict::Holds,
    }
}
