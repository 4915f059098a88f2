//! How much of a run a replay repeated, told honestly on three levels: the same decisions (L1: of a schedule they
//! follow, and what prevents them is told), the same order (L2: as the threads will), the same timing (L3: never).

use crate::history::History;
use crate::measure::words;
use crate::output::MANIFEST;
use crate::schedule::{self, Armed, SCHEDULE};
use pipelines::message::{Failure, ItemId};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::Path;

/// Lines of the table at most; the rest stands in the files.
const LINES_MAX: usize = 20;

/// A fault that was armed, and what became of its item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The fault.
    pub armed: Armed,
    /// What became of it, in words.
    pub fate: String,
}

#[derive(Deserialize)]
struct Row {
    item: ItemId,
    attempts: u32,
    state: String,
}

/// What was armed in the run of this folder, in order.
///
/// # Errors
/// When `schedule.csv` or the manifest cannot be read.
pub fn of_folder(dir: &Path) -> Result<Vec<Told>, Failure> {
    let armed = schedule::read(&dir.join(SCHEDULE))?;
    let path = dir.join(MANIFEST);
    let wrong = |e| Failure::input(format!("{} cannot be read: {e}", path.display()));
    let mut rows = csv::Reader::from_path(&path).map_err(wrong)?;
    let rows = rows.deserialize().map(|row| row.map(|row: Row| (row.item, row)));
    let rows = rows.collect::<Result<BTreeMap<_, _>, _>>().map_err(wrong)?;
    let fate = |a: &Armed| rows.get(&a.item).map(|row| (&*row.state, row.attempts));
    Ok(armed.into_iter().map(|a| Told { fate: words_of(a.fired, fate(&a)), armed: a }).collect())
}

/// What was armed in this trial, in order.
pub fn of_history(history: &History) -> Vec<Told> {
    let told = schedule::of_history(history).into_iter().map(|armed| {
        let item = history.items.iter().find(|i| i.item == armed.item);
        let state = item.map(|i| (serde_json::json!(i.state), i.attempts));
        let fate = state.as_ref().and_then(|(state, n)| Some((state.as_str()?, *n)));
        Told { fate: words_of(armed.fired, fate), armed }
    });
    told.collect()
}

fn words_of(fired: bool, item: Option<(&str, u32)>) -> String {
    let fired = if fired { "fired" } else { "not fired" };
    match item {
        Some((state, attempts)) => format!("{fired}, {state} ({attempts})"),
        None => format!("{fired}, no such item"),
    }
}

/// Two runs beside each other.
#[derive(Debug, PartialEq, Eq)]
pub struct Likeness<'a> {
    /// Decisions of both, in the order of the first.
    pub both: Vec<(&'a Told, &'a Told)>,
    /// Decisions of the first alone.
    pub then: Vec<&'a Told>,
    /// Decisions of the second alone.
    pub now: Vec<&'a Told>,
    /// How many of both came in the same order: the longest chain that did.
    pub in_order: usize,
}

impl<'a> Likeness<'a> {
    /// Compares what was armed then and now.
    pub fn of(then: &'a [Told], now: &'a [Told]) -> Self {
        let mut places: HashMap<_, VecDeque<usize>> = HashMap::new();
        for (n, told) in now.iter().enumerate() {
            places.entry(told.armed.decision()).or_default().push_back(n);
        }
        let mut place = |t: &Told| places.get_mut(&t.armed.decision())?.pop_front();
        let found: Vec<_> = then.iter().map(|t| (t, place(t))).collect();
        let order: Vec<_> = found.iter().filter_map(|(_, n)| *n).collect();
        let mut rest: Vec<_> = places.into_values().flatten().collect();
        rest.sort_unstable();
        Self {
            both: found.iter().filter_map(|(t, n)| Some((*t, &now[(*n)?]))).collect(),
            then: found.iter().filter(|(_, n)| n.is_none()).map(|(t, _)| *t).collect(),
            now: rest.into_iter().map(|n| &now[n]).collect(),
            in_order: longest_rise(&order),
        }
    }

    /// L1: the same faults were armed for the same attempts of the same items, at the same points.
    pub fn same_decisions(&self) -> bool {
        self.then.is_empty() && self.now.is_empty()
    }

    /// The three levels, and what became of each fault then and now.
    pub fn tale(&self) -> String {
        let (n, total) = (self.both.len(), self.both.len() + self.then.len() + self.now.len());
        let mut text = match (total, self.same_decisions()) {
            (0, _) => return "no fault was armed, then or now: nothing to compare\n".into(),
            (_, true) => {
                format!("L1, the same decisions: yes, {}\n", words::counted(n as u64, "fault"))
            }
            (_, false) => format!(
                "L1, the same decisions: no, {n} of {total}; {} then only, {} now only\n",
                self.then.len(),
                self.now.len()
            ),
        };
        text += &match n - self.in_order {
            0 => "L2, the same order: yes\n".to_owned(),
            _ => format!(
                "L2, the same order: no, {} of {n}; with more than one worker the threads decide\n",
                self.in_order
            ),
        };
        text += "L3, the same timing: no replay of processes has it\n";
        text + &self.table()
    }

