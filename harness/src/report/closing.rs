//! The table that closes an experiment, for a reader who has read nothing else.

use super::claims::{Standing, Summary, claims};
use super::control::control;
use super::wrap;
use crate::experiment::Experiment;
use crate::figure::subjects;
use crate::history::{Ending, History, Injection};
use crate::measure::words::{counted, duration, figures, grouped};
use crate::measure::{Measure, Outcome, Toll, Twins, controls, summarise, toll, worst};
use crate::noise;
use crate::oracle::Oracle;
use crate::stats::Estimate;

const WIDTH: usize = 100;
const LABEL: usize = 25;
const CELL: usize = 21;
/// Subjects side by side at most; more are spread over tables.
const ABREAST: usize = 3;

/// The closing table of an experiment: a column for each subject, then its question answered in a sentence for each
/// subject, then whether it was as expected. No line is longer than 100 characters.
pub fn table(experiment: &Experiment, histories: &[History]) -> String {
    let names = subjects(histories);
    let summary = claims(experiment, histories);
    let measures = summarise(histories);
    let twins = Twins::of(histories);
    let columns: Vec<_> =
        names.iter().map(|n| Column::of(n, histories, &measures, &twins)).collect();
    let mut out = wrap(&format!("{}: {}", experiment.name, experiment.question), WIDTH);
    out += &format!(
        "{}, {}, seed {:#x}\n",
        counted(u64::from(experiment.blocks_in_all()), "block"),
        counted(histories.len() as u64, "run"),
        experiment.seed
    );
    // Four are better two and two than three and one.
    let tables = columns.len().div_ceil(ABREAST).max(1);
    for abreast in columns.chunks(columns.len().div_ceil(tables).max(1)) {
        out += &boxed(&rows(abreast, &summary, histories));
    }
    for column in &columns {
        out += &wrap(&column.sentence(), WIDTH);
    }
    if experiment.is_control() {
        out += &wrap(&control(&controls(histories)), WIDTH);
    }
    out += &wrap(&standing(&summary), WIDTH);
    match disturbed(histories) {
        None => out,
        Some(said) => out + &wrap(&said, WIDTH),
    }
}

/// How many runs others disturbed; `None` where the kernel did not say.
fn disturbed(histories: &[History]) -> Option<String> {
    let known = histories.iter().filter_map(|h| h.run.noise.noisy);
    let (known, noisy) = known.fold((0, 0), |(n, m), noisy| (n + 1, m + u64::from(noisy)));
    match (known, noisy) {
        (0, _) => None,
        (_, 0) => Some("No run was disturbed by other processes.".into()),
        (known, noisy) => Some(format!(
            "{noisy} of {} noisy: other processes used more than {:.0} % of the machine, or its host kept more than \
             {:.0} %. Read their times with care.",
            if known == 1 { "1 run was".into() } else { format!("{} runs were", grouped(known)) },
            noise::FOREIGN_SHARE_MAX * 100.0,
            noise::STEAL_SHARE_MAX * 100.0
        )),
    }
}

/// The question's answer: a sentence for each subject.
pub(super) fn answers(histories: &[History], measures: &[Measure]) -> Vec<String> {
    let twins = Twins::of(histories);
    let of = |name: &&str| Column::of(name, histories, measures, &twins).sentence();
    subjects(histories).iter().map(of).collect()
}

/// What is said of one subject.
struct Column<'a> {
    name: &'a str,
    measures: &'a [Measure],
    /// Over the trials with faults.
    toll: Toll,
    runs: usize,
    complete: usize,
    fell: bool,
    fired: usize,
    recovered: usize,
    worst: Option<Outcome>,
}

