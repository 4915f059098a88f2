//! A worker process that serves one lane, as that lane sees it.

use super::bell::Bell;
use super::cgroup::Leaf;
use super::frame::FRAME_BYTES_MAX;
use super::line::{LaneEnd, Request, State, Woken};
use super::process::Process;
use super::segment::Segment;
use super::will::{Testament, Usage};
use crate::message::Death;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Weak;
use std::time::{Duration, Instant};

/// How often a lane that waits looks after what nobody wakes it for: its worker's words, and whether it is stopped.
const GLANCE: Duration = Duration::from_millis(50);
/// The same before the worker has come so far that the kernel would tell of its death.
const GLANCE_AT_START: Duration = Duration::from_millis(2);
/// A worker that dies of a signal has so long to do so by itself.
const WILL_WITHIN: Duration = Duration::from_millis(200);

/// What a wait came back with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// So many bytes of an answer.
    Answer(usize),
    /// Its handler is open.
    Ready,
    /// It will not say any more.
    Closed,
    /// It says what makes no sense.
    Babble,
    /// It is stopped.
    Stopped,
    /// The process has ended.
    Ended(Death),
    /// The deadline passed.
    Late,
    /// The run is stopping.
    Bell,
}

/// A running worker. Dropping it ends it and what it left behind, and waits until it is gone, with its memory.
pub(crate) struct Child {
    process: Process,
    line: LaneEnd,
    state: State,
    group: Option<Leaf>,
    /// It was stopped when it was last looked at.
    stopped: bool,
    /// What it had used when it was put down.
    usage: Option<Usage>,
}

