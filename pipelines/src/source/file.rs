//! What a file is, by its first bytes.

use super::{Header, jpeg, png, tiff};
use crate::message::Failure;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How many bytes at a file's start are looked at.
const LOOK_BYTES: u64 = 512;

/// The picture formats that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Png,
    Jpeg,
    /// TIFF and BigTIFF, of either byte order.
    Tiff,
}

/// Opens a file of this machine, or says in one sentence why that is not possible.
pub(super) fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|e| unreadable(path, &e))
}

/// The sentence for a file or folder the system does not let us read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let name = path.display();
    Failure::input(match error.kind() {
        io::ErrorKind::NotFound => format!("{name} does not exist: check the path"),
        io::ErrorKind::PermissionDenied => {
            format!("{name} may not be read by this user: change its permissions")
        }
        _ => format!("{name} cannot be read: {error}"),
    })
}

/// The sentence for a file that ends, or stops making sense, within its header.
pub(super) fn broken_header(path: &Path, kind: &str, why: impl std::fmt::Display) -> Failure {
    Failure::input(format!(
        "{} starts like a {kind} but its header is damaged or cut short ({why}): get the file again",
        path.display()
    ))
}

/// The kind of picture in a file; `None` when its first bytes are those of no picture we read.
pub(super) fn kind(path: &Path) -> Result<Option<Kind>, Failure> {
    Ok(kind_of(&look(path)?))
}

/// What the picture in a file is like, from its header alone.
pub(super) fn header(path: &Path) -> Result<Header, Failure> {
    let start = look(path)?;
    match kind_of(&start) {
        Some(Kind::Png) => png::header(path),
        Some(Kind::Jpeg) => jpeg::header(path),
        Some(Kind::Tiff) => tiff::header(path),
        None => Err(stranger(path, &start)),
    }
}

fn look(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut start = Vec::new();
    let read = open(path).map(|file| file.take(LOOK_BYTES).read_to_end(&mut start))?;
    read.map_err(|e| unreadable(path, &e))?;
    Ok(start)
}

fn kind_of(start: &[u8]) -> Option<Kind> {
    const TIFFS: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
    if start.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(Kind::Png)
    } else if start.starts_with(b"\xff\xd8\xff") {
        Some(Kind::Jpeg)
    } else {
        TIFFS.iter().any(|magic| start.starts_with(magic)).then_some(Kind::Tiff)
    }
}

/// The sentence for a file that is none of ours.
fn stranger(path: &Path, start: &[u8]) -> Failure {
    let name = path.display();
    let plain = |c: char| !c.is_control() || c.is_whitespace();
    if start.is_empty() {
        return Failure::input(format!("{name} is empty: get the file again"));
    }
    let is = match std::str::from_utf8(start) {
        Ok(text) if text.chars().all(plain) => "is text, whatever its name says, and not",
        _ => "is not",
    };
    Failure::input(format!(
        "{name} {is} a picture that can be read: PNG, JPEG, TIFF and BigTIFF are supported"
    ))
}
