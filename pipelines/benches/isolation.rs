//! What isolation costs: the processor time of an item in worker processes against the same handler in threads, and how
//! many items a second that do nothing.
//!
//! An item is 196,608 bytes in and as many out, and a fixed number of rounds over some of them. Processor time is that of
//! this process and of its workers, less that of a run without items: the noise of the machine moves it less than
//! throughput. Threads and processes take turns. This is no criterion bench: criterion measures time on the wall.

use pipelines::engine::batcher::BatchInfo;
use pipelines::handler::{BatchHandler, Desk, Done, Fates, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::isolation::segment::{Buf, Segment};
use pipelines::isolation::worker::{self, role};
use pipelines::message::Failure;
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

const BYTES: usize = 196_608;
const WORKERS: usize = 2;
const PAIRS: usize = 7;
const PLACES: [Place; 4] = [Place::Threads, Place::SameCore, Place::AnyCore, Place::InTwos];

struct Tile(Buf);

impl Portable for Tile {
    fn lower(&self, to: &mut Writer) {
        to.buf(&self.0);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.buf().map(Self)
    }
}

/// So many tiles of the same bytes, each in a slot of its own.
struct Tiles {
    slab: Arc<Segment>,
    next: u64,
    end: u64,
}

impl Producer for Tiles {
    type Item = Tile;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Tile>, Failure> {
        let mut items = Vec::new();
        while self.next < self.end && items.len() < demand.count() {
            let Some(mut slot) = self.slab.reserve() else { break };
            slot.bytes_mut()[..BYTES].fill(self.next as u8);
            items.push((self.next, Tile(slot.freeze(BYTES))));
            self.next += 1;
        }
        Ok(Supply::of(items))
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        let slab = self.slab.clone();
        Box::new(move || slab.close())
    }
}

/// Rounds over the tile's first 4 KiB, then every byte turned over.
struct Turn(u64);

impl Handler for Turn {
    type Config = u64;
    type In = Tile;
    type Out = Tile;
    fn open(rounds: &u64) -> Result<Self, Failure> {
        Ok(Self(*rounds))
    }
    fn handle(&mut self, input: &Tile, desk: &mut Desk<'_>) -> Result<Tile, Failure> {
        let mut sum = 1u64;
        for _ in 0..self.0 {
            for word in input.0[..4096].chunks_exact(8) {
                let word = u64::from_ne_bytes(word.try_into().expect("eight"));
                sum = (sum ^ word).rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            }
        }
        let turn = std::hint::black_box(sum) as u8;
        desk.write(BYTES, |out| {
            for (to, from) in out.iter_mut().zip(input.0.iter()) {
                *to = from ^ turn;
            }
            Ok(BYTES)
        })
        .map(Tile)
    }
}

struct Discard;

impl BatchHandler for Discard {
    type Config = ();
    type In = Tile;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(
        &mut self,
        _: &BatchInfo,
        batch: &[Done<Tile>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        assert!(batch.iter().all(|done| done.out.0.len() == BYTES));
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Threads,
    /// Processes, each on the core of its lane.
    SameCore,
    AnyCore,
    /// The same, and quick items two at a time.
    InTwos,
}

/// Runs so many items; the processor time of it all.
fn cpu(items: u64, rounds: u64, place: Place) -> Duration {
    let start = cpu_so_far();
    let slab = Segment::slab(0, 16, BYTES).expect("memory");
    let tiles = Tiles { slab: slab.clone(), next: 0, end: items };
    let stage = Stage::<Turn>::new(rounds).workers(WORKERS);
    let same_core = place == Place::SameCore;
    let together = if place == Place::InTwos { 2 } else { 1 };
    let isolation = Isolation { same_core, together, ..Isolation::new(vec![slab], BYTES) };
    let stage = match place {
        Place::Threads => stage.result_bytes(BYTES),
        _ => stage.isolated(isolation),
    };
    let batch = Batch::<Discard>::new(()).size(1);
    let tally = Pipeline::from(tiles).stage(stage).batch(batch).run().expect("it runs");
    assert_eq!(tally.done, items);
    cpu_so_far() - start
}

/// Processor time of this process and of those that it has reaped, as finely as the kernel tells it in `/proc`.
fn cpu_so_far() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields = stat.rsplit(") ").next().expect("it has a name");
    // utime, stime, cutime, cstime: in hundredths of a second, wherever Linux runs.
    let ticks = fields.split(' ').skip(11).take(4).map(|n| n.parse::<u64>().expect("a number"));
    Duration::from_millis(10 * ticks.sum::<u64>())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Rounds that take so many µs.
fn rounds(micros: f64) -> u64 {
    let per = |items| cpu(items, 0, Place::Threads).as_secs_f64() / items as f64;
    let (some, bare) = (2000, per(3000));
    let each = (cpu(200, some, Place::Threads).as_secs_f64() / 200.0 - bare) / some as f64;
    ((micros / 1e6 - bare).max(0.0) / each) as u64
}

fn tiles() {
    for (micros, items) in [(100.0, 10_000), (1000.0, 1500), (5000.0, 300)] {
        let rounds = rounds(micros);
        let empty = PLACES.map(|place| cpu(0, rounds, place));
        let each = |place: usize| {
            let cpu = cpu(items, rounds, PLACES[place]).saturating_sub(empty[place]);
            cpu.as_secs_f64() * 1e6 / items as f64
        };
        let rounds: Vec<_> = (0..PAIRS).map(|_| [each(0), each(1), each(2), each(3)]).collect();
        for (place, name) in
            [(1, "on the core of its lane"), (2, "on any core"), (3, "on any core, in twos")]
        {
            let ratios: Vec<_> = rounds.iter().map(|round| round[place] / round[0]).collect();
            let more: Vec<_> = rounds.iter().map(|round| round[place] - round[0]).collect();
            let (least, most) =
                ratios.iter().fold((f64::MAX, 0f64), |(l, m), r| (l.min(*r), m.max(*r)));
            println!(
                "processor time of an item of {micros:.0} µs, worker {name} ÷ thread: median {:.3} ({least:.3} to \
                 {most:.3}), {:+.1} µs, {PAIRS} rounds of {items}",
                median(ratios),
                median(more)
            );
        }
    }
}

struct Number(u64);

impl Portable for Number {
    fn lower(&self, to: &mut Writer) {
        to.u64(self.0);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.u64().map(Self)
    }
}

struct Numbers(u64, u64);

impl Producer for Numbers {
    type Item = Number;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Number>, Failure> {
        let from = self.0;
        self.0 = self.1.min(from + demand.count() as u64);
        Ok(Supply::of((from..self.0).map(|n| (n, Number(n)))))
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

fn messages() {
    const ITEMS: u64 = 1_000_000;
    for (demand, same_core) in [(1, false), (10, false), (100, false), (100, true)] {
        let items = if demand == 1 { ITEMS / 10 } else { ITEMS };
        let rates = (0..5).map(|_| {
            // The window is twice the request: one is on its way while the other is done.
            let most = NonZeroUsize::new(2 * demand).expect("not 0");
            let stage = Stage::<Noop>::new(()).workers(WORKERS).max_demand(most).min_demand(demand);
            let start = Instant::now();
            let isolation = Isolation { same_core, ..Isolation::new(vec![], 64) };
            let tally = Pipeline::from(Numbers(0, items)).stage(stage.isolated(isolation)).run();
            assert_eq!(tally.expect("it runs").done, items);
            items as f64 / start.elapsed().as_secs_f64() / 1e6
        });
        let core = if same_core { "the core of their lane" } else { "any core" };
        println!(
            "messages that do nothing, through worker processes on {core}, in chunks of {demand}: {:.2} M/s, start and \
             end included",
            median(rates.collect())
        );
    }
}

fn main() {
    worker::enter(&[role::<Turn>(), role::<Noop>()]);
    // One place alone, for a profiler: `-- threads 100` has 20,000 items of so many rounds done there.
    let words: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    if let [place, rounds] = &words[..] {
        return alone(place, rounds.parse().expect("a number of rounds"));
    }
    messages();
    tiles();
}

fn alone(name: &str, rounds: u64) {
    const ITEMS: u64 = 20_000;
    let names = ["threads", "same-core", "any-core", "in-twos"];
    let place = names.iter().position(|it| *it == name).expect("one of these names");
    let cpu = cpu(ITEMS, rounds, PLACES[place]);
    println!("{name}: {:.1} µs an item", cpu.as_secs_f64() * 1e6 / ITEMS as f64);
}
