//! What a run came to, for people and for programs: `manifest.csv` and `run.json`. The observer writes
//! both, always, also when the subject died.

use crate::history::{Ending, write_whole};
use crate::output::{MANIFEST, RUN_JSON};
use crate::schedule::{self, SCHEDULE};
use crate::subject::{GAVE_UP, Spec};
use crate::trial::{Finished, Resident};
use pipelines::black_box::BlackBox;
use pipelines::message::{Failure, ItemId};
use pipelines::sink::journal::{self, Record, State, Story};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `run.json`: `items = done + failed + quarantined + lost`.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// The subject's name.
    pub subject: String,
    /// Items the source has.
    pub items: u64,
    /// Items whose tile is in the folder.
    pub done: u64,
    /// Items declared failed.
    pub failed: u64,
    /// Items set aside.
    pub quarantined: u64,
    /// Items with no fate; of a run that was interrupted, those still to do.
    pub lost: u64,
    /// Items that were delivered more than once.
    pub duplicated: u64,
    /// Attempts begun in this run.
    pub attempts: u64,
    /// Attempts that ended badly in this run, by cause, and how the subject itself fell.
    pub deaths: BTreeMap<String, u64>,
    /// Faults that fired in this run, by their receipts.
    pub faults_injected: u64,
    /// How often the subject itself was started again.
    pub restarts: u64,
    /// From the subject's launch to the end of its last process.
    pub wall_s: f64,
    /// Pixels of the tiles done in this run, over `wall_s`.
    pub throughput_px_per_s: f64,
    /// Peak memory.
    pub resident_peak_bytes: Resident,
    /// Decides every fault and the synthetic scene.
    pub seed: u64,
    /// This program's version.
    pub version: &'static str,
    /// The command that can be given again, and where it was given: what `okiagari replay` reads.
    #[serde(flatten)]
    pub invocation: Invocation,
    /// `complete`, `incomplete`, `interrupted`, how the subject died, or `gave up: ` and why it did.
    pub outcome: String,
}

/// A command as it was given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Invocation {
    /// Its words, without the program's name.
    pub command: Vec<String>,
    /// The folder that relative paths in it start from.
    pub directory: PathBuf,
}

impl Invocation {
    /// That of this process.
    pub fn here() -> Self {
        let words = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
        let directory = std::env::current_dir().unwrap_or_default();
        Self { command: words.collect(), directory }
    }
}

fn deaths(black_box: &BlackBox, finished: &Finished) -> BTreeMap<String, u64> {
    let seen = black_box.deaths().into_iter().map(|(death, n)| (death.to_string(), n.into()));
    let mut deaths: BTreeMap<String, u64> = seen.collect();
    for (_, ending) in finished.falls.iter().filter(|_| !finished.interrupted) {
        *deaths.entry(ending.to_string()).or_default() += 1;
    }
    deaths
}

#[derive(Serialize)]
struct Row<'a> {
    item: ItemId,
    row: u64,
    col: u64,
    x_px: u32,
    y_px: u32,
    width_px: u32,
    height_px: u32,
    file: &'a str,
    file_blake3: &'a str,
    pixels_blake3: &'a str,
    attempts: u32,
    state: &'a str,
}

fn state_name(record: Option<&Record>) -> &'static str {
    match record.map(|r| r.state) {
        Some(State::Done) => "done",
        Some(State::Failed) => "failed",
        Some(State::Quarantined) => "quarantined",
        None => "lost",
    }
}

/// Reads what became of a run, and writes `schedule.csv` and both files. `before` is what was settled when it began. The black
/// box has served its purpose then: it is removed first, which makes room on a disk that is full.
///
/// # Errors
/// When the journal cannot be read, or there is no room.
pub fn conclude(
    spec: &Spec,
    black_box: BlackBox,
    finished: &Finished,
    before: &[Record],
    invocation: Invocation,
) -> Result<Summary, Failure> {
    let story = journal::read(&spec.dir)?.unwrap_or_default();
    let manifest = manifest(spec, &black_box, &story)?;
    let schedule = schedule::csv(&schedule::of(&black_box))?;
    let summary = summary(spec, &black_box, finished, before, &story, invocation);
    let mut json = serde_json::to_vec_pretty(&summary).map_err(Failure::engine)?;
    json.push(b'\n');
    drop(black_box);
    std::fs::remove_file(&spec.black_box).ok();
    write_whole(&spec.dir, SCHEDULE, &schedule)?;
    write_whole(&spec.dir, RUN_JSON, &json)?;
    write_whole(&spec.dir, MANIFEST, &manifest)?;
    Ok(summary)
}

