//! The builder: a producer, a stage, a batch handler, and `run`.

use crate::engine::hands::Hands;
use crate::engine::hands::child::ChildHands;
use crate::engine::hands::node::SharedHands;
use crate::engine::htpipe::HtPipe;
use crate::engine::ledger::Delivery;
use crate::engine::{self, Parts, SetAside, Watch};
use crate::handler::{BatchHandler, Handler};
use crate::isolation::Isolation;
use crate::isolation::frame::Portable;
use crate::isolation::segment::Segment;
use crate::isolation::worker;
use crate::message::{Failure, Tally};
use crate::producer::Producer;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Lanes of a stage at most.
pub const WORKERS_MAX: usize = 128;

pub(crate) type MakeInline<H> =
    fn(usize, <H as Handler>::Config, Arc<Segment>, &Watch) -> Box<dyn Hands<H>>;

/// Where a stage's handlers live.
pub(crate) enum Apart<H: Handler> {
    Inline {
        result_bytes: usize,
        make: MakeInline<H>,
    },
    Child {
        isolation: Isolation,
        role: &'static str,
        make: fn(ChildHands<'_>) -> Box<dyn Hands<H> + '_>,
    },
    Shared {
        isolation: Isolation,
        original: HtPipe,
        role: &'static str,
        make: fn(SharedHands) -> Box<dyn Hands<H>>,
    },
}

/// A handler with how many work at once, and where.
pub struct Stage<H: Handler> {
    pub(crate) config: H::Config,
    pub(crate) workers: usize,
    pub(crate) attempts: u32,
    pub(crate) max_demand: NonZeroUsize,
    pub(crate) delivery: Delivery,
    pub(crate) apart: Apart<H>,
}

impl<H: Handler + Send> Stage<H> {
    /// One worker, in a thread of this process; results of up to 1 MiB; three attempts an item.
    pub fn new(config: H::Config) -> Self {
        Self {
            config,
            workers: 1,
            attempts: 3,
            max_demand: NonZeroUsize::MIN,
            delivery: Delivery::Lease,
            apart: Apart::Inline { result_bytes: 1 << 20, make: engine::inline::<H> },
        }
    }
}

impl<H: Handler> Stage<H> {
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
    /// So many items are lent at once: fewer hand-overs, more to redo after a death.
    pub fn max_demand(mut self, items: NonZeroUsize) -> Self {
        self.max_demand = items;
        self
    }
    /// What the ledger keeps of an item that is lent.
    pub fn delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }
    /// Each worker is a process of its own. `main` must begin with [`worker::enter`].
    pub fn isolated(mut self, isolation: Isolation) -> Self
    where
        H::In: Portable,
        H::Out: Portable,
    {
        self.apart = Apart::Child {
            isolation,
            role: worker::role_name::<H>(),
            make: |hands| Box::new(hands),
        };
        self
    }
    /// All workers share one process, in HtPipe's way and with its times and losses. There are no spares, no
    /// deadlines and no intensity; each worker adds `memory_max_bytes` to what the process may have. `main`
    /// must begin with [`worker::enter`].
    pub fn shared(mut self, isolation: Isolation, original: HtPipe) -> Self
    where
        H::In: Portable,
        H::Out: Portable,
    {
        self.apart = Apart::Shared {
            isolation,
            original,
            role: worker::role_name::<H>(),
            make: |hands| Box::new(hands),
        };
        self
    }
}

/// A batch handler with the size of its batches and how many work at once.
pub struct Batch<B: BatchHandler> {
    pub(crate) config: B::Config,
    pub(crate) size: usize,
    pub(crate) within: Duration,
    pub(crate) workers: usize,
}

impl<B: BatchHandler> Batch<B> {
    /// One worker; batches of 16, or of what there is after 50 ms.
    pub fn new(config: B::Config) -> Self {
        Self { config, size: 16, within: Duration::from_millis(50), workers: 1 }
    }
    /// So many items make a batch, at least 1.
    pub fn size(mut self, items: usize) -> Self {
        self.size = items.max(1);
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
}

/// A pipeline that has a source.
pub struct Pipeline<P: Producer> {
    producer: P,
}

/// A pipeline that has a source and a stage.
pub struct Staged<P: Producer, H: Handler> {
    producer: P,
    stage: Stage<H>,
}

/// A pipeline that can run.
pub struct Ready<P: Producer, H: Handler<In = P::Item>, B: BatchHandler<In = H::Out>> {
    parts: Parts<P, H, B>,
}

impl<P: Producer> Pipeline<P> {
    /// Begins with a source.
    pub fn from(producer: P) -> Self {
        Self { producer }
    }
    /// What is done with each item.
    pub fn stage<H: Handler<In = P::Item>>(self, stage: Stage<H>) -> Staged<P, H> {
        Staged { producer: self.producer, stage }
    }
}

impl<P: Producer, H: Handler<In = P::Item>> Staged<P, H> {
    /// What is done with the results.
    pub fn batch<B: BatchHandler<In = H::Out>>(self, batch: Batch<B>) -> Ready<P, H, B> {
        let Self { producer, stage } = self;
        let (watch, aside) = (Watch::default(), Box::new(|_: &SetAside<'_, P::Item>| Ok(())));
        Ready { parts: Parts { producer, stage, batch, watch, aside } }
    }
}

impl<P: Producer, H: Handler<In = P::Item>, B: BatchHandler<In = H::Out>> Ready<P, H, B> {
    /// Lets somebody watch, and strike.
    pub fn watched(mut self, watch: Watch) -> Self {
        self.parts.watch = watch;
        self
    }
    /// Is told of each item that is given up, while the run goes on. Its failure ends the run.
    pub fn set_aside(
        mut self,
        aside: impl Fn(&SetAside<'_, P::Item>) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        self.parts.aside = Box::new(aside);
        self
    }
    /// Runs until the source is drained and every item is settled. Started workers end with the thread
    /// that calls this.
    ///
    /// # Errors
    /// When the source or a batch handler fails, or when workers cannot be started.
    ///
    /// # Panics
    /// When the source, a batch handler or a callback panics; the run has ended by then.
    pub fn run(self) -> Result<Tally, Failure> {
        engine::run(self.parts)
    }
}
