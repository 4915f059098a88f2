//! A folder of tiles. A tile is written under another name and then renamed, so that whatever is killed
//! when, a file with a tile's name is that whole tile.
//!
//! Nothing is synced tile by tile: that costs several times what the tile costs, and what it protects
//! against, a power cut, is seen by `--resume`, which checks each file against the journal's checksum.

use super::journal::{Journal, Record, State};
use super::{PARTIAL, refused};
use crate::engine::batcher::BatchInfo;
use crate::handler::{BatchHandler, Desk, Done, Fates, Handler};
use crate::image::codec::Format;
use crate::image::job::Encoded;
use crate::image::layout::Layout;
use crate::message::{Failure, ItemId};
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
        let records = records.collect::<Result<Vec<_>, _>>()?;
        self.journal.append(&records)
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
        let record = self.save(desk.item, desk.attempt + 1, tile)?;
        self.journal.append(&[record])
    }
}

impl Save {
    fn to(folder: &Folder) -> Result<Self, Failure> {
        Ok(Self { folder: folder.clone(), journal: Journal::append_to(&folder.dir)? })
    }

    fn save(&self, item: ItemId, attempts: u32, tile: &Encoded) -> Result<Record, Failure> {
        let Folder { dir, layout, format } = &self.folder;
        let place = layout.place(item).expect("an item that was produced has a place");
        let name = layout.file_name(&place, format.extension());
        let (partial, whole) = (dir.join(PARTIAL).join(item.to_string()), dir.join(&name));
        let written = fs::write(&partial, &*tile.file).and_then(|()| fs::rename(&partial, &whole));
        if let Err(e) = written {
            fs::remove_file(&partial).ok();
            return Err(refused("write", &whole, &e));
        }
        Ok(Record {
            item,
            state: State::Done,
            attempts,
            file: name,
            file_blake3: blake3::hash(&tile.file).to_hex().to_string(),
            pixels_blake3: blake3::Hash::from_bytes(tile.pixels_blake3).to_hex().to_string(),
        })
    }
}
