//! How a lane's hands live in another process: memory that both see, one datagram a message, a child
//! that the kernel ends when its parent ends.

pub(crate) mod bell;
mod birth;
pub mod cgroup;
pub(crate) mod child;
mod control;
pub mod evidence;
pub mod frame;
#[cfg(not(feature = "schedules"))]
mod futex;
#[cfg(feature = "schedules")]
#[path = "sleepers.rs"]
mod futex;
pub mod limits;
pub(crate) mod line;
pub(crate) mod link;
pub mod memory;
pub mod module;
pub(crate) mod node;
pub(crate) mod nursery;
pub(crate) mod plan;
mod post;
mod process;
pub mod sandbox;
pub mod segment;
pub mod tail;
pub(crate) mod tuning;
pub mod will;
mod word;
pub mod worker;
mod zygote;

pub use memory::Budget;
pub use tuning::libc_version;

use crate::engine::reserve::Intensity;
use limits::{Limits, Recycling};
use sandbox::Policy;
use segment::Segment;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How isolated workers are kept.
#[derive(Clone)]
pub struct Isolation {
    /// What workers may read: the segments in which the producer's items lie, numbered from 0.
    pub slabs: Vec<Arc<Segment>>,
    /// Bytes that one item's result takes at most.
    pub result_bytes: usize,
    /// What outboxes and results are counted against.
    pub budget: Arc<Budget>,
    /// Bytes that slabs, outboxes, results and the private memory of all workers may take together. What workers may
    /// have at most is counted, and where that is too much, items are admitted by what
    /// [they need](crate::handler::Handler::need).
    pub memory_budget_bytes: u64,
    /// Workers kept started in reserve, at least 0.
    pub spares: usize,
    /// How long a worker may take over one item before it is ended.
    pub deadline: Duration,
    /// How long a worker may take to open its handler before it is ended.
    pub start_deadline: Duration,
    /// What each worker may take.
    pub limits: Limits,
    /// A delegated [control group](cgroup) in which each worker gets one of its own, with its limit on memory. Not for
    /// workers that share a process.
    pub cgroup: Option<PathBuf>,
    /// What each worker may reach once its handler is open; `None` for whatever its program may. Not for workers
    /// that share a process.
    pub sandbox: Option<Policy>,
    /// When a worker is replaced though it lives.
    pub recycling: Recycling,
    /// Each worker runs on one core only, its lane's: what a request costs is then mostly not waking a core that sleeps.
    /// Good for items of microseconds, where it gave half as much throughput again. Bad where producer and sink want a
    /// core too: of tiles of a millisecond a fifth fewer were done, since the kernel could no longer balance.
    pub same_core: bool,
    /// Items whose handler takes less than 0.3 ms are lent so many together, from the moment that they are known to be
    /// so quick: lane and worker are woken less often, which for two together takes off up to half of what isolation
    /// costs an item of 0.1 ms. 1, the default, never does: an item over which a worker died in company is tried once more
    /// than `attempts` says, alone, and a worker is only replaced between two requests. Who asks for more than that by
    /// [`max_demand`](crate::pipeline::Stage::max_demand) gets what he asks for.
    pub together: usize,
    /// How many workers may fail to start.
    pub intensity: Intensity,
}

impl Isolation {
    /// Workers that read `slabs` and whose results take up to `result_bytes` bytes each: one spare, 10 s an
    /// item, 512 MiB a worker, 1 GiB for all slots but the slabs', [a share](memory::default_budget) of the machine's
    /// memory for all.
    pub fn new(slabs: Vec<Arc<Segment>>, result_bytes: usize) -> Self {
        Self {
            slabs,
            result_bytes,
            budget: Arc::new(Budget::new(1 << 30)),
            memory_budget_bytes: memory::default_budget(),
            spares: 1,
            deadline: Duration::from_secs(10),
            start_deadline: Duration::from_secs(30),
            limits: Limits::default(),
            cgroup: None,
            sandbox: None,
            recycling: Recycling::default(),
            same_core: false,
            together: 1,
            intensity: Intensity::default(),
        }
    }

    /// Slots of each worker's outbox.
    pub(crate) fn outbox_slots(&self) -> usize {
        line::outbox_slots(self.result_bytes, self.together)
    }
}
