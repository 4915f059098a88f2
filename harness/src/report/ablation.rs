//! Which of the three knobs buys what, as the figure of it wants it.

use crate::experiment::Experiment;
use crate::figure::{Combination, Effect};
use crate::history::{History, Injection};
use crate::measure::toll;
use crate::stats::{Estimate, bootstrap, clustered_median};
use crate::subject::{Isolation, Knobs};
use pipelines::engine::ledger::Delivery;
use pipelines::engine::settings::Supervision;
use std::collections::{BTreeMap, BTreeSet};

/// An experiment has an ablation if it has so many combinations of knobs.
const FEWEST: usize = 4;

/// Every subject of the engine with what it saved, those that saved most first; and what each knob is worth. `None` if the
/// experiment turns no knobs, or nothing strikes.
pub(super) fn of<'a>(
    experiment: &'a Experiment,
    histories: &[History],
) -> Option<(Vec<Combination<'a>>, Vec<Effect>)> {
    let engines: Vec<_> = experiment
        .subject
        .keys()
        .filter_map(|name| Some((&**name, experiment.subject_called(name).ok()?.knobs()?)))
        .collect();
    let turned: Vec<_> = engines.iter().filter(|(_, knobs)| !knobs.original).copied().collect();
    let struck = histories.iter().filter(|h| h.run.faults && h.fired().next().is_some());
    let struck: Vec<_> = struck.collect();
    if turned.len() < FEWEST || struck.is_empty() {
        return None;
    }
    let mut rows: Vec<_> = engines.iter().map(|(name, knobs)| row(&struck, name, *knobs)).collect();
    rows.sort_by(|a, b| {
        let right = |row: &Combination<'_>| row.right.value.unwrap_or(0.0);
        right(b).total_cmp(&right(a)).then(a.name.cmp(b.name))
    });
    Some((rows, effects(&struck, &turned)))
}

fn row<'a>(struck: &[&History], name: &'a str, knobs: Knobs) -> Combination<'a> {
    let runs: Vec<_> = struck.iter().filter(|h| h.run.subject == name).copied().collect();
    let ms = |h: &&History| -> Vec<f64> {
        h.fired().filter_map(Injection::recovery_ns).map(|ns| ns as f64 / 1e6).collect()
    };
    let times: Vec<_> = runs.iter().map(ms).collect();
    Combination {
        name,
        knobs,
        right: share_right(&runs),
        recovery_ms: clustered_median(&times),
        recovered: times.concat().len(),
        fired: runs.iter().map(|h| h.fired().count()).sum(),
    }
}

/// The share of items that came out right, and its interval from resampling runs: items of one run are not independent.
pub(super) fn share_right(runs: &[&History]) -> Estimate {
    let share = |h: &&History| toll(h).right as f64 / h.run.items.max(1) as f64;
    mean(&runs.iter().map(share).collect::<Vec<_>>())
}

