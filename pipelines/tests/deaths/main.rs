//! Each native fault strikes a process of its own, and must end it as the table says: one that survives a
//! deadly fault has survived unexpectedly.
//!
//! The child is this program again. What it does, and how it says that it lives, is in `victim.rs`.

mod victim;

use libtest_mimic::{Arguments, Trial};
use pipelines::fault::{Entry, Fault, Point, TABLE};
use std::time::Duration;
use victim::{End, SURVIVED, Victim};

/// No fault takes longer to end a process, or to be lived through.
const PATIENCE: Duration = Duration::from_secs(60);
/// A call that does not return in this time is one that hangs.
const HANGS: Duration = Duration::from_millis(300);

fn main() {
    victim::enter();
    let native = TABLE.iter().filter(|e| e.point == Point::Native).map(|e| e.fault);
    let more = [Fault::Exit(1), Fault::Exit(7), Fault::Exit(255), Fault::Slow(0)];
    let one = |fault: Fault| {
        Trial::test(format!("{fault}"), move || {
            meets(fault);
            Ok(())
        })
    };
    let mut trials: Vec<_> = native.chain(more).map(one).collect();
    trials.push(Trial::test("on_a_thread_of_rusts", || {
        on_a_thread();
        Ok(())
    }));
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn died(victim: &Victim) -> End {
    let end = victim.end(PATIENCE).expect("it neither died nor lived");
    let words = victim.words();
    assert!(end != End::Exit(SURVIVED), "the victim unexpectedly survived: {words}");
    end
}

/// What becomes of a process that meets a fault.
fn meets(fault: Fault) {
    let Entry { name, .. } = fault.entry();
    let victim = Victim::of(fault);
    match fault {
        Fault::Hang | Fault::Spin => hangs(victim, fault),
        Fault::HeapCorruption => dies_later(&victim),
        Fault::Leak | Fault::Slow(_) | Fault::WrongCode | Fault::Error => lives(victim, fault),
        Fault::Exit(status) => {
            let end = died(&victim);
            assert_eq!(end, End::Exit(status.into()), "{name}: {}", victim.words());
        }
        _ => assert_eq!(died(&victim), End::Signal(signal(fault)), "{name}: {}", victim.words()),
    }
}

/// The signal of a death in a Rust program, on its main thread.
fn signal(fault: Fault) -> i32 {
    match fault {
        Fault::Illegal => libc::SIGILL,
        Fault::Trap => libc::SIGTRAP,
        Fault::Bus => libc::SIGBUS,
        Fault::Fpe => libc::SIGFPE,
        Fault::Segfault | Fault::StackOverflowThread => libc::SIGSEGV,
        // Rust's handler sees the guard page, catch_unwind a stranger, a checked longjmp the dead frame.
        Fault::Abort | Fault::StackOverflow | Fault::Unwind => libc::SIGABRT,
        Fault::Longjmp if cfg!(target_env = "gnu") => libc::SIGABRT,
        Fault::Longjmp => libc::SIGSEGV,
        _ => unreachable!("{fault} ends nobody by a signal"),
    }
}

fn hangs(victim: Victim, fault: Fault) {
    victim.hear("calling");
    let before = victim.processor_time();
    assert_eq!(victim.end(HANGS), None, "{fault} returned: {}", victim.words());
    let used = victim.processor_time() - before;
    match fault {
        // The limit of the processor's time is what ends it: it needs no deadline.
        Fault::Spin => assert_eq!(died(&victim), End::Signal(libc::SIGXCPU)),
        _ => assert!(used < Duration::from_millis(50), "{fault} used {used:?}"),
    }
}

/// The call that does the damage returns well; so do the next two; the third pays.
fn dies_later(victim: &Victim) {
    assert_eq!(died(victim), End::Signal(libc::SIGABRT), "{}", victim.words());
    let words = victim.words();
    let calls: Vec<_> = words.lines().filter(|l| l.starts_with("call ")).collect();
    assert_eq!(calls, ["call 0: done", "call 1: done", "call 2: done"], "{words}");
    assert!(!cfg!(target_env = "gnu") || words.contains("free(): invalid"), "{words}");
}

fn lives(victim: Victim, fault: Fault) {
    let end = victim.end(PATIENCE);
    let words = victim.words();
    assert_eq!(end, Some(End::Exit(SURVIVED)), "{fault}: {words}");
    let number = |name: &str| -> u64 {
        let line = words.lines().find_map(|l| l.strip_prefix(name));
        line.and_then(|n| n.trim().parse().ok()).unwrap_or_else(|| panic!("no {name} in {words}"))
    };
    let first = words.lines().find(|l| l.starts_with("call 0")).unwrap_or_default();
    match fault {
        Fault::Leak => {
            let grown = number("grown KiB");
            assert!((60 << 10..100 << 10).contains(&grown), "{grown} KiB");
            assert_eq!(first, "call 0: done");
        }
        Fault::Slow(ms) => {
            let took = number("first took ms");
            assert!(took >= ms.into() && first == "call 0: done", "{took} ms: {words}");
        }
        Fault::WrongCode => {
            assert!(first.contains("code 77, an unknown reason, untouched"), "{words}");
        }
        _ => assert!(first.contains("code -1, an injected error, untouched"), "{words}"),
    }
    // Whatever it was, it was over with that call.
    assert!(words.contains("call 1: done"), "{words}");
}

/// What may differ away from the main thread: who unwinds, which stack overflows, whose heap it is.
fn on_a_thread() {
    for fault in [Fault::StackOverflow, Fault::Unwind, Fault::Longjmp] {
        let victim = Victim::of_thread(fault);
        assert_eq!(died(&victim), End::Signal(signal(fault)), "{fault}: {}", victim.words());
    }
    dies_later(&Victim::of_thread(Fault::HeapCorruption));
}
