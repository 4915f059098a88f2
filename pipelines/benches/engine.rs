//! What the engine costs an item: a handler that does nothing, in a thread and in a process of its own.
//!
//! One iteration is a batch of 100 items. With a batch handler, time runs from the first batch handled to
//! the last one, so that starting threads and workers is left out. Without one, as Broadway is measured,
//! it is that of the whole run, its start and its end included.

use criterion::{Criterion, Throughput};
use pipelines::engine::batcher::BatchInfo;
use pipelines::engine::settings::Settings;
use pipelines::handler::{BatchHandler, Desk, Done, Fates, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::isolation::worker::{self, role};
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BATCH: u64 = 100;

struct Number(u64);

impl Portable for Number {
    fn lower(&self, to: &mut Writer) {
        to.u64(self.0);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.u64().map(Self)
    }
}

struct Numbers {
    next: ItemId,
    end: ItemId,
}

impl Producer for Numbers {
    type Item = Number;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Number>, Failure> {
        let from = self.next;
        self.next = self.end.min(from + demand.count() as u64);
        Ok(Supply::of((from..self.next).map(|n| (n, Number(n)))))
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| {})
    }
}

struct Noop;

impl Handler for Noop {
    type Config = ();
    type In = Number;
    type Out = Number;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, input: &Number, _: &mut Desk<'_>) -> Result<Number, Failure> {
        Ok(Number(input.0))
    }
}

/// When the first and the last batch were handled.
type Times = Arc<Mutex<Option<(Instant, Instant)>>>;

struct Clock(Times);

impl BatchHandler for Clock {
    type Config = Times;
    type In = Number;
    fn open(times: &Times) -> Result<Self, Failure> {
        Ok(Self(times.clone()))
    }
    fn handle(
        &mut self,
        _: &BatchInfo,
        _: &[Done<Number>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        let now = Instant::now();
        self.0.lock().expect("no panic").get_or_insert((now, now)).1 = now;
        Ok(())
    }
}

fn time(stage: Stage<Noop>, batches: u64) -> Duration {
    let times = Times::default();
    let end = (batches + 1) * BATCH;
    let batch = Batch::<Clock>::new(times.clone()).size(BATCH as usize);
    let batch = batch.within(Duration::from_secs(60));
    let tally = Pipeline::from(Numbers { next: 0, end }).stage(stage).batch(batch).run();
    assert_eq!(tally.expect("it runs").done, end);
    let (first, last) = times.lock().expect("no panic").expect("batches came");
    last - first
}

/// A run without a batch handler: two workers, items acknowledged by them.
fn unbatched(settings: &Settings, demand: usize, batches: u64) -> Duration {
    let end = batches * BATCH;
    let demand = NonZeroUsize::new(demand).expect("not 0");
    let start = Instant::now();
    let tally = Pipeline::from(Numbers { next: 0, end })
        .settings(settings.clone())
        .stage(Stage::<Noop>::new(()).workers(2).max_demand(demand))
        .run();
    let time = start.elapsed();
    assert_eq!(tally.expect("it runs").done, end);
    time
}

fn isolation() -> Isolation {
    Isolation { spares: 0, ..Isolation::new(vec![], 4096) }
}

fn main() {
    worker::enter(&[role::<Noop>()]);
    let mut criterion = Criterion::default().configure_from_args();
    for (place, isolated) in [("inline", false), ("isolated", true)] {
        let mut group = criterion.benchmark_group(place);
        group.throughput(Throughput::Elements(BATCH)).sample_size(20);
        for chunk in [1, 100] {
            let demand = NonZeroUsize::new(chunk).expect("not 0");
            group.bench_function(format!("100 items, lent by {chunk}"), |bench| {
                bench.iter_custom(|batches| {
                    let stage = Stage::<Noop>::new(()).max_demand(demand);
                    time(if isolated { stage.isolated(isolation()) } else { stage }, batches)
                });
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("two workers, no batcher");
    group.throughput(Throughput::Elements(BATCH)).sample_size(20);
    for (name, settings) in [("lease", Settings::okiagari()), ("hand-over", Settings::broadway())] {
        for demand in [10, 100] {
            group.bench_function(format!("100 items, {name}, max_demand {demand}"), |bench| {
                bench.iter_custom(|batches| unbatched(&settings, demand, batches));
            });
        }
    }
    group.finish();
    criterion.final_summary();
}
