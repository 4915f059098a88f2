use super::*;
use crate::isolation::module::Module;
use proptest::prelude::*;

/// The file of a code address of this process, as a dying worker would write it.
fn here() -> Module {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let exe = std::env::current_exe().unwrap();
    let mine: Vec<_> = maps.lines().filter(|l| l.ends_with(exe.to_str().unwrap())).collect();
    let range = |line: &str| {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        [start, end].map(|n| u64::from_str_radix(n, 16).unwrap())
    };
    let ([start, _], [_, end]) = (range(mine[0]), range(mine[mine.len() - 1]));
    // Position independent, as all of Rust's programs are: the first byte of the file is address 0.
    Module { start, end, bias: start, path: "".into() }
}

#[inline(never)]
fn a_function_with_a_name() -> usize {
    std::hint::black_box(42)
}

#[test]
fn an_address_gets_the_name_of_its_function() {
    let module = here();
    let start = a_function_with_a_name as *const () as u64;
    let exe = std::env::current_exe().unwrap();
    let named = symbols::named(&[start, start + 1, 8], std::slice::from_ref(&module));
    for (address, text) in [start, start + 1].into_iter().zip(&named) {
        let place = format!("{}+{:#x} ", exe.display(), address - module.bias);
        let name = text.strip_prefix(&place).unwrap_or_else(|| panic!("{text}"));
        assert!(name.ends_with("::a_function_with_a_name"), "{text}");
    }
    assert_eq!(named[2], "0x8", "what lies nowhere stays as it is");
    // A return address right behind a function is that of a call at its end.
    let [first, later] =
        [symbols::named(&[start], &[here()]), symbols::named(&[0, start], &[here()])];
    assert!(first[0].contains("a_function_with_a_name"));
    assert!(!later[1].contains("a_function_with_a_name"), "{}", later[1]);
}

#[test]
fn a_file_that_is_gone_leaves_offsets() {
    let module = Module { start: 0x1000, end: 0x2000, bias: 0x800, path: "/no/such.so".into() };
    assert_eq!(symbols::named(&[0x1234], &[module]), ["/no/such.so+0xa34"]);
}

#[test]
fn signals_and_their_codes_have_names() {
    for (signal, code, names) in [
        (libc::SIGSEGV, 1, "SIGSEGV SEGV_MAPERR"),
        (libc::SIGSEGV, 2, "SIGSEGV SEGV_ACCERR"),
        (libc::SIGSEGV, libc::SI_KERNEL, "SIGSEGV SI_KERNEL"),
        (libc::SIGBUS, 2, "SIGBUS BUS_ADRERR"),
        (libc::SIGFPE, 1, "SIGFPE FPE_INTDIV"),
        (libc::SIGILL, 2, "SIGILL ILL_ILLOPN"),
        (libc::SIGTRAP, 1, "SIGTRAP TRAP_BRKPT"),
        (libc::SIGABRT, libc::SI_TKILL, "SIGABRT SI_TKILL"),
        (libc::SIGTERM, libc::SI_USER, "SIGTERM SI_USER"),
        (libc::SIGXCPU, libc::SI_KERNEL, "SIGXCPU SI_KERNEL"),
        (libc::SIGXFSZ, libc::SI_USER, "SIGXFSZ SI_USER"),
        (libc::SIGSYS, 1, "SIGSYS SYS_SECCOMP"),
        (40, 77, "signal 40 code 77"),
        (0, 0, "signal 0 SI_USER"),
        (-1, -99, "signal -1 code -99"),
    ] {
        assert_eq!(format!("{} {}", signal_name(signal), code_name(signal, code)), names);
    }
}

#[test]
fn a_cause_is_said_in_words() {
    let will = |signal, code, address| Will { signal, code, address, ..Will::default() };
    let nothing = Will::default();
    let refused = Will { refused_bytes: 4096, ..Will::default() };
    for (death, will, words) in [
        (Death::Signal(11), will(11, 1, 8), "SIGSEGV (SEGV_MAPERR) at 0x8"),
        (Death::Signal(11), will(11, libc::SI_KERNEL, 0), "SIGSEGV (SI_KERNEL)"),
        (Death::Signal(6), will(6, libc::SI_TKILL, 0), "SIGABRT (SI_TKILL)"),
        (
            Death::Signal(24),
            will(24, libc::SI_KERNEL, 0),
            "SIGXCPU (SI_KERNEL): its processor time was used up",
        ),
        (Death::Signal(24), nothing.clone(), "SIGXCPU"),
        (Death::OutOfMemory, refused, "out of memory: 4096 bytes were refused"),
        (Death::Exit(3), nothing.clone(), "exit 3"),
    ] {
        assert_eq!(Evidence::of(death, &will).cause, words);
    }
    let killed = Evidence::of(Death::Signal(9), &nothing);
    assert!(killed.cause.starts_with("SIGKILL") && killed.signal.is_none(), "{killed:?}");
    assert!(killed.registers.is_empty() && killed.backtrace.is_empty());
}

#[test]
fn the_handlers_own_frames_are_left_out() {
    let registers =
        (0..REGISTERS.len() as u64).map(|n| if n == PROGRAM_COUNTER as u64 { 30 } else { n });
    let will = Will {
        signal: 11,
        registers: registers.collect(),
        frames: vec![10, 20, 30, 40],
        ..Will::default()
    };
    let evidence = Evidence::of(Death::Signal(11), &will);
    assert_eq!(evidence.backtrace, ["0x1e", "0x28"]);
    assert_eq!(evidence.registers[REGISTERS[PROGRAM_COUNTER]], "0x1e");
    assert_eq!(evidence.registers.len(), REGISTERS.len());
    // Unwinding did not get that far.
    let cut = Will { frames: vec![10], ..will };
    assert_eq!(Evidence::of(Death::Signal(11), &cut).backtrace, ["0x1e", "0xa"]);
}

proptest! {
    /// A worker may have written anything.
    #[test]
    fn no_will_is_too_strange(
        (signal, code, address) in any::<(i32, i32, u64)>(),
        registers in prop::collection::vec(any::<u64>(), 0..30),
        frames in prop::collection::vec(any::<u64>(), 0..40),
        modules in prop::collection::vec(any::<(u64, u64, u64, bool)>(), 0..4),
    ) {
        let module = |(start, end, bias, own): (u64, u64, u64, bool)| Module {
            start, end, bias, path: if own { "/proc/self/exe" } else { "/dev/null/x" }.into(),
        };
        let modules = modules.into_iter().map(module).collect();
        let will = Will { signal, code, address, registers, frames, modules, ..Will::default() };
        let evidence = Evidence::of(Death::Signal(signal), &will);
        prop_assert!(!evidence.cause.is_empty());
        let text = serde_json::to_string(&evidence).unwrap();
        prop_assert_eq!(serde_json::from_str::<Evidence>(&text).unwrap(), evidence);
    }
}
