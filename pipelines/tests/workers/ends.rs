//! How one item ends: each fault by itself, poison, and what is done with the innocent.

use crate::kit::{Aside, Number, Numbers, Outcome, Setup, Start, Toil, run, toil};
use crate::shelf::Keep;
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::engine::ledger::Delivery;
use pipelines::fault::Fault;
use pipelines::image::codec::Format;
use pipelines::image::job::{Job, TileWork};
use pipelines::image::operations::{Library, Operation};
use pipelines::image::raster::{PixelFormat, Rect, Tile, TileHead};
use pipelines::isolation::segment::Segment;
use pipelines::message::{Death, Failure, ItemId, Tally};
use pipelines::producer::{Demand, Producer, Supply};
use std::sync::Arc;
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("ends::{name}"), move || {
            run();
            Ok(())
        })
    };
    vec![
        trial("poison_is_set_aside_with_its_evidence", poison),
        trial("a_lasting_error_is_a_failed_item", lasting_error),
        trial("a_hang_is_cut_at_the_deadline", hang),
        trial("exit_0_is_no_success", exit),
        trial("only_the_suspect_of_a_loan_is_charged", suspect),
        trial("a_poisoned_loan_costs_one_item", poisoned_loan),
        trial("hand_over_loses_what_the_dead_held", hand_over),
        trial("pixels_of_every_format_come_through", pixels),
    ]
}

/// Everything but `missing` was delivered once, and is right.
fn all_but(outcome: &Outcome, items: u64, missing: &[ItemId]) {
    let mut delivered: Vec<_> =
        outcome.delivered.iter().map(|(item, _, bytes)| (*item, bytes.clone())).collect();
    delivered.sort_unstable();
    let right = (0..items).filter(|item| !missing.contains(item));
    let right = right.map(|item| (item, Number(Toil::made_of(item)).keep()));
    assert!(delivered.into_iter().eq(right));
}

fn always(victim: ItemId, fault: Fault) -> impl Fn(ItemId, u32) -> Option<Fault> {
    move |item, _| (item == victim).then_some(fault)
}

fn once(victim: ItemId, fault: Fault) -> impl Fn(ItemId, u32) -> Option<Fault> {
    move |item, attempt| (item == victim && attempt == 0).then_some(fault)
}

fn poison() {
    for attempts in [1, 4] {
        let setup = Setup { attempts, ..Default::default() };
        let outcome = toil(setup, Start::Well, Numbers::to(20), always(7, Fault::Abort));
        let tally = Tally { produced: 20, done: 19, quarantined: 1, ..Default::default() };
        assert_eq!(outcome.tally(), tally);
        let abort = Death::Signal(6);
        let deaths: Vec<_> = (0..attempts).map(|attempt| (7, attempt, abort.code())).collect();
        assert_eq!(outcome.deaths(), deaths, "exactly as many attempts as it may have");
        let [Aside { item: 7, attempts: had, death, words }] = &outcome.aside[..] else {
            panic!("set aside once: {:?}", outcome.aside)
        };
        assert_eq!((*had, *death), (attempts, abort));
        // The tail ends with what the worker said last.
        let last = format!("item 7 attempt {} at work", attempts - 1);
        assert!(words.ends_with(&last), "{words:?}");
        let quarantined = outcome.events(What::Quarantined);
        assert_eq!(quarantined.iter().map(|e| e.item).collect::<Vec<_>>(), [7]);
        all_but(&outcome, 20, &[7]);
    }
}

fn lasting_error() {
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(9), always(0, Fault::Error));
    let tally = Tally { produced: 9, done: 8, failed: 1, ..Default::default() };
    assert_eq!(outcome.tally(), tally);
    let [Aside { item: 0, attempts: 3, death: Death::Error, words }] = &outcome.aside[..] else {
        panic!("set aside once: {:?}", outcome.aside)
    };
    assert!(!words.is_empty(), "the handler's error says what is wrong");
    // Its worker lives: nobody was started in its place.
    assert!(outcome.events(What::Spawned).len() <= 3);
    all_but(&outcome, 9, &[0]);
}

fn hang() {
    let deadline = Duration::from_millis(300);
    let setup = Setup { deadline, workers: 1, ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(5), once(2, Fault::Hang));
    assert_eq!(outcome.deaths(), [(2, 0, Death::Deadline.code())]);
    let fired = outcome.black_box.read_receipts()[0].fired_ns.unwrap();
    let lent = outcome.events(What::Lent).into_iter().find(|e| e.item == 2).unwrap();
    let died = outcome.events(What::Died)[0].t_ns;
    assert!(lent.t_ns <= fired && fired < died);
    let held = Duration::from_nanos(died - lent.t_ns);
    // Late is allowed on a busy machine, early never is.
    assert!(held >= deadline && held < deadline * 20, "{held:?}");
    all_but(&outcome, 5, &[]);
}

