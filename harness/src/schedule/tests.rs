use super::*;
use crate::plan::{Facts, FaultPlan};
use pipelines::fault::Site;

/// What a run armed, as its file has it.
fn armed(item: u64, attempt: u32, point: Point) -> Armed {
    let home = point.asked_at() == Point::Before;
    let fault = if home { Fault::Exit(7) } else { Fault::KillSubject };
    Armed {
        run: None,
        fault,
        point: Some(point),
        item,
        attempt,
        lane: 3,
        at_ns: 99,
        fired: item > 4,
    }
}

#[test]
fn a_schedule_strikes_what_stands_in_it_and_nothing_else_whatever_the_seed() {
    let all = [armed(3, 0, Point::Native), armed(3, 2, Point::Native), armed(9, 1, Point::Rename)];
    for seed in 0..32 {
        let plan = FaultPlan { specs: specs(&all).unwrap(), seed };
        for (item, attempt) in (0..20).flat_map(|item| (0..4).map(move |attempt| (item, attempt))) {
            let here = |point: Point| {
                all.iter().any(|a| {
                    a.decision().1.asked_at() == point && (a.item, a.attempt) == (item, attempt)
                })
            };
            for point in [Point::Before, Point::Rename, Point::Write] {
                let site = Site { point, ..Site::lent(item, attempt, 1) };
                assert_eq!(
                    plan.decide(&site, &Facts::default()).is_some(),
                    here(point),
                    "{site:?}"
                );
            }
        }
        assert!(plan.streams().is_empty() && !plan.asks());
    }
}

#[test]
fn a_schedule_is_read_back_and_one_by_hand_needs_three_columns() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("schedule.csv");
    let all = vec![armed(3, 0, Point::Native), armed(9, 1, Point::Rename)];
    std::fs::write(&file, csv(&all).unwrap()).unwrap();
    assert_eq!(read(&file).unwrap(), all);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().nth(1), Some("exit:7,native,3,0,3,99,false"));
    std::fs::write(&file, "item,attempt,fault\n7,0,abort\n").unwrap();
    let by_hand = specs(&read(&file).unwrap()).unwrap();
    assert_eq!(by_hand[0].to_string(), "abort@item=7,attempt=0");
    for (text, part) in [
        ("item,attempt\n7,0\n", "line 2: missing field `fault`"),
        ("item,attempt,fault\n7,0,burp\n", "no fault called"),
        ("item,attempt,fault\n7,x,abort\n", "line 2: "),
        ("item,attempt,fault\n7,0\n", "another number of cells"),
    ] {
        std::fs::write(&file, text).unwrap();
        let why = read(&file).unwrap_err().what;
        assert!(why.contains(part) && why.contains("schedule.csv"), "{why}");
    }
    std::fs::write(&file, "item,attempt,fault,point\n7,0,segfault,write\n").unwrap();
    let why = specs(&read(&file).unwrap()).unwrap_err().what;
    assert!(why.contains("segfault strikes at the point native"), "{why}");
    assert!(read(&dir.path().join("none")).unwrap_err().what.contains("cannot be read"));
}

#[test]
fn each_run_of_an_experiment_has_its_own_part_of_a_schedule() {
    let of = |run, item| Armed { run, ..armed(item, 0, Point::Native) };
    let items = |all: &[Armed], run| of_run(all, run).iter().map(|a| a.item).collect::<Vec<_>>();
    let runs = [of(Some(0), 5), of(Some(2), 6), of(Some(2), 7)];
    assert_eq!([0, 1, 2].map(|run| items(&runs, run)), [vec![5], vec![], vec![6, 7]]);
    assert_eq!(items(&[of(None, 5)], 8), [5], "a file of one run is for each");
}
