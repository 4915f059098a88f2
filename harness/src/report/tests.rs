use super::*;
use crate::history::{State, sample};
use std::collections::{BTreeMap, BTreeSet};

/// With the two subjects of the sample.
fn e3() -> Experiment {
    let mut e3 = Experiment::load("e3-ffi-abort").unwrap();
    e3.blocks = 10;
    e3.subject.retain(|name, _| ["baseline", "okiagari"].contains(&&**name));
    e3.expect.retain(|name, _| e3.subject.contains_key(name));
    e3
}

fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let all = fs::read_dir(dir).unwrap().map(|f| f.unwrap());
    all.map(|f| (f.file_name().into_string().unwrap(), fs::read(f.path()).unwrap())).collect()
}

#[test]
fn what_was_written_is_judged_and_drawn_again_to_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("results/e3");
    let all = sample::comparison(10, 64);
    let summary = write(&dir, &e3(), &all).unwrap();
    assert_eq!(summary.standing(), Standing::Held, "{summary:?}");
    let written = files(&dir);
    let names: Vec<_> = written.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "claims.csv",
            "coverage.png",
            "coverage.svg",
            "datapackage.json",
            "distribution.png",
            "distribution.svg",
            "events.csv",
            "faults.csv",
            "index.html",
            "injections.csv",
            "items.csv",
            "measures.csv",
            "outcomes.png",
            "outcomes.svg",
            "phases.png",
            "phases.svg",
            "picture.png",
            "picture.svg",
            "progress.png",
            "progress.svg",
            "recovery.png",
            "recovery.svg",
            "resources.csv",
            "run.toml",
            "runs.csv",
            "schedule.csv",
            "throughput.png",
            "throughput.svg",
            "timeline.png",
            "timeline.svg"
        ]
    );
    assert_eq!(read(&dir).unwrap(), (e3(), all));
    assert!(differing(&dir).unwrap().is_empty());
    // A folder that is to be begun anew is cleared by these names.
    let derived = derived_files();
    let known = TABLES.into_iter().chain(derived.iter().map(String::as_str)).chain([LAST, RUN]);
    let (known, names): (BTreeSet<_>, BTreeSet<_>) = (known.collect(), names.into_iter().collect());
    // Those only other experiments have.
    let others = ["ablation", "break-even", "isolation", "library", "rate"];
    let others: Vec<_> =
        others.iter().flat_map(|f| [format!("{f}.png"), format!("{f}.svg")]).collect();
    assert!(known.difference(&names).copied().eq(others.iter().map(String::as_str)));
    assert!(names.is_subset(&known));
    let spoilt = derived.iter().map(String::as_str).chain([LAST]);
    let spoilt: Vec<_> = spoilt.filter(|file| !others.iter().any(|o| o == file)).collect();
    for file in &spoilt {
        fs::write(dir.join(file), "spoilt").unwrap();
    }
    assert_eq!(differing(&dir).unwrap().len(), spoilt.len());
    let (experiment, histories) = read(&dir).unwrap();
    assert_eq!(judge(&dir, &experiment, &histories).unwrap(), summary);
    draw(&dir, &experiment, &histories).unwrap();
    assert_eq!(files(&dir), written);
    // The machine's own table behind ours is no obstacle.
    let run = fs::read_to_string(dir.join(RUN)).unwrap() + "\n[machine]\ncores = 2\n";
    fs::write(dir.join(RUN), run).unwrap();
    assert_eq!(read(&dir).unwrap(), (experiment, histories));
}

#[test]
fn a_folder_without_results_is_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    assert!(read(dir.path()).unwrap_err().what.contains("run.toml cannot be read"));
    fs::write(dir.path().join(RUN), "version = 1").unwrap();
    assert!(read(dir.path()).unwrap_err().what.contains("run.toml cannot be read"));
}

#[test]
fn claims_fail_stay_unknown_or_hold_as_the_data_say() {
    let find = |all: &[History], claim: &str, subject: &str| {
        let summary = claims(&e3(), all);
        let found =
            summary.claims.iter().find(|c| c.claim == claim && c.subject == subject).cloned();
        (summary.standing(), found.unwrap())
    };
    let mut all = sample::comparison(4, 40);
    let (standing, c) = find(&all, "nothing-lost", "baseline");
    assert_eq!((standing, c.held, c.runs), (Standing::Held, Standing::Held, 4));
    assert!(c.detail.starts_with("4 of 4 runs; run 0: item 10 is lost"), "{}", c.detail);
    // No fault fired: okiagari was not put to the test, and the baseline did not break.
    let quiet: Vec<_> = all.iter().filter(|h| !h.run.faults).cloned().collect();
    let mut untested = quiet.clone();
    untested.extend(quiet.iter().cloned().map(|mut h| {
        h.run.faults = true;
        h
    }));
    assert_eq!(find(&untested, "nothing-lost", "okiagari").1.held, Standing::Unknown);
    assert_eq!(find(&quiet, "nothing-lost", "okiagari").1.detail, "there is no trial");
    // A broken control is seen although nobody asked.
    all[1].items[3].deliveries = 2;
    let (standing, c) = find(&all, "twin-whole", "okiagari");
    assert_eq!((standing, c.held), (Standing::Failed, Standing::Failed));
    assert!(c.detail.contains("item 3 was delivered 2 times"), "{}", c.detail);
}

