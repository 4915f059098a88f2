//! `okiagari run`: the image job itself.

use super::completions::hinted;
use super::limiting::Limiting;
use super::quarantined::{self, Quarantined};
use super::{Exit, interruption, say};
use crate::measure::words;
use crate::output::{BLACK_BOX, Begin, FETCHED, Output};
use crate::plan::{FaultPlan, FaultSpec};
use crate::progress::{Progress, Screen};
use crate::schedule;
use crate::subject::{Again, Program, Spec, Subject};
use crate::summary::{Invocation, Summary, conclude};
use crate::trial::{Finished, Trial, try_out};
use bytesize::ByteSize;
use clap::Args;
use pipelines::black_box::BlackBox;
use pipelines::image::codec::Format;
use pipelines::image::job::Job;
use pipelines::image::layout::{Layout, Origin, Split};
use pipelines::image::operations::{Library, Operation};
use pipelines::message::{Blame, Failure};
use pipelines::pipeline::WORKERS_MAX;
use pipelines::sink::journal::{self, Record};
use pipelines::sink::quarantine::QUARANTINE;
use pipelines::source;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Items lent together at most.
const MAX_DEMAND: i64 = 1024;

/// What an item that was set aside brings along itself, or has no use for.
const NOT_AGAIN: &[&str] = &[
    "input",
    "out",
    "subject",
    "tile",
    "strips",
    "operations",
    "library",
    "format",
    "workers",
    "max_demand",
    "spares",
    "attempts",
    "deadline",
    "Limiting",
    "stall",
    "resume",
    "overwrite",
    "events",
    "schedule",
];

#[derive(Args)]
pub(super) struct Run {
    /// A file (PNG, JPEG, TIFF, BigTIFF), a folder of them, an http(s) URL, or synthetic:WIDTHxHEIGHT
    #[arg(required_unless_present = "quarantined")]
    input: Vec<String>,
    /// Folder for the tiles
    #[arg(long, value_name = "DIR", required_unless_present = "quarantined")]
    out: Option<PathBuf>,
    /// The program that does it: okiagari, baseline, restart, resume, broadway or htpipe
    #[arg(long, default_value = "okiagari", value_parser = hinted(|name: &str| name.parse::<Subject>(), Subject::names()), hide_possible_values = true)]
    subject: Subject,
    /// Square tiles with this many pixels a side: NAME_ROW_COL.EXT
    #[arg(long, value_name = "PX", default_value_t = 256, conflicts_with = "strips")]
    tile: u32,
    /// Bands of this many rows, the thesis's split: NAME_0.EXT, NAME_1.EXT …
    #[arg(long, value_name = "ROWS")]
    strips: Option<u32>,
    /// none, grayscale, blur:R, sobel, or a C function of yours: lib:PATH:SYMBOL[:PARAMETERS]; repeatable,
    /// applied in order
    #[arg(long = "operation", value_name = "OP")]
    operations: Vec<Operation>,
    /// Whose implementation of the operations: rust or c
    #[arg(long, default_value = "rust")]
    library: Library,
    /// png, jpeg[:QUALITY] or raw
    #[arg(long, default_value = "png")]
    format: Format,
    /// Workers at once [default: the number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=WORKERS_MAX as i64))]
    workers: Option<u16>,
    /// Items lent to a worker at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=MAX_DEMAND))]
    max_demand: u16,
    /// Workers kept started in reserve
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=WORKERS_MAX as i64))]
    spares: u16,
    /// Attempts an item gets before it is set aside
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    attempts: u32,
    /// How long a worker may take over one item
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = positive_duration)]
    deadline: Duration,
    #[command(flatten)]
    limits: Limiting,
    /// Workers open no file, start no program and reach no network once they are ready (okiagari only; needs
    /// Landlock)
    #[arg(long)]
    sandbox: bool,
    /// How long the whole subject may show no progress before it is ended and called a hang
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = positive_duration)]
    stall: Duration,
    /// A fault to inject, FAULT@TRIGGER[,CONDITION...], like abort@p=1%, shutdown@item=120 or
    /// kill-subject@point=rename,item=7; `okiagari faults` explains all; repeatable
    #[arg(long = "fault", value_name = "SPEC")]
    faults: Vec<FaultSpec>,
    /// Inject exactly the faults of this file, which an earlier run wrote: DIR/schedule.csv
    #[arg(long, value_name = "FILE", conflicts_with = "faults")]
    schedule: Option<PathBuf>,
    /// Decides every fault and the synthetic scene
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Go on where an earlier run left off
    #[arg(long, conflicts_with = "overwrite")]
    resume: bool,
    /// Remove what an earlier run wrote to the folder, and begin anew
    #[arg(long)]
    overwrite: bool,
    /// Append what the engine tells of itself to this file, one JSON object a line (not of the baseline)
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// Try an item that was set aside once more, alone, with what it was done with then: its folder,
    /// DIR/quarantine/ITEM. Exit code 0 if it survives, 1 if it does not
    #[arg(long, value_name = "FOLDER", conflicts_with_all = NOT_AGAIN)]
    quarantined: Option<PathBuf>,
    /// The command as it was given; of a replay, the one that stands for it.
    #[arg(skip = Invocation::here())]
    pub(super) invocation: Invocation,
}