impl Child {
    pub(super) fn new(process: Process, line: LaneEnd, group: Option<Leaf>) -> Self {
        Self { process, line, state: State::Starting, group, stopped: false, usage: None }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its descriptor, for as long as it is not buried.
    pub(super) fn handle(&self) -> Weak<OwnedFd> {
        self.process.handle()
    }

    /// A fault: the kernel's word that it died does not arrive.
    pub(crate) fn lose_notice(&mut self) {
        self.line.lose_notice();
    }

    /// What the worker writes.
    pub(crate) fn outbox(&self) -> &Segment {
        &self.line.outbox
    }

    /// Sends a request. False when nobody is there to read it.
    pub(crate) fn send(&mut self, request: &Request) -> bool {
        let alive = !self.line.is_dead() && self.state == State::Ready;
        if alive {
            self.line.send(request);
        }
        alive
    }

    /// How many of the items that were sent and not answered it has begun.
    pub(crate) fn begun(&self) -> usize {
        self.line.begun()
    }

    /// The answer that was waited for is taken in.
    pub(crate) fn take(&mut self) {
        self.line.take();
    }

    /// Waits for a sign of the worker. What it said before it died comes before its death.
    pub(crate) fn wait(
        &mut self,
        until: Option<Instant>,
        bell: &Bell,
        frame: &mut [u8; FRAME_BYTES_MAX],
    ) -> Sign {
        loop {
            if let Some(sign) = self.look(frame) {
                return sign;
            }
            let glance = if self.line.is_registered() { GLANCE } else { GLANCE_AT_START };
            let next = Instant::now() + glance;
            match self.line.wait(until.map_or(next, |until| until.min(next)), bell) {
                Woken::Said => {}
                // It may have answered before.
                Woken::Died => match self.look(frame) {
                    Some(Sign::Answer(n)) => return Sign::Answer(n),
                    _ => return Sign::Ended(self.cause()),
                },
                Woken::Bell => return Sign::Bell,
                Woken::Late => {
                    if until.is_some_and(|until| Instant::now() >= until) {
                        return Sign::Late;
                    }
                    match self.glance() {
                        None => {}
                        // As above.
                        Some(Sign::Ended(death)) => {
                            return match self.look(frame) {
                                Some(Sign::Answer(n)) => Sign::Answer(n),
                                _ => Sign::Ended(death),
                            };
                        }
                        Some(sign) => return sign,
                    }
                }
            }
        }
    }

    fn look(&mut self, frame: &mut [u8; FRAME_BYTES_MAX]) -> Option<Sign> {
        match self.line.answer(frame) {
            Ok(None) => {}
            Ok(Some(n)) => return Some(Sign::Answer(n)),
            Err(()) => return Some(Sign::Babble),
        }
        let state = self.line.state();
        if state == self.state {
            return None;
        }
        self.state = state;
        Some(match state {
            State::Ready => Sign::Ready,
            State::Refused | State::Closed => Sign::Closed,
            State::Starting | State::Mad => Sign::Babble,
        })
    }

    fn glance(&mut self) -> Option<Sign> {
        self.process.tail.drain();
        // Before it has come so far the kernel does not tell of its death; nor later, if a library has registered a
        // robust list of its own, or if the word is lost.
        if self.process.end_so_far().is_some() {
            return Some(Sign::Ended(self.cause()));
        }
        // Stopped twice in a row: not just a debugger's step.
        let before = std::mem::replace(&mut self.stopped, self.process.is_stopped());
        (before && self.stopped).then_some(Sign::Stopped)
    }

    /// What it died of: by its will if it left one, which is there at once; else by the kernel, if that is soon.
    fn cause(&mut self) -> Death {
        if let Some(death) = self.line.cause() {
            return death;
        }
        // It is reaped later: what it dies of stands in `/proc` before its memory is gone.
        let end = self.process.end_so_far().or_else(|| self.process.dying_of());
        end.unwrap_or_else(|| self.process.reap())
    }

    /// Where it writes what it died of.
    pub(crate) fn testament(&self) -> Testament {
        self.line.testament(self.usage)
    }

    /// It was refused memory for the item that it held, or killed for want of it.
    pub(crate) fn was_refused_memory(&self) -> bool {
        self.line.was_refused_memory() || self.group.as_ref().is_some_and(Leaf::ran_out)
    }

    /// One that is dying has time to finish its will; then it is ended as any other.
    pub(super) fn bury(self) {
        if self.line.is_dead() {
            let until = Some(Instant::now() + WILL_WITHIN);
            super::link::ready([Some(self.process.pidfd())], until);
        }
    }

    /// Why it could not open its handler, if it said so; else what it wrote to standard error at the end.
    pub(crate) fn words(&mut self) -> String {
        match self.state {
            State::Refused => self.line.excuse(),
            _ => {
                let mut words = self.process.tail.words();
                if let Some(call) = self.line.refused_call() {
                    let end = if words.is_empty() { "" } else { "\n" };
                    let name = super::sandbox::name(call);
                    words.push_str(&format!("{end}refused system call {call}, {name}"));
                }
                words
            }
        }
    }

    /// Bytes of memory that it has for itself, in RAM now.
    pub(crate) fn private_bytes(&self) -> u64 {
        self.process.private_bytes()
    }

    /// Ends it for what it does, and looks first at what it used: a worker that hangs may wait or spin.
    pub(crate) fn put_down(&mut self) {
        self.usage = self.process.usage();
        self.kill();
    }

    /// A hand on it for somebody else; `None` when there are no descriptors left.
    pub(crate) fn leash(&self) -> Option<Leash> {
        let pidfd = self.process.pidfd().try_clone_to_owned().ok()?;
        Some(Leash { pid: self.pid(), pidfd })
    }

    /// Ends it; that it has ended will be seen by `wait`.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }
}

/// A hand on a worker by which somebody else than its lane can end it.
pub(crate) struct Leash {
    pid: u32,
    pidfd: OwnedFd,
}

impl Leash {
    /// Whether it is this worker's.
    pub(crate) fn holds(&self, child: &Child) -> bool {
        self.pid == child.pid()
    }

    pub(crate) fn end(&self) {
        super::process::end(self.pidfd.as_fd());
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
        self.process.reap_group();
    }
}
