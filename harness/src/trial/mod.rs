//! One trial: launch a subject, watch it, start it again if that is its way, and see it end. The one loop.

mod again;
mod family;
mod outside;
mod process;
mod resident;
mod tryout;

pub use again::{DEATHS_IN_A_ROW_MAX, RESTARTS_FROM_ZERO_MAX};
pub use resident::Resident;
use resident::{look_at, reaped_cpu_ns};
pub use tryout::try_out;

use crate::history::{Ending, Resource};
use crate::subject::{Again, Program, REFUSED, Spec, foreign};
use anyhow::{Context, Result};
use outside::Outside;
use pipelines::black_box::{BlackBox, now_ns};
use pipelines::message::Failure;
use pipelines::sink::PARTIAL;
use process::{GRACE, Process};
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
/// Between two looks at processes that are ending.
const MOMENT: Duration = Duration::from_millis(1);

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

/// What is seen of a trial while it runs.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Items settled so far; those before a start from zero do not count.
    pub settled: u64,
    /// How often the subject was started again.
    pub restarts: u64,
    /// The trial's own, which tells more to whoever asks.
    pub black_box: &'a BlackBox,
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
    /// When it was last started from zero, by [`now_ns`]; 0 if it never was.
    pub anew_ns: u64,
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
    /// Runs it. `look` is called some 25 times a second, and once after each end of the subject.
    ///
    /// # Errors
    /// When the subject cannot be launched or watched: the harness is at fault then, not the subject.
    pub fn run(&self, mut look: impl FnMut(Look<'_>)) -> Result<Finished> {
        rustix::process::set_child_subreaper(rustix::process::Pid::from_raw(1))
            .context("could not become the one who reaps orphans")?;
        let start = now_ns();
        let mut finished = Finished {
            ending: Ending::Complete,
            wall_ns: 0,
            falls: vec![],
            restarts: 0,
            anew_ns: 0,
            orphans: 0,
            last_words: None,
            stderr: String::new(),
            resident: Resident::default(),
            resources: vec![],
            cpu_ns: None,
            interrupted: false,
        };
        let cpu_ns = reaped_cpu_ns();
        let (mut fruitless, mut void) = (0, 0);
        let is_foreign = self.spec.subject.is_foreign();
        let mut outside =
            is_foreign.then(|| Outside::new(self.spec, self.black_box)).transpose()?;
        loop {
            let settled = self.black_box.settled();
            let (restarts, black_box) = (finished.restarts, self.black_box);
            let mut look =
                |settled: u64| look(Look { settled: settled - void, restarts, black_box });
            let mut process = self.launch(finished.restarts > 0)?;
            finished.ending = self.watch(&mut process, &mut outside, &mut finished, &mut look)?;
            let died_ns = now_ns();
            finished.stderr = process.stderr_tail();
            drop(process);
            finished.orphans += process::reap_left_behind(GRACE);
            if let Some(outside) = &mut outside {
                outside.conclude()?;
            }
            clear_partial(&self.spec.dir);
            look(self.black_box.settled());
            if finished.ending == Ending::Complete {
                break;
            }
            finished.falls.push((died_ns, finished.ending.clone()));
            self.black_box.saw_fall(died_ns);
            finished.last_words = self.black_box.last_words().or_else(|| self.refusal(&finished));
            fruitless = if self.black_box.settled() > settled { 0 } else { fruitless + 1 };
            let again = self.spec.subject.again;
            let may = finished.last_words.is_none() && !finished.interrupted;
            if !may || !again::once_more(again, fruitless, finished.restarts) {
                break;
            }
            again::make_ready(self.spec)?;
            if again == Again::FromZero {
                (void, finished.anew_ns) = (self.black_box.settled(), now_ns());
            }
            if let Some(outside) = &mut outside {
                outside.anew();
            }
            finished.restarts += 1;
        }
        finished.wall_ns = now_ns() - start;
        finished.cpu_ns = reaped_cpu_ns().zip(cpu_ns).map(|(now, then)| now.saturating_sub(then));
        Ok(finished)
    }

    /// Starts one incarnation.
    fn launch(&self, again: bool) -> Result<Process> {
        let name = &self.spec.subject.name;
        let Program::Command(words) = &self.spec.subject.program else {
            return Process::start(name, self.spec);
        };
        let mut spec = self.spec.clone();
        let resume = again && spec.subject.again == Again::Resume;
        spec.subject.program = Program::Command(foreign::filled(words, self.spec, resume));
        Process::start(name, &spec)
    }

    /// A command that cannot work at all says so by its status, and why in the last line it writes.
    fn refusal(&self, finished: &Finished) -> Option<Failure> {
        let Spec { subject, .. } = self.spec;
        let at_once = finished.ending == Ending::Exit(REFUSED) && self.black_box.settled() == 0;
        let why = finished.stderr.lines().last().unwrap_or("it did not say why");
        (subject.is_foreign() && at_once)
            .then(|| Failure::input(format!("the command of {subject} refused: {why}")))
    }

    /// Watches one incarnation to its end.
    fn watch(
        &self,
        process: &mut Process,
        outside: &mut Option<Outside<'_>>,
        finished: &mut Finished,
        look: &mut impl FnMut(u64),
    ) -> Result<Ending> {
        let (mut progress, mut since) = (self.black_box.progress(), Instant::now());
        let (begun, mut sample_at, mut hung) = (Instant::now(), FIRST_SAMPLE, false);
        loop {
            let due = outside.as_ref().and_then(Outside::due_ns);
            let pause = LOOK.min(sample_at.saturating_sub(begun.elapsed()));
            let pause = due.map_or(pause, |ns| pause.min(Duration::from_nanos(ns)));
            if let Some(ending) = process.wait(pause, outside.as_ref().map(Outside::bell))? {
                // What a command says is its status, and nothing else.
                let said = outside.is_some() || self.black_box.finished();
                let complete = ending == Ending::Exit(0) && said;
                return Ok(match (complete, hung) {
                    (true, _) => Ending::Complete,
                    (false, true) => Ending::Hang,
                    (false, false) => ending,
                });
            }
            if let Some(outside) = outside {
                outside.look(process)?;
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
