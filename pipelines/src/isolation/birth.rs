//! A fork whose child belongs to the caller's parent, and the registration of a life that the kernel tells of.
#![allow(unsafe_code)]

use super::control::Control;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Somebody waits for the word (`FUTEX_WAITERS`): without it the kernel would wake nobody.
const WAITERS: u32 = 0x8000_0000;

/// Which side of a fork this is.
pub(super) enum Born {
    /// The new process.
    Child,
    /// The old one, with the new one's number and a descriptor of it.
    Parent(u32, OwnedFd),
}

/// Forks. The child is a sibling: its parent is the caller's parent, which can wait for it. In the child the C library
/// still believes in the caller's thread id.
///
/// # Errors
/// When the kernel refuses, or when there is a second thread, which the child would lack.
pub(super) fn fork_sibling() -> io::Result<Born> {
    if threads() != 1 {
        return Err(io::Error::other("a native library has started a thread since"));
    }
    let mut pidfd: libc::c_int = -1;
    // SAFETY: `clone_args` is numbers; zeros mean "none".
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = (libc::CLONE_PARENT | libc::CLONE_PIDFD) as u64;
    args.pidfd = &raw mut pidfd as u64;
    // CLONE_PARENT takes the caller's exit signal, and wants 0 here.
    args.exit_signal = 0;
    // SAFETY: without CLONE_VM the child gets its own copy of everything; there is one thread (see above), so that
    // nobody else holds a lock in it. Without a stack given, it goes on on its copy of this one.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw const args, size_of::<libc::clone_args>()) }
    {
        0 => Ok(Born::Child),
        // SAFETY: the kernel stored a new descriptor, which nobody else knows.
        pid if pid > 0 => Ok(Born::Parent(pid as u32, unsafe { OwnedFd::from_raw_fd(pidfd) })),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `struct robust_list_head` of the kernel.
#[repr(C)]
struct Head {
    list: usize,
    offset: isize,
    pending: usize,
}

/// When the calling thread ends, in whatever way, the kernel marks the word in `control` and wakes whoever waits for
/// it. It does so before it takes the process's memory apart, which for gigabytes takes a fifth of a second.
///
/// It replaces the C library's own list, if any: a robust mutex of a native library is no longer released then.
pub(super) fn register_life(control: &Control) {
    let life = &control.words().life;
    let (node, word) = (&raw const life.next as usize, &raw const life.word as usize);
    let head =
        Box::leak(Box::new(Head { list: node, offset: word as isize - node as isize, pending: 0 }));
    // A list of one: the last entry points to the head.
    life.next.store(&raw const *head as usize, Relaxed);
    // SAFETY: the head is leaked and the page stays mapped as long as this process lives. The thread's id is asked of
    // the kernel: after a raw clone the C library remembers its parent's.
    unsafe {
        life.word.store(libc::syscall(libc::SYS_gettid) as u32 | WAITERS, SeqCst);
        libc::syscall(libc::SYS_set_robust_list, head, size_of::<Head>());
    }
}

/// How many threads this process has.
pub(super) fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").map_or(1, Iterator::count)
}

/// Makes `file` the standard error.
pub(super) fn say_into(file: &OwnedFd) {
    rustix::stdio::dup2_stderr(file).ok();
}
