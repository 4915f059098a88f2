//! A folder of tiles. A tile is written under another name and then renamed, so that whatever is killed
//! when, a file with a tile's name is that whole tile.
//!
//! Nothing is synced tile by tile: that costs several times what the tile costs, and what it protects
//! against, a power cut, is seen by `--resume`, which checks each file against the journal's checksum.

use super::journal::{Journal, Record, State};
use super::{PARTIAL, refused};
use crate::engine::batcher::BatchInfo;
use crate::handler::{BatchHandler, Done, Fates};
use crate::image::job::Encoded;
use crate::image::layout::Layout;
use crate::message::Failure;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Saves encoded tiles, and enters them into the journal.
pub struct Save {
    folder: Folder,
    journal: Journal,
}

/// Which folder, and how its files are called.
#[derive(Clone)]
pub struct Folder {
    /// The folder; it holds a journal and a [`PARTIAL`] folder.
    pub dir: PathBuf,
    /// Names the tiles.
    pub layout: Arc<Layout>,
    /// The file name extension, without its dot.
    pub extension: &'static str,
}

impl BatchHandler for Save {
    type Config = Folder;
    type In = Encoded;

    fn open(folder: &Folder) -> Result<Self, Failure> {
        Ok(Self { folder: folder.clone(), journal: Journal::append_to(&folder.dir)? })
    }

    fn handle(
        &mut self,
        _: &BatchInfo,
        batch: &[Done<Encoded>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        let records = batch.iter().map(|done| self.save(done)).collect::<Result<Vec<_>, _>>()?;
        self.journal.append(&records)
    }
}

impl Save {
    fn save(&self, done: &Done<Encoded>) -> Result<Record, Failure> {
        let Folder { dir, layout, extension } = &self.folder;
        let place = layout.place(done.item).expect("an item that was produced has a place");
        let name = layout.file_name(&place, extension);
        let (partial, whole) = (dir.join(PARTIAL).join(done.item.to_string()), dir.join(&name));
        let written =
            fs::write(&partial, &*done.out.file).and_then(|()| fs::rename(&partial, &whole));
        if let Err(e) = written {
            fs::remove_file(&partial).ok();
            return Err(refused("write", &whole, &e));
        }
        Ok(Record {
            item: done.item,
            state: State::Done,
            attempts: done.attempts,
            file: name,
            file_blake3: blake3::hash(&done.out.file).to_hex().to_string(),
            pixels_blake3: blake3::Hash::from_bytes(done.out.pixels_blake3).to_hex().to_string(),
        })
    }
}
