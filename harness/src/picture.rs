//! A small picture of the input, for whoever looks at results later: the input itself may be gone by then.

use pipelines::image::layout::{Layout, Origin};
use pipelines::image::raster::PixelFormat;
use pipelines::source::Tiles;
use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::Path;

/// Its name in a folder of results.
pub const FILE: &str = "input.png";
/// Pixels of its longer side, at most.
const SIDE_PX: u32 = 256;

/// How bright it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across, at least 1.
    pub width_px: u32,
    /// Pixels down, at least 1.
    pub height_px: u32,
    /// Of each pixel, row by row: 0 black to 255 white.
    pub grey: Vec<u8>,
}

impl Picture {
    /// That of a folder of results; `None` if there is none, or something else has its name.
    pub fn read(dir: &Path) -> Option<Self> {
        let file = BufReader::new(File::open(dir.join(FILE)).ok()?);
        let mut reader = png::Decoder::new(file).read_info().ok()?;
        let mut rgb = vec![0; reader.output_buffer_size()?];
        let info = reader.next_frame(&mut rgb).ok()?;
        let ours = (info.color_type, info.bit_depth) == (png::ColorType::Rgb, png::BitDepth::Eight);
        let small = info.width.max(info.height) <= SIDE_PX;
        // BT.601, in parts of 256.
        let luma = |p: &[u8; 3]| {
            let [red, green, blue] = p.map(u32::from);
            ((77 * red + 150 * green + 29 * blue) >> 8) as u8
        };
        let grey = rgb[..info.buffer_size()].as_chunks().0.iter().map(luma).collect();
        let picture = Self { width_px: info.width, height_px: info.height, grey };
        (ours && small).then_some(picture)
    }
}

impl Picture {
    /// How bright its pixels are there, in the mean; white where it has none.
    pub fn mean(&self, columns: Range<u32>, rows: Range<u32>) -> u32 {
        let row = |y: u32| (y * self.width_px) as usize;
        let (mut sum, mut pixels) = (0, 0);
        for y in rows {
            let part = row(y) + columns.start as usize..row(y) + columns.end as usize;
            for grey in self.grey.get(part).unwrap_or_default() {
                (sum, pixels) = (sum + u32::from(*grey), pixels + 1);
            }
        }
        sum.checked_div(pixels).unwrap_or(u32::from(u8::MAX))
    }
}

/// The file for an input of one picture, the same whenever it is made: of each of its parts the pixel in the middle.
/// `None` for a folder of pictures, for files that only a worker decodes, and for what cannot be read: nothing depends on
/// it.
pub fn of(layout: &Layout) -> Option<Vec<u8>> {
    let [scene] = layout.scenes.as_slice() else { return None };
    if matches!(scene.origin, Origin::Bytes(_)) {
        return None;
    }
    let (wide, high) = (scene.width_px, scene.height_px);
    let longer = u64::from(wide.max(high));
    let side = |px: u32| (u64::from(px) * u64::from(SIDE_PX.min(wide.max(high))) / longer).max(1);
    let (width, height) = (side(wide), side(high));
    // Which pixel of the input stands for one of the picture.
    let middle = |k: u64, of: u64, px: u32| (2 * k + 1) * u64::from(px) / (2 * of);
    let columns: Vec<_> = (0..width).map(|k| middle(k, width, wide)).collect();
    let rows: Vec<_> = (0..height).map(|k| middle(k, height, high)).collect();
    let mut rgb = vec![0; (3 * width * height) as usize];
    let mut tiles = Tiles::open(layout).ok()?;
    let mut pixels = vec![0; layout.tile_bytes_max()];
    while tiles.next().is_some() {
        let head = tiles.read(&mut pixels).ok()?;
        let (rect, each) = (head.rect, head.format.bytes());
        let of = |all: &[u64], from: u32, len: u32| {
            let at = |px: u32| all.partition_point(|p| *p < u64::from(px));
            at(from)..at(from + len)
        };
        for row in of(&rows, rect.y, rect.height) {
            for column in of(&columns, rect.x, rect.width) {
                let (x, y) = (columns[column] as usize, rows[row] as usize);
                let (x, y) = (x - rect.x as usize, y - rect.y as usize);
                let pixel = &pixels[(y * rect.width as usize + x) * each..][..each];
                let at = 3 * (row * width as usize + column);
                rgb[at..at + 3].copy_from_slice(&shown(head.format, pixel));
            }
        }
    }
    encoded(width as u32, height as u32, &rgb)
}

