//! A batcher and its batch workers among threads: where finished items leave.

use super::acker::Acker;
use super::batcher::Batcher;
use super::dock::{Dock, Event, Holder, Order, Pack};
use super::event::{Ending, Event as Told, Observer};
use super::judge::{Decide, Decision, Failed};
use super::leave::{Killed, Leave, Told as Word};
use super::ledger::Delivery;
use super::tree::shapes::Process;
use super::watch::Watch;
use crate::black_box::What;
use crate::handler::{BatchHandler, Done, Fates};
use crate::message::{Blame, Death, Failure};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What became of accepted items.
pub(crate) enum Settled {
    Acked(usize),
    Spoiled(usize),
    Lost(usize),
}

/// What a batch worker needs of the run, whatever the run's items are.
pub(crate) trait Account: Sync {
    fn settle(&self, settled: Settled);
    fn stop(&self, failure: Failure);
    fn is_stopped(&self) -> bool;
    /// Another outlet still has items, and may send one on to here.
    fn may_send_more(&self) -> bool;
    fn observer(&self) -> &Observer;
    fn acker(&self) -> Acker;
    fn watch(&self) -> &Watch;
}

/// Puts an item that failed here into another outlet.
pub(crate) type Reroute<'a, T> = &'a dyn Fn(Done<T>);

/// One life of a batch worker.
pub(crate) struct Shift<'a, T> {
    pub(crate) outlet: &'a Outlet<T>,
    pub(crate) index: usize,
    pub(crate) incarnation: u32,
    pub(crate) account: &'a dyn Account,
    pub(crate) leave: &'a Leave,
    pub(crate) reroute: Reroute<'a, T>,
}

