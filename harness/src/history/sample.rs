//! Histories made up for tests.

use super::{Ending, History, Injection, Item, Run, State};
use crate::noise::Noise;
use pipelines::fault::{Fault, Point};
use proptest::prelude::*;

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
        found_blake3: Some(format!("{i:032x}")),
        golden_blake3: format!("{i:032x}"),
    };
    History {
        run: Run {
            run,
            block: run / 4,
            subject: subject.into(),
            faults,
            seed: 7,
            items,
            pixels: items * 65_536,
            wall_ns: items * 1_000_000 + 5_000_000,
            ending: Ending::Complete,
            deaths: 0,
            restarts: 0,
            orphans: 0,
            foreign_files: 0,
            events_missed: 0,
            noise: Noise::default(),
        },
        injections: Vec::new(),
        items: (0..items).map(item).collect(),
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

fn strike(h: &History, injection: u32, item: u64) -> Injection {
    let at = h.items[item as usize].lent_ns.unwrap_or(0);
    Injection {
        injection,
        fault: Fault::Abort,
        item,
        attempt: 0,
        point: Point::Native,
        lane: 1,
        armed_ns: at,
        fired_ns: Some(at + 400_000),
        detected_ns: Some(at + 900_000),
        lent_again_ns: None,
        accepted_ns: None,
        work_ns: None,
        diagnosis: Some("signal 6".into()),
    }
}

fn die(h: &mut History, victim: u64) {
    let strike = strike(h, 0, victim);
    h.run.wall_ns = strike.fired_ns.unwrap_or(0) + 800_000;
    h.run.ending = Ending::Signal(6);
    h.injections.push(strike);
    for i in &mut h.items[victim as usize..] {
        (i.state, i.deliveries, i.done_ns, i.work_ns) = (State::Lost, 0, None, None);
        i.found_blake3 = None;
    }
}

fn recover(h: &mut History, injection: u32, item: u64, cost_ns: u64) {
    let mut strike = strike(h, injection, item);
    let fired = strike.fired_ns.unwrap_or(0);
    strike.lent_again_ns = Some(fired + cost_ns / 2);
    strike.accepted_ns = Some(fired + cost_ns);
    strike.work_ns = Some(900_000);
    h.injections.push(strike);
    let i = &mut h.items[item as usize];
    (i.attempts, i.done_ns) = (2, Some(fired + cost_ns));
    h.run.deaths += 1;
}

fn some_ns() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0..u64::MAX / 4)
}

fn any_item() -> impl Strategy<Value = Item> {
    let states = [State::Done, State::Failed, State::Quarantined, State::Lost];
    let hash = "[0-9a-f]{32}";
    let times = (some_ns(), some_ns(), some_ns());
    (
        any::<u32>(),
        prop::sample::select(states.to_vec()),
        any::<u32>(),
        times,
        prop::option::of(hash),
        hash,
    )
        .prop_map(
            |(attempts, state, deliveries, (lent_ns, done_ns, work_ns), found, golden)| Item {
                item: 0,
                attempts,
                state,
                deliveries,
                lent_ns,
                done_ns,
                work_ns,
                found_blake3: found,
                golden_blake3: golden,
            },
        )
}

fn any_injection() -> impl Strategy<Value = Injection> {
    let fault = prop::sample::select(pipelines::fault::TABLE).prop_map(|e| e.fault);
    let marks = (some_ns(), some_ns(), some_ns(), some_ns(), some_ns());
    // Whatever a subject says may stand in a diagnosis, except nothing: that is how `None` is written.
    let site = (any::<u64>(), any::<u32>(), prop::sample::select(Point::ALL.to_vec()), any::<u8>());
    (fault, site, any::<u64>(), marks, prop::option::of("(?s).{1,20}")).prop_map(
        |(fault, (item, attempt, point, lane), armed_ns, marks, diagnosis)| Injection {
            injection: 0,
            fault,
            item,
            attempt,
            point,
            lane,
            armed_ns,
            fired_ns: marks.0,
            detected_ns: marks.1,
            lent_again_ns: marks.2,
            accepted_ns: marks.3,
            work_ns: marks.4,
            diagnosis,
        },
    )
}

/// Any histories at all, with runs counted from 0.
pub(crate) fn any_histories() -> impl Strategy<Value = Vec<History>> {
    let ending = prop_oneof![
        Just(Ending::Complete),
        Just(Ending::Hang),
        any::<i32>().prop_map(Ending::Signal),
        any::<i32>().prop_map(Ending::Exit),
    ];
    let items = prop::collection::vec(any_item(), 0..6);
    let injections = prop::collection::vec(any_injection(), 0..4);
    let names = prop::sample::select(vec!["baseline", "okiagari", "a, \"quoted\" name"]);
    let one =
        (names, ending, any::<[u32; 8]>(), any::<[u64; 3]>(), any::<bool>(), items, injections);
    prop::collection::vec(one, 0..5).prop_map(|all| {
        let number =
            |(run, (subject, ending, n, big, faults, mut items, mut injections)): (usize, _)| {
                let subject: &str = subject;
                let n: [u32; 8] = n;
                (0..).zip(&mut items).for_each(|(k, i): (u64, &mut Item)| i.item = k);
                (0..)
                    .zip(&mut injections)
                    .for_each(|(k, i): (u32, &mut Injection)| i.injection = k);
                let big: [u64; 3] = big;
                History {
                    run: Run {
                        run: run as u32,
                        block: n[0],
                        subject: subject.into(),
                        faults,
                        seed: big[0],
                        items: n[1].into(),
                        pixels: big[1],
                        wall_ns: big[2],
                        ending,
                        deaths: n[2].into(),
                        restarts: n[3].into(),
                        orphans: n[4].into(),
                        foreign_files: n[5].into(),
                        events_missed: n[6].into(),
                        noise: Noise {
                            foreign_cpu_ns: faults.then_some(big[2] / 3),
                            steal_ns: faults.then_some(n[7].into()),
                            noisy: faults.then_some(n[7].is_multiple_of(2)),
                        },
                    },
                    injections,
                    items,
                }
            };
        all.into_iter().enumerate().map(number).collect()
    })
}
