//! The subject `okiagari`: one engine, its settings.

use super::{Spec, Stage as Start};
use pipelines::image::job::TileWork;
use pipelines::isolation::Isolation;
use pipelines::message::Failure;
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::sink::folder::Save;
use pipelines::sink::quarantine;
use std::num::NonZeroUsize;

/// Tiles saved and entered into the journal together.
pub(super) const BATCH: usize = 4;

pub(super) fn run(spec: &Spec, start: Start) -> Result<(), Failure> {
    let Start { feed, slab, watch, folder, budget, result_bytes } = start;
    let isolation = Isolation {
        budget,
        spares: spec.spares,
        deadline: spec.deadline,
        memory_max_bytes: spec.memory_max_bytes,
        ..Isolation::new(vec![slab], result_bytes)
    };
    let stage = Stage::<TileWork>::new(spec.job.clone())
        .workers(spec.workers)
        .attempts(spec.attempts)
        .max_demand(NonZeroUsize::new(spec.max_demand).unwrap_or(NonZeroUsize::MIN))
        .isolated(isolation);
    let aside = folder.clone();
    Pipeline::from(feed)
        .stage(stage)
        .batch(Batch::<Save>::new(folder).size(BATCH))
        .watched(watch)
        .set_aside(move |item| quarantine::set_aside(&aside, item))
        .run()
        .map(|_| ())
}
