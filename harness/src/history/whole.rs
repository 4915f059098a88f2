//! Files that are whole or not there.

use pipelines::message::Failure;
use pipelines::sink::refused;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Writes a file under a temporary name in the same folder, makes it safe, and only then gives it its name, so that
/// no reader ever meets half of it and a full disk leaves the old one as it was.
pub(crate) fn write_whole(dir: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let part = dir.join(format!(".{name}.part"));
    let written = || -> io::Result<()> {
        let mut file = File::create(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&part, dir.join(name))
    };
    written().map_err(|e| {
        let _ = fs::remove_file(&part);
        refused("write", &dir.join(name), &e)
    })
}
