//! From what a pipeline is told to a pipeline that runs.

use super::books::Books;
use super::event::{Event as Told, Observer};
use super::feeder::Post;
use super::gate::Gate;
use super::hands::child::{Crew, Door};
use super::hands::inline::Inline;
use super::hands::node::{Shared as Node, SharedHands, Swallow};
use super::keeper::{Keeper, Strength};
use super::ledger::{Delivery, Event, Order, Terms};
use super::registry::Name;
use super::roster::Roster;
use super::run::{MakeHands, Shared};
use super::running::{Handle, Reach, Report, Running};
use super::settings::Supervision;
use super::spare::Spares;
use super::supervisor::{Drain, Notice, Supervisor};
use super::tree::shapes::{self, Numbering, Process, Sizes};
use super::tree::{Budget, Tree};
use super::watch::Watch;
use crate::black_box::BlackBox;
use crate::handler::Handler;
use crate::isolation::Isolation;
use crate::isolation::bell::Bell;
use crate::isolation::cgroup::Cgroup;
use crate::isolation::memory::mib;
use crate::isolation::plan::Plan;
use crate::isolation::segment::Segment;
use crate::isolation::worker;
use crate::message::Failure;
use crate::pipeline::{Apart, BATCHERS_MAX, Fit, Pipeline, Stage, Staged};
use crossbeam_channel::{Sender, bounded};
use std::sync::Arc;

/// Notices that may wait for the supervisor.
const NOTICES: usize = 1024;

/// A pipeline that is ready to be supervised.
struct Launch<H: Handler> {
    supervisor: Supervisor<H>,
    shared: Arc<Shared<H>>,
    notices: Sender<Notice>,
    name: Option<Name>,
}

impl<H: Handler> Launch<H> {
    fn run(self) -> Report {
        let Self { supervisor, shared, name, .. } = self;
        let failure = supervisor.run().err();
        shared.books.close();
        drop(name);
        Report { tally: shared.books.tally().0, left: shared.left(), failure }
    }
}

/// Runs in this thread, to the end.
pub(crate) fn run<H: Handler>(staged: Staged<H>) -> Result<Report, Failure> {
    Ok(launch(staged)?.run())
}

/// Starts a thread that runs it.
pub(crate) fn start<H: Handler>(staged: Staged<H>) -> Result<Running<H::In>, Failure> {
    let launch = launch(staged)?;
    let reach = Reach { shared: launch.shared.clone(), notices: launch.notices.clone() };
    let handle = Handle::new(reach);
    let thread = std::thread::Builder::new().name("supervisor".to_owned());
    let thread = thread
        .spawn(move || launch.run())
        .map_err(|e| Failure::engine(format!("a thread could not be started: {e}")))?;
    Ok(Running { handle, thread })
}

fn launch<H: Handler>(mut staged: Staged<H>) -> Result<Launch<H>, Failure> {
    if let Some(prepare) = staged.pipeline.prepare.take() {
        staged.pipeline = prepare(staged.pipeline)?;
    }
    check(&staged)?;
    let Staged { pipeline, stage, batches, watch, aside, observe } = staged;
    let Pipeline { name, dig, redig, producers, settings, limit, services, .. } = pipeline;
    let sizes = Sizes {
        services: services.len(),
        rate_limiter: limit.is_some(),
        producers,
        processors: stage.workers,
        batchers: batches.iter().map(|fit| fit.workers).collect(),
        shutdown: settings.shutdown,
        budget: Budget { restarts: settings.restarts, within: settings.restarts_within },
    };
    let (lanes, max_demand) = (stage.workers, stage.max_demand.get());
    let books = Books::new(Terms {
        delivery: settings.delivery,
        lanes,
        producers,
        attempts_max: stage.attempts,
        max_demand,
        min_demand: stage.low(),
        ahead: settings.ahead(lanes, max_demand),
        partitioned: stage.partition.is_some(),
    })?;
    let books = Arc::new(books);
    let observer = observe.map_or_else(Observer::default, Observer::new);
    let (notices, noticed) = bounded(NOTICES);
    let chunk = stage.chunk();
    let Stage { config, partition, decide, apart, results_are_kept, .. } = stage;
    let lease = settings.delivery == Delivery::Lease;
    let together = if lease { apart.together() } else { 1 };
    let room = Room { lanes, chunk, fits: &batches, kept: results_are_kept };
    let swallow = swallow(&books, &observer);
    let bell = books.bell();
    let work = Work::<H> { config, apart, notices: notices.clone(), bell, swallow, lanes, lease };
    let (hands, keeper, results) = work.hands(&room, &watch)?;
    let outlets = batches.into_iter().enumerate();
    let outlets = outlets.map(|(number, fit)| (fit.make)(number, &settings)).collect();
    let shape = match settings.supervision {
        Supervision::Broadway => shapes::broadway(&sizes),
        Supervision::OneForOne => shapes::okiagari(&sizes, 0),
    };
    let shape = if settings.application { shapes::application(shape) } else { shape };
    let shared = Arc::new(Shared {
        name: name.clone().unwrap_or_else(|| "pipeline".to_owned()),
        settings,
        books,
        outlets,
        posts: (0..producers).map(|_| Post::new()).collect(),
        dig,
        redig,
        gate: limit.map(|(kind, rate, weigh)| Gate::new(kind, rate, weigh)),
        services,
        lanes,
        chunk,
        together,
        partition,
        hands,
        decide,
        aside,
        watch,
        notices: notices.clone(),
        observer,
        roster: Roster::default(),
        close_results: Box::new(move || results.close()),
    });
    let stop = notices.clone();
    let stop = Box::new(move || drop(stop.send(Notice::Stop)));
    let name = name.map(|name| Name::take(&name, stop)).transpose()?;
    let supervisor = Supervisor {
        shared: shared.clone(),
        tree: Tree::new(shape),
        numbering: Numbering::new(&sizes),
        keeper,
        notices: notices.clone(),
        noticed,
        orders: Vec::new(),
        drain: Drain::default(),
        spares: Spares::default(),
        why: String::new(),
    };
    Ok(Launch { supervisor, shared, notices, name })
}

