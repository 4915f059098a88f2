//! How many faults, runs and minutes it takes to show a coverage: known before the runs, not after them.

use crate::experiment::{Experiment, MAX_BLOCKS};
use crate::history::History;
use crate::measure::words::{counted, figures, grouped};
use crate::report::{columns, wrap};
use crate::stats::{median, trials_needed};

const WIDTH: usize = 100;
/// So many failures are shown at least, so that the price of one is seen.
const FAILURES_SHOWN: u64 = 3;
/// Over so many blocks the strikes of a plan are counted.
const BLOCKS_DRAWN: u32 = 50;

/// What is to be shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// The least share of faults that are recovered from, in 0 to 1 without the ends.
    pub coverage: f64,
    /// With what confidence, likewise.
    pub confidence: f64,
    /// How many faults may stay without recovery.
    pub failures: u64,
}

/// What that takes of one subject in one experiment.
#[derive(Debug, Clone, PartialEq)]
pub struct Effort {
    /// Who.
    pub subject: String,
    /// Faults that fire in one run, on average; `None` if nobody can say.
    pub faults_a_run: Option<f64>,
    /// Whether it was seen in earlier runs, or only counted in the plan.
    pub seen: bool,
    /// Blocks until that many faults have fired.
    pub blocks: Option<u64>,
    /// Wall time of its own runs and twins in these blocks, in seconds.
    pub own_s: Option<f64>,
    /// Wall time of all subjects' runs in these blocks, in seconds.
    pub all_s: Option<f64>,
}

impl Target {
    /// Faults that must fire, see [`trials_needed`].
    pub fn faults(&self) -> u64 {
        trials_needed(self.coverage, self.confidence, self.failures)
    }

    /// What each subject of an experiment takes. `earlier` are runs of the same experiment, if there are any; `items` is
    /// what its source has, if that is known.
    pub fn efforts(
        &self,
        experiment: &Experiment,
        items: Option<u64>,
        earlier: &[History],
    ) -> Vec<Effort> {
        let drawn = items.and_then(|items| drawn(experiment, items));
        let of = |subject: &String| {
            let fired = fired_a_run(earlier, subject);
            let faults_a_run = fired.or(drawn);
            let enough = faults_a_run.filter(|f| *f > 0.0);
            let blocks = enough.map(|f| (self.faults() as f64 / f).ceil() as u64);
            Effort {
                subject: subject.clone(),
                faults_a_run,
                seen: fired.is_some(),
                blocks,
                own_s: blocks.and_then(|n| Some(n as f64 * block_s(earlier, subject)?)),
                all_s: blocks.and_then(|n| all_s(experiment, earlier, n)),
            }
        };
        experiment.subject.keys().map(of).collect()
    }

    /// The answer for a person; no line is longer than 100 characters.
    pub fn text(&self) -> String {
        let shown: Vec<u64> = (0..=self.failures.max(FAILURES_SHOWN)).collect();
        let faults = |failures: &u64| grouped(Self { failures: *failures, ..*self }.faults());
        let row = |head: &str, of: &dyn Fn(&u64) -> String| {
            std::iter::once(head.to_owned()).chain(shown.iter().map(of)).collect::<Vec<_>>()
        };
        let mut out = wrap(
            &format!(
                "To show that at least {} % of the faults are recovered from, with a confidence of {} % \
                 (Clopper-Pearson, exact, one-sided), it takes:",
                percent(self.coverage),
                percent(self.confidence)
            ),
            WIDTH,
        );
        let table = [
            row("unrecovered faults allowed", &|n| grouped(*n)),
            row("faults that must fire", &faults),
        ];
        out += "\n";
        out += &columns(&table);
        out
    }
}

