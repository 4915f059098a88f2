//! The one thread that starts threads and worker processes. It only receives, and never waits for what
//! it supervises; what is to be done it asks the [`Tree`].

use super::dock;
use super::event::{DrainPhase, Ending, Event as Told};
use super::keeper::{Keeper, Notice as WorkerNotice};
use super::leave::Told as Word;
use super::ledger::Event as Entry;
use super::run::Shared;
use super::spare::Spares;
use super::tree::shapes::{Numbering, Process};
use super::tree::{End, Event, Leaf, Order, Tree};
use crate::black_box::What;
use crate::handler::Handler;
use crate::message::Failure;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// What the supervisor is told.
pub(crate) enum Notice {
    /// A process is up.
    Started(Process, u32),
    /// A process ended.
    Ended(Process, u32, Ending),
    /// A process that is no thread was killed.
    Kill(Process),
    /// A supervisor was killed.
    KillTree(String),
    /// The run is to drain, and end.
    Stop,
    /// A fault: the supervisor panics.
    Panic,
    /// Something about worker processes.
    Worker(WorkerNotice),
}

pub(crate) struct Supervisor<H: Handler> {
    pub(crate) shared: Arc<Shared<H>>,
    pub(crate) tree: Tree,
    pub(crate) numbering: Numbering,
    pub(crate) keeper: Option<Keeper>,
    pub(crate) notices: Sender<Notice>,
    pub(crate) noticed: Receiver<Notice>,
    pub(crate) orders: Vec<Order>,
    pub(crate) drain: Drain,
    pub(crate) spares: Spares,
    /// The last words of who could not start, or died.
    pub(crate) why: String,
}

/// How the end of a run comes along.
#[derive(Default)]
pub(crate) struct Drain {
    /// All of the tree has been up, the terminator too.
    up: bool,
    /// Since it was asked for, until when it may take.
    until: Option<Instant>,
    /// The batchers know that there will be no more.
    closed: bool,
    /// Everything is settled.
    done: bool,
    /// The tree is on its way down.
    stopping: bool,
    /// The deadline passed before everything was settled, and it is one for all: not so in Broadway.
    late: bool,
    /// The terminator waits for the drain.
    terminator: Option<u32>,
}

