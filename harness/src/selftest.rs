//! The judges judged: a real small run is made, harmed in its files and its journal, one harm at a time, and judged again.
//! A harm that no judge sees is a hole in everything the judges ever said.

use crate::experiment::Trial as Scheduled;
use crate::golden::Golden;
use crate::history::{History, collect};
use crate::oracle::{Answer, Oracle, Verdict};
use crate::output::BLACK_BOX;
use crate::plan::{FaultPlan, first_eight};
use crate::subject::{Spec, Subject};
use crate::trial::{Finished, Trial};
use anyhow::{Context, Result, bail};
use pipelines::black_box::BlackBox;
use pipelines::image::job::Job;
use pipelines::image::layout::Split;
use pipelines::isolation::limits::{Limits, Recycling};
use pipelines::message::{Failure, ItemId};
use pipelines::sink::PARTIAL;
use pipelines::sink::journal::{self, JOURNAL, Journal};
use pipelines::source;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What the run works on: sixteen tiles.
const INPUT: &str = "synthetic:256x256";
const TILE_PX: u32 = 64;
/// The run is given up after so long without progress.
const STALL: Duration = Duration::from_secs(30);

/// A harm to one item of a finished run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// One bit of its file is another.
    Flip,
    /// Its file ends in the middle.
    Tear,
    /// Its file is gone, though the journal calls it done.
    Drop,
    /// Its file is gone, and its record with it.
    Forget,
    /// Its record stands in the journal twice.
    Double,
    /// Its file and that of the next item have changed places.
    Misplace,
}

impl Harm {
    const ALL: [Self; 6] =
        [Self::Flip, Self::Tear, Self::Drop, Self::Forget, Self::Double, Self::Misplace];

    /// Who has to shout, and nobody else.
    fn wakes(self) -> &'static [Oracle] {
        match self {
            Self::Flip | Self::Tear | Self::Misplace => {
                &[Oracle::NothingCorrupted, Oracle::Assembled]
            }
            Self::Drop | Self::Forget => &[Oracle::NothingLost, Oracle::Assembled],
            Self::Double => &[Oracle::NothingTwice],
        }
    }
}

/// What the judges made of the harms.
#[derive(Debug, Default)]
pub struct Tested {
    /// Harms done.
    pub harms: u64,
    /// Those that were not found as they should be, each in a sentence.
    pub missed: Vec<String>,
}

/// A finished run, with all that it is judged by.
struct Subjected {
    spec: Spec,
    black_box: BlackBox,
    finished: Finished,
    golden: Golden,
    scheduled: Scheduled,
}

/// Makes the run and does every harm to every item of it; `seed` decides the picture, and which bits are flipped. `None`
/// when it was interrupted.
///
/// # Errors
/// When the run cannot be made, or is not whole before anything is done to it.
pub fn run(seed: u64, interrupted: &Arc<AtomicBool>) -> Result<Option<Tested>> {
    let scratch = tempfile::tempdir().context("no room for a run")?;
    let Some(made) = make(seed, scratch.path(), interrupted)? else { return Ok(None) };
    let whole = made.history()?;
    if let Some(oracle) = judges().find(|o| o.judge(&whole) != Verdict::Holds) {
        bail!("the run is not whole before it is harmed: {oracle} {:?}", oracle.judge(&whole));
    }
    let mut tested = Tested::default();
    for item in 0..whole.run.items {
        for harm in Harm::ALL {
            let undo = made.harm(harm, item, seed)?;
            let harmed = made.history();
            undo.undo()?;
            tested.harms += 1;
            tested.missed.extend(missed(harm, item, &harmed?));
        }
    }
    if made.history()? != whole {
        bail!("the run is not what it was after every harm was undone");
    }
    Ok(Some(tested))
}

/// Those that such a run puts to the test: it never fell.
fn judges() -> impl Iterator<Item = Oracle> {
    Oracle::ALL.into_iter().filter(|o| *o != Oracle::Durable)
}

/// How the judges failed, if they did: one that had to shout and did not, or not about this item, or one that had to be
/// silent.
fn missed(harm: Harm, item: ItemId, history: &History) -> Vec<String> {
    let judged = judges().filter_map(|oracle| {
        let verdict = oracle.judge(history);
        let should = if harm.wakes().contains(&oracle) { Answer::Broken } else { Answer::Holds };
        let names = match &verdict {
            Verdict::Broken(witness) => witness.items.contains(&item),
            _ => true,
        };
        (verdict.answer() != should || !names)
            .then(|| format!("{harm:?} of item {item}: {oracle} says {verdict:?}"))
    });
    judged.collect()
}

