//! What the threads of one run share, and the life of each.

use super::acker::Acker;
use super::books::Books;
use super::crew::Lane;
use super::dock;
use super::event::{Ending, Event as Told, Observer};
use super::feeder::{Feeder, Post};
use super::gate::Gate;
use super::hands::Hands;
use super::judge::Decide;
use super::leave::{Leave, Told as Word};
use super::ledger::{Event, Holder, Ledger, Order};
use super::outlet::{Account, Outlet, Settled, Shift};
use super::roster::Roster;
use super::service::Service;
use super::settings::Settings;
use super::supervisor::Notice;
use super::tree::shapes::Process;
use super::watch::{Aside, Watch};
use super::well::Dig;
use crate::fault::{Fault, Site};
use crate::handler::{Done, Handler};
use crate::message::Failure;
use crate::pipeline::Partition;
use crate::producer::Entry;
use crossbeam_channel::Sender;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

/// Makes a lane's hands, in the lane's own thread.
pub(crate) type MakeHands<H> = Box<dyn Fn(usize) -> Box<dyn Hands<H>> + Send + Sync>;

/// Items, and the lane that they are for, if that is not all the same.
pub(crate) type Parted<T> = (Option<usize>, Vec<Entry<T>>);

/// Everything that the threads of a run share.
pub(crate) struct Shared<H: Handler> {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) books: Arc<Books<H::In>>,
    pub(crate) outlets: Vec<Outlet<H::Out>>,
    pub(crate) posts: Vec<Post<H::In>>,
    pub(crate) dig: Dig<H::In>,
    /// It can be dug more than once.
    pub(crate) redig: bool,
    pub(crate) gate: Option<Gate<H::In>>,
    pub(crate) services: Vec<Service>,
    pub(crate) lanes: usize,
    /// Items that a lane does at one go.
    pub(crate) chunk: usize,
    /// The same of quick ones, if that is more.
    pub(crate) together: usize,
    pub(crate) partition: Option<Partition<H::In>>,
    pub(crate) hands: MakeHands<H>,
    pub(crate) decide: Option<Box<Decide<H::In, H::Out>>>,
    pub(crate) aside: Box<Aside<H::In>>,
    pub(crate) watch: Arc<Watch>,
    pub(crate) notices: Sender<Notice>,
    pub(crate) observer: Observer,
    pub(crate) roster: Roster,
    /// Ends every wait for a slot for results.
    pub(crate) close_results: Box<dyn Fn() + Send + Sync>,
}

impl<H: Handler> Shared<H> {
    pub(crate) fn acker(&self) -> Acker {
        Acker::new(self.observer.clone(), self.settings.as_the_original)
    }

    /// Ends the run. The first reason is kept.
    pub(crate) fn stop(&self, failure: Failure) {
        self.books.stop(failure);
        (self.close_results)();
        self.posts.iter().for_each(Post::close);
        self.roster.tell_all(Word::Leave, |_| true);
        self.wake_all();
    }

    /// Everybody who waits looks up: somebody was told something.
    pub(crate) fn wake_all(&self) {
        self.books.wake_all();
        self.outlets.iter().for_each(Outlet::wake_all);
    }

    /// A lane passes a point; what strikes the supervisor there is sent to it.
    pub(crate) fn pass(&self, site: Site) {
        if self.watch.pass(site) == Some(Fault::SupervisorPanic) {
            self.notices.send(Notice::Panic).ok();
        }
    }

    pub(crate) fn lost(&self, process: Process, items: usize) {
        self.observer.tell(|| Told::Lost { process, items });
    }

    pub(crate) fn returned(&self, process: Process, items: usize) {
        self.observer.tell(|| Told::Returned { process, items });
    }

    /// Items that cannot be made into what the stage takes, or of which nobody knows where they go.
    pub(crate) fn unmade(&self, failed: Vec<Entry<Failure>>) {
        if failed.is_empty() {
            return;
        }
        self.books.step(Event::Unmade(failed.len()));
        let mut acker = self.acker();
        for Entry { id, item, ticket, .. } in failed {
            acker.add(&ticket, id, Some(item));
        }
        acker.tell();
    }

    /// Items from a producer go into the ledger, each partition's to its lane. When they are fewer than
    /// it was asked for, it has no more now.
    pub(crate) fn hand_in(&self, producer: usize, mut promised: usize, items: Vec<Entry<H::In>>) {
        let (lists, unplaced) = self.parted(items);
        self.unmade(unplaced);
        for (lane, items) in lists.into_iter().filter(|(_, items)| !items.is_empty()) {
            let answered = promised.min(items.len());
            promised -= answered;
            let taken = Event::Taken { producer, lane, promised: answered, items };
            for order in self.books.step(taken) {
                if let Order::Lost(items) = order {
                    self.lost(Process::Producer(producer), items);
                }
            }
        }
        if promised > 0 {
            self.books.step(Event::Taken { producer, lane: None, promised, items: vec![] });
        }
    }