pub(super) fn positive_duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time >= Duration::from_millis(1) => Ok(time),
        Ok(_) => Err("it must be at least 1ms".into()),
        Err(e) => Err(format!("{e}; write it like 500ms, 10s or 2m")),
    }
}

impl Run {
    /// The folder for the tiles, which is only left out where there will be none.
    fn out(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new("."))
    }

    pub(super) fn run(self, quiet: bool) -> anyhow::Result<Exit> {
        if let Some(folder) = &self.quarantined {
            let plan = FaultPlan { specs: self.faults, seed: self.seed };
            return Quarantined { folder, plan }.run(self.json);
        }
        let begin = match (self.resume, self.overwrite) {
            (true, _) => Begin::Resume,
            (_, true) => Begin::Overwrite,
            _ => Begin::Fresh,
        };
        let output = Output::open(self.out(), begin)?;
        let fetched = tempfile::Builder::new().prefix(FETCHED).tempdir_in(self.out());
        let fetched = fetched.map_err(|e| pipelines::sink::refused("write to", self.out(), &e))?;
        let (spec, before) = match self.prepare(&output, fetched.path()) {
            Ok(prepared) => prepared,
            Err(error) => {
                drop(fetched);
                output.abandon();
                return Err(error);
            }
        };
        let black_box =
            BlackBox::create(&spec.black_box, spec.layout.items(), !spec.plan.specs.is_empty())?;
        let finished = self.watch(&spec, &black_box, before.len() as u64, quiet)?;
        let summary = conclude(&spec, black_box, &finished, &before, self.invocation.clone());
        // Where the subject found no room, the summary finds none either: the first to say so is right.
        let summary = summary.map_err(|e| finished.last_words.clone().unwrap_or(e))?;
        std::fs::remove_dir(self.out().join(pipelines::sink::PARTIAL)).ok();
        Ok(self.tell(&spec, &finished, &summary))
    }

    /// What there is to do, and what of it is settled already.
    fn prepare(&self, output: &Output, scratch: &Path) -> anyhow::Result<(Spec, Vec<Record>)> {
        let split = self.strips.map_or(Split::Tiles(self.tile), Split::Strips);
        let layout = source::probe(&self.input, split, self.seed, scratch)?;
        let mut spec = self.spec(layout, self.plan()?);
        spec.cgroup = self.limits.cgroup()?;
        spec.check()?;
        if self.events.is_some() && self.subject.program == Program::Plain {
            let why = format!("{} has no engine that could tell --events", self.subject);
            return Err(Failure::input(why).into());
        }
        try_out(&spec)?;
        let before = output.begin(&self.identity(&spec.layout))?;
        Ok((spec, before))
    }

    fn plan(&self) -> Result<FaultPlan, Failure> {
        let specs = match &self.schedule {
            Some(file) => schedule::specs(&schedule::read(file)?)?,
            None => self.faults.clone(),
        };
        Ok(FaultPlan { specs, seed: self.seed })
    }

    fn spec(&self, layout: Layout, plan: FaultPlan) -> Spec {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Spec {
            subject: self.subject.clone(),
            dir: self.out().to_path_buf(),
            black_box: self.out().join(BLACK_BOX),
            layout,
            job: Job::new(self.operations.clone(), self.library, self.format),
            workers: self.workers.map_or(cores.min(WORKERS_MAX), usize::from),
            max_demand: self.max_demand.into(),
            spares: self.spares.into(),
            attempts: self.attempts,
            deadline: self.deadline,
            limits: self.limits.limits(),
            memory_budget_bytes: self.limits.memory_budget_bytes(),
            cgroup: None,
            recycling: self.limits.recycling(),
            sandbox: self.sandbox,
            plan,
            events: self.events.clone(),
            observer: std::process::id() as i32,
        }
    }

    /// What must be the same for `--resume`.
    fn identity(&self, layout: &Layout) -> journal::Subject {
        let split = match layout.split {
            Split::Tiles(side) => format!("--tile {side}"),
            Split::Strips(rows) => format!("--strips {rows}"),
        };
        let operation = |o: &Operation| match o {
            // A filter that was compiled anew is another.
            Operation::Filter(filter) => format!("{o}{}", self.stamp(&filter.path)),
            _ => o.to_string(),
        };
        let operations: Vec<_> = self.operations.iter().map(operation).collect();
        let operations = if operations.is_empty() { "none".into() } else { operations.join(" ") };
        let scene = |s: &pipelines::image::layout::Scene| {
            let (c, d) = (s.format.channels, s.format.depth);
            let size = format!("{} {}x{}x{c}x{d}", s.name, s.width_px, s.height_px);
            match &s.origin {
                Origin::File(path) | Origin::Bytes(path) => size + &self.stamp(path),
                Origin::Synthetic(_) => size,
            }
        };
        let scenes: Vec<_> = layout.scenes.iter().map(scene).collect();
        let mut identity = journal::Subject::from([
            ("input".to_owned(), self.input.join(" ")),
            ("content".to_owned(), scenes.join(", ")),
            ("split".to_owned(), split),
            ("operation".to_owned(), operations),
            ("library".to_owned(), self.library.to_string()),
            ("format".to_owned(), self.format.to_string()),
        ]);
        if self.input.iter().any(|i| i.starts_with("synthetic:")) {
            identity.insert("seed".to_owned(), self.seed.to_string());
        }
        identity
    }

    /// What tells a file from another with the same name and size of picture. One that was fetched is new
    /// each time, so that only its length counts.
    fn stamp(&self, path: &Path) -> String {
        let Ok(meta) = std::fs::metadata(path) else { return String::new() };
        let modified = meta.modified().ok().filter(|_| !path.starts_with(self.out()));
        let since = modified.and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = since.map_or(String::new(), |t| format!(" of {}", t.as_secs()));
        format!(" {} bytes{modified}", meta.len())
    }

    fn watch(
        &self,
        spec: &Spec,
        black_box: &BlackBox,
        before: u64,
        quiet: bool,
    ) -> anyhow::Result<Finished> {
        let (items, interrupted) = (spec.layout.items(), interruption()?);
        let quiet = quiet || self.json;
        if !quiet {
            let (n, seed) = (spec.layout.scenes.len(), self.seed);
            let scenes = if n == 1 { String::new() } else { format!(" of {n} images") };
            let mpx = spec.layout.pixels() as f64 / 1e6;
            let tiles = words::counted(items, "tile");
            eprintln!("{}: {tiles}{scenes}, {mpx:.1} Mpx, seed {seed}", spec.subject);
            if before > 0 {
                eprintln!("{before} of them are settled already");
            }
        }
        let screen = Screen::here(quiet);
        let mut progress = Progress::new(&spec.subject.name, items, "tiles", screen);
        let trial = Trial { spec, black_box, stall: self.stall, interrupted: interrupted.clone() };
        let finished = trial.run(|look| {
            // What is to end is not drawn again, so that nothing is left half drawn however it ends.
            if interrupted.load(Ordering::SeqCst) {
                return progress.clear();
            }
            let deaths: u32 = black_box.deaths().iter().map(|(_, n)| n).sum();
            let message = match deaths {
                0 => String::new(),
                n => words::counted(n.into(), "death"),
            };
            progress.at(before + look.settled, &message);
        });
        progress.clear();
        finished
    }

    fn tell(&self, spec: &Spec, finished: &Finished, summary: &Summary) -> Exit {
        if self.json {
            say(&(serde_json::to_string(summary).unwrap_or_default() + "\n"));
        } else {
            say(&tale(self.out(), finished, summary, !spec.plan.specs.is_empty()));
        }
        if finished.interrupted {
            return Exit::Interrupted;
        }
        if let Some(failure) = &finished.last_words {
            eprintln!("okiagari: {failure}");
            let own_way = spec.subject.gives_up() && failure.blame == Blame::Engine;
            return if own_way { Exit::Bad } else { Exit::from(failure) };
        }
        let complete = finished.ending == crate::history::Ending::Complete;
        if !complete {
            eprintln!("okiagari: the subject {} {}", spec.subject, words::ending(&finished.ending));
            let in_a_row = crate::trial::DEATHS_IN_A_ROW_MAX;
            match spec.subject.again {
                Again::Never => {}
                Again::FromZero => eprintln!(
                    "okiagari: it was started again {} times, and was given up: {} are the limit, or {in_a_row} \
                     deaths in a row without a tile",
                    finished.restarts,
                    crate::trial::RESTARTS_FROM_ZERO_MAX,
                ),
                Again::Resume => eprintln!(
                    "okiagari: it fell {in_a_row} times in a row without one more tile, and was given up; the \
                     same command with --resume goes on",
                ),
            }
            if let Some(line) = finished.stderr.lines().last() {
                eprintln!("okiagari: its last words: {line}");
            }
        }
        if complete && summary.done == summary.items { Exit::Good } else { Exit::Bad }
    }
}

