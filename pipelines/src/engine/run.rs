//! One run: the threads of a pipeline, from their start to their end.

use super::batcher::{Batcher, Split};
use super::books::{Alarm, Books};
use super::crew::Lane;
use super::feeder::feed;
use super::hands::Hands;
use super::hands::child::ChildHands;
use super::hands::inline::Inline;
use super::hands::node::{Shared, SharedHands};
use super::ledger::Ledger;
use super::outlet::{Outlet, handle_batches};
use super::supervisor::{Notice, Strength, supervise};
use super::watch::{Aside, Watch};
use crate::black_box::BlackBox;
use crate::handler::{BatchHandler, Handler};
use crate::isolation::child::Plan;
use crate::isolation::frame::Writer;
use crate::isolation::segment::Segment;
use crate::isolation::{tuning, worker};
use crate::message::{Failure, Tally};
use crate::pipeline::{Apart, Batch, Stage};
use crate::producer::Producer;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::thread::{Scope, scope};

/// Everything a run is made of.
pub(crate) struct Parts<P: Producer, H: Handler<In = P::Item>, B: BatchHandler<In = H::Out>> {
    pub(crate) producer: P,
    pub(crate) stage: Stage<H>,
    pub(crate) batch: Batch<B>,
    pub(crate) watch: Watch,
    pub(crate) aside: Box<Aside<P::Item>>,
}

/// Notices that may wait for the supervisor.
const NOTICES: usize = 64;

/// Runs until the source is drained and everything is settled, or until something ends it.
pub(crate) fn run<P, H, B>(parts: Parts<P, H, B>) -> Result<Tally, Failure>
where
    P: Producer,
    H: Handler<In = P::Item>,
    B: BatchHandler<In = H::Out>,
{
    let Parts { producer, stage, batch, watch, aside } = parts;
    // What is being computed, what fills the batcher, what waits for a batch handler and what one holds.
    let most = stage.workers + batch.size * (2 * batch.workers + 1);
    let (plan, results) = match &stage.apart {
        Apart::Inline { result_bytes, .. } => (None, Segment::heap(0, most, *result_bytes)?),
        Apart::Child { isolation, role, .. } => {
            worker::must_be_entered()?;
            let outboxes = (stage.workers + isolation.spares) * 2;
            let bytes = isolation.result_bytes;
            isolation.budget.slots(bytes, outboxes, outboxes)?;
            let slots = isolation.budget.slots(bytes, stage.workers + batch.size, most)?;
            (Some(plan(&stage, isolation, role, &watch)?), Segment::heap(0, slots, bytes)?)
        }
        Apart::Shared { isolation, role, .. } => {
            worker::must_be_entered()?;
            let (outboxes, bytes) = (stage.workers * 2, isolation.result_bytes);
            isolation.budget.slots(bytes, outboxes, outboxes)?;
            let slots = isolation.budget.slots(bytes, stage.workers + batch.size, most)?;
            (Some(plan(&stage, isolation, role, &watch)?), Segment::heap(0, slots, bytes)?)
        }
    };
    let closing = results.clone();
    let closers = vec![producer.closer(), Box::new(move || closing.close())];
    let ledger = Ledger::new(stage.delivery, stage.workers, stage.attempts);
    let books = Books::new(ledger, closers)?;
    let (shared, plan) = match (&stage.apart, plan) {
        (Apart::Shared { original, .. }, Some(plan)) => {
            (Some(Shared::new(plan, *original, stage.workers, books.bell())?), None)
        }
        (_, plan) => (None, plan),
    };
    let (to_handlers, batches) = bounded(batch.workers);
    let batcher = Batcher::new(Split::Count(batch.size), batch.within);
    let outlet = &Outlet::new(batcher, to_handlers);
    let (books_ref, watch_ref) = (&books, &watch);
    scope(|scope| {
        for _ in 0..batch.workers {
            let (config, batches) = (&batch.config, batches.clone());
            scope.spawn(move || {
                let _alarm = Alarm(books_ref);
                handle_batches::<_, B, _>(config, &batches, outlet, books_ref, watch_ref);
            });
        }
        drop(batches);
        let demand = stage.max_demand;
        scope.spawn(move || {
            let _alarm = Alarm(books_ref);
            feed(producer, demand, books_ref);
        });
        let lane = |number| Lane::<H> {
            number,
            books: books_ref,
            outlet,
            watch: watch_ref,
            aside: &*aside,
        };
        lanes(scope, &stage, lane, (plan.as_ref(), shared), &results);
        outlet.close();
    });
    books.close()
}

