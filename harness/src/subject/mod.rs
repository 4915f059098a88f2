//! What is compared: a program in a process of its own, and what the observer does when it dies.

mod engine;
pub mod foreign;
mod plain;
mod program;
mod strikes;
mod telemetry;

pub use program::{Again, Isolation, Knobs, Program, Subject};
pub(crate) use strikes::Asked;

use crate::plan::FaultPlan;
use pipelines::black_box::BlackBox;
use pipelines::engine::Watch;
use pipelines::handler::Handler;
use pipelines::image::feed::TileFeed;
use pipelines::image::job::{Job, TileWork};
use pipelines::image::layout::{Layout, Place};
use pipelines::image::operations::Operation;
use pipelines::isolation::Budget;
use pipelines::isolation::limits::{Limits, Recycling};
use pipelines::isolation::memory::default_budget;
use pipelines::isolation::segment::Segment;
use pipelines::isolation::worker::forbid_core_dumps;
use pipelines::message::{Blame, Failure, ItemId};
use pipelines::sink::folder::Folder;
use pipelines::sink::journal;
use pipelines::sink::quarantine::{Quarantine, Terms};
use pipelines::source::Tiles;
use rustix::process::{Pid, Signal, getppid};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Tells a process that it is a subject; its [`Spec`] comes on standard input.
pub const SUBJECT: &str = "OKIAGARI_SUBJECT";
/// What [`SUBJECT`] says in a process that only opens the handler, to see whether that works.
pub const TRYOUT: &str = "tryout";
/// The status with which a process exits that refuses its input, and said why.
pub const REFUSED: i32 = 2;
/// The status with which a subject exits that could not go on, and said why.
pub const GAVE_UP: i32 = 3;
/// Bytes that all slots of a subject may take together.
pub const SLOTS_BYTES_MAX: usize = 2 << 30;

/// Why one of the originals cannot have a process for each lane.
pub(crate) const NO_ORIGINAL_IN_A_PROCESS: &str = "cannot be \"process\" in what is like broadway or htpipe, where a lane saves what its worker made; begin with \
     like = \"okiagari\"";

/// Everything a subject needs to know. It travels as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// Which program.
    pub subject: Subject,
    /// The folder for its tiles; it holds a journal with a head.
    pub dir: PathBuf,
    /// The black box, made by the observer.
    pub black_box: PathBuf,
    /// The input.
    pub layout: Layout,
    /// What is done with each tile.
    pub job: Job,
    /// Workers at once.
    pub workers: usize,
    /// Items lent at once.
    pub max_demand: usize,
    /// Workers kept in reserve.
    pub spares: usize,
    /// Attempts an item gets.
    pub attempts: u32,
    /// How long a worker may take over one item.
    pub deadline: Duration,
    /// What each worker may take.
    pub limits: Limits,
    /// What everything together may take; a share of the machine's memory if not given.
    #[serde(default)]
    pub memory_budget_bytes: Option<u64>,
    /// Where each worker gets a control group of its own.
    #[serde(default)]
    pub cgroup: Option<PathBuf>,
    /// When a worker is replaced though it lives.
    pub recycling: Recycling,
    /// Workers reach no file, no program and no network once they are ready.
    #[serde(default)]
    pub sandbox: bool,
    /// What will strike.
    pub plan: FaultPlan,
    /// Where an engine writes its events, one JSON object a line.
    #[serde(default)]
    pub events: Option<PathBuf>,
    /// The observer's process id.
    pub observer: i32,
}

impl Spec {
    /// How files are called, and where they are.
    pub fn folder(&self) -> Folder {
        let (dir, layout) = (self.dir.clone(), Arc::new(self.layout.clone()));
        Folder::new(dir, layout, self.job.format)
    }

    /// Where items are set aside, and with what.
    fn quarantine(&self, folder: Folder) -> Quarantine {
        let (job, limits, deadline) = (self.job.clone(), self.limits, self.deadline);
        let sandbox = self.sandbox && self.subject.has_processes();
        Quarantine { folder, terms: Terms { job, limits, deadline, sandbox } }
    }

    /// Pixels that all items have together when they are done.
    pub fn pixels(&self) -> u64 {
        let places = (0..self.layout.items()).filter_map(|item| self.layout.place(item));
        places.map(|place| self.job.output(place.head).rect.area()).sum()
    }

    /// Bytes that one result takes at most: that of the largest tile of each scene.
    fn result_bytes_max(&self) -> usize {
        let of = |place: Place| self.job.result_bytes_max(place.head);
        let mut first = 0;
        let firsts = self.layout.scenes.iter().map(|scene| {
            let (columns, rows) = scene.grid(self.layout.split);
            let item: ItemId = first;
            first += columns * rows;
            item
        });
        // The first tile of a scene is as large as any of it.
        firsts.filter_map(|item| self.layout.place(item)).map(of).max().unwrap_or(1)
    }

    /// Refuses what no subject could do.
    ///
    /// # Errors
    /// When a filter's file is missing, the format cannot hold the pixels, or not even one tile a worker fits into memory.
    pub fn check(&self) -> Result<(), Failure> {
        for operation in &self.job.operations {
            if let Operation::Filter(filter) = operation {
                filter.check()?;
            }
        }
        for item in self.layout.scenes.iter().map(|s| s.format) {
            let head = self.layout.place(0).map(|p| p.head);
            let Some(head) = head else { continue };
            let out = self.job.output(pipelines::image::raster::TileHead { format: item, ..head });
            self.job.format.check(out.format)?;
        }
        self.plan.check()?;
        let budget = Budget::new(self.slots_bytes());
        self.slab_slots(&budget)?;
        let outboxes = 2 * (self.workers + self.spares) + self.workers + engine::BATCH;
        budget.slots(self.result_bytes_max(), outboxes, outboxes).map(|_| ())
    }

