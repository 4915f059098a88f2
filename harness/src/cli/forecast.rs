//! `--dry-run`: what an experiment would do, in which order, and what it would take.

use super::say;
use crate::campaign::{Basis, Forecast};
use crate::experiment::Experiment;
use crate::measure::words::{counted, duration};
use crate::progress::rough;
use bytesize::ByteSize;
use std::path::Path;

/// Says it on standard output.
pub(super) fn tell(experiment: &Experiment, out: &Path, forecast: &Forecast) {
    say(&text(experiment, out, forecast));
}

fn text(experiment: &Experiment, out: &Path, forecast: &Forecast) -> String {
    let Forecast { finished, trials, items, time, results_bytes, tiles_bytes_max, .. } = forecast;
    let mut text = format!(
        "{}: {}\n{} of {} each, seed {}; {finished} are finished in {}\n",
        experiment.name,
        experiment.question,
        counted((trials.len() + finished) as u64, "trial"),
        counted(*items, "tile"),
        experiment.seed,
        out.display()
    );
    if trials.is_empty() {
        return text + "nothing is to be run\n\n";
    }
    text += "would run, block by block (* with faults):\n";
    for block in trials.chunk_by(|(a, _), (b, _)| a.block == b.block) {
        let names = block.iter().map(|(trial, _)| {
            let star = if trial.faults { "*" } else { "" };
            format!("{}{star}", trial.subject)
        });
        let faults = block.iter().map(|(_, faults)| faults).max().unwrap_or(&0);
        let (number, names) = (block[0].0.block, names.collect::<Vec<_>>().join(", "));
        text += &format!("{number:>4}  {names}: {}\n", counted(*faults, "fault"));
    }
    text += "faults are those of first attempts for a subject that goes to its end";
    // `rate` may go on for a day: how many of them strike depends on how long a trial takes.
    let timed = trials.iter().any(|(trial, _)| !experiment.plan(trial).streams().is_empty());
    text += if timed { "; those of a moment or a rate come on top\n" } else { "\n" };
    let basis = match &forecast.basis {
        Basis::Earlier(dir) => format!("by the mean of each subject in {}", dir.display()),
        Basis::GoldenRun(took) => format!(
            "by one run of the plain program, which took {}: subjects that pause take longer (htpipe: 0.1 s a tile, \
             7 s after a death)",
            duration(took.as_nanos() as f64)
        ),
    };
    text + &format!(
        "time: about {}, {basis}\ndisk: about {} for tables in {}; at most {} for tiles, one trial at a time, in {}\n\n",
        rough(*time),
        ByteSize(*results_bytes),
        out.display(),
        ByteSize(*tiles_bytes_max),
        forecast.tiles.display()
    )
}
