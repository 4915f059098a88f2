//! What a worker takes beyond its limits costs it its life, or the call that asked for it, and nobody else anything.

use crate::kit::{Number, Numbers, Outcome, Setup, Start, run, toil};
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::limits::{Limits, Recycling};
use pipelines::message::{Death, Failure};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

const GREEDY: u64 = 3;
const ITEMS: u64 = 10;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("bounds::{name}"), move || {
            run();
            Ok(())
        })
    };
    vec![
        trial("processor_time_that_is_used_up_ends_a_worker", processor),
        trial("a_file_too_many_is_refused_and_the_worker_lives", files),
        trial("a_file_too_large_ends_a_worker", size),
        trial("a_worker_is_replaced_after_so_many_items", items),
        trial("a_worker_is_replaced_at_an_age", age),
    ]
}

/// What a worker wants too much of.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Appetite {
    Processor,
    Files,
    Bytes(PathBuf),
}

/// Takes all that there is, for one item.
pub(crate) struct Glutton(Appetite);

impl Handler for Glutton {
    type Config = Appetite;
    type In = Number;
    type Out = Number;
    fn open(appetite: &Appetite) -> Result<Self, Failure> {
        Ok(Self(appetite.clone()))
    }
    fn handle(&mut self, input: &Number, desk: &mut Desk<'_>) -> Result<Number, Failure> {
        if desk.item == GREEDY {
            match &self.0 {
                Appetite::Processor => loop {
                    std::hint::spin_loop();
                },
                Appetite::Files => {
                    let mut open = vec![];
                    while open.len() < 1000 {
                        open.push(File::open("/dev/null").map_err(Failure::item)?);
                    }
                }
                Appetite::Bytes(path) => {
                    let mut file = File::create(path).map_err(Failure::item)?;
                    for _ in 0..64 {
                        file.write_all(&[1; 4096]).map_err(Failure::item)?;
                    }
                }
            }
        }
        Ok(Number(input.0))
    }
}

fn feast(appetite: Appetite, limits: Limits) -> Outcome {
    let setup = Setup { attempts: 1, limits, ..Default::default() };
    let outcome = run::<Glutton, _>(setup, appetite, Numbers::to(ITEMS), ITEMS, |_, _| None);
    let tally = outcome.tally();
    assert_eq!((tally.done, tally.quarantined + tally.failed), (ITEMS - 1, 1), "{tally:?}");
    assert_eq!(outcome.aside[0].item, GREEDY);
    outcome
}

fn processor() {
    let limits = Limits { cpu_max: Some(Duration::from_secs(1)), ..Default::default() };
    let outcome = feast(Appetite::Processor, limits);
    assert_eq!(outcome.aside[0].death, Death::Signal(24));
    let (evidence, _) = outcome.evidence[0].as_ref().unwrap();
    assert!(evidence.cause.starts_with("SIGXCPU"), "{}", evidence.cause);
    assert!(evidence.cause.ends_with("its processor time was used up"), "{}", evidence.cause);
    let usage = evidence.usage.unwrap();
    let used = Duration::from_micros(usage.cpu_user_us + usage.cpu_system_us);
    assert!((900..1900).contains(&used.as_millis()), "at once, and not a second later: {used:?}");
}

fn files() {
    let outcome = feast(Appetite::Files, Limits { files_max: Some(16), ..Default::default() });
    let aside = &outcome.aside[0];
    assert_eq!(aside.death, Death::Error);
    assert!(aside.words.contains("Too many open files"), "{}", aside.words);
    assert!(outcome.evidence[0].is_none(), "nobody died");
}

fn size() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large");
    let limits = Limits { file_max_bytes: Some(10_000), ..Default::default() };
    let outcome = feast(Appetite::Bytes(path.clone()), limits);
    assert_eq!(outcome.aside[0].death, Death::Signal(25));
    let (evidence, _) = outcome.evidence[0].as_ref().unwrap();
    assert!(
        evidence.cause.ends_with("a file that it wrote became too large"),
        "{}",
        evidence.cause
    );
    assert_eq!(std::fs::metadata(path).unwrap().len(), 10_000);
}

fn replaced(recycling: Recycling, items: u64) -> usize {
    let setup = Setup { workers: 1, spares: 1, recycling, ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(items), |_, _| None);
    assert_eq!((outcome.tally().done, outcome.deaths().len()), (items, 0), "nobody is charged");
    outcome.events(What::Spawned).len()
}

fn items() {
    assert_eq!(replaced(Recycling::default(), 20), 2, "one at work, and its spare");
    let items = Recycling { items: Some(5), ..Default::default() };
    // Of the last to be replaced the run need not see the successor any more.
    let spawned = replaced(items, 20);
    assert!((4..=6).contains(&spawned), "{spawned}");
}

fn age() {
    let age = Recycling { age: Some(Duration::from_nanos(1)), ..Default::default() };
    let spawned = replaced(age, 6);
    assert!((6..=8).contains(&spawned), "{spawned}");
}
