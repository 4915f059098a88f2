//! Judges: each reads a history and says whether a promise was kept. They know nothing of the subject, run nothing,
//! and never take silence for good news.

mod activated;
mod assembled;
mod clean;
mod conservation;
mod corrupted;
mod durable;
mod live;
mod lost;
#[cfg(test)]
mod tests;
mod twice;

pub use activated::activated;
pub use assembled::assembled;
pub use clean::clean;
pub use conservation::conservation;
pub use corrupted::nothing_corrupted;
pub use durable::durable;
pub use live::{LIVE_WITHIN_NS, live};
pub use lost::nothing_lost;
pub use twice::nothing_twice;

use crate::history::{History, Item};
use pipelines::message::ItemId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a judge found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The promise was kept, and everything that shows it was seen.
    Holds,
    /// It was not kept, and this is where.
    Broken(Witness),
    /// What was recorded does not allow an answer, for the reason named.
    Unknown(String),
}

/// Where a promise was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// How many breaches there are in all (items, or foreign files).
    pub count: u64,
    /// The first of the items concerned, at most [`MOST_NAMED`].
    pub items: Vec<ItemId>,
    /// The same in words.
    pub what: String,
}

/// A witness names no more items than this; its count counts all.
pub const MOST_NAMED: usize = 5;

/// A verdict without its evidence, as it stands in `[expect]` and in claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// See [`Verdict::Holds`].
    Holds,
    /// See [`Verdict::Unknown`].
    Unknown,
    /// See [`Verdict::Broken`].
    Broken,
}

/// The promises that are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oracle {
    /// Each item was delivered or declared, see [`nothing_lost`].
    NothingLost,
    /// No item was delivered twice, see [`nothing_twice`].
    NothingTwice,
    /// What was delivered is right, see [`nothing_corrupted`].
    NothingCorrupted,
    /// Every item is accounted for once, see [`conservation`].
    Conservation,
    /// The tiles put together are the golden image, see [`assembled`].
    Assembled,
    /// What was declared done survived a fall, see [`durable`].
    Durable,
    /// Once faults stop, work goes on to the end, see [`live`].
    Live,
    /// Nothing is left behind, see [`clean`].
    Clean,
}

impl Oracle {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::NothingLost,
        Self::NothingTwice,
        Self::NothingCorrupted,
        Self::Conservation,
        Self::Assembled,
        Self::Durable,
        Self::Live,
        Self::Clean,
    ];
    /// The three that every table shows: each item, once, right.
    pub const PROMISES: [Self; 3] = [Self::NothingLost, Self::NothingTwice, Self::NothingCorrupted];
    /// Those that a fault-free trial has to keep: all but [`Self::Durable`], which only a fall puts to the test, and
    /// [`Self::Assembled`], which does not forgive what was declared: HtPipe gives items up where nothing strikes.
    pub const OF_TWINS: [Self; 6] = [
        Self::NothingLost,
        Self::NothingTwice,
        Self::NothingCorrupted,
        Self::Conservation,
        Self::Live,
        Self::Clean,
    ];

    /// Judges one trial.
    pub fn judge(self, history: &History) -> Verdict {
        match self {
            Self::NothingLost => nothing_lost(history),
            Self::NothingTwice => nothing_twice(history),
            Self::NothingCorrupted => nothing_corrupted(history),
            Self::Conservation => conservation(history),
            Self::Assembled => assembled(history),
            Self::Durable => durable(history),
            Self::Live => live(history),
            Self::Clean => clean(history),
        }
    }

    /// Judges several trials as one, see [`combine`].
    pub fn judge_all<'a>(self, trials: impl IntoIterator<Item = &'a History>) -> Verdict {
        combine(trials.into_iter().map(|h| (h.run.run, self.judge(h))))
    }
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NothingLost => "nothing-lost",
            Self::NothingTwice => "nothing-twice",
            Self::NothingCorrupted => "nothing-corrupted",
            Self::Conservation => "conservation",
            Self::Assembled => "assembled",
            Self::Durable => "durable",
            Self::Live => "live",
            Self::Clean => "clean",
        })
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
        })
    }
}

impl Verdict {
    /// The verdict without its evidence.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Holds => Answer::Holds,
            Self::Broken(_) => Answer::Broken,
            Self::Unknown(_) => Answer::Unknown,
        }
    }

    /// Its evidence in words; empty if it holds.
    pub fn detail(&self) -> &str {
        match self {
            Self::Holds => "",
            Self::Broken(witness) => &witness.what,
            Self::Unknown(why) => why,
        }
    }
}

/// One verdict over many trials, each with its run: the worst wins, and `Unknown` beats `Holds`. Of no trials at all
/// nothing is known. Counts are summed; words and items are those of the first run concerned.
pub fn combine(verdicts: impl IntoIterator<Item = (u32, Verdict)>) -> Verdict {
    let all: Vec<_> = verdicts.into_iter().collect();
    let Some(worst) = all.iter().map(|(_, v)| v.answer()).max() else {
        return Verdict::Unknown("there is no trial".into());
    };
    let concerned: Vec<_> = all.iter().filter(|(_, v)| v.answer() == worst).collect();
    let (run, first) = concerned[0];
    let what = format!("{} of {} runs; run {run}: {}", concerned.len(), all.len(), first.detail());
    match first {
        Verdict::Holds => Verdict::Holds,
        Verdict::Unknown(_) => Verdict::Unknown(what),
        Verdict::Broken(witness) => {
            let counts = concerned.iter().filter_map(|(_, v)| match v {
                Verdict::Broken(w) => Some(w.count),
                _ => None,
            });
            Verdict::Broken(Witness { count: counts.sum(), items: witness.items.clone(), what })
        }
    }
}

/// Why the items of a history cannot be judged: not all there, or not in order.
fn gap(history: &History) -> Option<String> {
    let (found, said) = (history.items.len(), history.run.items);
    if said == 0 {
        return Some("the run had no items".into());
    }
    if found as u64 != said {
        return Some(format!("the run had {said} items, but {found} are recorded"));
    }
    let wrong = history.items.iter().zip(0u64..).find(|(i, place)| i.item != *place);
    wrong.map(|(i, place)| format!("item {} is recorded in the place of item {place}", i.item))
}

/// A witness for these breaches, or `None` if there are none.
fn witness(breaches: &[(&Item, String)]) -> Option<Witness> {
    if breaches.is_empty() {
        return None;
    }
    let named = &breaches[..breaches.len().min(MOST_NAMED)];
    let mut what: Vec<_> = named.iter().map(|(i, why)| format!("item {} {why}", i.item)).collect();
    if breaches.len() > named.len() {
        what.push(format!("and {} more", breaches.len() - named.len()));
    }
    Some(Witness {
        count: breaches.len() as u64,
        items: named.iter().map(|(i, _)| i.item).collect(),
        what: what.join(", "),
    })
}
