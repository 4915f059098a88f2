//! Libraries that start a thread as soon as they are loaded: workers cannot be forked, and are started afresh.

use crate::limits::{children, descriptors};
use libtest_mimic::Trial;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::Isolation;
use pipelines::message::Failure;
use pipelines::pipeline::Stage;
use pipelines::pool::Pool;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("threaded::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("each_worker_has_the_librarys_thread", have_it),
        trial("deaths_are_replaced_and_told_as_ever", replaced),
        trial("what_started_afresh_leaves_nothing_behind", nothing_left),
    ]
}

/// What the thread of `preload` counts.
static BEATS: AtomicU64 = AtomicU64::new(0);

const SOMETIMES: u64 = 1 << 32;
const ALWAYS: u64 = 1 << 33;

/// Doubles a number in a process with a thread that `preload` started.
pub(crate) struct Threaded;

impl Handler for Threaded {
    type Config = ();
    type In = u64;
    type Out = u64;
    fn preload((): &()) -> Result<(), Failure> {
        let beat = || {
            loop {
                BEATS.fetch_add(1, Ordering::SeqCst);
                std::thread::yield_now();
            }
        };
        std::thread::Builder::new().spawn(beat).map_err(Failure::engine)?;
        Ok(())
    }
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, number: &u64, desk: &mut Desk<'_>) -> Result<u64, Failure> {
        if *number & ALWAYS > 0 || *number & SOMETIMES > 0 && desk.attempt == 0 {
            std::process::abort();
        }
        let threads = fs::read_dir("/proc/self/task").map_err(Failure::item)?.count();
        // In a fork it would stand still.
        let before = BEATS.load(Ordering::SeqCst);
        while BEATS.load(Ordering::SeqCst) == before {
            std::thread::yield_now();
        }
        Ok((number & !SOMETIMES) * threads as u64)
    }
}

fn pool() -> Pool<Threaded> {
    let isolation = Isolation::new(vec![], 0);
    Pool::new(Stage::<Threaded>::new(()).workers(2).isolated(isolation)).unwrap()
}

fn have_it() {
    let made = pool().map(0..50);
    assert_eq!(
        made.into_iter().collect::<Result<Vec<_>, _>>(),
        Ok((0..50).map(|n| 2 * n).collect())
    );
}

fn replaced() {
    let pool = pool();
    let made = pool.map((0..30).map(|n| if n % 5 == 0 { n | SOMETIMES } else { n }));
    assert_eq!(
        made.into_iter().collect::<Result<Vec<_>, _>>(),
        Ok((0..30).map(|n| 2 * n).collect())
    );
    let words = pool.call(ALWAYS).unwrap_err().what;
    assert_eq!(words, "3 workers died over it, the last of signal 6");
    assert_eq!(pool.call(7), Ok(14), "the next one is done");
}

fn nothing_left() {
    let some = || pool().map((0..6).map(|n| n | SOMETIMES));
    some();
    let before = descriptors();
    assert!(some().iter().all(Result::is_ok));
    assert_eq!(descriptors(), before);
}
