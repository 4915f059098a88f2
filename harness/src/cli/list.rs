//! `okiagari list`: what can be run.

use super::{Exit, say};
use crate::experiment::Experiment;
use crate::subject::Subject;

pub(super) fn run() -> anyhow::Result<Exit> {
    let mut text = String::from("Experiments, for `okiagari experiment NAME`:\n\n");
    for (name, _) in Experiment::embedded() {
        let experiment = Experiment::load(name)?;
        text += &format!("  {name:<20} {}\n", experiment.question);
    }
    text += "\nSubjects, for `okiagari run --subject NAME` and for experiments:\n\n";
    for (subject, about) in Subject::named() {
        text += &format!("  {subject:<20} {about}\n");
    }
    text += "\nAn experiment can have others: one of these with a knob turned, or any program, as a command line:\n\
             docs/experiment-file.md and docs/foreign-subjects.md say how.\n";
    say(&text);
    Ok(Exit::Good)
}
