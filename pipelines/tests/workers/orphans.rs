//! A supervisor that gets SIGKILL takes all of its workers along, at whatever moment.
//!
//! The program runs itself twice over: once as the supervisor, whose workers are this program a third time.

use crate::kit::{Numbers, Setup, Start, toil};
use crate::limits::children;
use libtest_mimic::Trial;
use pipelines::fault::Fault;
use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Names, in the environment, the program that is to be killed.
const VICTIM: &str = "OKIAGARI_TEST_VICTIM";
const ROUNDS: u64 = 200;

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("orphans::no_worker_outlives_a_killed_supervisor", || {
        run();
        assert_eq!(children(), "", "processes are left");
        Ok(())
    })]
}

/// Whether this process is the one to be killed; then this does not return.
pub(crate) fn die_if_asked() {
    if std::env::var_os(VICTIM).is_none() {
        return;
    }
    // Workers come and go all the time, so that some are just being born.
    let faults = |item, attempt| (item % 3 == 0 && attempt == 0).then_some(Fault::Abort);
    toil(Setup::default(), Start::Well, Numbers::to(1 << 16), faults);
    unreachable!("it is killed long before");
}

fn run() {
    let mut slowest = Duration::ZERO;
    for round in 0..ROUNDS {
        let mut victim = Victim::start();
        // From the first worker on, for 0 to 20 ms.
        let from = Instant::now();
        while victim.workers().len() < 2 {
            assert!(from.elapsed() < Duration::from_secs(20), "round {round}: no worker came");
        }
        let wait = Duration::from_micros(round * 7919 % 20_000);
        let from = Instant::now();
        let mut workers = victim.workers();
        while from.elapsed() < wait {
            workers.extend(victim.workers());
        }
        let killed = Instant::now();
        victim.0.kill().expect("it is ours");
        victim.0.wait().expect("it is ours");
        // Whoever was born in the last moment belongs to nobody now: the whole system is searched.
        while workers.iter().any(|pid| is_alive(*pid)) || own_workers() > 0 {
            assert!(killed.elapsed() < Duration::from_secs(10), "round {round}: a worker lives");
        }
        slowest = slowest.max(killed.elapsed());
    }
    println!("the slowest of {ROUNDS} was gone after {slowest:?}");
}

/// It cannot tidy up behind itself: its files lie in a folder of ours.
struct Victim(Child, #[expect(dead_code, reason = "it is removed with its victim")] TempDir);

impl Victim {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("there is room");
        let mut program = Command::new("/proc/self/exe");
        program
            .env(VICTIM, "1")
            .env("TMPDIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self(program.spawn().expect("this program can be started"), dir)
    }

    /// Its children, whichever thread they belong to.
    fn workers(&self) -> BTreeSet<u32> {
        let Ok(tasks) = read_dir(format!("/proc/{}/task", self.0.id())) else { return [].into() };
        let lists =
            tasks.filter_map(|task| read_to_string(task.ok()?.path().join("children")).ok());
        let pids = lists.flat_map(|list| {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()
        });
        pids.collect()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn is_alive(pid: u32) -> bool {
    let stat = read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.starts_with(&format!("{pid} (")) && is_worker(pid) && !stat.contains(") Z ")
}

fn is_worker(pid: u32) -> bool {
    let name = read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let ours = std::env::current_exe().ok();
    name.starts_with("okiagari-worker")
        && std::fs::read_link(format!("/proc/{pid}/exe")).ok() == ours
}

/// Workers of this program, anywhere.
fn own_workers() -> usize {
    let all = read_dir("/proc").expect("it is there");
    let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| is_alive(*pid)).count()
}
