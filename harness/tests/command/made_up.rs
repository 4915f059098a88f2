//! Results made up, for tests that judge or show results and need no pipeline to run.

use harness::experiment::{Experiment, Trial};
use harness::history::{Checksum, Ending, History, Injection, Item, Ring, Run, State};
use harness::noise::Noise;
use harness::report;
use pipelines::fault::{Fault, Point};
use std::path::Path;

/// Results made up, as they would lie after `okiagari experiment`: the plain program dies of its first fault, everybody
/// else pays for each with one more attempt. Whatever machine made the reference runs, these stay the same. With
/// fewer blocks than the experiment has they are made faster.
pub(crate) fn made_up(results: &Path, name: &str, blocks: Option<u32>) {
    let mut experiment = Experiment::load(name).unwrap();
    experiment.blocks = blocks.unwrap_or(experiment.blocks);
    let history = |trial: &Trial| {
        let mut history = undisturbed(trial);
        if trial.faults && !experiment.strike.is_empty() {
            match &*trial.subject {
                "baseline" => fall(&mut history, 40),
                _ => (0..5).for_each(|n| redo(&mut history, n, 10 * u64::from(n))),
            }
        }
        history
    };
    let histories: Vec<_> = experiment.schedule().iter().map(history).collect();
    report::write(&results.join(name), &experiment, &histories).unwrap();
}

/// A tile each millisecond.
fn undisturbed(trial: &Trial) -> History {
    let item = |item: u64| Item {
        item,
        attempts: 1,
        state: State::Done,
        deliveries: 1,
        lent_ns: Some(item * 1_000_000),
        done_ns: Some(item * 1_000_000 + 900_000),
        work_ns: Some(800_000),
        found_blake3: Some(Checksum(item.into())),
        golden_blake3: Some(Checksum(item.into())),
    };
    let run = Run {
        run: trial.run,
        block: trial.block,
        order_in_block: trial.order_in_block,
        subject: trial.subject.clone(),
        faults: trial.faults,
        seed: trial.seed,
        items: 64,
        pixels: 64 * 65_536,
        wall_ns: 65_000_000 + u64::from(trial.run) * 7919 % 100_000,
        cpu_ns: None,
        ending: Ending::Complete,
        deaths: 0,
        restarts: 0,
        orphans: 0,
        foreign_files: 0,
        events_missed: 0,
        noise: Noise::default(),
    };
    let items = (0..64).map(item).collect();
    History { run, injections: vec![], resources: vec![], events: vec![], items }
}

/// An abort that was noticed.
fn abort(injection: u32, item: u64, contained_at: Ring) -> Injection {
    let after = |ns: u64| Some(item * 1_000_000 + ns);
    Injection {
        injection,
        fault: Fault::Abort,
        item,
        attempt: 0,
        point: Point::Native,
        lane: 0,
        permanent: false,
        armed_ns: item * 1_000_000,
        reached_ns: after(100_000),
        fired_ns: after(100_000),
        error_ns: after(150_000),
        effect_ns: after(200_000),
        detected_ns: after(200_000),
        acted_ns: None,
        ready_ns: None,
        lent_again_ns: None,
        first_ns: None,
        accepted_ns: None,
        work_ns: None,
        diagnosis: Some("signal 6".into()),
        contained_at: Some(contained_at),
        restarts: 0,
    }
}

fn fall(history: &mut History, victim: u64) {
    history.injections.push(abort(0, victim, Ring::Subject));
    history.run.ending = Ending::Signal(6);
    history.run.wall_ns = victim * 1_000_000 + 300_000;
    for item in &mut history.items[victim as usize..] {
        (item.state, item.deliveries, item.done_ns) = (State::Lost, 0, None);
        (item.work_ns, item.found_blake3) = (None, None);
    }
}

fn redo(history: &mut History, injection: u32, victim: u64) {
    let mut abort = abort(injection, victim, Ring::Worker);
    let after = |ns: u64| Some(victim * 1_000_000 + ns);
    (abort.acted_ns, abort.ready_ns) = (after(250_000), after(250_000));
    (abort.lent_again_ns, abort.work_ns) = (after(300_000), Some(800_000));
    (abort.first_ns, abort.accepted_ns) = (after(1_500_000), after(1_500_000));
    abort.restarts = 1;
    history.injections.push(abort);
    history.run.deaths += 1;
    let item = &mut history.items[victim as usize];
    (item.attempts, item.done_ns) = (2, after(1_500_000));
}
