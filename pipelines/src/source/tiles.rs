//! The tiles of a layout, one after the other, with a bounded part of a file in memory.

use super::jpeg::Jpeg;
use super::png::Png;
use super::tiff::Tiff;
use super::{check_band, check_split, check_tile_bytes, file, synthetic};
use crate::image::layout::{Layout, Origin, Scene};
use crate::image::raster::{PixelFormat, Rect, TileHead};
use crate::message::{Failure, ItemId};

/// Gives the tiles of a layout in item order.
pub struct Tiles {
    layout: Layout,
    next: ItemId,
    /// The scene that is being read, and what reads it.
    open: Option<(u32, Reader)>,
}

enum Reader {
    Png(Box<Png>),
    Jpeg(Jpeg),
    Tiff(Box<Tiff>),
    Synthetic { seed: u64, size: (u32, u32) },
    Bytes(Vec<u8>),
}

impl Tiles {
    /// Starts before the first tile of `layout` and opens its first scene; the others are opened when
    /// their first tile is read.
    ///
    /// # Errors
    /// [`Blame::Input`](crate::message::Blame::Input) when the layout is beyond a limit, or the first
    /// scene's file cannot be opened or is not what it was when the layout was made.
    pub fn open(layout: &Layout) -> Result<Self, Failure> {
        check_split(layout.split)?;
        check_tile_bytes(layout)?;
        let mut tiles = Self { layout: layout.clone(), next: 0, open: None };
        if !layout.scenes.is_empty() {
            tiles.reader(0)?;
        }
        Ok(tiles)
    }

    /// What the next tile is; `None` after the last one. Nothing is read and nothing advances.
    pub fn next(&self) -> Option<TileHead> {
        self.layout.place(self.next).map(|place| place.head)
    }

    /// Decodes the next tile into the first `head.bytes()` bytes of `into`, and advances, also when
    /// that fails: the same tile is never tried again.
    ///
    /// # Errors
    /// [`Blame::Input`](crate::message::Blame::Input) when the scene's file cannot be opened, has
    /// changed, is damaged or ends too early;
    /// [`Blame::Engine`](crate::message::Blame::Engine) when there is no next tile or `into` is too
    /// small for it.
    pub fn read(&mut self, into: &mut [u8]) -> Result<TileHead, Failure> {
        let Some(head) = self.next() else {
            return Err(Failure::engine(format!(
                "all {} tiles have been read already: this is a bug, report it",
                self.next
            )));
        };
        self.next += 1;
        let given = into.len();
        let Some(into) = into.get_mut(..head.bytes()) else {
            return Err(Failure::engine(format!(
                "item {} needs {} bytes and was given {given}: this is a bug, report it",
                head.item,
                head.bytes()
            )));
        };
        self.reader(head.scene)?.read(&head.rect, into)?;
        Ok(head)
    }

    /// Passes over the next tile without decoding it; does nothing after the last one.
    pub fn skip(&mut self) {
        if self.next().is_some() {
            self.next += 1;
        }
    }

    /// What reads `scene`, opened if need be.
    fn reader(&mut self, scene: u32) -> Result<&mut Reader, Failure> {
        let opened = match self.open.take() {
            Some((number, reader)) if number == scene => reader,
            _ => Reader::open(&self.layout, &self.layout.scenes[scene as usize])?,
        };
        Ok(&mut self.open.insert((scene, opened)).1)
    }
}

impl Reader {
    fn open(layout: &Layout, scene: &Scene) -> Result<Self, Failure> {
        let path = match &scene.origin {
            Origin::Synthetic(seed) if scene.format == PixelFormat::RGB8 => {
                let size = (scene.width_px, scene.height_px);
                return Ok(Self::Synthetic { seed: *seed, size });
            }
            Origin::Synthetic(_) => {
                return Err(Failure::input("a synthetic scene is 8-bit RGB and nothing else"));
            }
            Origin::Bytes(path) => {
                let bytes = std::fs::read(path).map_err(|e| file::unreadable(path, &e))?;
                return match bytes.len() == scene.width_px as usize {
                    true => Ok(Self::Bytes(bytes)),
                    false => Err(changed(scene, path, "its length is another")),
                };
            }
            Origin::File(path) => path,
        };
        let (reader, header) = match file::kind(path)? {
            Some(file::Kind::Png) => Png::open(path).map(|(r, h)| (Self::Png(Box::new(r)), h))?,
            Some(file::Kind::Jpeg) => Jpeg::open(path).map(|(r, h)| (Self::Jpeg(r), h))?,
            Some(file::Kind::Tiff) => {
                Tiff::open(path).map(|(r, h)| (Self::Tiff(Box::new(r)), h))?
            }
            None => return Err(changed(scene, path, "it is no picture any more")),
        };
        let size = (header.width_px, header.height_px);
        if size != (scene.width_px, scene.height_px) || header.format != scene.format {
            return Err(changed(scene, path, "its size or pixel format is another"));
        }
        check_band(path, &header, layout.split)?;
        Ok(reader)
    }

    fn read(&mut self, rect: &Rect, into: &mut [u8]) -> Result<(), Failure> {
        match self {
            Self::Png(png) => png.read(rect, into),
            Self::Jpeg(jpeg) => jpeg.read(rect, into),
            Self::Tiff(tiff) => tiff.read(rect, into),
            Self::Synthetic { seed, size } => {
                synthetic::fill(*seed, size.0, size.1, *rect, into);
                Ok(())
            }
            Self::Bytes(bytes) => {
                let first = rect.x as usize;
                into.copy_from_slice(&bytes[first..first + into.len()]);
                Ok(())
            }
        }
    }
}

fn changed(scene: &Scene, path: &std::path::Path, how: &str) -> Failure {
    Failure::input(format!(
        "{} has changed since the job was laid out with {} x {} pixels ({how}): start over",
        path.display(),
        scene.width_px,
        scene.height_px
    ))
}
