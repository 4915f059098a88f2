//! The subjects `okiagari`, `broadway` and `htpipe`: one engine, three settings.

use super::{Spec, Stage as Start, Subject, telemetry::Telemetry};
use pipelines::engine::Watch;
use pipelines::engine::htpipe::HtPipe;
use pipelines::engine::settings::Settings;
use pipelines::handler::{Handler, Then};
use pipelines::image::job::TileWork;
use pipelines::image::raster::Tile;
use pipelines::isolation::Isolation;
use pipelines::isolation::memory::default_budget;
use pipelines::isolation::sandbox::Policy;
use pipelines::message::Failure;
use pipelines::pipeline::{Batch, Pipeline, Stage, Staged};
use pipelines::sink::folder::{Folder, Save};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Tiles saved and entered into the journal together.
pub(super) const BATCH: usize = 4;

pub(super) fn run(spec: &Spec, start: Start) -> Result<(), Failure> {
    let Start { source, slab, watch, folder, budget, result_bytes } = start;
    let isolation = Isolation {
        memory_budget_bytes: spec.memory_budget_bytes.unwrap_or_else(default_budget),
        budget,
        spares: spec.spares,
        deadline: spec.deadline,
        limits: spec.limits,
        cgroup: spec.cgroup.clone(),
        recycling: spec.recycling,
        sandbox: spec.sandbox.then(Policy::default),
        ..Isolation::new(vec![slab], result_bytes)
    };
    if spec.subject == Subject::Okiagari {
        let stage = stage::<TileWork>(spec, spec.job.clone()).attempts(spec.attempts);
        let staged = Pipeline::from(source.open()?).stage(stage.isolated(isolation));
        let saved = staged.batch(Batch::<Save>::new(folder.clone()).size(BATCH));
        return finish(spec, saved, watch, folder);
    }
    // As in the originals there is no batcher: whoever works on a tile saves it, too. A producer that dies
    // begins with the first tile again.
    let stage = stage::<Then<TileWork, Save>>(spec, (spec.job.clone(), folder.clone())).attempts(1);
    let stage = match spec.subject {
        Subject::Htpipe => stage.first_shared(isolation, HtPipe::ORIGINAL),
        _ => stage.result_bytes(result_bytes),
    };
    let pipeline = Pipeline::produced_by(1, move |_| source.open());
    finish(spec, pipeline.settings(Settings::broadway()).stage(stage), watch, folder)
}

fn stage<H: Handler>(spec: &Spec, config: H::Config) -> Stage<H> {
    let max_demand = NonZeroUsize::new(spec.max_demand).unwrap_or(NonZeroUsize::MIN);
    Stage::new(config).workers(spec.workers).max_demand(max_demand)
}

fn finish<H: Handler<In = Tile>>(
    spec: &Spec,
    staged: Staged<H>,
    watch: Arc<Watch>,
    folder: Folder,
) -> Result<(), Failure> {
    let quarantine = spec.quarantine(folder);
    let staged = staged.watched(watch).set_aside(move |item| quarantine.set_aside(item));
    match &spec.events {
        None => staged.run(),
        Some(path) => {
            let telemetry = Telemetry::to(path)?;
            let result = staged.observed(telemetry.observer()).run();
            telemetry.conclude();
            result
        }
    }
    .map(|_| ())
}
