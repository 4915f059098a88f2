//! Any histories at all, for properties.

use super::{Checksum, Ending, Event, History, Injection, Item, Resource, Ring, Role, Run, State};
use crate::noise::Noise;
use pipelines::black_box::What;
use pipelines::fault::Point;
use proptest::prelude::*;

fn some_ns() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0..u64::MAX / 4)
}

fn any_checksum() -> impl Strategy<Value = Option<Checksum>> {
    prop::option::of(any::<u128>().prop_map(Checksum))
}

fn any_item() -> impl Strategy<Value = Item> {
    let states = [State::Done, State::Failed, State::Quarantined, State::Lost];
    let states = prop::sample::select(states.to_vec());
    let times = (some_ns(), some_ns(), some_ns());
    (any::<u32>(), states, any::<u32>(), times, any_checksum(), any_checksum()).prop_map(
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
    let marks = prop::collection::vec(some_ns(), 11);
    let ring = prop::option::of(prop::sample::select(Ring::ALL.to_vec()));
    let who = (any::<u64>(), any::<u32>(), any::<u8>(), any::<bool>());
    let point = prop::sample::select(Point::ALL.to_vec());
    // Whatever a subject says may stand in a diagnosis, except nothing: that is how `None` is written.
    let named = prop::option::of("(?s).{1,20}");
    ((fault, point), who, any::<u64>(), marks, named, ring, any::<u32>()).prop_map(
        |(
            (fault, point),
            (item, attempt, lane, permanent),
            armed_ns,
            marks,
            diagnosis,
            ring,
            restarts,
        )| {
            Injection {
                injection: 0,
                fault,
                item,
                attempt,
                point,
                lane,
                permanent,
                armed_ns,
                reached_ns: marks[0],
                fired_ns: marks[1],
                error_ns: marks[2],
                effect_ns: marks[3],
                detected_ns: marks[4],
                acted_ns: marks[5],
                ready_ns: marks[6],
                lent_again_ns: marks[7],
                first_ns: marks[8],
                accepted_ns: marks[9],
                work_ns: marks[10],
                diagnosis,
                contained_at: ring,
                restarts,
            }
        },
    )
}

fn any_resource() -> impl Strategy<Value = Resource> {
    let role = prop::sample::select(vec![Role::Subject, Role::Worker]);
    (any::<[u64; 6]>(), role, any::<u32>()).prop_map(|(n, role, pid)| Resource {
        t_ns: n[0],
        role,
        pid,
        deaths: n[1],
        rss_bytes: n[2],
        fds: n[3],
        threads: n[4],
        cpu_ns: n[5],
    })
}

fn any_event() -> impl Strategy<Value = Event> {
    let what = prop::sample::select(What::ALL.to_vec()).prop_map(|(what, _)| what);
    (what, any::<[u64; 3]>(), any::<u32>(), any::<u8>()).prop_map(|(what, n, attempt, lane)| {
        Event { t_ns: n[0], what, item: n[1], attempt, lane, value: n[2] }
    })
}

fn any_run() -> impl Strategy<Value = Run> {
    let ending = prop_oneof![
        Just(Ending::Complete),
        Just(Ending::Hang),
        any::<i32>().prop_map(Ending::Signal),
        any::<i32>().prop_map(Ending::Exit),
    ];
    let names = prop::sample::select(vec!["baseline", "okiagari", "a, \"quoted\" name"]);
    let numbers = (any::<[u32; 8]>(), any::<[u64; 3]>(), any::<Option<u64>>());
    (names, ending, numbers, any::<bool>()).prop_map(
        |(subject, ending, (n, big, cpu_ns), faults)| Run {
            run: 0,
            block: n[0],
            order_in_block: n[7],
            subject: subject.into(),
            faults,
            seed: big[0],
            items: n[1].into(),
            pixels: big[1],
            wall_ns: big[2],
            cpu_ns,
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
    )
}

/// Any histories at all, with runs counted from 0.
pub(crate) fn any_histories() -> impl Strategy<Value = Vec<History>> {
    let lists = (
        prop::collection::vec(any_item(), 0..6),
        prop::collection::vec(any_injection(), 0..4),
        prop::collection::vec(any_resource(), 0..3),
        prop::collection::vec(any_event(), 0..5),
    );
    prop::collection::vec((any_run(), lists), 0..5).prop_map(|all| {
        let number = |(run, (mut whole, lists)): (u32, (Run, _))| {
            let (mut items, mut injections, resources, events): (Vec<Item>, Vec<Injection>, _, _) =
                lists;
            whole.run = run;
            (0..).zip(&mut items).for_each(|(k, i)| i.item = k);
            (0..).zip(&mut injections).for_each(|(k, i)| i.injection = k);
            History { run: whole, injections, items, resources, events }
        };
        (0..).zip(all).map(number).collect()
    })
}
