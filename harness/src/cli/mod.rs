//! The command line: one file a subcommand.

mod compare;
mod completions;
mod doctor;
mod experiment;
mod explain;
mod faults;
mod floor;
mod forecast;
mod judge;
mod limiting;
mod list;
mod overview;
mod paper;
mod plan;
mod quarantined;
mod replay;
mod reproduce;
mod run;
mod spectator;
mod verify;

use clap::{Parser, Subcommand};
use pipelines::message::{Blame, Failure};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Knocks image pipelines over, and sees which of them get up.
#[derive(Parser)]
#[command(name = "okiagari", version, about, max_term_width = 100)]
#[command(after_help = "Without a command it is `okiagari reproduce`.\n\
    Exit codes: 0 as expected, 1 something failed or a claim does not hold, 2 bad usage or input, \
    3 the harness itself failed, 4 inconclusive, 130 interrupted (resumable).")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Nothing on standard error but errors; results still go to standard output
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Run the thesis's experiments, small unless --full, and say what came of them
    Reproduce(reproduce::Reproduce),
    /// Cut an image into tiles, work on each, save them: the job itself, fault-tolerant
    Run(Box<run::Run>),
    /// Run one experiment, by its name or from a TOML file
    Experiment(experiment::Arguments),
    /// List the experiments and the subjects
    List,
    /// List the faults that can be injected
    Faults,
    /// Run again what a run or a trial was, with the same seed and the same faults, and compare
    Replay(replay::Replay),
    /// Measure the least that some things take on this machine
    Floor,
    /// Say what is missing on this machine, and what goes without it
    Doctor,
    /// Judge stored results again; no pipeline runs. With --self-test: judge the judges
    Judge(judge::Judge),
    /// Tell what one injection of stored results did, in words with times
    Explain(explain::Explain),
    /// Draw the figures and pages of stored results again, of one experiment or of a folder of them; no pipeline runs
    Report(judge::Report),
    /// Compare two results of the same experiment, measure by measure; no pipeline runs
    Compare(compare::Compare),
    /// Say how many faults, runs and minutes it takes to show a coverage
    Plan(plan::Plan),
    /// Say which claims stored results bear out, with intervals; no pipeline runs
    Verify(verify::Verify),
    /// Build the paper of stored results, as PDF, with Typst; no pipeline runs
    Paper(paper::Paper),
    /// Print what lets a shell complete this command line: okiagari completions bash >> ~/.bash_completion
    Completions(completions::Completions),
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As expected.
    Good,
    /// Something failed, was quarantined or lost, or a claim does not hold.
    Bad,
    /// Bad usage or input.
    Usage,
    /// The harness itself failed.
    Harness,
    /// Nothing can be said.
    Inconclusive,
    /// Ctrl-C; it can go on.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::Usage => 2,
            Self::Harness => 3,
            Self::Inconclusive => 4,
            Self::Interrupted => 130,
        }
    }
}

impl Exit {
    /// Of two experiments: a failure outweighs what cannot be said, and that what is as expected.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Bad, _) | (_, Self::Good) => self,
            _ => other,
        }
    }
}

impl From<&Failure> for Exit {
    fn from(failure: &Failure) -> Self {
        match failure.blame {
            Blame::Input | Blame::Output => Self::Usage,
            Blame::Item => Self::Bad,
            Blame::Engine => Self::Harness,
        }
    }
}

/// Parses the command line, does what it says, and turns every error into one sentence.
pub fn main() -> ExitCode {
    let Arguments { command, quiet } = Arguments::parse();
    let command = command.unwrap_or(Command::Reproduce(Default::default()));
    let result = match command {
        Command::Reproduce(reproduce) => reproduce.run(quiet),
        Command::Run(run) => run.run(quiet),
        Command::Experiment(experiment) => experiment.run(quiet),
        Command::List => list::run(),
        Command::Faults => faults::run(),
        Command::Replay(replay) => replay.run(quiet),
        Command::Floor => floor::run(),
        Command::Doctor => doctor::run(),
        Command::Judge(judge) => judge.run(),
        Command::Explain(explain) => explain.run(),
        Command::Report(report) => report.run(),
        Command::Verify(verify) => verify.run(),
        Command::Paper(paper) => paper.run(),
        Command::Compare(compare) => compare.run(),
        Command::Plan(plan) => plan.run(),
        Command::Completions(completions) => completions.run(),
    };
    let exit = result.unwrap_or_else(|error| {
        eprintln!("okiagari: {error:#}");
        error.downcast_ref::<Failure>().map_or(Exit::Harness, Exit::from)
    });
    ExitCode::from(exit.code())
}

/// A flag that Ctrl-C or SIGTERM sets; a second one ends the program at once.
fn interruption() -> std::io::Result<Arc<AtomicBool>> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone())?;
        signal_hook::flag::register(signal, flag.clone())?;
    }
    Ok(flag)
}

/// Prints to standard output; a reader that has gone away is no error.
fn say(text: &str) {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}