#[test]
fn the_closing_table_reads_by_itself() {
    let mut all = sample::comparison(10, 256);
    let text = table(&e3(), &all);
    for part in [
        "e3-ffi-abort: Does one native abort cost",
        "10 blocks, 40 runs, seed 0x5eed0003",
        "10 of 10",
        "2,560 of 2,560",
        "holds, as expected",
        "broken, as expected",
        "okiagari delivered all 2,560 tiles right with 20 faults, at 1.00 more attempts a fault",
        "As expected: all 7 claims held.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    all[3].items[0].found_blake3 = None;
    let broken = table(&e3(), &all);
    assert!(
        broken.contains("broken, NOT holds") && broken.contains("6 of 7 claims held."),
        "{broken}"
    );
    for all in [vec![], sample::comparison(1, 16), vec![sample::good(0, "okiagari", false, 3)]] {
        table(&e3(), &all);
    }
    for (noisy, said) in [(0, "No run was disturbed"), (3, "3 of 40 runs were noisy")] {
        for (k, h) in all.iter_mut().enumerate() {
            h.run.noise.noisy = Some(k < noisy);
        }
        assert!(table(&e3(), &all).contains(said));
    }
    assert!(!text.contains("disturbed") && !text.contains("noisy"), "of this nothing is known");
    for text in [text, broken, table(&e3(), &all)] {
        assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
    }
}

#[test]
fn every_column_is_explained_in_the_readme_of_the_results() {
    let readme = include_str!("../../../results/README.md");
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &e3(), &sample::comparison(1, 16)).unwrap();
    for (file, bytes) in files(dir.path()) {
        // A figure is explained once for both of its files.
        let name = file.trim_end_matches(".svg").trim_end_matches(".png");
        assert!(readme.contains(&format!("`{name}`")), "{file} is not explained");
        if file.ends_with(".csv") {
            let section = readme.split(&format!("## `{file}`")).nth(1).unwrap();
            let section = section.split("\n## ").next().unwrap();
            let header = String::from_utf8(bytes).unwrap();
            for column in header.lines().next().unwrap().split(',') {
                assert!(section.contains(&format!("`{column}`")), "{file}: {column}");
            }
        }
    }
    let written = files(dir.path()).into_keys().filter(|file| file.ends_with(".csv"));
    let described = package::SHEETS.iter().map(|sheet| sheet.file.to_owned());
    assert_eq!(described.collect::<BTreeSet<_>>(), written.collect());
    // The same table in code, in the same order, feeds `datapackage.json`.
    for sheet in &package::SHEETS {
        let text = fs::read_to_string(dir.path().join(sheet.file)).unwrap();
        let columns: Vec<_> = sheet.columns.iter().map(|c| c.name).collect();
        assert_eq!(text.lines().next().unwrap(), columns.join(","), "{}", sheet.file);
        for column in columns {
            let said = package::meaning(sheet.file, column);
            assert!(said.is_some_and(|s| s.len() > 3), "{}: {column}", sheet.file);
        }
    }
    let sheets: BTreeSet<_> = package::SHEETS.iter().map(|s| s.file).collect();
    let tables = files(dir.path()).into_keys().filter(|file| file.ends_with(".csv"));
    assert!(tables.eq(sheets), "each table has a sheet");
    let measures = crate::measure::summarise(&sample::comparison(1, 16));
    for m in measures {
        assert!(readme.contains(&format!("`{}`", m.measure)), "{} is not explained", m.measure);
    }
}

#[test]
fn the_words_of_a_column_are_those_that_are_written() {
    let outcomes = crate::measure::Outcome::ALL.map(crate::measure::Outcome::name);
    assert_eq!(outcomes, package::OUTCOMES);
    assert_eq!(history::Ring::ALL.map(history::Ring::name), package::RINGS);
}

