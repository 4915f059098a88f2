//! A folder of picture files that are decoded in the worker, one of which no decoder should be given.

use pipelines::image::codec::Format;
use pipelines::image::layout::{Layout, Scene, Split};
use pipelines::image::raster::{PixelFormat, Rect, TileHead};
use pipelines::message::Failure;
use pipelines::sink::refused;
use pipelines::source::synthetic;
use std::path::Path;

/// What an input starts with that is such a folder: `pictures:COUNT`.
pub(super) const PREFIX: &str = "pictures:";
/// Pixels across and down of each picture.
const SIDE_PX: u32 = 256;
/// Files in a folder at most.
const COUNT_MAX: u32 = 10_000;

/// The file of CVE-2023-43898 (RUSTSEC-2023-0021), put together from its public report. stb_image takes it for a
/// PIC picture of 12336 × 12336 pixels, makes room for them (580 MiB), finds none, and reads from a null pointer when
/// three channels were asked for.
pub fn cve_2023_43898() -> [u8; 97] {
    let mut file = [b'0'; 97];
    file[..4].copy_from_slice(&[0x53, 0x80, 0xf6, 0x34]);
    file[0x58..0x5c].copy_from_slice(b"PICT");
    file
}

/// How many pictures an input has, if it is of this kind.
///
/// # Errors
/// When it is, and has no such number.
pub fn count(input: &str) -> Result<Option<u32>, Failure> {
    let Some(count) = input.strip_prefix(PREFIX) else { return Ok(None) };
    match count.parse() {
        Ok(count) if (1..=COUNT_MAX).contains(&count) => Ok(Some(count)),
        _ => Err(Failure::input(format!(
            "{input} has no number of pictures from 1 to {COUNT_MAX}: write for example {PREFIX}32"
        ))),
    }
}

/// Writes `count` PNG files into `folder`, and the one of the CVE. Gives the layout of the files that are sound, and
/// the one in which that of the CVE has taken the place of the one in the middle.
///
/// # Errors
/// When the folder cannot be written.
pub fn make(folder: &Path, count: u32, seed: u64) -> Result<(Layout, Layout), Failure> {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).map_err(|e| refused("write", &path, &e))?;
        let stem = name.split('.').next().unwrap_or(name).to_owned();
        Ok::<_, Failure>(Scene::of_bytes(stem, path, bytes.len() as u32))
    };
    let rect = Rect { x: 0, y: 0, width: SIDE_PX, height: SIDE_PX };
    let head = TileHead { item: 0, scene: 0, rect, halo: 0, format: PixelFormat::RGB8 };
    let (mut pixels, mut file) = (vec![0; head.bytes()], vec![0; Format::Png.bytes_max(&head)]);
    let mut scenes = vec![];
    for n in 0..count {
        synthetic::fill(seed.wrapping_add(n.into()), SIDE_PX, SIDE_PX, rect, &mut pixels);
        let bytes = Format::Png.encode(&head, &pixels, &mut file)?;
        scenes.push(write(&format!("picture-{n}.png"), &file[..bytes])?);
    }
    let sound = Layout { scenes, split: Split::Strips(1) };
    let mut struck = sound.clone();
    let victim = &mut struck.scenes[count as usize / 2];
    let cve = write("cve-2023-43898.pic", &cve_2023_43898())?;
    // The file that is not delivered is missed under the name of the one that should be there.
    *victim = Scene { name: victim.name.clone(), ..cve };
    Ok((sound, struck))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipelines::source::Tiles;

    #[test]
    fn the_file_of_the_cve_is_the_one_of_the_report() {
        let file = cve_2023_43898();
        assert_eq!((file.len(), &file[..5]), (97, &[0x53, 0x80, 0xf6, 0x34, b'0'][..]));
        assert_eq!(&file[0x57..], b"0PICT00000");
        assert!(file[4..0x58].iter().all(|b| *b == b'0'));
    }

    #[test]
    fn the_two_folders_differ_in_one_file_and_its_bytes_are_what_comes_out() {
        let dir = tempfile::tempdir().unwrap();
        let (sound, struck) = make(dir.path(), 5, 7).unwrap();
        assert_eq!((sound.items(), struck.items()), (5, 5));
        let differ = |n: &usize| sound.scenes[*n] != struck.scenes[*n];
        assert_eq!((0..5).filter(differ).collect::<Vec<_>>(), [2]);
        assert_eq!(sound.scenes[2].name, struck.scenes[2].name);
        let (mut tiles, mut file) =
            (Tiles::open(&struck).unwrap(), vec![0; struck.tile_bytes_max()]);
        (0..2).for_each(|_| tiles.skip());
        let head = tiles.read(&mut file).unwrap();
        assert_eq!(&file[..head.bytes()], cve_2023_43898());
        std::fs::write(dir.path().join("picture-3.png"), "another").unwrap();
        assert!(tiles.read(&mut file).unwrap_err().what.contains("its length is another"));
    }

    #[test]
    fn an_input_is_a_number_of_pictures_or_none_of_our_business() {
        assert_eq!(count("synthetic:64x64").unwrap(), None);
        assert_eq!(count("pictures:32").unwrap(), Some(32));
        for input in ["pictures:", "pictures:0", "pictures:many", "pictures:10001"] {
            assert!(count(input).unwrap_err().what.contains("write for example pictures:32"));
        }
    }
}
