//! The table of faults.

use super::Class::*;
use super::Point::*;
use super::{Entry, Fault};

/// A row: fault, code, name, class, point, tier; how it comes about; what is owed.
macro_rules! table {
    ($($fault:expr, $code:literal, $name:literal, $class:ident, $point:ident, $tier:literal:
        $how:literal => $contract:literal;)*) => {
        &[$(Entry {
            fault: $fault,
            code: $code,
            name: $name,
            class: $class,
            point: $point,
            tier: $tier,
            how: $how,
            contract: $contract,
        }),*]
    };
}

/// Every fault there is, class by class, in the order in which they are listed.
pub const TABLE: &[Entry] = table! {
    Fault::Shutdown, 1, "shutdown", Crash, Before, 1:
        "the worker gets SIGKILL; a supervised thread unwinds, a plain one leaves"
        => "the item is retried by another worker, nothing is lost";
    Fault::Abort, 2, "abort", Crash, Native, 0:
        "C code calls abort() inside the native call"
        => "the worker is replaced, the item retried";
    Fault::Segfault, 3, "segfault", Crash, Native, 0:
        "C code writes to an address that is not mapped"
        => "the worker is replaced, the item retried";
    Fault::Bus, 9, "bus", Crash, Native, 0:
        "C code writes to a mapped file that was truncated"
        => "the worker is replaced, the item retried";
    Fault::Illegal, 10, "illegal", Crash, Native, 0:
        "C code executes an instruction that does not exist"
        => "the worker is replaced, the item retried; the signal is named";
    Fault::Fpe, 11, "fpe", Crash, Native, 0:
        "C code divides by zero"
        => "the worker is replaced, the item retried; the signal is named";
    Fault::Trap, 12, "trap", Crash, Native, 0:
        "C code runs into a breakpoint"
        => "the worker is replaced, the item retried; the signal is named";
    Fault::StackOverflow, 13, "stack-overflow", Crash, Native, 0:
        "C code calls itself without end, on the thread that works"
        => "the worker is replaced, the item retried";
    Fault::StackOverflowThread, 14, "stack-overflow-thread", Crash, Native, 0:
        "the same in a thread that C code started"
        => "the worker is replaced, the item retried";
    Fault::Unwind, 15, "unwind", Crash, Native, 0:
        "an exception that is not Rust's leaves the native call"
        => "never taken for a panic: the worker is replaced, the item retried";
    Fault::Longjmp, 16, "longjmp", Crash, Native, 0:
        "C code jumps into a function that has returned"
        => "the worker is replaced, the item retried";
    Fault::Term, 23, "term", Crash, Before, 1:
        "the worker gets SIGTERM; a thread: its whole process does"
        => "the worker is replaced, the item retried";
    Fault::Orphan, 24, "orphan", Crash, Before, 1:
        "the worker is killed, and a process that it started lives on"
        => "the worker is replaced, the item retried; the process is ended";
    Fault::KillSubject, 8, "kill-subject", Crash, Before, 1:
        "the whole subject gets SIGKILL"
        => "started again by the observer, it goes on from its journal";
    Fault::Exit(0), 4, "exit", Exit, Native, 0:
        "C code calls exit(0), or exit(N) with N 1 to 255, in the middle of it"
        => "never taken for success: the worker is replaced, the item retried";
    Fault::Hang, 5, "hang", Hang, Native, 0:
        "C code never returns, and waits"
        => "the worker is ended at its deadline, the item retried";
    Fault::Spin, 18, "spin", Hang, Native, 0:
        "C code never returns, and keeps a processor busy"
        => "the worker is ended at its deadline, the item retried";
    Fault::HeapCorruption, 17, "heap-corruption", Memory, Native, 0:
        "C code damages the heap: malloc finds out three calls later, and aborts"
        => "the worker is replaced; whichever item it held is retried";
    Fault::Leak, 19, "leak", Memory, Native, 0:
        "C code keeps 64 MiB for ever, and then does its work"
        => "the item is done; a worker that meets its limit costs one attempt";
    Fault::Garbage, 25, "garbage", Protocol, Line, 0:
        "the worker answers with bytes that mean nothing"
        => "the answer is refused, the worker replaced, the item retried";
    Fault::Oversized, 26, "oversized", Protocol, Line, 0:
        "the worker's answer claims to be larger than any may be"
        => "refused before a byte is reserved for it; then as garbage";
    Fault::ClosedSocket, 27, "closed-socket", Protocol, Line, 0:
        "the worker closes its line, and lives on"
        => "the worker is ended and replaced, the item retried";
    Fault::AfterResult, 28, "after-result", Protocol, Line, 1:
        "the worker is killed right after it gave its answer"
        => "the item is delivered once: by that answer, or by a retry";
    Fault::NoHandshake, 29, "no-handshake", Protocol, Line, 1:
        "the worker is killed, and the next one before it is ready"
        => "another is started, after a pause; the item is retried";
    Fault::CrashLoop, 30, "crash-loop", Protocol, Line, 1:
        "the worker is killed, and the next four before they are ready"
        => "pauses grow, and the run goes on or says once why it gives up";
    Fault::Stop, 22, "stop", Gray, Before, 1:
        "the worker gets SIGSTOP; a thread: its whole process does"
        => "told from slow, ended, the item retried; what comes late is refused";
    Fault::Slow(100), 21, "slow", Gray, Native, 0:
        "C code sleeps for MS milliseconds, and then does its work"
        => "the item is done; below the deadline nobody is ended";
    Fault::WrongCode, 20, "wrong-code", Value, Native, 0:
        "the native call returns a code that does not exist, and no output"
        => "taken for an error: the item is retried, then declared failed";
    Fault::Panic, 6, "panic", Error, Before, 0:
        "the Rust handler panics"
        => "the handler is opened anew, the item retried";
    Fault::Error, 7, "error", Error, Native, 0:
        "the native call returns an error code"
        => "the item is retried, then declared failed";
};