fn average(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn mean(values: &[f64]) -> Estimate {
    let groups: Vec<_> = values.iter().map(|v| vec![*v]).collect();
    Estimate {
        n: values.len(),
        value: average(values),
        interval: bootstrap(&[&groups], 0.025, |pools| average(&pools[0])),
        method: "mean, bootstrap over runs",
    }
}

/// What is better about a value of a knob, and which two values are compared.
type Turn = (&'static str, fn(Knobs) -> Option<Knobs>);

/// Each with the knobs that a combination would have had the other value: `None` where it has not the better one.
const TURNS: [Turn; 4] = [
    ("a lease instead of hand-over", |k| {
        (k.delivery == Delivery::Lease).then_some(Knobs { delivery: Delivery::HandOver, ..k })
    }),
    ("a process each instead of threads", |k| {
        (k.isolation == Isolation::Process).then_some(Knobs { isolation: Isolation::Thread, ..k })
    }),
    ("one shared process instead of threads", |k| {
        (k.isolation == Isolation::Shared).then_some(Knobs { isolation: Isolation::Thread, ..k })
    }),
    ("one-for-one instead of Broadway's tree", |k| {
        (k.supervision == Supervision::OneForOne)
            .then_some(Knobs { supervision: Supervision::Broadway, ..k })
    }),
];

/// The main effects: in each block the mean difference over all pairs of combinations that differ in nothing but this
/// knob, and over blocks the mean of these.
fn effects(struck: &[&History], turned: &[(&str, Knobs)]) -> Vec<Effect> {
    let mut shares: BTreeMap<(u32, &str), f64> = BTreeMap::new();
    for h in struck {
        let share = toll(h).right as f64 / h.run.items.max(1) as f64;
        shares.insert((h.run.block, &h.run.subject), share);
    }
    let effect = |(what, other): Turn| {
        let pairs: Vec<_> = turned
            .iter()
            .filter_map(|(name, knobs)| {
                let worse = other(*knobs)?;
                let (rival, _) = turned.iter().find(|(_, knobs)| *knobs == worse)?;
                Some((*name, *rival))
            })
            .collect();
        let of_block = |block: u32| {
            let share = |name| shares.get(&(block, name));
            let differences = pairs.iter().filter_map(|(a, b)| Some(share(a)? - share(b)?));
            average(&differences.collect::<Vec<_>>())
        };
        let blocks: BTreeSet<_> = shares.keys().map(|(block, _)| *block).collect();
        let each: Vec<_> = blocks.into_iter().filter_map(of_block).collect();
        (!each.is_empty()).then(|| Effect { what, pairs: pairs.len(), right: mean(&each) })
    };
    TURNS.into_iter().filter_map(effect).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    /// Of ten tiles each subject loses as many as its knobs say: a hand-over one, threads two, Broadway's tree none.
    fn runs(experiment: &Experiment, blocks: u32) -> Vec<History> {
        let mut all = Vec::new();
        for block in 0..blocks {
            for name in experiment.subject.keys() {
                let mut h = sample::good(all.len() as u32, name, true, 10);
                h.run.block = block;
                sample::recover(&mut h, 0, 9, 2_000_000);
                let lost =
                    usize::from(name.contains("hand")) + 2 * usize::from(name.contains("thread"));
                h.items[..lost].iter_mut().for_each(|i| i.found_blake3 = None);
                all.push(h);
            }
        }
        all
    }

    #[test]
    fn each_knob_is_worth_what_its_pairs_differ_by() {
        let e7 = Experiment::load("e7-ablation").unwrap();
        let (rows, effects) = of(&e7, &runs(&e7, 6)).unwrap();
        assert_eq!(rows.len(), 13);
        let right = |row: usize| (rows[row].right.value.unwrap() * 1e6).round() / 1e6;
        assert_eq!((right(0), right(12)), (1.0, 0.7));
        let broadway = rows.iter().find(|r| r.name == "broadway").unwrap();
        assert!(broadway.knobs.original && broadway.recovery_ms.value == Some(2.0));
        assert_eq!((broadway.recovered, broadway.fired), (6, 6));
        let worth = |e: &Effect| (e.pairs, e.right.n, (e.right.value.unwrap() * 1e6).round() / 1e6);
        let found: Vec<_> = effects.iter().map(worth).collect();
        // Broadway itself, which has more of its own, is in no pair.
        assert_eq!(found, [(6, 6, 0.1), (4, 6, 0.2), (4, 6, 0.2), (6, 6, 0.0)]);
        assert!(effects.iter().all(|e| e.right.interval.is_some_and(|(low, high)| low <= high)));
        let (few, _) = of(&e7, &runs(&e7, 1)).unwrap();
        assert_eq!((few[0].right.n, few[0].right.interval), (1, None));
    }

    #[test]
    fn without_combinations_or_faults_there_is_nothing_to_say() {
        let (e3, e7) = ["e3-ffi-abort", "e7-ablation"].map(|e| Experiment::load(e).unwrap()).into();
        assert!(of(&e3, &sample::comparison(6, 40)).is_none());
        let mut quiet = runs(&e7, 2);
        quiet.iter_mut().for_each(|h| h.injections.clear());
        assert!(of(&e7, &quiet).is_none() && of(&e7, &[]).is_none());
    }
}
