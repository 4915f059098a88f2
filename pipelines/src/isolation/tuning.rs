//! What a process and a thread ask of libc and kernel so that lending an item costs little. All of it is
//! a hint: where it is not understood, nothing is lost but time.
#![allow(unsafe_code)]

use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The time slice that lanes and workers ask for. The default is about 3 ms, and with more threads than
/// cores a retried item would wait for the end of somebody else's slice before its worker runs.
const SLICE_NS: u64 = 200_000;

/// Memory that a codec gives back after each tile is kept for the next one. By default glibc returns it to
/// the kernel each time (`brk`), and each tile then pays for some forty page faults.
pub(crate) fn keep_freed_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: `mallopt` may be called at any time before other threads run; a worker has one when it starts.
    unsafe {
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 << 20);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 256 << 20);
    }
}

/// The version of the C library that this process runs on; `None` where it does not say.
pub fn libc_version() -> Option<String> {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: glibc returns a text of its own that ends with a zero and lives as long as the process.
        let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
        Some(format!("glibc {}", version.to_string_lossy()))
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

#[repr(C)]
struct SchedAttr {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime_ns: u64,
    deadline_ns: u64,
    period_ns: u64,
}

/// Short time slices for the calling thread (Linux 6.12 and later; no effect before).
pub(crate) fn short_slices() {
    // SCHED_FLAG_KEEP_POLICY: only the slice changes; nice stays as the user chose it.
    const KEEP_POLICY: u64 = 0x08;
    let size = size_of::<SchedAttr>() as u32;
    // SAFETY: `attr` is the kernel's `struct sched_attr`, alive for both calls; 0 is this thread.
    unsafe {
        let mut attr: SchedAttr = std::mem::zeroed();
        if libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attr, size, 0) == 0 {
            attr.flags |= KEEP_POLICY;
            attr.runtime_ns = SLICE_NS;
            libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0);
        }
    }
}

/// Has a worker run on the core of its lane only. The lane follows it there by itself: the kernel likes to run who is
/// woken where it was woken from. Two on one core hand over in 2 µs, across cores an idle one takes 14 µs to wake.
pub(crate) fn keep_to_core(pid: u32, lane: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores: Vec<_> = (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect();
    let Some(core) = cores.get(lane % cores.len().max(1)) else { return };
    let mut one = CpuSet::new();
    one.set(*core);
    sched_setaffinity(Pid::from_raw(pid as i32), &one).ok();
}
