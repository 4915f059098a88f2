//! What a dying process writes down: the signal, where it struck, registers, stack and return addresses. It is
//! written in a signal handler on a stack of its own, into the page that the worker shares with its lane.
#![allow(unsafe_code)]

use super::control::{Control, FRAMES, OWNER_DIED, REGISTERS, STACK_BYTES, Words};
use super::module::{self, Module};
use std::ffi::{c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicPtr, AtomicUsize};
use std::time::{Duration, Instant};

/// The page of this process; null where nobody reads it.
static WORDS: AtomicPtr<Words> = AtomicPtr::new(null_mut());
/// Bytes of the handler's stack: the unwinder of the C library wants some.
const HANDLER_STACK_BYTES: usize = 64 << 10;
/// Signals that end a process and can be seen coming.
const SIGNALS: [c_int; 10] = [
    libc::SIGABRT,
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGTRAP,
    libc::SIGSYS,
    libc::SIGTERM,
    libc::SIGXCPU,
    libc::SIGXFSZ,
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
    /// The files that those addresses lie in, as far as they are known.
    pub modules: Vec<Module>,
    /// What it had used of the machine; `None` when it did not come to say so.
    pub usage: Option<Usage>,
    /// The top of its stack: from its stack pointer on, or from the next page if there is none at that.
    #[serde(skip)]
    pub stack: Vec<u8>,
}

/// What a process has used of the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    /// The most memory that it had in RAM, in KiB, shared pages too.
    pub memory_peak_kib: u64,
    /// Processor time in its own code, in µs.
    pub cpu_user_us: u64,
    /// Processor time in the kernel, in µs.
    pub cpu_system_us: u64,
}

impl Usage {
    /// `None` when it is all zeros: nobody has used nothing.
    pub(super) fn of([memory_peak_kib, cpu_user_us, cpu_system_us]: [u64; 3]) -> Option<Self> {
        let usage = Self { memory_peak_kib, cpu_user_us, cpu_system_us };
        (usage != Self::default()).then_some(usage)
    }
}

/// A will that may still be being written: whoever does the item again does not wait for it.
#[derive(Debug, Clone)]
pub struct Testament {
    pub(super) control: Arc<Control>,
    /// What it used, if somebody looked before it was ended.
    pub(super) usage: Option<Usage>,
}

/// How long a will is waited for. To write it takes 0.2 ms; a process that died in the middle leaves half of it.
const COMPLETE_WITHIN: Duration = Duration::from_millis(50);

impl Testament {
    /// All of it.
    pub(crate) fn read(&self) -> Will {
        let will = &self.control.words().will;
        let until = Instant::now() + COMPLETE_WITHIN;
        while will.signal.load(Acquire) > 0
            && will.complete.load(Acquire) == 0
            && Instant::now() < until
        {
            std::thread::yield_now();
        }
        let will = Will::read(&self.control);
        Will { usage: will.usage.or(self.usage), ..will }
    }
}

impl Will {
    fn read(control: &Control) -> Self {
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
            modules: will.modules.iter().filter_map(Module::read).collect(),
            usage: Usage::of(will.usage.each_ref().map(|n| n.load(Relaxed))),
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

/// So many bytes were refused to somebody: `native/refused.c` says so.
// SAFETY: nobody else has a function of this name: it is this library's own.
#[unsafe(no_mangle)]
extern "C" fn oki_refused(bytes: usize) {
    if let Some(words) = words() {
        words.will.refused_bytes.store(bytes as u64, Relaxed);
    }
}

/// Whoever was refused memory before came through it.
pub(super) fn forget_refusals() {
    oki_refused(0);
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
        module::prepare();
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
        note_usage(&words.will);
        words.will.exit.store(1 + (status & 255), Release);
    }
}

/// By system call, which a signal handler may always do.
fn note_usage(will: &super::control::Will) {
    // SAFETY: the structure is numbers; the kernel fills it, and nothing else.
    let used = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        libc::syscall(libc::SYS_getrusage, libc::RUSAGE_SELF, &raw mut used);
        used
    };
    let us = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    let used = [used.ru_maxrss as u64, us(used.ru_utime), us(used.ru_stime)];
    for (to, from) in will.usage.iter().zip(used) {
        to.store(from, Relaxed);
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
        // Sent by somebody, or by itself with `abort`, or for a limit: it will not come again by itself. Nor will a
        // call that was refused: it would be left out.
        if code <= 0 || matches!(signal, libc::SIGXCPU | libc::SIGXFSZ | libc::SIGSYS) {
            let thread = libc::syscall(libc::SYS_gettid);
            libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, signal);
        }
    }
}

