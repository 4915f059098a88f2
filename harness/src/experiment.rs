//! One question, one file: what an experiment runs, on what, with which faults, and which answer is expected.

mod check;
pub mod pictures;
mod schedule;
mod subject;
mod sweep;
#[cfg(test)]
mod tests;
mod vary;

pub use schedule::Trial;
pub use sweep::Sweep;
pub use vary::Vary;

use crate::oracle::{Answer, Oracle};
use crate::plan::FaultSpec;
use crate::subject::{Again, Isolation};
use pipelines::engine::ledger::Delivery;
use pipelines::engine::settings::Supervision;
use pipelines::isolation::cgroup;
use pipelines::isolation::limits::{Limits, Recycling};
use pipelines::message::Failure;
use pipelines::pipeline::WORKERS_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No experiment has more blocks than this.
pub const MAX_BLOCKS: u32 = 1000;
/// Blocks in quick mode: enough to see the experiment work, too few for an interval.
pub const SMALL_BLOCKS: u32 = 3;

/// What a worker may use at most, in MiB, if nothing else is said.
pub const MEMORY_MAX_MIB: u64 = 512;
/// Worker processes that stand by, if nothing else is said.
pub const SPARES: u32 = 1;
/// Attempts an item gets, if nothing else is said.
pub const ATTEMPTS: u32 = 3;
/// What an attempt may take, in milliseconds, if nothing else is said.
pub const DEADLINE_MS: u64 = 10_000;
/// With less a worker cannot even start, in MiB.
pub const MEMORY_MIN_MIB: u64 = 16;
/// With fewer a worker could not open a single file of its own.
pub const FILES_MIN: u64 = 16;
/// No handler carries more ballast than this, in MiB.
pub const MAX_BALLAST_MIB: u32 = 1 << 16;

const EMBEDDED: &[(&str, &str)] = &[
    ("e1-availability", include_str!("../../experiments/e1-availability.toml")),
    ("e2-process-shutdown", include_str!("../../experiments/e2-process-shutdown.toml")),
    ("e3-ffi-abort", include_str!("../../experiments/e3-ffi-abort.toml")),
    ("e4-speed", include_str!("../../experiments/e4-speed.toml")),
    ("e5-memory", include_str!("../../experiments/e5-memory.toml")),
    ("e8-real-cve", include_str!("../../experiments/e8-real-cve.toml")),
    ("e3-big-worker", include_str!("../../experiments/e3-big-worker.toml")),
    ("a-a", include_str!("../../experiments/a-a.toml")),
    ("e7-ablation", include_str!("../../experiments/e7-ablation.toml")),
    ("e9-isolation-cost", include_str!("../../experiments/e9-isolation-cost.toml")),
    ("e6-fault-rate", include_str!("../../experiments/e6-fault-rate.toml")),
    ("foreign", include_str!("../../experiments/foreign.toml")),
];

/// An experiment, as its file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// Its name: that of its file, without `.toml`.
    pub name: String,
    /// What it asks, as one sentence.
    pub question: String,
    /// Decides the order of the trials and the seed of each block; below 2^63, as TOML has no larger number.
    pub seed: u64,
    /// How often everything is repeated, 1 to [`MAX_BLOCKS`]. A block is every subject once with faults and once
    /// without, in random order.
    pub blocks: u32,
    /// Instead of `strike` and `sweep`: exactly the faults of this file, a `schedule.csv`. Where it says which run of an experiment a
    /// fault belongs to, each run has its own; else each has all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<PathBuf>,
    /// What the subjects work on.
    pub workload: Workload,
    /// What strikes them. None: the trials "with faults" are equal to their twins, an A/A control.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strike: Vec<FaultSpec>,
    /// Instead of that: one fault, at each of some points for each of some items, one in each block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<Sweep>,
    /// Makes several of each subject; an experiment that was read has them, and this no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vary: Option<Vary>,
    /// Who is compared, each with its options.
    pub subject: BTreeMap<String, Options>,
    /// The verdicts that are expected of a subject's trials with faults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub expect: BTreeMap<String, BTreeMap<Oracle, Answer>>,
}

/// What the subjects of an experiment work on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// A file, a folder, a URL, `synthetic:WIDTHxHEIGHT` (pixels), or `pictures:COUNT`: so many files that the
    /// operation `decode:256x256` decodes, one of which is that of CVE-2023-43898 in trials with faults.
    pub input: String,
    /// Edge of the square tiles in pixels; 256 if neither this nor `strips` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tile: Option<u32>,
    /// Instead of tiles: bands of this many rows of pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strips: Option<u32>,
    /// Operations, applied in order, like `blur:2`.
    #[serde(default)]
    pub operation: Vec<String>,
    /// Which implementation of the operations: `rust` or `c`.
    #[serde(default = "rust")]
    pub library: String,
    /// What tiles are written as: `png`, `jpeg`, `jpeg:QUALITY` or `raw`.
    #[serde(default = "png")]
    pub format: String,
    /// Private memory that each handler fills when it is opened, in MiB: 0, or at most [`MAX_BALLAST_MIB`].
    #[serde(default, skip_serializing_if = "is_none")]
    pub ballast_mib: u32,
}

