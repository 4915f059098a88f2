//! R: what leaves the pipeline, and what becomes of all that came in.

use crate::case::Case;
use crate::kit::{counting, counting_on, pass, stage, ticket};
use crate::r_siblings::lasting;
use crate::waits::{all_ids, demanding};
use pipelines::engine::batcher::BatchInfo;
use pipelines::engine::running::Handle;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::{BatchHandler, Desk, Done, Fates, Handler, handle_by_hand};
use pipelines::image::codec::Format;
use pipelines::image::job::Encoded;
use pipelines::image::layout::{Layout, Origin, Scene, Split};
use pipelines::image::raster::{PixelFormat, Rect, TileHead};
use pipelines::isolation::segment::Segment;
use pipelines::message::{Blame, Failure};
use pipelines::pipeline::{Batch, Stage};
use pipelines::sink::folder::{Folder, Save};
use pipelines::sink::journal::{self, Journal, Subject};
use pipelines::sink::{PARTIAL, refused};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::differs(
            "R30",
            "a_flipped_bit_in_a_file",
            "a result that was changed on its way is detected",
            "files are checked against the journal; between a worker and its pipeline only the shape of a \
             result is, and its pixels are judged by the harness",
            r30,
        ),
        Case::holds(
            "R31",
            "the_disk_is_full",
            "the run ends with the reason, and nothing of the batch is acknowledged or lost",
            r31,
        ),
        Case::holds(
            "R32",
            "a_batch_is_saved_twice",
            "a batch that is handled again leaves the same files once, whole",
            r32,
        ),
        Case::holds(
            "R33",
            "every_item_is_accounted_for",
            "whatever is killed when: produced = done + failed + quarantined + lost at the end, and under \
             leases nothing is lost",
            r33,
        ),
    ]
}

/// A folder for this many tiles of a row of pixels each.
fn folder(dir: &Path, tiles: u32) -> Folder {
    let format = PixelFormat { channels: 1, depth: 8 };
    let (name, origin) = ("scene".into(), Origin::Synthetic(1));
    let scene = Scene { name, origin, width_px: 8, height_px: tiles, format };
    let layout = Layout { scenes: vec![scene], split: Split::Strips(1) };
    Journal::create(dir, &Subject::new()).unwrap();
    std::fs::create_dir(dir.join(PARTIAL)).unwrap();
    Folder::new(dir.into(), Arc::new(layout), Format::Raw)
}

/// A tile whose file is eight times its number.
fn tile(slab: &Arc<Segment>, item: u64) -> Encoded {
    let rect = Rect { x: 0, y: item as u32, width: 8, height: 1 };
    let format = PixelFormat { channels: 1, depth: 8 };
    let head = TileHead { item, scene: 0, rect, halo: 0, format };
    let mut slot = slab.reserve().unwrap();
    slot.bytes_mut()[..8].fill(item as u8);
    let pixels_blake3 = *blake3::hash(&[item as u8; 8]).as_bytes();
    Encoded { head, pixels_blake3, file: slot.freeze(8), sum: 0 }
}

/// The files of which the journal says that they are there and whole, and are not.
fn damaged(dir: &Path) -> Vec<u64> {
    let story = journal::read(dir).unwrap().expect("there is one");
    let bad = |record: &&journal::Record| {
        let file = std::fs::read(dir.join(&record.file)).unwrap();
        blake3::hash(&file).to_hex().as_str() != record.file_blake3
    };
    story.records.iter().filter(bad).map(|record| record.item).collect()
}

fn r30() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, slab) = (folder(dir.path(), 4), Segment::heap(0, 4, 8).unwrap());
    let mut save = <Save as BatchHandler>::open(&folder).unwrap();
    let batch: Vec<_> = (0..4).map(|item| Done::new(item, 1, tile(&slab, item))).collect();
    assert!(handle_by_hand(&mut save, &batch).unwrap().is_empty());
    assert!(damaged(dir.path()).is_empty());
    let records = journal::read(dir.path()).unwrap().unwrap().records;
    for bit in 0..64 {
        let path = dir.path().join(&records[2].file);
        let whole = std::fs::read(&path).unwrap();
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, flipped).unwrap();
        assert_eq!(damaged(dir.path()), [2], "bit {bit}");
        std::fs::write(&path, whole).unwrap();
    }
}

fn r31() {
    for settings in lasting() {
        let (to, heard) = ticket();
        let full = Path::new("/dev/full");
        let batch = crate::kit::batch(move |_, items, _| match items[0].out {
            6 => std::fs::write(full, b"a tile").map_err(|e| refused("write", full, &e)),
            _ => Ok(()),
        });
        let stage = demanding(pass(), 3, 0);
        let running = counting(30, to).settings(settings).stage(stage).batch(batch.size(3));
        let report = running.start().unwrap().wait();
        let failure = report.failure.expect("it cannot go on");
        assert_eq!(failure.blame, Blame::Output);
        assert!(failure.what.contains("the disk is full"), "{failure}");
        // What was saved before is acknowledged, and of the rest nothing.
        assert!(all_ids(&heard).0.into_iter().eq(0..6));
        assert_eq!((report.tally.done, report.tally.failed), (6, 0));
        let (tally, left) = (report.tally, report.left.items());
        assert_eq!(tally.produced, tally.done + tally.lost + left);
    }
}

/// Makes a tile of a number.
struct Draw(Arc<Segment>);

