//! R: a handler that comes to harm in a process of its own.

use pipelines::black_box::{BlackBox, What};
use pipelines::engine::Watch;
use pipelines::engine::reserve::Intensity;
use pipelines::engine::settings::Settings;
use pipelines::fault::strike::Strike;
use pipelines::fault::{Fault, Site};
use pipelines::handler::{Desk, Handler};
use pipelines::image::native::{Kernel, process};
use pipelines::image::raster::{PixelFormat, Rect, TileHead};
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::isolation::limits::Limits;
use pipelines::isolation::worker::{Role, role};
use pipelines::isolation::{Budget, Isolation};
use pipelines::message::{Death, Failure, ItemId, Tally};
use pipelines::pipeline::{Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What a worker of these cases can be.
pub(crate) fn roles() -> [Role; 1] {
    [role::<Frail>()]
}

/// What crosses.
pub(crate) struct Number(u64);

impl Portable for Number {
    fn lower(&self, to: &mut Writer) {
        to.u64(self.0);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(from.u64()?))
    }
}

/// What comes back; `None` is half of it.
pub(crate) struct Answer(Option<u64>);

impl Portable for Answer {
    fn lower(&self, to: &mut Writer) {
        match self.0 {
            Some(number) => to.u64(number),
            None => to.u8(1),
        }
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(Some(from.u64()?)))
    }
}

/// How it begins.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Start {
    Well,
    /// Some items harm it, once each.
    Frail,
    Never,
}

/// These do.
pub(crate) const EXITS: u64 = 5;
pub(crate) const EATS: u64 = 9;
pub(crate) const STAMMERS: u64 = 8;
/// What a worker may have.
pub(crate) const MEMORY_BYTES: usize = 256 << 20;

pub(crate) struct Frail(Start);

impl Handler for Frail {
    type Config = Start;
    type In = Number;
    type Out = Answer;
    fn open(start: &Start) -> Result<Self, Failure> {
        if matches!(start, Start::Never) {
            loop {
                std::thread::park();
            }
        }
        Ok(Self(*start))
    }
    fn handle(&mut self, input: &Number, desk: &mut Desk<'_>) -> Result<Answer, Failure> {
        if matches!(self.0, Start::Frail) && desk.attempt == 0 {
            match input.0 {
                EXITS => std::process::exit(3),
                EATS => drop(std::hint::black_box(vec![1_u8; 2 * MEMORY_BYTES])),
                STAMMERS => return Ok(Answer(None)),
                _ => {}
            }
        }
        let rect = Rect { x: 0, y: 0, width: 1, height: 1 };
        let format = PixelFormat { channels: 1, depth: 8 };
        let head = TileHead { item: desk.item, scene: 0, rect, halo: 0, format };
        desk.native(|fault| process(Kernel::Copy, &head, &[9], &mut [0], fault))?;
        Ok(Answer(Some(input.0)))
    }
}

pub(crate) struct Numbers(std::ops::Range<u64>);

impl Producer for Numbers {
    type Item = Number;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Number>, Failure> {
        Ok(Supply::of(self.0.by_ref().take(demand.count()).map(|n| (n, Number(n)))))
    }
}

/// Who strikes whom, by item and attempt.
pub(crate) type Faults = fn(ItemId, u32) -> Option<Fault>;

pub(crate) fn watch(items: u64, faults: Faults) -> (Watch, Arc<BlackBox>) {
    let dir = tempfile::tempdir().unwrap();
    let black_box = Arc::new(BlackBox::create(&dir.path().join("box"), items, true).unwrap());
    let armed = black_box.clone();
    let strike = move |site: &Site| {
        let fault = faults(site.item, site.attempt).filter(|fault| site.is_of(*fault))?;
        armed.arm(fault, site).map(|receipt| Strike { fault, receipt })
    };
    (Watch::new(black_box.clone(), Box::new(strike)), black_box)
}

pub(crate) fn isolation() -> Isolation {
    Isolation {
        budget: Arc::new(Budget::new(1 << 24)),
        deadline: Duration::from_secs(20),
        limits: Limits { memory_max_bytes: MEMORY_BYTES as u64, ..Limits::default() },
        intensity: Intensity { backoff: Duration::from_millis(1), ..Default::default() },
        ..Isolation::new(vec![], 64)
    }
}

/// So many items through isolated workers: how it ended, and what was seen.
pub(crate) fn isolated(
    settings: Settings,
    start: Start,
    items: u64,
    isolation: Isolation,
    faults: Faults,
) -> (Result<Tally, Failure>, Arc<BlackBox>) {
    let (watch, black_box) = watch(items, faults);
    let stage = Stage::<Frail>::new(start).workers(2).isolated(isolation);
    let staged = Pipeline::from(Numbers(0..items)).settings(settings).stage(stage);
    let result = staged.watched(watch).run();
    // Nobody is left, not even dead.
    for event in black_box.events().iter().filter(|event| event.what == What::Spawned) {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", event.value));
        let parent = stat.ok().and_then(|s| s.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok());
        assert_ne!(parent, Some(std::process::id()), "process {} is left", event.value);
    }
    (result, black_box)
}

/// (item, attempt, how) of each death, by item.
pub(crate) fn deaths(black_box: &BlackBox) -> Vec<(ItemId, u32, Death)> {
    let events = black_box.events();
    let died = events.iter().filter(|event| event.what == What::Died);
    let mut deaths: Vec<_> = died.map(|e| (e.item, e.attempt, Death::from_code(e.value))).collect();
    deaths.sort_unstable_by_key(|(item, attempt, _)| (*item, *attempt));
    deaths
}