/// Runs a batch handler of any type for one life.
pub(crate) type Serve<T> = Box<dyn Fn(&Shift<'_, T>, &dyn Fn()) -> Ending + Send + Sync>;

struct Inner<T> {
    dock: Dock<T>,
    workers_waiting: usize,
    lanes_waiting: usize,
}

/// A dock, and who waits for it.
pub(crate) struct Outlet<T> {
    pub(crate) number: usize,
    pub(crate) workers: usize,
    pub(crate) serve: Serve<T>,
    within: Duration,
    inner: Mutex<Inner<T>>,
    batches: Condvar,
    room: Condvar,
}

/// How an outlet is set up.
pub(crate) struct Fitting<T> {
    pub(crate) workers: usize,
    pub(crate) within: Duration,
    pub(crate) partitioned: bool,
    pub(crate) batcher: Batcher<Done<T>>,
    pub(crate) serve: Serve<T>,
}

impl<T> Outlet<T> {
    pub(crate) fn new(number: usize, delivery: Delivery, fitting: Fitting<T>) -> Self {
        let Fitting { workers, within, partitioned, batcher, serve } = fitting;
        let dock = Dock::new(delivery, batcher, workers, partitioned);
        let inner = Inner { dock, workers_waiting: 0, lanes_waiting: 0 };
        let (batches, room) = (Condvar::new(), Condvar::new());
        Self { number, workers, serve, within, inner: Mutex::new(inner), batches, room }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the dock, and wakes whom it may concern.
    pub(crate) fn step(&self, event: Event<T>) -> Vec<Order<T>> {
        let mut orders = Vec::new();
        let mut inner = self.lock();
        inner.dock.step(Instant::now(), event, &mut orders);
        self.wake(inner);
        orders
    }

    fn wake(&self, inner: MutexGuard<'_, Inner<T>>) {
        let workers = inner.workers_waiting > 0 && inner.dock.can_answer();
        let lanes = inner.lanes_waiting > 0 && !inner.dock.is_full();
        drop(inner);
        if workers {
            self.batches.notify_all();
        }
        if lanes {
            self.room.notify_all();
        }
    }

    /// Items that are here, and items in the hands of batch workers.
    pub(crate) fn held(&self) -> (usize, usize) {
        self.lock().dock.held()
    }

    /// Items in the hands of one batch worker.
    pub(crate) fn owed(&self, worker: usize) -> usize {
        self.lock().dock.owed(worker)
    }

    /// Hands items over; from then on they are here. Then waits until there is room for more.
    pub(crate) fn put(&self, items: Vec<Done<T>>, leave: &Leave, account: &dyn Account) {
        for order in self.step(Event::Put(items)) {
            if let Order::Lost(items) = order {
                account.settle(Settled::Lost(items));
            }
        }
        let mut inner = self.lock();
        while inner.dock.is_full() && leave.told() < Word::Leave && !account.is_stopped() {
            inner.lanes_waiting += 1;
            inner = self.room.wait(inner).unwrap_or_else(PoisonError::into_inner);
            inner.lanes_waiting -= 1;
        }
    }

    /// The next batch, waiting for one.
    fn take(&self, holder: Holder, shift: &Shift<'_, T>) -> Result<Arc<Pack<T>>, Ending> {
        let mut orders = Vec::with_capacity(1);
        let mut inner = self.lock();
        loop {
            match shift.leave.told() {
                Word::Die => return Err(Ending::Killed),
                Word::Leave => return Err(Ending::Left),
                _ if shift.account.is_stopped() => return Err(Ending::Left),
                _ => {}
            }
            let now = Instant::now();
            inner.dock.step(now, Event::Tick, &mut orders);
            inner.dock.step(now, Event::Asked(holder), &mut orders);
            let answer = orders.pop();
            let lost = orders.drain(..).map(|o| if let Order::Lost(n) = o { n } else { 0 });
            let lost: usize = lost.sum();
            if lost > 0 {
                // The account may wake everybody here, and so wants the lock.
                drop(inner);
                shift.account.settle(Settled::Lost(lost));
                inner = self.lock();
            }
            match answer {
                Some(Order::Lend(pack)) => {
                    self.wake(inner);
                    return Ok(pack);
                }
                Some(Order::Dismiss) if !shift.account.may_send_more() => {
                    return Err(Ending::Finished);
                }
                Some(Order::Refuse) => return Err(Ending::Abandoned),
                _ if lost > 0 => continue,
                _ => {}
            }
            // There may be room now: what waited for its batcher has come in.
            if inner.lanes_waiting > 0 && !inner.dock.is_full() {
                self.room.notify_all();
            }
            // A batch that is begun while this one waits is due no earlier than this.
            let due = inner.dock.deadline().unwrap_or(now + self.within);
            inner.workers_waiting += 1;
            let waited = self.batches.wait_timeout(inner, due.saturating_duration_since(now));
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
            inner.workers_waiting -= 1;
        }
    }

    /// Everybody who waits looks up: somebody was told something.
    pub(crate) fn wake_all(&self) {
        let _inner = self.lock();
        self.batches.notify_all();
        self.room.notify_all();
    }
}

/// One life of a batch worker.
pub(crate) fn serve<B: BatchHandler>(
    config: &B::Config,
    decide: Option<&Decide<B::In, ()>>,
    shift: &Shift<'_, B::In>,
    started: &dyn Fn(),
) -> Ending {
    let Shift { outlet, account, index, incarnation, .. } = *shift;
    let open = || match catch_unwind(AssertUnwindSafe(|| B::open(config))) {
        Ok(result) => result,
        Err(payload) => Err(Failure::engine(super::words(&*payload))),
    };
    let mut handler = match open() {
        Ok(handler) => handler,
        Err(failure) => {
            account.stop(failure);
            return Ending::Left;
        }
    };
    started();
    let holder = Holder { worker: index, incarnation };
    let mut acker = account.acker();
    outlet.step(Event::Joined(holder));
    loop {
        let pack = match outlet.take(holder, shift) {
            Ok(pack) => pack,
            Err(ending) => return ending,
        };
        let Ok(fates) = handle(&mut handler, &pack, shift) else { return Ending::Killed };
        // The handler's state is not to be trusted after a panic.
        if fates.panicked {
            match open() {
                Ok(fresh) => handler = fresh,
                Err(failure) => account.stop(failure),
            }
        }
        if account.is_stopped() {
            return Ending::Left;
        }
        if shift.leave.is_killed() {
            return Ending::Killed;
        }
        if matches!(outlet.step(Event::Handled(holder)).pop(), Some(Order::Refuse)) {
            return Ending::Abandoned;
        }
        shift.leave.prove();
        settle(pack, fates, decide, shift, &mut acker);
    }
}

/// What a batch handler made of a batch.
struct Made {
    failed: Vec<(usize, Failure)>,
    panicked: bool,
    start: Instant,
}

/// `Err` when it was killed meanwhile.
fn handle<B: BatchHandler>(
    handler: &mut B,
    pack: &Pack<B::In>,
    shift: &Shift<'_, B::In>,
) -> Result<Made, Killed> {
    let info = pack.info;
    let process = Process::BatchProcessor { batcher: shift.outlet.number, index: shift.index };
    let start = Instant::now();
    shift.account.observer().tell(|| Told::BatchStarted { process, info });
    let tickets = |index: usize| pack.items.get(index).map(|done| (done.item, &done.ticket));
    let mut fates = Fates { tickets: &tickets, failed: vec![] };
    let result = catch_unwind(AssertUnwindSafe(|| {
        shift.leave.point();
        handler.handle(&info, &pack.items, &mut fates)?;
        fates.failed()
    }));
    let all = |failure: Failure| (0..pack.items.len()).map(|i| (i, failure.clone())).collect();
    Ok(match result {
        Ok(Ok(failed)) => Made { failed, panicked: false, start },
        Ok(Err(failure)) if failure.blame == Blame::Item => {
            Made { failed: all(failure), panicked: false, start }
        }
        Ok(Err(failure)) => {
            shift.account.stop(failure);
            Made { failed: vec![], panicked: false, start }
        }
        Err(payload) if payload.is::<Killed>() => return Err(Killed),
        Err(payload) => {
            let failed = all(Failure::item(super::words(&*payload)));
            Made { failed, panicked: true, start }
        }
    })
}

/// Acknowledges a batch that was handled.
fn settle<T>(
    pack: Arc<Pack<T>>,
    made: Made,
    decide: Option<&Decide<T, ()>>,
    shift: &Shift<'_, T>,
    acker: &mut Acker,
) {
    let Shift { outlet, account, index, .. } = *shift;
    let (info, total) = (pack.info, pack.items.len());
    let mut verdicts: Vec<Option<Decision<()>>> = (0..total).map(|_| None).collect();
    let mut whys: Vec<Option<Failure>> = vec![None; total];
    for (at, failure) in made.failed {
        let decision = decide.map(|decide| judge(decide, &pack.items[at], &failure, account));
        (verdicts[at], whys[at]) = (Some(decision.unwrap_or(Decision::Fail)), Some(failure));
    }
    let (mut done, mut spoiled) = (0, 0);
    let mut away = Vec::new();
    for (at, item) in pack.items.iter().enumerate() {
        let why = match verdicts[at].take() {
            None => None,
            Some(Decision::Retry(after)) => {
                away.push((at, Err(after)));
                continue;
            }
            Some(Decision::Reroute(route, ())) => {
                away.push((at, Ok(route)));
                continue;
            }
            Some(Decision::FailAs(failure)) => Some(Some(failure)),
            Some(Decision::Drop) => Some(None),
            Some(Decision::Fail | Decision::DeadLetter) => Some(whys[at].take()),
        };
        let what = if why.is_none() { What::Done } else { What::Failed };
        account.watch().record(what, item.item, item.attempts - 1, 0, 0);
        *(if why.is_none() { &mut done } else { &mut spoiled }) += 1;
        acker.add(&item.ticket, item.item, why.flatten());
    }
    acker.tell();
    send_away(pack, away, shift);
    for (count, settled) in [(done, Settled::Acked(done)), (spoiled, Settled::Spoiled(spoiled))] {
        if count > 0 {
            account.settle(settled);
        }
    }
    let process = Process::BatchProcessor { batcher: outlet.number, index };
    let took = made.start.elapsed();
    account.observer().tell(|| Told::BatchEnded { process, info, done, failed: spoiled, took });
}

/// Items that go elsewhere, or come here again. They are still accepted and not settled.
fn send_away<T>(
    pack: Arc<Pack<T>>,
    away: Vec<(usize, Result<crate::handler::Route, Duration>)>,
    shift: &Shift<'_, T>,
) {
    if away.is_empty() {
        return;
    }
    // The dock forgot the batch when it was handled. Only a thread that was given up may still look at it.
    let Some(pack) = Arc::into_inner(pack) else {
        return shift.account.settle(Settled::Lost(away.len()));
    };
    let mut items: Vec<_> = pack.items.into_iter().map(Some).collect();
    for (at, to) in away {
        let Some(mut done) = items[at].take() else { continue };
        match to {
            Ok(route) => {
                done.route = route;
                (shift.reroute)(done);
            }
            Err(after) => {
                done.attempts += 1;
                shift.outlet.step(Event::Later(Instant::now() + after, done));
            }
        }
    }
}

fn judge<T>(
    decide: &Decide<T, ()>,
    done: &Done<T>,
    failure: &Failure,
    account: &dyn Account,
) -> Decision<()> {
    let (item, input, attempts) = (done.item, &done.out, done.attempts);
    let failed = Failed { item, input, attempts, death: Death::Error, failure };
    super::judged(account.observer(), item, || decide(&failed))
}
