//! What a worker may reach once its handler is open: the files that are named, and nothing else of the machine. Files,
//! and whom it may signal or trace, are Landlock's; programs and connections are refused by a filter of system calls.
//! Entering costs a start a quarter of a millisecond, three quarters of it the filters.

use super::birth::threads;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter_all_threads};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Display;
use std::path::PathBuf;

/// Begins a program, or reaches another machine: who does that has been taken over, and dies of SIGSYS.
const DEADLY: [(&str, i64); 8] = [
    ("execve", libc::SYS_execve),
    ("execveat", libc::SYS_execveat),
    ("socket", libc::SYS_socket),
    ("connect", libc::SYS_connect),
    ("bind", libc::SYS_bind),
    ("listen", libc::SYS_listen),
    ("accept", libc::SYS_accept),
    ("accept4", libc::SYS_accept4),
];
/// Ways around the others, which libraries try and can do without: refused with `EPERM`. A worker reads its own memory
/// by `process_vm_readv` when it dies; that of others is Landlock's to keep.
const REFUSED: [i64; 6] = [
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_ptrace,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
];
/// The second set of calls of an x86-64 kernel that was built with it: their numbers have this bit …
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;
/// … and `execve`, `ptrace`, `execveat` and `process_vm_writev` are other ones there.
#[cfg(target_arch = "x86_64")]
const X32_OTHERS: [i64; 4] = [520, 521, 545, 540];

/// What a worker may reach once its handler is open. Opening is not restricted: a library may load what it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Files, and folders with all in them, that may be read.
    pub readable: Vec<PathBuf>,
    /// Files, and folders with all in them, that may be read, written, made and removed.
    pub writable: Vec<PathBuf>,
    /// Where the kernel lacks a part, or the library has started threads of its own, whose files nobody can restrict
    /// any more, workers run all the same. By default they refuse to start.
    pub best_effort: bool,
}

/// Whether this kernel can restrict files at all.
pub fn is_available() -> bool {
    let rules = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let rules = rules.handle_access(AccessFs::from_all(ABI::V1));
    rules.and_then(Ruleset::create).is_ok()
}

impl Policy {
    /// Restricts the calling process, for good.
    pub(super) fn enter(&self) -> Result<(), String> {
        let fails = |what: &dyn Display| format!("the sandbox cannot be entered: {what}");
        let others = threads() - 1;
        if others > 0 && !self.best_effort {
            let what = format!("the handler has started {others} threads, and would not hold them");
            return Err(fails(&what));
        }
        let restricted = self.restrict_files().map_err(|e| fails(&e))?;
        if restricted == RulesetStatus::NotEnforced && !self.best_effort {
            return Err(fails(&"this kernel has no Landlock"));
        }
        let filtered = filter(DEADLY.map(|(_, call)| call).as_slice(), SeccompAction::Trap)
            .and_then(|()| filter(&REFUSED, SeccompAction::Errno(libc::EPERM as u32)));
        match filtered {
            Err(e) if !self.best_effort => Err(fails(&e)),
            _ => Ok(()),
        }
    }

    fn restrict_files(&self) -> Result<RulesetStatus, Box<dyn Error>> {
        let must =
            if self.best_effort { CompatLevel::BestEffort } else { CompatLevel::HardRequirement };
        let mut rules = Ruleset::default()
            .set_compatibility(must)
            .handle_access(AccessFs::from_all(ABI::V1))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V5))?
            .handle_access(AccessNet::from_all(ABI::V4))?
            .scope(Scope::from_all(ABI::V6))?
            .create()?;
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let write = AccessFs::from_all(ABI::V5) & !AccessFs::Execute;
        for (paths, access) in [(&self.readable, read), (&self.writable, write)] {
            for path in paths {
                // Of a file only some can be had.
                let file = AccessFs::from_file(ABI::V5);
                let rights = if path.is_dir() { access } else { access & file };
                rules = rules.add_rule(PathBeneath::new(PathFd::new(path)?, rights))?;
            }
        }
        Ok(rules.restrict_self()?.ruleset)
    }
}

/// Has these calls answered so, in all threads of this process.
fn filter(calls: &[i64], answer: SeccompAction) -> Result<(), String> {
    let arch = std::env::consts::ARCH.try_into();
    let arch = arch.map_err(|_| "no system calls can be filtered on this machine".to_owned())?;
    let mut rules: BTreeMap<_, _> = calls.iter().map(|call| (*call, vec![])).collect();
    #[cfg(target_arch = "x86_64")]
    rules.extend(calls.iter().chain(&X32_OTHERS).map(|call| (X32 | call, vec![])));
    SeccompFilter::new(rules, SeccompAction::Allow, answer, arch)
        .and_then(BpfProgram::try_from)
        .map_err(seccompiler::Error::from)
        .and_then(|program| apply_filter_all_threads(&program))
        .map_err(|e| e.to_string())
}

/// What a refused call is called.
pub(super) fn name(call: i32) -> &'static str {
    let known = DEADLY.iter().find(|(_, number)| *number == i64::from(call));
    known.map_or("which has no name here", |(name, _)| name)
}