fn plan<H: Handler>(
    stage: &Stage<H>,
    isolation: &crate::isolation::Isolation,
    role: &'static str,
    watch: &Watch,
) -> Result<Plan, Failure> {
    let config = serde_json::to_string(&stage.config)
        .map_err(|e| Failure::engine(format!("the handler's config cannot travel: {e}")))?;
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
        memory_max_bytes: isolation.memory_max_bytes,
        receipts,
    })
}

/// Starts the lanes, and supervises on this thread until the last of them is gone.
fn lanes<'scope, 'env: 'scope, H: Handler>(
    scope: &'scope Scope<'scope, 'env>,
    stage: &'env Stage<H>,
    lane: impl Fn(usize) -> Lane<'env, H>,
    (plan, shared): (Option<&Plan>, Option<Arc<Shared>>),
    results: &Arc<Segment>,
) {
    let (notices, noticed) = bounded::<Notice>(NOTICES);
    let (spares, intensity) = match &stage.apart {
        Apart::Inline { .. } | Apart::Shared { .. } => (0, Default::default()),
        Apart::Child { isolation, .. } => (isolation.spares, isolation.intensity),
    };
    let strength = Strength { lanes: stage.workers, spares };
    let (to_lanes, spares) = bounded(strength.lanes + strength.spares);
    let (books, watch) = (lane(0).books, lane(0).watch);
    for number in 0..stage.workers {
        let lane = lane(number);
        let mut hands = hands(stage, &lane, (&spares, &notices), shared.as_ref(), results);
        let here = notices.clone();
        scope.spawn(move || {
            let _alarm = Alarm(lane.books);
            tuning::short_slices();
            lane.run(&mut *hands);
            drop(here);
        });
    }
    drop((notices, spares));
    match plan {
        Some(plan) => supervise(plan, strength, intensity, &noticed, to_lanes, books, watch),
        None => while noticed.recv().is_ok() {},
    }
}

fn hands<'a, H: Handler>(
    stage: &'a Stage<H>,
    lane: &Lane<'a, H>,
    (spares, notices): (&Receiver<crate::isolation::child::Child>, &Sender<Notice>),
    shared: Option<&Arc<Shared>>,
    results: &Arc<Segment>,
) -> Box<dyn Hands<H> + 'a> {
    match &stage.apart {
        Apart::Inline { make, .. } => {
            make(lane.number, stage.config.clone(), results.clone(), lane.watch)
        }
        Apart::Child { isolation, make, .. } => make(ChildHands {
            lane: lane.number,
            spares: spares.clone(),
            notices: notices.clone(),
            results: results.clone(),
            deadline: isolation.deadline,
            start_deadline: isolation.start_deadline,
            bell: lane.books.bell(),
            worker: None,
            writer: Writer::default(),
        }),
        Apart::Shared { make, .. } => {
            let shared = shared.expect("a shared stage has its shared process");
            make(SharedHands::new(lane.number, shared.clone(), results.clone()))
        }
    }
}

pub(crate) fn inline<H: Handler + Send>(
    lane: usize,
    config: H::Config,
    out: Arc<Segment>,
    watch: &Watch,
) -> Box<dyn Hands<H>> {
    Box::new(Inline::<H>::new(lane, config, out, watch))
}
