//! From what a trial left behind (black box, journal, files) to its history.

use super::marks::{self, Trace};
use super::{Checksum, Event, History, Injection, Item, Resource, Run, State, foreign};
use crate::experiment::Trial;
use crate::golden::Golden;
use crate::noise::Noise;
use crate::output::{BLACK_BOX, file_blake3};
use crate::plan::Facts;
use crate::subject::Spec;
use crate::trial::Finished;
use pipelines::black_box::{self, BlackBox, Receipt, What};
use pipelines::fault::{Point, Site};
use pipelines::message::{Death, Failure, ItemId};
use pipelines::sink::PARTIAL;
use pipelines::sink::journal::{self, JOURNAL, Record};
use pipelines::sink::quarantine::QUARANTINE;
use std::collections::{BTreeMap, HashSet};

/// A fault is permanent if it strikes at least so many attempts of its item, whoever makes them.
const ATTEMPTS_OF_A_POISON: u32 = 3;

/// What the pieces of a trial say together.
///
/// # Errors
/// When the journal or the folder cannot be read.
pub fn collect(
    trial: &Trial,
    spec: &Spec,
    black_box: &BlackBox,
    finished: &Finished,
    golden: &Golden,
) -> Result<History, Failure> {
    let story = journal::read(&spec.dir)?.unwrap_or_default();
    let mut records: BTreeMap<ItemId, Vec<&Record>> = BTreeMap::new();
    for record in &story.records {
        records.entry(record.item).or_default().push(record);
    }
    let all = events(black_box);
    let mut by_item: BTreeMap<ItemId, Vec<Event>> = BTreeMap::new();
    for event in all.iter().filter(|e| !is_about_a_lane(e.what)) {
        by_item.entry(event.item).or_default().push(*event);
    }
    let anew = finished.anew_ns.saturating_sub(black_box.started_ns());
    let of = |item: ItemId| by_item.get(&item).map_or(&[][..], Vec::as_slice);
    let items: Vec<Item> = (0..spec.layout.items())
        .map(|item| {
            // What was removed before a start from zero does not count.
            let fresh = of(item).iter().position(|e| e.t_ns >= anew);
            let fresh = fresh.map_or(&[][..], |at| &of(item)[at..]);
            if spec.subject.is_foreign() {
                return foreign::item(item, spec, black_box, fresh, golden);
            }
            let records = records.get(&item).map_or(&[][..], Vec::as_slice);
            one_item(item, spec, black_box.begun(item), records, (of(item), fresh), golden)
        })
        .collect();
    let run = Run {
        run: trial.run,
        block: trial.block,
        order_in_block: trial.order_in_block,
        subject: trial.subject.clone(),
        faults: trial.faults,
        seed: trial.seed,
        items: spec.layout.items(),
        pixels: spec.pixels(),
        wall_ns: finished.wall_ns,
        cpu_ns: finished.cpu_ns,
        ending: finished.ending.clone(),
        deaths: deaths(black_box),
        restarts: finished.restarts,
        orphans: finished.orphans,
        foreign_files: foreign_files(spec)?,
        events_missed: black_box.events_missed(),
        // Who watched the machine knows.
        noise: Noise::default(),
    };
    let injections = injections(spec, black_box, finished, &all);
    let start = black_box.started_ns();
    let since = |r: &Resource| Resource { t_ns: r.t_ns.saturating_sub(start), ..*r };
    let resources = finished.resources.iter().map(since).collect();
    Ok(History { run, injections, items, resources, events: all })
}

/// Whether such an event is about no item.
fn is_about_a_lane(what: What) -> bool {
    matches!(what, What::Spawned | What::Acted | What::Ready)
}

/// All events in the order of their times, since the trial began.
fn events(black_box: &BlackBox) -> Vec<Event> {
    let start = black_box.started_ns();
    let of = |e: black_box::Event| {
        let black_box::Event { t_ns, what, item, attempt, lane, value } = e;
        Event { t_ns: t_ns.saturating_sub(start), what, item, attempt, lane, value }
    };
    let mut all: Vec<_> = black_box.events().into_iter().map(of).collect();
    all.sort_by_key(|e| e.t_ns);
    all
}

