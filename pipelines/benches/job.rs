//! The plain program against a bare loop over the same functions: what the comparison's own control
//! costs. 64 tiles of 256 px from an uncompressed TIFF, blurred, encoded as PNG, saved to memory.
//!
//! The bare loop is two threads that take tiles from one source behind a lock. The ratio is measured in
//! pairs, one run of each right after the other, and printed after criterion's own figures.

use criterion::{Criterion, Throughput};
use pipelines::engine::Watch;
use pipelines::handler::{BatchHandler, Done, handle_by_hand};
use pipelines::image::codec::Format;
use pipelines::image::feed::TileFeed;
use pipelines::image::job::{Encoded, Job, TileWork};
use pipelines::image::layout::{Layout, Split};
use pipelines::image::operations::{Library, Operation, Worktop};
use pipelines::isolation::segment::Segment;
use pipelines::plain::Plain;
use pipelines::producer::{Demand, Entry, Producer, Supply};
use pipelines::sink::PARTIAL;
use pipelines::sink::folder::{Folder, Save};
use pipelines::sink::journal::{Journal, Subject};
use pipelines::source::{self, Tiles};
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const THREADS: usize = 2;
const PAIRS: usize = 21;
const SIDE_PX: u32 = 2048;

type Feed = TileFeed<fn(u64) -> bool>;

/// Everything both programs are given.
struct Work {
    layout: Layout,
    job: Job,
    result_bytes: usize,
    scratch: PathBuf,
}

impl Work {
    fn new(scratch: &Path) -> Self {
        let probe = |input: String, split| {
            source::probe(&[input], split, 1, scratch).expect("a source of tiles")
        };
        let whole = probe(format!("synthetic:{SIDE_PX}x{SIDE_PX}"), Split::Tiles(SIDE_PX));
        let mut pixels = vec![0; whole.tile_bytes_max()];
        Tiles::open(&whole).expect("a scene").read(&mut pixels).expect("its pixels");
        let file = scratch.join("scene.tif");
        let tiff = fs::File::create(&file).expect("room for a file");
        let mut tiff = tiff::encoder::TiffEncoder::new(tiff).expect("a header");
        tiff.write_image::<tiff::encoder::colortype::RGB8>(SIDE_PX, SIDE_PX, &pixels)
            .expect("room for a file");
        let layout = probe(file.display().to_string(), Split::Tiles(256));
        let (operations, format) = (vec![Operation::Blur(2)], Format::Png);
        let job = Job::new(operations, Library::Rust, format);
        let result_bytes = job.result_bytes_max(layout.place(0).expect("a tile").head);
        Self { layout, job, result_bytes, scratch: scratch.to_path_buf() }
    }

    fn feed(&self) -> Feed {
        let slab = Segment::heap(0, 3 * THREADS + 1, self.layout.tile_bytes_max());
        let skip: fn(u64) -> bool = |_| false;
        TileFeed::new(Tiles::open(&self.layout).expect("a scene"), slab.expect("memory"), skip)
    }

    /// A fresh folder in memory, and its sink.
    fn folder(&self) -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir_in(&self.scratch).expect("room for a folder");
        fs::create_dir(dir.path().join(PARTIAL)).expect("room for a folder");
        Journal::create(dir.path(), &Subject::new()).expect("room for a journal");
        let layout = Arc::new(self.layout.clone());
        let folder = Folder::new(dir.path().to_path_buf(), layout, Format::Png);
        (dir, folder)
    }

    fn check(&self, dir: &tempfile::TempDir) {
        let tiles = fs::read_dir(dir.path()).expect("the folder").flatten();
        let tiles = tiles.filter(|f| f.path().extension().is_some_and(|e| e == "png")).count();
        assert_eq!(tiles as u64, self.layout.items());
    }

    fn plain(&self) -> Duration {
        let (dir, sink) = self.folder();
        let start = Instant::now();
        let plain = Plain::<TileWork, Save> {
            workers: THREADS,
            config: self.job.clone(),
            result_bytes: self.result_bytes,
            sink,
            watch: &Watch::default(),
            aside: &|aside| panic!("item {} failed: {}", aside.item, aside.words),
        };
        plain.run(self.feed()).expect("it runs");
        let time = start.elapsed();
        self.check(&dir);
        time
    }

    fn bare(&self) -> Duration {
        let (dir, folder) = self.folder();
        let start = Instant::now();
        let feed = Mutex::new(self.feed());
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| self.bare_thread(&feed, &folder));
            }
        });
        let time = start.elapsed();
        self.check(&dir);
        time
    }

    /// What `TileWork` and `Plain` do, without either.
    fn bare_thread(&self, feed: &Mutex<Feed>, folder: &Folder) {
        let Job { operations, library, format, .. } = &self.job;
        let mut sink = Save::open(folder).expect("a journal");
        let out = Segment::heap(0, 2, self.result_bytes).expect("memory");
        let mut top = Worktop::default();
        loop {
            let supply = feed.lock().expect("no panic").produce(Demand::of(NonZeroUsize::MIN));
            let Supply::Items(items) = supply.expect("a tile") else { return };
            for Entry { id: item, item: tile, .. } in items {
                let applied = top.apply(operations, *library, &tile.head, &tile.pixels, None);
                let (head, pixels) = applied.expect("a tile");
                let pixels_blake3 = *blake3::hash(pixels).as_bytes();
                let mut slot = out.reserve().expect("open");
                let len = format.encode(&head, pixels, slot.bytes_mut()).expect("a tile");
                let sum = Encoded::sum(&slot.bytes_mut()[..len], &pixels_blake3);
                let out = Encoded { head, pixels_blake3, file: slot.freeze(len), sum };
                handle_by_hand(&mut sink, &[Done::new(item, 1, out)]).expect("room for a tile");
            }
        }
    }
}

/// Lower quartile, median, upper quartile.
fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|n| values[(values.len() - 1) * n / 4])
}

fn main() {
    let shm = Path::new("/dev/shm");
    let place = if shm.is_dir() { shm.to_path_buf() } else { std::env::temp_dir() };
    let scratch = tempfile::tempdir_in(place).expect("room for a folder");
    let work = Work::new(scratch.path());
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("job");
    let sum = |n: u64, run: fn(&Work) -> Duration| (0..n).map(|_| run(&work)).sum();
    group.throughput(Throughput::Elements(work.layout.items())).sample_size(10);
    group.bench_function("plain", |bench| bench.iter_custom(|n| sum(n, Work::plain)));
    group.bench_function("bare", |bench| bench.iter_custom(|n| sum(n, Work::bare)));
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--bench") {
        let pair = |n: usize| {
            let first = if n.is_multiple_of(2) { work.plain() } else { work.bare() };
            let second = if n.is_multiple_of(2) { work.bare() } else { work.plain() };
            let ratio = second.as_secs_f64() / first.as_secs_f64();
            if n.is_multiple_of(2) { ratio } else { 1.0 / ratio }
        };
        let [low, median, high] = quartiles((0..PAIRS).map(pair).collect());
        println!(
            "throughput of plain / bare: median {median:.3}, quartiles {low:.3} to {high:.3}, \
             {PAIRS} pairs"
        );
    }
}
