//! What every tile should be: told by two fault-free runs of the plain program that agree.
//!
//! They run with one thread and with two, so that a result that depends on the number of threads is
//! found out. Both use the code under test: a golden run proves sameness, not correctness.

use crate::history::{Checksum, Ending};
use crate::output::BLACK_BOX;
use crate::plan::FaultPlan;
use crate::subject::{Spec, Subject};
use crate::trial::Trial;
use anyhow::{Context, Result, bail};
use pipelines::black_box::BlackBox;
use pipelines::image::job::Job;
use pipelines::sink::PARTIAL;
use pipelines::sink::journal::{self, Journal};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// A golden run that shows no progress for so long has failed.
const STALL: Duration = Duration::from_secs(60);

/// The checksums of every tile, by item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Golden {
    /// As histories keep them.
    pub file_blake3: Vec<Checksum>,
    /// The same of its pixels: a foreign program's encoder makes other bytes of them.
    pub pixels_blake3: Vec<Checksum>,
}

impl Golden {
    /// Makes the golden runs for the work that `spec` describes, in folders of their own in `scratch`.
    /// `None` when interrupted.
    ///
    /// # Errors
    /// When a golden run does not finish, or the two do not agree.
    pub fn of(spec: &Spec, scratch: &Path, interrupted: &Arc<AtomicBool>) -> Result<Option<Self>> {
        let mut runs = vec![];
        for workers in [1, 2] {
            let dir = tempfile::tempdir_in(scratch).context("no room for a golden run")?;
            let spec = Spec { workers, ..alone(spec, dir.path()) };
            let Some(golden) = one(&spec, interrupted)? else { return Ok(None) };
            runs.push(golden);
        }
        let (second, first) = (runs.pop(), runs.pop());
        if first != second {
            bail!(
                "two golden runs, with one thread and with two, do not agree: nothing can be judged"
            );
        }
        Ok(first)
    }
}

/// How long the plain program takes for the work that `spec` describes. `None` when interrupted.
///
/// # Errors
/// When it does not finish.
pub fn time(
    spec: &Spec,
    scratch: &Path,
    interrupted: &Arc<AtomicBool>,
) -> Result<Option<Duration>> {
    let dir = tempfile::tempdir_in(scratch).context("no room for a golden run")?;
    let begun = Instant::now();
    let golden = one(&alone(spec, dir.path()), interrupted)?;
    Ok(golden.map(|_| begun.elapsed()))
}

/// The same work for the plain program, undisturbed and without ballast, in `dir`.
fn alone(spec: &Spec, dir: &Path) -> Spec {
    Spec {
        job: Job { ballast_bytes: 0, ..spec.job.clone() },
        subject: Subject::baseline(),
        dir: dir.to_path_buf(),
        black_box: dir.join(BLACK_BOX),
        plan: FaultPlan::quiet(spec.plan.seed),
        ..spec.clone()
    }
}

fn one(spec: &Spec, interrupted: &Arc<AtomicBool>) -> Result<Option<Golden>> {
    std::fs::create_dir(spec.dir.join(PARTIAL)).context("no room for a golden run")?;
    Journal::create(&spec.dir, &journal::Subject::new())?;
    let items = spec.layout.items();
    let black_box = BlackBox::create(&spec.black_box, items, false)?;
    let interrupted = interrupted.clone();
    let finished = Trial { spec, black_box: &black_box, stall: STALL, interrupted }.run(|_| {})?;
    if finished.interrupted {
        return Ok(None);
    }
    if let Some(failure) = finished.last_words {
        return Err(failure.into());
    }
    if finished.ending != Ending::Complete {
        bail!("the golden run ended with {}: {}", finished.ending, finished.stderr);
    }
    let (mut file_blake3, mut pixels_blake3) =
        (vec![None; items as usize], vec![None; items as usize]);
    for record in journal::read(&spec.dir)?.unwrap_or_default().records {
        file_blake3[record.item as usize] = Checksum::of(&record.file_blake3);
        pixels_blake3[record.item as usize] = Checksum::of(&record.pixels_blake3);
    }
    let whole = |all: Vec<Option<Checksum>>| {
        all.into_iter().collect::<Option<Vec<_>>>().context("the golden run left tiles out")
    };
    Ok(Some(Golden { file_blake3: whole(file_blake3)?, pixels_blake3: whole(pixels_blake3)? }))
}
