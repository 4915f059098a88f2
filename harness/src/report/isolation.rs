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
