//! What fault points cost where nothing strikes, and what a fault costs that does nothing, as processor time of this
//! process.
//!
//! `direct` is a loop over the same work with no point in it, as if they had been compiled out: the points of an item
//! are then asked one by one, by nobody, by a watch whose plan never matches, and by one that always does. The same
//! three are then seen in a whole engine, whose handlers do nothing or work for a millisecond. One iteration is 100 items.

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use pipelines::black_box::BlackBox;
use pipelines::engine::Watch;
use pipelines::fault::strike::Strike;
use pipelines::fault::{Fault, Point, Site};
use pipelines::handler::{Desk, Handler};
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::{Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

const BATCH: u64 = 100;
/// Turns of the mill that take about a millisecond.
const TILE_TURNS: u64 = 1_050_000;

/// Who watches.
#[derive(Clone, Copy)]
enum Eye {
    /// Nobody.
    None,
    /// A plan that is asked at every point, and never strikes.
    Idle,
    /// A plan with a placebo for every item.
    Placebo,
}

impl Eye {
    const ALL: [(&'static str, Self); 3] =
        [("unwatched", Self::None), ("armed, idle", Self::Idle), ("placebo", Self::Placebo)];

    fn watch(self, items: u64) -> Watch {
        if let Self::None = self {
            return Watch::default();
        }
        let dir = tempfile::tempdir().expect("there is room");
        let armed = BlackBox::create(&dir.path().join("box"), items, true).expect("there is room");
        let (armed, strikes) = (Arc::new(armed), matches!(self, Self::Placebo));
        let asked = Point::ALL.map(|point| point == Point::Before);
        let black_box = armed.clone();
        let plan = move |site: &Site| {
            let here = asked[site.point as usize] && (strikes || site.item == ItemId::MAX);
            let receipt = here.then(|| armed.arm(Fault::Placebo, site))??;
            Some(Strike { fault: Fault::Placebo, receipt })
        };
        Watch::new(black_box, Box::new(plan))
    }
}

struct Mill;

impl Handler for Mill {
    type Config = u64;
    type In = u64;
    type Out = u64;
    fn open(_: &u64) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, turns: &u64, _: &mut Desk<'_>) -> Result<u64, Failure> {
        Ok(grind(*turns))
    }
}

fn grind(turns: u64) -> u64 {
    (0..turns).fold(black_box(1), |x: u64, n| (x ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// So many items of so many turns.
struct Grist(std::ops::Range<ItemId>, u64);

impl Producer for Grist {
    type Item = u64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<u64>, Failure> {
        let turns = self.1;
        Ok(Supply::of(self.0.by_ref().take(demand.count()).map(|item| (item, turns))))
    }
}

fn used() -> Duration {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

fn whole_run(eye: Eye, turns: u64, batches: u64) -> Duration {
    let end = batches * BATCH;
    let (watch, demand) = (eye.watch(end), NonZeroUsize::new(10).expect("not 0"));
    let before = used();
    let stage = Stage::<Mill>::new(turns).workers(1).max_demand(demand);
    let tally = Pipeline::from(Grist(0..end, turns)).stage(stage).watched(watch).run();
    assert_eq!(tally.expect("it runs").done, end);
    used() - before
}

fn direct(turns: u64, batches: u64, mut point: impl FnMut(Site)) -> Duration {
    let before = used();
    for item in 0..batches * BATCH {
        black_box(grind(black_box(turns)));
        for at in Point::ALL.into_iter().filter(|point| point.asked_at() == *point) {
            point(black_box(Site::new(at, item, 0)));
        }
    }
    used() - before
}

fn points(group: &mut BenchmarkGroup<'_, WallTime>) {
    group.bench_function("direct", |bench| {
        bench.iter_custom(|batches| direct(0, batches, |_| ()));
    });
    for (name, eye) in &Eye::ALL[..2] {
        let watch = eye.watch(1);
        group.bench_function(*name, |bench| {
            bench
                .iter_custom(|batches| direct(0, batches, |site| assert_eq!(watch.at(site), None)));
        });
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("every point of 100 items");
    points(group.throughput(Throughput::Elements(BATCH)));
    group.finish();
    for (work, turns) in [("no-op", 0), ("1 ms", TILE_TURNS)] {
        let mut group = criterion.benchmark_group(format!("100 items, {work}"));
        group.throughput(Throughput::Elements(BATCH)).sample_size(20);
        group.bench_function("direct", |bench| {
            bench.iter_custom(|batches| direct(turns, batches, |_| ()));
        });
        for (name, eye) in Eye::ALL {
            let run = |batches| whole_run(eye, turns, batches);
            group.bench_function(name, |bench| bench.iter_custom(run));
        }
        group.finish();
    }
    criterion.final_summary();
}
