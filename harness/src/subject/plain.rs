//! The plain program: the subjects `baseline`, `restart` and `resume`.

use super::{Spec, Stage};
use pipelines::engine::SetAside;
use pipelines::image::job::TileWork;
use pipelines::image::raster::Tile;
use pipelines::message::Failure;
use pipelines::plain::Plain;
use pipelines::sink::folder::Save;

pub(super) fn run(spec: &Spec, stage: Stage) -> Result<(), Failure> {
    let Stage { source, watch, folder, result_bytes, .. } = stage;
    let quarantine = spec.quarantine(folder.clone());
    let aside = move |aside: &SetAside<'_, Tile>| quarantine.set_aside(aside);
    let plain = Plain::<TileWork, Save> {
        workers: spec.workers,
        config: spec.job.clone(),
        result_bytes,
        sink: folder.clone(),
        watch: &watch,
        aside: &aside,
    };
    plain.run(source.open()?)
}