/// The last that the journal says of each item.
fn fates(story: &Story) -> BTreeMap<ItemId, &Record> {
    story.records.iter().map(|record| (record.item, record)).collect()
}

fn summary(
    spec: &Spec,
    black_box: &BlackBox,
    finished: &Finished,
    before: &[Record],
    story: &Story,
    invocation: Invocation,
) -> Summary {
    let fates = fates(story);
    let mut deliveries: BTreeMap<ItemId, u32> = BTreeMap::new();
    for record in story.records.iter().filter(|r| r.state == State::Done) {
        *deliveries.entry(record.item).or_default() += 1;
    }
    let items = spec.layout.items();
    let count = |state| fates.values().filter(|r| r.state == state).count() as u64;
    let (done, failed, quarantined) =
        (count(State::Done), count(State::Failed), count(State::Quarantined));
    let before: std::collections::HashSet<_> = before.iter().map(|r| r.item).collect();
    let fresh = fates.values().filter(|r| r.state == State::Done && !before.contains(&r.item));
    let fresh = fresh.copied();
    let pixels = |r: &Record| spec.layout.place(r.item).map_or(0, |p| p.head.rect.area());
    let pixels: u64 = fresh.map(pixels).sum();
    let wall_s = finished.wall_ns as f64 / 1e9;
    let outcome = match (&finished.ending, finished.interrupted, done == items) {
        (_, true, _) => "interrupted".to_owned(),
        (Ending::Complete, _, true) => "complete".to_owned(),
        (Ending::Complete, _, false) => "incomplete".to_owned(),
        (ending, ..) => match &finished.last_words {
            Some(why) if *ending == Ending::Exit(GAVE_UP) => format!("gave up: {why}"),
            _ => ending.to_string(),
        },
    };
    Summary {
        subject: spec.subject.to_string(),
        items,
        done,
        failed,
        quarantined,
        lost: items.saturating_sub(done + failed + quarantined),
        duplicated: deliveries.values().filter(|n| **n > 1).count() as u64,
        attempts: (0..items).map(|item| u64::from(black_box.begun(item))).sum(),
        deaths: deaths(black_box, finished),
        faults_injected: black_box.read_receipts().iter().filter(|r| r.fired_ns.is_some()).count()
            as u64,
        restarts: finished.restarts,
        wall_s,
        throughput_px_per_s: if wall_s > 0.0 { pixels as f64 / wall_s } else { 0.0 },
        resident_peak_bytes: finished.resident,
        seed: spec.plan.seed,
        version: env!("CARGO_PKG_VERSION"),
        invocation,
        outcome,
    }
}

fn manifest(spec: &Spec, black_box: &BlackBox, story: &Story) -> Result<Vec<u8>, Failure> {
    let fates = fates(story);
    let mut csv = csv::Writer::from_writer(vec![]);
    for item in 0..spec.layout.items() {
        let Some(place) = spec.layout.place(item) else { break };
        let record = fates.get(&item).copied();
        let name = spec.layout.file_name(&place, spec.job.format.extension());
        let rect = place.head.rect;
        let row = Row {
            item,
            row: place.row,
            col: place.col,
            x_px: rect.x,
            y_px: rect.y,
            width_px: rect.width,
            height_px: rect.height,
            file: &name,
            file_blake3: record.map_or("", |r| &r.file_blake3),
            pixels_blake3: record.map_or("", |r| &r.pixels_blake3),
            attempts: record.map_or_else(|| black_box.begun(item), |r| r.attempts),
            state: state_name(record),
        };
        csv.serialize(row).map_err(Failure::engine)?;
    }
    csv.into_inner().map_err(Failure::engine)
}
