//! The engine as a subject: `okiagari`, `broadway`, `htpipe`, and what lies between them.

use super::{Isolation as Where, Knobs, Spec, Stage as Start, telemetry::Telemetry};
use pipelines::engine::Watch;
use pipelines::engine::htpipe::HtPipe;
use pipelines::engine::settings::{Settings, Supervision};
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
use std::time::Duration;

/// Tiles saved and entered into the journal together.
pub(super) const BATCH: usize = 4;

/// Builds the pipeline that the knobs describe, and runs it. This is the only place that looks at them.
pub(super) fn run(spec: &Spec, knobs: Knobs, start: Start) -> Result<(), Failure> {
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
    let settings = settings(knobs);
    if knobs.original {
        // As in the originals there is no batcher: whoever works on a tile saves it, too. A producer that dies
        // begins with the first tile again.
        let config = (spec.job.clone(), folder.clone());
        let stage = stage::<Then<TileWork, Save>>(spec, config).attempts(spec.attempts);
        let stage = match knobs.isolation {
            Where::Thread => stage.result_bytes(result_bytes),
            Where::Shared => stage.first_shared(isolation, HtPipe::ORIGINAL),
            Where::Process => {
                let why = super::NO_ORIGINAL_IN_A_PROCESS;
                return Err(Failure::input(format!("isolation {why}")));
            }
        };
        let pipeline = Pipeline::produced_by(1, move |_| source.open());
        return finish(spec, pipeline.settings(settings).stage(stage), watch, folder);
    }
    let stage = stage::<TileWork>(spec, spec.job.clone()).attempts(spec.attempts);
    let stage = match knobs.isolation {
        Where::Thread => stage.result_bytes(result_bytes),
        Where::Shared => stage.shared(isolation, prompt(spec.deadline)),
        Where::Process => stage.isolated(isolation),
    };
    let staged = Pipeline::from(source.open()?).settings(settings).stage(stage);
    let saved = staged.batch(Batch::<Save>::new(folder.clone()).size(BATCH));
    finish(spec, saved, watch, folder)
}

/// Tree and delivery. Under hand-over an item has one attempt, whatever the stage would give it.
fn settings(knobs: Knobs) -> Settings {
    let tree = match knobs.supervision {
        Supervision::Broadway => Settings::broadway(),
        Supervision::OneForOne => Settings::okiagari(),
    };
    Settings { delivery: knobs.delivery, as_the_original: knobs.original, ..tree }
}

/// No run is longer: a shared process of ours does not end by itself.
const LIFE: Duration = Duration::from_secs(30 * 86_400);

/// HtPipe's shared process without its sleeps and without the calls that are lost while it starts: what is left is
/// that one death ends all calls, and that nobody is told but whoever started it.
fn prompt(deadline: Duration) -> HtPipe {
    HtPipe {
        call_sleep: Duration::ZERO,
        connect_wait: Duration::ZERO,
        connect_poll: Duration::from_millis(1),
        boot_wait: deadline,
        call_timeout: deadline,
        life: LIFE,
        first_calls_lost: 0,
        wrong_after_death: 0,
    }
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
