//! What a foreign program left behind, as far as it is seen from outside: the files of its tiles. Its encoder makes
//! other bytes of the same pixels, so that pixels are compared.

use super::{Checksum, Event, Item, State};
use crate::golden::Golden;
use crate::output::file_blake3;
use crate::subject::{Spec, foreign::EXTENSIONS};
use pipelines::black_box::{BlackBox, What};
use pipelines::image::layout::{Place, Split};
use pipelines::image::raster::TileHead;
use pipelines::message::{Failure, ItemId};
use pipelines::source::{self, Tiles};
use std::path::{Path, PathBuf};

/// An item of a command. Each time when its file was seen finished is an attempt and a delivery; `fresh` are the
/// events since the command was last started from zero.
pub(super) fn item(
    item: ItemId,
    spec: &Spec,
    black_box: &BlackBox,
    fresh: &[Event],
    golden: &Golden,
) -> Item {
    let mut done = fresh.iter().filter(|e| e.what == What::Done);
    let times = done.clone().count() as u32;
    let place = spec.layout.place(item);
    let found = place.and_then(|place| {
        let head = spec.job.output(place.head);
        file(spec, &place).and_then(|path| checksum(&path, head))
    });
    Item {
        item,
        attempts: black_box.begun(item),
        state: if found.is_some() { State::Done } else { State::Lost },
        deliveries: times.max(u32::from(found.is_some())),
        lent_ns: None,
        done_ns: done.next().map(|e| e.t_ns),
        work_ns: None,
        found_blake3: found,
        golden_blake3: golden.pixels_blake3.get(item as usize).copied(),
    }
}

/// The file of a tile, in whatever format it was written.
pub(super) fn file(spec: &Spec, place: &Place) -> Option<PathBuf> {
    let names = EXTENSIONS.iter().map(|ending| spec.layout.file_name(place, ending));
    names.map(|name| spec.dir.join(name)).find(|path| path.is_file())
}

/// What histories keep of a tile's pixels; of a file that is not such a tile, that of the file, which no tile's pixels
/// have. `None` when there is no file.
fn checksum(path: &Path, head: TileHead) -> Option<Checksum> {
    let pixels = pixels(path, head).ok().flatten();
    let hash = pixels.map(|pixels| blake3::hash(&pixels).to_hex().to_string());
    hash.or_else(|| file_blake3(path)).and_then(|hash| Checksum::of(&hash))
}

/// The pixels of a file, if they are as many, and of the same kind, as `head` says.
fn pixels(path: &Path, head: TileHead) -> Result<Option<Vec<u8>>, Failure> {
    if path.extension().is_some_and(|ending| ending == "raw") {
        let pixels = std::fs::read(path).map_err(Failure::engine)?;
        return Ok((pixels.len() == head.bytes()).then_some(pixels));
    }
    let (width, height) = (head.rect.width, head.rect.height);
    let input = [path.display().to_string()];
    let layout = source::probe(&input, Split::Tiles(width.max(height)), 0, Path::new(""))?;
    let scene = &layout.scenes[0];
    if (scene.width_px, scene.height_px, scene.format) != (width, height, head.format) {
        return Ok(None);
    }
    let mut pixels = vec![0; head.bytes()];
    Tiles::open(&layout)?.read(&mut pixels)?;
    Ok(Some(pixels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipelines::image::codec::Format;
    use pipelines::image::raster::{PixelFormat, Rect};

    fn head(width: u32, height: u32, channels: u8) -> TileHead {
        let rect = Rect { x: 64, y: 0, width, height };
        TileHead { item: 1, scene: 0, rect, halo: 0, format: PixelFormat { channels, depth: 8 } }
    }

    #[test]
    fn the_same_pixels_have_one_checksum_whatever_they_are_written_as() {
        let dir = tempfile::tempdir().unwrap();
        let head = head(9, 5, 3);
        let pixels: Vec<u8> = (0..head.bytes()).map(|n| (n * 7) as u8).collect();
        let expected = Checksum::of(blake3::hash(&pixels).to_hex().as_str()).unwrap();
        let mut png = vec![0; Format::Png.bytes_max(&head)];
        let bytes = Format::Png.encode(&head, &pixels, &mut png).unwrap();
        png.truncate(bytes);
        for (name, bytes) in [("a.raw", &pixels), ("a.png", &png)] {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(checksum(&path, head), Some(expected), "{name}");
            // Half written, changed, or of another size or kind.
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            assert_ne!(checksum(&path, head), Some(expected), "half of {name}");
            std::fs::write(&path, bytes).unwrap();
        }
        for other in [self::head(5, 9, 3), self::head(9, 5, 1), self::head(9, 6, 3)] {
            assert_ne!(checksum(&dir.path().join("a.png"), other), Some(expected));
        }
        std::fs::write(dir.path().join("a.png"), "no picture").unwrap();
        assert_ne!(checksum(&dir.path().join("a.png"), head), Some(expected));
        assert_eq!(checksum(&dir.path().join("b.png"), head), None);
    }
}
