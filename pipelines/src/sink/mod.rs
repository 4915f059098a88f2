//! Where tiles are saved: a folder whose every file is whole or absent, and a journal of what is settled.

mod disk;
pub mod folder;
pub mod journal;
pub mod quarantine;

use crate::message::Failure;
use std::path::Path;

/// Where files are written before they get their name; emptied at the start and the end of a run.
pub const PARTIAL: &str = ".partial";

/// What the file system refused, in words that help.
pub fn refused(doing: &str, path: &Path, error: &std::io::Error) -> Failure {
    use std::io::ErrorKind::{NotADirectory, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let path = path.display();
    let help = match error.kind() {
        StorageFull => "the disk is full: free some room, then go on with --resume",
        PermissionDenied => "permission denied: choose a folder that you may write to",
        ReadOnlyFilesystem => "the file system is read-only: choose another folder",
        NotADirectory => "a part of the path is a file: choose another folder",
        _ => return Failure::output(format!("could not {doing} {path}: {error}")),
    };
    Failure::output(format!("could not {doing} {path}: {help}"))
}
