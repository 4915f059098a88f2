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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    /// A run without faults and one with a single fault, in milliseconds.
    fn pair(subject: &str, block: u32, quiet_ms: u64, struck_ms: u64) -> [History; 2] {
        [(false, quiet_ms), (true, struck_ms)].map(|(faults, ms)| {
            let mut h = sample::good(block, subject, faults, 40);
            if faults {
                sample::recover(&mut h, 0, 10, 1_000_000);
            }
            (h.run.block, h.run.wall_ns) = (block, ms * 1_000_000);
            h
        })
    }

    fn experiment(subjects: &str) -> Experiment {
        let text = format!(
            "name = \"mine\"\nquestion = \"?\"\nseed = 1\nblocks = 8\n[workload]\ninput = \"a.png\"\n\
             [[strike]]\nfault = \"abort\"\nwhen = {{ item = 10 }}\n{subjects}"
        );
        Experiment::parse(&text, "mine.toml").unwrap()
    }

    #[test]
    fn lines_cross_where_what_is_saved_pays_for_the_overhead() {
        let e = experiment("[subject.restart]\n[subject.okiagari]\n");
        // 10 % slower, and a fault costs 1 s instead of 2 s: 0.1 faults a second.
        let all: Vec<_> = (0..8)
            .flat_map(|b| {
                [pair("okiagari", b, 1100, 2100), pair("restart", b, 1000, 3000)].concat()
            })
            .collect();
        let found = of(&e, &all).unwrap();
        assert_eq!((found.rival, found.courses.len()), ("restart", 1));
        let course = &found.courses[0];
        let near =
            |e: &Estimate, value: f64| assert!((e.value.unwrap() - value).abs() < 1e-9, "{e:?}");
        near(&course.break_even_per_s, 0.1);
        assert_eq!((course.subject, course.break_even_per_s.n), ("okiagari", 8));
        assert!(course.break_even_per_s.interval.is_some_and(|(low, high)| low <= high));
        near(&course.times[0], 1.1);
        near(&found.times[0], 1.0);
        let (rate, last) = (found.rates_per_s[POINTS - 1], POINTS - 1);
        assert!(rate > 0.1, "the crossing is on the axis");
        near(&course.times[last], 1.1 + rate);
        near(&found.times[last], 1.0 + 2.0 * rate);
        // Few blocks have no interval, and whoever is faster anyway pays at once.
        let few: Vec<_> = [pair("okiagari", 0, 900, 910), pair("restart", 0, 1000, 3000)].concat();
        let found = of(&e, &few).unwrap();
        near(&found.courses[0].break_even_per_s, 0.0);
        assert_eq!(found.courses[0].break_even_per_s.interval, None);
        // A fault costs the rival less.
        let dear: Vec<_> =
            [pair("okiagari", 0, 1100, 5000), pair("restart", 0, 1000, 3000)].concat();
        assert_eq!(of(&e, &dear).unwrap().courses[0].break_even_per_s.value, Some(f64::INFINITY));
    }

    #[test]
    fn only_who_comes_through_is_a_rival_and_rates_are_taken_together() {
        let vary = "[vary]\nmtbf_ms = [10, 200]\n";
        let e =
            experiment(&format!("{vary}[subject.resume]\n[subject.restart]\n[subject.okiagari]\n"));
        let mut all = Vec::new();
        for rate in ["10ms", "200ms"] {
            all.extend(pair(&format!("okiagari-{rate}"), 0, 1100, 2100));
            all.extend(pair(&format!("restart-{rate}"), 0, 1000, 3000));
            // It ends with a tile missing: how long it took for the others says nothing.
            let [quiet, mut struck] = pair(&format!("resume-{rate}"), 0, 1000, 1001);
            sample::die(&mut struck, 20);
            all.extend([quiet, struck]);
        }
        let found = of(&e, &all).unwrap();
        assert_eq!(found.rival, "restart");
        assert_eq!(found.courses.iter().map(|c| c.subject).collect::<Vec<_>>(), ["okiagari"]);
        all.retain(|h| !h.run.subject.starts_with("restart"));
        assert!(of(&e, &all).is_none() && of(&e, &[]).is_none());
    }
}