#[test]
fn a_control_says_the_smallest_effect_and_whether_intervals_are_honest() {
    let mut experiment = e3();
    experiment.strike.clear();
    // Two subjects, sixty blocks of a run and its twin; times differ by up to one per cent, by a rule.
    let run = |n: u32| {
        let subject = if n % 4 < 2 { "baseline" } else { "okiagari" };
        let mut h = sample::good(n, subject, n.is_multiple_of(2), 16);
        h.run.wall_ns = 1_000_000_000 + crate::plan::first_eight(&n.to_le_bytes()) % 1000 * 10_000;
        h
    };
    let mut all: Vec<_> = (0..240).map(run).collect();
    let text = table(&experiment, &all).replace('\n', " ");
    assert!(text.contains("of 20 comparisons of equal runs"), "{text}");
    assert!(text.contains("where 5 % are 1.0 (exact binomial test, p = "), "{text}");
    assert!(text.contains("no more than chance gives"), "{text}");
    assert!(text.contains("smallest effect on throughput that may be claimed: "), "{text}");
    let rows = measures(&experiment, &all);
    assert_eq!(rows.iter().filter(|m| m.measure.starts_with("aa_")).count(), 4);
    let readme = include_str!("../../../results/README.md");
    assert!(rows.iter().all(|m| readme.contains(&format!("`{}`", m.measure))));
    // With faults always slower than their twins, the instrument is not to be trusted.
    for h in all.iter_mut().filter(|h| h.run.faults) {
        h.run.wall_ns += 100_000_000;
    }
    assert!(table(&experiment, &all).replace('\n', " ").contains("do not trust an interval"));
    let few: Vec<_> = all.drain(..24).collect();
    assert!(table(&experiment, &few).contains("2 comparisons of equal runs are too few"));
    assert!(table(&experiment, &few[..8]).contains("six blocks would show"));
    let struck = measures(&e3(), &few);
    assert!(struck.iter().all(|m| !m.measure.starts_with("aa_")), "strikes are no control");
}

#[test]
fn results_are_compared_measure_by_measure() {
    let none = BTreeMap::new();
    let a = (e3(), sample::comparison(20, 64));
    let find = |lines: &[Line], subject: &str, faults: bool, measure: &str| {
        let mine = |l: &&Line| (&*l.subject, l.faults, l.measure) == (subject, faults, measure);
        lines.iter().find(mine).unwrap_or_else(|| panic!("{measure}")).clone()
    };
    let same = compare(&a, &a, &none).unwrap();
    assert!(same.iter().all(|l| l.difference == Difference::Indistinguishable), "{same:?}");
    assert_eq!(find(&same, "okiagari", true, "recovery").effect.value, Some(1.0));
    // The second takes a fifth more time, and loses half of what is struck.
    let mut slow = a.clone();
    for h in slow.1.iter_mut().filter(|h| h.run.subject == "okiagari") {
        h.run.wall_ns += h.run.wall_ns / 5;
        for i in h.injections.iter_mut().skip(1) {
            i.accepted_ns = None;
            let victim = &mut h.items[i.item as usize];
            (victim.state, victim.found_blake3) = (State::Failed, None);
        }
    }
    let found = compare(&a, &slow, &none).unwrap();
    let wall = find(&found, "okiagari", false, "wall");
    assert!((wall.effect.value.unwrap() - 1.2).abs() < 1e-3 && wall.delta > Some(0.9), "{wall:?}");
    assert_eq!(wall.difference, Difference::Higher);
    assert_eq!(find(&found, "okiagari", true, "coverage").difference, Difference::Lower);
    assert_eq!(find(&found, "baseline", true, "wall").difference, Difference::Indistinguishable);
    let recovery = find(&found, "okiagari", true, "recovery");
    assert_eq!((recovery.values.1, recovery.effect.value), (Some(f64::INFINITY), None));
    // A machine whose equal runs differ by a quarter cannot tell a fifth.
    let control = BTreeMap::from([("okiagari".to_owned(), 0.25)]);
    let found = compare(&a, &slow, &control).unwrap();
    assert_eq!(find(&found, "okiagari", false, "wall").difference, Difference::WithinControl);
    assert_eq!(find(&found, "okiagari", true, "coverage").difference, Difference::Lower);
    let text = comparison(&a, &slow, &found, Some("results/a-a"));
    assert!(text.contains("within equal runs") && text.contains("B is lower"), "{text}");
    assert!(text.contains("never") && text.contains("no ratio"), "{text}");
    assert!(text.lines().all(|l| l.chars().count() <= 100), "{text}");
    let few = (e3(), sample::comparison(4, 64));
    let found = compare(&a, &few, &none).unwrap();
    assert_eq!(find(&found, "okiagari", false, "wall").difference, Difference::Unknown);
    let mut alone = a.clone();
    alone.1.retain(|h| h.run.subject == "baseline");
    let found = compare(&a, &alone, &none).unwrap();
    assert!(found.iter().all(|l| l.subject == "baseline"));
    assert!(comparison(&a, &alone, &found, None).contains("Only A has okiagari."));
    for change in [
        |e: &mut Experiment| e.name = "other".into(),
        |e: &mut Experiment| e.workload.operation.clear(),
        |e: &mut Experiment| e.strike.clear(),
    ] {
        let mut other = a.clone();
        change(&mut other.0);
        assert!(compare(&a, &other, &none).unwrap_err().what.contains("different experiments"));
    }
}
