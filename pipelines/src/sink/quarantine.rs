//! Where items go that cannot be done: each with its input and the evidence of why.

use super::folder::Folder;
use super::journal::{Journal, Record, State};
use super::{PARTIAL, refused};
use crate::engine::SetAside;
use crate::image::codec::Format;
use crate::image::raster::Tile;
use crate::message::{Death, Failure};
use serde::Serialize;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// The folder of items set aside.
pub const QUARANTINE: &str = "quarantine";

/// What is known of why an item could not be done: `evidence.json`.
#[derive(Serialize)]
struct Evidence<'a> {
    item: u64,
    file: String,
    x_px: u32,
    y_px: u32,
    width_px: u32,
    height_px: u32,
    attempts: u32,
    /// The cause of the last attempt's end.
    death: String,
    /// The tail of what the worker wrote to standard error, or the handler's error.
    words: &'a str,
    /// The tile as it went in, in this folder.
    input: &'static str,
}

/// Sets an item aside: its input and the evidence into `quarantine/ITEM/`, its record into the journal.
///
/// # Errors
/// When the folder cannot be written.
pub fn set_aside(folder: &Folder, aside: &SetAside<'_, Tile>) -> Result<(), Failure> {
    let Folder { dir, layout, format } = folder;
    let head = aside.input.head;
    let place = layout.place(aside.item).expect("an item that was produced has a place");
    let evidence = Evidence {
        item: aside.item,
        file: layout.file_name(&place, format.extension()),
        x_px: head.rect.x,
        y_px: head.rect.y,
        width_px: head.rect.width,
        height_px: head.rect.height,
        attempts: aside.attempts,
        death: aside.death.to_string(),
        words: &aside.words,
        input: "input.png",
    };
    let half = dir.join(PARTIAL).join(format!("quarantine-{}", aside.item));
    let whole = dir.join(QUARANTINE).join(aside.item.to_string());
    write(&half, &whole, &evidence, aside)?;
    let state = if aside.death == Death::Error { State::Failed } else { State::Quarantined };
    let none = String::new;
    let (file, file_blake3, pixels_blake3) = (none(), none(), none());
    let (item, attempts) = (aside.item, aside.attempts);
    let record = Record { item, state, attempts, file, file_blake3, pixels_blake3 };
    Journal::append_to(dir)?.append(&[record])
}

fn write(
    half: &Path,
    whole: &Path,
    evidence: &Evidence<'_>,
    aside: &SetAside<'_, Tile>,
) -> Result<(), Failure> {
    let head = aside.input.head;
    let mut png = vec![0; Format::Png.bytes_max(&head)];
    let len = Format::Png.encode(&head, &aside.input.pixels, &mut png)?;
    let text = serde_json::to_string_pretty(evidence).map_err(Failure::engine)?;
    let fill = || {
        fs::create_dir_all(half)?;
        fs::write(half.join("input.png"), &png[..len])?;
        fs::write(half.join("evidence.json"), text + "\n")?;
        fs::create_dir_all(whole.parent().unwrap_or(whole))?;
        match fs::rename(half, whole) {
            // An earlier incarnation got this far, and not as far as its journal.
            Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => fs::remove_dir_all(half),
            renamed => renamed,
        }
    };
    fill().map_err(|e| refused("write", whole, &e))
}
