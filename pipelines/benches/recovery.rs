//! From the death of a worker to the accepted result of the same item, less the item's own work: what a
//! death costs its item, with a warm spare at hand, or with none left. Workers abort, which their signal handler sees,
//! or get SIGKILL, which only the kernel sees.
//!
//! Times come from the black box: the receipt that is signed just before the fault fires, and the event
//! of the accepted result. Tiles come so far apart that the spare of the last death has started. What has a hundred
//! shared objects to load is a filter that the C compiler `cc` links with 99 more; without `cc` that case is left out.
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
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// How workers die, and how much it takes to make the next.
#[derive(Clone, Copy)]
struct Case {
    fault: Fault,
    /// What a worker weighs, in MiB of memory of its own.
    mib: usize,
    deaths: u64,
    /// The pause before each tile, in ms: a spare of that weight is ready in less.
    pause_ms: u64,
    spares: usize,
    /// Workers have a hundred shared objects loaded.
    objects: bool,
}

const SMALL: Case =
    Case { fault: Fault::Abort, mib: 0, deaths: 100, pause_ms: 20, spares: 1, objects: false };
const LARGE: Case = Case { mib: 256, deaths: 30, pause_ms: 250, ..SMALL };
const HUGE: Case = Case { mib: 2048, deaths: 10, pause_ms: 2500, ..SMALL };

const CASES: [Case; 9] = [
    SMALL,
    LARGE,
    HUGE,
    Case { fault: Fault::Shutdown, ..SMALL },
    Case { fault: Fault::Shutdown, ..LARGE },
    Case { fault: Fault::Shutdown, ..HUGE },
    Case { spares: 0, ..SMALL },
    Case { objects: true, ..SMALL },
    Case { objects: true, spares: 0, ..SMALL },
];

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

/// A filter that copies, linked with 99 shared objects of one function each, which it calls.
fn filter(dir: &Path) -> Result<Operation, Failure> {
    let cc = |name: &str, text: &str, more: &[String]| {
        std::fs::write(dir.join("one.c"), text).map_err(Failure::output)?;
        let mut cc = Command::new("cc");
        cc.current_dir(dir)
            .args(["-shared", "-fPIC", "-O1", "one.c", "-o"])
            .arg(format!("lib{name}.so"));
        let made = cc.args(more).status().map_err(Failure::engine)?;
        if made.success() { Ok(()) } else { Err(Failure::engine("cc failed")) }
    };
    let parts: Vec<_> = (1..100).map(|n| format!("part{n}")).collect();
    for part in &parts {
        cc(part, &format!("int {part}(int n) {{ return n + 1; }}\n"), &[])?;
    }
    let declared: String = parts.iter().map(|part| format!("int {part}(int);\n")).collect();
    let called: String = parts.iter().map(|part| format!("n = {part}(n);\n")).collect();
    let text = format!(
        "#include \"okiagari.h\"\n#include <string.h>\n{declared}\
         int32_t copy(const struct okiagari_tile *tile) {{\n\
         memcpy(tile->output, tile->input, tile->input_bytes);\nint n = 0;\n{called}return n - 99;\n}}\n"
    );
    let header = format!("-I{}", concat!(env!("CARGO_MANIFEST_DIR"), "/native"));
    let mut more = vec![header, "-L.".to_owned(), "-Wl,-rpath,$ORIGIN".to_owned()];
    more.extend(parts.iter().map(|part| format!("-l{part}")));
    cc("all", &text, &more)?;
    format!("lib:{}:copy", dir.join("liball.so").display()).parse()
}

fn run(case: Case) -> Result<Vec<u64>, Failure> {
    let Case { fault, mib, deaths, pause_ms, spares, objects } = case;
    let (dir, pause) =
        (tempfile::tempdir().map_err(Failure::output)?, Duration::from_millis(pause_ms));
    // A second lane at rest would have a worker as good as a spare.
    let workers = if spares == 0 { 1 } else { 2 };
    // Every other tile is struck.
    let input = format!("synthetic:256x{}", 256 * 2 * deaths);
    let layout = source::probe(&[input], Split::Tiles(256), 1, dir.path())?;
    let mut operations = vec![Operation::Blur(2)];
    if objects {
        operations.push(filter(dir.path())?);
    }
    let format = Format::Png;
    let ballast_bytes = mib << 20;
    let job = Job { ballast_bytes, ..Job::new(operations, Library::Rust, format) };
    let head = layout.place(0).expect("the scene has tiles").head;
    let slab = Segment::slab(0, 8, layout.tile_bytes_max())?;
    let memory_max_bytes = (512 + mib as u64) << 20;
    let limits = Limits { memory_max_bytes, ..Limits::default() };
    let result_bytes = job.result_bytes_max(head);
    let isolation =
        Isolation { limits, spares, ..Isolation::new(vec![slab.clone()], result_bytes) };
    let black_box = BlackBox::create(&dir.path().join("black_box"), layout.items(), true)?;
    let black_box = Arc::new(black_box);
    let armed = black_box.clone();
    let strikes = move |site: &Site| {
        let struck = site.is_of(fault) && site.item % 2 == 1 && site.attempt == 0;
        let receipt = struck.then(|| armed.arm(fault, site))??;
        Some(Strike { fault, receipt })
    };
    let skip: fn(ItemId) -> bool = |_| false;
    let tally = Pipeline::from(Paced(TileFeed::new(Tiles::open(&layout)?, slab, skip), pause))
        .stage(Stage::<TileWork>::new(job).workers(workers).isolated(isolation))
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
    // A part of a name picks cases: `cargo bench --bench recovery -- spare`.
    let picked = std::env::args().skip(1).find(|word| !word.starts_with("--")).unwrap_or_default();
    for case in CASES.into_iter().filter(|case| name(*case).contains(&picked)) {
        let mut net = match run(case) {
            Ok(net) => net,
            Err(failure) if case.objects => {
                println!("{}: left out, {failure}", name(case));
                continue;
            }
            Err(failure) => {
                eprintln!("{failure}");
                std::process::exit(3);
            }
        };
        net.sort_unstable();
        let at = |percent: usize| net[(net.len() - 1) * percent / 100] as f64 / 1e6;
        println!(
            "{}: median {:.2} ms, 10 % below {:.2} ms, 90 % below {:.2} ms, worst {:.2} ms, {} deaths",
            name(case),
            at(50),
            at(10),
            at(90),
            at(100),
            net.len()
        );
    }
}

fn name(case: Case) -> String {
    let Case { fault, mib, spares, objects, .. } = case;
    let death = if fault == Fault::Abort { "abort" } else { "SIGKILL" };
    let what = if objects { " with 100 shared objects" } else { "" };
    let spare = if spares == 0 { ", no spare" } else { "" };
    format!("{death} to accepted, less the work, workers of {mib} MiB{what}{spare}")
}