fn is_none(mib: &u32) -> bool {
    *mib == 0
}

fn rust() -> String {
    "rust".into()
}

fn png() -> String {
    "png".into()
}

/// The options of a subject; what is not given is as in `okiagari run`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Of a subject without a name of its own: which one it is like but for what follows; `okiagari` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// What is still there when a holder dies: `lease` or `hand-over`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Delivery>,
    /// Where the native call is made: `thread`, `shared` or `process`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// Whom a death concerns: `broadway` or `one-for-one`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supervision: Option<Supervision>,
    /// What happens when it dies as a whole: `never`, `from-zero` or `resume`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
    /// Any program instead: its words, with [placeholders](crate::subject::foreign::PLACEHOLDERS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// It takes part in the first so many blocks only (at least 1), and in quick mode in the first alone: for
    /// a subject that is much slower than the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<u32>,
    /// Worker processes that stand by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spares: Option<u32>,
    /// Workers (at least 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,
    /// Attempts an item gets (at least 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u32>,
    /// What an attempt may take, in milliseconds (at least 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// What a worker may use, in MiB (at least [`MEMORY_MIN_MIB`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_max_mib: Option<u64>,
    /// What everything together may take, in MiB (at least [`MEMORY_MIN_MIB`]); a share of the machine's memory if not
    /// given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_budget_mib: Option<u64>,
    /// A delegated control group in which each worker gets one of its own: its path, or `own` (of the subject
    /// `okiagari`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<PathBuf>,
    /// Processor time of a worker's whole life, in whole seconds (at least 1); none if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_max_s: Option<u64>,
    /// Files that a worker may have open (at least [`FILES_MIN`]); as the machine has it if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files_max: Option<u64>,
    /// The size of a file that a worker writes, in MiB (at least 1); none if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size_max_mib: Option<u64>,
    /// A worker is replaced after so many items (at least 1); never if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recycle_items: Option<u64>,
    /// A worker is replaced at this age, in seconds (at least 1); never if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recycle_age_s: Option<u64>,
    /// A worker is replaced once it has grown by so much, in MiB (at least 1); never if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recycle_growth_mib: Option<u64>,
    /// Whether workers are shut into a sandbox once they are ready (of the subject `okiagari`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<bool>,
    /// Items a lane may hold (at least 1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_demand: Option<u32>,
    /// Which implementation of the operations, `rust` or `c`; the workload's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub library: Option<String>,
    /// Operations, applied in order, at least one (`none` leaves the pixels as they are); the workload's if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<Vec<String>>,
    /// The mean time between faults, in milliseconds (at least 1): what strikes does so at random moments, and not as
    /// `when` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtbf_ms: Option<u64>,
}

impl Options {
    /// The same with what is not given; what is still empty then has no limit.
    pub fn expanded(&self) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            spares: self.spares.or(Some(SPARES)),
            workers: self.workers.or(Some(cores as u32)).map(|n| n.min(WORKERS_MAX as u32)),
            attempts: self.attempts.or(Some(ATTEMPTS)),
            deadline_ms: self.deadline_ms.or(Some(DEADLINE_MS)),
            memory_max_mib: self.memory_max_mib.or(Some(MEMORY_MAX_MIB)),
            sandbox: self.sandbox.or(Some(false)),
            max_demand: self.max_demand.or(Some(1)),
            ..self.clone()
        }
    }

    /// What a worker may take.
    pub fn limits(&self) -> Limits {
        let bytes = |mib: u64| mib.saturating_mul(1 << 20);
        Limits {
            memory_max_bytes: bytes(self.memory_max_mib.unwrap_or(MEMORY_MAX_MIB)),
            cpu_max: self.cpu_max_s.map(Duration::from_secs),
            files_max: self.files_max,
            file_max_bytes: self.file_size_max_mib.map(bytes),
        }
    }

    /// What everything together may take, in bytes.
    pub fn memory_budget_bytes(&self) -> Option<u64> {
        self.memory_budget_mib.map(|mib| mib.saturating_mul(1 << 20))
    }

    /// Where workers get control groups.
    ///
    /// # Errors
    /// When that is to be this program's own, and it is in none of version 2.
    pub fn cgroup(&self) -> Result<Option<PathBuf>, Failure> {
        self.cgroup.as_deref().map(cgroup::named).transpose()
    }

    /// When a worker is replaced though it lives.
    pub fn recycling(&self) -> Recycling {
        Recycling {
            items: self.recycle_items,
            age: self.recycle_age_s.map(Duration::from_secs),
            growth_bytes: self.recycle_growth_mib.map(|mib| mib.saturating_mul(1 << 20)),
        }
    }
}