impl<'a> Column<'a> {
    fn of(name: &'a str, histories: &[History], measures: &'a [Measure], twins: &Twins) -> Self {
        let struck: Vec<_> =
            histories.iter().filter(|h| h.run.subject == name && h.run.faults).collect();
        let fired = || struck.iter().flat_map(|h| &h.injections).filter(|i| i.fired_ns.is_some());
        let complete = struck.iter().filter(|h| h.run.ending == Ending::Complete).count();
        let toll: Toll = struck.iter().map(|h| toll(h)).sum();
        Self {
            name,
            measures,
            toll,
            runs: struck.len(),
            complete,
            fell: complete < struck.len() || toll.lost > 0,
            fired: fired().count(),
            recovered: fired().filter_map(Injection::recovery_ns).count(),
            worst: struck.iter().map(|h| worst(h, twins)).max(),
        }
    }

    fn find(&self, faults: bool, measure: &str) -> Option<Estimate> {
        let mine =
            |m: &&Measure| (&*m.subject, m.faults, m.measure) == (self.name, faults, measure);
        self.measures.iter().find(mine).map(|m| m.estimate)
    }

    fn throughput(&self, faults: bool) -> String {
        let value = self.find(faults, "throughput").and_then(|e| e.value);
        value.map_or("–".into(), |px| format!("{} Mpx/s", figures(px / 1e6)))
    }

    fn ratio(&self, faults: bool, measure: &str) -> Option<String> {
        let found = self.find(faults, measure)?;
        let interval = found.interval.map(|(low, high)| format!(" ({low:.2}–{high:.2})"));
        Some(format!("{:.2}{}", found.value?, interval.unwrap_or_default()))
    }

    /// The numbers, in the order of [`LABELS`].
    fn cells(&self) -> [String; 16] {
        let recovery = self.find(true, "recovery");
        let interval = recovery.and_then(|e| e.interval);
        let net = self.find(true, "recovery_net");
        let of = |k: u64, n: u64| format!("{} of {}", grouped(k), grouped(n));
        [
            of(self.complete as u64, self.runs as u64),
            of(self.toll.right, self.toll.items),
            grouped(self.toll.lost),
            grouped(self.toll.declared),
            grouped(self.toll.twice),
            grouped(self.toll.wrong),
            grouped(self.fired as u64),
            of(self.recovered as u64, self.fired as u64),
            self.ratio(true, "coverage").unwrap_or("–".into()),
            self.worst.map_or("–".into(), |o| o.name().to_owned()),
            recovery.and_then(|e| e.value).map_or("–".into(), duration),
            interval.map_or("–".into(), |(a, b)| format!("{}–{}", duration(a), duration(b))),
            net.and_then(|e| e.value).map_or("–".into(), duration),
            self.throughput(false),
            self.throughput(true) + if self.fell { " *" } else { "" },
            self.ratio(true, "throughput_to_twin").unwrap_or("–".into()),
        ]
    }

    /// What happened to this subject, in words.
    fn sentence(&self) -> String {
        let (t, name) = (self.toll, self.name);
        let tiles = grouped(t.items);
        let against = self.ratio(false, "throughput_to_baseline").map_or(String::new(), |r| {
            format!(" Without faults it runs at {r} of the baseline's throughput.")
        });
        let faults = counted(self.fired as u64, "fault");
        if self.runs == 0 {
            return format!("{name} was not run with faults.{against}");
        }
        if t.right == t.items && !self.fell {
            let cost = match (self.fired, self.find(true, "recovery").and_then(|e| e.value)) {
                (0, _) | (_, None) => String::new(),
                (fired, Some(ns)) => format!(
                    ", at {:.2} more attempts a fault and {} until a struck tile was there (median)",
                    t.attempts.saturating_sub(t.items) as f64 / fired as f64,
                    duration(ns)
                ),
            };
            return format!(
                "{name} delivered all {tiles} tiles right with {faults}{cost}.{against}"
            );
        }
        let star = if self.fell { " (* its throughput counts only until it ended.)" } else { "" };
        let mut harm = vec![format!("lost {} of {tiles} tiles", grouped(t.lost))];
        for (n, what) in [(t.declared, "declared as failed"), (t.wrong, "delivered wrong")] {
            if n > 0 {
                harm.push(format!("{} {what}", grouped(n)));
            }
        }
        format!(
            "{name} {} with {faults}, and ended in order in {} of {} runs.{star}{against}",
            harm.join(", "),
            self.complete,
            self.runs
        )
    }
}

