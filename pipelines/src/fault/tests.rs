use super::strike::Misconduct;
use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// A new variant does not compile before it is named here, and then the test below wants an entry.
fn number(fault: Fault) -> usize {
    use Fault::*;
    match fault {
        Shutdown => 0,
        Abort => 1,
        Segfault => 2,
        Bus => 3,
        Illegal => 4,
        Fpe => 5,
        Trap => 6,
        StackOverflow => 7,
        StackOverflowThread => 8,
        Unwind => 9,
        Longjmp => 10,
        Term => 11,
        Orphan => 12,
        KillSubject => 13,
        Exit(_) => 14,
        Hang => 15,
        Spin => 16,
        HeapCorruption => 17,
        Leak => 18,
        Garbage => 19,
        Oversized => 20,
        ClosedSocket => 21,
        AfterResult => 22,
        NoHandshake => 23,
        CrashLoop => 24,
        Stop => 25,
        Slow(_) => 26,
        WrongCode => 27,
        Panic => 28,
        Error => 29,
    }
}

#[test]
fn the_table_has_every_fault_once() {
    assert!(TABLE.iter().map(|e| number(e.fault)).eq(0..30));
    let codes: BTreeSet<_> = TABLE.iter().map(|e| e.code).collect();
    assert!(codes.into_iter().eq(1..=30), "a code for each, none twice, and none is 0");
    for entry in TABLE {
        assert_eq!(Fault::from_code(entry.code, entry.fault.number()), Some(entry.fault));
        assert_eq!(entry.fault.entry().name, entry.name);
        assert!(entry.tier <= 1, "{}", entry.name);
        // Two columns before them, and a line has 100.
        assert!(entry.usage().len() <= 21 && entry.how.len() <= 72, "{}", entry.name);
        assert!(entry.contract.len() <= 72, "{}", entry.name);
    }
    assert!(TABLE.is_sorted_by_key(|e| e.class as u8), "class by class");
}

#[test]
fn the_first_faults_keep_their_codes() {
    use Fault::*;
    let first = [Shutdown, Abort, Segfault, Exit(0), Hang, Panic, Error, KillSubject];
    assert!(first.into_iter().map(Fault::code).eq(1..=8), "draws hash the code");
}

#[test]
fn codes_and_numbers_are_claims() {
    assert_eq!(Fault::from_code(0, 0), None);
    assert_eq!(Fault::from_code(31, 0), None);
    assert_eq!(Fault::from_code(255, 0), None);
    assert_eq!(Fault::from_code(2, 1), None, "abort carries no number");
    assert_eq!(Fault::from_code(4, 255), Some(Fault::Exit(255)));
    assert_eq!(Fault::from_code(4, 256), None);
    assert_eq!(Fault::from_code(21, u32::MAX), Some(Fault::Slow(u32::MAX)));
}

#[test]
fn names_are_read_back() {
    let more = [(Fault::Exit(7), "exit:7"), (Fault::Slow(0), "slow:0")];
    let slow = (Fault::Slow(100), "slow:100");
    let all = TABLE.iter().map(|e| (e.fault, e.name)).filter(|(_, name)| *name != "slow");
    for (fault, name) in all.chain(more).chain([slow]) {
        assert_eq!((name.parse(), fault.to_string()), (Ok(fault), name.to_owned()));
        // The files of an experiment write it the same way.
        assert_eq!(serde_json::to_value(fault).unwrap(), name);
        assert_eq!(serde_json::from_value::<Fault>(name.into()).unwrap(), fault);
    }
    let refused = "Abort".parse::<Fault>().unwrap_err();
    assert!(TABLE.iter().all(|e| refused.contains(&e.usage())), "{refused}");
    for (text, part) in [
        ("exit:0", "1 to 255"),
        ("exit:256", "1 to 255"),
        ("exit:", "1 to 255"),
        ("slow", "milliseconds"),
        ("slow:-1", "milliseconds"),
        ("slow:4294967296", "milliseconds"),
        ("abort:1", "takes no number"),
    ] {
        let refused = text.parse::<Fault>().unwrap_err();
        assert!(refused.contains(part) && refused.contains(text), "{refused}");
    }
}

#[test]
fn the_header_knows_the_native_faults_by_their_codes() {
    let header = include_str!("../../native/oki.h");
    let lines = header.lines().filter_map(|l| l.trim().strip_prefix("OKI_FAULT_"));
    let there: BTreeMap<_, _> = lines
        .filter_map(|l| l.strip_suffix(',')?.split_once(" = "))
        .map(|(name, code)| (name.to_lowercase().replace('_', "-"), code.parse().unwrap()))
        .collect();
    let native = TABLE.iter().filter(|e| e.point == Point::Native);
    let mut here: BTreeMap<_, _> = native.map(|e| (e.name.to_owned(), e.code)).collect();
    here.insert("none".into(), 0);
    assert_eq!(there, here);
}

#[test]
fn what_happens_on_the_line_is_either_misconduct_or_a_start_that_fails() {
    let mut seen = vec![];
    for Entry { fault, point, name, .. } in TABLE {
        let (misconduct, starts) = (fault.misconduct(), fault.starts_that_fail());
        assert_eq!(*point == Point::Line, misconduct.is_some() != (starts > 0), "{name}");
        assert!(misconduct.is_none() || starts == 0, "{name}");
        seen.extend(misconduct);
    }
    use Misconduct::*;
    assert_eq!(seen, [Garbage, Oversized, Closed, AfterResult]);
    assert_eq!(
        (Fault::NoHandshake.starts_that_fail(), Fault::CrashLoop.starts_that_fail()),
        (1, 4)
    );
}

#[test]
fn points_are_read_back_and_those_of_a_loan_are_asked_about_together() {
    for point in Point::ALL {
        assert_eq!(
            (point.name().parse(), Point::from_code(point.code())),
            (Ok(point), Some(point))
        );
        assert_eq!(serde_json::to_value(point).unwrap(), point.name());
        assert!(point.asked_at() == if point.rides() { Point::Before } else { point });
    }
    assert!("Write".parse::<Point>().unwrap_err().contains("acknowledge"));
}
