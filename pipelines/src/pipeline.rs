//! The builder: producers, a stage, batch handlers, and `run`.

mod apart;

pub(crate) use apart::Apart;

use crate::engine::batcher::{Batcher, Split, Splitter, Trigger};
use crate::engine::event::Event;
use crate::engine::judge::{Decide, Decision, Failed};
use crate::engine::limiter::{Kind, Rate};
use crate::engine::outlet::{Fitting, Outlet, Shift, serve};
use crate::engine::running::{Report, Running};
use crate::engine::service::Service;
use crate::engine::settings::Settings;
use crate::engine::well::{self, Dig};
use crate::engine::{self, Aside, SetAside, Watch};
use crate::handler::{BatchHandler, Done, Handler};
use crate::message::{Failure, Tally};
use crate::producer::{Instance, Producer};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Lanes of a stage at most.
pub const WORKERS_MAX: usize = 128;
/// Batchers of a pipeline at most: a route names them by a byte.
pub const BATCHERS_MAX: usize = 255;

/// A number whose remainder by the number of workers says which of them an item is for.
pub(crate) type Partition<T> = Box<dyn Fn(&T) -> u64 + Send + Sync>;

/// A handler with how many work at once, and where.
pub struct Stage<H: Handler> {
    pub(crate) config: H::Config,
    pub(crate) workers: usize,
    pub(crate) attempts: u32,
    pub(crate) max_demand: NonZeroUsize,
    pub(crate) min_demand: Option<usize>,
    pub(crate) partition: Option<Partition<H::In>>,
    pub(crate) decide: Option<Box<Decide<H::In, H::Out>>>,
    pub(crate) apart: Apart<H>,
    /// Results are kept by whoever gets them: there is always room for one more.
    pub(crate) results_are_kept: bool,
}

impl<H: Handler> Stage<H> {
    /// One worker, in a thread of this process; results of up to 1 MiB; three attempts an item.
    pub fn new(config: H::Config) -> Self {
        Self {
            config,
            workers: 1,
            attempts: 3,
            max_demand: NonZeroUsize::MIN,
            min_demand: None,
            partition: None,
            decide: None,
            apart: Apart::Inline { result_bytes: 1 << 20 },
            results_are_kept: false,
        }
    }
    /// So many work at once, from 1 to [`WORKERS_MAX`].
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.clamp(1, WORKERS_MAX);
        self
    }
    /// An item is given up after so many attempts, at least 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }
    /// A worker holds so many items at most: fewer hand-overs, more to redo, or to lose, after a death.
    pub fn max_demand(mut self, items: NonZeroUsize) -> Self {
        self.max_demand = items;
        self
    }
    /// A worker asks for more when it holds so many items or fewer: less than `max_demand`, by default
    /// half of it. It does `max_demand - min_demand` items at one go, and acknowledges them together.
    pub fn min_demand(mut self, items: usize) -> Self {
        self.min_demand = Some(items);
        self
    }
    /// Items for which `number` has the same remainder by the number of workers go to the same worker, in
    /// order.
    pub fn partition_by(mut self, number: impl Fn(&H::In) -> u64 + Send + Sync + 'static) -> Self {
        self.partition = Some(Box::new(number));
        self
    }
    /// Decides what becomes of items that failed. If it panics, they failed.
    pub fn on_failed(
        mut self,
        decide: impl Fn(&Failed<'_, H::In>) -> Decision<H::Out> + Send + Sync + 'static,
    ) -> Self {
        self.decide = Some(Box::new(decide));
        self
    }

    /// Items done at one go.
    pub(crate) fn chunk(&self) -> usize {
        self.max_demand.get() - self.low()
    }
    /// The `min_demand` that holds.
    pub(crate) fn low(&self) -> usize {
        self.min_demand.unwrap_or(self.max_demand.get() / 2)
    }
}

/// A batch handler with the size of its batches and how many work at once.
pub struct Batch<B: BatchHandler> {
    config: B::Config,
    split: Split<B::In>,
    within: Duration,
    workers: usize,
    keys_max: Option<usize>,
    partition: Option<Partition<B::In>>,
    decide: Option<Box<Decide<B::In, ()>>>,
}