fn injections(
    spec: &Spec,
    black_box: &BlackBox,
    finished: &Finished,
    events: &[Event],
) -> Vec<Injection> {
    let start = black_box.started_ns();
    let since = |t: u64| t.saturating_sub(start);
    let mut receipts = black_box.read_receipts();
    for r in &mut receipts {
        r.armed_ns = since(r.armed_ns);
        let marks = [&mut r.reached_ns, &mut r.fired_ns, &mut r.effect_ns];
        marks.into_iter().flatten().for_each(|t| *t = since(*t));
    }
    let falls: Vec<_> = finished.falls.iter().map(|(t, e)| (since(*t), e.clone())).collect();
    let gave_up = finished.last_words.is_some();
    let trace = Trace { events, falls: &falls, gave_up };
    // A subject that tries an item once only is not the reason why a fault is called permanent.
    let attempts = spec.attempts.max(ATTEMPTS_OF_A_POISON);
    let permanent = |r: &Receipt| {
        let (point, item, lane) = (r.point, r.item, r.lane.into());
        let point = if point.rides() { Point::Before } else { point };
        let place = spec.layout.place(item);
        let tile = place.as_ref().map(|p| (p.row, p.col));
        let bytes = place.map_or(0, |p| p.head.bytes() as u64);
        let facts = Facts { tile, bytes, ..Facts::default() };
        let struck =
            |attempt| spec.plan.decide(&Site { point, item, attempt, lane }, &facts).is_some();
        (0..attempts).all(struck)
    };
    marks::injections(&receipts, &trace, permanent)
}

/// Deaths of workers: an attempt that returned an error killed nobody.
fn deaths(black_box: &BlackBox) -> u64 {
    let deaths = black_box.deaths().into_iter().filter(|(death, _)| *death != Death::Error);
    deaths.map(|(_, n)| u64::from(n)).sum()
}

fn one_item(
    item: ItemId,
    spec: &Spec,
    attempts: u32,
    records: &[&Record],
    (events, fresh): (&[Event], &[Event]),
    golden: &Golden,
) -> Item {
    let first = |events: &[Event], what| events.iter().find(|e| e.what == what).map(|e| e.t_ns);
    let done = records.iter().filter(|r| r.state == journal::State::Done).count() as u32;
    let place = spec.layout.place(item);
    let name = place.map(|p| spec.layout.file_name(&p, spec.job.format.extension()));
    let found = name.and_then(|name| file_blake3(&spec.dir.join(name)));
    let found = found.as_deref().and_then(Checksum::of);
    let golden_blake3 = golden.file_blake3.get(item as usize).copied();
    let right = found.is_some() && found == golden_blake3;
    let (state, done) = match records.last().map(|r| r.state) {
        Some(journal::State::Done) => (State::Done, done),
        Some(journal::State::Failed) => (State::Failed, done),
        Some(journal::State::Quarantined) => (State::Quarantined, done),
        // A subject that fell between naming the file and saying so: the tile is there all the same.
        None if right => (State::Done, 1),
        None => (State::Lost, done),
    };
    Item {
        item,
        attempts,
        state,
        deliveries: done,
        lent_ns: first(events, What::Lent),
        done_ns: first(fresh, What::Done),
        work_ns: fresh.iter().rev().find(|e| e.what == What::Accepted).map(|e| e.value),
        found_blake3: found,
        golden_blake3,
    }
}

/// Files in the folder that belong neither to an item nor to the run itself.
fn foreign_files(spec: &Spec) -> Result<u64, Failure> {
    let own = [JOURNAL, BLACK_BOX, PARTIAL, QUARANTINE].map(str::to_owned);
    let tiles = (0..spec.layout.items()).filter_map(|item| {
        let place = spec.layout.place(item)?;
        if spec.subject.is_foreign() {
            let path = foreign::file(spec, &place)?;
            return Some(path.file_name()?.to_string_lossy().into_owned());
        }
        Some(spec.layout.file_name(&place, spec.job.format.extension()))
    });
    let known: HashSet<String> = tiles.chain(own).collect();
    let entries = std::fs::read_dir(&spec.dir)
        .map_err(|e| pipelines::sink::refused("read", &spec.dir, &e))?;
    let foreign = entries.flatten().filter(|e| !known.contains(&*e.file_name().to_string_lossy()));
    Ok(foreign.count() as u64)
}
