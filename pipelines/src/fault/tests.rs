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
        PanicLock => 30,
        DoublePanic => 31,
        Livelock => 32,
        Block => 33,
        HandlerError => 34,
        HandlerOverflow => 35,
        SupervisorPanic => 36,
        LostNotice => 37,
        ForkFails => 38,
        KillWorkers(_) => 39,
        SourceStall(_) => 40,
        SourceBurst(_) => 41,
        SourceDuplicate => 42,
        DiskFull => 43,
        IoError => 44,
        ShortWrite => 45,
        TornFile => 46,
        SlowDisk(_) => 47,
        NoFiles => 48,
        FlipInput => 49,
        FlipShared => 50,
        FlipOutput => 51,
        FlipFile => 52,
        FlipHead => 53,
        OutOfMemory => 54,
        NoDescriptors => 55,
        Starve(_) => 56,
        ShmFull => 57,
        Placebo => 58,
    }
}

#[test]
fn the_table_has_every_fault_once() {
    assert_eq!(TABLE.len(), 59);
    let numbers: BTreeSet<_> = TABLE.iter().map(|e| number(e.fault)).collect();
    assert!(numbers.into_iter().eq(0..59), "every fault");
    let codes: BTreeSet<_> = TABLE.iter().map(|e| e.code).collect();
    assert!(codes.into_iter().eq(1..=59), "a code for each, none twice, and none is 0");
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
    assert_eq!(Fault::from_code(60, 0), None);
    assert_eq!(Fault::from_code(255, 0), None);
    assert_eq!(Fault::from_code(2, 1), None, "abort carries no number");
    assert_eq!(Fault::from_code(4, 255), Some(Fault::Exit(255)));
    assert_eq!(Fault::from_code(4, 256), None);
    assert_eq!(Fault::from_code(21, u32::MAX), Some(Fault::Slow(u32::MAX)));
    assert_eq!(Fault::from_code(40, 3), Some(Fault::KillWorkers(3)));
    assert_eq!(Fault::from_code(40, 0), None, "none is no strike");
}

#[test]
fn names_are_read_back() {
    let more = [
        (Fault::Exit(7), "exit:7"),
        (Fault::Slow(0), "slow:0"),
        (Fault::Slow(100), "slow:100"),
        (Fault::SourceStall(0), "source-stall:0"),
        (Fault::SlowDisk(u32::MAX), "slow-disk:4294967295"),
        (Fault::Starve(500), "starve:500"),
        (Fault::KillWorkers(1), "kill-workers:1"),
        (Fault::SourceBurst(64), "source-burst:64"),
    ];
    let plain = TABLE.iter().filter(|e| e.fault.number() == 0).map(|e| (e.fault, e.name));
    for (fault, name) in plain.chain(more) {
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
        ("starve", "milliseconds"),
        ("source-stall:x", "milliseconds"),
        ("kill-workers", "from 1"),
        ("kill-workers:0", "from 1"),
        ("source-burst:-1", "from 1"),
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
    assert_eq!(seen, [Flipped, Garbage, Oversized, Closed, AfterResult]);
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

#[test]
fn points_have_names_and_know_what_can_strike_there() {
    for (n, point) in Point::ALL.into_iter().enumerate() {
        assert_eq!((point as usize, point.name().parse()), (n, Ok(point)));
        assert!(point.asked_at() == point || point.rides());
        for Entry { fault, point: own, name, .. } in TABLE {
            let at = fault.strikes_at(point);
            assert!(at || point != *own, "{name} strikes at its own point");
            assert!(!at || point == *own || !point.rides(), "{name} at {point}");
            let everywhere = !point.rides() && fault.is_of_a_process();
            assert!(at || !everywhere, "{name} at {point}");
        }
    }
    let refused = "nowhere".parse::<Point>().unwrap_err();
    assert!(Point::ALL.iter().all(|point| refused.contains(point.name())), "{refused}");
    assert!(
        Fault::KillSubject.strikes_at(Point::Rename) && Fault::IoError.strikes_at(Point::Rename)
    );
    assert!(!Fault::TornFile.strikes_at(Point::Journal) && !Fault::Panic.strikes_at(Point::Accept));
}

#[test]
fn one_bit_flips_and_the_same_one_each_time() {
    for len in [1, 2, 7, 64, 1000] {
        for item in [0, 1, 2, 77, u64::MAX] {
            let mut bytes = vec![0u8; len];
            flip(&mut bytes, item);
            assert_eq!(bytes.iter().map(|b| b.count_ones()).sum::<u32>(), 1);
            flip(&mut bytes, item);
            assert!(bytes.iter().all(|b| *b == 0));
        }
    }
    flip(&mut [], 3);
}