/// Nothing of the program runs in this process any more, and so its lane is told now: the kernel does so too, but after
/// this process got a core to die on. Whoever does the item again needs that core more, and goes first.
///
/// # Safety
/// In a signal handler, after the cause was written.
unsafe fn step_aside(words: &Words) {
    let word = &words.life.word;
    word.fetch_or(OWNER_DIED, SeqCst);
    // SAFETY: system calls with pointers to live values.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, c_int::MAX);
        // Not idle: on a busy machine it would never get to give its memory back.
        libc::setpriority(libc::PRIO_PROCESS, 0, 10);
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
        will.signal.store(signal, Release);
        // The rest is for people, and is read when the item is set aside.
        step_aside(words);
        note_usage(will);
        let (code_at, stack_at) = registers(&*context, will);
        let mut bytes = [0u8; STACK_BYTES];
        let here = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: STACK_BYTES };
        // Read by the kernel, which says how much of it there is instead of faulting.
        let read = |at: usize| {
            let there = libc::iovec { iov_base: at as *mut c_void, iov_len: STACK_BYTES };
            let me = libc::getpid();
            let len = libc::process_vm_readv(me, &raw const here, 1, &raw const there, 1, 0);
            usize::try_from(len).ok().filter(|len| *len > 0)
        };
        // A stack that overflows ends where its pointer is already beyond.
        let len = read(stack_at).or_else(|| read((stack_at | 4095).wrapping_add(1))).unwrap_or(0);
        for (to, from) in will.stack.iter().zip(bytes[..len].chunks_exact(8)) {
            to.store(u64::from_ne_bytes(from.try_into().unwrap_or_default()), Relaxed);
        }
        will.stack_len.store(len as u32, Release);
        module::note(will, code_at);
        let mut frames = [null::<c_void>().cast_mut(); FRAMES];
        let count = backtrace(frames.as_mut_ptr(), FRAMES as c_int).max(0) as usize;
        for (to, from) in will.frames.iter().zip(frames.iter().take(count)) {
            to.store(*from as u64, Relaxed);
        }
        for frame in frames.iter().take(count) {
            module::note(will, *frame as usize);
        }
    }
    will.complete.store(1, Release);
}

/// Stores the registers; says where code and stack are.
#[cfg(target_arch = "x86_64")]
fn registers(context: &libc::ucontext_t, will: &super::control::Will) -> (usize, usize) {
    let registers = &context.uc_mcontext.gregs;
    for (to, from) in will.registers.iter().zip(registers.iter().take(REGISTERS)) {
        to.store(*from as u64, Relaxed);
    }
    let at = |register: i32| registers[register as usize] as usize;
    (at(libc::REG_RIP), at(libc::REG_RSP))
}

/// Stores the registers; says where code and stack are.
#[cfg(target_arch = "aarch64")]
fn registers(context: &libc::ucontext_t, will: &super::control::Will) -> (usize, usize) {
    let machine = &context.uc_mcontext;
    let all = [machine.pc, machine.sp].into_iter().chain(machine.regs);
    for (to, from) in will.registers.iter().zip(all.take(REGISTERS)) {
        to.store(from, Relaxed);
    }
    (machine.pc as usize, machine.sp as usize)
}

/// Elsewhere they are left out.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn registers(_: &libc::ucontext_t, _: &super::control::Will) -> (usize, usize) {
    (0, 0)
}
