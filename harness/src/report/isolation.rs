//! What isolation costs, as the figure of it wants it.

use crate::experiment::Experiment;
use crate::figure::Cost;
use crate::history::{Ending, History};
use crate::measure::toll;
use crate::stats::{median, paired_ratio};
use crate::subject::{Isolation, Knobs};
use std::collections::BTreeMap;

/// A cost for each list of operations that a subject with a process for each worker has in common with one that differs
/// from it in nothing but that its calls are made in its own threads; the lightest work first. None in an experiment that
/// does not vary what is done with a tile.
pub(super) fn costs<'a>(experiment: &'a Experiment, histories: &[History]) -> Vec<Cost<'a>> {
    let varied = experiment.subject.iter().filter(|(_, options)| options.operation.is_some());
    let engines: Vec<_> = varied
        .filter_map(|(name, _)| Some((&**name, experiment.subject_called(name).ok()?.knobs()?)))
        .collect();
    let mut all: Vec<Cost<'_>> = Vec::new();
    for (isolated, knobs) in &engines {
        let operations = experiment.operations(isolated);
        let inside = Knobs { isolation: Isolation::Thread, ..*knobs };
        let like = |(name, its): &&(&str, Knobs)| {
            *its == inside && experiment.operations(name) == operations
        };
        let apart = knobs.isolation == Isolation::Process;
        if let Some((threads, _)) = engines.iter().find(like).filter(|_| apart) {
            all.push(cost(histories, operations, (isolated, threads)));
        }
    }
    all.sort_by(|a, b| {
        let work = |cost: &Cost<'_>| cost.work_ns.value.unwrap_or(f64::INFINITY);
        work(a).total_cmp(&work(b))
    });
    all
}

fn cost<'a>(
    histories: &[History],
    operations: &'a [String],
    (isolated, threads): (&str, &str),
) -> Cost<'a> {
    let quiet = |name: &str| -> Vec<&History> {
        let whole = |h: &&History| h.injections.is_empty() && h.run.ending == Ending::Complete;
        histories.iter().filter(|h| h.run.subject == name).filter(whole).collect()
    };
    let (apart, inside) = (quiet(isolated), quiet(threads));
    let ratio = |of: &dyn Fn(&History) -> Option<f64>| {
        let (a, b) = (by_block(&apart, of), by_block(&inside, of));
        let pairs = a.iter().filter_map(|(block, a)| Some((*a, *b.get(block)?)));
        paired_ratio(&pairs.collect::<Vec<_>>())
    };
    let work = |h: &&History| {
        let times = h.items.iter().filter_map(|i| Some(i.work_ns? as f64));
        median(&times.collect::<Vec<_>>()).value
    };
    Cost {
        operations,
        work_ns: median(&inside.iter().filter_map(work).collect::<Vec<_>>()),
        time: ratio(&|h| Some(h.run.wall_ns as f64)),
        processor: ratio(&|h| {
            let right = toll(h).right;
            h.run.cpu_ns.filter(|_| right > 0).map(|ns| ns as f64 / right as f64)
        }),
    }
}

/// The mean over the runs of each block. Where nothing strikes there are two of them, which are no more independent than
/// their block.
fn by_block(runs: &[&History], of: &dyn Fn(&History) -> Option<f64>) -> BTreeMap<u32, f64> {
    let mut all: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for h in runs {
        all.entry(h.run.block).or_default().extend(of(h));
    }
    all.retain(|_, values| !values.is_empty());
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    all.into_iter().map(|(block, values)| (block, mean(values))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    fn runs(blocks: u32) -> Vec<History> {
        let kinds = [("okiagari", 2u64), ("threads", 1)];
        let mut all = Vec::new();
        for (operation, work_ns) in [("none", 1_000), ("grayscale", 3_000)] {
            for (subject, cost) in kinds {
                for (block, faults) in (0..blocks).flat_map(|b| [(b, false), (b, true)]) {
                    let name = format!("{subject}-{operation}");
                    let mut h = sample::good(all.len() as u32, &name, faults, 10);
                    (h.run.block, h.run.cpu_ns) = (block, Some(cost * 1_000_000));
                    // The second trial of a block takes twice as long: their mean counts.
                    h.run.wall_ns = (work_ns + cost * 1_000) * if faults { 2 } else { 1 };
                    h.items.iter_mut().for_each(|i| i.work_ns = Some(work_ns));
                    all.push(h);
                }
            }
        }
        all
    }

    #[test]
    fn each_work_has_its_cost_and_the_lightest_comes_first() {
        let e9 = Experiment::load("e9-isolation-cost").unwrap();
        let found = costs(&e9, &runs(7));
        let seen: Vec<_> = found.iter().filter(|c| c.work_ns.value.is_some()).collect();
        assert_eq!((found.len(), seen.len()), (5, 2), "what did not run has no work");
        for (cost, (operation, work, ratio)) in
            seen.iter().zip([("none", 1_000.0, 3.0 / 2.0), ("grayscale", 3_000.0, 5.0 / 4.0)])
        {
            assert_eq!(
                (cost.operations, cost.work_ns.value),
                (&[operation.to_owned()][..], Some(work))
            );
            assert_eq!((cost.time.n, cost.processor.n), (7, 7), "a block counts once");
            assert!(
                (cost.time.value.unwrap() - ratio).abs() < 1e-9 && cost.time.interval.is_some()
            );
            assert!((cost.processor.value.unwrap() - 2.0).abs() < 1e-9);
        }
        assert_eq!(costs(&e9, &[]).iter().filter(|c| c.time.value.is_some()).count(), 0);
        let other = Experiment::load("e7-ablation").unwrap();
        assert_eq!(costs(&other, &runs(2)), [], "which varies something else");
    }

    #[test]
    fn what_fell_or_was_struck_tells_nothing_of_the_cost() {
        let e9 = Experiment::load("e9-isolation-cost").unwrap();
        let mut all = runs(7);
        for h in
            all.iter_mut().filter(|h| h.run.block == 3 && h.run.subject.starts_with("okiagari"))
        {
            sample::die(h, 4);
        }
        assert!(
            costs(&e9, &all).iter().filter(|c| c.work_ns.value.is_some()).all(|c| c.time.n == 6)
        );
    }
}
