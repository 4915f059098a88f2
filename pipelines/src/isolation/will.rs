//! What a dying process writes down: the signal, where it struck, registers, stack and return addresses. It is
//! written in a signal handler on a stack of its own, into the page that the worker shares with its lane.
#![allow(unsafe_code)]

use super::control::{Control, FRAMES, REGISTERS, STACK_BYTES, Words};
use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicPtr, AtomicUsize};

/// The page of this process; null where nobody reads it.
static WORDS: AtomicPtr<Words> = AtomicPtr::new(null_mut());
/// Bytes of the handler's stack: the unwinder of the C library wants some.
const HANDLER_STACK_BYTES: usize = 64 << 10;
/// Signals that end a process and can be seen coming.
const SIGNALS: [c_int; 9] = [
    libc::SIGABRT,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGTERM,
    libc::SIGXCPU,
];

/// What is known of a death beside its signal. Every number was written by a process that was dying: they are hints
/// for people, and nothing is decided by them but what the death is called.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Will {
    /// The signal that ended it; 0 when none could be seen coming (SIGKILL, `_exit`).
    pub signal: i32,
    /// `si_code` of it.
    pub code: i32,
    /// The address that it was about, for SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP.
    pub address: u64,
    /// The status that it exited with, if it did.
    pub exit: Option<i32>,
    /// The system call that its [sandbox](super::sandbox) ended it for.
    pub refused_call: Option<i32>,
    /// Bytes that it asked for last and could not have; 0 when it had all.
    pub refused_bytes: u64,
    /// General registers, in the order of the machine's `ucontext`.
    pub registers: Vec<u64>,
    /// Return addresses, the innermost first.
    pub frames: Vec<u64>,
    /// The top of its stack.
    #[serde(skip)]
    pub stack: Vec<u8>,
}

impl Will {
    pub(super) fn read(control: &Control) -> Self {
        let will = &control.words().will;
        let signal = will.signal.load(Acquire);
        let list = |words: &[std::sync::atomic::AtomicU64]| {
            words.iter().map(|word| word.load(Relaxed)).collect::<Vec<_>>()
        };
        let mut frames = list(&will.frames);
        frames.retain(|frame| *frame != 0);
        Self {
            signal,
            code: will.code.load(Relaxed),
            address: will.address.load(Relaxed),
            exit: will.exit.load(Acquire).checked_sub(1).filter(|status| *status >= 0),
            refused_call: will.refused_call.load(Relaxed).checked_sub(1).map(u32::cast_signed),
            refused_bytes: will.refused_bytes.load(Relaxed),
            registers: if signal > 0 { list(&will.registers) } else { vec![] },
            frames,
            stack: control.stack(),
        }
    }
}

/// Has this process write its will into `control` when it dies. The page must stay mapped as long as the process
/// lives, and so it is leaked.
pub(super) fn testify(control: &Control) {
    let words: *const Words = control.words();
    WORDS.store(words.cast_mut(), Release);
}

/// The pages of this process, if it is a worker.
fn words() -> Option<&'static Words> {
    // SAFETY: set once, by `testify`, to a page that is never unmapped in this process.
    unsafe { WORDS.load(Acquire).as_ref() }
}

/// A failed allocation is written down: a limit on memory leaves no signal, and what dies of it may die of anything.
pub(crate) fn note_refused(bytes: usize) {
    if let Some(words) = words() {
        words.will.refused_bytes.store(bytes as u64, Relaxed);
    }
}

/// Sets up the handlers. They are inherited by forks, and so is the stack that they run on.
pub(super) fn install() {
    let stack = Box::leak(vec![0u8; HANDLER_STACK_BYTES].into_boxed_slice());
    // SAFETY: the stack is leaked, so that it outlives the handlers; the handler only calls what a handler may; the
    // structures are the C library's, zeroed and then filled.
    unsafe {
        let stack = libc::stack_t {
            ss_sp: stack.as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: HANDLER_STACK_BYTES,
        };
        libc::sigaltstack(&raw const stack, null_mut());
        // The unwinder is loaded at its first call, which must not be in a handler.
        let mut first = [null_mut::<c_void>(); 1];
        backtrace(first.as_mut_ptr(), 1);
        for signal in SIGNALS {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = testament as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
            libc::sigaction(signal, &raw const action, null_mut());
        }
        on_exit(exiting, null_mut());
    }
}

