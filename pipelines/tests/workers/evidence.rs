//! What is known of a worker that died: told by the item that was set aside.

use crate::kit::{Numbers, Setup, Start, toil};
use libtest_mimic::Trial;
use pipelines::fault::Fault;
use pipelines::isolation::evidence::Evidence;
use pipelines::message::Death;
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("evidence::{name}"), move || {
            run();
            Ok(())
        })
    };
    vec![
        trial("a_segfault_says_where_it_struck_and_in_which_function", segfault),
        trial("an_abort_says_who_called_it", abort),
        trial("an_overflow_of_the_stack_keeps_the_end_of_it", overflow),
        trial("sigkill_leaves_nothing_and_says_so", kill),
        trial("a_hang_says_what_it_used", hang),
    ]
}

/// Item 4 of 8 dies of this each time; what is known of that, and the top of the stack.
fn death(fault: Fault) -> (Death, Evidence, Vec<u8>) {
    let setup = Setup { attempts: 2, deadline: Duration::from_millis(200), ..Default::default() };
    let faults = move |item, _| (item == 4).then_some(fault);
    let mut outcome = toil(setup, Start::Well, Numbers::to(8), faults);
    assert_eq!((outcome.tally().done, outcome.tally().quarantined), (7, 1));
    let (evidence, stack) = outcome.evidence.remove(0).expect("a worker that died has left a will");
    assert_eq!(evidence.stack_bytes, stack.len());
    (outcome.aside[0].death, evidence, stack)
}

/// The native library is part of this program.
fn is_in_native_code(evidence: &Evidence) -> bool {
    let exe = std::env::current_exe().unwrap();
    let place = format!("{}+0x", exe.display());
    let native = |frame: &&String| frame.starts_with(&place) && frame.contains(" oki_");
    evidence.backtrace.iter().any(|frame| native(&frame))
}

fn segfault() {
    let (death, evidence, stack) = death(Fault::Segfault);
    assert_eq!(death, Death::Signal(11));
    // The fault stores to address 8, see native/deaths.c.
    assert_eq!(evidence.cause, "SIGSEGV (SEGV_MAPERR) at 0x8");
    let signal = evidence.signal.as_ref().unwrap();
    assert_eq!((signal.number, &*signal.name, &*signal.code_name), (11, "SIGSEGV", "SEGV_MAPERR"));
    assert_eq!(signal.address.as_deref(), Some("0x8"));
    assert!(evidence.backtrace[0].contains(" oki_"), "{:#?}", evidence.backtrace);
    assert!(is_in_native_code(&evidence), "{:#?}", evidence.backtrace);
    // Whoever called it is there, too.
    let caller = |frame: &String| frame.contains("pipelines::image::native::process");
    assert!(evidence.backtrace.iter().any(caller), "{:#?}", evidence.backtrace);
    let usage = evidence.usage.expect("it says what it used");
    assert!(usage.memory_peak_kib > 100, "{usage:?}");
    assert!(stack.len() > 256 && stack.iter().any(|byte| *byte != 0));
    #[cfg(target_arch = "x86_64")]
    assert!(evidence.registers["rsp"].starts_with("0x7f"), "{:?}", evidence.registers);
}

fn abort() {
    let (death, evidence, stack) = death(Fault::Abort);
    assert_eq!(death, Death::Signal(6));
    assert_eq!(evidence.cause, "SIGABRT (SI_TKILL)");
    assert_eq!(
        evidence.signal.as_ref().unwrap().address,
        None,
        "it was sent, and is about no address"
    );
    // It was in the C library, and came there from native code.
    assert!(evidence.backtrace[0].contains("libc.so"), "{:#?}", evidence.backtrace);
    assert!(evidence.backtrace.iter().any(|f| f.ends_with(" abort")), "{:#?}", evidence.backtrace);
    assert!(is_in_native_code(&evidence), "{:#?}", evidence.backtrace);
    assert!(!stack.is_empty());
}

fn overflow() {
    let (death, evidence, stack) = death(Fault::StackOverflow);
    assert_eq!(death, Death::Signal(11), "the handler has a stack of its own");
    assert!(evidence.backtrace[0].contains(" descend"), "{:#?}", evidence.backtrace);
    assert!(!stack.is_empty(), "though its pointer is beyond the end");
}

fn kill() {
    let (death, evidence, stack) = death(Fault::Shutdown);
    assert_eq!(death, Death::Signal(9));
    assert!(evidence.cause.starts_with("SIGKILL: it leaves no time"), "{}", evidence.cause);
    let nothing = (evidence.signal, evidence.usage, evidence.backtrace.len(), stack.len());
    assert_eq!(nothing, (None, None, 0, 0));
}

fn hang() {
    let [spins, waits] = [Fault::Spin, Fault::Hang].map(|fault| {
        let (end, evidence, _) = death(fault);
        assert_eq!(end, Death::Deadline);
        assert!(evidence.signal.is_none() && evidence.cause.contains("deadline"), "{evidence:?}");
        let usage = evidence.usage.expect("it was looked at before it was ended");
        assert!(usage.memory_peak_kib > 100, "{usage:?}");
        usage.cpu_user_us + usage.cpu_system_us
    });
    assert!(spins > waits, "who spins uses the processor: {spins} µs, {waits} µs");
}
