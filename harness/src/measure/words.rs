//! How numbers are said to people, in figures and in reports alike.

use crate::history::Ending;
use crate::subject::GAVE_UP;
use pipelines::isolation::evidence::names;

/// Nanoseconds with three figures and the unit that suits them: `12.3 ms`.
pub(crate) fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        x if x < 1e3 => (x, "ns"),
        x if x < 1e6 => (x / 1e3, "µs"),
        x if x < 1e9 => (x / 1e6, "ms"),
        x => (x / 1e9, "s"),
    };
    format!("{} {unit}", figures(value))
}

/// Three figures, but never a power of ten and no digits after those that were measured.
pub(crate) fn figures(x: f64) -> String {
    match x.abs() {
        a if a >= 100.0 => grouped(x.round() as u64),
        a if a >= 10.0 => format!("{x:.1}"),
        a if a >= 0.1 => format!("{x:.2}"),
        _ => format!("{x:.3}"),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (k, c) in digits.chars().enumerate() {
        if k > 0 && (digits.len() - k).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// `1 tile`, `2 tiles`, `no tiles`.
pub(crate) fn counted(n: u64, noun: &str) -> String {
    match n {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{} {noun}s", grouped(n)),
    }
}

/// How a subject ended: `finished`, `died: SIGABRT`, `gave up`, `exited with 0`.
pub(crate) fn ending(ending: &Ending) -> String {
    match ending {
        Ending::Complete => "finished".into(),
        Ending::Signal(n) => format!("died: {}", signal(*n)),
        Ending::Exit(GAVE_UP) => "gave up".into(),
        Ending::Exit(n) => format!("exited with {n}"),
        Ending::Hang => "hung".into(),
    }
}

/// A cause of death as files name it, `signal 6`, in a reader's words: `SIGABRT`.
pub(crate) fn cause(text: &str) -> String {
    let number = text.strip_prefix("signal ").and_then(|n| n.parse().ok());
    number.map_or_else(|| text.to_owned(), signal)
}

/// `SIGABRT`; of a limit's signal also which limit it was.
fn signal(n: i32) -> String {
    let limit = names::limit(n).map(|limit| format!(" ({limit})")).unwrap_or_default();
    names::signal_name(n) + &limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_do() {
        for (ns, text) in [
            (12.0, "12.0 ns"),
            (2_345.0, "2.35 µs"),
            (12_345_678.0, "12.3 ms"),
            (999e6, "999 ms"),
            (1.5e9, "1.50 s"),
            (4321e9, "4,321 s"),
        ] {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!(
            [counted(0, "tile"), counted(1, "tile"), counted(2000, "tile")].join("; "),
            "no tiles; 1 tile; 2,000 tiles"
        );
        assert_eq!(ending(&Ending::Signal(6)), "died: SIGABRT");
        assert_eq!(ending(&Ending::Signal(40)), "died: signal 40");
        assert_eq!(cause("signal 24"), "SIGXCPU (its processor time was used up)");
        assert_eq!([0, 3].map(|n| ending(&Ending::Exit(n))), ["exited with 0", "gave up"]);
    }
}
