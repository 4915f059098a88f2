//! `okiagari run --quarantined`: an item that was set aside, once more and alone.

use super::{Exit, say};
use crate::plan::FaultPlan;
use crate::subject::{Asked, Spec, Subject};
use crate::trial::try_out;
use pipelines::black_box::BlackBox;
use pipelines::engine::{SetAside, Watch};
use pipelines::image::job::TileWork;
use pipelines::image::layout::{Layout, Split};
use pipelines::image::operations::Operation;
use pipelines::image::raster::Tile;
use pipelines::isolation::Isolation;
use pipelines::isolation::limits::Recycling;
use pipelines::isolation::sandbox::Policy;
use pipelines::isolation::segment::Segment;
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::{Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use pipelines::sink::quarantine::{End, Kept};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Lines of a backtrace that are shown; `evidence.json` has them all.
const FRAMES_SHOWN: usize = 8;

/// An item that was set aside, and what strikes it this time.
pub(super) struct Quarantined<'a> {
    pub(super) folder: &'a Path,
    pub(super) plan: FaultPlan,
}

/// The folder of the first item that was set aside.
pub(super) fn first(quarantine: &Path) -> Option<PathBuf> {
    let items = std::fs::read_dir(quarantine).ok()?.flatten();
    let numbers = items.filter_map(|item| item.file_name().to_str()?.parse::<ItemId>().ok());
    numbers.min().map(|item| quarantine.join(item.to_string()))
}

/// Gives one tile.
struct One(Option<Tile>);

impl Producer for One {
    type Item = Tile;
    fn produce(&mut self, _: Demand<'_>) -> Result<Supply<Tile>, Failure> {
        let tile = self.0.take().map(|tile| (tile.head.item, tile));
        Ok(tile.map_or(Supply::Drained, |tile| Supply::of([tile])))
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| {})
    }
}

impl Quarantined<'_> {
    pub(super) fn run(self, json: bool) -> anyhow::Result<Exit> {
        let (kept, pixels) = Kept::read(self.folder)?;
        for operation in &kept.terms.job.operations {
            if let Operation::Filter(filter) = operation {
                filter.check()?;
            }
        }
        let scratch = tempfile::tempdir()?;
        try_out(&spec(&kept, scratch.path()))?;
        let again = again(&kept, &pixels, self.plan, scratch.path())?;
        if json {
            let same_cause = again.as_ref().map(|end| end.is_like(&kept.end));
            let survived = again.is_none();
            let (item, before) = (kept.item, &kept.end);
            let all = json!({ "item": item, "survived": survived, "same_cause": same_cause, "before": before, "now": again });
            say(&format!("{all}\n"));
        } else {
            say(&tale(&kept, again.as_ref()));
        }
        Ok(if again.is_none() { Exit::Good } else { Exit::Bad })
    }
}

/// What a process needs to know that only loads the filters.
fn spec(kept: &Kept, scratch: &Path) -> Spec {
    let terms = kept.terms.clone();
    Spec {
        subject: Subject::okiagari(),
        dir: scratch.to_path_buf(),
        black_box: scratch.join("box"),
        layout: Layout { scenes: vec![], split: Split::Tiles(1) },
        job: terms.job,
        workers: 1,
        max_demand: 1,
        spares: 0,
        attempts: 1,
        deadline: terms.deadline,
        limits: terms.limits,
        memory_budget_bytes: None,
        cgroup: None,
        recycling: Recycling::default(),
        sandbox: terms.sandbox,
        plan: FaultPlan::default(),
        events: None,
        observer: std::process::id() as i32,
    }
}

/// One attempt in a worker of its own; how it ended, if it did.
fn again(
    kept: &Kept,
    pixels: &[u8],
    plan: FaultPlan,
    scratch: &Path,
) -> Result<Option<End>, Failure> {
    let (head, terms) = (kept.head, kept.terms.clone());
    let slab = Segment::slab(0, 1, head.bytes())?;
    let mut slot = slab.reserve().ok_or_else(|| Failure::engine("there is no room for a tile"))?;
    slot.bytes_mut()[..pixels.len()].copy_from_slice(pixels);
    let tile = Tile { head, pixels: slot.freeze(pixels.len()) };
    let isolation = Isolation {
        spares: 0,
        deadline: terms.deadline,
        limits: terms.limits,
        sandbox: terms.sandbox.then(Policy::default),
        ..Isolation::new(vec![slab], terms.job.result_bytes_max(head))
    };
    let watch = if plan.specs.is_empty() {
        Watch::default()
    } else {
        let black_box = Arc::new(BlackBox::create(&scratch.join("box"), kept.item + 1, true)?);
        let bytes = head.bytes() as u64;
        let tile = move |_| (None, bytes);
        let asked = Asked { plan, black_box: black_box.clone(), restarts: 0, tile };
        Watch::new(black_box, asked.strikes())
    };
    let end = Arc::new(Mutex::new(None));
    let told = end.clone();
    let stage = Stage::<TileWork>::new(terms.job).workers(1).attempts(1).isolated(isolation);
    Pipeline::from(One(Some(tile)))
        .stage(stage)
        .watched(watch)
        .set_aside(move |aside: &SetAside<'_, Tile>| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(End::of(aside));
            Ok(())
        })
        .run()?;
    let end = end.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(end)
}

fn tale(kept: &Kept, again: Option<&End>) -> String {
    let Kept { item, file, x_px, y_px, width_px, height_px, attempts, .. } = kept;
    let mut text =
        format!("item {item}, {file}: {width_px} x {height_px} pixels at {x_px}, {y_px}\n");
    text += &format!("then, in the last of {attempts} attempts: {}", ending(&kept.end));
    let Some(end) = again else {
        return text + &format!("item {item} survived\n");
    };
    text += &format!("now: {}", ending(end));
    let cause = if end.is_like(&kept.end) { "the same cause" } else { "another cause" };
    let place = match (kept.end.place(), end.place()) {
        (Some(then), Some(now)) if then == now => ", in the same place",
        _ => "",
    };
    text + &format!("item {item} died again, of {cause}{place}\n")
}

/// How an attempt ended: the cause, where it was, its last words.
fn ending(end: &End) -> String {
    let mut text = format!("{}\n", end.cause());
    for frame in end.worker.iter().flat_map(|w| &w.backtrace).take(FRAMES_SHOWN) {
        text += &format!("    {frame}\n");
    }
    for line in end.words.lines() {
        text += &format!("    \"{line}\"\n");
    }
    text
}
