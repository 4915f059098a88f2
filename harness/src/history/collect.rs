//! From what a trial left behind (black box, journal, files) to its history.

use super::{History, Injection, Item, Run, State, foreign};
use crate::experiment::Trial;
use crate::golden::{Golden, short};
use crate::noise::Noise;
use crate::output::{BLACK_BOX, file_blake3};
use crate::subject::Spec;
use crate::trial::Finished;
use pipelines::black_box::{BlackBox, Event, Receipt, What};
use pipelines::message::{Death, Failure, ItemId};
use pipelines::sink::PARTIAL;
use pipelines::sink::journal::{self, JOURNAL, Record};
use pipelines::sink::quarantine::QUARANTINE;
use std::collections::{BTreeMap, HashSet};

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
    let mut events: BTreeMap<ItemId, Vec<Event>> = BTreeMap::new();
    for event in black_box.events().into_iter().filter(|e| e.what != What::Spawned) {
        events.entry(event.item).or_default().push(event);
    }
    let start = black_box.started_ns();
    let of = |item: ItemId| events.get(&item).map_or(&[][..], Vec::as_slice);
    let items: Vec<Item> = (0..spec.layout.items())
        .map(|item| {
            // What was removed before a start from zero does not count.
            let fresh = of(item).iter().position(|e| e.t_ns >= finished.anew_ns);
            let fresh = fresh.map_or(&[][..], |at| &of(item)[at..]);
            if spec.subject.is_foreign() {
                return foreign::item(item, spec, black_box, fresh, golden);
            }
            let records = records.get(&item).map_or(&[][..], Vec::as_slice);
            one_item(item, spec, black_box, records, (of(item), fresh), golden)
        })
        .collect();
    let receipts = black_box.read_receipts();
    let injections = receipts.iter().enumerate();
    let injections =
        injections.map(|(n, r)| one_injection(n, r, of(r.item), start, finished)).collect();
    let run = Run {
        run: trial.run,
        block: trial.block,
        subject: trial.subject.clone(),
        faults: trial.faults,
        seed: trial.seed,
        items: spec.layout.items(),
        pixels: spec.pixels(),
        wall_ns: finished.wall_ns,
        ending: finished.ending.clone(),
        deaths: deaths(black_box),
        restarts: finished.restarts,
        orphans: finished.orphans,
        foreign_files: foreign_files(spec)?,
        events_missed: black_box.events_missed(),
        // Who watched the machine knows.
        noise: Noise::default(),
    };
    Ok(History { run, injections, items })
}

/// Deaths of workers: an attempt that returned an error killed nobody.
fn deaths(black_box: &BlackBox) -> u64 {
    let deaths = black_box.deaths().into_iter().filter(|(death, _)| *death != Death::Error);
    deaths.map(|(_, n)| u64::from(n)).sum()
}

fn one_item(
    item: ItemId,
    spec: &Spec,
    black_box: &BlackBox,
    records: &[&Record],
    (events, fresh): (&[Event], &[Event]),
    golden: &Golden,
) -> Item {
    let since = |e: &Event| e.t_ns.saturating_sub(black_box.started_ns());
    let first = |events: &[Event], what| events.iter().find(|e| e.what == what).map(since);
    let done = records.iter().filter(|r| r.state == journal::State::Done).count() as u32;
    let place = spec.layout.place(item);
    let name = place.map(|p| spec.layout.file_name(&p, spec.job.format.extension()));
    let found = name.and_then(|name| file_blake3(&spec.dir.join(name)));
    let found = found.as_deref().map(short);
    let golden_blake3 = golden.file_blake3.get(item as usize).cloned().unwrap_or_default();
    let right = found.as_ref() == Some(&golden_blake3);
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
        attempts: black_box.begun(item),
        state,
        deliveries: done,
        lent_ns: first(events, What::Lent),
        done_ns: first(fresh, What::Done),
        work_ns: fresh.iter().rev().find(|e| e.what == What::Accepted).map(|e| e.value),
        found_blake3: found,
        golden_blake3,
    }
}

/// What became of one armed fault. An event after the fault fired belongs to it if it is of the same item
/// and attempt; where the subject itself fell, the observer is the one who noticed.
fn one_injection(
    number: usize,
    receipt: &Receipt,
    events: &[Event],
    start: u64,
    finished: &Finished,
) -> Injection {
    let since = |t: u64| t.saturating_sub(start);
    let fired = receipt.fired_ns;
    let after = |e: &&Event| fired.is_some_and(|t| e.t_ns >= t);
    let died = events
        .iter()
        .filter(after)
        .find(|e| e.what == What::Died && e.attempt == receipt.attempt)
        .map(|e| (e.t_ns, Death::from_code(e.value).to_string()));
    let fell = || {
        let (t, ending) = finished.falls.iter().find(|(t, _)| fired.is_some_and(|f| *t >= f))?;
        Some((*t, ending.to_string()))
    };
    let noticed = died.or_else(|| fired.and_then(|_| fell()));
    let later = |what| {
        let event =
            events.iter().filter(after).find(|e| e.what == what && e.attempt > receipt.attempt);
        event.copied()
    };
    let accepted = later(What::Accepted);
    Injection {
        injection: number as u32,
        fault: receipt.fault,
        item: receipt.item,
        attempt: receipt.attempt,
        point: receipt.point,
        lane: receipt.lane,
        armed_ns: since(receipt.armed_ns),
        fired_ns: fired.map(since),
        detected_ns: noticed.as_ref().map(|(t, _)| since(*t)),
        lent_again_ns: later(What::Lent).map(|e| since(e.t_ns)),
        accepted_ns: accepted.map(|e| since(e.t_ns)),
        work_ns: accepted.map(|e| e.value),
        diagnosis: noticed.map(|(_, cause)| cause),
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
