//! The process that workers are forked from. It is started before anything grows, opens what all of them share once,
//! and has one thread.

use super::birth::{Born as Side, fork_sibling, threads};
use super::child::Child;
use super::line::LaneEnd;
use super::link::{deliver, ready, sockets};
use super::plan::{Birth, Born, Loaded, Plan, Serves, greet};
use super::post::{Post, Reception, collect};
use super::process::{Process, cannot_start};
use super::will;
use crate::message::Failure;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

/// A running one, as the supervisor's side sees it. Dropping it ends and reaps it.
pub(super) struct Zygote {
    process: Process,
    socket: OwnedFd,
}

/// Where workers come from.
pub(super) enum Source {
    /// Forked.
    Zygote(Zygote),
    /// Each is this program, started anew: what workers share has started a thread, and a fork would lack it.
    Exec,
}

impl Source {
    /// Starts one and waits until what workers share is loaded. The calling thread must outlive all workers: the
    /// kernel ends them with it.
    pub(super) fn open(plan: &Plan) -> Result<Self, Failure> {
        let (socket, theirs) = sockets()?;
        let mut process = Process::start(plan.role, theirs)?;
        greet(socket.as_fd(), plan, Serves::Crew, &[]).map_err(|e| cannot_start(&e))?;
        let until = Some(Instant::now() + plan.start_deadline);
        loop {
            let fds = [Some(socket.as_fd()), Some(process.pidfd()), process.tail.source()];
            let ([said, ended, stderr], late) = ready(fds, until);
            if stderr {
                process.tail.drain();
            }
            if said && let Ok(Some((loaded, _))) = collect::<Loaded>(&socket) {
                return match loaded {
                    Loaded::Threads(1) => Ok(Self::Zygote(Zygote { process, socket })),
                    Loaded::Threads(_) => Ok(Self::Exec),
                    Loaded::Refused(why) => Err(Failure::engine(why)),
                };
            }
            if ended {
                let death = process.reap();
                let words = process.tail.words();
                return Err(Failure::engine(format!("{words} ({death})")));
            }
            if late {
                let seconds = plan.start_deadline.as_secs();
                let what = format!("what workers share was not loaded within {seconds} s");
                return Err(Failure::engine(what));
            }
        }
    }

    /// A new worker at the other end of this line, which may not be ready yet.
    pub(super) fn bear(
        &mut self,
        plan: &Plan,
        line: LaneEnd,
        limits: super::limits::Limits,
        doomed: bool,
    ) -> Result<Child, Failure> {
        let (files, outbox) = line.other_end();
        let birth = Birth { outbox, limits, doomed };
        let files: Vec<_> = files.into_iter().flatten().collect();
        let process = match self {
            Self::Zygote(zygote) => zygote.fork(&birth, &files)?,
            Self::Exec => {
                let (socket, theirs) = sockets()?;
                let process = Process::start(plan.role, theirs)?;
                greet(socket.as_fd(), plan, Serves::Lane(birth), &files)
                    .map_err(|e| cannot_start(&e))?;
                process
            }
        };
        let outbox = line.outbox.bytes();
        let group = plan.cgroup.as_ref().map(|group| group.put(process.id(), &limits, outbox));
        Ok(Child::new(process, line, group.transpose()?))
    }
}

impl Zygote {
    fn fork(
        &mut self,
        birth: &Birth,
        files: &[std::os::fd::BorrowedFd<'_>],
    ) -> Result<Process, Failure> {
        let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| cannot_start(&e))?;
        let files: Vec<_> = files.iter().copied().chain([theirs.as_fd()]).collect();
        deliver(self.socket.as_fd(), birth, &files).map_err(|e| self.gone(&e))?;
        let (born, files) = match collect::<Born>(&self.socket) {
            Ok(Some(born)) => born,
            Ok(None) => return Err(self.gone(&"it closed its line")),
            Err(why) => return Err(self.gone(&why)),
        };
        match (born, files.into_iter().next()) {
            (Born::Pid(pid), Some(pidfd)) => {
                Process::adopt(pid, pidfd, Some(ours)).map_err(|e| cannot_start(&e))
            }
            (Born::Failed(why), _) => Err(cannot_start(&why)),
            (Born::Pid(_), None) => Err(cannot_start(&"it came without a descriptor")),
        }
    }

    fn gone(&mut self, why: &dyn std::fmt::Display) -> Failure {
        let words = self.process.tail.words();
        cannot_start(&format!("what workers are forked from is gone: {why} {words}"))
    }
}

/// The zygote's own life: loads what workers share, then forks one whenever it is asked to. Comes back in each
/// worker, with its post; in the zygote itself only at the end.
pub(super) fn hatch(
    reception: Reception,
    preload: impl FnOnce(&str) -> Result<(), Failure>,
) -> Result<Option<Post>, String> {
    let Reception { socket, stock } = reception;
    rustix::thread::set_name(c"zygote").ok();
    let failed = |e: &dyn std::fmt::Display| format!("could not answer: {e}");
    let loaded = match preload(&stock.config) {
        Ok(()) => Loaded::Threads(threads()),
        Err(failure) => Loaded::Refused(failure.what),
    };
    will::install();
    let forks = matches!(loaded, Loaded::Threads(1));
    deliver(socket.as_fd(), &loaded, &[]).map_err(|e| failed(&e))?;
    while forks && let Some((birth, files)) = collect::<Birth>(&socket)? {
        match fork_sibling() {
            Ok(Side::Child) => {
                drop(socket);
                return Post::take(birth, files, stock).map(Some);
            }
            Ok(Side::Parent(pid, pidfd)) => {
                deliver(socket.as_fd(), &Born::Pid(pid), &[pidfd.as_fd()])
            }
            Err(error) => deliver(socket.as_fd(), &Born::Failed(error.to_string()), &[]),
        }
        .map_err(|e| failed(&e))?;
    }
    Ok(None)
}
