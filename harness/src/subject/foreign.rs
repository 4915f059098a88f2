//! A foreign program: any command line. What it is given stands in it as placeholders, and what it gives back
//! are the files of its tiles.

use super::Spec;
use pipelines::fault::Fault;
use pipelines::image::codec::Format;
use pipelines::image::layout::{Layout, Origin, Scene, Split};
use pipelines::image::raster::{PixelFormat, TileHead};
use pipelines::message::Failure;
use pipelines::sink::refused;
use pipelines::source::Tiles;
use rustix::process::Signal;
use std::io::ErrorKind;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the files of its tiles may end in: PNG and JPEG as everybody knows them, raw as `--format raw` writes it.
pub const EXTENSIONS: [&str; 4] = ["png", "jpg", "jpeg", "raw"];

/// What can stand in braces in a command, and what takes its place.
pub const PLACEHOLDERS: [(&str, &str); 8] = [
    (INPUT, "the picture: the file that was given, or a PNG of the synthetic scene"),
    (INPUT_PPM, "the same picture decoded, as binary PPM (RGB) or PGM (grey) of 8 bits"),
    ("out", "the folder for the tiles"),
    ("name", "what the names of tiles begin with: NAME_ROW_COL.png, .jpg or .raw"),
    ("tile", "edge of the tiles in pixels"),
    ("workers", "how many are to work at once"),
    ("operation", "what is done with each tile, like none or grayscale,blur:2"),
    ("resume", "yes when it was started again to go on, no otherwise"),
];
const INPUT: &str = "input";
const INPUT_PPM: &str = "input_ppm";

/// Whether a command can be given what it needs.
///
/// # Errors
/// Why not, as the end of a sentence that begins with what the command is called.
pub fn check(words: &[String]) -> Result<(), String> {
    let mut found = vec![];
    for word in words {
        fill(word, &mut |name| {
            found.push(name.to_owned());
            None
        });
    }
    let known = |name: &String| PLACEHOLDERS.iter().any(|(known, _)| known == name);
    let all = || PLACEHOLDERS.map(|(name, _)| format!("{{{name}}}")).join(", ");
    if words.first().is_none_or(String::is_empty) {
        return Err("is empty; its first word is the program".into());
    }
    if let Some(name) = found.iter().find(|name| !known(name)) {
        return Err(format!("has a {{{name}}}, which nobody knows; there are {}", all()));
    }
    let has = |name: &str| found.iter().any(|f| f == name);
    match (has(INPUT) || has(INPUT_PPM), has("out")) {
        (false, _) => Err("must have {input} or {input_ppm}, or it has nothing to work on".into()),
        (_, false) => Err("must have {out}, or nobody finds its tiles".into()),
        (true, true) => Ok(()),
    }
}

/// The signal that a fault is for a command, which is struck from outside: no native call of it is reached. `None`
/// for faults that only a handler of ours can commit.
pub fn signal(fault: Fault) -> Option<Signal> {
    Some(match fault {
        Fault::Shutdown | Fault::KillSubject => Signal::KILL,
        Fault::Term => Signal::TERM,
        Fault::Stop => Signal::STOP,
        Fault::Abort => Signal::ABORT,
        Fault::Segfault => Signal::SEGV,
        Fault::Bus => Signal::BUS,
        Fault::Illegal => Signal::ILL,
        Fault::Fpe => Signal::FPE,
        Fault::Trap => Signal::TRAP,
        _ => return None,
    })
}

