//! Where items go that cannot be done: each with its input, the evidence of why, and all that it takes to try it again.

mod kept;

pub use kept::{End, Kept};

use super::folder::Folder;
use super::journal::{Journal, Record, State};
use super::{PARTIAL, refused};
use crate::engine::SetAside;
use crate::image::codec::Format;
use crate::image::job::Job;
use crate::image::raster::Tile;
use crate::isolation::limits::Limits;
use crate::message::{Death, Failure};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// The folder of items set aside.
pub const QUARANTINE: &str = "quarantine";
/// What is known of an item set aside, in its folder.
pub const EVIDENCE: &str = "evidence.json";
/// The tile as it went in.
pub const INPUT: &str = "input.png";
/// The top of its worker's stack, if that was kept.
pub const STACK: &str = "stack.bin";

/// What each attempt of a run's items is made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What is done with a tile.
    pub job: Job,
    /// What a worker may take of the machine.
    pub limits: Limits,
    /// How long it may take over one item.
    pub deadline: Duration,
    /// Whether it reaches no file, no program and no network once it is ready.
    #[serde(default)]
    pub sandbox: bool,
}

/// Where a run's items are set aside.
#[derive(Clone)]
pub struct Quarantine {
    /// The run's folder.
    pub folder: Folder,
    /// Goes along with each item.
    pub terms: Terms,
}

impl Quarantine {
    /// Sets an item aside: its input and the evidence into `quarantine/ITEM/`, its record into the journal.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn set_aside(&self, aside: &SetAside<'_, Tile>) -> Result<(), Failure> {
        let Folder { dir, layout, format, .. } = &self.folder;
        let place = layout.place(aside.item).expect("an item that was produced has a place");
        let file = layout.file_name(&place, format.extension());
        let kept = Kept::of(aside, file, self.terms.clone());
        let half = dir.join(PARTIAL).join(format!("quarantine-{}", aside.item));
        let whole = dir.join(QUARANTINE).join(aside.item.to_string());
        write(&half, &whole, &kept, aside)?;
        let state = if aside.death == Death::Error { State::Failed } else { State::Quarantined };
        let none = String::new;
        let (file, file_blake3, pixels_blake3) = (none(), none(), none());
        let (item, attempts) = (aside.item, aside.attempts);
        let record = Record { item, state, attempts, file, file_blake3, pixels_blake3 };
        Journal::append_to(dir)?.append(&[record])
    }
}

fn write(
    half: &Path,
    whole: &Path,
    kept: &Kept,
    aside: &SetAside<'_, Tile>,
) -> Result<(), Failure> {
    let head = aside.input.head;
    let mut png = vec![0; Format::Png.bytes_max(&head)];
    let len = Format::Png.encode(&head, &aside.input.pixels, &mut png)?;
    let text = serde_json::to_string_pretty(kept).map_err(Failure::engine)?;
    let stack = aside.will.map_or(&[][..], |will| &will.stack);
    let fill = || {
        fs::create_dir_all(half)?;
        fs::write(half.join(INPUT), &png[..len])?;
        fs::write(half.join(EVIDENCE), text + "\n")?;
        if !stack.is_empty() {
            fs::write(half.join(STACK), stack)?;
        }
        fs::create_dir_all(whole.parent().unwrap_or(whole))?;
        match fs::rename(half, whole) {
            // An earlier incarnation got this far, and not as far as its journal.
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => fs::remove_dir_all(half),
            renamed => renamed,
        }
    };
    fill().map_err(|e| refused("write", whole, &e))
}
