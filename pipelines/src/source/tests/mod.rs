//! Pictures of every kind come back unchanged, tile by tile; what cannot be read is refused in words.

mod make;
mod refusals;
mod web;

use super::*;
use crate::image::raster::{PixelFormat, Rect};
use make::{Picture, TiffShape};
use std::path::PathBuf;
use tempfile::TempDir;

const SPLITS: [Split; 6] = [
    Split::Tiles(16),
    Split::Tiles(13),
    Split::Tiles(48),
    Split::Tiles(500),
    Split::Strips(1),
    Split::Strips(20),
];

fn probe_one(path: &Path, split: Split) -> Result<Layout, Failure> {
    probe(&[path.display().to_string()], split, 0, Path::new("unused"))
}

/// Reads all tiles of a file, some of them skipped, and compares them with the picture.
fn check(path: &Path, picture: &Picture) {
    for split in SPLITS {
        let layout = probe_one(path, split).unwrap();
        let scene = &layout.scenes[0];
        assert_eq!((scene.width_px, scene.height_px), (picture.width, picture.height));
        assert_eq!(scene.format, picture.format);
        for stride in [1, 3] {
            let mut tiles = Tiles::open(&layout).unwrap();
            let mut room = vec![0; layout.tile_bytes_max()];
            while let Some(head) = tiles.next() {
                if head.item % stride != 0 {
                    tiles.skip();
                    continue;
                }
                assert_eq!(tiles.read(&mut room).unwrap(), head);
                let want = picture.part(&head.rect);
                assert_eq!(
                    &room[..head.bytes()],
                    &want[..],
                    "{} {split:?} {head:?}",
                    path.display()
                );
            }
            assert!(tiles.read(&mut room).is_err());
            tiles.skip();
        }
    }
}

fn formats() -> impl Iterator<Item = PixelFormat> {
    [1, 2, 3, 4]
        .into_iter()
        .flat_map(|channels| [8, 16].map(|depth| PixelFormat { channels, depth }))
}

fn folder() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scene");
    (dir, path)
}

#[test]
fn png_comes_back_unchanged() {
    let (_dir, path) = folder();
    for format in formats() {
        let picture = Picture::new(61, 45, format);
        make::png(&picture, &path);
        check(&path, &picture);
    }
}

#[test]
fn interlaced_png_is_decoded_whole() {
    let (_dir, path) = folder();
    for format in formats() {
        let picture = Picture::new(1, 1, format);
        make::png(&picture, &path);
        make::interlace(&path);
        assert_eq!(file::header(&path).unwrap().block, (1, 1));
        check(&path, &picture);
    }
}

#[test]
fn palettes_and_few_bits_are_expanded() {
    let (_dir, path) = folder();
    let grey = Picture::of(4, 1, PixelFormat { channels: 1, depth: 8 }, vec![0, 85, 170, 255]);
    make::small_png(&path, ::png::ColorType::Grayscale, 4, &[0b00_01_10_11]);
    check(&path, &grey);
    let colours = vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3];
    make::small_png(&path, ::png::ColorType::Indexed, 4, &[0b00_01_10_00]);
    check(&path, &Picture::of(4, 1, PixelFormat::RGB8, colours));
}

#[test]
fn tiff_comes_back_unchanged_whatever_its_blocks() {
    let (_dir, path) = folder();
    for (number, format) in formats().enumerate() {
        let picture = Picture::new(61, 45, format);
        for (turn, block) in [
            TiffShape::Strips(1),
            TiffShape::Strips(7),
            TiffShape::Strips(45),
            TiffShape::Tiles(16, 16),
            TiffShape::Tiles(48, 32),
        ]
        .into_iter()
        .enumerate()
        {
            // Byte order and size of offsets vary along, so that each meets each.
            let (big_endian, big) = ((number + turn) % 2 == 0, (number / 2 + turn) % 2 == 0);
            make::tiff(&picture, block, big_endian, big, &path);
            check(&path, &picture);
        }
    }
}

#[test]
fn compressed_tiff_comes_back_unchanged() {
    use ::tiff::encoder::{Compression, DeflateLevel};
    let (_dir, path) = folder();
    for compression in
        [Compression::Deflate(DeflateLevel::Fast), Compression::Lzw, Compression::Packbits]
    {
        let picture = Picture::new(61, 45, PixelFormat::RGB8);
        make::compressed_tiff(&picture, compression, 6, &path);
        check(&path, &picture);
    }
}

#[test]
fn jpeg_comes_back_as_its_decoder_sees_it() {
    let (_dir, path) = folder();
    for (color, channels) in [(jpeg_encoder::ColorType::Luma, 1), (jpeg_encoder::ColorType::Rgb, 3)]
    {
        let picture = Picture::new(61, 45, PixelFormat { channels, depth: 8 });
        let seen = make::jpeg(&picture, color, &path);
        check(&path, &seen);
    }
}

#[test]
fn folders_are_read_in_order_and_names_stay_unique() {
    let (dir, _) = folder();
    let picture = Picture::new(5, 4, PixelFormat::RGB8);
    for name in ["b.png", "a.tif", "a.png", ".hidden.png"] {
        make::png(&picture, &dir.path().join(name));
    }
    std::fs::write(dir.path().join("notes.txt"), "not a picture").unwrap();
    std::fs::create_dir(dir.path().join("sub.png")).unwrap();
    let inputs =
        [dir.path().display().to_string(), "synthetic:70x50".into(), "synthetic:1x1".into()];
    let layout = probe(&inputs, Split::Tiles(64), 9, dir.path()).unwrap();
    let names: Vec<_> = layout.scenes.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["a", "a-2", "b", "synthetic", "synthetic-2"]);
    let mut tiles = Tiles::open(&layout).unwrap();
    let mut room = vec![0; layout.tile_bytes_max()];
    for _ in 0..layout.items() {
        let head = tiles.read(&mut room).unwrap();
        if head.scene == 3 {
            let mut want = vec![0; head.bytes()];
            synthetic::fill(9, 70, 50, head.rect, &mut want);
            assert_eq!(room[..head.bytes()], want);
        }
    }
    assert_eq!(tiles.next(), None);
}
