//! From `abort()` in a worker to the accepted result of the same item, less the item's own work: what a
//! death costs its item, with a warm spare at hand.
//!
//! Times come from the black box: the receipt that is signed just before the fault fires, and the event
//! of the accepted result. Tiles come so far apart that the spare of the last death has started.
//! This is no criterion bench: criterion would count the pauses as work.

use pipelines::black_box::{BlackBox, What};
use pipelines::engine::Watch;
use pipelines::engine::batcher::BatchInfo;
use pipelines::fault::strike::Strike;
use pipelines::fault::{Fault, Site};
use pipelines::handler::{BatchHandler, Done, Fates};
use pipelines::image::codec::Format;
use pipelines::image::feed::TileFeed;
use pipelines::image::job::{Encoded, Job, TileWork};
use pipelines::image::layout::Split;
use pipelines::image::operations::{Library, Operation};
use pipelines::image::raster::Tile;
use pipelines::isolation::Isolation;
use pipelines::isolation::limits::Limits;
use pipelines::isolation::segment::Segment;
use pipelines::isolation::worker::{self, role};
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use pipelines::source::{self, Tiles};
use std::sync::Arc;
use std::time::Duration;

/// What a worker weighs, in MiB of memory of its own; how many aborts; the pause before each tile, in ms: a spare of that
/// weight is ready in less.
const WEIGHTS: [(usize, u64, u64); 3] = [(0, 100, 20), (256, 30, 250), (2048, 10, 2500)];

type Feed = TileFeed<fn(ItemId) -> bool>;

/// Gives tiles one at a time, with a pause before each.
struct Paced(Feed, Duration);

impl Producer for Paced {
    type Item = Tile;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<Tile>, Failure> {
        std::thread::sleep(self.1);
        self.0.produce(demand)
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        self.0.closer()
    }
}

struct Discard;

impl BatchHandler for Discard {
    type Config = ();
    type In = Encoded;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(
        &mut self,
        _: &BatchInfo,
        _: &[Done<Encoded>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        Ok(())
    }
}

fn run(mib: usize, aborts: u64, pause: Duration) -> Result<Vec<u64>, Failure> {
    let dir = tempfile::tempdir().map_err(Failure::output)?;
    // Every other tile is struck.
    let input = format!("synthetic:256x{}", 256 * 2 * aborts);
    let layout = source::probe(&[input], Split::Tiles(256), 1, dir.path())?;
    let (operations, format) = (vec![Operation::Blur(2)], Format::Png);
    let ballast_bytes = mib << 20;
    let job = Job { ballast_bytes, ..Job::new(operations, Library::Rust, format) };
    let head = layout.place(0).expect("the scene has tiles").head;
    let slab = Segment::slab(0, 8, layout.tile_bytes_max())?;
    let memory_max_bytes = (512 + mib as u64) << 20;
    let limits = Limits { memory_max_bytes, ..Limits::default() };
    let result_bytes = job.result_bytes_max(head);
    let isolation = Isolation { limits, ..Isolation::new(vec![slab.clone()], result_bytes) };
    let black_box = BlackBox::create(&dir.path().join("black_box"), layout.items(), true)?;
    let black_box = Arc::new(black_box);
    let armed = black_box.clone();
    let strikes = move |site: &Site| {
        let struck = site.is_of(Fault::Abort) && site.item % 2 == 1 && site.attempt == 0;
        let receipt = struck.then(|| armed.arm(Fault::Abort, site))??;
        Some(Strike { fault: Fault::Abort, receipt })
    };
    let skip: fn(ItemId) -> bool = |_| false;
    let tally = Pipeline::from(Paced(TileFeed::new(Tiles::open(&layout)?, slab, skip), pause))
        .stage(Stage::<TileWork>::new(job).workers(2).isolated(isolation))
        .batch(Batch::<Discard>::new(()).size(1))
        .watched(Watch::new(black_box.clone(), Box::new(strikes)))
        .run()?;
    assert_eq!(tally.done, layout.items(), "nothing is lost");
    let events = black_box.events();
    let receipts = black_box.read_receipts().into_iter();
    let net = receipts.filter_map(|receipt| {
        let accepted = |e: &&_| matches!(e, pipelines::black_box::Event { what: What::Accepted, item, .. } if *item == receipt.item);
        let accepted = events.iter().find(accepted)?;
        Some(accepted.t_ns - receipt.fired_ns? - accepted.value)
    });
    Ok(net.collect())
}

fn main() {
    worker::enter(&[role::<TileWork>()]);
    for (mib, aborts, pause) in WEIGHTS {
        let mut net = match run(mib, aborts, Duration::from_millis(pause)) {
            Ok(net) => net,
            Err(failure) => {
                eprintln!("{failure}");
                std::process::exit(3);
            }
        };
        net.sort_unstable();
        let at = |percent: usize| net[(net.len() - 1) * percent / 100] as f64 / 1e6;
        println!(
            "abort to accepted, less the work, workers of {mib} MiB: median {:.2} ms, 10 % below {:.2} ms, 90 % \
             below {:.2} ms, worst {:.2} ms, {} aborts",
            at(50),
            at(10),
            at(90),
            at(100),
            net.len()
        );
    }
}