unsafe extern "C" {
    fn on_exit(call: extern "C" fn(c_int, *mut c_void), with: *mut c_void) -> c_int;
    fn backtrace(frames: *mut *mut c_void, most: c_int) -> c_int;
}

extern "C" fn exiting(status: c_int, _: *mut c_void) {
    if let Some(words) = words() {
        words.will.exit.store(1 + (status & 255), Release);
    }
}

/// The handler. With `SA_RESETHAND` the signal has its default action again: who comes back from a fault meets it once
/// more, and a signal that was sent is sent once more.
extern "C" fn testament(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel hands both; only async-signal-safe calls follow, but `backtrace`, which was loaded before
    // and comes last but one, when everything else is written.
    unsafe {
        let code = (*info).si_code;
        if let Some(words) = words() {
            write(words, signal, code, &*info, context.cast());
        }
        // Sent by somebody, or by itself with `abort`: it will not come again by itself. Nor will a call that was
        // refused: it would be left out.
        if code <= 0 || signal == libc::SIGSYS {
            let thread = libc::syscall(libc::SYS_gettid);
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal);
        }
    }
}

/// The kernel's `siginfo` of a SIGSYS, which libc does not spell out.
#[repr(C)]
struct Refused {
    head: [c_int; 3],
    at: *mut c_void,
    call: c_int,
}

/// # Safety
/// In a signal handler, with what the kernel handed to it.
unsafe fn write(
    words: &Words,
    signal: c_int,
    code: c_int,
    info: &libc::siginfo_t,
    context: *const libc::ucontext_t,
) {
    static WRITING: AtomicUsize = AtomicUsize::new(0);
    // A second thread that dies meanwhile waits for nothing: the first one's will stands.
    if WRITING.fetch_add(1, AcqRel) > 0 {
        return;
    }
    let will = &words.will;
    will.code.store(code, Relaxed);
    // SAFETY: by contract.
    unsafe {
        if code > 0 {
            will.address.store(info.si_addr() as u64, Relaxed);
        }
        if signal == libc::SIGSYS && code > 0 {
            let refused = &*(&raw const *info).cast::<Refused>();
            will.refused_call.store(refused.call.cast_unsigned().wrapping_add(1), Relaxed);
        }
        let stack_at = registers(&*context, will);
        let mut bytes = [0u8; STACK_BYTES];
        let here = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: STACK_BYTES };
        let there = libc::iovec { iov_base: stack_at as *mut c_void, iov_len: STACK_BYTES };
        // Read by the kernel, which says how much of it there is instead of faulting.
        let len =
            libc::process_vm_readv(libc::getpid(), &raw const here, 1, &raw const there, 1, 0);
        let len = usize::try_from(len).unwrap_or(0);
        for (to, from) in will.stack.iter().zip(bytes[..len].chunks_exact(8)) {
            to.store(u64::from_ne_bytes(from.try_into().unwrap_or_default()), Relaxed);
        }
        will.stack_len.store(len as u32, Release);
        will.signal.store(signal, Release);
        let mut frames = [null::<c_void>().cast_mut(); FRAMES];
        let count = backtrace(frames.as_mut_ptr(), FRAMES as c_int).max(0) as usize;
        for (to, from) in will.frames.iter().zip(frames.iter().take(count)) {
            to.store(*from as u64, Relaxed);
        }
    }
}

/// Stores the registers; says where the stack is.
#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t, will: &super::control::Will) -> usize {
    let registers = &context.uc_mcontext.gregs;
    for (to, from) in will.registers.iter().zip(registers.iter().take(REGISTERS)) {
        to.store(*from as u64, Relaxed);
    }
    registers[libc::REG_RSP as usize] as usize
}

/// Stores the registers; says where the stack is.
#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t, will: &super::control::Will) -> usize {
    let machine = &context.uc_mcontext;
    let all = [machine.pc, machine.sp].into_iter().chain(machine.regs);
    for (to, from) in will.registers.iter().zip(all.take(REGISTERS)) {
        to.store(from, Relaxed);
    }
    machine.sp as usize
}

/// Elsewhere they are left out.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn registers(_: &libc::ucontext_t, _: &super::control::Will) -> usize {
    0
}
