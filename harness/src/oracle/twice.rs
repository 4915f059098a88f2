//! Was any item delivered more than once?

use super::{Verdict, Witness, gap, witness};
use crate::history::History;

/// Holds if each item was delivered at most once and no file in the output folder belongs to no item.
///
/// Unknown if the black box missed events, since a second delivery may be among them, and if the items are not all
/// recorded; what was seen twice is proof in any case.
pub fn nothing_twice(history: &History) -> Verdict {
    let twice: Vec<_> = history.items.iter().filter(|i| i.deliveries > 1).collect();
    let twice: Vec<_> =
        twice.iter().map(|&i| (i, format!("was delivered {} times", i.deliveries))).collect();
    let foreign = history.run.foreign_files;
    let mut found = witness(&twice);
    if foreign > 0 {
        let words = format!("{foreign} files belong to no item");
        found = Some(match found {
            None => Witness { count: foreign, items: Vec::new(), what: words },
            Some(w) => Witness {
                count: w.count + foreign,
                what: format!("{}, and {words}", w.what),
                items: w.items,
            },
        });
    }
    match (found, gap(history), history.run.events_missed) {
        (Some(found), _, _) => Verdict::Broken(found),
        (None, Some(why), _) => Verdict::Unknown(why),
        (None, None, 0) => Verdict::Holds,
        (None, None, missed) => Verdict::Unknown(format!("{missed} events were missed")),
    }
}
