//! Where results come from: which program, on which machine, called how. It stands in `run.toml`, so that somebody
//! else can have the same again, or see why theirs differ. Nothing in it names a person, a host, or a home.
//!
//! The list is that of artifact evaluations (ACM badges 1.1, the checklists of EuroSys and USENIX Security).

mod machine;
#[cfg(test)]
mod tests;

pub use machine::{Limits, Machine, Place};

use crate::floor::Floor;
use crate::output::file_blake3;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::SystemTime;

/// What decides which versions of which libraries are in this program.
const CARGO_LOCK: &[u8] = include_bytes!("../../Cargo.lock");

/// Which program. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    /// The commit that it was built from; none if that was no working copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Whether its sources differed from that commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dirty: Option<bool>,
    /// BLAKE3 of the lock file, which names every library with its version.
    pub cargo_lock_blake3: String,
    /// The compiler, as it calls itself.
    pub rustc: String,
    /// `release` or `debug`, and the level of optimisation.
    pub profile: String,
    /// What it was built for.
    pub target: String,
    /// Features, with spaces between.
    pub features: String,
    /// BLAKE3 of the program itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary_blake3: Option<String>,
}

impl Build {
    /// That of the program which calls this.
    pub fn of_this_program() -> Self {
        let known = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            commit: known(env!("OKIAGARI_COMMIT")),
            dirty: env!("OKIAGARI_DIRTY").parse().ok(),
            cargo_lock_blake3: blake3::hash(CARGO_LOCK).to_hex().to_string(),
            rustc: env!("OKIAGARI_RUSTC").into(),
            profile: env!("OKIAGARI_PROFILE").into(),
            target: env!("OKIAGARI_TARGET").into(),
            features: env!("OKIAGARI_FEATURES").into(),
            binary_blake3: file_blake3(Path::new("/proc/self/exe")),
        }
    }
}

/// One start of a campaign. One that was interrupted and went on has several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sitting {
    /// The first run of it.
    pub first_run: u32,
    /// When, in UTC.
    pub started_utc: String,
    /// The command line; of paths that lead out of the working folder only the last part.
    pub command: String,
    /// The machine as it was then.
    pub machine: Machine,
    /// What this process may take.
    pub limits: Limits,
    /// The file system of the results.
    pub results: Place,
    /// That of the tiles of each trial.
    pub tiles: Place,
    /// The least that this machine took then; none in older files, and where no worker could be started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
}

impl Sitting {
    /// One that begins now, with the first of all runs, results here and tiles there. Measures the floor, for less than
    /// half a second.
    pub(crate) fn now(results: &Path, tiles: &Path) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let words = std::env::args().skip(1).map(|word| public(&word, &here));
        let command = ["okiagari".to_owned()].into_iter().chain(words).collect::<Vec<_>>();
        Self {
            first_run: 0,
            started_utc: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            command: command.join(" "),
            machine: Machine::this(),
            limits: Limits::this(),
            results: Place::of(results),
            tiles: Place::of(tiles),
            floor: Floor::brief(),
        }
    }
}

/// A word of a command line without what is nobody's business: a path below `here` is relative to it, of another one
/// the last part is left. An option's value after `=` is treated likewise.
fn public(word: &str, here: &Path) -> String {
    if let Some((option, value)) = word.split_once('=').filter(|(o, _)| o.starts_with("--")) {
        return format!("{option}={}", public(value, here));
    }
    let path = Path::new(word);
    let outside = || word.starts_with("..") || word.starts_with('~');
    if !path.is_absolute() && !outside() {
        return word.to_owned();
    }
    let last = || path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    match path.strip_prefix(here) {
        Ok(below) if !below.as_os_str().is_empty() => below.display().to_string(),
        _ => format!(".../{}", last()),
    }
}
