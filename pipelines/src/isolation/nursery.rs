//! Two threads beside the supervisor's: one bears workers, one waits until the dead are gone. Neither is waited for
//! by whoever has work to do.

use super::child::Child;
use super::limits::Limits;
use super::line::LaneEnd;
use super::plan::Plan;
use super::process::{cannot_start, end};
use super::zygote::Source;
use crate::fault::Fault;
use crate::message::Failure;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustix::io::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Orders, and dead workers, that may wait. Whoever brings one more waits in its turn.
const WAITING: usize = 256;

/// Nobody wants a worker for so long: time to prepare for the next.
const QUIET: Duration = Duration::from_millis(5);

/// What is wanted of a nursery.
enum Order {
    /// A worker under these limits, for whoever holds the other end.
    Bear(Limits, Sender<Child>),
    Close,
}

/// What is told about each order.
pub(crate) enum News {
    /// A worker with this process id was started.
    Born(u32),
    /// It could not be.
    Failed(Failure),
}

/// Bears workers as long as it lives, and ends them when it ends.
pub(crate) struct Nursery {
    desk: Desk,
    threads: Vec<JoinHandle<()>>,
}

/// How a nursery is reached.
#[derive(Clone)]
pub(crate) struct Desk {
    orders: Sender<Order>,
    dead: Sender<Option<Child>>,
    doomed: Arc<AtomicU32>,
    living: Living,
}

/// Descriptors of the workers that were born, oldest first; those of the buried are gone.
#[derive(Clone, Default)]
struct Living(Arc<Mutex<Vec<Weak<OwnedFd>>>>);

impl Living {
    fn enter(&self, child: &Child) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        all.push(child.handle());
    }
    fn kill(&self, first: &Child, most: usize) {
        first.kill();
        let first = first.handle();
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let others = all.iter().filter(|one| !one.ptr_eq(&first)).filter_map(Weak::upgrade);
        others.take(most.saturating_sub(1)).for_each(|one| end(one.as_fd()));
    }
}

impl Desk {
    /// Has a worker born, and handed to `to`.
    pub(crate) fn order(&self, limits: Limits, to: Sender<Child>) {
        self.orders.send(Order::Bear(limits, to)).ok();
    }

    /// Takes a dead worker, whose memory and slots rest until it is gone.
    pub(crate) fn bury(&self, child: Child) {
        self.dead.send(Some(child)).ok();
    }

    /// A fault: the next so many workers die before they say anything.
    pub(crate) fn doom(&self, births: u32) {
        self.doomed.fetch_add(births, SeqCst);
    }

    /// A fault: so many workers get SIGKILL, `first` and the oldest ones; if there are fewer, all.
    pub(crate) fn kill(&self, first: &Child, most: usize) {
        self.living.kill(first, most);
    }
}

impl Nursery {
    /// Starts both threads; the first worker is forked once it is ordered.
    /// `ask` says which fault strikes a start; the first one is number 0.
    pub(crate) fn open(
        plan: Plan,
        tell: impl Fn(News) + Send + 'static,
        ask: impl Fn(u64) -> Option<Fault> + Send + 'static,
    ) -> Result<Self, Failure> {
        let (orders, ordered) = bounded(WAITING);
        let (dead, buried) = bounded::<Option<Child>>(WAITING);
        let doomed = Arc::<AtomicU32>::default();
        let living = Living::default();
        let desk = Desk { orders, dead, doomed: doomed.clone(), living: living.clone() };
        let bear = move || bear(&plan, &ordered, (&doomed, &living), tell, ask);
        let bury = move || {
            while let Ok(Some(child)) = buried.recv() {
                child.bury();
            }
        };
        let spawn = |name: &str, life: Box<dyn FnOnce() + Send>| {
            Builder::new().name(name.to_owned()).spawn(life).map_err(|e| cannot_start(&e))
        };
        let threads = vec![spawn("undertaker", Box::new(bury))?, spawn("nursery", Box::new(bear))?];
        Ok(Self { desk, threads })
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.desk
    }
}

impl Drop for Nursery {
    fn drop(&mut self) {
        self.desk.orders.send(Order::Close).ok();
        self.desk.dead.send(None).ok();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

fn bear(
    plan: &Plan,
    orders: &Receiver<Order>,
    (doomed, living): (&AtomicU32, &Living),
    tell: impl Fn(News),
    ask: impl Fn(u64) -> Option<Fault>,
) {
    let (mut source, mut starts, mut line) = (None, 0.., None);
    while let Some((limits, to)) = next(plan, orders, &mut line) {
        if let Some(refusal) = starts.next().and_then(&ask).and_then(refusal) {
            tell(News::Failed(refusal));
            continue;
        }
        let doom = doomed.fetch_update(SeqCst, SeqCst, |births| births.checked_sub(1)).is_ok();
        let born = match &mut source {
            Some(source) => Ok(source),
            None => Source::open(plan).map(|opened| source.insert(opened)),
        };
        let born = born.and_then(|source| {
            let line = line.take().map_or_else(|| plan.line(), Ok)?;
            source.bear(plan, line, limits, doom)
        });
        match born {
            Ok(child) => {
                living.enter(&child);
                tell(News::Born(child.pid()));
                // Nobody waits for it any more: it is ended.
                to.send(child).ok();
            }
            Err(failure) => {
                // The next one starts afresh.
                source = None;
                tell(News::Failed(failure));
            }
        }
    }
}

/// The next worker that is wanted, and for whom. The memory for one more is got while nobody wants any: where there is no
/// spare an item waits for its worker, and clearing that memory takes longer than the fork.
fn next(
    plan: &Plan,
    orders: &Receiver<Order>,
    line: &mut Option<LaneEnd>,
) -> Option<(Limits, Sender<Child>)> {
    let order = match orders.recv_timeout(QUIET) {
        Err(RecvTimeoutError::Timeout) => {
            if line.is_none() {
                // If it cannot be had now, whoever wants a worker is told.
                *line = plan.line().ok();
            }
            orders.recv().ok()?
        }
        order => order.ok()?,
    };
    match order {
        Order::Bear(limits, to) => Some((limits, to)),
        Order::Close => None,
    }
}

/// What the kernel would say to a start that a fault keeps from it.
fn refusal(fault: Fault) -> Option<Failure> {
    match fault {
        Fault::ForkFails => Some(cannot_start(&Errno::AGAIN)),
        Fault::ShmFull => Some(cannot_start(&format!("no shared memory for it: {}", Errno::NOSPC))),
        _ => None,
    }
}
