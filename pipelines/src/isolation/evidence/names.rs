//! The names of signals, of their codes and of registers, as the kernel's headers have them.

use libc::{SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP, SIGXCPU, SIGXFSZ};

/// The signals from 1 on.
const SIGNALS: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP \
    TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

/// General registers in the order of a will.
#[cfg(target_arch = "x86_64")]
pub(super) const REGISTERS: &[&str] = &[
    "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi", "rsi", "rbp", "rbx", "rdx", "rax",
    "rcx", "rsp", "rip", "eflags", "csgsfs", "err", "trapno", "oldmask", "cr2",
];
/// Which of them says where the code was.
#[cfg(target_arch = "x86_64")]
pub(super) const PROGRAM_COUNTER: usize = 16;

/// General registers in the order of a will.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const REGISTERS: &[&str] = &[
    "pc", "sp", "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12",
    "r13", "r14", "r15", "r16", "r17", "r18", "r19", "r20",
];
/// Which of them says where the code was.
#[cfg(not(target_arch = "x86_64"))]
pub(super) const PROGRAM_COUNTER: usize = 0;

/// The name of a signal: `SIGSEGV` for 11, `signal 40` for what has none.
pub fn signal_name(signal: i32) -> String {
    let index = usize::try_from(signal).ok().and_then(|n| n.checked_sub(1));
    let name = index.and_then(|n| SIGNALS.split_whitespace().nth(n));
    name.map_or_else(|| format!("signal {signal}"), |name| format!("SIG{name}"))
}

/// Which limit of a worker it was that this signal tells of.
pub fn limit(signal: i32) -> Option<&'static str> {
    match signal {
        SIGXCPU => Some("its processor time was used up"),
        SIGXFSZ => Some("a file that it wrote became too large"),
        _ => None,
    }
}

/// Whether the signal is about an address.
pub(super) fn strikes_somewhere(signal: i32) -> bool {
    [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP].contains(&signal)
}

/// The name of a signal's `si_code`: `SEGV_MAPERR` for 1 of SIGSEGV, `code 77` for what has none.
pub fn code_name(signal: i32, code: i32) -> String {
    let (prefix, names) = match signal {
        SIGILL => ("ILL", "ILLOPC ILLOPN ILLADR ILLTRP PRVOPC PRVREG COPROC BADSTK"),
        SIGFPE => ("FPE", "INTDIV INTOVF FLTDIV FLTOVF FLTUND FLTRES FLTINV FLTSUB"),
        SIGSEGV => ("SEGV", "MAPERR ACCERR BNDERR PKUERR"),
        SIGBUS => ("BUS", "ADRALN ADRERR OBJERR MCEERR_AR MCEERR_AO"),
        SIGTRAP => ("TRAP", "BRKPT TRACE BRANCH HWBKPT UNK PERF"),
        SIGSYS => ("SYS", "SECCOMP USER_DISPATCH"),
        _ => ("", ""),
    };
    let sent = match code {
        libc::SI_USER => "SI_USER",
        libc::SI_KERNEL => "SI_KERNEL",
        libc::SI_QUEUE => "SI_QUEUE",
        libc::SI_TIMER => "SI_TIMER",
        libc::SI_TKILL => "SI_TKILL",
        _ => "",
    };
    let own =
        usize::try_from(code).ok().and_then(|n| names.split_whitespace().nth(n.checked_sub(1)?));
    match own {
        Some(name) => format!("{prefix}_{name}"),
        None if sent.is_empty() => format!("code {code}"),
        None => sent.to_owned(),
    }
}
