//! `okiagari replay`: a run, or a trial of an experiment, with the same seed and the same faults once more.

use super::{Arguments, Command, Exit, interruption, say};
use crate::campaign::{self, News};
use crate::output::RUN_JSON;
use crate::progress::{Progress, Screen};
use crate::replay::{Likeness, Told, of_folder, of_history};
use crate::report;
use crate::schedule::{self, SCHEDULE};
use crate::summary::Invocation;
use clap::{Args, Parser};
use pipelines::message::Failure;
use pipelines::sink::refused;
use serde::Deserialize;
use std::path::{Path, PathBuf, absolute};

/// Options of a run that its replay has its own of, each with a value.
const REPLACED: [&str; 3] = ["--out", "--fault", "--schedule"];
/// The same without a value.
const DROPPED: [&str; 4] = ["--overwrite", "--json", "--quiet", "-q"];

#[derive(Args)]
pub(super) struct Replay {
    /// The folder of an `okiagari run`; or RESULTS:RUN, one run of an experiment by its number in runs.csv
    run: String,
    /// Folder for what comes of it, which must be new or empty [default: the run's folder with -replay behind it]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What of `run.json` matters here.
#[derive(Deserialize)]
struct Was {
    #[serde(flatten)]
    invocation: Invocation,
    version: String,
}

impl Replay {
    pub(super) fn run(self, quiet: bool) -> anyhow::Result<Exit> {
        match self.run.rsplit_once(':').and_then(|(dir, run)| Some((dir, run.parse().ok()?))) {
            Some((results, run)) if Path::new(results).join("runs.csv").exists() => {
                self.trial(Path::new(results), run, quiet)
            }
            _ => self.folder(Path::new(&self.run), quiet),
        }
    }

    fn out(&self, dir: &Path) -> anyhow::Result<PathBuf> {
        if let Some(out) = &self.out {
            return Ok(absolute(out)?);
        }
        // Of `.` and `tiles/` too the name has to be known.
        let mut name = absolute(dir)?.components().as_path().as_os_str().to_owned();
        name.push("-replay");
        Ok(name.into())
    }

    /// The run of a folder: its own command, with another folder and with its schedule.
    fn folder(&self, dir: &Path, quiet: bool) -> anyhow::Result<Exit> {
        let path = dir.join(RUN_JSON);
        let text = std::fs::read(&path).map_err(|e| {
            let path = path.display();
            Failure::input(format!(
                "{path} cannot be read: {e}; give the folder of a finished okiagari run, or RESULTS:RUN"
            ))
        })?;
        let was: Was = serde_json::from_slice(&text).map_err(|e| {
            Failure::input(format!("{} does not say how it was made: {e}", path.display()))
        })?;
        if !quiet {
            tell_version(&was.version);
        }
        let then = of_folder(dir)?;
        let (out, schedule) = (self.out(dir)?, absolute(dir.join(SCHEDULE))?);
        let command = again(&was.invocation.command, &out, &schedule)?;
        let words = ["okiagari".to_owned()].into_iter().chain(command.iter().cloned());
        let Ok(Arguments { command: Some(Command::Run(mut run)), .. }) =
            Arguments::try_parse_from(words)
        else {
            let command = command.join(" ");
            return Err(
                Failure::input(format!("this version does not understand: {command}")).into()
            );
        };
        let directory = was.invocation.directory;
        std::env::set_current_dir(&directory).map_err(|e| {
            let directory = directory.display();
            Failure::input(format!(
                "the run was started in {directory}, which cannot be entered: {e}"
            ))
        })?;
        run.invocation = Invocation { command, directory };
        match run.run(quiet)? {
            Exit::Good | Exit::Bad => Ok(compare(&then, &of_folder(&out)?)),
            exit => Ok(exit),
        }
    }

    /// One trial of an experiment, alone.
    fn trial(&self, results: &Path, run: u32, quiet: bool) -> anyhow::Result<Exit> {
        let (experiment, histories) = report::read(results)?;
        let trial = experiment.schedule().into_iter().find(|t| t.run == run);
        let then = histories.iter().find(|h| h.run.run == run);
        let (Some(trial), Some(then)) = (trial, then) else {
            let results = results.display();
            return Err(Failure::input(format!("there is no run {run} in {results}")).into());
        };
        let out = self.out(results)?;
        std::fs::create_dir_all(&out).map_err(|e| refused("write to", &out, &e))?;
        if std::fs::read_dir(&out).is_ok_and(|mut entries| entries.next().is_some()) {
            let out = out.display();
            return Err(Failure::output(format!("{out} is not empty: choose another --out")).into());
        }
        if !quiet {
            eprintln!("{}: run {run}, {}, seed {}", experiment.name, trial.subject, trial.seed);
        }
        let screen = Screen::here(quiet);
        let mut progress = Progress::new(&trial.subject, then.run.items, "tiles", screen);
        let armed = schedule::of_history(then);
        let now = campaign::again(&experiment, &trial, &armed, &interruption()?, &mut |news| {
            if let News::Goes(look) = news {
                progress.at(look.settled, "");
            }
        })?;
        progress.clear();
        let Some(now) = now else { return Ok(Exit::Interrupted) };
        let told = of_history(&now);
        report::write(&out, &experiment, &[now])?;
        say(&format!("run {run} was run again into {}\n", out.display()));
        Ok(compare(&of_history(then), &told))
    }
}

fn compare(then: &[Told], now: &[Told]) -> Exit {
    let likeness = Likeness::of(then, now);
    say(&likeness.tale());
    if likeness.same_decisions() { Exit::Good } else { Exit::Bad }
}

fn tell_version(then: &str) {
    let now = env!("CARGO_PKG_VERSION");
    if then != now {
        eprintln!("okiagari: the run was made by version {then}, this is {now}");
    }
}

/// The command of a run as that of its replay.
fn again(command: &[String], out: &Path, schedule: &Path) -> Result<Vec<String>, Failure> {
    if command.iter().any(|word| word == "--resume") {
        return Err(Failure::input(
            "the run went on from an earlier one with --resume, and its folder does not know how that began: replay a \
             run that was made in one piece",
        ));
    }
    let mut words = command.iter();
    let mut kept = vec![];
    while let Some(word) = words.next() {
        let name = word.split_once('=').map_or(&**word, |(name, _)| name);
        if REPLACED.contains(&name) {
            if !word.contains('=') {
                words.next();
            }
        } else if !DROPPED.contains(&name) {
            kept.push(word.clone());
        }
    }
    let path = |path: &Path| path.to_string_lossy().into_owned();
    kept.extend(["--out".into(), path(out), "--schedule".into(), path(schedule)]);
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_keeps_all_but_the_folder_and_the_faults() {
        let words = |t: &str| t.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let was = "run a.png --out x --fault abort@p=1% --fault=hang@item=3 --tile 64 --seed=7 --overwrite --json \
                   --schedule old.csv";
        let is = again(&words(was), Path::new("/new"), Path::new("/x/schedule.csv")).unwrap();
        let expected = "run a.png --tile 64 --seed=7 --out /new --schedule /x/schedule.csv";
        assert_eq!(is, words(expected));
        assert!(
            again(&words("run a.png --resume --out x"), Path::new("/"), Path::new("/")).is_err()
        );
    }
}