impl<B: BatchHandler> Batch<B> {
    /// One worker; batches of 16, or of what there is after 50 ms; any number of keys.
    pub fn new(config: B::Config) -> Self {
        Self {
            config,
            split: Split::Count(16),
            within: Duration::from_millis(50),
            workers: 1,
            keys_max: None,
            partition: None,
            decide: None,
        }
    }
    /// So many items make a batch, at least 1.
    pub fn size(self, items: usize) -> Self {
        self.split(Split::Count(items.max(1)))
    }
    /// What makes a batch full.
    pub fn split(mut self, split: Split<B::In>) -> Self {
        self.split = split;
        self
    }
    /// A batch goes out after this time at the latest.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }
    /// So many handle batches at once, at least 1.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers.max(1);
        self
    }
    /// So many batches are begun at once at most: for one more key, the oldest goes out.
    pub fn keys_max(mut self, keys: usize) -> Self {
        self.keys_max = Some(keys.max(1));
        self
    }
    /// Items for which `number` has the same remainder by the number of workers share batches, and go to
    /// the same worker, in order.
    pub fn partition_by(mut self, number: impl Fn(&B::In) -> u64 + Send + Sync + 'static) -> Self {
        self.partition = Some(Box::new(number));
        self
    }
    /// Decides what becomes of items whose batch failed. If it panics, they failed.
    pub fn on_failed(
        mut self,
        decide: impl Fn(&Failed<'_, B::In>) -> Decision<()> + Send + Sync + 'static,
    ) -> Self {
        self.decide = Some(Box::new(decide));
        self
    }
}

/// Makes the outlet with this number.
type MakeOutlet<T> = Box<dyn FnOnce(usize, &Settings) -> Outlet<T>>;

/// A batch handler of any type.
pub(crate) struct Fit<T> {
    /// Items that its batches, full and waiting, may hold.
    pub(crate) holds: usize,
    /// Items in one batch, if that is known.
    pub(crate) size: usize,
    pub(crate) workers: usize,
    pub(crate) make: MakeOutlet<T>,
}

/// What is guessed of a batch whose size only its splitter knows.
const SIZE_GUESSED: usize = 100;

fn fit<B: BatchHandler>(batch: Batch<B>) -> Fit<B::In> {
    let Batch { config, split, within, workers, keys_max, partition, decide } = batch;
    let size = if let Split::Count(size) = split { size } else { SIZE_GUESSED };
    let split: Split<Done<B::In>> = match split {
        Split::Count(size) => Split::Count(size),
        Split::Custom(make) => Split::Custom(Box::new(move || by_result(make()))),
        Split::Carrying(splitter) => Split::Carrying(by_result(splitter)),
    };
    let partitioned = partition.is_some();
    let make = move |number: usize, settings: &Settings| {
        let mut batcher = Batcher::new(split, within).number(number as u8).keys_max(keys_max);
        if settings.as_the_original {
            batcher = batcher.at_end(Trigger::Flush);
        }
        if let Some(partition) = partition {
            batcher = batcher.partitions(workers, move |done: &Done<B::In>| partition(&done.out));
        }
        let serve = Box::new(move |shift: &Shift<'_, B::In>, started: &dyn Fn()| {
            serve::<B>(&config, decide.as_deref(), shift, started)
        });
        let fitting = Fitting { workers, within, partitioned, batcher, serve };
        Outlet::new(number, settings.delivery, fitting)
    };
    Fit { holds: size * (2 * workers + 1), size, workers, make: Box::new(make) }
}

/// A splitter of results, for results with what goes along.
fn by_result<T: 'static>(mut splitter: Splitter<T>) -> Splitter<Done<T>> {
    Box::new(move |done| splitter(&done.out))
}

/// Lets items through at this rate, each weighing so much.
pub(crate) type Limit<T> = (Kind, Rate, Box<dyn Fn(&T) -> u64 + Send + Sync>);
type Prepare<T> = Box<dyn FnOnce(Pipeline<T>) -> Result<Pipeline<T>, Failure>>;

/// A pipeline that has a source.
pub struct Pipeline<T> {
    pub(crate) name: Option<String>,
    pub(crate) dig: Dig<T>,
    pub(crate) redig: bool,
    pub(crate) producers: usize,
    pub(crate) settings: Settings,
    pub(crate) limit: Option<Limit<T>>,
    pub(crate) services: Vec<Service>,
    pub(crate) prepare: Option<Prepare<T>>,
    /// What was said of items that a transformer made something else of.
    pub(crate) misplaced: Option<&'static str>,
}

