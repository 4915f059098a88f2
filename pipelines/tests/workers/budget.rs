//! One budget of memory for all workers.

use crate::limits::children;
use libtest_mimic::Trial;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::limits::Limits;
use pipelines::message::{Blame, Failure};
use pipelines::pipeline::Stage;
use pipelines::pool::Pool;
use rustix::process::Signal;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;
/// An item over which the worker's group runs out.
const KILLED: u64 = 33;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("budget::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("two_large_items_are_never_at_work_at_once", one_by_one),
        trial("what_never_fits_is_declared_and_the_rest_is_done", never_fits),
        trial("a_worker_that_rests_on_much_makes_room", makes_room),
        trial("slots_beyond_the_budget_are_refused", no_slots),
        trial("a_kill_in_a_worker_s_group_is_called_out_of_memory", killed_in_group),
    ]
}

/// Takes so many MiB, keeps them, and meanwhile is alone in its folder, or fails.
pub(crate) struct Heavy(PathBuf, Vec<u8>);

impl Handler for Heavy {
    type Config = PathBuf;
    type In = u64;
    type Out = u64;
    fn need(_: &PathBuf, mib: &u64) -> u64 {
        mib * MIB
    }
    fn open(dir: &PathBuf) -> Result<Self, Failure> {
        Ok(Self(dir.clone(), vec![]))
    }
    fn handle(&mut self, mib: &u64, _: &mut Desk<'_>) -> Result<u64, Failure> {
        if *mib == KILLED {
            // As the kernel does it, in this order.
            let group = self.0.join(format!("worker-{}", std::process::id()));
            fs::write(group.join("memory.events"), "oom_kill 1").map_err(Failure::item)?;
            let me = rustix::process::getpid();
            rustix::process::kill_process(me, Signal::KILL).map_err(Failure::item)?;
        }
        if *mib < 40 {
            return Ok(*mib);
        }
        let mine = self.0.join("large");
        fs::File::create_new(&mine).map_err(|e| Failure::item(format!("not alone: {e}")))?;
        self.1 = Vec::new();
        self.1 = vec![1; (mib * MIB) as usize];
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(3) {}
        if *mib == 66 && !self.0.join("died").exists() {
            fs::rename(&mine, self.0.join("died")).map_err(Failure::item)?;
            std::process::abort();
        }
        fs::remove_file(&mine).map_err(Failure::item)?;
        Ok(self.1.iter().map(|n| u64::from(*n)).sum::<u64>() / MIB)
    }
}

fn pool(dir: &tempfile::TempDir, budget_mib: u64) -> Result<Pool<Heavy>, Failure> {
    let isolation = Isolation {
        memory_budget_bytes: budget_mib * MIB,
        limits: Limits { memory_max_bytes: 200 * MIB, ..Default::default() },
        ..Isolation::new(vec![], 0)
    };
    Pool::new(Stage::new(dir.path().to_owned()).workers(3).attempts(2).isolated(isolation))
}

fn one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let sizes: Vec<u64> = (0..60).map(|n| [60, 66, 1, 5][n % 4]).collect();
    let made = pool(&dir, 110).unwrap().map(sizes.clone());
    let made: Vec<_> = made.into_iter().map(|made| made.map_err(|e| e.what)).collect();
    assert_eq!(made, sizes.into_iter().map(Ok).collect::<Vec<_>>());
    assert!(dir.path().join("died").exists(), "one died of it, and made room");
    // With room for two the same items do meet.
    let made = pool(&dir, 400).unwrap().map(vec![60; 60]);
    assert!(made.iter().any(Result::is_err), "they never met, though they might");
}

fn never_fits() {
    let dir = tempfile::tempdir().unwrap();
    let made = pool(&dir, 100).unwrap().map([5, 150, 50, 400, 5]);
    let words = |n: usize| made[n].as_ref().unwrap_err().what.as_str();
    assert!(words(1).starts_with("it needs 150 MiB, and a worker can have "), "{}", words(1));
    // The other one would be held to 200 MiB, which are too many as well.
    assert!(words(3).contains("of the memory budget at most"), "{}", words(3));
    assert_eq!([0, 2, 4].map(|n| made[n].clone()), [Ok(5), Ok(50), Ok(5)]);
}

fn makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let pool = pool(&dir, 150).unwrap();
    // Whoever did the one still holds it when the other comes, and there is another lane that asks first.
    for _ in 0..10 {
        assert_eq!(pool.call(100), Ok(100));
    }
}

fn no_slots() {
    let dir = tempfile::tempdir().unwrap();
    let Err(failure) = pool(&dir, 0) else { panic!("it runs without memory") };
    assert_eq!(failure.blame, Blame::Input);
    assert!(failure.what.contains("and the memory budget is 0 MiB"), "{failure}");
}

fn killed_in_group() {
    // There is no group to be had in every place that runs this: a tree of plain files does for the names.
    let group = tempfile::tempdir().unwrap();
    fs::write(group.path().join("cgroup.controllers"), "memory").unwrap();
    fs::write(group.path().join("cgroup.subtree_control"), "memory").unwrap();
    let limits = Limits { memory_max_bytes: 200 * MIB, ..Default::default() };
    let cgroup = Some(group.path().to_owned());
    let isolation = Isolation { limits, cgroup, ..Isolation::new(vec![], 0) };
    let stage = Stage::<Heavy>::new(group.path().to_owned()).workers(1).attempts(1);
    let pool = Pool::new(stage.isolated(isolation)).unwrap();
    let words = pool.call(KILLED).unwrap_err().what;
    assert_eq!(words, "1 worker died over it, the last of out of memory");
    assert_eq!(pool.call(5), Ok(5));
    drop(pool);
    let groups = fs::read_dir(group.path()).unwrap().flatten();
    let limits = groups.filter_map(|g| fs::read_to_string(g.path().join("memory.max")).ok());
    let mut limits: Vec<u64> = limits.map(|limit| limit.parse::<u64>().unwrap() / MIB).collect();
    limits.sort_unstable();
    assert_eq!(limits.last(), Some(&432), "it had a second one with twice as much: {limits:?}");
    assert_eq!(limits.first(), Some(&232));
}