    fn table(&self) -> String {
        let none = "not armed";
        let both = self.both.iter().map(|(t, n)| (&t.armed, &*t.fate, &*n.fate));
        let then = self.then.iter().map(|t| (&t.armed, &*t.fate, none));
        let now = self.now.iter().map(|t| (&t.armed, none, &*t.fate));
        let mut rows: Vec<_> = then.chain(now).chain(both).collect();
        // What differs is what one looks for.
        rows.sort_by_key(|(_, then, now)| then == now);
        let mut text = line("fault", "point", "item", "attempt", "then (attempts)", "now");
        for (armed, then, now) in rows.iter().take(LINES_MAX) {
            let (fault, point, item, attempt) = armed.decision();
            let (item, attempt) = (item.to_string(), attempt.to_string());
            text += &line(&fault.to_string(), point.name(), &item, &attempt, then, now);
        }
        match rows.len().saturating_sub(LINES_MAX) {
            0 => text,
            more => text + &format!("… and {more} more in {SCHEDULE} of both folders\n"),
        }
    }
}

fn line(fault: &str, point: &str, item: &str, attempt: &str, then: &str, now: &str) -> String {
    format!("{fault:<21} {point:<11} {item:>6} {attempt:>7}  {then:<24} {now}\n")
}

/// The length of the longest part of a list, with gaps, that rises: how much of it is in order.
fn longest_rise(list: &[usize]) -> usize {
    // The least end of a rise of each length.
    let mut ends: Vec<usize> = Vec::new();
    for &n in list {
        match ends.partition_point(|end| *end < n) {
            at if at == ends.len() => ends.push(n),
            at => ends[at] = n,
        }
    }
    ends.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipelines::fault::Fault;

    fn told(items: &[u64], fate: &str) -> Vec<Told> {
        let one = |item: &u64| Armed {
            run: None,
            fault: Fault::Abort,
            point: None,
            item: *item,
            attempt: 0,
            lane: 0,
            at_ns: 0,
            fired: true,
        };
        items.iter().map(|item| Told { armed: one(item), fate: fate.into() }).collect()
    }

    #[test]
    fn the_same_is_the_same_in_whatever_order() {
        let (then, now) = (told(&[1, 2, 3, 4], "x"), told(&[1, 3, 4, 2], "x"));
        let likeness = Likeness::of(&then, &now);
        assert!(likeness.same_decisions() && likeness.in_order == 3);
        let tale = likeness.tale();
        assert!(tale.contains("L1, the same decisions: yes, 4 faults"), "{tale}");
        assert!(tale.contains("L2, the same order: no, 3 of 4"), "{tale}");
        assert!(Likeness::of(&then, &then).tale().contains("L2, the same order: yes"));
        assert!(Likeness::of(&[], &[]).same_decisions());
    }

    #[test]
    fn what_is_missing_new_or_doubled_is_no_longer_the_same() {
        for (now, then_only, now_only) in
            [(&[1, 2][..], 1, 0), (&[1, 2, 3, 9], 0, 1), (&[1, 2, 4], 1, 1), (&[1, 2, 3, 3], 0, 1)]
        {
            let (then, now) = (told(&[1, 2, 3], "x"), told(now, "x"));
            let likeness = Likeness::of(&then, &now);
            assert!(!likeness.same_decisions());
            assert_eq!((likeness.then.len(), likeness.now.len()), (then_only, now_only));
            assert!(likeness.tale().contains("L1, the same decisions: no"));
        }
        let mut other = told(&[1], "x");
        other[0].armed.fault = Fault::Exit(7);
        assert!(!Likeness::of(&told(&[1], "x"), &other).same_decisions(), "another fault");
        other[0].armed.fault = Fault::Abort;
        other[0].armed.attempt = 1;
        assert!(!Likeness::of(&told(&[1], "x"), &other).same_decisions(), "another attempt");
    }

    #[test]
    fn a_long_table_begins_with_what_differs_and_says_what_it_leaves_out() {
        let many: Vec<u64> = (0..50).collect();
        let (then, mut now) = (told(&many, "fired, done (2)"), told(&many, "fired, done (2)"));
        now[40].fate = "fired, lost (1)".into();
        let tale = Likeness::of(&then, &now).tale();
        let first = tale.lines().nth(4).unwrap();
        assert!(first.contains(" 40 ") && first.ends_with("lost (1)"), "{tale}");
        assert!(tale.contains("and 30 more"), "{tale}");
        assert!(tale.lines().all(|l| l.chars().count() <= 100), "{tale}");
    }
}
