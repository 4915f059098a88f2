//! What the cases share: a pipeline whose parts are closures, and everything that is heard of it.

use crossbeam_channel::{Receiver, Sender, bounded};
use pipelines::acknowledger::{Heard, Ticket, listen};
use pipelines::engine::batcher::BatchInfo;
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::running::{Handle, Running};
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::{BatchHandler, Desk, Done, Fates, Handler};
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What takes longer hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Things heard that may wait.
const HEARD: usize = 100_000;

/// Both settings, by name.
pub(crate) fn both() -> [(&'static str, Settings); 2] {
    [("broadway", Settings::broadway()), ("okiagari", Settings::okiagari())]
}

type Act = dyn Fn(&i64, &mut Desk<'_>) -> Result<i64, Failure> + Send + Sync;

static ACTS: Mutex<BTreeMap<u64, Arc<Act>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A handler that does what a closure says. Its configuration, which could cross to another process, is
/// the closure's number.
pub(crate) struct Closure(Arc<Act>);

impl Handler for Closure {
    type Config = u64;
    type In = i64;
    type Out = i64;
    fn open(number: &u64) -> Result<Self, Failure> {
        Ok(Self(ACTS.lock().unwrap()[number].clone()))
    }
    fn handle(&mut self, input: &i64, desk: &mut Desk<'_>) -> Result<i64, Failure> {
        (self.0)(input, desk)
    }
}

/// A stage that does what `act` says.
pub(crate) fn stage(
    act: impl Fn(&i64, &mut Desk<'_>) -> Result<i64, Failure> + Send + Sync + 'static,
) -> Stage<Closure> {
    let number = NEXT.fetch_add(1, Ordering::SeqCst);
    ACTS.lock().unwrap().insert(number, Arc::new(act));
    Stage::new(number)
}

/// A stage that passes everything on.
pub(crate) fn pass() -> Stage<Closure> {
    stage(|n, _| Ok(*n))
}

type BatchAct =
    dyn Fn(&BatchInfo, &[Done<i64>], &mut Fates<'_>) -> Result<(), Failure> + Send + Sync;

/// A batch handler that does what a closure says.
pub(crate) struct BatchClosure(Arc<BatchAct>);

impl BatchHandler for BatchClosure {
    type Config = Arc<BatchAct>;
    type In = i64;
    fn open(act: &Self::Config) -> Result<Self, Failure> {
        Ok(Self(act.clone()))
    }
    fn handle(
        &mut self,
        info: &BatchInfo,
        batch: &[Done<i64>],
        fates: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        (self.0)(info, batch, fates)
    }
}

/// Batches that are handled as `act` says.
pub(crate) fn batch(
    act: impl Fn(&BatchInfo, &[Done<i64>], &mut Fates<'_>) -> Result<(), Failure>
    + Send
    + Sync
    + 'static,
) -> Batch<BatchClosure> {
    // As in Broadway: a second.
    Batch::new(Arc::new(act) as Arc<BatchAct>).within(Duration::from_secs(1))
}

/// A batch that was handled: which, and what was in it.
pub(crate) type Handled = (BatchInfo, Vec<i64>);

/// Batches that are told of.
pub(crate) fn told_batches() -> (Batch<BatchClosure>, Receiver<Handled>) {
    let (tell, told) = bounded(HEARD);
    let batch = batch(move |info, items, _| {
        tell.send((*info, items.iter().map(|done| done.out).collect())).unwrap();
        Ok(())
    });
    (batch, told)
}

/// A producer that gives nothing by itself: items are pushed.
pub(crate) struct Dummy;

impl Producer for Dummy {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        demand.wait(PATIENCE);
        Ok(Supply::Idle(Duration::ZERO))
    }
}

/// A pipeline without a source of its own; it can be restarted.
pub(crate) fn dummy() -> Pipeline<i64> {
    Pipeline::produced_by(1, |_: &Instance| Ok(Dummy))
}

/// A producer that counts from 0 to an end. Made anew, it begins anew, or where a cursor outside of it is.
pub(crate) struct Counter {
    next: Arc<AtomicU64>,
    end: u64,
    to: Ticket,
}

impl Producer for Counter {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        let from = self.next.load(Ordering::SeqCst);
        let to = self.end.min(from + demand.count() as u64);
        self.next.store(to, Ordering::SeqCst);
        let entry = |id| Entry::with_ticket(id, id as i64, self.to.clone());
        let items: Vec<_> = (from..to).map(entry).collect();
        Ok(if items.is_empty() { Supply::Drained } else { Supply::Items(items) })
    }
}

/// Numbers from 0 to `end` with `to` to acknowledge them; each life of the producer begins anew.
pub(crate) fn counting(end: u64, to: Ticket) -> Pipeline<i64> {
    Pipeline::produced_by(1, move |_: &Instance| {
        Ok(Counter { next: Arc::default(), end, to: to.clone() })
    })
}

/// The same, but the cursor outlives the producer.
pub(crate) fn counting_on(end: u64, to: Ticket) -> Pipeline<i64> {
    let next = Arc::<AtomicU64>::default();
    Pipeline::produced_by(1, move |_: &Instance| {
        Ok(Counter { next: next.clone(), end, to: to.clone() })
    })
}

/// A ticket, and what is heard by it.
pub(crate) fn ticket() -> (Ticket, Receiver<Heard>) {
    let (to, heard) = listen(HEARD);
    (Ticket::new(to, 0, 0), heard)
}

/// Everything that a pipeline tells of itself, in a channel.
pub(crate) fn observer() -> (impl Fn(&Event) + Send + Sync, Receiver<Event>) {
    let (tell, told) = bounded(HEARD);
    (move |event: &Event| drop(tell.try_send(event.clone())), told)
}

/// The next one, or the test fails.
pub(crate) fn next<T>(told: &Receiver<T>) -> T {
    told.recv_timeout(PATIENCE).expect("it comes")
}

/// The next event for which `find` has an answer; the others are dropped.
pub(crate) fn find<R>(told: &Receiver<Event>, mut find: impl FnMut(&Event) -> Option<R>) -> R {
    loop {
        if let Some(found) = find(&next(told)) {
            return found;
        }
    }
}

/// Waits until a process has ended; says how.
pub(crate) fn ended(told: &Receiver<Event>, whom: Process) -> Ending {
    find(told, |event| match event {
        Event::ProcessEnded { process, ending, .. } if *process == whom => Some(ending.clone()),
        _ => None,
    })
}

/// Waits until a process is started; says for the how many-th time.
pub(crate) fn started(told: &Receiver<Event>, whom: Process) -> u32 {
    find(told, |event| match event {
        Event::ProcessStarted { process, incarnation } if *process == whom => Some(*incarnation),
        _ => None,
    })
}

/// The life that a process is in.
pub(crate) fn life(handle: &Handle<i64>, process: Process) -> u32 {
    let topology = handle.topology();
    let member = topology.processes.iter().find(|member| member.process == process);
    member.expect("it is there").incarnation
}

/// Ids of what was acknowledged, as done and as failed.
pub(crate) fn ids(heard: &Heard) -> (Vec<ItemId>, Vec<ItemId>) {
    let ids = |acked: &[pipelines::acknowledger::Acked]| acked.iter().map(|a| a.item).collect();
    (ids(&heard.done), ids(&heard.failed))
}

/// Stops it, and checks that nothing is left.
pub(crate) fn stop(running: Running<i64>) {
    running.stop();
    let report = running.wait();
    assert_eq!((report.left.items(), report.failure), (0, None));
}

/// Where a handler stops until it is let go on: it says that it is there.
pub(crate) struct Barrier {
    here: Sender<i64>,
    go: Receiver<()>,
}

/// A barrier with its other side: who has come, and how to let one go on.
pub(crate) fn barrier() -> (Barrier, Receiver<i64>, Sender<()>) {
    let (here, came) = bounded(HEARD);
    let (let_go, go) = bounded(HEARD);
    (Barrier { here, go }, came, let_go)
}

impl Barrier {
    /// Waits to be let go on; whoever is told to go, or whose barrier is gone, goes on too.
    pub(crate) fn pass(&self, who: i64) {
        self.here.send(who).ok();
        self.go.recv_timeout(PATIENCE).ok();
    }
}

/// Longer than any test: what waits for it does not happen by itself.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

/// The stage does so many items at one go, if they are there together.
pub(crate) fn at_once(stage: Stage<Closure>, items: usize) -> Stage<Closure> {
    stage.max_demand(NonZeroUsize::new(items).expect("some")).min_demand(0)
}

/// Items to be pushed, each with its value as its id.
pub(crate) fn entries(items: impl IntoIterator<Item = i64>, to: &Ticket) -> Vec<Entry<i64>> {
    items.into_iter().map(|n| Entry::with_ticket(n as ItemId, n, to.clone())).collect()
}

/// The acks of so many items: of each, the ids that were done and those that failed.
pub(crate) fn hear(heard: &Receiver<Heard>, items: usize) -> Vec<(Vec<ItemId>, Vec<ItemId>)> {
    let (mut acks, mut count) = (Vec::new(), 0);
    while count < items {
        let ack = ids(&next(heard));
        count += ack.0.len() + ack.1.len();
        acks.push(ack);
    }
    acks
}
