use super::*;

const STAT: &str =
    "cpu  61368 21513 18162 91144 384 0 67 74 0 0\ncpu0 30345 10663 8695 46400 154 0 10 36 0 0\n";
const OWN: &str =
    "19583 (a) b) R 18796 18796 11045 0 -1 4194304 99 0 0 0 7 5 300 40 20 0 1 0 96828 3133440";

#[test]
fn time_is_read_from_what_the_kernel_writes() {
    let ticks = Ticks::parse(STAT, OWN, 10).unwrap();
    let busy_ns = (61368 + 21513 + 18162 + 67) * 10;
    assert_eq!(ticks, Ticks { busy_ns, steal_ns: 740, own_ns: 3520 });
    for (stat, own) in
        [("", OWN), ("intr 1", OWN), ("cpu  1 2 3", OWN), (STAT, ""), (STAT, "1 (a) R 1")]
    {
        assert_eq!(Ticks::parse(stat, own, 10), None);
    }
}

#[test]
fn time_of_this_machine_passes_and_ours_is_part_of_it() {
    let before = Ticks::now().unwrap();
    let burnt = |t: Ticks| t.own_ns > before.own_ns && t.busy_ns > before.busy_ns;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !burnt(Ticks::now().unwrap()) {
        assert!(std::time::Instant::now() < end, "no time passes");
    }
}

#[test]
fn a_run_is_noisy_above_a_share_of_all_cores() {
    let second = 1_000_000_000;
    let before = Ticks { busy_ns: second, steal_ns: 5, own_ns: second };
    let noise = |foreign: f64, steal: f64| {
        let ns = |share: f64| (share * 2.0 * second as f64) as u64;
        let after = Ticks {
            busy_ns: before.busy_ns + second / 2 + ns(foreign),
            steal_ns: before.steal_ns + ns(steal),
            own_ns: before.own_ns + second / 2,
        };
        Noise::between(&before, &after, second, 2)
    };
    for (foreign, steal, noisy) in
        [(0.0, 0.0, false), (0.09, 0.04, false), (0.11, 0.0, true), (0.0, 0.06, true)]
    {
        let found = noise(foreign, steal);
        assert_eq!(found.noisy, Some(noisy), "{foreign} {steal}");
        assert_eq!(found.foreign_cpu_ns, Some((foreign * 2e9) as u64));
        assert_eq!(found.steal_ns, Some((steal * 2e9) as u64));
    }
    // Of a short run a few ticks are all there is.
    let after = Ticks { busy_ns: before.busy_ns + 40_000_000, ..before };
    assert_eq!(Noise::between(&before, &after, 20_000_000, 2).noisy, Some(false));
    // Of a run that used all that was used, nothing is left, whatever the rounding.
    let after = Ticks { own_ns: before.own_ns + 9, busy_ns: before.busy_ns + 8, steal_ns: 5 };
    assert_eq!(Noise::between(&before, &after, second, 2).foreign_cpu_ns, Some(0));
}

#[test]
fn each_objection_is_told_and_a_quiet_machine_has_none() {
    let quiet = Quiet {
        foreign_share: Some(0.02),
        steal_share: Some(0.0),
        load_per_core: Some(0.3),
        spread: 0.05,
    };
    assert!(quiet.objections().is_empty());
    let unknown = Quiet { foreign_share: None, steal_share: None, load_per_core: None, ..quiet };
    assert!(unknown.objections().is_empty());
    for (loud, said) in [
        (Quiet { foreign_share: Some(0.5), ..quiet }, "other processes use 50 % of the cores"),
        (Quiet { steal_share: Some(0.2), ..quiet }, "the host keeps 20 % of the cores' time"),
        (Quiet { load_per_core: Some(2.5), ..quiet }, "2.5 processes wanted each core"),
        (Quiet { spread: 0.4, ..quiet }, "takes up to 40 % longer"),
    ] {
        let found = loud.objections();
        assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
    }
}

#[test]
fn the_spread_leaves_out_the_slowest_tenth() {
    assert_eq!(spread(&[]), 0.0);
    assert_eq!(spread(&[7]), 0.0);
    assert_eq!(spread(&[10, 11, 10, 10, 10, 10, 10, 10, 10, 99]), 0.1);
    assert_eq!(spread(&[20, 10]), 1.0);
}
