//! The pictures in a folder.

use super::file::{self, unreadable};
use crate::message::Failure;
use std::path::{Path, PathBuf};

/// Names that claim to be pictures: when such a file is none, that is an error rather than left out.
const EXTENSIONS: [&str; 5] = ["png", "jpg", "jpeg", "tif", "tiff"];

/// `path` itself when it is a file; the pictures directly in it, by name, when it is a folder.
///
/// # Errors
/// When `path` does not exist, cannot be read, or is a folder without pictures.
pub(super) fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let about = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?;
    if about.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    if !about.is_dir() {
        return Err(Failure::input(format!(
            "{} is neither a file nor a folder: name a picture or a folder of pictures",
            path.display()
        )));
    }
    let mut pictures = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|e| unreadable(path, &e))? {
        let file = entry.map_err(|e| unreadable(path, &e))?.path();
        if is_picture(&file)? {
            pictures.push(file);
        }
    }
    // Whole paths of one folder sort as their names do; the system gives them in no order.
    pictures.sort();
    if pictures.is_empty() {
        return Err(Failure::input(format!(
            "{} is a folder without a picture in it: put PNG, JPEG or TIFF files there",
            path.display()
        )));
    }
    Ok(pictures)
}

fn is_picture(path: &Path) -> Result<bool, Failure> {
    let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
    // A link that leads nowhere is not a file either.
    if hidden || !std::fs::metadata(path).is_ok_and(|about| about.is_file()) {
        return Ok(false);
    }
    let claims = path
        .extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known)));
    Ok(claims || file::kind(path)?.is_some())
}
