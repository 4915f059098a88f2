//! What is nobody's plan: workers that talk nonsense, spares that die unused, callbacks that panic.

use crate::kit::{Number, Numbers, Setup, Start, run, toil};
use crate::shelf::{Keep, Shelf};
use libtest_mimic::Trial;
use pipelines::black_box::What;
use pipelines::fault::Fault;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::message::{Death, Failure, Tally};
use rustix::process::{Pid, Signal, kill_process};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("oddities::{name}"), move || {
            run();
            Ok(())
        })
    };
    vec![
        trial("an_answer_that_makes_no_sense_is_garbage", garbage),
        trial("spares_that_die_unused_blame_no_item", dead_spare),
        trial("a_sink_that_panics_fails_its_batches", sink_panics),
        trial("a_source_that_panics_ends_the_run", source_panics),
        trial("a_callback_that_panics_ends_the_run", eye_panics),
    ]
}

/// A result that cannot be read back.
pub(crate) struct Stutter;

impl Portable for Stutter {
    fn lower(&self, to: &mut Writer) {
        to.u8(1);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.u64().map(|_| Self)
    }
}

impl Keep for Stutter {
    fn keep(&self) -> Vec<u8> {
        vec![]
    }
}

/// Answers for even items with a result that makes no sense, and for odd ones with an error.
pub(crate) struct Babble;

impl Handler for Babble {
    type Config = ();
    type In = Number;
    type Out = Stutter;
    fn open(_config: &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, input: &Number, _desk: &mut Desk<'_>) -> Result<Stutter, Failure> {
        if input.0.is_multiple_of(2) { Ok(Stutter) } else { Err(Failure::item("odd")) }
    }
}

fn garbage() {
    let setup = Setup { attempts: 2, ..Default::default() };
    let outcome = run::<Babble, _>(setup, (), Numbers::to(6), 6, |_, _| None);
    let tally = Tally { produced: 6, failed: 3, quarantined: 3, ..Default::default() };
    assert_eq!(outcome.tally(), tally);
    assert!(outcome.delivered.is_empty());
    for aside in &outcome.aside {
        let death = if aside.item.is_multiple_of(2) { Death::Garbage } else { Death::Error };
        assert_eq!(aside.death, death, "item {}", aside.item);
    }
}

/// Ends a process and waits until it is dead, but not reaped: that is for its parent to do.
fn slay(pid: u64) {
    let process = Pid::from_raw(pid as i32).expect("a process id");
    kill_process(process, Signal::KILL).expect("it is there");
    let stat = format!("/proc/{pid}/stat");
    while !std::fs::read_to_string(&stat).expect("nobody reaps it yet").contains(") Z") {
        std::thread::yield_now();
    }
}

fn dead_spare() {
    // The eye on the run: at item 5 it ends the spare, and at item 8 the spare is needed.
    let spare = Arc::new(AtomicU64::new(0));
    let setup = Setup { workers: 1, spares: 1, ..Default::default() };
    let box_of_run = setup.black_box.clone();
    let slain = spare.clone();
    let outcome = toil(setup, Start::Well, Numbers::to(12), move |item, attempt| {
        if (item, attempt) == (5, 0) {
            let black_box = box_of_run.get().expect("the run has one");
            // The lane took the first that was started. The second may not have been started yet.
            let second =
                || black_box.events().into_iter().filter(|e| e.what == What::Spawned).nth(1);
            let pid = loop {
                if let Some(event) = second() {
                    break event.value;
                }
                std::thread::yield_now();
            };
            slay(pid);
            slain.store(pid, Ordering::SeqCst);
        }
        ((item, attempt) == (8, 0)).then_some(Fault::Abort)
    });
    assert_ne!(spare.load(Ordering::SeqCst), 0);
    assert_eq!(outcome.tally(), Tally { produced: 12, done: 12, ..Default::default() });
    assert_eq!(outcome.deaths(), [(8, 0, Death::Signal(6).code())]);
    // Two at first, one for the spare; the one for the worker that died over item 8 may come too late.
    assert!((3..=4).contains(&outcome.events(What::Spawned).len()));
}

fn sink_panics() {
    let setup = Setup { shelf: Shelf::panicking(), ..Default::default() };
    let outcome = toil(setup, Start::Well, Numbers::to(10), |_, _| None);
    // Its batches failed, each by itself.
    assert_eq!(outcome.tally(), Tally { produced: 10, failed: 10, ..Default::default() });
    assert!(outcome.delivered.is_empty());
}

fn source_panics() {
    let outcome =
        toil(Setup::default(), Start::Well, Numbers::to(1000).panicking_at(9), |_, _| None);
    let failure = outcome.result.unwrap_err();
    assert!(failure.what.contains("the source panics"), "{failure}");
}

fn eye_panics() {
    for workers in [1, 2] {
        let setup = Setup { workers, ..Default::default() };
        let outcome = toil(setup, Start::Well, Numbers::to(1000), |item, _| {
            assert_ne!(item, 9, "the eye panics");
            None
        });
        let failure = outcome.result.unwrap_err();
        assert!(failure.what.contains("the eye panics"), "{failure}");
    }
}