const LABELS: [&str; 16] = [
    "runs that ended in order",
    "tiles delivered right",
    "tiles lost silently",
    "tiles declared failed",
    "tiles delivered twice",
    "tiles wrong",
    "faults fired",
    "struck tiles recovered",
    "coverage (95 %)",
    "worst outcome",
    "recovery, median",
    "  its 95 % interval",
    "  net of the tile's work",
    "throughput, no faults",
    "throughput, with faults",
    "  with ÷ without (95 %)",
];

fn rows(columns: &[Column<'_>], summary: &Summary, histories: &[History]) -> Vec<Vec<String>> {
    let mut all = vec![vec![String::new()]];
    all[0].extend(columns.iter().map(|c| c.name.to_owned()));
    let cells: Vec<_> = columns.iter().map(Column::cells).collect();
    for (k, label) in LABELS.iter().enumerate() {
        let mut row = vec![(*label).to_owned()];
        row.extend(cells.iter().map(|c| c[k].clone()));
        all.push(row);
    }
    let found = |claim: &str, name: &str| {
        let found = summary.claims.iter().find(|x| x.claim == claim && x.subject == name)?;
        Some(match found.held {
            Standing::Held => format!("{}, as expected", found.observed),
            _ => format!("{}, NOT {}", found.observed, found.expected),
        })
    };
    let asked = |o: &Oracle| {
        let claimed = summary.claims.iter().any(|c| c.claim == o.to_string());
        claimed || Oracle::PROMISES.contains(o)
    };
    for oracle in Oracle::ALL.into_iter().filter(asked) {
        let claim = oracle.to_string();
        let mut row = vec![claim.clone()];
        // A promise that nobody expected anything of is judged all the same.
        row.extend(columns.iter().map(|c| {
            let struck = histories.iter().filter(|h| h.run.subject == c.name && h.run.faults);
            found(&claim, c.name).unwrap_or_else(|| oracle.judge_all(struck).answer().to_string())
        }));
        all.push(row);
    }
    let mut row = vec!["all that, of the twins".to_owned()];
    row.extend(columns.iter().map(|c| found("twin-whole", c.name).unwrap_or("–".into())));
    all.push(row);
    all
}

/// The first row, a line, the other rows; all in a box.
fn boxed(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widths: Vec<_> = (0..columns).map(|k| if k == 0 { LABEL } else { CELL }).collect();
    let rule = |left: &str, between: &str, right: &str| {
        let lines: Vec<_> = widths.iter().map(|w| "─".repeat(w + 2)).collect();
        format!("{left}{}{right}\n", lines.join(between))
    };
    let mut out = rule("┌", "┬", "┐");
    for (n, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(&widths).enumerate().map(|(k, (cell, &width))| {
            let cell: String = cell.chars().take(width).collect();
            if k == 0 { format!(" {cell:<width$} ") } else { format!(" {cell:>width$} ") }
        });
        out += &format!("│{}│\n", cells.collect::<Vec<_>>().join("│"));
        if n == 0 {
            out += &rule("├", "┼", "┤");
        }
    }
    out + &rule("└", "┴", "┘")
}

/// Whether all was as expected, and what was not.
pub fn standing(summary: &Summary) -> String {
    let all = summary.claims.len();
    if all == 0 {
        return "Nothing was expected, so nothing can be said to have held.".into();
    }
    if summary.standing() == Standing::Held {
        return format!("As expected: all {all} claims held.");
    }
    let others = summary.claims.iter().filter(|c| c.held != Standing::Held).map(|c| {
        let because = if c.detail.is_empty() { String::new() } else { format!(" ({})", c.detail) };
        format!("{} of {} is {}, not {}{because}", c.claim, c.subject, c.observed, c.expected)
    });
    let held = summary.count(Standing::Held);
    format!("{held} of {all} claims held. {}.", others.collect::<Vec<_>>().join("; "))
}
