//! Many faults at once: what becomes of each item is known beforehand, and then compared.

use crate::kit::{Aside, Number, Numbers, Outcome, Setup, Start, Toil, run, toil};
use crate::shelf::{Delivered, Keep};
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::fault::Fault;
use pipelines::image::codec::Format;
use pipelines::image::feed::TileFeed;
use pipelines::image::job::{Job, TileWork};
use pipelines::image::layout::{Layout, Origin, Scene, Split};
use pipelines::image::operations::{Library, Operation};
use pipelines::image::raster::PixelFormat;
use pipelines::isolation::segment::Segment;
use pipelines::message::{Death, ItemId, Tally};
use pipelines::source::Tiles;
use std::sync::OnceLock;
use std::time::Duration;

const SEEDS: u64 = 20;
const ATTEMPTS: u32 = 3;
/// Of a trial with numbers; one with tiles has about as many.
const ITEMS: u64 = 60;

pub(crate) fn trials() -> Vec<Trial> {
    let seeds = (0..SEEDS).map(|seed| {
        Trial::test(format!("mixed_faults_cost_nothing_but_time::seed_{seed:02}"), move || {
            if seed % 2 == 0 {
                tiles(seed);
            } else {
                numbers(seed);
            }
            Ok(())
        })
    });
    let variety = Trial::test("mixed_faults_cost_nothing_but_time::have_all_there_is", || {
        variety();
        Ok(())
    });
    seeds.chain([variety]).collect()
}

/// What may strike: all whose end is certain and comes at once, with their items.
const DRAWN: [Fault; 16] = [
    Fault::Shutdown,
    Fault::Abort,
    Fault::Segfault,
    Fault::Bus,
    Fault::Illegal,
    Fault::Fpe,
    Fault::Trap,
    Fault::StackOverflowThread,
    Fault::Unwind,
    Fault::Longjmp,
    Fault::Term,
    Fault::Exit(0),
    Fault::Exit(7),
    Fault::WrongCode,
    Fault::Panic,
    Fault::Error,
];

/// The trials above would be worth little if their draws left something out.
fn variety() {
    let fates: Vec<_> = (0..SEEDS).map(|seed| Fate::of(seed, ITEMS)).collect();
    let injected: Vec<_> = fates.iter().flat_map(|fate| &fate.injected).collect();
    for fault in DRAWN.iter().chain([&Fault::Hang]) {
        let times = injected.iter().filter(|(_, _, f)| f == fault).count();
        assert!(times >= 5, "{fault} was drawn {times} times");
    }
    let rate = injected.len() as u64 * 100 / (SEEDS * ITEMS);
    assert!((18..32).contains(&rate), "{rate} faults a hundred items");
    let sum = |count: fn(&Tally) -> u64| fates.iter().map(|f| count(&f.tally)).sum::<u64>();
    assert!(sum(|t| t.failed) > 0 && sum(|t| t.quarantined) > 0);
}

/// What strikes this attempt: one in five, drawn by a hash of who it is and of nothing else.
fn draw(seed: u64, item: ItemId, attempt: u32) -> Option<Fault> {
    let key = [seed, item, attempt.into()].map(u64::to_le_bytes).concat();
    let hash = *blake3::hash(&key).as_bytes();
    let [low, high, kind, rare, ..] = hash;
    if u16::from_le_bytes([low, high]) >= u16::MAX / 5 {
        return None;
    }
    // Each hang costs a deadline of wall time, so there are few.
    if rare < 12 {
        return Some(Fault::Hang);
    }
    Some(DRAWN[kind as usize % DRAWN.len()])
}

/// The death that each fault is named by.
fn cause(fault: Fault) -> Death {
    match fault {
        Fault::Abort | Fault::Unwind | Fault::Longjmp => Death::Signal(6),
        Fault::Segfault | Fault::StackOverflowThread => Death::Signal(11),
        Fault::Bus => Death::Signal(7),
        Fault::Illegal => Death::Signal(4),
        Fault::Fpe => Death::Signal(8),
        Fault::Trap => Death::Signal(5),
        Fault::Term => Death::Signal(15),
        Fault::Shutdown => Death::Signal(9),
        Fault::Exit(status) => Death::Exit(status.into()),
        Fault::Panic => Death::Panic,
        Fault::Error | Fault::WrongCode => Death::Error,
        Fault::Hang => Death::Deadline,
        other => unreachable!("{other} is not drawn"),
    }
}

/// What must come of a run: computed from the draws alone.
#[derive(Default)]
struct Fate {
    tally: Tally,
    deaths: Vec<(ItemId, u32, u64)>,
    injected: Vec<(ItemId, u32, Fault)>,
    /// (item, attempts) of those that are finished.
    done: Vec<(ItemId, u32)>,
    /// (item, last death) of those that are given up.
    aside: Vec<(ItemId, Death)>,
}