impl Experiment {
    /// Those of the experiments that come with the program which the thesis asks for.
    pub fn of_the_thesis() -> &'static [(&'static str, &'static str)] {
        &EMBEDDED[..5]
    }

    /// The experiments that come with the program: name and text of each.
    pub fn embedded() -> &'static [(&'static str, &'static str)] {
        EMBEDDED
    }

    /// Their names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// An experiment that comes with the program, by its name, or one in a file: a path is what ends in `.toml` or
    /// has a `/` in it.
    ///
    /// # Errors
    /// One sentence with the file, the line and the key that are wrong; the input is to blame.
    pub fn load(name_or_path: &str) -> Result<Self, Failure> {
        let path = Path::new(name_or_path);
        if !name_or_path.contains('/') && !name_or_path.ends_with(".toml") {
            let found = EMBEDDED.iter().find(|(name, _)| *name == name_or_path);
            let (name, text) = found.ok_or_else(|| {
                let names: Vec<_> = EMBEDDED.iter().map(|(name, _)| *name).collect();
                Failure::input(format!(
                    "there is no experiment called {name_or_path:?}; there are {}, or give the path of a .toml file",
                    names.join(", ")
                ))
            })?;
            return Self::parse(text, &format!("{name}.toml"));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::input(format!("{name_or_path} cannot be read: {e}")))?;
        let experiment = Self::parse(&text, name_or_path)?;
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if stem != experiment.name {
            return Err(Failure::input(format!(
                "{name_or_path}: name is {:?}, but must be that of the file, {stem:?}",
                experiment.name
            )));
        }
        Ok(experiment)
    }

    /// Reads an experiment; `file` is only for the words of an error.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str, file: &str) -> Result<Self, Failure> {
        let experiment: Self = toml::from_str(text).map_err(|e| {
            let at = e.span().map(|s| place(text, s.start)).unwrap_or_default();
            Failure::input(format!("{file}{at}: {}", e.message().replace('\n', " ")))
        })?;
        let twice = experiment.vary.as_ref().and_then(Vary::twice);
        let experiment = experiment.varied();
        let checked = twice.map_or_else(|| experiment.check(), Err);
        checked.map_err(|(key, why)| {
            let at = text.lines().position(|l| l.contains(key_on_line(&key)));
            let at = at.map(|n| format!(", line {}", n + 1)).unwrap_or_default();
            Failure::input(format!("{file}{at}: {key} {why}"))
        })?;
        Ok(experiment)
    }

    /// Whether the trials "with faults" are equal to their twins: an A/A control.
    pub fn is_control(&self) -> bool {
        // Of pictures, one is another with faults, though nothing is injected.
        self.strike.is_empty() && matches!(pictures::count(&self.workload.input), Ok(None))
    }

    /// Each subject's options with what is not given, see [`Options::expanded`].
    pub fn expanded(&self) -> BTreeMap<String, Options> {
        self.subject.iter().map(|(name, options)| (name.clone(), options.expanded())).collect()
    }

    /// The same with so few blocks that it is over soon, see [`SMALL_BLOCKS`].
    pub fn small(&self) -> Self {
        let mut small = Self { blocks: self.blocks.min(SMALL_BLOCKS), ..self.clone() };
        for options in small.subject.values_mut() {
            options.blocks = options.blocks.map(|_| 1);
        }
        small
    }
}

impl Experiment {
    /// What is done with each tile that this subject is given.
    pub fn operations(&self, subject: &str) -> &[String] {
        let own = self.subject.get(subject).and_then(|options| options.operation.as_deref());
        own.unwrap_or(&self.workload.operation)
    }
}

impl Workload {
    /// Edge of the tiles in pixels, unless the input is split into strips.
    pub fn tile_px(&self) -> Option<u32> {
        self.strips.is_none().then(|| self.tile.unwrap_or(256))
    }
}

/// `, line 7 ("blocks = true")` for this byte of the text.
fn place(text: &str, byte: usize) -> String {
    let before = &text.as_bytes()[..byte.min(text.len())];
    let n = before.iter().filter(|b| **b == b'\n').count();
    let line = text.lines().nth(n).unwrap_or("").trim();
    format!(", line {} ({line:?})", n + 1)
}

/// What a line with this key contains: its last part, or the name of the subject it is about.
fn key_on_line(key: &str) -> &str {
    key.strip_prefix("expect.").unwrap_or_else(|| {
        if key.matches('.').count() == 2 { key.rsplit('.').next().unwrap_or(key) } else { key }
    })
}
