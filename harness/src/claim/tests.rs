use super::*;
use crate::experiment::Experiment;
use crate::history::{History, State, sample};

fn claims(extra: &str) -> Claims {
    let head = "[[claim]]\nid = \"c\"\nstatement = \"It is so.\"\nexperiment = \"e3-ffi-abort\"\n\
        command = \"okiagari experiment e3-ffi-abort\"\nminutes = 1\ndisk_mib = 1\n";
    let all: String = extra
        .split("---\n")
        .enumerate()
        .map(|(n, one)| head.replace("\"c\"", &format!("\"c{n}\"")) + one)
        .collect();
    Claims::parse(&all, "mine.toml").unwrap()
}

fn e3() -> Experiment {
    let mut e3 = Experiment::load("e3-ffi-abort").unwrap();
    e3.subject.retain(|name, _| ["baseline", "okiagari"].contains(&&**name));
    e3.expect.clear();
    e3
}

fn results(histories: Vec<History>) -> Results {
    let mut results = Results::default();
    results.add((e3(), histories));
    results
}

/// The verdicts of these claims on an experiment's worth of so many blocks.
fn verdicts(extra: &str, blocks: u32) -> Vec<Verdict> {
    let claims = claims(extra);
    let results = results(sample::comparison(blocks, 64));
    judge(&claims, &results).iter().map(|f| f.verdict).collect()
}

const COVERAGE: &str =
    "subject = \"okiagari\"\nmeasure = \"coverage\"\nrule = \"lower >= 0.99\"\nn_min = 1\n";

#[test]
fn a_coverage_passes_with_enough_faults_and_not_one_before() {
    // Two faults a block: 298 are one too few for 0.99 at 95 %, 300 are enough.
    assert_eq!(verdicts(COVERAGE, 149), [Verdict::Inconclusive]);
    assert_eq!(verdicts(COVERAGE, 150), [Verdict::Pass]);
    let mut all = sample::comparison(150, 64);
    let struck = all.iter_mut().find(|h| h.run.subject == "okiagari" && h.run.faults).unwrap();
    struck.injections[0].accepted_ns = None;
    let victim = struck.injections[0].item as usize;
    (struck.items[victim].state, struck.items[victim].found_blake3) = (State::Failed, None);
    let (claims, results) = (claims(COVERAGE), results(all));
    let found = judge(&claims, &results);
    assert_eq!(found[0].verdict, Verdict::Inconclusive, "one of 300 is missing: 473 are needed");
    let said = limits(&claims, &found, &results).join("\n");
    assert!(said.contains("299 of 300 × abort came back right"), "{said}");
    assert!(said.contains("For 0.99 it takes 473 faults, if no more of them stay away"), "{said}");
}

#[test]
fn what_contradicts_fails_and_too_few_never_pass() {
    let baseline = COVERAGE.replace("okiagari", "baseline");
    assert_eq!(verdicts(&baseline, 10), [Verdict::Fail], "none of ten came back");
    let easy = COVERAGE.replace("0.99", "0.5");
    assert_eq!(verdicts(&easy, 10), [Verdict::Pass]);
    assert_eq!(verdicts(&easy.replace("n_min = 1", "n_min = 21"), 10), [Verdict::Inconclusive]);
    // Even where the interval is as narrow as can be.
    let fast = "subject = \"okiagari\"\nmeasure = \"wall\"\nrule = \"upper <= 9 s\"\nn_min = 5\n";
    assert_eq!(verdicts(fast, 5), [Verdict::Pass]);
    assert_eq!(verdicts(fast, 4), [Verdict::Inconclusive], "four values have no interval");
    assert_eq!(verdicts(&fast.replace("9 s", "1 ms"), 5), [Verdict::Fail]);
    assert_eq!(verdicts(&fast.replace("wall", "no-such"), 5), [Verdict::Inconclusive]);
    assert_eq!(verdicts(&fast.replace("okiagari", "htpipe"), 5), [Verdict::Inconclusive]);
    let empty = Results::default();
    assert_eq!(judge(&claims(fast), &empty)[0].verdict, Verdict::Inconclusive);
}

