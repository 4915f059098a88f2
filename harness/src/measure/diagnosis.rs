//! Whether the cause that was named is the one that was injected (M23).

use crate::history::Injection;
use pipelines::fault::Fault;

/// What a fault may rightly be called, as a death says it. Empty: it is not there to end anything, so that there is
/// nothing to name.
fn causes(fault: Fault) -> Vec<String> {
    let signals = |all: &[i32]| all.iter().map(|n| format!("signal {n}")).collect();
    let words = |all: &[&str]| all.iter().map(|w| (*w).to_owned()).collect();
    match fault {
        Fault::Abort | Fault::HeapCorruption => signals(&[6]),
        Fault::Segfault | Fault::StackOverflow | Fault::StackOverflowThread => signals(&[11]),
        Fault::Bus => signals(&[7]),
        Fault::Illegal => signals(&[4]),
        Fault::Fpe => signals(&[8]),
        Fault::Trap => signals(&[5]),
        Fault::Term => signals(&[15]),
        Fault::KillSubject => signals(&[9]),
        // What the C library or the Rust runtime makes of a frame that is no longer there, or of a guest that unwinds.
        Fault::Unwind | Fault::Longjmp => signals(&[4, 6, 11]),
        // A worker is killed, a thread leaves.
        Fault::Shutdown
        | Fault::Orphan
        | Fault::AfterResult
        | Fault::NoHandshake
        | Fault::CrashLoop => words(&["signal 9", "left"]),
        Fault::Exit(status) => vec![format!("exit {status}")],
        Fault::Hang | Fault::Spin => words(&["hang"]),
        Fault::Leak => words(&["out of memory"]),
        Fault::Garbage | Fault::Oversized | Fault::ClosedSocket => words(&["garbage", "left"]),
        Fault::Stop => words(&["stopped", "hang"]),
        Fault::WrongCode | Fault::Error => words(&["error"]),
        Fault::Panic => words(&["panic"]),
        _ => vec![],
    }
}

/// Whether the reported cause is the injected one: signal, exit status, out of memory, deadline. `None` if nothing was
/// reported, or the fault is not there to end anything.
pub fn diagnosis_ok(injection: &Injection) -> Option<bool> {
    let (causes, named) = (causes(injection.fault), injection.diagnosis.as_ref()?);
    (!causes.is_empty() && injection.fired_ns.is_some()).then(|| causes.contains(named))
}
