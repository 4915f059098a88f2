//! What the trials share: a small handler, sources, a sink that remembers, and one way to run them.

use crate::shelf::{Collect, Delivered, Keep, Shelf};
use pipelines::black_box::{BlackBox, Event, What};
use pipelines::engine::Watch;
use pipelines::engine::htpipe::HtPipe;
use pipelines::engine::ledger::Delivery;
use pipelines::engine::reserve::Intensity;
use pipelines::engine::settings::Settings;
use pipelines::fault::strike::Strike;
use pipelines::fault::{Fault, Site};
use pipelines::handler::{Desk, Handler};
use pipelines::image::native::{Kernel, process};
use pipelines::image::raster::{PixelFormat, Rect, TileHead};
use pipelines::isolation::evidence::Evidence;
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::isolation::limits::{Limits, Recycling};
use pipelines::isolation::segment::Segment;
use pipelines::isolation::{Budget, Isolation};
use pipelines::message::{Death, Failure, ItemId, Tally};
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// A run that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What crosses to a worker and back.
pub(crate) struct Number(pub(crate) u64);

impl Portable for Number {
    fn lower(&self, to: &mut Writer) {
        to.u64(self.0);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(from.u64()?))
    }
}

/// How a worker begins.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Start {
    Well,
    Error,
    Panic,
    Abort,
    Exit,
}

/// Does next to nothing, but in C, where native faults strike; and says so on standard error.
pub(crate) struct Toil;

impl Toil {
    pub(crate) fn made_of(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 7
    }
}

impl Handler for Toil {
    type Config = Start;
    type In = Number;
    type Out = Number;
    fn open(start: &Start) -> Result<Self, Failure> {
        match start {
            Start::Well => Ok(Self),
            Start::Error => Err(Failure::engine("the licence has run out")),
            Start::Panic => panic!("a panic in open"),
            Start::Abort => std::process::abort(),
            Start::Exit => std::process::exit(0),
        }
    }
    fn handle(&mut self, input: &Number, desk: &mut Desk<'_>) -> Result<Number, Failure> {
        eprintln!("item {} attempt {} at work", desk.item, desk.attempt);
        let rect = Rect { x: 0, y: 0, width: 1, height: 1 };
        let format = PixelFormat { channels: 1, depth: 8 };
        let head = TileHead { item: desk.item, scene: 0, rect, halo: 0, format };
        let mut out = [0];
        desk.native(|fault| process(Kernel::Copy, &head, &[9], &mut out, fault))?;
        assert_eq!(out, [9]);
        Ok(Number(Self::made_of(input.0)))
    }
}

/// Items 0 to `end`; at item `fails_at` the source breaks.
pub(crate) struct Numbers {
    next: u64,
    end: u64,
    fails_at: Option<u64>,
    panics: bool,
    /// This one comes twice.
    repeats: Option<u64>,
}

impl Numbers {
    pub(crate) fn to(end: u64) -> Self {
        Self { next: 0, end, fails_at: None, panics: false, repeats: None }
    }
    pub(crate) fn repeating(self, item: u64) -> Self {
        Self { repeats: Some(item), ..self }
    }
    pub(crate) fn failing_at(self, item: u64) -> Self {
        Self { fails_at: Some(item), ..self }
    }
    pub(crate) fn panicking_at(self, item: u64) -> Self {
        Self { panics: true, ..self.failing_at(item) }
    }
}

impl Producer for Numbers {
    type Item = Number;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Number>, Failure> {
        let (from, to) = (self.next, self.end.min(self.next + demand.count() as u64));
        if self.fails_at.is_some_and(|at| at < to) {
            assert!(!self.panics, "the source panics");
            return Err(Failure::input("the source is broken"));
        }
        self.next = to;
        let again = self.repeats.filter(|item| (from..to).contains(item));
        let items = (from..to).chain(again).map(|item| (item, Number(item)));
        let mut items: Vec<_> = items.collect();
        items.sort_by_key(|(item, _)| *item);
        Ok(Supply::of(items))
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| {})
    }
}

/// An item that was given up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Aside {
    pub(crate) item: ItemId,
    pub(crate) attempts: u32,
    pub(crate) death: Death,
    pub(crate) words: String,
}

/// How a trial's pipeline is built.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) workers: usize,
    pub(crate) spares: usize,
    pub(crate) attempts: u32,
    pub(crate) demand: usize,
    pub(crate) min_demand: usize,
    pub(crate) together: usize,
    pub(crate) delivery: Delivery,
    pub(crate) deadline: Duration,
    pub(crate) limits: Limits,
    pub(crate) recycling: Recycling,
    pub(crate) slabs: Vec<Arc<Segment>>,
    /// One process for all workers, in this way.
    pub(crate) shared: Option<HtPipe>,
    pub(crate) shelf: Shelf,
    /// No lane is told that its worker died.
    pub(crate) lost_notices: bool,
    /// With the defects of Broadway.
    pub(crate) as_the_original: bool,
    /// Set when the run begins, for whoever wants to look into it from a callback.
    pub(crate) black_box: Arc<OnceLock<Arc<BlackBox>>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            workers: 2,
            spares: 1,
            attempts: 3,
            demand: 1,
            min_demand: 0,
            together: 1,
            delivery: Delivery::Lease,
            deadline: Duration::from_secs(20),
            limits: Limits { memory_max_bytes: 1 << 30, ..Default::default() },
            recycling: Recycling::default(),
            slabs: vec![],
            shared: None,
            shelf: Shelf::default(),
            lost_notices: false,
            as_the_original: false,
            black_box: Arc::default(),
        }
    }
}