    /// Items by the lane that they are for, and those over which the partition's function panicked. In
    /// Broadway that is the end of whoever asks.
    pub(crate) fn parted(
        &self,
        items: Vec<Entry<H::In>>,
    ) -> (Vec<Parted<H::In>>, Vec<Entry<Failure>>) {
        let Some(partition) = &self.partition else { return (vec![(None, items)], vec![]) };
        let mut lists: Vec<Vec<_>> = (0..self.lanes).map(|_| Vec::new()).collect();
        let mut unplaced = Vec::new();
        for entry in items {
            match catch_unwind(AssertUnwindSafe(|| partition(&entry.item))) {
                Ok(number) => lists[(number % self.lanes as u64) as usize].push(entry),
                Err(payload) if self.settings.as_the_original => resume_unwind(payload),
                Err(payload) => {
                    let Entry { id, ticket, route, .. } = entry;
                    let item = Failure::item(super::words(&*payload));
                    unplaced.push(Entry { id, item, ticket, route });
                }
            }
        }
        let lists = lists.into_iter().enumerate().filter(|(_, list)| !list.is_empty());
        (lists.map(|(lane, list)| (Some(lane), list)).collect(), unplaced)
    }

    /// One life of a process that is a thread.
    pub(crate) fn live(
        &self,
        process: Process,
        incarnation: u32,
        leave: &Leave,
        started: &dyn Fn(),
    ) -> Ending {
        match process {
            Process::Producer(index) => {
                Feeder { shared: self, index, incarnation, leave }.run(started)
            }
            Process::Processor(lane) => {
                let mut hands = (self.hands)(lane);
                let holder = Holder { lane, incarnation };
                Lane::new(self, holder, leave).run(&mut *hands, started)
            }
            Process::BatchProcessor { batcher, index } => {
                let outlet = &self.outlets[batcher];
                let reroute = |done: Done<H::Out>| self.reroute(done);
                let (account, reroute) = (self as &dyn Account, &reroute as _);
                let shift = Shift { outlet, index, incarnation, account, leave, reroute };
                (outlet.serve)(&shift, started)
            }
            Process::Service(index) => {
                let mut here = super::service::Here { leave, started };
                self.services[index].run(&mut here)
            }
            Process::Batcher(_) | Process::RateLimiter | Process::Terminator => Ending::Finished,
        }
    }

    fn reroute(&self, done: Done<H::Out>) {
        match self.outlets.get(usize::from(done.route.batcher)) {
            Some(outlet) => drop(outlet.step(dock::Event::Put(vec![done]))),
            None => {
                let why = Failure::item("it was sent on to a batcher that is not there");
                let mut acker = self.acker();
                acker.add(&done.ticket, done.item, Some(why));
                acker.tell();
                self.settle(Settled::Spoiled(1));
            }
        }
    }

    /// A life is over: what it held is taken from it.
    pub(crate) fn bury(&self, process: Process, incarnation: u32, ending: &Ending) {
        match process {
            Process::Producer(producer) if *ending != Ending::Finished => {
                self.follow(process, self.books.step(Event::ProducerDied { producer }));
            }
            Process::Processor(lane) => {
                let holder = Holder { lane, incarnation };
                self.follow(process, self.books.step(Event::Left(holder)));
                for outlet in self.outlets.iter().filter(|_| *ending != Ending::Finished) {
                    self.follow_dock(process, outlet.step(dock::Event::BringerDied));
                }
            }
            Process::BatchProcessor { batcher, index } => {
                let holder = dock::Holder { worker: index, incarnation };
                self.follow_dock(process, self.outlets[batcher].step(dock::Event::Left(holder)));
            }
            Process::Batcher(batcher) => {
                let event = dock::Event::BatcherDied;
                self.follow_dock(process, self.outlets[batcher].step(event));
            }
            _ => {}
        }
    }

    /// A life is given up at the end of the run: what it holds stays where it is, to be reported, and what
    /// it still brings is refused.
    pub(crate) fn forsake(&self, process: Process, incarnation: u32) {
        match process {
            Process::Processor(lane) => {
                self.books.step(Event::Forsaken(Holder { lane, incarnation }));
            }
            Process::BatchProcessor { batcher, index } => {
                let holder = dock::Holder { worker: index, incarnation };
                self.outlets[batcher].step(dock::Event::Forsaken(holder));
            }
            _ => self.bury(process, incarnation, &Ending::Abandoned),
        }
    }

    fn follow(&self, process: Process, orders: Vec<Order<H::In>>) {
        for order in orders {
            match order {
                Order::Lost(items) => self.lost(process, items),
                Order::Returned(items) => self.returned(process, items),
                _ => {}
            }
        }
    }

    pub(crate) fn follow_dock(&self, process: Process, orders: Vec<dock::Order<H::Out>>) {
        for order in orders {
            match order {
                dock::Order::Lost(items) => {
                    self.books.step(Event::Lost(items));
                    self.lost(process, items);
                }
                dock::Order::Returned(items) => self.returned(process, items),
                _ => {}
            }
        }
    }
}

impl<H: Handler> Account for Shared<H> {
    fn settle(&self, settled: Settled) {
        self.books.step(match settled {
            Settled::Acked(items) => Event::Acked(items),
            Settled::Spoiled(items) => Event::Spoiled(items),
            Settled::Lost(items) => Event::Lost(items),
        });
        if self.outlets.len() > 1 && !self.may_send_more() {
            self.outlets.iter().for_each(Outlet::wake_all);
        }
    }
    fn stop(&self, failure: Failure) {
        Shared::stop(self, failure);
    }
    fn is_stopped(&self) -> bool {
        self.books.is_stopped()
    }
    fn may_send_more(&self) -> bool {
        self.outlets.len() > 1 && self.books.look(Ledger::accepted) > 0
    }
    fn observer(&self) -> &Observer {
        &self.observer
    }
    fn acker(&self) -> Acker {
        Shared::acker(self)
    }
    fn watch(&self) -> &Watch {
        &self.watch
    }
}
