//! Where a lane has its workers from, and where they go: one at a time, out of the crew's reserve.

use super::door::Door;
use super::worker::{Word, Worker};
use crate::black_box::What;
use crate::engine::hands::Fall;
use crate::engine::keeper::Notice;
use crate::engine::leave::Leave;
use crate::engine::supervisor::Notice as Told;
use crate::engine::watch::Watch;
use crate::isolation::bell::Bell;
use crate::isolation::child::Child;
use crate::isolation::frame::FRAME_BYTES_MAX;
use crate::isolation::limits::{Limits, Recycling};
use crate::isolation::line::Request;
use crate::isolation::nursery::Desk;
use crate::isolation::segment::Segment;
use crate::isolation::tuning;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use std::time::Duration;

/// What all lanes of a crew share.
pub(crate) struct Crew {
    pub(crate) spares: Receiver<Child>,
    pub(crate) notices: Sender<Told>,
    pub(crate) nursery: Desk,
    /// Where results are copied to.
    pub(crate) results: Arc<Segment>,
    pub(crate) deadline: Duration,
    pub(crate) start_deadline: Duration,
    /// Items are lent, and may be tried again.
    pub(crate) lease: bool,
    pub(crate) limits: Limits,
    pub(crate) recycling: Recycling,
    /// Where memory is so scarce that not all workers can have what they may.
    pub(crate) door: Option<Door>,
    pub(crate) same_core: bool,
    pub(crate) bell: Arc<Bell>,
}

/// A lane's worker, if it has one, and how it gets the next.
pub(super) struct Staff {
    lane: usize,
    crew: Arc<Crew>,
    worker: Option<Worker>,
    /// Workers that were used up since the last answer. They are replaced after the next one: to start a process
    /// takes a core away from whoever does the item again.
    used_up: usize,
    /// What the worker may have.
    memory_max_bytes: u64,
    /// It had a worker: the next one takes the place of that.
    served: bool,
}

impl Staff {
    pub(super) fn new(lane: usize, crew: Arc<Crew>) -> Self {
        let memory_max_bytes = crew.limits.memory_max_bytes;
        Self { lane, crew, worker: None, used_up: 0, memory_max_bytes, served: false }
    }

    /// Waits until there is memory for items of this need; says what there is at most when that is too little.
    pub(super) fn enter(&mut self, need: u64, leave: &Leave) -> Result<Option<u64>, Fall> {
        let crew = self.crew.clone();
        let Some(door) = &crew.door else { return Ok(None) };
        let entered = door.enter(self.lane, (need, self.memory_max_bytes), &crew.bell, leave);
        if door.has_put_down(self.lane)
            && let Some(worker) = self.worker.take()
        {
            self.retire(worker);
            self.used_up += 1;
        }
        entered
    }

    /// Sends a request to the worker in hand, or to one from the reserve.
    pub(super) fn send(
        &mut self,
        request: &Request,
        frame: &mut [u8; FRAME_BYTES_MAX],
        watch: &Watch,
    ) -> Result<Worker, Fall> {
        loop {
            let mut worker = self.worker(frame, watch)?;
            if worker.child.send(request) {
                return Ok(worker);
            }
            // It died with nothing in hand: no item is to blame, nor, if it has worked, the way it starts.
            if worker.items > 0 {
                self.crew.nursery.bury(worker.child);
                self.used_up += 1;
            } else {
                self.still_born(worker);
            }
        }
    }

    fn worker(&mut self, frame: &mut [u8; FRAME_BYTES_MAX], watch: &Watch) -> Result<Worker, Fall> {
        if let Some(worker) = self.worker.take() {
            return Ok(worker);
        }
        loop {
            let spare = self.crew.spares.try_recv();
            if self.served {
                watch.record(What::Acted, 0, 0, self.lane, 0);
            }
            let child = match spare {
                Ok(child) => child,
                Err(_) => {
                    self.replace();
                    self.crew.spares.recv().map_err(|_| Fall::Stopped)?
                }
            };
            if let Some(worker) = self.ready(child, frame, watch)? {
                self.served = true;
                self.tell(Notice::Started);
                return Ok(worker);
            }
        }
    }