fn exit() {
    let outcome = toil(Setup::default(), Start::Well, Numbers::to(12), always(5, Fault::Exit(0)));
    let tally = Tally { produced: 12, done: 11, quarantined: 1, ..Default::default() };
    assert_eq!(outcome.tally(), tally);
    assert_eq!(outcome.aside[0].death, Death::Exit(0));
    assert!(outcome.events(What::Accepted).iter().all(|e| e.item != 5));
    all_but(&outcome, 12, &[5]);
}

fn suspect() {
    // Of four that its worker held nobody can say which it died of: tried alone, it is not charged for that.
    let setup = Setup { workers: 1, demand: 4, attempts: 1, ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(12), once(5, Fault::Segfault));
    assert_eq!(outcome.deaths(), [(5, 0, Death::Signal(11).code())]);
    let lent: Vec<_> = outcome.events(What::Lent).iter().map(|e| (e.item, e.attempt)).collect();
    let right = (0..8).map(|item| (item, 0)).chain([(5, 1)]).chain((8..12).map(|item| (item, 0)));
    assert_eq!(lent, right.collect::<Vec<_>>(), "the suspect again, the others for the first time");
    let begun = (0..12).map(|item| outcome.black_box.begun(item));
    assert!(begun.eq((0..12).map(|item| 1 + u32::from(item == 5))));
    all_but(&outcome, 12, &[]);
}

fn poisoned_loan() {
    let setup = Setup { demand: 5, ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(23), always(10, Fault::Shutdown));
    let tally = Tally { produced: 23, done: 22, quarantined: 1, ..Default::default() };
    assert_eq!(outcome.tally(), tally);
    assert!(outcome.deaths().iter().all(|(item, _, _)| *item == 10));
    assert_eq!(outcome.aside[0].death, Death::Signal(9));
    all_but(&outcome, 23, &[10]);
}

fn hand_over() {
    let delivery = Delivery::HandOver;
    let setup = Setup { demand: 4, delivery, ..Default::default() };
    // The second of a loan of four: it and the two after it die with their holder.
    let outcome = toil(setup.clone(), Start::Well, Numbers::to(16), once(5, Fault::Abort));
    let tally = Tally { produced: 16, done: 13, lost: 3, ..Default::default() };
    assert_eq!(outcome.tally(), tally);
    assert_eq!(outcome.deaths(), [(5, 0, Death::Signal(6).code())]);
    all_but(&outcome, 16, &[5, 6, 7]);
    // An error costs its item alone.
    let outcome = toil(setup, Start::Well, Numbers::to(16), once(5, Fault::Error));
    let tally = Tally { produced: 16, done: 15, failed: 1, ..Default::default() };
    assert_eq!(outcome.tally(), tally);
    all_but(&outcome, 16, &[5]);
}

/// One tile, with noise in it.
struct One {
    slab: Arc<Segment>,
    head: Option<TileHead>,
}

fn noise(head: &TileHead) -> Vec<u8> {
    (0..head.bytes()).map(|n| (n.wrapping_mul(0x9e37_79b9) >> 13) as u8).collect()
}

impl Producer for One {
    type Item = Tile;
    fn produce(&mut self, _demand: Demand<'_>) -> Result<Supply<Tile>, Failure> {
        let Some(head) = self.head.take() else { return Ok(Supply::Drained) };
        let mut slot = self.slab.reserve().unwrap();
        slot.bytes_mut()[..head.bytes()].copy_from_slice(&noise(&head));
        Ok(Supply::of([(head.item, Tile { head, pixels: slot.freeze(head.bytes()) })]))
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        let slab = self.slab.clone();
        Box::new(move || slab.close())
    }
}

fn pixels() {
    for library in [Library::Rust, Library::C] {
        for (channels, depth) in (1..=4).flat_map(|channels| [(channels, 8), (channels, 16)]) {
            let rect = Rect { x: 3, y: 9, width: 23, height: 17 };
            let format = PixelFormat { channels, depth };
            let head = TileHead { item: 0, scene: 2, rect, halo: 0, format };
            let slab = Segment::slab(0, 1, head.bytes()).unwrap();
            let setup = Setup { workers: 1, slabs: vec![slab.clone()], ..Default::default() };
            let operations = vec![Operation::None];
            let job = Job::new(operations, library, Format::Raw);
            // The first attempt dies, so that these are the bytes of a second worker.
            let source = One { slab, head: Some(head) };
            let outcome = run::<TileWork, _>(setup, job, source, 1, once(0, Fault::Abort));
            assert_eq!((outcome.tally().done, outcome.deaths().len()), (1, 1));
            let pixels = noise(&head);
            let hash = blake3::hash(&pixels);
            let right = [&hash.as_bytes()[..], format!("{head:?}").as_bytes(), &pixels].concat();
            assert!(outcome.delivered == [(0, 2, right)], "{channels} channels, {depth} bits");
        }
    }
}