/// `99`, `99.5`.
fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The efforts for a person; no line is longer than 100 characters. `earlier` says where earlier runs were found.
pub fn text(
    target: &Target,
    experiment: &Experiment,
    efforts: &[Effort],
    earlier: Option<&str>,
) -> String {
    let mut rows: Vec<Vec<String>> = vec![
        "subject;faults a run;blocks;its runs;all runs".split(';').map(str::to_owned).collect(),
    ];
    let dash = || "–".to_owned();
    for e in efforts {
        let mark = if e.seen { "" } else { " *" };
        rows.push(vec![
            e.subject.clone(),
            e.faults_a_run.map_or(dash(), |f| format!("{f:.2}{mark}")),
            e.blocks.map_or(dash(), grouped),
            e.own_s.map_or(dash(), time),
            e.all_s.map_or(dash(), time),
        ]);
    }
    let mut out = format!("{}, until {} have fired:\n\n", experiment.name, faults(target.faults()));
    out += &columns(&rows);
    out.push('\n');
    let mut notes = Vec::new();
    match earlier {
        Some(place) => notes.push(format!(
            "Faults and wall times are those of {place}; golden runs and checking the tiles come on top of them."
        )),
        None => notes.push(format!(
            "There are no earlier runs of this experiment, so nothing is known of its time: okiagari experiment {} \
             --trials 3 makes some.",
            experiment.name
        )),
    }
    if efforts.iter().any(|e| !e.seen && e.faults_a_run.is_some()) {
        notes.push(
            "* counted in the plan: first attempts in a run that reaches its end. Who ends early meets fewer.".into(),
        );
    }
    let unseen: Vec<_> = efforts.iter().filter(|e| !e.seen).map(|e| e.subject.as_str()).collect();
    if earlier.is_some() && !unseen.is_empty() {
        notes.push(format!("Not run yet, so of unknown time: {}.", unseen.join(", ")));
    }
    if experiment.strike.is_empty() {
        notes.push("Nothing strikes in it, so it shows no coverage.".into());
    }
    if efforts.iter().all(|e| e.faults_a_run.is_none()) {
        notes.push("What strikes depends on the moment, so only a run can tell how often.".into());
    }
    let mine = efforts.iter().find(|e| e.subject == "okiagari").or(efforts.first());
    match mine.and_then(|e| Some((&e.subject, e.blocks?))) {
        Some((subject, n)) if n <= u64::from(MAX_BLOCKS) => notes.push(format!(
            "For {subject}: okiagari experiment {} --trials {n}",
            experiment.name
        )),
        Some((subject, _)) => notes.push(format!(
            "No experiment has more than {MAX_BLOCKS} blocks: for {subject}, raise the probability or the size of \
             the image."
        )),
        None => {}
    }
    notes.iter().for_each(|note| out += &wrap(note, WIDTH));
    out
}

fn faults(n: u64) -> String {
    counted(n, "fault")
}

fn time(s: f64) -> String {
    if s < 90.0 { format!("{} s", figures(s)) } else { format!("{} min", figures(s / 60.0)) }
}

/// First attempts that the plan strikes in a run that reaches its end, on average; `None` if moments decide, or what only a run
/// knows.
fn drawn(experiment: &Experiment, items: u64) -> Option<f64> {
    let first = experiment.subject.keys().next()?;
    let whole = Experiment { blocks: BLOCKS_DRAWN, ..experiment.clone() };
    let trials: Vec<_> =
        whole.schedule().into_iter().filter(|t| t.faults && t.subject == *first).collect();
    let mut struck = 0;
    for trial in &trials {
        let plan = experiment.plan(trial);
        if !plan.streams().is_empty() || plan.asks() {
            return None;
        }
        struck += plan.first_attempts(items);
    }
    (!trials.is_empty()).then(|| struck as f64 / trials.len() as f64)
}

fn fired_a_run(earlier: &[History], subject: &str) -> Option<f64> {
    let runs: Vec<_> =
        earlier.iter().filter(|h| h.run.subject == subject && h.run.faults).collect();
    let fired = runs.iter().flat_map(|h| &h.injections).filter(|i| i.fired_ns.is_some()).count();
    (!runs.is_empty()).then(|| fired as f64 / runs.len() as f64)
}

