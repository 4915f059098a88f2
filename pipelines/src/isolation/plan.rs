//! What is the same for all workers of a crew, and how it is said to them.

use super::cgroup::Cgroup;
use super::limits::Limits;
use super::line::LaneEnd;
use super::link::deliver;
use super::sandbox::Policy;
use super::segment::{Segment, Shape};
use crate::message::Failure;
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// What is the same for all workers of a crew.
pub(crate) struct Plan {
    pub(crate) role: &'static str,
    pub(crate) config: String,
    pub(crate) slabs: Vec<Arc<Segment>>,
    pub(crate) result_bytes: usize,
    pub(crate) outbox_slots: usize,
    pub(crate) limits: Limits,
    /// Where each gets a control group of its own.
    pub(crate) cgroup: Option<Cgroup>,
    pub(crate) sandbox: Option<Policy>,
    /// How long a worker, or what workers are forked from, may take to start.
    pub(crate) start_deadline: Duration,
    /// The black box and its number of receipts.
    pub(crate) receipts: Option<(OwnedFd, usize)>,
}

impl Plan {
    /// A line to a worker that is not born yet.
    pub(super) fn line(&self) -> Result<LaneEnd, Failure> {
        LaneEnd::new(self.outbox_slots, self.result_bytes)
    }
}

/// Whom a process serves.
#[derive(Serialize, Deserialize)]
pub(crate) enum Serves {
    /// One lane.
    Lane(Birth),
    /// Whoever asks for a worker, by this socket: it forks them, and does nothing else.
    Crew,
    /// As many lanes as there come [`Seat`]s by this socket, for so long.
    Lanes {
        /// The process ends by itself after this time.
        life: Duration,
    },
}

/// One worker for one lane; its files follow in the order page, outbox, and standard error unless it has one.
#[derive(Serialize, Deserialize)]
pub(crate) struct Birth {
    pub(crate) outbox: Shape,
    pub(crate) limits: Limits,
    /// It dies before it says anything: a fault.
    pub(crate) doomed: bool,
}

/// The first message to a process; its files follow in the order of a [`Birth`]'s, slabs, black box.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) config: String,
    pub(crate) serves: Serves,
    pub(crate) slabs: Vec<Shape>,
    pub(crate) receipts: Option<usize>,
    pub(crate) limits: Limits,
    pub(crate) sandbox: Option<Policy>,
    pub(crate) parent: i32,
}

/// One more lane for a worker that serves several; its files follow in the order socket, outbox.
#[derive(Serialize, Deserialize)]
pub(crate) struct Seat {
    pub(crate) outbox: Shape,
}

/// What a process that forks workers says once it is ready to, or instead.
#[derive(Serialize, Deserialize)]
pub(crate) enum Loaded {
    /// It has so many threads. With more than one it cannot fork.
    Threads(usize),
    /// What workers share cannot be loaded.
    Refused(String),
}

/// Its answer to a [`Birth`]; the descriptor of the new process comes along.
#[derive(Serialize, Deserialize)]
pub(crate) enum Born {
    Pid(u32),
    Failed(String),
}

/// Sends the first message.
pub(super) fn greet(
    socket: BorrowedFd<'_>,
    plan: &Plan,
    serves: Serves,
    own: &[BorrowedFd<'_>],
) -> rustix::io::Result<()> {
    let hello = Hello {
        config: plan.config.clone(),
        serves,
        slabs: plan.slabs.iter().map(|s| s.shape()).collect(),
        receipts: plan.receipts.as_ref().map(|(_, cap)| *cap),
        limits: plan.limits,
        sandbox: plan.sandbox.clone(),
        parent: rustix::process::getpid().as_raw_nonzero().get(),
    };
    let slabs = plan.slabs.iter().filter_map(|s| s.memory());
    let black_box = plan.receipts.as_ref().map(|(file, _)| file.as_fd());
    let files: Vec<_> = own.iter().copied().chain(slabs).chain(black_box).collect();
    deliver(socket, &hello, &files)
}
