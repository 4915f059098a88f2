//! A folder of tiles. A tile is written under another name and then renamed, so that whatever is killed
//! when, a file with a tile's name is that whole tile.
//!
//! Nothing is synced tile by tile: that costs several times what the tile costs, and what it protects
//! against, a power cut, is seen by `--resume`, which checks each file against the journal's checksum.

use super::disk::Pen;
use super::journal::{Journal, Record, State};
use super::{PARTIAL, refused};
use crate::engine::Watch;
use crate::engine::batcher::BatchInfo;
use crate::fault::{Fault, Point, Site};
use crate::handler::{BatchHandler, Desk, Done, Fates, Handler};
use crate::image::codec::Format;
use crate::image::job::Encoded;
use crate::image::layout::Layout;
use crate::message::{Failure, ItemId};
use rustix::thread::gettid;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Saves encoded tiles, and enters them into the journal: in batches, or, as the handler behind the one that
/// made them, each by itself.
pub struct Save {
    folder: Folder,
    journal: Journal,
}

/// Which folder, and how its files are called.
#[derive(Clone, Serialize, Deserialize)]
pub struct Folder {
    /// The folder; it holds a journal and a [`PARTIAL`] folder.
    pub dir: PathBuf,
    /// Names the tiles.
    pub layout: Arc<Layout>,
    /// What its files are, which decides what their names end in.
    pub format: Format,
    /// Who watches, and strikes, whoever saves here. It stays in this process.
    #[serde(skip)]
    watch: Arc<Watch>,
}

impl Folder {
    /// One that nobody watches.
    pub fn new(dir: PathBuf, layout: Arc<Layout>, format: Format) -> Self {
        Self { dir, layout, format, watch: Arc::default() }
    }

    /// Lets somebody watch, and strike at each step of saving.
    pub fn watched(self, watch: Arc<Watch>) -> Self {
        Self { watch, ..self }
    }

    fn pass(&self, point: Point, record: &Record, tries: u32) -> Option<Fault> {
        self.watch.pass(Site::new(point, record.item, record.attempts.saturating_sub(1) + tries))
    }
}

impl BatchHandler for Save {
    type Config = Folder;
    type In = Encoded;

    fn open(folder: &Folder) -> Result<Self, Failure> {
        Self::to(folder)
    }

    fn handle(
        &mut self,
        _: &BatchInfo,
        batch: &[Done<Encoded>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        let records = batch.iter().map(|done| self.save(done.item, done.attempts, &done.out));
        self.enter(&records.collect::<Result<Vec<_>, _>>()?)
    }
}

impl Handler for Save {
    type Config = Folder;
    type In = Encoded;
    type Out = ();

    fn open(folder: &Folder) -> Result<Self, Failure> {
        Self::to(folder)
    }

    fn handle(&mut self, tile: &Encoded, desk: &mut Desk<'_>) -> Result<(), Failure> {
        self.enter(&[self.save(desk.item, desk.attempt + 1, tile)?])
    }
}

impl Save {
    fn to(folder: &Folder) -> Result<Self, Failure> {
        Ok(Self { folder: folder.clone(), journal: Journal::append_to(&folder.dir)? })
    }

    /// A tile gets the place that its head says: that is what travels with the pixels.
    fn save(&self, item: ItemId, attempts: u32, tile: &Encoded) -> Result<Record, Failure> {
        let Folder { dir, layout, format, .. } = &self.folder;
        let place = layout.place(tile.head.item).ok_or_else(|| {
            Failure::item(format!("the result of item {item} says that it is no tile of this run"))
        })?;
        let name = layout.file_name(&place, format.extension());
        // An item that comes twice may be saved by two threads at once: neither is to see the other's half.
        let half = format!("{item}-{}", gettid().as_raw_nonzero());
        let (partial, whole) = (dir.join(PARTIAL).join(half), dir.join(&name));
        let record = Record {
            item: tile.head.item,
            state: State::Done,
            attempts,
            file: name,
            file_blake3: blake3::hash(&tile.file).to_hex().to_string(),
            pixels_blake3: blake3::Hash::from_bytes(tile.pixels_blake3).to_hex().to_string(),
        };
        let ask = |point| {
            let record = &record;
            move |tries| self.folder.pass(point, record, tries)
        };
        let written = Pen::new(&ask(Point::Write)).write(&partial, &whole, &tile.file);
        let named = written.and_then(|()| Pen::new(&ask(Point::Rename)).rename(&partial, &whole));
        if let Err(e) = named {
            fs::remove_file(&partial).ok();
            return Err(refused("write", &whole, &e));
        }
        Ok(record)
    }

    fn enter(&self, records: &[Record]) -> Result<(), Failure> {
        let struck = |point, tries| records.iter().find_map(|r| self.folder.pass(point, r, tries));
        let ask = |tries| struck(Point::Journal, tries);
        self.journal.append_with(records, Pen::new(&ask))?;
        struck(Point::Acknowledge, 0);
        Ok(())
    }
}
