//! From which rate of faults on a subject pays, as the figure of it wants it.

use crate::experiment::Experiment;
use crate::figure::{BreakEven, Course, POINTS};
use crate::history::{Ending, History};
use crate::measure::{RIVALS, Twins, penalty_ns, toll};
use crate::stats::{Estimate, bootstrap, quantile};
use std::collections::{BTreeMap, BTreeSet};

/// A time of a trial, in seconds: of one without faults, or what each fault cost one with faults.
#[derive(Debug, Clone, Copy)]
struct Seen {
    rival: bool,
    struck: bool,
    s: f64,
}

/// What two subjects take: T without faults, K for each fault, in seconds (M14, M10).
#[derive(Debug, Clone, Copy)]
struct Times {
    own: (f64, f64),
    rival: (f64, f64),
}

impl Times {
    /// `None` if something of them was never seen.
    fn of(seen: &[Seen]) -> Option<Self> {
        let middle = |rival: bool, struck: bool| {
            let mine = seen.iter().filter(|x| (x.rival, x.struck) == (rival, struck));
            let mut times: Vec<_> = mine.map(|x| x.s).collect();
            times.sort_by(f64::total_cmp);
            quantile(&times, 0.5)
        };
        let both = |rival| Some((middle(rival, false)?, middle(rival, true)?));
        Some(Self { own: both(false)?, rival: both(true)? }).filter(|t| t.rival.0 > 0.0)
    }

    /// The rate at which both take as long; infinite if a fault costs the rival no more.
    fn break_even_per_s(&self) -> f64 {
        let saved_s = self.rival.1 - self.own.1;
        let late = (self.own.0 - self.rival.0) / self.rival.0;
        match (late <= 0.0, saved_s > 0.0) {
            (true, _) => 0.0,
            (false, true) => late / saved_s,
            (false, false) => f64::INFINITY,
        }
    }

    /// Expected times at a rate, in parts of the rival's time without faults: (own, rival).
    fn at(&self, per_s: f64) -> (f64, f64) {
        (self.own.0 / self.rival.0 + per_s * self.own.1, 1.0 + per_s * self.rival.1)
    }
}

/// Every subject against the first of [`RIVALS`] that came through faults with all its tiles; `None` if none did, or
/// nobody else did. A subject that `[vary]` gives several rates of faults is one here.
pub(super) fn of<'a>(experiment: &'a Experiment, histories: &[History]) -> Option<BreakEven<'a>> {
    let all = seen(experiment, histories);
    let rival = RIVALS.into_iter().find(|name| all.get(name).is_some_and(has_both))?;
    let others = all.iter().filter(|(name, seen)| !RIVALS.contains(name) && has_both(seen));
    let pairs: Vec<_> = others.map(|(name, own)| (*name, by_block(own, &all[rival]))).collect();
    if pairs.is_empty() {
        return None;
    }
    let per_s = reach_per_s(&pairs);
    let rates: Vec<_> = (0..POINTS).map(|k| per_s * k as f64 / (POINTS - 1) as f64).collect();
    let course = |(subject, blocks): &(&'a str, Vec<Vec<Seen>>)| Course {
        subject,
        break_even_per_s: estimate(blocks, Times::break_even_per_s),
        times: rates.iter().map(|r| estimate(blocks, |t| t.at(*r).0)).collect(),
    };
    Some(BreakEven {
        rival,
        times: rates.iter().map(|r| estimate(&pairs[0].1, |t| t.at(*r).1)).collect(),
        courses: pairs.iter().map(course).collect(),
        rates_per_s: rates,
    })
}

/// How far the axis reaches: beyond the last crossing, or, if there is none, to where a fault a run doubles its time.
fn reach_per_s(pairs: &[(&str, Vec<Vec<Seen>>)]) -> f64 {
    let times = pairs.iter().filter_map(|(_, blocks)| Times::of(&blocks.concat()));
    let times: Vec<_> = times.collect();
    let crossings = times.iter().map(Times::break_even_per_s);
    let last = crossings.filter(|c| c.is_finite()).fold(0.0, f64::max);
    let doubles = times.first().map_or(1.0, |t| t.rival.0.min(t.rival.1.abs()).max(1e-3).recip());
    if last > 0.0 { last * 2.2 } else { doubles }
}

/// By subject and block, what was seen.
type BySubject<'a> = BTreeMap<&'a str, BTreeMap<u32, Vec<Seen>>>;

fn seen<'a>(experiment: &'a Experiment, histories: &[History]) -> BySubject<'a> {
    let twins = Twins::of(histories);
    let mut all = BySubject::new();
    for h in histories {
        let Some((name, options)) = experiment.subject.get_key_value(&h.run.subject) else {
            continue;
        };
        let like = options.like.as_ref().filter(|_| options.mtbf_ms.is_some());
        let whole = h.run.ending == Ending::Complete && toll(h).lost == 0;
        let ns = if h.run.faults { penalty_ns(h, &twins) } else { Some(h.run.wall_ns as f64) };
        let Some(ns) = ns.filter(|_| whole) else { continue };
        let blocks = all.entry(like.unwrap_or(name)).or_default();
        let seen = Seen { rival: false, struck: h.run.faults, s: ns / 1e9 };
        blocks.entry(h.run.block).or_default().push(seen);
    }
    all
}

fn has_both(blocks: &BTreeMap<u32, Vec<Seen>>) -> bool {
    let has = |struck| blocks.values().flatten().any(|x| x.struck == struck);
    has(true) && has(false)
}

/// Both together, block by block: what a block has in common is drawn together.
fn by_block(own: &BTreeMap<u32, Vec<Seen>>, rival: &BTreeMap<u32, Vec<Seen>>) -> Vec<Vec<Seen>> {
    let blocks: BTreeSet<_> = own.keys().chain(rival.keys()).collect();
    let of = |side: &BTreeMap<u32, Vec<Seen>>, block: &u32, rival: bool| {
        let seen = side.get(block).into_iter().flatten();
        seen.map(move |x| Seen { rival, ..*x }).collect::<Vec<_>>()
    };
    blocks.into_iter().map(|b| [of(own, b, false), of(rival, b, true)].concat()).collect()
}

fn estimate(blocks: &[Vec<Seen>], of: impl Fn(&Times) -> f64) -> Estimate {
    let statistic = |pools: &mut [Vec<Seen>]| Times::of(&pools[0]).map(|t| of(&t));
    Estimate {
        n: blocks.len(),
        value: Times::of(&blocks.concat()).map(|t| of(&t)),
        interval: bootstrap(&[blocks], 0.025, statistic),
        method: "of medians, bootstrap over blocks",
    }
}