#[test]
fn who_recovers_fast_and_seldom_is_not_fast() {
    let fast =
        "subject = \"okiagari\"\nmeasure = \"recovery\"\nrule = \"upper <= 20 ms\"\nn_min = 20\n";
    assert_eq!(verdicts(fast, 10), [Verdict::Pass]);
    let verdict_without = |lost: &dyn Fn(usize) -> bool| {
        let mut all = sample::comparison(10, 64);
        let struck = all.iter_mut().filter(|h| h.run.subject == "okiagari" && h.run.faults);
        for (n, h) in struck.enumerate() {
            for (k, injection) in h.injections.iter_mut().enumerate() {
                injection.accepted_ns = injection.accepted_ns.filter(|_| !lost(2 * n + k));
            }
        }
        let (claims, results) = (claims(fast), results(all));
        let found = judge(&claims, &results);
        (found[0].verdict, text(&found, &[]))
    };
    // Two of twenty do not move the median; five runs of ten leave it open; most of the faults refute it.
    assert_eq!(verdict_without(&|k| k < 2).0, Verdict::Pass);
    assert_eq!(verdict_without(&|k| k < 10).0, Verdict::Inconclusive);
    let (verdict, text) = verdict_without(&|k| k > 1);
    assert_eq!(verdict, Verdict::Fail, "{text}");
    assert!(
        text.contains("recovery of okiagari in e3-ffi-abort: never from 20, bounds never to never"),
        "{text}"
    );
}

#[test]
fn promises_are_judged_by_their_oracle_and_by_runs_that_were_struck() {
    let holds = "subject = \"okiagari\"\noracle = \"nothing-lost\"\nrule = \"holds\"\nn_min = 10\n";
    assert_eq!(verdicts(holds, 10), [Verdict::Pass]);
    assert_eq!(verdicts(holds, 9), [Verdict::Inconclusive]);
    assert_eq!(verdicts(&holds.replace("okiagari", "baseline"), 10), [Verdict::Fail]);
    let broken = holds.replace("okiagari", "baseline").replace("holds", "broken");
    assert_eq!(verdicts(&broken, 10), [Verdict::Pass]);
    // A promise that was kept so far is no proof that it cannot be broken, nor that it is not.
    assert_eq!(verdicts(&holds.replace("holds", "broken"), 10), [Verdict::Inconclusive]);
    let mut quiet = sample::comparison(10, 64);
    quiet.iter_mut().for_each(|h| h.injections.clear());
    assert_eq!(judge(&claims(holds), &results(quiet))[0].verdict, Verdict::Inconclusive);
    let mut torn = sample::comparison(10, 64);
    torn[3].items.pop();
    assert_eq!(judge(&claims(holds), &results(torn))[0].verdict, Verdict::Inconclusive);
}

#[test]
fn a_family_asks_more_of_each_until_one_leaves() {
    let family = |rule: &str| COVERAGE.replace("lower >= 0.99", rule) + "family = \"f\"\n";
    // 300 of 300: 0.99006 alone; with half of the error only 0.98778, and 368 faults would be needed.
    let two = format!("{}---\n{}", family("lower >= 0.99"), family("lower >= 0.99"));
    assert_eq!(verdicts(&two, 150), [Verdict::Inconclusive; 2]);
    assert_eq!(verdicts(&two, 184), [Verdict::Pass; 2]);
    // One that passes leaves all of the error to the other.
    let two = format!("{}---\n{}", family("lower >= 0.99"), family("lower >= 0.9"));
    let (claims, results) = (claims(&two), results(sample::comparison(150, 64)));
    let found = judge(&claims, &results);
    assert!(found.iter().all(|f| f.verdict == Verdict::Pass));
    assert!((found[0].error - 0.05).abs() < 1e-12 && (found[1].error - 0.025).abs() < 1e-12);
}

#[test]
fn a_row_without_observations_is_judged_as_it_stands() {
    let lost =
        "subject = \"okiagari\"\nmeasure = \"items_lost\"\nrule = \"upper <= 0\"\nn_min = 10\n";
    assert_eq!(verdicts(lost, 10), [Verdict::Pass], "what was counted has no error");
    assert_eq!(verdicts(&lost.replace("okiagari", "baseline"), 10), [Verdict::Fail]);
    let two =
        format!("{lost}family = \"f\"\n---\n{lost}family = \"f\"\n---\n{lost}family = \"f\"\n");
    assert_eq!(verdicts(&two, 10), [Verdict::Pass; 3]);
}