impl<T: Send + Sync + 'static> Pipeline<T> {
    /// Begins with one producer. If that dies in the middle of producing, it cannot be made again.
    pub fn from<P: Producer<Item = T>>(producer: P) -> Self {
        Self::with(1, false, well::once(producer))
    }

    /// Begins with so many producers, at least 1, each made by `make`, and made again when it has died.
    /// Its ids have to rise, and to be the same again: what was produced before is then left out.
    pub fn produced_by<P: Producer<Item = T>>(
        producers: usize,
        make: impl Fn(&Instance) -> Result<P, Failure> + Send + Sync + 'static,
    ) -> Self {
        Self::with(producers.max(1), true, well::again(make))
    }

    fn with(producers: usize, redig: bool, dig: Dig<T>) -> Self {
        Self {
            name: None,
            dig,
            redig,
            producers,
            settings: Settings::default(),
            limit: None,
            services: vec![],
            prepare: None,
            misplaced: None,
        }
    }

    /// A name, under which [`registry`](crate::engine::registry) knows it while it runs.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
    /// How it is supervised and what a death costs.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }
    /// Producers together let items through at this rate; `weigh` says what an item weighs in bytes.
    pub fn rate_limited(
        mut self,
        kind: Kind,
        rate: Rate,
        weigh: impl Fn(&T) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.limit = Some((kind, rate, Box::new(weigh)));
        self
    }
    /// Something that runs beside it, started before the producers.
    pub fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self
    }
    /// Called once when it starts, in the thread that starts it: may give back another pipeline, with
    /// other producers, settings or services.
    pub fn prepare_for_start(
        mut self,
        prepare: impl FnOnce(Self) -> Result<Self, Failure> + 'static,
    ) -> Self {
        self.prepare = Some(Box::new(prepare));
        self
    }
    /// Makes items out of what the producers give. One that cannot be made is acknowledged as failed. A
    /// rate limit and [`Pipeline::prepare_for_start`] are about the items made, and so come after this.
    pub fn transform<U: Send + Sync + 'static>(
        self,
        transform: impl Fn(T) -> Result<U, Failure> + Send + Sync + 'static,
    ) -> Pipeline<U> {
        let Self { name, dig, redig, producers, settings, limit, services, prepare, misplaced } =
            self;
        let limit = limit.map(|_| "rate_limited");
        let misplaced = misplaced.or(limit).or(prepare.map(|_| "prepare_for_start"));
        let (dig, limit, prepare) = (well::transformed(dig, transform), None, None);
        Pipeline { name, dig, redig, producers, settings, limit, services, prepare, misplaced }
    }
    /// What is done with each item.
    pub fn stage<H: Handler<In = T>>(self, stage: Stage<H>) -> Staged<H> {
        Staged {
            pipeline: self,
            stage,
            batches: Vec::new(),
            watch: Arc::default(),
            aside: Box::new(|_: &SetAside<'_, T>| Ok(())),
            observe: None,
        }
    }
}

/// A pipeline that can run.
pub struct Staged<H: Handler> {
    pub(crate) pipeline: Pipeline<H::In>,
    pub(crate) stage: Stage<H>,
    pub(crate) batches: Vec<Fit<H::Out>>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) aside: Box<Aside<H::In>>,
    pub(crate) observe: Option<Box<engine::event::Observe>>,
}

impl<H: Handler> Staged<H> {
    /// What is done with the results. Several: a handler chooses by [`Desk::route`](crate::handler::Desk),
    /// in the order in which they are named here. None: results are acknowledged and dropped.
    pub fn batch<B: BatchHandler<In = H::Out>>(mut self, batch: Batch<B>) -> Self {
        self.batches.push(fit(batch));
        self
    }
    /// Lets somebody watch, and strike.
    pub fn watched(mut self, watch: impl Into<Arc<Watch>>) -> Self {
        self.watch = watch.into();
        self
    }
    /// Is told of each item that is given up, while the run goes on. Its failure ends the run.
    pub fn set_aside(
        mut self,
        aside: impl Fn(&SetAside<'_, H::In>) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        self.aside = Box::new(aside);
        self
    }
    /// Is told of what happens, by whichever thread it happens in. If it panics it is not called again.
    pub fn observed(mut self, observe: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.observe = Some(Box::new(observe));
        self
    }

    /// Runs until the source is drained and every item is settled. Started workers end with the thread
    /// that calls this.
    ///
    /// # Errors
    /// When the source, a batch handler or a callback fails, when workers cannot be started, or when a
    /// supervisor gives up.
    pub fn run(self) -> Result<Tally, Failure> {
        let Report { tally, left, failure } = engine::start::run(self)?;
        match failure {
            Some(failure) => Err(failure),
            None if left.items() > 0 => Err(Failure::engine(format!("it was stopped with {left}"))),
            None => Ok(tally),
        }
    }

    /// Starts it in threads of its own; gives a hand on it.
    ///
    /// # Errors
    /// When what it was told makes no sense, or its name is taken.
    pub fn start(self) -> Result<Running<H::In>, Failure> {
        engine::start::start(self)
    }
}