fn check<H: Handler>(staged: &Staged<H>) -> Result<(), Failure> {
    let (low, most) = (staged.stage.low(), staged.stage.max_demand.get());
    if low >= most {
        return Err(Failure::input(format!(
            "the stage's min_demand is {low} and its max_demand {most}; it has to be less"
        )));
    }
    if let Some(call) = staged.pipeline.misplaced {
        let what = format!("`{call}` comes before `transform`; it has to come after it");
        return Err(Failure::input(what));
    }
    let batchers = staged.batches.len();
    if batchers > BATCHERS_MAX {
        let what = format!("{batchers} batchers, but a route can name only {BATCHERS_MAX}");
        return Err(Failure::input(what));
    }
    Ok(())
}

/// What results take room for.
struct Room<'a, T> {
    lanes: usize,
    chunk: usize,
    fits: &'a [Fit<T>],
    /// Whoever gets results keeps them.
    kept: bool,
}

impl<T> Room<'_, T> {
    /// What is being computed, what fills batchers, what waits for a batch handler and what one holds.
    fn most(&self) -> usize {
        self.lanes * self.chunk + self.fits.iter().map(|fit| fit.holds).sum::<usize>()
    }
    fn cut(&self, slots: usize, bytes: usize) -> Result<Arc<Segment>, Failure> {
        if self.kept { Segment::growing(0, slots, bytes) } else { Segment::heap(0, slots, bytes) }
    }
    /// Less, and nothing would go on.
    fn least(&self) -> usize {
        self.lanes + self.fits.iter().map(|fit| fit.size).sum::<usize>()
    }
}

/// What a stage's hands are made of.
struct Work<H: Handler> {
    config: H::Config,
    apart: Apart<H>,
    notices: Sender<Notice>,
    bell: Arc<Bell>,
    swallow: Swallow,
    lanes: usize,
    lease: bool,
}

/// What a call takes that takes any message.
fn swallow<T: Send + Sync + 'static>(books: &Arc<Books<T>>, observer: &Observer) -> Swallow {
    let (books, observer) = (books.clone(), observer.clone());
    Arc::new(move |lane| {
        let orders = books.step(Event::Swallowed { lane });
        for order in &orders {
            if let Order::Lost(items) = *order {
                observer.tell(|| Told::Lost { process: Process::Processor(lane), items });
            }
        }
        !orders.is_empty()
    })
}

type Hands<H> = (MakeHands<H>, Option<Keeper>, Arc<Segment>);

