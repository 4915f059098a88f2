//! A trial as one line that grows while it runs: `.` tiles done, `X` somebody died, `^` somebody is there again. Pure.

use crate::history::{History, Injection};
use crate::measure::words::{duration, grouped};
use crate::measure::{Outcome, Twins, worst};
use crate::stats::median;
use pipelines::black_box::{Event, What};
use pipelines::message::Death;
use std::collections::BTreeSet;

/// So many dots a strip keeps, before deaths between two of them are drawn as one.
const DOTS_MIN: u64 = 12;
/// The least width of a strip, whatever the terminal says, in columns.
const STRIP_MIN: usize = 8;
/// Columns of an outcome's word: the longest of them.
const WORD: usize = 14;

/// What happened between two tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// A worker, a thread, or the subject itself died.
    Died,
    /// The one that died has a successor that is ready.
    Risen,
}

/// What a trial did so far.
#[derive(Debug, Clone, Default)]
pub struct Film {
    items: u64,
    /// Items settled; those before a start from zero do not count.
    settled: u64,
    /// Tiles that were ever done; after a start from zero there are more of them than items.
    done: u64,
    /// Each with the number of tiles that were done before it.
    marks: Vec<(u64, Mark)>,
    /// Lanes that are without their worker.
    down: BTreeSet<u8>,
    restarts: u64,
}

impl Film {
    /// Of a trial of so many items that begins.
    pub fn of(items: u64) -> Self {
        Self { items, ..Self::default() }
    }

    /// What is seen now: items settled since the last start from zero, how often the subject was started again, and the
    /// events that are new.
    pub fn see(&mut self, settled: u64, restarts: u64, events: &[Event]) {
        self.settled = settled;
        for _ in self.restarts..restarts {
            self.fell();
            self.mark(Mark::Risen);
        }
        self.restarts = restarts;
        for event in events {
            match event.what {
                What::Done => self.done += 1,
                // An attempt that returned an error killed nobody; of a worker that held many items there is an event each.
                What::Died
                    if event.value != Death::Error.code() && self.down.insert(event.lane) =>
                {
                    self.mark(Mark::Died);
                }
                What::Ready if self.down.remove(&event.lane) => self.mark(Mark::Risen),
                _ => {}
            }
        }
    }

    /// The subject itself died, and all that it had.
    pub fn fell(&mut self) {
        self.down.clear();
        self.mark(Mark::Died);
    }

    fn mark(&mut self, mark: Mark) {
        self.marks.push((self.done, mark));
    }

    /// What there is to see in at most so many columns (8 or more): a dot stands for so many tiles that the whole trial
    /// fits. Where deaths would leave too little room, those between two dots are drawn as one.
    pub fn strip(&self, width: usize) -> String {
        let all = self.done + self.items.saturating_sub(self.settled);
        let room = width.saturating_sub(self.marks.len()) as u64;
        let folded = room < all.min(DOTS_MIN);
        // Two marks after each dot, and two before the first.
        let dots = if folded { width.saturating_sub(2) as u64 / 3 } else { room };
        let tiles_a_dot = all.div_ceil(dots.max(1)).max(1);
        let mut strip = String::with_capacity(width);
        let mut drawn = 0;
        let mut dots_until = |strip: &mut String, done: u64| {
            let due = done.div_ceil(tiles_a_dot);
            strip.extend((drawn..due).map(|_| '.'));
            drawn = due;
        };
        let place = |(done, _): &(u64, Mark)| done.div_ceil(tiles_a_dot);
        for together in self.marks.chunk_by(|a, b| place(a) == place(b)) {
            dots_until(&mut strip, together[0].0);
            strip.extend(symbols(together, folded));
        }
        dots_until(&mut strip, self.done);
        strip
    }
}

/// Marks between two dots: all of them, or the last of each kind.
fn symbols(together: &[(u64, Mark)], folded: bool) -> Vec<char> {
    let symbol = |mark: Mark| match mark {
        Mark::Died => 'X',
        Mark::Risen => '^',
    };
    let marks = || together.iter().map(|(_, mark)| symbol(*mark));
    match marks().next_back() {
        Some(last) if folded => marks().find(|m| *m != last).into_iter().chain([last]).collect(),
        _ => marks().collect(),
    }
}

/// What stands at the end of a trial's line.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tail {
    word: String,
    good: Option<bool>,
    tiles: String,
    time: String,
    back: String,
}

impl Tail {
    /// While it runs: how many tiles are done, and the time so far, in ns.
    pub fn running(settled: u64, items: u64, time_ns: u64) -> Self {
        let tiles = format!("{}/{}", grouped(settled), grouped(items));
        Self { tiles, time: duration(time_ns as f64), ..Self::default() }
    }

    /// When it is over: its worst outcome, or how it ended where nothing struck; tiles that came out right; how long it
    /// took; the median recovery.
    pub fn over(history: &History) -> Self {
        let run = &history.run;
        let right = history.items.iter().filter(|item| item.right()).count() as u64;
        let worst = worst(history, &Twins::of(std::slice::from_ref(history)));
        let word = if worst == Outcome::NotActivated { "finished" } else { worst.name() };
        let recovery: Vec<f64> =
            history.fired().filter_map(Injection::recovery_ns).map(|ns| ns as f64).collect();
        let back = median(&recovery).value.map(|ns| format!("back in {}", duration(ns)));
        Self {
            word: word.to_owned(),
            good: Some(worst <= Outcome::RecoveredLate),
            tiles: format!("{}/{}", grouped(right), grouped(run.items)),
            time: duration(run.wall_ns as f64),
            back: back.unwrap_or_default(),
        }
    }

    /// As much of it as a terminal of so many columns has room for.
    fn text(&self, width: usize) -> String {
        let Self { word, tiles, time, back, .. } = self;
        match width {
            110.. => format!("{word:<WORD$} {tiles:>11} {time:>7}  {back:<15}"),
            90.. => format!("{word:<WORD$} {tiles:>11} {time:>7}"),
            60.. => format!("{word:<WORD$} {time:>7}"),
            _ => format!("{word:<WORD$}"),
        }
    }
}

/// A trial's line, for a terminal of so many columns: who, the strip, the end.
pub fn line(who: &str, film: &Film, tail: &Tail, columns: usize, colours: bool) -> String {
    let end = tail.text(columns);
    // A line as wide as the terminal would be broken by some of them.
    let taken = who.chars().count() + end.chars().count() + 4 + 1;
    let width = columns.saturating_sub(taken).max(STRIP_MIN);
    let strip = film.strip(width);
    let padding = " ".repeat(width.saturating_sub(strip.chars().count()));
    if !colours {
        return format!("{who}  {strip}{padding}  {end}").trim_end().to_owned();
    }
    let strip: String = strip.chars().map(painted).collect();
    let end = match tail.good {
        None => end,
        Some(good) => {
            let code = if good { GREEN } else { RED };
            let (word, rest) = end.split_at(tail.word.len());
            format!("{code}{word}{PLAIN}{rest}")
        }
    };
    format!("{who}  {strip}{padding}  {end}").trim_end().to_owned()
}

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";

fn painted(symbol: char) -> String {
    match symbol {
        'X' => format!("{RED}X{PLAIN}"),
        '^' => format!("{GREEN}^{PLAIN}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
