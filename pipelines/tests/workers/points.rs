//! A process is killed at each named point of an item's way: what is there then, and what is not, is what the point's
//! name says. Without an image at hand the tiles are synthetic.

use libtest_mimic::Trial;
use pipelines::black_box::{BlackBox, What};
use pipelines::engine::{SetAside, Watch};
use pipelines::fault::strike::Strike;
use pipelines::fault::{Fault, Point, Site};
use pipelines::image::codec::Format;
use pipelines::image::feed::TileFeed;
use pipelines::image::job::{Job, TileWork};
use pipelines::image::layout::{Layout, Origin, Scene, Split};
use pipelines::image::operations::Library;
use pipelines::image::raster::{PixelFormat, Tile};
use pipelines::isolation::segment::Segment;
use pipelines::message::{Failure, ItemId};
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::plain::Plain;
use pipelines::sink::PARTIAL;
use pipelines::sink::folder::{Folder, Save};
use pipelines::sink::journal::{self, Journal, Subject};
use pipelines::source::Tiles;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Names, in the environment, the folder in which a process is to be killed, the point, and the program.
const VICTIM: &str = "OKIAGARI_TEST_POINT";
const ITEM: ItemId = 5;
const ITEMS: u64 = 12;

pub(crate) fn trials() -> Vec<Trial> {
    // Those that the subject's own process passes; the others are a worker's.
    let passed = Point::ALL.into_iter().filter(|point| !point.rides());
    let passed = passed.filter(|point| !matches!(point, Point::Notice | Point::Fork));
    let both = passed.flat_map(|point| ["engine", "plain"].map(|program| (point, program)));
    let trial = |(point, program): (Point, &'static str)| {
        Trial::test(format!("points::{program}_killed_at_{point}"), move || {
            killed_at(point, program);
            Ok(())
        })
    };
    both.map(trial).collect()
}

fn layout() -> Layout {
    let (name, origin, format) = ("scene".into(), Origin::Synthetic(5), PixelFormat::RGB8);
    let scene = Scene { name, origin, width_px: 64, height_px: 48, format };
    Layout { scenes: vec![scene], split: Split::Tiles(16) }
}

/// Whether this process is one that is to be killed; then this does not return.
pub(crate) fn die_if_asked() {
    let Ok(told) = std::env::var(VICTIM) else { return };
    let mut told = told.splitn(3, ' ');
    let mut next = || told.next().expect("three words");
    let (point, program, dir) = (next().parse().expect("a point"), next(), next());
    match work(point, program, Path::new(dir)) {
        Ok(()) => eprintln!("the victim unexpectedly survived"),
        Err(failure) => eprintln!("{failure}"),
    }
    std::process::exit(99);
}

fn work(point: Point, program: &str, dir: &Path) -> Result<(), Failure> {
    let layout = layout();
    let black_box = Arc::new(BlackBox::open(&dir.join("box"))?);
    let armed = black_box.clone();
    let strike = move |site: &Site| {
        let struck = (site.point, site.item) == (point, ITEM);
        let receipt = struck.then(|| armed.arm(Fault::KillSubject, site))??;
        Some(Strike { fault: Fault::KillSubject, receipt })
    };
    let watch = Arc::new(Watch::new(black_box, Box::new(strike)));
    let slab = Segment::heap(0, 8, layout.tile_bytes_max())?;
    let tiles = Tiles::open(&layout)?;
    let feed = TileFeed::new(tiles, slab, |_| false).watched(watch.clone());
    let folder = Folder::new(dir.join("out"), Arc::new(layout), Format::Raw);
    let folder = folder.watched(watch.clone());
    let job = Job::new(vec![], Library::C, Format::Raw);
    if program == "plain" {
        let (watch, aside) = (&*watch, &|_: &SetAside<'_, Tile>| Ok(()));
        let (workers, config, sink, result_bytes) = (1, job, folder, 4096);
        return Plain::<TileWork, Save> { workers, config, result_bytes, sink, watch, aside }
            .run(feed);
    }
    let stage = Stage::<TileWork>::new(job).workers(1).result_bytes(4096);
    let saved = Pipeline::from(feed).stage(stage).batch(Batch::<Save>::new(folder).size(1));
    saved.watched(watch).run().map(drop)
}

/// Whether the item's temporary file is there.
fn half(partial: &Path) -> bool {
    let mut files = std::fs::read_dir(partial).expect("it is there").flatten();
    files.any(|file| file.file_name().to_string_lossy().starts_with(&format!("{ITEM}-")))
}

fn killed_at(point: Point, program: &str) {
    let dir = tempfile::tempdir().expect("there is room");
    let out = dir.path().join("out");
    std::fs::create_dir_all(out.join(PARTIAL)).expect("there is room");
    Journal::create(&out, &Subject::new()).expect("there is room");
    let black_box = BlackBox::create(&dir.path().join("box"), ITEMS, true).expect("there is room");
    let told = format!("{point} {program} {}", dir.path().display());
    let mut victim = Command::new("/proc/self/exe");
    victim.env(VICTIM, told).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let ended = victim.output().expect("it runs");
    let words = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.signal(), Some(9), "{point}: {words}");
    let receipts = black_box.read_receipts();
    assert_eq!(receipts.len(), 1);
    assert!(receipts[0].fired_ns.is_some(), "the receipt outlives its process");
    // How far it came.
    let layout = layout();
    let name = layout.file_name(&layout.place(ITEM).expect("a tile"), Format::Raw.extension());
    let happened = |what| black_box.events().iter().any(|e| (e.what, e.item) == (what, ITEM));
    let story = journal::read(&out).expect("a journal").expect("its head");
    let came = [
        happened(What::Lent),
        happened(What::Accepted),
        half(&out.join(PARTIAL)) || out.join(&name).exists(),
        out.join(&name).exists(),
        story.records.iter().any(|record| record.item == ITEM),
        happened(What::Done),
    ];
    let steps = match point {
        Point::Decode => 0,
        Point::Accept | Point::Write => 2,
        Point::Rename => 3,
        Point::Journal => 4,
        _ => 5,
    };
    assert_eq!(came, std::array::from_fn(|step| step < steps), "{point}: {words}");
    // One after the other goes through the sink, and what is before it is whole.
    let before = story.records.iter().filter(|record| record.item < ITEM).count();
    assert!(steps < 2 || point == Point::Accept || before as u64 == ITEM, "{before} records");
}