#[test]
fn the_verdicts_read_by_themselves_and_say_what_is_not_shown() {
    let claims = claims(&format!(
        "{COVERAGE}---\nsubject = \"okiagari\"\noracle = \"nothing-lost\"\nrule = \"holds\"\nn_min = 5\n---\n\
         subject = \"htpipe\"\nmeasure = \"recovery\"\nrule = \"upper <= 2 ms\"\nn_min = 30\n"
    ));
    let mut all = sample::comparison(10, 64);
    all[3].injections[1].fired_ns = None;
    let results = results(all);
    let found = judge(&claims, &results);
    let said = text(&found, &limits(&claims, &found, &results));
    for part in [
        "INCONCLUSIVE  It is so.",
        "coverage of okiagari in e3-ffi-abort: 1.000 from 19, bounds 0.854 to 1.000, each with 95 %",
        "rule: lower >= 0.99, n >= 1; the interval lies on both sides of the rule",
        "data: okiagari experiment e3-ffi-abort (1 min, 1 MiB)",
        "3 claims: 1 PASS, 0 FAIL, 2 INCONCLUSIVE.",
        "e3-ffi-abort, okiagari: 19 of 19 × abort came back right. That shows a coverage of 0.854 or more",
        "For 0.99 it takes 299 faults, all recovered.",
        "e3-ffi-abort, okiagari: 1 of 20 × abort never fired.",
        "19 recovery times of abort bound no quantile above 0.854",
        "baseline: 10 of 10 × abort never came back while it was watched. Their recovery has no time, so measures.csv has no",
        "A coverage of up to 0.259 is still possible",
        "baseline: 10 of 10 runs with faults ended early.",
        "c1: that no run ever breaks the promise. It was kept in 10 of 10 runs; up to 25.9 % of all runs could",
        "c2: nothing at all, the results of e3-ffi-abort have no run of htpipe with faults.",
    ] {
        let flat = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains(&part.split_whitespace().collect::<Vec<_>>().join(" ")),
            "{part}\n{said}"
        );
    }
    assert!(said.lines().all(|l| l.chars().count() <= 100), "{said}");
}

#[test]
fn rules_are_read_with_their_units() {
    for (text, rule) in [
        ("lower >= 0.99", Rule::Lower(0.99)),
        ("upper <= 2 ms", Rule::Upper(2e6)),
        ("upper  <= 3 s", Rule::Upper(3e9)),
        ("holds", Rule::Holds),
        ("broken", Rule::Broken),
    ] {
        assert_eq!(text.parse(), Ok(rule));
    }
    for text in [
        "",
        "lower > 1",
        "lower <= 1",
        "upper >= 1",
        "upper <= x",
        "upper <= 1 min",
        "upper <= nan",
    ] {
        assert!(text.parse::<Rule>().is_err(), "{text}");
    }
    assert_eq!(Rule::Lower(0.5).met_by((0.5, 0.9)), Some(true));
    assert_eq!(Rule::Lower(0.5).met_by((0.4, 0.5)), None);
    assert_eq!(Rule::Upper(0.5).met_by((0.51, 0.9)), Some(false));
}

#[test]
fn the_claims_that_come_with_the_program_are_about_what_comes_with_it() {
    let claims = Claims::load(None).unwrap();
    for claim in &claims.claim {
        let experiment = Experiment::load(&claim.experiment).unwrap();
        assert!(experiment.subject.contains_key(&claim.subject), "{}", claim.id);
        let command = format!("okiagari experiment {}", claim.experiment);
        assert!(claim.command.starts_with(&command), "{}", claim.id);
        assert!(claim.statement.ends_with('.'), "{}", claim.id);
    }
}

#[test]
fn claims_that_make_no_sense_are_refused_in_a_sentence() {
    let good = "[[claim]]\nid = \"a\"\nstatement = \"S.\"\nexperiment = \"e\"\nsubject = \"s\"\nmeasure = \"wall\"\n\
                rule = \"upper <= 1 s\"\nn_min = 6\ncommand = \"c\"\nminutes = 1\ndisk_mib = 1\n";
    assert!(Claims::parse(good, "m.toml").is_ok());
    let measure = "measure = \"wall\"\nrule = \"upper <= 1 s\"";
    let oracle = "oracle = \"nothing-lost\"\nrule = \"holds\"";
    for (text, why) in [
        (String::new(), "missing field `claim`"),
        ("claim = []".into(), "claims nothing"),
        (format!("confidence = 1.0\n{good}"), "confidence is 1"),
        (format!("{good}{good}"), "two claims called \"a\""),
        (good.replace("n_min = 6", "n_min = 0"), "n_min is 0"),
        (
            good.replace("upper <= 1 s", "upper < 1 s"),
            "line 7: the rule \"upper < 1 s\" is none of",
        ),
        (good.replace("upper <= 1 s", "holds"), "a measure takes a rule like"),
        (good.replace("measure = \"wall\"\n", ""), "needs a measure or an oracle"),
        (good.replace(measure, &oracle.replace("holds", "lower >= 1")), "an oracle takes the rule"),
        (good.replace(measure, &format!("{oracle}\nfamily = \"f\"")), "an oracle has no family"),
        (good.replace("subject", "subjekt"), "unknown field `subjekt`"),
    ] {
        let error = Claims::parse(&text, "m.toml").unwrap_err().to_string();
        assert!(error.starts_with("m.toml") && error.contains(why), "{why}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
}
