//! Keeps a reserve of worker processes: the shell around [`Reserve`].

use super::reserve::{Event, Intensity, Order, Reserve};
use super::supervisor::Notice as Told;
use super::watch::Watch;
use crate::black_box::What;
use crate::fault::{Point, Site};
use crate::isolation::child::Child;
use crate::isolation::limits::Limits;
use crate::isolation::nursery::{Desk, News, Nursery};
use crate::isolation::plan::Plan;
use crate::message::Failure;
use crossbeam_channel::{Receiver, Sender};
use std::sync::Arc;
use std::time::Instant;

/// What lanes and the nursery tell of worker processes.
pub(crate) enum Notice {
    /// One was started, with this process id.
    Born(u32),
    /// One could not be started.
    Unborn(Failure),
    /// A worker was used up: another is wanted in reserve.
    Wanted,
    /// A worker died before it could do anything.
    StillBorn(String),
    /// A worker started well.
    Started,
}

/// How many workers there are to be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Strength {
    /// One for each lane, at once.
    pub(crate) lanes: usize,
    /// In reserve, once the lanes have theirs: starting them earlier would only delay those.
    pub(crate) spares: usize,
}

/// Has worker processes started, as many as there should be.
pub(crate) struct Keeper {
    nursery: Nursery,
    limits: Limits,
    reserve: Reserve,
    intensity: Intensity,
    strength: Strength,
    spares: Option<Sender<Child>>,
    /// The lanes' end, to take back what no lane took.
    left: Receiver<Child>,
    orders: Vec<Order>,
    why: String,
    started: usize,
}

impl Keeper {
    pub(crate) fn new(
        plan: Plan,
        intensity: Intensity,
        strength: Strength,
        (notices, watch): (Sender<Told>, Arc<Watch>),
        (spares, left): (Sender<Child>, &Receiver<Child>),
    ) -> Result<Self, Failure> {
        let limits = plan.limits;
        let tell = move |news| {
            let notice = match news {
                News::Born(pid) => Notice::Born(pid),
                News::Failed(failure) => Notice::Unborn(failure),
            };
            notices.send(Told::Worker(notice)).ok();
        };
        let ask = move |start| watch.pass(Site::new(Point::Fork, start, 0));
        let mut keeper = Self {
            nursery: Nursery::open(plan, tell, ask)?,
            limits,
            reserve: Reserve::new(intensity),
            intensity,
            strength,
            spares: Some(spares),
            left: left.clone(),
            orders: Vec::new(),
            why: String::new(),
            started: 0,
        };
        for _ in 0..strength.lanes {
            keeper.tell(Event::Wanted);
        }
        Ok(keeper)
    }

    /// Where lanes order workers of their own, and leave the dead.
    pub(crate) fn desk(&self) -> Desk {
        self.nursery.desk().clone()
    }

    /// When [`Keeper::tick`] is due, if ever.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.reserve.deadline()
    }

    fn tell(&mut self, event: Event) {
        self.reserve.step(Instant::now(), event, &mut self.orders);
    }

    pub(crate) fn notice(&mut self, notice: Notice, watch: &Watch) {
        match notice {
            Notice::Born(pid) => watch.record(What::Spawned, 0, 0, 0, pid.into()),
            Notice::Unborn(failure) => {
                self.why = failure.what;
                self.tell(Event::StillBorn);
                self.tell(Event::Wanted);
            }
            Notice::Wanted => self.tell(Event::Wanted),
            Notice::StillBorn(words) => {
                self.why = words;
                self.tell(Event::StillBorn);
            }
            Notice::Started => {
                self.started += 1;
                self.tell(Event::Started);
                if self.started == self.strength.lanes {
                    for _ in 0..self.strength.spares {
                        self.tell(Event::Wanted);
                    }
                }
            }
        }
    }

    pub(crate) fn tick(&mut self) {
        self.tell(Event::Tick);
    }

    /// No more workers: whoever waits for one learns that none will come.
    pub(crate) fn close(&mut self) {
        self.spares = None;
    }

    /// Starts what is to be started.
    ///
    /// # Errors
    /// When workers cannot be started.
    pub(crate) fn act(&mut self) -> Result<(), Failure> {
        while let Some(order) = self.orders.pop() {
            let Some(spares) = &self.spares else { continue };
            match order {
                Order::GiveUp => return Err(self.gave_up()),
                Order::Spawn => self.nursery.desk().order(self.limits, spares.clone()),
            }
        }
        Ok(())
    }

    fn gave_up(&self) -> Failure {
        let Intensity { restarts, within, .. } = self.intensity;
        let seconds = within.as_secs();
        let why = if self.why.is_empty() { "they said nothing" } else { &self.why };
        Failure::engine(format!(
            "workers cannot start: more than {restarts} died within {seconds} s before their first \
             result. The last one: {why}"
        ))
    }
}

impl Drop for Keeper {
    /// Workers that no lane took are ended with the run.
    fn drop(&mut self) {
        self.spares = None;
        while self.left.try_recv().is_ok() {}
    }
}
