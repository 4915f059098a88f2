//! Where a stage's handlers live: in threads, in processes of their own, or in one that all share.

use super::Stage;
use crate::engine::hands::Hands;
use crate::engine::hands::caller::Caller;
use crate::engine::hands::child::{ChildHands, Crew};
use crate::engine::hands::node::SharedHands;
use crate::engine::htpipe::HtPipe;
use crate::handler::{Handler, Then};
use crate::isolation::Isolation;
use crate::isolation::frame::Portable;
use crate::isolation::worker;
use std::sync::Arc;

/// The hands of a lane with this number.
type MakeChild<H> = fn(usize, <H as Handler>::Config, Arc<Crew>) -> Box<dyn Hands<H>>;

/// Where a stage's handlers live.
pub(crate) enum Apart<H: Handler> {
    Inline {
        result_bytes: usize,
    },
    Child {
        isolation: Isolation,
        role: &'static str,
        make: MakeChild<H>,
    },
    Shared {
        isolation: Isolation,
        original: HtPipe,
        role: &'static str,
        /// What the process opens its handler with.
        written: fn(&H::Config) -> serde_json::Result<String>,
        make: fn(SharedHands, &H::Config) -> Box<dyn Hands<H>>,
    },
}

impl<H: Handler> Apart<H> {
    /// Quick items that a lane is lent at once.
    pub(crate) fn together(&self) -> usize {
        match self {
            Self::Child { isolation, .. } => isolation.together,
            Self::Inline { .. } | Self::Shared { .. } => 1,
        }
    }
}

impl<H: Handler> Stage<H> {
    /// Workers are threads of this process, and their results take up to so many bytes each.
    pub fn result_bytes(mut self, result_bytes: usize) -> Self {
        self.apart = Apart::Inline { result_bytes };
        self
    }
    /// Each worker is a process of its own. `main` must begin with [`worker::enter`].
    pub fn isolated(mut self, isolation: Isolation) -> Self
    where
        H::In: Portable,
        H::Out: Portable,
    {
        let role = worker::role_name::<H>();
        let make = |lane, config, crew| Box::new(ChildHands::<H>::new(lane, config, crew)) as _;
        self.apart = Apart::Child { isolation, role, make };
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
        let role = worker::role_name::<H>();
        self.apart = Apart::Shared {
            isolation,
            original,
            role,
            written: |config| serde_json::to_string(config),
            make: |hands, _| Box::new(hands),
        };
        self
    }
}

impl<A: Handler, B: Handler<In = A::Out>> Stage<Then<A, B>> {
    /// As [`Stage::shared`], for the first of two handlers: the second works in the worker's own thread on
    /// what the call brought back, as the code around a call of HtPipe does.
    pub fn first_shared(mut self, isolation: Isolation, original: HtPipe) -> Self
    where
        A::In: Portable,
        A::Out: Portable,
    {
        let role = worker::role_name::<A>();
        self.apart = Apart::Shared {
            isolation,
            original,
            role,
            written: |(first, _)| serde_json::to_string(first),
            make: |hands, (_, second)| Box::new(Caller::<B>::new(hands, second.clone())),
        };
        self
    }
}