    /// Waits until it is ready; `None` when it never will be.
    fn ready(
        &self,
        child: Child,
        frame: &mut [u8; FRAME_BYTES_MAX],
        watch: &Watch,
    ) -> Result<Option<Worker>, Fall> {
        let mut worker = Worker::new(child, self.crew.start_deadline, self.crew.deadline);
        match worker.attend(&self.crew.bell, frame, || false) {
            Word::Use => {
                let pid = worker.child.pid();
                if self.crew.same_core {
                    tuning::keep_to_core(pid, self.lane);
                }
                watch.record(What::Ready, 0, 0, self.lane, pid.into());
                if let Some(door) = &self.crew.door {
                    door.has_come(&worker);
                }
                Ok(Some(worker))
            }
            Word::Stopped => Err(Fall::Stopped),
            Word::Answer(_) | Word::Dead(_) => {
                self.still_born(worker);
                Ok(None)
            }
        }
    }

    fn still_born(&self, mut worker: Worker) {
        let words = worker.child.words();
        self.crew.nursery.bury(worker.child);
        self.tell(Notice::StillBorn(words));
        self.tell(Notice::Wanted);
    }

    fn replace(&mut self) {
        for _ in 0..std::mem::take(&mut self.used_up) {
            self.tell(Notice::Wanted);
        }
    }

    fn tell(&self, notice: Notice) {
        self.crew.notices.send(Told::Worker(notice)).ok();
    }

    /// It did what it was asked for, and is kept for the next request unless it is worn.
    pub(super) fn rest(&mut self, mut worker: Worker) {
        if worker.is_worn(self.crew.recycling) {
            self.retire(worker);
            self.used_up += 1;
            self.is_gone();
        } else {
            if let Some(door) = &self.crew.door {
                door.rest(self.lane, &mut worker);
            }
            self.worker = Some(worker);
        }
        self.replace();
    }

    /// It died over an item.
    pub(super) fn lose(&mut self, worker: Worker) {
        self.crew.nursery.bury(worker.child);
        self.used_up += 1;
        self.is_gone();
    }

    fn is_gone(&self) {
        if let Some(door) = &self.crew.door {
            door.is_gone(self.lane);
        }
    }

    fn retire(&self, worker: Worker) {
        worker.child.kill();
        self.crew.nursery.bury(worker.child);
    }

    /// Takes a worker of its own for an item for which the memory did not suffice; false when none could be had.
    pub(super) fn with_twice_the_memory(&mut self, watch: &Watch) -> Result<bool, Fall> {
        watch.record(What::Acted, 0, 0, self.lane, 0);
        let (to, born) = bounded(1);
        let memory_max_bytes = self.crew.limits.memory_max_bytes.saturating_mul(2);
        self.crew.nursery.order(Limits { memory_max_bytes, ..self.crew.limits }, to);
        let Ok(child) = born.recv() else { return Ok(false) };
        self.worker = self.ready(child, &mut [0; FRAME_BYTES_MAX], watch)?;
        if self.worker.is_some() {
            self.memory_max_bytes = memory_max_bytes;
        }
        Ok(self.worker.is_some())
    }

    /// From now on workers have what all have; the one that may have twice as much goes.
    pub(super) fn as_usual(&mut self) {
        self.memory_max_bytes = self.crew.limits.memory_max_bytes;
        if let Some(worker) = self.worker.take() {
            self.retire(worker);
            self.is_gone();
        }
    }
}

impl Drop for Staff {
    fn drop(&mut self) {
        // Its memory counts until it is gone.
        self.worker = None;
        self.is_gone();
    }
}