impl Handler for Draw {
    type Config = ();
    type In = i64;
    type Out = Encoded;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self(Segment::heap(0, 64, 8)?))
    }
    fn handle(&mut self, input: &i64, _: &mut Desk<'_>) -> Result<Encoded, Failure> {
        Ok(tile(&self.0, *input as u64))
    }
}

/// Saves, and is killed after every second batch it has saved.
struct Killed {
    save: Save,
    dir: PathBuf,
    hand: Arc<OnceLock<Handle<i64>>>,
}

impl BatchHandler for Killed {
    type Config = (Folder, Arc<OnceLock<Handle<i64>>>);
    type In = Encoded;
    fn open((folder, hand): &Self::Config) -> Result<Self, Failure> {
        Ok(Self {
            save: <Save as BatchHandler>::open(folder)?,
            dir: folder.dir.clone(),
            hand: hand.clone(),
        })
    }
    fn handle(
        &mut self,
        info: &BatchInfo,
        batch: &[Done<Encoded>],
        fates: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        BatchHandler::handle(&mut self.save, info, batch, fates)?;
        let records = journal::read(&self.dir)?.expect("it was begun").records;
        let again = records.iter().filter(|r| r.item == batch[0].item).count();
        if batch[0].item.is_multiple_of(8) && again == 1 {
            self.hand.wait().kill(Process::BatchProcessor { batcher: 0, index: 0 });
        }
        Ok(())
    }
}

fn r32() {
    let dir = tempfile::tempdir().unwrap();
    let (to, heard) = ticket();
    let hand = Arc::new(OnceLock::new());
    let config = (folder(dir.path(), 32), hand.clone());
    let batch = Batch::<Killed>::new(config).size(4).within(Duration::from_secs(1));
    let running = counting_on(32, to).stage(Stage::<Draw>::new(())).batch(batch).start().unwrap();
    hand.set(running.handle()).ok();
    let report = running.wait();
    assert_eq!((report.tally.done, report.tally.lost, report.failure), (32, 0, None));
    assert!(all_ids(&heard).0.into_iter().eq(0..32), "each is acknowledged once");
    let records = journal::read(dir.path()).unwrap().unwrap().records;
    assert_eq!(records.len(), 32 + 4 * 4, "every second batch was saved twice");
    assert!(damaged(dir.path()).is_empty());
    let named: BTreeSet<_> = records.iter().map(|record| record.file.clone()).collect();
    assert_eq!(named.len(), 32);
    let files = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(files, 32 + 2, "beside them there are the journal and the folder of partial files");
}

/// A number drawn from a seed and an item.
fn draw(seed: u64, item: i64) -> u64 {
    let hash = blake3::hash(&[seed.to_le_bytes(), item.to_le_bytes()].concat());
    u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("32 bytes"))
}

fn r33() {
    for seed in 0..40 {
        for settings in lasting() {
            storm(seed, settings);
        }
    }
}

/// 300 items, each eighth of which kills a process while it is handled.
fn storm(seed: u64, settings: pipelines::engine::settings::Settings) {
    let original = settings.as_the_original;
    let (to, heard) = ticket();
    let hand = Arc::new(OnceLock::<Handle<i64>>::new());
    let killer = hand.clone();
    let frail = stage(move |n, desk| {
        let drawn = draw(seed, *n);
        desk.route.batcher = (drawn >> 8 & 1) as u8;
        // Under leases it is handled again: then it kills nobody.
        if drawn.is_multiple_of(8) && desk.attempt == 0 {
            killer.wait().kill(whom(drawn >> 16));
        }
        desk.point();
        if drawn.is_multiple_of(11) { Err(Failure::item("unlucky")) } else { Ok(*n) }
    });
    let stage = demanding(frail.workers(2), 6, 3).attempts(2);
    let batches = [0, 1].map(|_| {
        let batch = crate::kit::batch(move |_, items, fates| {
            let unlucky = items.iter().position(|done| draw(seed, done.out).is_multiple_of(13));
            unlucky.into_iter().for_each(|at| fates.fail(at, Failure::item("unlucky")));
            Ok(())
        });
        batch.size(5).workers(2).within(Duration::from_millis(2))
    });
    let [first, second] = batches;
    let staged = counting_on(300, to).settings(settings).stage(stage).batch(first).batch(second);
    let running = staged.start().unwrap();
    hand.set(running.handle()).ok();
    let report = running.wait();
    let tally = report.tally;
    assert_eq!((report.failure, report.left.items()), (None, 0), "seed {seed}");
    let settled = tally.done + tally.failed + tally.quarantined + tally.lost;
    assert_eq!(tally.produced, settled, "seed {seed}: {tally:?}");
    let (done, failed) = all_ids(&heard);
    assert_eq!((done.len() as u64, failed.len() as u64), (tally.done, tally.failed), "seed {seed}");
    let all: BTreeSet<_> = done.iter().chain(&failed).collect();
    assert_eq!(all.len(), done.len() + failed.len(), "seed {seed}: one was acknowledged twice");
    if !original {
        assert_eq!((tally.produced, tally.lost, tally.quarantined), (300, 0, 0), "seed {seed}");
    }
}

/// Any process there is.
fn whom(drawn: u64) -> Process {
    let (batcher, index) = (drawn as usize / 8 % 2, drawn as usize / 16 % 2);
    match drawn % 8 {
        0 => Process::Producer(0),
        1..4 => Process::Processor(index),
        4 => Process::Batcher(batcher),
        5 | 6 => Process::BatchProcessor { batcher, index },
        _ => Process::Terminator,
    }
}
