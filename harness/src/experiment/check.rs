//! Whether the values of an experiment make sense, each alone and together.

use super::{
    Experiment, FILES_MIN, MAX_BALLAST_MIB, MAX_BLOCKS, MEMORY_MAX_MIB, MEMORY_MIN_MIB, Options,
    Workload, pictures,
};
use crate::plan::{FaultPlan, FaultSpec, Trigger, Which};
use crate::subject::{Isolation, Subject, foreign};
use pipelines::image::operations::Operation;

const LIBRARIES: [&str; 2] = ["rust", "c"];

impl Experiment {
    /// Whether all values make sense together.
    ///
    /// # Errors
    /// The key that does not, and why: `("blocks", "is 0, but …")`.
    pub fn check(&self) -> Result<(), (String, String)> {
        let no = |key: &str, why: String| Err((key.to_owned(), why));
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if self.name.is_empty() || !self.name.chars().all(letters) {
            return no(
                "name",
                format!("is {:?}; it is made of letters, digits, - and _", self.name),
            );
        }
        if self.seed > i64::MAX as u64 {
            return no("seed", format!("is {}, but must lie below 2^63", self.seed));
        }
        if !(1..=MAX_BLOCKS).contains(&self.blocks) {
            return no("blocks", format!("is {}, but must lie in 1 to {MAX_BLOCKS}", self.blocks));
        }
        self.check_faults()?;
        if self.subject.is_empty() {
            return no(
                "subject",
                format!("is missing; name one of {}", Subject::names().join(", ")),
            );
        }
        self.workload.check()?;
        for (name, options) in &self.subject {
            let subject = options.subject(name)?;
            options.check(name)?;
            self.workload.fits(&subject, options)?;
            self.strikes(&subject)?;
        }
        match self.expect.keys().find(|name| !self.subject.contains_key(*name)) {
            Some(name) => no(
                &format!("expect.{name}"),
                "expects something of a subject that does not take part".into(),
            ),
            None => Ok(()),
        }
    }
}

impl Experiment {
    fn check_faults(&self) -> Result<(), (String, String)> {
        let no = |key: &str, why: String| Err((key.to_owned(), why));
        let given = [!self.strike.is_empty(), self.sweep.is_some(), self.schedule.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            let key = if self.schedule.is_some() { "schedule" } else { "sweep" };
            return no(
                key,
                "stands beside other faults; give one of strike, sweep and schedule".into(),
            );
        }
        if let Err(why) = (FaultPlan { specs: self.strike.clone(), seed: 0 }).check() {
            return no("strike", format!("cannot be: {}", why.what));
        }
        let Some(sweep) = &self.sweep else { return Ok(()) };
        if sweep.items.is_empty() {
            return no("sweep.items", "is empty; name the items to strike".into());
        }
        if let Some(why) = sweep.specs().iter().find_map(|spec| spec.checked().err()) {
            return no("sweep.points", format!("cannot be: {why}"));
        }
        match self.blocks_in_all() {
            1..=MAX_BLOCKS => Ok(()),
            n => no("sweep", format!("makes {n} blocks, but must lie in 1 to {MAX_BLOCKS}")),
        }
    }

    /// A command is struck by signals from outside, and given one picture.
    fn strikes(&self, subject: &Subject) -> Result<(), (String, String)> {
        if !subject.is_foreign() {
            return Ok(());
        }
        let no = |why: String| Err((format!("subject.{subject}.command"), why));
        if self.workload.strips.is_some() || self.workload.input.starts_with(pictures::PREFIX) {
            return no("works on tiles of one picture, not on strips or a folder".into());
        }
        if let Some(spec) = self.strike.iter().find(|spec| foreign::signal(spec.fault).is_none()) {
            return no(format!(
                "cannot be struck by {}, which is no signal: what is inside of a command is out of reach",
                spec.fault
            ));
        }
        match self.strike.iter().find_map(unseen) {
            Some(condition) => no(format!(
                "is never struck where {condition} is asked for: what is inside of a command is out of sight"
            )),
            None => Ok(()),
        }
    }
}

/// The condition of a strike that looks at what nobody sees of a command, if there is one.
fn unseen(spec: &FaultSpec) -> Option<&'static str> {
    let only = &spec.only;
    let asked = [
        ("a lane", only.lane.is_some()),
        ("a tile's size in bytes", only.above_bytes.is_some()),
        ("a recovery", only.recovering),
        ("a tile by its row", matches!(spec.trigger, Trigger::Item(Which::Tile { .. }, _))),
    ];
    asked.into_iter().find(|(_, asked)| *asked).map(|(condition, _)| condition)
}