    /// Bytes that all slots may take together: half of all memory at most, or workers would have too little.
    fn slots_bytes(&self) -> usize {
        let all = self.memory_budget_bytes.unwrap_or_else(default_budget);
        SLOTS_BYTES_MAX.min(usize::try_from(all / 2).unwrap_or(usize::MAX))
    }

    /// Tiles that may be decoded at once: those in work, twice as many ready, some being decoded.
    fn slab_slots(&self, budget: &Budget) -> Result<usize, Failure> {
        let most = 3 * self.workers * self.max_demand + self.max_demand;
        budget.slots(self.layout.tile_bytes_max(), self.workers * self.max_demand + 1, most)
    }
}

/// The second line of `main`: in a subject's process this never returns.
pub fn enter() {
    let Some(role) = std::env::var_os(SUBJECT) else { return };
    let code = match take_spec() {
        Ok(spec) if role == TRYOUT => try_out(&spec),
        Ok(spec) => run(&spec),
        Err(why) => {
            eprintln!("{why}");
            GAVE_UP
        }
    };
    std::process::exit(code);
}

fn take_spec() -> Result<Spec, String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|e| format!("no spec came: {e}"))?;
    let spec: Spec = serde_json::from_str(&text).map_err(|e| format!("the spec is bad: {e}"))?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|e| format!("could not bind to the observer: {e}"))?;
    if getppid().map(Pid::as_raw_nonzero).is_none_or(|p| p.get() != spec.observer) {
        return Err("the observer is gone".into());
    }
    forbid_core_dumps().map_err(|e| format!("could not forbid core dumps: {e}"))?;
    Ok(spec)
}

/// Opens the handler, as each worker will.
fn try_out(spec: &Spec) -> i32 {
    match TileWork::open(&spec.job) {
        Ok(_) => 0,
        Err(failure) => {
            eprintln!("{failure}");
            REFUSED
        }
    }
}

/// Runs the subject, and leaves its end in the black box.
fn run(spec: &Spec) -> i32 {
    let black_box = match BlackBox::open(&spec.black_box) {
        Ok(black_box) => Arc::new(black_box),
        Err(failure) => {
            eprintln!("{failure}");
            return GAVE_UP;
        }
    };
    let set = || Stage::set(spec, &black_box);
    let result = match &spec.subject.program {
        Program::Plain => set().and_then(|stage| plain::run(spec, stage)),
        Program::Engine(knobs) => set().and_then(|stage| engine::run(spec, *knobs, stage)),
        Program::Command(words) => foreign::become_it(words),
    };
    match result {
        Ok(()) => {
            black_box.finish();
            0
        }
        Err(failure) => {
            eprintln!("{failure}");
            black_box.say_last(&failure);
            if matches!(failure.blame, Blame::Input | Blame::Output) { REFUSED } else { GAVE_UP }
        }
    }
}

/// What every subject starts with.
struct Stage {
    source: Source,
    slab: Arc<Segment>,
    watch: Arc<Watch>,
    folder: Folder,
    budget: Arc<Budget>,
    result_bytes: usize,
}

/// A source that can be opened more than once; what was settled before this run is left out each time.
struct Source {
    layout: Layout,
    slab: Arc<Segment>,
    settled: Arc<HashSet<ItemId>>,
    watch: Arc<Watch>,
}

impl Source {
    fn open(&self) -> Result<TileFeed<impl Fn(ItemId) -> bool + Send + use<>>, Failure> {
        let settled = self.settled.clone();
        let skip = move |item: ItemId| settled.contains(&item);
        let feed = TileFeed::new(Tiles::open(&self.layout)?, self.slab.clone(), skip);
        Ok(feed.watched(self.watch.clone()))
    }
}

impl Stage {
    fn set(spec: &Spec, black_box: &Arc<BlackBox>) -> Result<Self, Failure> {
        let budget = Arc::new(Budget::new(spec.slots_bytes()));
        let slots = spec.slab_slots(&budget)?;
        let slab_bytes = spec.layout.tile_bytes_max();
        let slab = match spec.subject.knobs().map(|knobs| knobs.isolation) {
            None | Some(Isolation::Thread) => Segment::heap(0, slots, slab_bytes)?,
            Some(Isolation::Shared | Isolation::Process) => Segment::slab(0, slots, slab_bytes)?,
        };
        let story = journal::read(&spec.dir)?.unwrap_or_default();
        let settled: HashSet<ItemId> = story.records.iter().map(|r| r.item).collect();
        let (layout, settled) = (spec.layout.clone(), Arc::new(settled));
        let placed = spec.layout.clone();
        let asked = Asked {
            plan: spec.plan.clone(),
            black_box: black_box.clone(),
            restarts: black_box.incarnate(),
            tile: move |item| match placed.place(item) {
                Some(place) => (Some((place.row, place.col)), place.head.bytes() as u64),
                None => (None, 0),
            },
        };
        let watch = Arc::new(Watch::new(black_box.clone(), asked.strikes()));
        let source = Source { layout, slab: slab.clone(), settled, watch: watch.clone() };
        // What cannot be read at all is the input's fault, whoever would read it.
        drop(source.open()?);
        let (folder, result_bytes) = (spec.folder(), spec.result_bytes_max());
        let folder = folder.watched(watch.clone());
        Ok(Self { source, slab, watch, folder, budget, result_bytes })
    }
}
