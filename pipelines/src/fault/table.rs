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
    Fault::DoublePanic, 32, "double-panic", Crash, Before, 0:
        "the Rust handler panics while a panic unwinds: its process aborts"
        => "the worker is replaced, the item retried";
    Fault::HandlerOverflow, 36, "handler-overflow", Crash, Before, 0:
        "the Rust handler calls itself without end"
        => "the worker is replaced, the item retried";
    Fault::KillWorkers(2), 40, "kill-workers", Crash, Before, 1:
        "N workers get SIGKILL at once, or all; a thread: it alone leaves"
        => "all are replaced, no storm of starts; their items are retried";
    Fault::Exit(0), 4, "exit", Exit, Native, 0:
        "C code calls exit(0), or exit(N) with N 1 to 255, in the middle of it"
        => "never taken for success: the worker is replaced, the item retried";
    Fault::Hang, 5, "hang", Hang, Native, 0:
        "C code never returns, and waits"
        => "the worker is ended at its deadline, the item retried";
    Fault::Spin, 18, "spin", Hang, Native, 0:
        "C code never returns, and keeps a processor busy"
        => "the worker is ended at its deadline, the item retried";
    Fault::Livelock, 33, "livelock", Hang, Before, 0:
        "the Rust handler loops without end, and keeps a processor busy"
        => "the worker is ended at its deadline, the item retried";
    Fault::Block, 34, "block", Hang, Before, 0:
        "the Rust handler waits for what never comes"
        => "the worker is ended at its deadline, the item retried";
    Fault::HeapCorruption, 17, "heap-corruption", Memory, Native, 0:
        "C code damages the heap: malloc finds out three calls later, and aborts"
        => "the worker is replaced; whichever item it held is retried";
    Fault::Leak, 19, "leak", Memory, Native, 0:
        "C code keeps 64 MiB for ever, and then does its work"
        => "the item is done; a worker that meets its limit costs one attempt";
    Fault::FlipInput, 50, "flip-input", Memory, Decode, 0:
        "one bit of a tile flips before it is lent"
        => "none: sdc, undetectable by design without a second copy";
    Fault::FlipOutput, 52, "flip-output", Memory, Output, 0:
        "one bit of the pixels flips before their checksum is made"
        => "none: sdc, undetectable by design without doing it twice";
    Fault::FlipFile, 53, "flip-file", Memory, Output, 0:
        "one bit of the encoded tile flips after its checksum was made"
        => "found when it is taken: the worker is replaced, the item retried";
    Fault::FlipShared, 51, "flip-shared", Memory, Line, 0:
        "one bit of the answer flips in shared memory; a thread shares none"
        => "found when it is taken: the worker is replaced, the item retried";
    Fault::FlipHead, 54, "flip-head", Memory, Output, 0:
        "one bit of the number flips that says which tile it is"
        => "refused, not put in another's place; the item is retried";
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
    Fault::PanicLock, 31, "panic-lock", Error, Before, 0:
        "the Rust handler panics while it holds a lock that others need"
        => "nobody else panics over it; the item is retried";
    Fault::HandlerError, 35, "handler-error", Error, Before, 0:
        "the Rust handler returns an error"
        => "the item is retried, then declared failed";
    Fault::SupervisorPanic, 37, "supervisor-panic", Supervisor, Accept, 0:
        "the thread that supervises panics"
        => "started again by the observer, it goes on from its journal";
    Fault::LostNotice, 38, "lost-notice", Supervisor, Notice, 0:
        "a lane is not told that its worker died (of a second fault)"
        => "it looks for itself, and sees it within 0.1 s";
    Fault::ForkFails, 39, "fork-fails", Supervisor, Fork, 0:
        "a worker cannot be started: EAGAIN"
        => "it is tried again after a pause that grows; nothing is lost";
    Fault::SourceStall(100), 41, "source-stall", Source, Decode, 0:
        "the source gives nothing for MS milliseconds"
        => "the run waits; nobody is taken for dead";
    Fault::SourceBurst(8), 42, "source-burst", Source, Decode, 0:
        "the source gives N items more than asked for, if it has slots"
        => "they wait in their slots: memory stays bounded";
    Fault::SourceDuplicate, 43, "source-duplicate", Source, Decode, 0:
        "the source gives an item twice"
        => "it is delivered once";
    Fault::DiskFull, 44, "disk-full", Sink, Write, 0:
        "the disk is full (ENOSPC) in the middle of a file"
        => "the run ends, says so once, leaves no half file; --resume goes on";
    Fault::IoError, 45, "io-error", Sink, Write, 0:
        "one write fails (EIO)"
        => "it is tried again, so often and no more; then as disk-full";
    Fault::ShortWrite, 46, "short-write", Sink, Write, 0:
        "one write takes half of its bytes"
        => "the rest is written after it";
    Fault::TornFile, 47, "torn-file", Sink, Write, 1:
        "half a file gets the tile's name, and the subject SIGKILL"
        => "started again, it does not believe in it: the tile is done again";
    Fault::SlowDisk(100), 48, "slow-disk", Sink, Write, 0:
        "one write takes MS milliseconds longer"
        => "the run waits, with bounded memory; nobody is taken for dead";
    Fault::NoFiles, 49, "no-files", Sink, Write, 0:
        "the file cannot be opened: too many are (EMFILE)"
        => "it is tried again, so often and no more; then as disk-full";
    Fault::OutOfMemory, 55, "out-of-memory", Resource, Before, 0:
        "the handler takes memory until it is refused more"
        => "called out of memory; tried with twice as much, then charged";
    Fault::NoDescriptors, 56, "no-descriptors", Resource, Before, 0:
        "the handler opens files until it may open no more"
        => "it is the worker's own limit: its items are done, or retried";
    Fault::Starve(500), 57, "starve", Resource, Before, 0:
        "four threads a core burn for MS milliseconds"
        => "the item is done; below the deadline nobody is ended";
    Fault::ShmFull, 58, "shm-full", Resource, Fork, 0:
        "there is no shared memory for a new worker (ENOSPC)"
        => "it is tried again after a pause that grows; nothing is lost";
    Fault::Placebo, 59, "placebo", Control, Before, 0:
        "nothing happens, and a receipt says when"
        => "no effect: what differs is noise";
};
