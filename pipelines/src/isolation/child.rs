//! A worker process that serves one lane, as that lane and its supervisor see it.

use super::frame::FRAME_BYTES_MAX;
use super::link::{Link, Sign, deliver, ready};
use super::process::{Process, cannot_start};
use super::segment::{Segment, Shape};
use crate::message::Failure;
use serde::{Deserialize, Serialize};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is the same for all workers of a crew.
pub(crate) struct Plan {
    pub(crate) role: &'static str,
    pub(crate) config: String,
    pub(crate) slabs: Vec<Arc<Segment>>,
    pub(crate) result_bytes: usize,
    pub(crate) memory_max_bytes: u64,
    /// The black box and its number of receipts.
    pub(crate) receipts: Option<(OwnedFd, usize)>,
}

/// Whom a worker serves.
#[derive(Serialize, Deserialize)]
pub(crate) enum Serves {
    /// One lane, on the socket that this came by, with an outbox of this shape.
    Lane(Shape),
    /// As many lanes as there come [`Seat`]s by this socket, for so long.
    Lanes {
        /// The process ends by itself after this time.
        life: Duration,
    },
}

/// The first message to a worker; its files follow in the order outbox, slabs, black box.
#[derive(Serialize, Deserialize)]
pub(crate) struct Hello {
    pub(crate) config: String,
    pub(crate) serves: Serves,
    pub(crate) slabs: Vec<Shape>,
    pub(crate) receipts: Option<usize>,
    pub(crate) memory_max_bytes: u64,
    pub(crate) parent: i32,
}

/// One more lane for a worker that serves several; its files follow in the order socket, outbox.
#[derive(Serialize, Deserialize)]
pub(crate) struct Seat {
    pub(crate) outbox: Shape,
}

/// A running worker. Dropping it ends and reaps it.
pub(crate) struct Child {
    process: Process,
    link: Link,
}

impl Child {
    /// Starts a worker. The calling thread must outlive it: the kernel ends a worker with the thread
    /// that started it.
    pub(crate) fn spawn(plan: &Plan) -> Result<Self, Failure> {
        let (link, theirs) = Link::new(plan.result_bytes)?;
        let process = Process::start(plan.role, theirs)?;
        let (serves, outbox) = (Serves::Lane(link.outbox.shape()), link.outbox.memory());
        if let Some(socket) = link.socket() {
            greet(socket, plan, serves, outbox).map_err(|e| cannot_start(&e))?;
        }
        Ok(Self { process, link })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What the worker writes.
    pub(crate) fn outbox(&self) -> &Segment {
        &self.link.outbox
    }

    /// Sends one frame. False when nobody is there to read it.
    pub(crate) fn send(&self, frame: &[u8]) -> bool {
        self.link.send(frame)
    }

    /// Waits for a sign of the worker. What it said before it died comes before its death.
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        bell: BorrowedFd<'_>,
        frame: &mut [u8; FRAME_BYTES_MAX],
    ) -> Sign {
        loop {
            let Process { tail, .. } = &self.process;
            let fds = [self.link.socket(), Some(self.process.pidfd()), tail.source(), Some(bell)];
            let ([socket, ended, stderr, rung], late) = ready(fds, until);
            if stderr {
                self.process.tail.drain();
            }
            if socket {
                return self.link.receive(frame);
            }
            if ended {
                return Sign::Ended(self.process.reap());
            }
            if rung {
                return Sign::Bell;
            }
            if late {
                return Sign::Late;
            }
        }
    }

    /// What it wrote to standard error at the end.
    pub(crate) fn words(&mut self) -> String {
        self.process.tail.words()
    }

    /// Ends it; that it has ended will be seen by `wait`.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }
}

/// Sends the first message.
pub(super) fn greet(
    socket: BorrowedFd<'_>,
    plan: &Plan,
    serves: Serves,
    outbox: Option<BorrowedFd<'_>>,
) -> rustix::io::Result<()> {
    let hello = Hello {
        config: plan.config.clone(),
        serves,
        slabs: plan.slabs.iter().map(|s| s.shape()).collect(),
        receipts: plan.receipts.as_ref().map(|(_, cap)| *cap),
        memory_max_bytes: plan.memory_max_bytes,
        parent: rustix::process::getpid().as_raw_nonzero().get(),
    };
    let slabs = plan.slabs.iter().filter_map(|s| s.memory());
    let black_box = plan.receipts.as_ref().map(|(file, _)| file.as_fd());
    let files: Vec<_> = outbox.into_iter().chain(slabs).chain(black_box).collect();
    deliver(socket, &hello, &files)
}
