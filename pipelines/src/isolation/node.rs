//! A worker process that serves several lanes at once, as HtPipe's worker node does. What it dies of, every
//! call in it dies of.

use super::link::{Link, deliver, ready, sockets};
use super::plan::{Plan, Seat, Serves, greet};
use super::process::{Process, cannot_start, end};
use crate::message::{Death, Failure};
use crossbeam_channel::bounded;
use rustix::net::{RecvFlags, recv};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// A running node. Dropping it ends and reaps it.
pub(crate) struct Node {
    control: OwnedFd,
    pid: u32,
    pidfd: Arc<OwnedFd>,
    /// Started the process, reads what it says, reaps it. The kernel ends a worker with the thread that
    /// started it: this one ends with the process, a lane may end before.
    keeper: Option<JoinHandle<(Death, String)>>,
    up: bool,
}

impl Node {
    /// Starts a process that ends by itself after `life`. It serves nobody before it is given a seat.
    pub(crate) fn start(plan: &Plan, life: Duration) -> Result<Self, Failure> {
        let (control, theirs) = sockets()?;
        let (tell, told) = bounded(1);
        let role = plan.role;
        let keep = move || match Process::start(role, theirs).and_then(known) {
            Ok((process, pidfd)) => {
                tell.send(Ok((process.id(), pidfd))).ok();
                tend(process)
            }
            Err(failure) => {
                tell.send(Err(failure)).ok();
                (Death::Garbage, String::new())
            }
        };
        let keeper = Builder::new().spawn(keep).map_err(|e| cannot_start(&e))?;
        let (pid, pidfd) = told.recv().map_err(|e| cannot_start(&e))??;
        let node = Self { control, pid, pidfd: Arc::new(pidfd), keeper: Some(keeper), up: false };
        greet(node.control.as_fd(), plan, Serves::Lanes { life }, &[])
            .map_err(|e| cannot_start(&e))?;
        Ok(node)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Readable once the process has ended.
    pub(crate) fn pidfd(&self) -> Arc<OwnedFd> {
        self.pidfd.clone()
    }

    /// Whether it serves whoever has a seat; does not wait.
    pub(crate) fn is_up(&mut self) -> bool {
        self.up = self.up || self.said_something();
        self.up
    }

    fn said_something(&self) -> bool {
        let said = recv(&self.control, &mut [0; 1][..], RecvFlags::DONTWAIT);
        said.is_ok_and(|(bytes, _)| bytes > 0)
    }

    /// Whether it has ended; does not wait.
    pub(crate) fn has_ended(&self) -> bool {
        ready([Some(self.pidfd.as_fd())], Some(Instant::now())).0[0]
    }

    /// A seat for one lane: a thread of the node with a handler of its own. Dropping the link closes the
    /// line; the thread ends as soon as it notices, which in the middle of a call may be never.
    pub(crate) fn seat(&self, result_bytes: usize) -> Result<Link, Failure> {
        let (link, theirs) = Link::new(result_bytes)?;
        let seat = Seat { outbox: link.outbox.shape() };
        let files: Vec<_> = [theirs.as_fd()].into_iter().chain(link.outbox.memory()).collect();
        deliver(self.control.as_fd(), &seat, &files).map_err(|e| cannot_start(&e))?;
        Ok(link)
    }

    /// Waits for its end: what it was, and the last words.
    pub(crate) fn bury(mut self) -> (Death, String) {
        let end = self.keeper.take().and_then(|keeper| keeper.join().ok());
        end.unwrap_or((Death::Garbage, String::new()))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(keeper) = self.keeper.take() {
            end(self.pidfd.as_fd());
            keeper.join().ok();
        }
    }
}

/// A process, and a second descriptor of it for those who do not own it.
fn known(process: Process) -> Result<(Process, OwnedFd), Failure> {
    let pidfd = process.pidfd().try_clone_to_owned().map_err(|e| cannot_start(&e))?;
    Ok((process, pidfd))
}

/// Reads what a process says until it has ended.
fn tend(mut process: Process) -> (Death, String) {
    loop {
        let fds: [Option<BorrowedFd<'_>>; 2] = [process.tail.source(), Some(process.pidfd())];
        let ([stderr, ended], _) = ready(fds, None);
        if stderr {
            process.tail.drain();
        }
        if ended {
            let words = process.tail.words();
            return (process.reap(), words);
        }
    }
}