/// A word with each `{name}` replaced by what is known of it.
fn fill(word: &str, value: &mut dyn FnMut(&str) -> Option<String>) -> String {
    let (mut text, mut rest) = (String::new(), word);
    while let Some((before, after)) = rest.split_once('{') {
        text += before;
        let name = after.split_once('}').map_or("", |(name, _)| name);
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        match if is_name { value(name) } else { None } {
            Some(value) => {
                text += &value;
                rest = &after[name.len() + 1..];
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text + rest
}

/// The words with the picture of `layout` in them. Where it has to be made, it is, once, in `folder`.
///
/// # Errors
/// When it is not one picture, cannot be read, or has pixels that a PPM has not.
pub fn given(words: &[String], layout: &Layout, folder: &Path) -> Result<Vec<String>, Failure> {
    let [scene] = &layout.scenes[..] else {
        let scenes = layout.scenes.len();
        return Err(Failure::input(format!(
            "a command is given one picture, and the input has {scenes}"
        )));
    };
    let mut failure = None;
    let mut path = |name: &str| {
        let path = match name {
            INPUT => png(scene, folder),
            INPUT_PPM => ppm(scene, folder),
            _ => return None,
        };
        path.map(|path| path.display().to_string()).map_err(|e| failure = Some(e)).ok()
    };
    let words = words.iter().map(|word| fill(word, &mut path)).collect();
    failure.map_or(Ok(words), Err)
}

/// The words as they are for one launch; `resume` says that it is to go on.
pub fn filled(words: &[String], spec: &Spec, resume: bool) -> Vec<String> {
    let Spec { dir, layout, job, workers, .. } = spec;
    let mut value = |name: &str| {
        Some(match name {
            "out" => dir.display().to_string(),
            "name" => layout.scenes.first()?.name.clone(),
            "tile" => match layout.split {
                Split::Tiles(px) | Split::Strips(px) => px.to_string(),
            },
            "workers" => workers.to_string(),
            "operation" if job.operations.is_empty() => "none".to_owned(),
            "operation" => {
                job.operations.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
            }
            "resume" => if resume { "yes" } else { "no" }.to_owned(),
            _ => return None,
        })
    };
    words.iter().map(|word| fill(word, &mut value)).collect()
}

/// In the subject's process: becomes the command. It still ends with the observer, and dumps no core.
pub(super) fn become_it(words: &[String]) -> Result<(), Failure> {
    let (program, rest) = words.split_first().ok_or_else(|| Failure::input("no command came"))?;
    let mut command = Command::new(program);
    command.args(rest).env_remove(super::SUBJECT).stdin(Stdio::null());
    let error = command.exec();
    let help = match error.kind() {
        ErrorKind::NotFound => "it is not there: build or install it, or give its whole path",
        ErrorKind::PermissionDenied => "it may not be executed",
        _ => "the system refuses it",
    };
    Err(Failure::input(format!("the command {program:?} could not be started: {help} ({error})")))
}

/// The file of a scene, or a PNG that is made of it.
fn png(scene: &Scene, folder: &Path) -> Result<PathBuf, Failure> {
    if let Origin::File(path) = &scene.origin {
        return path.canonicalize().map_err(|e| refused("read", path, &e));
    }
    made(folder.join("input.png"), || {
        let (head, pixels) = decoded(scene)?;
        let mut file = vec![0; Format::Png.bytes_max(&head)];
        let bytes = Format::Png.encode(&head, &pixels, &mut file)?;
        file.truncate(bytes);
        Ok(file)
    })
}

fn ppm(scene: &Scene, folder: &Path) -> Result<PathBuf, Failure> {
    made(folder.join("input.ppm"), || {
        let magic = match scene.format {
            PixelFormat { channels: 1, depth: 8 } => "P5",
            PixelFormat::RGB8 => "P6",
            _ => {
                let why = "the input has 16-bit samples or alpha, which no {input_ppm} is made of: use {input}";
                return Err(Failure::input(why));
            }
        };
        let (head, pixels) = decoded(scene)?;
        let mut file = format!("{magic}\n{} {}\n255\n", head.across(), head.down()).into_bytes();
        file.extend_from_slice(&pixels);
        Ok(file)
    })
}

/// The path, after the file was made if it was not there.
fn made(
    path: PathBuf,
    make: impl FnOnce() -> Result<Vec<u8>, Failure>,
) -> Result<PathBuf, Failure> {
    if !path.exists() {
        std::fs::write(&path, make()?).map_err(|e| refused("write", &path, &e))?;
    }
    Ok(path)
}

/// A whole picture.
fn decoded(scene: &Scene) -> Result<(TileHead, Vec<u8>), Failure> {
    let layout = Layout { scenes: vec![scene.clone()], split: Split::Strips(scene.height_px) };
    let mut tiles = Tiles::open(&layout)?;
    let mut pixels = vec![0; layout.tile_bytes_max()];
    Ok((tiles.read(&mut pixels)?, pixels))
}