/// The summary as a reader wants it.
fn tale(out: &Path, finished: &Finished, summary: &Summary, armed: bool) -> String {
    let Summary { items, done, failed, quarantined, lost, .. } = summary;
    let mut text = format!("{done} of {items} tiles are in {}\n", out.display());
    if done < items {
        let rest = if finished.interrupted { "still to do" } else { "lost" };
        text += &format!("{failed} failed, {quarantined} quarantined, {lost} {rest}\n");
        if failed + quarantined > 0 {
            let aside = out.join(QUARANTINE);
            text += &format!("their inputs and the evidence are in {}\n", aside.display());
        }
    }
    if !summary.deaths.is_empty() || armed {
        let causes =
            summary.deaths.iter().map(|(cause, n)| format!("{n} × {}", words::cause(cause)));
        let causes: Vec<_> = causes.collect();
        let causes = if causes.is_empty() { "none seen".to_owned() } else { causes.join(", ") };
        let faults = words::counted(summary.faults_injected, "fault");
        text += &format!("{faults} injected; deaths: {causes}\n");
    }
    if summary.restarts > 0 {
        let restarts = words::counted(summary.restarts, "time");
        text += &format!("the subject itself fell, and was started again {restarts}\n");
    }
    let mpx = summary.throughput_px_per_s / 1e6;
    let time = words::duration(summary.wall_s * 1e9);
    // A run of a few milliseconds is over before anybody looked.
    let memory = match summary.resident_peak_bytes.all_pss {
        0 => String::new(),
        bytes => format!(", {} of memory at the peak", ByteSize(bytes)),
    };
    text += &format!("{time}, {mpx:.1} Mpx/s{memory}\n");
    if finished.interrupted {
        text += "interrupted; the same command with --resume goes on\n";
    } else if failed + quarantined > 0
        && let Some(item) = quarantined::first(&out.join(QUARANTINE))
    {
        text += &format!("to try one again: okiagari run --quarantined {}\n", item.display());
    }
    text
}
