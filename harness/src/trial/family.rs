//! The processes of a command, found and signalled from outside. A signal goes to a pidfd, after its process was seen
//! to descend from the command: never to a number that may by now be somebody else's.

use super::process::children;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;

/// Looks at most, one after the other, for processes that are still to be ended.
const ROUNDS_MAX: usize = 100;

/// All that descend from `root`, in the order in which they are found: parents before their children.
fn descendants(root: u32) -> Vec<u32> {
    let mut all = children(root);
    let mut next = 0;
    while let Some(pid) = all.get(next) {
        all.extend(children(*pid));
        next += 1;
    }
    all
}

/// Takes hold of a process, if it is one of those below `root`. That it is, is asked after it is held: had its number
/// gone to somebody else before, he would be found out, and had it died since, no signal reaches anybody.
fn hold(pid: u32, root: u32) -> Option<OwnedFd> {
    let pidfd = pidfd_open(Pid::from_raw(pid as i32)?, PidfdFlags::empty()).ok()?;
    let mut at = pid;
    while at != root {
        at = stat(at)?.1;
    }
    Some(pidfd)
}

/// State and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    (parent > 0).then_some((state, parent))
}

/// A process that works: one below `root` without children of its own, one of those that run right now if any does,
/// and among these by lot. `None` if there is nobody below `root`.
pub(super) fn worker(root: u32, lot: u64) -> Option<OwnedFd> {
    let all = descendants(root);
    let alive = |pid: &u32| stat(*pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'));
    let leaves = all.into_iter().filter(|pid| alive(pid) && children(*pid).is_empty());
    let leaves: Vec<u32> = leaves.collect();
    let busy = |pid: &u32| stat(*pid).is_some_and(|(state, _)| matches!(state, 'R' | 'D'));
    let working: Vec<u32> = leaves.iter().copied().filter(busy).collect();
    // If the one that was drawn has gone meanwhile, the next one is as good.
    let drawn = |from: Vec<u32>| {
        let first = (lot % from.len().max(1) as u64) as usize;
        from.iter().cycle().skip(first).take(from.len()).find_map(|pid| hold(*pid, root))
    };
    drawn(working).or_else(|| drawn(leaves))
}

/// Ends all below `root`, which must be stopped, or it could start others as fast.
pub(super) fn end(root: u32) {
    for _ in 0..ROUNDS_MAX {
        let alive = |pid: &u32| stat(*pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'));
        let left: Vec<_> = descendants(root).into_iter().filter(alive).collect();
        if left.is_empty() {
            return;
        }
        for pid in left {
            if let Some(pidfd) = hold(pid, root) {
                pidfd_send_signal(&pidfd, Signal::KILL).ok();
            }
        }
        std::thread::sleep(super::MOMENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Command, Stdio};

    /// A shell that waits for a shell that waits for `cat`, which waits for us.
    fn three() -> Child {
        let script = "sh -c 'cat; echo inner; exit 3'; echo outer; exit 4";
        let mut command = Command::new("sh");
        let command = command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // What `cat` gives back shows that it is there.
        child.stdin.as_ref().unwrap().write_all(b"here\n").unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "here\n");
        child
    }

    #[test]
    fn a_worker_is_a_leaf_and_never_the_root_or_what_stands_between() {
        let mut child = three();
        assert_eq!(descendants(child.id()).len(), 2);
        let victim = worker(child.id(), 7).expect("there is a worker");
        pidfd_send_signal(&victim, Signal::KILL).unwrap();
        let output = child.wait().unwrap();
        assert_eq!(output.code(), Some(4), "those above it went on to their ends");
    }

    #[test]
    fn who_does_not_descend_from_the_root_is_not_held() {
        let mut child = three();
        let pid = descendants(child.id())[0];
        assert!(hold(pid, child.id()).is_some());
        assert!(hold(std::process::id(), child.id()).is_none(), "it is our child, not we its");
        assert!(hold(child.id(), pid).is_none());
        assert!(worker(pid, 0).is_some() && worker(u32::MAX >> 1, 0).is_none());
        rustix::process::kill_process(Pid::from_child(&child), Signal::STOP).unwrap();
        end(child.id());
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
}
