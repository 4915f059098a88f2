//! Every reason not to read something has its sentence, which names the file.

use super::*;

fn refused(path: &Path, words: &str) {
    let result = probe_one(path, Split::Tiles(16));
    let what = result.expect_err(words).what;
    assert!(what.contains(words) && what.contains(&path.display().to_string()), "{what}");
}

fn write(dir: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A JPEG's start with a frame of this marker, depth, size and number of components.
fn jpeg_header(marker: u8, bits: u8, height: u16, width: u16, components: u8) -> Vec<u8> {
    let [h, w] = [height.to_be_bytes(), width.to_be_bytes()];
    let mut file = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 9, 9, 0xff, marker, 0, 17, bits];
    file.extend([h[0], h[1], w[0], w[1], components, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file
}

#[test]
fn what_is_no_picture_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    refused(&dir.path().join("none.tif"), "does not exist");
    refused(&write(&dir, "empty.png", b""), "is empty");
    refused(&write(&dir, "text.tif", b"Dear all,\nthis is no picture.\n"), "is text");
    refused(&write(&dir, "noise.png", &[1, 0, 255, 3]), "is not a picture");
    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    refused(&folder, "without a picture");
}

#[test]
fn damaged_headers_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("whole");
    let picture = Picture::new(20, 20, PixelFormat::RGB8);
    make::png(&picture, &path);
    let whole = std::fs::read(&path).unwrap();
    refused(&write(&dir, "cut.png", &whole[..20]), "cut short");
    make::tiff(&picture, TiffShape::Strips(5), true, false, &path);
    let whole = std::fs::read(&path).unwrap();
    for length in [4, 6, 9, whole.len() - 60] {
        refused(&write(&dir, "cut.tif", &whole[..length]), "cut short");
    }
    let whole = jpeg_header(0xc0, 8, 4, 4, 3);
    for length in [3, 4, 7, 9, 12, 17] {
        refused(&write(&dir, "cut.jpg", &whole[..length]), "cut short");
    }
    refused(&write(&dir, "odd.jpg", &[0xff, 0xd8, 0xff, 0xe0, 0, 1, 0, 0]), "impossible length");
}

#[test]
fn impossible_sizes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    refused(&write(&dir, "zero.jpg", &jpeg_header(0xc0, 8, 0, 5, 3)), "has no pixels");
    refused(&write(&dir, "huge.jpg", &jpeg_header(0xc2, 8, 65535, 65535, 3)), "decoded whole");
    let path = dir.path().join("huge.tif");
    make::tiff(&Picture::new(4, 4, PixelFormat::RGB8), TiffShape::Strips(4), false, false, &path);
    let mut file = std::fs::read(&path).unwrap();
    let width = file.windows(4).position(|w| w == [0, 1, 4, 0]).unwrap() + 8;
    file[width..width + 4].copy_from_slice(&2_000_000_u32.to_le_bytes());
    refused(&write(&dir, "huge.tif", &file), "limit");
    file[width..width + 4].fill(0);
    refused(&write(&dir, "zero.tif", &file), "damaged");
    file[width..width + 4].copy_from_slice(&1_000_000_u32.to_le_bytes());
    let height = width + 12;
    file[height..height + 4].copy_from_slice(&1_000_000_u32.to_le_bytes());
    let rows = file.windows(2).rposition(|w| w == [0x16, 1]).unwrap() + 8;
    file[rows..rows + 4].fill(255);
    refused(&write(&dir, "tall.tif", &file), "MiB");
}

#[test]
fn unsupported_kinds_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    refused(&write(&dir, "cmyk.jpg", &jpeg_header(0xc0, 8, 4, 4, 4)), "CMYK");
    refused(&write(&dir, "deep.jpg", &jpeg_header(0xc1, 12, 4, 4, 1)), "8 bits");
    refused(&write(&dir, "lossless.jpg", &jpeg_header(0xc3, 8, 4, 4, 3)), "lossless");
    let path = dir.path().join("kind.tif");
    make::tiff(&Picture::new(4, 4, PixelFormat::RGB8), TiffShape::Strips(4), false, false, &path);
    let file = std::fs::read(&path).unwrap();
    // Each entry: tag, type 4, count, value.
    let with = |tag: u16, value: u32| {
        let mut file = file.clone();
        let [low, high] = tag.to_le_bytes();
        let at = file.windows(4).rposition(|w| w == [low, high, 4, 0]).unwrap() + 8;
        file[at..at + 4].copy_from_slice(&value.to_le_bytes());
        file
    };
    refused(&write(&dir, "palette.tif", &with(262, 3)), "palette");
    refused(&write(&dir, "cmyk.tif", &with(262, 5)), "CMYK");
    refused(&write(&dir, "ycbcr.tif", &with(262, 6)), "YCbCr");
    refused(&write(&dir, "zstd.tif", &with(259, 50000)), "ZSTD");
    for depth in [1_u32, 4, 32] {
        let mut file = file.clone();
        let bits: Vec<u8> = [8_u32; 3].iter().flat_map(|b| b.to_le_bytes()).collect();
        let at = file.windows(12).rposition(|w| w == bits).unwrap();
        for i in 0..3 {
            file[at + 4 * i..at + 4 * i + 4].copy_from_slice(&depth.to_le_bytes());
        }
        refused(&write(&dir, "bits.tif", &file), &format!("{depth} bits"));
    }
}