/// Files as they were.
struct Undo(Vec<(PathBuf, Vec<u8>)>);

impl Undo {
    fn undo(self) -> Result<()> {
        for (path, bytes) in self.0 {
            fs::write(&path, bytes).context("a harm could not be undone")?;
        }
        Ok(())
    }
}

impl Subjected {
    fn history(&self) -> Result<History, Failure> {
        collect(&self.scheduled, &self.spec, &self.black_box, &self.finished, &self.golden)
    }

    fn file(&self, item: ItemId) -> Result<PathBuf> {
        let place = self.spec.layout.place(item).context("an item without a place")?;
        let name = self.spec.layout.file_name(&place, self.spec.job.format.extension());
        Ok(self.spec.dir.join(name))
    }

    /// Does it; gives back what was there.
    fn harm(&self, harm: Harm, item: ItemId, seed: u64) -> Result<Undo> {
        let path = self.file(item)?;
        let next = self.file((item + 1) % self.spec.layout.items())?;
        let journal = self.spec.dir.join(JOURNAL);
        let (bytes, others, lines) = (fs::read(&path)?, fs::read(&next)?, fs::read(&journal)?);
        let mark = format!("{{\"item\":{item},");
        let own = |line: &&[u8]| line.starts_with(mark.as_bytes());
        match harm {
            Harm::Flip => {
                let mut bytes = bytes.clone();
                let drawn = first_eight(&[seed.to_le_bytes(), item.to_le_bytes()].concat());
                let at = (drawn >> 3) as usize % bytes.len();
                bytes[at] ^= 1 << (drawn & 7);
                fs::write(&path, bytes)?;
            }
            Harm::Tear => fs::write(&path, &bytes[..bytes.len() / 2])?,
            Harm::Drop => fs::remove_file(&path)?,
            Harm::Forget => {
                fs::remove_file(&path)?;
                let rest: Vec<_> =
                    lines.split_inclusive(|b| *b == b'\n').filter(|l| !own(l)).collect();
                fs::write(&journal, rest.concat())?;
            }
            Harm::Double => {
                let record = lines.split_inclusive(|b| *b == b'\n').find(own);
                let record = record.context("an item without a record")?;
                fs::write(&journal, [&lines, record].concat())?;
            }
            Harm::Misplace => {
                fs::write(&path, &others)?;
                fs::write(&next, &bytes)?;
            }
        }
        Ok(Undo(vec![(path, bytes), (next, others), (journal, lines)]))
    }
}

fn make(seed: u64, scratch: &Path, interrupted: &Arc<AtomicBool>) -> Result<Option<Subjected>> {
    let dir = scratch.join("tiles");
    fs::create_dir_all(dir.join(PARTIAL)).context("no room for a run")?;
    let layout = source::probe(&[INPUT.to_owned()], Split::Tiles(TILE_PX), seed, scratch)?;
    let spec = Spec {
        subject: Subject::okiagari(),
        black_box: dir.join(BLACK_BOX),
        dir,
        layout,
        job: Job::new(
            vec![],
            "rust".parse().map_err(Failure::input)?,
            "raw".parse().map_err(Failure::input)?,
        ),
        workers: 2,
        max_demand: 1,
        spares: 0,
        attempts: 3,
        deadline: Duration::from_secs(10),
        limits: Limits::default(),
        recycling: Recycling::default(),
        sandbox: false,
        cgroup: None,
        memory_budget_bytes: None,
        plan: FaultPlan::quiet(seed),
        events: None,
        observer: std::process::id() as i32,
    };
    let Some(golden) = Golden::of(&spec, scratch, interrupted)? else { return Ok(None) };
    Journal::create(&spec.dir, &journal::Subject::new())?;
    let black_box = BlackBox::create(&spec.black_box, spec.layout.items(), false)?;
    let trial = Trial {
        spec: &spec,
        black_box: &black_box,
        stall: STALL,
        interrupted: interrupted.clone(),
    };
    let finished = trial.run(|_| {})?;
    if finished.interrupted {
        return Ok(None);
    }
    let (subject, faults) = (spec.subject.to_string(), false);
    let scheduled = Scheduled { run: 0, block: 0, order_in_block: 0, subject, faults, seed };
    Ok(Some(Subjected { spec, black_box, finished, golden, scheduled }))
}