/// Wall time of a subject's run and its twin, in seconds: medians.
fn block_s(earlier: &[History], subject: &str) -> Option<f64> {
    let wall = |faults: bool| {
        let mine = earlier.iter().filter(|h| h.run.subject == subject && h.run.faults == faults);
        median(&mine.map(|h| h.run.wall_ns as f64 / 1e9).collect::<Vec<_>>()).value
    };
    Some(wall(true)? + wall(false)?)
}

/// Wall time of all runs of so many blocks, in seconds; `None` if a subject has not run yet.
fn all_s(experiment: &Experiment, earlier: &[History], blocks: u64) -> Option<f64> {
    let of = |(subject, options): (&String, &crate::experiment::Options)| {
        let blocks = options.blocks.map_or(blocks, |most| blocks.min(u64::from(most)));
        Some(blocks as f64 * block_s(earlier, subject)?)
    };
    experiment.subject.iter().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::sample;

    const TARGET: Target = Target { coverage: 0.99, confidence: 0.95, failures: 0 };

    fn e3() -> Experiment {
        let mut e3 = Experiment::load("e3-ffi-abort").unwrap();
        e3.subject.retain(|name, _| ["baseline", "okiagari"].contains(&&**name));
        e3
    }

    #[test]
    fn a_target_says_its_price() {
        let text = TARGET.text();
        for part in ["at least 99 %", "confidence of 95 %", "299  473  628  773"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        let five = Target { failures: 5, ..TARGET };
        assert_eq!(five.faults(), 1049);
        assert!(five.text().contains("1,049"));
    }

    #[test]
    fn earlier_runs_are_believed_before_the_plan() {
        let earlier = sample::comparison(10, 256);
        let found = TARGET.efforts(&e3(), Some(256), &earlier);
        let okiagari = &found[1];
        assert_eq!(
            (okiagari.faults_a_run, okiagari.blocks, okiagari.seen),
            (Some(2.0), Some(150), true)
        );
        // The sample's runs take a quarter of a second, and its baseline dies halfway.
        assert!((60.0..100.0).contains(&okiagari.own_s.unwrap()), "{okiagari:?}");
        assert!(okiagari.all_s > okiagari.own_s && okiagari.all_s.unwrap() < 200.0, "{okiagari:?}");
        let text = text(&TARGET, &e3(), &found, Some("results/e3-ffi-abort"));
        assert!(text.contains("okiagari experiment e3-ffi-abort --trials 150"), "{text}");
        assert!(!text.contains('*') && text.lines().all(|l| l.chars().count() <= 100), "{text}");
    }

    #[test]
    fn without_earlier_runs_the_plan_is_counted_and_no_time_is_invented() {
        let found = TARGET.efforts(&e3(), Some(256), &[]);
        let strikes = found[1].faults_a_run.unwrap();
        // 4 % of 256; fifty blocks have a standard error of 0.44.
        assert!((strikes - 10.24).abs() < 1.5 && !found[1].seen, "{strikes}");
        assert_eq!((found[1].own_s, found[1].all_s), (None, None));
        let told = text(&TARGET, &e3(), &found, None);
        assert!(
            told.contains("nothing is known of its time") && told.contains("* counted"),
            "{told}"
        );
        let unknown = TARGET.efforts(&e3(), None, &[]);
        assert_eq!((unknown[0].faults_a_run, unknown[0].blocks), (None, None));
        let mut by_moment = e3();
        by_moment.strike = vec!["abort@rate=2/s".parse().unwrap()];
        let found = TARGET.efforts(&by_moment, Some(256), &[]);
        assert_eq!(found[1].faults_a_run, None);
        assert!(text(&TARGET, &by_moment, &found, None).contains("depends on the moment"));
        let mut quiet = e3();
        quiet.strike.clear();
        let found = TARGET.efforts(&quiet, Some(256), &[]);
        assert_eq!((found[1].faults_a_run, found[1].blocks), (Some(0.0), None));
        assert!(text(&TARGET, &quiet, &found, None).contains("shows no coverage"));
    }
}