/// A pixel as 8-bit RGB, without its alpha.
fn shown(format: PixelFormat, pixel: &[u8]) -> [u8; 3] {
    let sample = |k: usize| match format.depth {
        16 => (u16::from_ne_bytes([pixel[2 * k], pixel[2 * k + 1]]) >> 8) as u8,
        _ => pixel[k],
    };
    if format.channels < 3 { [sample(0); 3] } else { [0, 1, 2].map(sample) }
}

fn encoded(width: u32, height: u32, rgb: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(rgb).ok()?;
    writer.finish().ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipelines::image::layout::Split;
    use pipelines::source::probe;

    fn layout(input: &str, dir: &Path) -> Layout {
        probe(&[input.to_owned()], Split::Tiles(64), 5, dir).unwrap()
    }

    #[test]
    fn it_is_small_as_wide_as_the_input_and_always_the_same() {
        let dir = tempfile::tempdir().unwrap();
        for (input, size) in [
            ("synthetic:600x300", (256, 128)),
            ("synthetic:100x200", (100, 200)),
            ("synthetic:3x1000", (1, 256)),
        ] {
            let bytes = of(&layout(input, dir.path())).unwrap();
            assert_eq!(of(&layout(input, dir.path())), Some(bytes.clone()), "{input}");
            std::fs::write(dir.path().join(FILE), bytes).unwrap();
            let picture = Picture::read(dir.path()).unwrap();
            assert_eq!((picture.width_px, picture.height_px), size, "{input}");
            assert_eq!(picture.grey.len() as u32, size.0 * size.1);
        }
    }

    #[test]
    fn each_pixel_is_one_of_the_input() {
        let dir = tempfile::tempdir().unwrap();
        // 300 pixels in 256: as a file, and grey with 16 bits.
        let pixel = |x: u32, y: u32| (x * 150 + y * 3) as u16;
        let path = dir.path().join("a.png");
        let mut encoder = png::Encoder::new(File::create(&path).unwrap(), 300, 150);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
        let all = (0..150).flat_map(|y| (0..300).flat_map(move |x| pixel(x, y).to_be_bytes()));
        let all: Vec<u8> = all.collect();
        encoder.write_header().unwrap().write_image_data(&all).unwrap();
        std::fs::write(
            dir.path().join(FILE),
            of(&layout(path.to_str().unwrap(), dir.path())).unwrap(),
        )
        .unwrap();
        let picture = Picture::read(dir.path()).unwrap();
        assert_eq!((picture.width_px, picture.height_px), (256, 128));
        for (x, y) in [(0, 0), (255, 127), (77, 50), (54, 63)] {
            let (of_x, of_y) = ((2 * x + 1) * 300 / 512, (2 * y + 1) * 150 / 256);
            let found = picture.grey[(y * 256 + x) as usize];
            assert_eq!(found, (pixel(of_x, of_y) >> 8) as u8, "{x} {y}");
        }
    }

    #[test]
    fn where_there_is_no_single_picture_there_is_none_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let two = ["synthetic:9x9".to_owned(), "synthetic:9x9".to_owned()];
        assert_eq!(of(&probe(&two, Split::Tiles(64), 5, dir.path()).unwrap()), None);
        assert_eq!(Picture::read(dir.path()), None);
        std::fs::write(dir.path().join(FILE), "no picture").unwrap();
        assert_eq!(Picture::read(dir.path()), None);
    }
}
