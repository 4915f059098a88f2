//! The machine that results come from, in a sentence each: it stands beside every recovery time.

use crate::measure::words::{counted, duration};
use crate::provenance::Sitting;

/// Processor, cores and kernel; of several machines the first, and that there were others. `None` if nothing is known.
pub(super) fn machine(sittings: &[Sitting]) -> Option<String> {
    let named = |sitting: &Sitting| {
        let machine = &sitting.machine;
        let parts = [
            machine.cpu.clone(),
            Some(counted(machine.cores as u64, "core")),
            machine.kernel.as_ref().map(|release| format!("Linux {release}")),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let first = named(sittings.first()?);
    let same = sittings.iter().all(|sitting| named(sitting) == first);
    Some(if same { first } else { format!("{first}, and others") })
}

/// What the machine takes at the least; of several sittings the last that measured it.
pub(super) fn floor(sittings: &[Sitting]) -> Option<String> {
    let floor = sittings.iter().rev().find_map(|sitting| sitting.floor)?;
    let said = |ns: u64| duration(ns as f64);
    Some(format!(
        "Its floor (medians, by okiagari floor): {} for a worker's death and the call of the next one, {} for a call, {} to \
         wake a thread, {} to copy a tile, {} to start a program. No recovery is faster than the first.",
        said(floor.death_and_call_ns),
        said(floor.call_ns),
        said(floor.wake_ns),
        said(floor.copy_ns),
        said(floor.start_program_ns)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::floor::Floor;
    use std::path::Path;

    fn sitting(cpu: &str, floor: Option<Floor>) -> Sitting {
        let mut sitting = Sitting { floor, ..Sitting::now(Path::new("."), Path::new(".")) };
        sitting.machine.cpu = Some(cpu.into());
        (sitting.machine.cores, sitting.machine.kernel) = (2, Some("6.1".into()));
        sitting
    }

    #[test]
    fn a_machine_is_named_once_and_its_last_floor_is_told() {
        let floor_ns = |ns| Floor {
            copy_ns: 9_000,
            wake_ns: 10_000,
            call_ns: 30_000,
            death_and_call_ns: ns,
            start_program_ns: 2_000_000,
        };
        let mut all =
            vec![sitting("A", Some(floor_ns(5))), sitting("A", Some(floor_ns(1_200_000)))];
        assert_eq!(machine(&all).as_deref(), Some("A, 2 cores, Linux 6.1"));
        all.push(sitting("B", None));
        assert_eq!(machine(&all).as_deref(), Some("A, 2 cores, Linux 6.1, and others"));
        let said = floor(&all).unwrap();
        assert!(
            said.contains("1.20 ms for a worker's death") && said.contains("30.0 µs for a call"),
            "{said}"
        );
        assert_eq!((machine(&[]), floor(&[sitting("A", None)])), (None, None));
    }
}