impl Workload {
    fn check(&self) -> Result<(), (String, String)> {
        let no = |key: &str, why: &str| Err((key.to_owned(), why.to_owned()));
        match (self.tile, self.strips) {
            (Some(_), Some(_)) => return no("strips", "and tile cannot both be given"),
            (Some(0), _) => return no("tile", "must be at least 1 pixel"),
            (_, Some(0)) => return no("strips", "must have at least 1 row"),
            _ => {}
        }
        if self.input.is_empty() {
            return no("input", "is empty; give a file or synthetic:WIDTHxHEIGHT");
        }
        if !LIBRARIES.contains(&self.library.as_str()) {
            return no("library", "must be \"rust\" or \"c\"");
        }
        let quality = self.format.strip_prefix("jpeg:").and_then(|q| q.parse::<u8>().ok());
        if !["png", "jpeg", "raw"].contains(&self.format.as_str())
            && !quality.is_some_and(|q| (1..=100).contains(&q))
        {
            return no(
                "format",
                "must be \"png\", \"jpeg\", \"jpeg:QUALITY\" (1 to 100) or \"raw\"",
            );
        }
        if self.ballast_mib > MAX_BALLAST_MIB {
            return no("ballast_mib", &format!("must be at most {MAX_BALLAST_MIB}"));
        }
        Ok(())
    }

    /// A worker must be allowed what it is told to carry, and more.
    fn fits(&self, subject: &Subject, options: &Options) -> Result<(), (String, String)> {
        let (ballast, most) =
            (u64::from(self.ballast_mib), options.memory_max_mib.unwrap_or(MEMORY_MAX_MIB));
        // Only processes have a limit; a shared one carries a ballast for each of its lanes.
        let apart = subject.knobs().is_some_and(|knobs| knobs.isolation != Isolation::Thread);
        if ballast == 0 || !apart || ballast < most {
            return Ok(());
        }
        let why = format!("is {most}, but must be more than ballast_mib, which is {ballast}");
        Err((format!("subject.{subject}.memory_max_mib"), why))
    }
}

/// What is wrong with these operations.
fn unknown(operations: &[String]) -> Option<String> {
    if operations.is_empty() {
        return Some("is empty; \"none\" leaves the pixels as they are".to_owned());
    }
    let wrong = |o: &String| o.parse::<Operation>().err();
    operations.iter().find_map(wrong).map(|why| format!("cannot be: {}", why.what))
}

impl Options {
    fn check(&self, subject: &str) -> Result<(), (String, String)> {
        let values = [
            ("blocks", self.blocks.map(u64::from)),
            ("workers", self.workers.map(u64::from)),
            ("attempts", self.attempts.map(u64::from)),
            ("deadline_ms", self.deadline_ms),
            ("max_demand", self.max_demand.map(u64::from)),
            ("mtbf_ms", self.mtbf_ms),
            ("cpu_max_s", self.cpu_max_s),
            ("file_size_max_mib", self.file_size_max_mib),
            ("recycle_items", self.recycle_items),
            ("recycle_age_s", self.recycle_age_s),
            ("recycle_growth_mib", self.recycle_growth_mib),
        ];
        let least = [
            ("memory_max_mib", self.memory_max_mib, MEMORY_MIN_MIB),
            ("memory_budget_mib", self.memory_budget_mib, MEMORY_MIN_MIB),
            ("files_max", self.files_max, FILES_MIN),
        ];
        let mut all = values.map(|(key, value)| (key, value, 1)).into_iter().chain(least);
        if self.library.as_deref().is_some_and(|library| !LIBRARIES.contains(&library)) {
            let why = "must be \"rust\" or \"c\"".to_owned();
            return Err((format!("subject.{subject}.library"), why));
        }
        if let Some(why) = self.operation.as_deref().and_then(unknown) {
            return Err((format!("subject.{subject}.operation"), why));
        }
        match all.find(|(_, value, least)| value.is_some_and(|value| value < *least)) {
            Some((key, _, least)) => {
                let why = format!("must be at least {least}");
                Err((format!("subject.{subject}.{key}"), why))
            }
            None => Ok(()),
        }
    }
}
