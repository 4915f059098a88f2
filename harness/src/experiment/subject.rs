//! From a subject's table to the subject: one with a name of its own, one with its knobs turned, or a command.

use super::{Experiment, Options};
use crate::subject::{Again, Isolation, NO_ORIGINAL_IN_A_PROCESS, Program, Subject, foreign};
use pipelines::engine::ledger::Delivery;

/// A key, and what is wrong with it.
type Wrong = (String, String);

impl Experiment {
    /// The subject of this name.
    ///
    /// # Errors
    /// The key that makes no sense, and why, as one sentence together.
    pub fn subject_called(&self, name: &str) -> Result<Subject, Wrong> {
        let options = self.subject.get(name);
        let options =
            options.ok_or_else(|| (format!("subject.{name}"), "is missing".to_owned()))?;
        options.subject(name)
    }
}

impl Options {
    /// The subject that a table with this name describes.
    pub(super) fn subject(&self, name: &str) -> Result<Subject, Wrong> {
        let wrong = |key: &str, why: String| (format!("subject.{name}.{key}"), why);
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(letters) {
            let why = "is no name for a subject; it is made of letters, digits, - and _";
            return Err((format!("subject.{name}"), why.to_owned()));
        }
        let knob = self.turned().next();
        if let Ok(named) = name.parse::<Subject>() {
            return match knob.or(self.again.map(|_| "again")) {
                Some(key) => Err(wrong(
                    key,
                    format!(
                        "cannot be given to {name}, which is what it is: give yours another name"
                    ),
                )),
                None => Ok(named),
            };
        }
        if let Some(words) = &self.command {
            return self.command(name, words);
        }
        if knob.is_none() && self.again.is_none() {
            return Err((
                format!("subject.{name}"),
                format!(
                    "is no known subject; there are {}, or say what yours is like, or its command",
                    Subject::names().join(", ")
                ),
            ));
        }
        let base = match &self.like {
            None => Subject::okiagari(),
            Some(like) => {
                like.parse().map_err(|why| wrong("like", format!("is no subject: {why}")))?
            }
        };
        let program = self.ablated(&base).map_err(|(key, why)| wrong(key, why))?;
        Ok(Subject { name: name.to_owned(), program, again: self.again.unwrap_or(base.again) })
    }

    /// The keys given that make another program of a subject.
    fn turned(&self) -> impl Iterator<Item = &'static str> {
        let keys = [
            ("like", self.like.is_some()),
            ("delivery", self.delivery.is_some()),
            ("isolation", self.isolation.is_some()),
            ("supervision", self.supervision.is_some()),
            ("command", self.command.is_some()),
        ];
        keys.into_iter().filter(|(_, given)| *given).map(|(key, _)| key)
    }

    /// What a subject is like, with its knobs turned.
    fn ablated(&self, base: &Subject) -> Result<Program, (&'static str, String)> {
        let Some(mut knobs) = base.knobs() else {
            return match self.turned().find(|key| *key != "like") {
                Some(key) => Err((key, format!("is a knob of the engine, and {base} has none"))),
                None => Ok(base.program.clone()),
            };
        };
        knobs.delivery = self.delivery.unwrap_or(knobs.delivery);
        knobs.isolation = self.isolation.unwrap_or(knobs.isolation);
        knobs.supervision = self.supervision.unwrap_or(knobs.supervision);
        let apart = knobs.isolation == Isolation::Process;
        if knobs.original && apart {
            return Err(("isolation", NO_ORIGINAL_IN_A_PROCESS.to_owned()));
        }
        if knobs.delivery == Delivery::HandOver && self.attempts.is_some_and(|n| n > 1) {
            let why = "must be 1 under hand-over: what a dead holder had is gone, and nobody can try it again";
            return Err(("attempts", why.to_owned()));
        }
        let alone = [
            ("sandbox", self.sandbox == Some(true)),
            ("spares", self.spares > Some(0)),
            ("cgroup", self.cgroup.is_some()),
        ];
        if let Some((key, _)) = alone.into_iter().find(|(_, given)| *given && !apart) {
            let why = "means nothing without worker processes of its own: isolation = \"process\"";
            return Err((key, why.to_owned()));
        }
        Ok(Program::Engine(knobs))
    }

    fn command(&self, name: &str, words: &[String]) -> Result<Subject, Wrong> {
        let no = |key: &str, why: String| Err((format!("subject.{name}.{key}"), why));
        let ours = [
            ("spares", self.spares.is_some()),
            ("attempts", self.attempts.is_some()),
            ("max_demand", self.max_demand.is_some()),
            ("memory_max_mib", self.memory_max_mib.is_some()),
            ("sandbox", self.sandbox.is_some()),
            ("operation", self.operation.is_some()),
            ("cgroup", self.cgroup.is_some()),
        ];
        let ours = ours.into_iter().filter(|(_, given)| *given).map(|(key, _)| key);
        let mut ours = self.turned().filter(|key| *key != "command").chain(ours);
        if let Some(key) = ours.next() {
            return no(key, "means nothing to a command: what happens in it is its own".into());
        }
        if let Err(why) = foreign::check(words) {
            return no("command", why);
        }
        let program = Program::Command(words.to_vec());
        Ok(Subject { name: name.to_owned(), program, again: self.again.unwrap_or(Again::Never) })
    }
}
