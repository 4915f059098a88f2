//! A command as it is seen from outside: which tiles it has finished, and when a signal is due.

use super::family;
use super::process::{Process, children};
use crate::plan::{Facts, FaultPlan, first_eight};
use crate::subject::{Again, Spec, foreign};
use anyhow::{Context, Result};
use pipelines::black_box::{BlackBox, What};
use pipelines::fault::{Fault, Site};
use pipelines::message::ItemId;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use std::collections::{HashMap, HashSet, VecDeque};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Bytes of news that are read at once; a name has at most 255.
const NEWS_BYTES: usize = 1 << 14;

/// What is known of a command's folder, over all its incarnations.
pub(super) struct Outside<'a> {
    spec: &'a Spec,
    black_box: &'a BlackBox,
    news: OwnedFd,
    /// Which item a file is of.
    names: HashMap<String, ItemId>,
    done: HashSet<ItemId>,
    /// The tile that was finished last.
    last: ItemId,
    /// How often the tiles were begun from zero before.
    attempt: u32,
    /// How often it was started before.
    restarts: u32,
    /// The moments that are to come, with what strikes then.
    timed: VecDeque<(u64, Fault)>,
    strikes: u64,
    /// It has been seen to have others work for it.
    has_workers: bool,
}

impl<'a> Outside<'a> {
    pub(super) fn new(spec: &'a Spec, black_box: &'a BlackBox) -> Result<Self> {
        let news = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).context(
            "could not watch a folder: too many are watched (fs.inotify.max_user_instances)",
        )?;
        let flags = WatchFlags::CLOSE_WRITE | WatchFlags::MOVED_TO;
        inotify::add_watch(&news, &spec.dir, flags)
            .context("could not watch the folder of the tiles")?;
        let mut names = HashMap::new();
        for item in 0..spec.layout.items() {
            let Some(place) = spec.layout.place(item) else { break };
            let of = foreign::EXTENSIONS.iter().map(|end| spec.layout.file_name(&place, end));
            names.extend(of.map(|name| (name, item)));
        }
        Ok(Self {
            spec,
            black_box,
            news,
            names,
            done: HashSet::new(),
            last: 0,
            attempt: 0,
            restarts: 0,
            timed: moments(&spec.plan).into(),
            strikes: 0,
            has_workers: false,
        })
    }

    /// Readable when there are news.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.news.as_fd()
    }

    /// How long until the next signal is due, in ns.
    pub(super) fn due_ns(&self) -> Option<u64> {
        let (at_ns, _) = self.timed.front()?;
        Some(at_ns.saturating_sub(self.black_box.elapsed_ns()))
    }

    /// It is started again.
    pub(super) fn anew(&mut self) {
        self.restarts += 1;
        if self.spec.subject.again == Again::FromZero {
            self.done.clear();
            self.attempt += 1;
        }
    }

    /// Takes in the news, and strikes when it is time.
    pub(super) fn look(&mut self, process: &Process) -> Result<()> {
        self.has_workers |= !children(process.pid()).is_empty();
        for item in self.finished()? {
            self.last = item;
            if !self.note(item) {
                continue;
            }
            // Its number among those that are finished is what the plan is asked about.
            let count = self.done.len() as u64;
            let site = Site::lent(count, self.attempt, 0);
            let facts = Facts { restarts: self.restarts, ..Facts::default() };
            if let Some(fault) = self.spec.plan.decide(&site, &facts) {
                self.strike(fault, process);
            }
        }
        while self.due_ns() == Some(0)
            && let Some((_, fault)) = self.timed.pop_front()
        {
            self.strike(fault, process);
        }
        Ok(())
    }

    /// The process has ended: takes in the last news, and what nobody told of.
    pub(super) fn conclude(&mut self) -> Result<()> {
        for item in self.finished()? {
            self.note(item);
        }
        let entries = std::fs::read_dir(&self.spec.dir);
        for entry in entries.context("could not read the folder of the tiles")?.flatten() {
            let item = self.names.get(&*entry.file_name().to_string_lossy()).copied();
            if let Some(item) = item.filter(|item| !self.done.contains(item)) {
                self.note(item);
            }
        }
        Ok(())
    }

    /// A file with a tile's name was finished: true if it is the first of this item.
    fn note(&mut self, item: ItemId) -> bool {
        let attempt = self.black_box.begin(item);
        self.black_box.record(What::Done, item, attempt, 0, 0);
        self.done.insert(item)
    }

    /// The items whose files were finished since somebody looked. What the kernel had no room to tell is found in the
    /// folder in the end.
    fn finished(&mut self) -> Result<Vec<ItemId>> {
        let mut bytes = [MaybeUninit::uninit(); NEWS_BYTES];
        let mut reader = inotify::Reader::new(&self.news, &mut bytes);
        let mut items = vec![];
        loop {
            match reader.next() {
                Ok(event) if event.events().contains(ReadFlags::ISDIR) => {}
                Ok(event) => {
                    let name = event.file_name().map(|name| name.to_string_lossy());
                    items.extend(name.and_then(|name| self.names.get(&*name).copied()));
                }
                Err(Errno::AGAIN) => return Ok(items),
                Err(Errno::INTR) => {}
                Err(e) => return Err(e).context("could not watch the folder of the tiles"),
            }
        }
    }

    /// Sends the signal that a fault stands for. Who sends it outlives it, and signs for it as a handler of ours does.
    fn strike(&mut self, fault: Fault, process: &Process) {
        let Some(signal) = foreign::signal(fault) else { return };
        let site = Site::lent(self.last, self.attempt, 0);
        let Some(receipt) = self.black_box.arm(fault, &site) else { return };
        let mut lot = self.spec.plan.seed.to_le_bytes().to_vec();
        lot.extend_from_slice(&self.strikes.to_le_bytes());
        self.strikes += 1;
        let victim = match fault {
            Fault::KillSubject => None,
            _ => family::worker(process.pid(), first_eight(&lot)),
        };
        let first = fault == Fault::KillSubject || !self.has_workers;
        let sign = || self.black_box.receipts().sign(receipt);
        match victim {
            Some(victim) => {
                sign();
                rustix::process::pidfd_send_signal(victim, signal).ok();
            }
            // It works itself, without children.
            None if first => {
                sign();
                process.signal(signal);
            }
            // Between two workers there is nobody to strike.
            None => {}
        }
    }
}

/// All moments of a plan, in order of time.
fn moments(plan: &FaultPlan) -> Vec<(u64, Fault)> {
    let streams = plan.streams().into_iter();
    let of = |s: crate::plan::Stream| s.at_ns.into_iter().map(move |t| (t, s.spec));
    let mut all: Vec<(u64, usize)> = streams.flat_map(of).collect();
    all.sort_unstable();
    all.into_iter().map(|(t, spec)| (t, plan.specs[spec].fault)).collect()
}