#[test]
fn impossible_jobs_are_refused() {
    let ask = |input: &str, split| {
        probe(&[input.to_owned()], split, 0, Path::new("unused")).unwrap_err().what
    };
    for side in [0, TILE_SIDE_MAX_PX + 1] {
        assert!(ask("synthetic:4x4", Split::Tiles(side)).contains("a tile's side"));
        assert!(ask("synthetic:4x4", Split::Strips(side)).contains("a strip's height"));
    }
    for size in ["", "4", "x", "0x4", "4x0", "4x-4", "4x4x4", "9999999x4"] {
        assert!(
            ask(&format!("synthetic:{size}"), Split::Tiles(9)).contains("is not a size"),
            "{size}"
        );
    }
    assert!(ask("synthetic:65536x65536", Split::Tiles(65536)).contains("MiB"));
    assert!(probe(&[], Split::Tiles(9), 0, Path::new("")).unwrap_err().what.contains("no input"));
}

/// Opens a layout and reads until something goes wrong.
fn first_failure(layout: &Layout) -> Failure {
    let mut room = vec![0; layout.tile_bytes_max()];
    let mut tiles = match Tiles::open(layout) {
        Ok(tiles) => tiles,
        Err(failure) => return failure,
    };
    loop {
        if let Err(failure) = tiles.read(&mut room) {
            return failure;
        }
    }
}

#[test]
fn pixels_that_end_early_are_an_error_that_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let picture = Picture::new(100, 100, PixelFormat::RGB8);
    let path = dir.path().join("cut");
    let cut = |words: &str| {
        for split in [Split::Tiles(32), Split::Strips(10)] {
            let whole = std::fs::read(&path).unwrap();
            let layout = probe_one(&path, split).unwrap();
            std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            let what = first_failure(&layout).what;
            std::fs::write(&path, whole).unwrap();
            assert!(what.contains(words) && what.contains("cut"), "{what}");
        }
    };
    make::png(&picture, &path);
    cut("cut short at row ");
    make::jpeg(&picture, jpeg_encoder::ColorType::Rgb, &path);
    cut("no end marker");
    // A TIFF's directory may stand at its end: here one block lies beyond it instead.
    make::tiff(&picture, TiffShape::Strips(10), false, false, &path);
    let mut file = std::fs::read(&path).unwrap();
    let entry = file.windows(4).rposition(|w| w == [17, 1, 4, 0]).unwrap() + 8;
    let list = u32::from_le_bytes(file[entry..entry + 4].try_into().unwrap()) as usize;
    file[list + 28..list + 32].copy_from_slice(&[0, 0, 0, 127]);
    std::fs::write(&path, file).unwrap();
    for split in [Split::Tiles(32), Split::Strips(10), Split::Strips(32)] {
        let what = first_failure(&probe_one(&path, split).unwrap()).what;
        assert!(what.contains("cut short in its block 7, rows 70 to 79"), "{what}");
    }
}

#[test]
fn a_file_that_became_another_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("scene.png");
    make::png(&Picture::new(9, 9, PixelFormat::RGB8), &path);
    let layout = probe_one(&path, Split::Tiles(4)).unwrap();
    make::png(&Picture::new(9, 8, PixelFormat::RGB8), &path);
    assert!(first_failure(&layout).what.contains("has changed since"));
    make::png(&Picture::new(9, 9, PixelFormat { channels: 1, depth: 8 }), &path);
    assert!(first_failure(&layout).what.contains("has changed since"));
    std::fs::write(&path, "text").unwrap();
    assert!(first_failure(&layout).what.contains("has changed since"));
    std::fs::remove_file(&path).unwrap();
    assert!(first_failure(&layout).what.contains("does not exist"));
}