impl Fate {
    fn of(seed: u64, items: u64) -> Self {
        let mut fate = Self::default();
        for item in 0..items {
            fate.tally.produced += 1;
            let faults =
                (0..ATTEMPTS).map_while(|attempt| Some((attempt, draw(seed, item, attempt)?)));
            let faults: Vec<_> = faults.collect();
            fate.injected.extend(faults.iter().map(|(attempt, fault)| (item, *attempt, *fault)));
            match faults.last() {
                Some((2, fault)) => {
                    let error = cause(*fault) == Death::Error;
                    *(if error { &mut fate.tally.failed } else { &mut fate.tally.quarantined }) +=
                        1;
                    fate.aside.push((item, cause(*fault)));
                }
                _ => {
                    fate.tally.done += 1;
                    fate.done.push((item, faults.len() as u32 + 1));
                }
            }
        }
        let died = |(item, attempt, fault): &(_, _, Fault)| (*item, *attempt, cause(*fault).code());
        fate.deaths = fate.injected.iter().map(died).collect();
        fate
    }

    fn check(&self, outcome: &Outcome, clean: &dyn Fn(ItemId) -> Vec<u8>) {
        let tally = outcome.tally();
        assert_eq!(tally.produced, tally.done + tally.failed + tally.quarantined);
        assert_eq!(tally, self.tally);
        assert_eq!(outcome.deaths(), self.deaths, "each death, once, with its cause");
        let mut receipts: Vec<_> = outcome.black_box.read_receipts();
        assert!(receipts.iter().all(|r| r.fired_ns.is_some_and(|fired| fired >= r.armed_ns)));
        receipts.sort_unstable_by_key(|r| (r.item, r.attempt));
        let fired: Vec<_> = receipts.iter().map(|r| (r.item, r.attempt, r.fault)).collect();
        assert_eq!(fired, self.injected);
        let mut delivered: Delivered = outcome.delivered.clone();
        delivered.sort_unstable();
        let done: Vec<_> = delivered.iter().map(|(item, attempts, _)| (*item, *attempts)).collect();
        assert_eq!(done, self.done, "each delivered exactly once");
        for (item, _, bytes) in &delivered {
            assert!(*bytes == clean(*item), "item {item} differs from a run without faults");
        }
        let mut aside: Vec<_> = outcome.aside.iter().map(|a| (a.item, a.death)).collect();
        aside.sort_unstable_by_key(|(item, _)| *item);
        assert_eq!(aside, self.aside);
        assert!(outcome.aside.iter().all(|Aside { attempts, .. }| *attempts == ATTEMPTS));
        assert_eq!(outcome.black_box.settled(), tally.produced);
        assert_eq!(outcome.events(What::Accepted).len() as u64, tally.done);
    }
}

/// One item at a time for some seeds, several for others.
fn setup(seed: u64) -> Setup {
    // Long enough that a busy machine does not look like a hang.
    let deadline = Duration::from_millis(500);
    let (demand, together) = (1 + (seed % 3) as usize, 2 - (seed % 2) as usize);
    Setup { attempts: ATTEMPTS, demand, together, deadline, ..Default::default() }
}

fn numbers(seed: u64) {
    let faults = move |item, attempt| draw(seed, item, attempt);
    let outcome = toil(setup(seed), Start::Well, Numbers::to(ITEMS), faults);
    Fate::of(seed, ITEMS).check(&outcome, &|item| Number(Toil::made_of(item)).keep());
}

fn run_tiles(seed: u64, strike: bool) -> (u64, Outcome) {
    let format = PixelFormat::RGB8;
    let (width_px, height_px) = (130, 100);
    let (name, origin) = ("scene".into(), Origin::Synthetic(5));
    let scene = Scene { name, origin, width_px, height_px, format };
    let layout = Layout { scenes: vec![scene], split: Split::Tiles(16) };
    let items = layout.items();
    let slab = Segment::slab(0, 24, layout.tile_bytes_max()).unwrap();
    let tiles = Tiles::open(&layout).unwrap();
    let job = Job::new(vec![Operation::Blur(1)], Library::C, Format::Png);
    let setup = Setup { slabs: vec![slab.clone()], ..setup(seed) };
    let feed = TileFeed::new(tiles, slab, |_| false);
    let faults = move |item, attempt| draw(seed, item, attempt).filter(|_| strike);
    (items, run::<TileWork, _>(setup, job, feed, items, faults))
}

fn tiles(seed: u64) {
    static CLEAN: OnceLock<Delivered> = OnceLock::new();
    let clean = CLEAN.get_or_init(|| {
        let (items, outcome) = run_tiles(0, false);
        assert!(outcome.deaths().is_empty() && outcome.aside.is_empty());
        let mut clean = outcome.delivered;
        clean.sort_unstable();
        assert_eq!(clean.len() as u64, items);
        clean
    });
    let (items, outcome) = run_tiles(seed, true);
    Fate::of(seed, items).check(&outcome, &|item| clean[item as usize].2.clone());
}
