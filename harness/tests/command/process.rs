//! Runs of the command, each with a mark that all its descendants carry, so that none can hide.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing here takes nearly so long: what does has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(2);
/// In the environment of a command and of whatever it starts.
const MARK: &str = "OKIAGARI_TEST";

/// A folder of a test's own.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
    /// Runs `okiagari` with these words to its end. Paths are relative to the folder.
    pub(crate) fn okiagari(&self, words: &str) -> Ended {
        self.start(words).end()
    }
    pub(crate) fn start(&self, words: &str) -> Started {
        let mut command = Command::new(env!("CARGO_BIN_EXE_okiagari"));
        command.args(words.split_whitespace());
        self.spawn(command)
    }
    /// Runs a shell script, which finds the program as `$OKIAGARI`, inside `wrapper` (`unshare`, say).
    pub(crate) fn shell(&self, wrapper: &[&str], script: &str) -> Ended {
        let (first, rest) = wrapper.split_first().expect("a wrapper");
        let mut command = Command::new(first);
        command.args(rest).args(["sh", "-c", script]);
        command.env("OKIAGARI", env!("CARGO_BIN_EXE_okiagari"));
        self.spawn(command).end()
    }
    fn spawn(&self, mut command: Command) -> Started {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        command.current_dir(self.0.path()).env(MARK, &mark).env("TMPDIR", self.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        Started { pid: child.id(), child: Some(child), mark }
    }
}

/// A command that ended, after all that it had started.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        self
    }
}

/// A command under way. Dropping it ends it, and all that it started.
pub(crate) struct Started {
    pub(crate) pid: u32,
    child: Option<Child>,
    mark: String,
}

impl Started {
    /// Waits for its end, after which nothing that it started may be left.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let ended = self.wait();
        let left = self.processes();
        assert!(left.is_empty(), "the command is over, and what it started is not: {left:?}");
        ended
    }
    /// Kills it, and waits until all that it started has followed.
    pub(crate) fn kill(mut self) {
        signal(self.pid, rustix::process::Signal::KILL);
        self.wait();
        until("every process of a killed observer is gone", || self.processes().is_empty());
    }
    fn wait(&mut self) -> Ended {
        let child = self.child.take().unwrap();
        let (to, output) = sync_channel(1);
        std::thread::spawn(move || to.send(child.wait_with_output()));
        let output = output.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            signal(self.pid, rustix::process::Signal::KILL);
            panic!("the command does not end");
        });
        let output = output.unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let code = output.status.code();
        Ended { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
    /// It and all that it started; what is dead and not yet reaped has no environment any more.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = format!("{MARK}={}", self.mark);
        let all = fs::read_dir("/proc").unwrap().flatten();
        let numbers = all.filter_map(|e| e.file_name().to_str()?.parse().ok());
        let marked = |pid: &u32| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|b| *b == 0).any(|entry| entry == mark.as_bytes())
        };
        numbers.filter(marked).collect()
    }
    /// The process that does the work: the child of this one.
    pub(crate) fn subject(&self) -> u32 {
        let parent = format!("PPid:\t{}", self.pid);
        let child = |pid: &u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            status.lines().any(|line| line == parent)
        };
        self.processes().into_iter().find(child).expect("a subject")
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
        // Only where a test fails is there anyone left.
        for pid in self.processes() {
            let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
        }
    }
}

pub(crate) fn signal(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid as i32).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}

/// Waits for something to become true.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// The tiles in a folder (all its PNG files), by name.
pub(crate) fn tiles(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(dir) else { return BTreeMap::new() };
    let paths = entries.map(|e| e.unwrap().path());
    let tiles = paths.filter(|p| p.extension().is_some_and(|e| e == "png"));
    tiles
        .map(|p| (p.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&p).unwrap()))
        .collect()
}

/// `run.json` of a folder.
pub(crate) fn summary(dir: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(dir.join("run.json")).unwrap()).unwrap()
}

/// The rows of a CSV file, each by column.
pub(crate) fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}
