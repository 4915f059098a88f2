//! Workers that reach for what they were not given.

use crate::limits::children;
use libtest_mimic::Trial;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::sandbox::Policy;
use pipelines::message::{Blame, Failure};
use pipelines::pipeline::Stage;
use pipelines::pool::Pool;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("sandbox::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("files_that_were_given_can_be_used", given),
        trial("files_that_were_not_given_are_refused", not_given),
        trial("who_connects_dies_and_the_call_is_named", connects),
        trial("who_execs_dies_and_the_call_is_named", execs),
        trial("what_it_starts_does_not_start", starts),
        trial("threads_and_deaths_are_as_before", as_before),
        trial("a_file_that_is_not_there_is_said", not_there),
        trial("threads_that_would_go_free_are_refused", free_threads),
    ]
}

/// What a worker does.
const READ: u8 = 0;
const WRITE: u8 = 1;
const CONNECT: u8 = 2;
const EXEC: u8 = 3;
const START: u8 = 4;
const THREAD: u8 = 5;
const ABORT: u8 = 6;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Aim {
    /// The file or the folder that it reads or writes in.
    path: PathBuf,
    /// Where it connects.
    port: u16,
    /// `open` leaves a thread behind.
    leaves_a_thread: bool,
}

pub(crate) struct Escape(Aim);

fn failed(error: impl Display) -> Failure {
    Failure::item(error)
}

impl Handler for Escape {
    type Config = Aim;
    type In = u8;
    type Out = u64;
    fn open(aim: &Aim) -> Result<Self, Failure> {
        if aim.leaves_a_thread {
            std::thread::spawn(std::thread::park);
        }
        Ok(Self(aim.clone()))
    }
    fn handle(&mut self, what: &u8, _: &mut Desk<'_>) -> Result<u64, Failure> {
        let Aim { path, port, .. } = &self.0;
        match *what {
            READ => std::fs::read(path).map(|bytes| bytes.len() as u64).map_err(failed),
            WRITE => std::fs::write(path.join("new"), "bytes").map(|()| 5).map_err(failed),
            CONNECT => TcpStream::connect(("127.0.0.1", *port)).map(|_| 0).map_err(failed),
            EXEC => Err(failed(Command::new("/bin/true").exec())),
            START => {
                let status = Command::new("/bin/true").status().map_err(failed)?;
                if status.success() { Ok(0) } else { Err(failed(status)) }
            }
            THREAD => {
                let sum = std::thread::spawn(|| vec![1u64; 1 << 20].iter().sum());
                sum.join().map_err(|_| failed("the thread panicked"))
            }
            _ => std::process::abort(),
        }
    }
}

fn escape(aim: Aim, sandbox: Option<Policy>) -> Pool<Escape> {
    let isolation = Isolation { sandbox, ..Isolation::new(vec![], 0) };
    Pool::new(Stage::new(aim).attempts(1).isolated(isolation)).unwrap()
}

fn aim(path: &Path) -> Aim {
    Aim { path: path.to_owned(), port: 1, leaves_a_thread: false }
}

/// What comes of it in a sandbox that holds nothing, and without one.
fn shut_in(aim: &Aim, what: u8) -> (Result<u64, Failure>, Result<u64, Failure>) {
    let free = escape(aim.clone(), None).call(what);
    (escape(aim.clone(), Some(Policy::default())).call(what), free)
}

fn given() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "seven b").unwrap();
    for readable in [file.clone(), dir.path().to_owned()] {
        let policy = Policy { readable: vec![readable], ..Default::default() };
        assert_eq!(escape(aim(&file), Some(policy.clone())).call(READ), Ok(7));
        let refused = escape(aim(dir.path()), Some(policy)).call(WRITE).unwrap_err();
        assert_eq!(refused.what, "Permission denied (os error 13)");
    }
    let policy = Policy { writable: vec![dir.path().to_owned()], ..Default::default() };
    assert_eq!(escape(aim(dir.path()), Some(policy.clone())).call(WRITE), Ok(5));
    assert_eq!(escape(aim(&dir.path().join("new")), Some(policy)).call(READ), Ok(5));
}

fn not_given() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (refused, free) = shut_in(&aim(file.path()), READ);
    assert_eq!(free, Ok(0));
    // It lives, and this item failed for a reason of its own.
    assert_eq!(refused.unwrap_err().what, "Permission denied (os error 13)");
}

#[cfg(target_arch = "x86_64")]
const SOCKET: &str = "41, socket";
#[cfg(target_arch = "x86_64")]
const EXECVE: &str = "59, execve";
#[cfg(target_arch = "aarch64")]
const SOCKET: &str = "198, socket";
#[cfg(target_arch = "aarch64")]
const EXECVE: &str = "221, execve";

#[track_caller]
fn died_of(call: &str, result: Result<u64, Failure>) {
    let due = format!("1 worker died over it, the last of signal 31: refused system call {call}");
    assert_eq!(result.unwrap_err().what, due);
}

fn connects() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (refused, free) = shut_in(&Aim { port, ..aim(Path::new("")) }, CONNECT);
    assert_eq!(free, Ok(0));
    died_of(SOCKET, refused);
}

fn execs() {
    let (refused, free) = shut_in(&aim(Path::new("")), EXEC);
    // It became another program, which answers nothing: a death, but of another kind.
    let free = free.unwrap_err().what;
    assert!(!free.contains("signal 31"), "{free}");
    died_of(EXECVE, refused);
}

fn starts() {
    let (refused, free) = shut_in(&aim(Path::new("")), START);
    assert_eq!(free, Ok(0));
    let refused = refused.unwrap_err().what;
    assert!(refused.contains("SIGSYS"), "{refused}");
}

fn as_before() {
    let (inside, free) = shut_in(&aim(Path::new("")), THREAD);
    assert_eq!((inside, free), (Ok(1 << 20), Ok(1 << 20)));
    let (inside, free) = shut_in(&aim(Path::new("")), ABORT);
    assert_eq!(inside, free, "it dies of the same, in the same words");
}

fn not_there() {
    let policy = Policy { readable: vec!["there/is/no/such".into()], ..Default::default() };
    let failure = escape(aim(Path::new("")), Some(policy)).call(READ).unwrap_err();
    assert_eq!(failure.blame, Blame::Engine);
    assert!(failure.what.contains("the sandbox cannot be entered: "), "{failure}");
    assert!(failure.what.contains("there/is/no/such"), "{failure}");
}

fn free_threads() {
    let aim = Aim { leaves_a_thread: true, ..aim(Path::new("")) };
    let failure = escape(aim.clone(), Some(Policy::default())).call(THREAD).unwrap_err();
    assert!(failure.what.contains("has started 1 threads"), "{failure}");
    let policy = Policy { best_effort: true, ..Default::default() };
    assert_eq!(escape(aim, Some(policy)).call(THREAD), Ok(1 << 20));
}