impl<H: Handler> Supervisor<H> {
    /// Until the tree is down; says how that came.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        self.tell(Event::Start);
        loop {
            if let Some(end) = self.obey() {
                return self.end(end);
            }
            if !self.drain.up && self.tree.running(self.leaf(Process::Terminator)) {
                self.drain.up = true;
                self.shared.observer.tell(|| Told::Started);
                if self.shared.settings.as_the_original && self.drain.until.is_some() {
                    self.stop_tree();
                    continue;
                }
            }
            match self.notice() {
                Ok(notice) => self.receive(notice),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Err(RecvTimeoutError::Disconnected) => unreachable!("it holds a sender itself"),
            }
            self.look_for_the_end();
        }
    }

    fn notice(&self) -> Result<Notice, RecvTimeoutError> {
        let keeper = self.keeper.as_ref().and_then(Keeper::deadline);
        let drain = self.drain.until.filter(|_| !self.drain.stopping);
        match [self.tree.deadline(), keeper, drain, self.spares.due()].into_iter().flatten().min() {
            Some(due) => self.noticed.recv_deadline(due),
            None => self.noticed.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn tell(&mut self, event: Event) {
        self.tree.step(Instant::now(), event, &mut self.orders);
    }

    fn leaf(&self, process: Process) -> Leaf {
        self.numbering.leaf(process).expect("every process has a leaf")
    }

    fn receive(&mut self, notice: Notice) {
        match notice {
            Notice::Started(process, incarnation) => {
                self.tell(Event::Started { leaf: self.leaf(process), incarnation });
            }
            Notice::Ended(process, incarnation, ending) => self.ended(process, incarnation, ending),
            Notice::Kill(process) => self.kill(process),
            Notice::KillTree(tree) => self.tell(Event::Kill { tree }),
            Notice::Stop => self.stop(),
            Notice::Panic => panic!("injected panic of the supervisor"),
            Notice::Worker(notice) => {
                if let Some(keeper) = &mut self.keeper {
                    keeper.notice(notice, &self.shared.watch);
                }
            }
        }
    }

    fn tick(&mut self) {
        self.tell(Event::Tick);
        self.spares.keep();
        if let Some(keeper) = &mut self.keeper {
            keeper.tick();
        }
        if !self.drain.stopping && self.drain.until.is_some_and(|until| until <= Instant::now()) {
            self.shared.observer.tell(|| Told::Drain(DrainPhase::Late));
            self.drain.late = !self.shared.settings.as_the_original;
            self.stop_tree();
        }
    }

    /// A thread is gone. One that had nothing left to do is still there, for the tree.
    fn ended(&mut self, process: Process, incarnation: u32, ending: Ending) {
        let finished = ending == Ending::Finished;
        let Some(past) = self.shared.roster.end(process, incarnation, finished) else { return };
        let e = ending.clone();
        self.shared.observer.tell(|| Told::ProcessEnded { process, incarnation, ending: e });
        let leaf = self.leaf(process);
        if finished {
            if past.told >= Word::Leave {
                self.tell(Event::Exited { leaf, incarnation, normal: true });
            }
            return;
        }
        if let Ending::NotStarted(words) | Ending::Panicked(words) = &ending {
            self.why = format!("{process}: {words}");
        }
        // Whoever drains has nobody to follow it.
        if let (Process::Producer(producer), true) = (process, self.drain.stopping) {
            self.shared.books.step(Entry::Drained { producer });
        }
        let mended = !self.shared.settings.as_the_original;
        // What panics there is a callback or ourselves: users' own code is caught before.
        let ours = matches!(process, Process::Processor(_) | Process::BatchProcessor { .. });
        if mended && ours && matches!(ending, Ending::Panicked(_)) {
            self.shared.stop(Failure::engine(format!("a callback panicked in {}", self.why)));
        }
        self.tell(match ending {
            Ending::NotStarted(_) => Event::StartFailed { leaf, incarnation },
            // A death that holds an item is limited by that item's attempts, and who has done something
            // can start: neither is what a budget is there to find.
            _ if mended && (ending == Ending::Fell || past.proven) => {
                Event::Excused { leaf, incarnation }
            }
            _ => Event::Exited { leaf, incarnation, normal: false },
        });
    }

    /// Processes that are no threads die at once.
    fn kill(&mut self, process: Process) {
        let members = self.shared.roster.members();
        let Some(member) = members.iter().find(|m| m.process == process && m.is_alive) else {
            return;
        };
        let incarnation = member.incarnation;
        self.shared.bury(process, incarnation, &Ending::Killed);
        self.ended(process, incarnation, Ending::Killed);
    }

    fn stop(&mut self) {
        if self.drain.until.is_some() {
            return;
        }
        self.drain.until = Some(Instant::now() + self.shared.settings.shutdown);
        if !self.shared.settings.as_the_original {
            self.begin_drain();
        } else if self.drain.up {
            self.stop_tree();
        }
        // Else it waits for the terminator, which drains.
    }

    fn begin_drain(&self) {
        self.shared.observer.tell(|| Told::Drain(DrainPhase::Producers));
        self.shared.roster.tell_all(Word::Drain, |p| matches!(p, Process::Producer(_)));
        self.shared.wake_all();
    }

    fn stop_tree(&mut self) {
        if !self.drain.stopping {
            self.drain.stopping = true;
            if let Some(keeper) = &mut self.keeper {
                keeper.close();
            }
            self.tell(Event::Stop);
        }
    }

    /// Everything that is to be done now. The end of the tree, if it came.
    fn obey(&mut self) -> Option<End> {
        loop {
            if self.shared.books.is_stopped() {
                self.stop_tree();
            } else if let Some(keeper) = &mut self.keeper
                && let Err(failure) = keeper.act()
            {
                self.shared.stop(failure);
                continue;
            }
            if self.orders.is_empty() {
                return None;
            }
            for order in std::mem::take(&mut self.orders) {
                match order {
                    Order::Start { leaf, incarnation } => self.start(leaf, incarnation),
                    Order::Stop { leaf, incarnation } => self.ask_to_leave(leaf, incarnation),
                    Order::Abandon { leaf, incarnation } => self.abandon(leaf, incarnation),
                    Order::Ended(end) => return Some(end),
                }
            }
        }
    }

    fn process(&self, leaf: Leaf) -> Process {
        self.numbering.process(leaf).expect("every leaf is a process")
    }

    fn start(&mut self, leaf: Leaf, incarnation: u32) {
        let process = self.process(leaf);
        let leave = self.shared.roster.enter(process, incarnation);
        self.shared.observer.tell(|| Told::ProcessStarted { process, incarnation });
        match process {
            Process::Batcher(batcher) => {
                let event = dock::Event::BatcherStarted;
                let orders = self.shared.outlets[batcher].step(event);
                self.shared.follow_dock(process, orders);
            }
            Process::RateLimiter => {
                if let Some(gate) = self.shared.gate.as_ref().filter(|_| incarnation > 1) {
                    gate.restart();
                }
            }
            Process::Terminator => {}
            _ => return self.launch(process, incarnation, leave),
        }
        self.tell(Event::Started { leaf, incarnation });
    }

    fn launch(&mut self, process: Process, incarnation: u32, leave: Arc<super::leave::Leave>) {
        if let (Process::Processor(lane), 2..) = (process, incarnation) {
            self.shared.watch.record(What::Acted, 0, 0, lane, 0);
        }
        let (shared, notices) = (self.shared.clone(), self.notices.clone());
        let life = move || {
            let started = || drop(notices.send(Notice::Started(process, incarnation)));
            let live = || shared.live(process, incarnation, &leave, &started);
            let ending = catch_unwind(AssertUnwindSafe(live))
                .unwrap_or_else(|payload| Ending::Panicked(super::words(&*payload)));
            shared.bury(process, incarnation, &ending);
            drop(shared);
            notices.send(Notice::Ended(process, incarnation, ending)).ok();
        };
        let launched = match process {
            Process::Processor(_) => self.spares.launch(process, Box::new(life)),
            _ => std::thread::Builder::new().name(process.to_string()).spawn(life).map(drop),
        };
        if let Err(error) = launched {
            let why = format!("the thread could not be started: {error}");
            self.ended(process, incarnation, Ending::NotStarted(why));
        }
    }

    fn ask_to_leave(&mut self, leaf: Leaf, incarnation: u32) {
        let process = self.process(leaf);
        let passive =
            matches!(process, Process::Batcher(_) | Process::RateLimiter | Process::Terminator);
        if process == Process::Terminator && self.drain.stopping && !self.is_over() {
            self.drain.terminator = Some(incarnation);
            return self.begin_drain();
        }
        if passive {
            self.shared.bury(process, incarnation, &Ending::Left);
        }
        if passive || !self.shared.roster.tell(process, Word::Leave) {
            self.shared.roster.end(process, incarnation, false);
            return self.tell(Event::Exited { leaf, incarnation, normal: true });
        }
        if let Process::Producer(producer) = process {
            self.shared.posts[producer].close();
        }
        self.shared.wake_all();
        // One deadline for all, and it has passed.
        if self.drain.late {
            self.abandon(leaf, incarnation);
            self.tell(Event::Exited { leaf, incarnation, normal: true });
        }
    }

    /// Nothing is left to be drained, or it makes no sense to wait for it.
    fn is_over(&self) -> bool {
        self.drain.done || self.shared.books.is_stopped() || !self.shared.settings.as_the_original
    }

    fn abandon(&mut self, leaf: Leaf, incarnation: u32) {
        let process = self.process(leaf);
        if process == Process::Terminator {
            self.drain.terminator = None;
        }
        // It may still look up one day.
        self.shared.roster.tell(process, Word::Die);
        if self.shared.roster.end(process, incarnation, false).is_some() {
            if self.drain.late {
                self.shared.forsake(process, incarnation);
            } else {
                self.shared.bury(process, incarnation, &Ending::Abandoned);
            }
            let ending = Ending::Abandoned;
            self.shared.observer.tell(|| Told::ProcessEnded { process, incarnation, ending });
        }
    }

    /// Lanes that have nothing left to do close the batchers; batch workers that have nothing left to do
    /// end the run.
    fn look_for_the_end(&mut self) {
        let roster = &self.shared.roster;
        let finished = |process| roster.is_finished(process);
        if self.drain.done || !(0..self.shared.lanes).map(Process::Processor).all(finished) {
            return;
        }
        if !self.drain.closed {
            self.drain.closed = true;
            for outlet in &self.shared.outlets {
                outlet.step(dock::Event::Closed);
            }
        }
        let mut workers = self.shared.outlets.iter().enumerate().flat_map(|(batcher, outlet)| {
            (0..outlet.workers).map(move |index| Process::BatchProcessor { batcher, index })
        });
        if workers.all(finished) {
            self.drain.done = true;
            self.shared.observer.tell(|| Told::Drain(DrainPhase::Done));
            match self.drain.terminator.take() {
                Some(incarnation) => {
                    let leaf = self.leaf(Process::Terminator);
                    self.shared.roster.end(Process::Terminator, incarnation, true);
                    self.tell(Event::Exited { leaf, incarnation, normal: true });
                }
                None => self.stop_tree(),
            }
        }
    }

    fn end(self, end: End) -> Result<(), Failure> {
        let books = &self.shared.books;
        if let Some(failure) = books.failure() {
            return Err(failure);
        }
        let why = if self.why.is_empty() { String::new() } else { format!(" ({})", self.why) };
        Err(match end {
            End::Stopped => return Ok(()),
            End::GaveUp { tree, leaf } => {
                self.shared.observer.tell(|| Told::GaveUp { tree: tree.clone() });
                let leaf = leaf.and_then(|leaf| self.numbering.process(leaf));
                let leaf = leaf.map_or("its children".to_owned(), |process| process.to_string());
                Failure::engine(format!(
                    "the supervisor of the {tree} gave up on {leaf}, which died more often than it may{why}"
                ))
            }
            End::Killed => Failure::engine("the pipeline's supervisor was killed"),
            End::StartFailed { leaf } => {
                Failure::engine(format!("{} could not start{why}", self.process(leaf)))
            }
        })
    }
}
