//! One trial: launch a subject, watch it, start it again if that is its way, and see it end. The one loop.

mod process;
mod resident;
mod tryout;

pub use resident::Resident;
use resident::{look_at, reaped_cpu_ns};
pub use tryout::try_out;

use crate::history::{Ending, Resource};
use crate::subject::{Again, Spec};
use anyhow::{Context, Result};
use pipelines::black_box::{BlackBox, now_ns};
use pipelines::message::Failure;
use pipelines::sink::{PARTIAL, journal};
use process::Process;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the observer waits before it looks again.
const LOOK: Duration = Duration::from_millis(40);
/// It measures memory when a run is so old, then at twice that age, and so on, but at least so often: that
/// sees something of a short run, and costs a long one little.
const FIRST_SAMPLE: Duration = Duration::from_millis(10);
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// Deaths of a subject without one more settled item in between, after which it is not started again.
pub const DEATHS_IN_A_ROW_MAX: u32 = 3;
/// How long processes that a subject left behind have to go by themselves.
const GRACE: Duration = Duration::from_secs(2);

/// What a trial needs beside its spec.
pub struct Trial<'a> {
    /// The subject and all it is told.
    pub spec: &'a Spec,
    /// Made for this trial.
    pub black_box: &'a BlackBox,
    /// A subject that shows no progress for this long is ended, and called a hang.
    pub stall: Duration,
    /// Set from outside, by Ctrl-C say: the trial ends at once.
    pub interrupted: Arc<AtomicBool>,
}

/// How a trial went, seen from outside.
#[derive(Debug, Clone)]
pub struct Finished {
    /// How the subject ended at last.
    pub ending: Ending,
    /// From the first launch to the end of the last process, in ns.
    pub wall_ns: u64,
    /// When and how the subject fell, by [`now_ns`]; the end of one that finished is not among them.
    pub falls: Vec<(u64, Ending)>,
    /// How often the subject was started again.
    pub restarts: u64,
    /// Processes that outlived the subject and their grace.
    pub orphans: u64,
    /// What the subject said when it gave up.
    pub last_words: Option<Failure>,
    /// The tail of its standard error.
    pub stderr: String,
    /// Peak memory.
    pub resident: Resident,
    /// What was seen of its processes; times by [`now_ns`].
    pub resources: Vec<Resource>,
    /// Processor time of all that was reaped since the trial began, in ns; `None` where the kernel does not say.
    pub cpu_ns: Option<u64>,
    /// Whether it was ended from outside.
    pub interrupted: bool,
}

impl Trial<'_> {
    /// Runs it. `look` is called some times a second with the number of items settled so far.
    ///
    /// # Errors
    /// When the subject cannot be launched or watched: the harness is at fault then, not the subject.
    pub fn run(&self, mut look: impl FnMut(u64)) -> Result<Finished> {
        rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1))
            .context("could not become the one who reaps orphans")?;
        let start = now_ns();
        let mut finished = Finished {
            ending: Ending::Complete,
            wall_ns: 0,
            falls: vec![],
            restarts: 0,
            orphans: 0,
            last_words: None,
            stderr: String::new(),
            resident: Resident::default(),
            resources: vec![],
            cpu_ns: None,
            interrupted: false,
        };
        let cpu_ns = reaped_cpu_ns();
        let mut fruitless = 0;
        loop {
            let settled = self.black_box.settled();
            let mut process = Process::start(self.spec.subject.name(), self.spec)?;
            finished.ending = self.watch(&mut process, &mut finished, &mut look)?;
            let died_ns = now_ns();
            finished.stderr = process.stderr_tail();
            drop(process);
            finished.orphans += process::reap_left_behind(GRACE);
            clear_partial(&self.spec.dir);
            look(self.black_box.settled());
            if finished.ending == Ending::Complete {
                break;
            }
            finished.falls.push((died_ns, finished.ending.clone()));
            self.black_box.saw_fall(died_ns);
            finished.last_words = self.black_box.last_words();
            fruitless = if self.black_box.settled() > settled { 0 } else { fruitless + 1 };
            let again = self.spec.subject.again() == Again::Resume
                && finished.last_words.is_none()
                && !finished.interrupted
                && fruitless < DEATHS_IN_A_ROW_MAX;
            if !again {
                break;
            }
            if let Some(story) = journal::read(&self.spec.dir).map_err(anyhow::Error::new)? {
                journal::mend(&self.spec.dir, &story).map_err(anyhow::Error::new)?;
            }
            finished.restarts += 1;
        }
        finished.wall_ns = now_ns() - start;
        finished.cpu_ns = reaped_cpu_ns().zip(cpu_ns).map(|(now, then)| now.saturating_sub(then));
        Ok(finished)
    }

    /// Watches one incarnation to its end.
    fn watch(
        &self,
        process: &mut Process,
        finished: &mut Finished,
        look: &mut impl FnMut(u64),
    ) -> Result<Ending> {
        let (mut progress, mut since) = (self.black_box.progress(), Instant::now());
        let (begun, mut sample_at, mut hung) = (Instant::now(), FIRST_SAMPLE, false);
        loop {
            let pause = LOOK.min(sample_at.saturating_sub(begun.elapsed()));
            if let Some(ending) = process.wait(pause)? {
                let complete = ending == Ending::Exit(0) && self.black_box.finished();
                return Ok(match (complete, hung) {
                    (true, _) => Ending::Complete,
                    (false, true) => Ending::Hang,
                    (false, false) => ending,
                });
            }
            look(self.black_box.settled());
            if begun.elapsed() >= sample_at {
                finished.resident.sample(process.pid());
                let deaths = self.black_box.deaths().iter().map(|(_, n)| u64::from(*n)).sum();
                finished.resources.extend(look_at(process.pid(), deaths));
                sample_at = begun.elapsed() + begun.elapsed().min(SAMPLE_EVERY);
            }
            if self.interrupted.load(Ordering::SeqCst) {
                finished.interrupted = true;
                process.kill();
            }
            let now = self.black_box.progress();
            if now != progress {
                (progress, since) = (now, Instant::now());
            } else if since.elapsed() >= self.stall && !hung {
                hung = true;
                process.kill();
            }
        }
    }
}

/// Removes what was being written when a subject ended; none of it has a tile's name.
pub fn clear_partial(dir: &Path) {
    let Ok(entries) = std::fs::read_dir(dir.join(PARTIAL)) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            std::fs::remove_dir_all(path).ok();
        } else {
            std::fs::remove_file(path).ok();
        }
    }
}
