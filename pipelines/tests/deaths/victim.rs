//! A process that is struck: this program again, with its fault in an environment variable.

use pipelines::fault::Fault;
use pipelines::image::native::{Kernel, process};
use pipelines::image::raster::{PixelFormat, Rect, TileHead};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Resource, Rlimit, Signal, getppid, pidfd_open,
    set_parent_process_death_signal, setrlimit,
};
use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// The status of a victim that lives: none that a fault exits with here.
pub(crate) const SURVIVED: i32 = 99;

const FAULT: &str = "DEATHS_FAULT";
const THREAD: &str = "DEATHS_THREAD";
const PARENT: &str = "DEATHS_PARENT";
/// Calls of a victim; the first is the one that is struck.
const CALLS: usize = 10;
/// Seconds of a processor's time that a victim may use.
const CPU_SECONDS: u64 = 2;

/// In a victim this never returns.
pub(crate) fn enter() {
    let Ok(fault) = std::env::var(FAULT) else { return };
    let fault: Fault = fault.parse().expect("a fault");
    set_parent_process_death_signal(Some(Signal::KILL)).expect("bound to the parent");
    let parent = getppid().map(|p| p.as_raw_nonzero().get().to_string());
    assert_eq!(parent, std::env::var(PARENT).ok(), "the parent is gone");
    let limit = |n| Rlimit { current: Some(n), maximum: Some(n + 1) };
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).expect("a limit");
    setrlimit(Resource::Cpu, limit(CPU_SECONDS)).expect("a limit");
    if std::env::var_os(THREAD).is_some() {
        std::thread::spawn(move || work(fault)).join().expect("no panic");
    } else {
        work(fault);
    }
    std::process::exit(SURVIVED);
}

fn work(fault: Fault) {
    let rect = Rect { x: 0, y: 0, width: 3, height: 2 };
    let head = TileHead { item: 9, scene: 0, rect, halo: 0, format: PixelFormat::RGB8 };
    let (input, before) = ([5; 18], resident_kib());
    for call in 0..CALLS {
        eprintln!("calling");
        let (start, mut output) = (Instant::now(), [7; 18]);
        let strike = (call == 0).then_some(fault);
        let how = match process(Kernel::Copy, &head, &input, &mut output, strike) {
            Ok(()) if output == input => "done".to_owned(),
            Ok(()) => "done wrong".to_owned(),
            Err(why) if output == [7; 18] => format!("{why}, untouched"),
            Err(why) => format!("{why}, touched"),
        };
        eprintln!("call {call}: {how}");
        if call == 0 {
            eprintln!("first took ms {}", start.elapsed().as_millis());
            eprintln!("grown KiB {}", resident_kib().saturating_sub(before));
        }
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a process");
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// How a victim ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Signal(i32),
    Exit(i32),
}

/// A victim from outside. Dropping it ends and reaps it.
pub(crate) struct Victim {
    child: RefCell<Child>,
    pidfd: OwnedFd,
    stderr: RefCell<(BufReader<ChildStderr>, String)>,
}

impl Victim {
    /// One that meets a fault on its main thread.
    pub(crate) fn of(fault: Fault) -> Self {
        Self::start(Command::new("/proc/self/exe").env(FAULT, fault.to_string()))
    }

    /// One that meets it on another.
    pub(crate) fn of_thread(fault: Fault) -> Self {
        let mut command = Command::new("/proc/self/exe");
        Self::start(command.env(FAULT, fault.to_string()).env(THREAD, "1"))
    }

    fn start(command: &mut Command) -> Self {
        command.env(PARENT, std::process::id().to_string()).env("RUST_BACKTRACE", "0");
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("a process");
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).expect("a pidfd");
        let stderr = BufReader::new(child.stderr.take().expect("piped"));
        Self { child: RefCell::new(child), pidfd, stderr: RefCell::new((stderr, String::new())) }
    }

    /// Waits until it has said this line, or until it says nothing any more.
    pub(crate) fn hear(&self, line: &str) {
        let (from, heard) = &mut *self.stderr.borrow_mut();
        while !heard.lines().any(|l| l == line) && from.read_line(heard).is_ok_and(|n| n > 0) {}
    }

    /// Its end, if it comes within so long.
    pub(crate) fn end(&self, at_most: Duration) -> Option<End> {
        let left = Timespec::try_from(at_most).expect("not for ever");
        let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
        if poll(&mut fds, Some(&left)).expect("a pidfd can be waited for") == 0 {
            return None;
        }
        let status = self.child.borrow_mut().wait().expect("a child");
        Some(status.signal().map_or_else(|| End::Exit(status.code().unwrap_or(-1)), End::Signal))
    }

    /// All that one that has ended said.
    pub(crate) fn words(&self) -> String {
        let (from, heard) = &mut *self.stderr.borrow_mut();
        from.read_to_string(heard).expect("text");
        heard.clone()
    }

    /// How long it used a processor.
    pub(crate) fn processor_time(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.borrow().id());
        let stat = std::fs::read_to_string(path).expect("it is there until it is waited for");
        let after_name = stat.rsplit_once(')').expect("a name in parentheses").1;
        // user and system time are fields 14 and 15; the one after the name is the third. 100 ticks a second.
        let ticks = after_name.split_whitespace().skip(11).take(2);
        Duration::from_millis(ticks.map(|t| t.parse::<u64>().expect("a number") * 10).sum())
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        self.child.borrow_mut().kill().ok();
        self.child.borrow_mut().wait().ok();
    }
}