impl<H: Handler> Work<H> {
    fn hands(self, room: &Room<'_, H::Out>, watch: &Arc<Watch>) -> Result<Hands<H>, Failure> {
        let Self { config, apart, notices, bell, swallow, lanes, lease } = self;
        match apart {
            Apart::Inline { result_bytes } => {
                let results = room.cut(room.most(), result_bytes)?;
                let (out, receipts) = (results.clone(), watch.black_box_handle());
                let make = move |lane: usize| {
                    let receipts = receipts.as_deref().map(BlackBox::receipts);
                    Box::new(Inline::<H>::new(lane, config.clone(), out.clone(), receipts)) as _
                };
                Ok((Box::new(make), None, results))
            }
            Apart::Child { isolation, role, make } => {
                worker::must_be_entered()?;
                let results = slots(&isolation, lanes, isolation.spares, room)?;
                let door = door(&isolation, lanes, &results)?;
                let plan = plan(serde_json::to_string(&config), &isolation, role, watch)?;
                let strength = Strength { lanes, spares: isolation.spares };
                let (to_lanes, spares) = bounded(strength.lanes + strength.spares);
                let keeper = Keeper::new(
                    plan,
                    isolation.intensity,
                    strength,
                    (notices.clone(), watch.clone()),
                    (to_lanes, &spares),
                )?;
                let crew = Arc::new(Crew {
                    spares,
                    notices,
                    nursery: keeper.desk(),
                    results: results.clone(),
                    deadline: isolation.deadline,
                    start_deadline: isolation.start_deadline,
                    lease,
                    limits: isolation.limits,
                    recycling: isolation.recycling,
                    door,
                    same_core: isolation.same_core,
                    bell,
                });
                let make_hands = move |lane: usize| make(lane, config.clone(), crew.clone());
                Ok((Box::new(make_hands), Some(keeper), results))
            }
            Apart::Shared { isolation, original, role, written, make } => {
                worker::must_be_entered()?;
                let results = slots(&isolation, lanes, 0, room)?;
                let plan = plan(written(&config), &isolation, role, watch)?;
                let node = Node::new(plan, original, lanes, bell);
                let out = results.clone();
                let make_hands = move |lane: usize| {
                    make(
                        SharedHands::new(lane, swallow.clone(), node.clone(), out.clone()),
                        &config,
                    )
                };
                Ok((Box::new(make_hands), None, results))
            }
        }
    }
}

/// Each worker has one, and one waits for the next.
fn outboxes(lanes: usize, spares: usize) -> usize {
    lanes + spares + 1
}

/// Room for results, within the budget.
fn slots<T>(
    isolation: &Isolation,
    lanes: usize,
    spares: usize,
    room: &Room<'_, T>,
) -> Result<Arc<Segment>, Failure> {
    let (bytes, outboxes) =
        (isolation.result_bytes, outboxes(lanes, spares) * isolation.outbox_slots());
    isolation.budget.slots(bytes, outboxes, outboxes)?;
    let slots = isolation.budget.slots(bytes, room.least(), room.most())?;
    room.cut(slots, bytes)
}

/// Where workers could take more memory than there is beside all slots, they pass one by one.
fn door(isolation: &Isolation, lanes: usize, results: &Segment) -> Result<Option<Door>, Failure> {
    let Isolation { memory_budget_bytes: all, slabs, spares, limits, .. } = isolation;
    let workers = (lanes + spares) as u64;
    let outboxes = outboxes(lanes, *spares) as u64
        * (isolation.outbox_slots() * isolation.result_bytes) as u64;
    let slots = slabs.iter().map(|s| s.bytes()).sum::<u64>() + outboxes + results.bytes();
    let left = all.checked_sub(slots).filter(|left| *left > 0).ok_or_else(|| {
        let (all, slots) = (mib(*all), mib(slots));
        Failure::input(format!(
            "what is read and written takes {slots}, and the memory budget is {all}: allow more, or take smaller items \
             or fewer workers"
        ))
    })?;
    let scarce = workers.saturating_mul(limits.memory_max_bytes) > left;
    Ok(scarce.then(|| Door::new(left, lanes, *spares)))
}

fn plan(
    config: serde_json::Result<String>,
    isolation: &Isolation,
    role: &'static str,
    watch: &Watch,
) -> Result<Plan, Failure> {
    let config =
        config.map_err(|e| Failure::engine(format!("the handler's config cannot travel: {e}")))?;
    let receipts = watch.black_box().and_then(BlackBox::for_workers);
    let receipts = match receipts {
        Some((file, cap)) => {
            let file = file.try_clone_to_owned();
            Some((file.map_err(|e| Failure::engine(format!("black box: {e}")))?, cap))
        }
        None => None,
    };
    Ok(Plan {
        role,
        config,
        slabs: isolation.slabs.clone(),
        result_bytes: isolation.result_bytes,
        outbox_slots: isolation.outbox_slots(),
        limits: isolation.limits,
        cgroup: isolation.cgroup.as_deref().map(Cgroup::open).transpose()?,
        sandbox: isolation.sandbox.clone(),
        start_deadline: isolation.start_deadline,
        receipts,
    })
}
