//! Histories made up for tests.

use super::{Checksum, Ending, History, Injection, Item, Ring, Run, State};
use crate::noise::Noise;
use pipelines::fault::{Fault, Point};

/// A run in which all went well: one tile after the other, a millisecond each.
pub(crate) fn good(run: u32, subject: &str, faults: bool, items: u64) -> History {
    let item = |i: u64| Item {
        item: i,
        attempts: 1,
        state: State::Done,
        deliveries: 1,
        lent_ns: Some(i * 1_000_000),
        done_ns: Some((i + 1) * 1_000_000),
        work_ns: Some(900_000),
        found_blake3: Some(Checksum(i.into())),
        golden_blake3: Some(Checksum(i.into())),
    };
    History {
        items: (0..items).map(item).collect(),
        ..History::of(Run {
            run,
            block: run / 4,
            order_in_block: run % 4,
            subject: subject.into(),
            faults,
            seed: 7,
            items,
            pixels: items * 65_536,
            wall_ns: items * 1_000_000 + 5_000_000,
            cpu_ns: Some(items * 1_500_000),
            ending: Ending::Complete,
            deaths: 0,
            restarts: 0,
            orphans: 0,
            foreign_files: 0,
            events_missed: 0,
            noise: Noise::default(),
        })
    }
}

/// An experiment's worth: the baseline dies of its first abort, okiagari pays for each with one more attempt.
pub(crate) fn comparison(blocks: u32, items: u64) -> Vec<History> {
    let mut all = Vec::new();
    for block in 0..blocks {
        let wobble = u64::from(block * 37 % 11);
        for (subject, faults) in
            [("baseline", true), ("okiagari", false), ("baseline", false), ("okiagari", true)]
        {
            let mut h = good(all.len() as u32, subject, faults, items);
            h.run.block = block;
            h.run.seed = 1000 + u64::from(block);
            slow_down(
                &mut h,
                1.0 + 0.01 * wobble as f64 + if subject == "okiagari" { 0.06 } else { 0.0 },
            );
            let victim = items / 4 + wobble * items / 20;
            match (subject, faults) {
                ("baseline", true) => die(&mut h, victim),
                ("okiagari", true) => {
                    for (k, item) in [victim, (victim + items / 3) % items].into_iter().enumerate()
                    {
                        recover(&mut h, k as u32, item, 3_000_000 + wobble * 400_000);
                    }
                }
                _ => {}
            }
            all.push(h);
        }
    }
    all
}

fn slow_down(h: &mut History, by: f64) {
    let scale = |t: &mut u64| *t = (*t as f64 * by) as u64;
    scale(&mut h.run.wall_ns);
    for i in &mut h.items {
        i.done_ns.iter_mut().chain(&mut i.lent_ns).for_each(scale);
    }
}

pub(crate) fn strike(h: &History, injection: u32, item: u64) -> Injection {
    let at = h.items[item as usize].lent_ns.unwrap_or(0);
    Injection {
        injection,
        fault: Fault::Abort,
        item,
        attempt: 0,
        point: Point::Native,
        lane: 1,
        permanent: false,
        armed_ns: at,
        reached_ns: Some(at + 400_000),
        fired_ns: Some(at + 400_000),
        error_ns: Some(at + 800_000),
        effect_ns: Some(at + 900_000),
        detected_ns: Some(at + 900_000),
        acted_ns: None,
        ready_ns: None,
        lent_again_ns: None,
        first_ns: None,
        accepted_ns: None,
        work_ns: None,
        diagnosis: Some("signal 6".into()),
        contained_at: Some(Ring::Subject),
        restarts: 0,
    }
}

pub(crate) fn die(h: &mut History, victim: u64) {
    let strike = strike(h, 0, victim);
    h.run.wall_ns = strike.fired_ns.unwrap_or(0) + 800_000;
    h.run.ending = Ending::Signal(6);
    h.injections.push(strike);
    for i in &mut h.items[victim as usize..] {
        (i.state, i.deliveries, i.done_ns, i.work_ns) = (State::Lost, 0, None, None);
        i.found_blake3 = None;
    }
}

pub(crate) fn recover(h: &mut History, injection: u32, item: u64, cost_ns: u64) {
    let mut strike = strike(h, injection, item);
    let fired = strike.fired_ns.unwrap_or(0);
    strike.acted_ns = Some(fired + cost_ns / 3);
    strike.ready_ns = strike.acted_ns;
    strike.lent_again_ns = Some(fired + cost_ns / 2);
    strike.first_ns = Some(fired + cost_ns);
    (strike.contained_at, strike.restarts) = (Some(Ring::Worker), 1);
    strike.accepted_ns = Some(fired + cost_ns);
    strike.work_ns = Some(900_000);
    h.injections.push(strike);
    let i = &mut h.items[item as usize];
    (i.attempts, i.done_ns) = (2, Some(fired + cost_ns));
    h.run.deaths += 1;
}