/// What a trial came to.
pub(crate) struct Outcome {
    pub(crate) result: Result<Tally, Failure>,
    pub(crate) delivered: Delivered,
    pub(crate) aside: Vec<Aside>,
    /// Of each of these what is known of its worker's death, with the top of its stack.
    pub(crate) evidence: Vec<Option<(Evidence, Vec<u8>)>>,
    pub(crate) black_box: Arc<BlackBox>,
}

impl Outcome {
    pub(crate) fn tally(&self) -> Tally {
        *self.result.as_ref().unwrap_or_else(|failure| panic!("{failure}"))
    }
    pub(crate) fn events(&self, what: What) -> Vec<Event> {
        self.black_box.events().into_iter().filter(|e| e.what == what).collect()
    }
    /// (item, attempt, cause) of each death, sorted.
    pub(crate) fn deaths(&self) -> Vec<(ItemId, u32, u64)> {
        let mut deaths: Vec<_> =
            self.events(What::Died).iter().map(|e| (e.item, e.attempt, e.value)).collect();
        deaths.sort_unstable();
        deaths
    }
}

/// Numbers through [`Toil`].
pub(crate) fn toil(
    setup: Setup,
    start: Start,
    numbers: Numbers,
    faults: impl Fn(ItemId, u32) -> Option<Fault> + Send + Sync + 'static,
) -> Outcome {
    let items = numbers.end;
    run::<Toil, _>(setup, start, numbers, items, faults)
}

/// Runs a pipeline in which `faults` says what strikes an attempt; fails when it hangs.
pub(crate) fn run<H, P>(
    setup: Setup,
    config: H::Config,
    producer: P,
    items: u64,
    faults: impl Fn(ItemId, u32) -> Option<Fault> + Send + Sync + 'static,
) -> Outcome
where
    H: Handler<In = P::Item> + Send,
    P: Producer + 'static,
    H::In: Portable,
    H::Out: Portable + Keep,
{
    let dir = tempfile::tempdir().unwrap();
    let black_box = Arc::new(BlackBox::create(&dir.path().join("box"), items, true).unwrap());
    let (here, kept) = (black_box.clone(), setup.shelf.clone());
    setup.black_box.set(black_box.clone()).ok();
    let (tell, told) = sync_channel(1);
    // Workers end with the thread that starts them, and a hang is to fail a trial, not to be one.
    std::thread::spawn(move || {
        let strikes = here.clone();
        let strike = move |site: &Site| {
            let (item, attempt) = (site.item, site.attempt);
            let lost = || setup.lost_notices.then_some(Fault::LostNotice);
            let here = |fault: Option<Fault>| fault.filter(|fault| site.is_of(*fault));
            let fault = here(faults(item, attempt)).or_else(|| here(lost()))?;
            strikes.arm(fault, site).map(|receipt| Strike { fault, receipt })
        };
        let isolation = Isolation {
            budget: Arc::new(Budget::new(1 << 24)),
            spares: setup.spares,
            deadline: setup.deadline,
            start_deadline: Duration::from_secs(30),
            limits: setup.limits,
            recycling: setup.recycling,
            together: setup.together,
            intensity: Intensity { backoff: Duration::from_millis(1), ..Default::default() },
            ..Isolation::new(setup.slabs, 4096)
        };
        let stage = Stage::<H>::new(config)
            .workers(setup.workers)
            .attempts(setup.attempts)
            .max_demand(NonZeroUsize::new(setup.demand).unwrap())
            .min_demand(setup.min_demand);
        let stage = match setup.shared {
            Some(original) => stage.shared(isolation, original),
            None => stage.isolated(isolation),
        };
        let aside = Arc::new(Mutex::new((Vec::new(), Vec::new())));
        let told = aside.clone();
        let (delivery, as_the_original) = (setup.delivery, setup.as_the_original);
        let settings = Settings { delivery, as_the_original, ..Settings::okiagari() };
        let pipeline = Pipeline::from(producer)
            .settings(settings)
            .stage(stage)
            .batch(Batch::<Collect<H::Out>>::new(setup.shelf).size(3))
            .watched(Watch::new(here, Box::new(strike)))
            .set_aside(move |gone| {
                let (item, attempts, death) = (gone.item, gone.attempts, gone.death);
                let evidence = gone.will.map(|w| (Evidence::of(death, w), w.stack.clone()));
                let mut told = told.lock().unwrap();
                told.0.push(Aside { item, attempts, death, words: gone.words.clone() });
                told.1.push(evidence);
                Ok(())
            });
        let panicked = || Failure::engine("the run panicked");
        let result = catch_unwind(AssertUnwindSafe(|| pipeline.run()));
        let result = result.unwrap_or_else(|_| Err(panicked()));
        let aside = std::mem::take(&mut *aside.lock().unwrap_or_else(PoisonError::into_inner));
        tell.send((result, aside)).ok();
    });
    let (result, (aside, evidence)) = told.recv_timeout(PATIENCE).expect("the run ends");
    Outcome { result, delivered: kept.take(), aside, evidence, black_box }
}
