//! Does what was declared done survive a fall?

use super::{Verdict, gap, witness};
use crate::history::{Ending, History, State};

/// Holds if, after the subject itself fell, every item that its journal calls done is there and right.
///
/// Unknown if it never fell, and if the items are not all recorded. What a process wrote survives the process; what a
/// machine without power loses is another question.
pub fn durable(history: &History) -> Verdict {
    if let Some(why) = gap(history) {
        return Verdict::Unknown(why);
    }
    if history.run.restarts == 0 && history.run.ending == Ending::Complete {
        return Verdict::Unknown("the subject never fell".into());
    }
    let promised = history.items.iter().filter(|i| i.state == State::Done && !i.right());
    let why = |found| {
        if found { "was declared done, and is damaged" } else { "was declared done, and is gone" }
    };
    let broken: Vec<_> = promised.map(|i| (i, why(i.found_blake3.is_some()).to_owned())).collect();
    witness(&broken).map_or(Verdict::Holds, Verdict::Broken)
}
