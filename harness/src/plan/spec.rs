//! One fault and when it strikes: as SPEC text on the command line, as a table in an experiment.

use pipelines::fault::Fault;
use pipelines::message::{Failure, ItemId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The latest moment a strike can be set to, in milliseconds after the start: a day.
pub const MAX_AT_MS: u64 = 86_400_000;
/// The highest rate, in strikes per second.
pub const MAX_RATE_PER_S: f64 = 1_000_000.0;

/// When a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum When {
    /// At one item.
    Item(ItemId),
    /// At each `step`-th item from `first` to `last`, both inclusive, as in strace's `when=first..last+step`.
    Range {
        /// The first item struck.
        first: ItemId,
        /// No item after this one is struck; it is itself if the steps reach it.
        last: ItemId,
        /// From one struck item to the next, at least 1.
        step: u64,
    },
    /// At each attempt of each item with this probability (0 to 1).
    Probability(f64),
    /// Once, at the first item lent this many milliseconds after the start.
    AtMs(u64),
    /// At random moments, so many per second in the mean.
    RatePerS(f64),
}

/// A fault and when it strikes.
///
/// SPEC text: `FAULT@WHEN[,attempts=all]` with FAULT as in `okiagari faults` and WHEN one of `item=120`, `item=10..1000+50` (both ends inclusive,
/// `+1` may be left out), `p=1%` or `p=0.01`, `at=500ms` or `at=2.5s`, `rate=0.2/s`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct FaultSpec {
    /// What strikes.
    pub fault: Fault,
    /// When.
    pub when: When,
    /// Strike every attempt of an item, not only its first: a poison item. A probability is drawn anew for each
    /// attempt with or without this; moments cannot have it.
    pub every_attempt: bool,
}

impl FaultSpec {
    fn checked(self) -> Result<Self, String> {
        match self.when {
            When::Probability(p) if !(0.0..=1.0).contains(&p) => {
                Err(format!("a probability lies between 0 and 1 (or 0% and 100%), not at {p}"))
            }
            When::Range { first, last, .. } if last < first => {
                Err(format!("the range of items ends at {last}, before it begins at {first}"))
            }
            When::Range { step: 0, .. } => Err("a step of 0 never leaves the first item".into()),
            When::AtMs(ms) if ms > MAX_AT_MS => {
                Err(format!("{ms} ms is later than a day ({MAX_AT_MS} ms)"))
            }
            When::RatePerS(r) if !(r > 0.0 && r <= MAX_RATE_PER_S) => Err(format!(
                "a rate lies above 0 and at most at {MAX_RATE_PER_S} per second, not {r}"
            )),
            When::AtMs(_) | When::RatePerS(_) if self.every_attempt => {
                Err("attempts=all goes with an item, not with a moment or a rate".into())
            }
            _ => Ok(self),
        }
    }
}

impl FromStr for FaultSpec {
    type Err = Failure;
    fn from_str(text: &str) -> Result<Self, Failure> {
        parse(text).map_err(|why| {
            let example = "for example abort@p=1%, shutdown@item=120 or hang@rate=0.2/s";
            Failure::input(format!("fault {text:?}: {why}; {example}"))
        })
    }
}

fn parse(text: &str) -> Result<FaultSpec, String> {
    let (name, rest) = text.split_once('@').ok_or("it does not say when, after an @")?;
    let fault = name.parse()?;
    let (when, every_attempt) = match rest.split_once(',') {
        None => (rest, false),
        Some((when, "attempts=all")) => (when, true),
        Some((_, other)) => {
            return Err(format!("after the comma only attempts=all can stand, not {other:?}"));
        }
    };
    let (key, value) = when.split_once('=').ok_or(format!("{when:?} is not KEY=VALUE"))?;
    let when = match key {
        "item" => items(value)?,
        "p" => When::Probability(match value.strip_suffix('%') {
            Some(percent) => number(percent)? / 100.0,
            None => number(value)?,
        }),
        "at" => When::AtMs(milliseconds(value)?),
        "rate" => When::RatePerS(number(
            value.strip_suffix("/s").ok_or(format!("the rate {value:?} must end in /s"))?,
        )?),
        other => return Err(format!("{other:?} is none of item, p, at and rate")),
    };
    FaultSpec { fault, when, every_attempt }.checked()
}

fn items(text: &str) -> Result<When, String> {
    let Some((first, rest)) = text.split_once("..") else {
        return Ok(When::Item(whole(text)?));
    };
    let (last, step) = rest.split_once('+').unwrap_or((rest, "1"));
    Ok(When::Range { first: whole(first)?, last: whole(last)?, step: whole(step)? })
}

fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number from 0"))
}

fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number"))
}

fn milliseconds(text: &str) -> Result<u64, String> {
    if let Some(ms) = text.strip_suffix("ms") {
        return whole(ms);
    }
    let seconds = text.strip_suffix('s').ok_or(format!("the time {text:?} must end in ms or s"))?;
    let ms = number(seconds)? * 1000.0;
    if !(0.0..=1e15).contains(&ms) || (ms - ms.round()).abs() > 1e-6 {
        return Err(format!("the time {text:?} is not a whole number of milliseconds from 0"));
    }
    Ok(ms.round() as u64)
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(id) => write!(f, "item={id}"),
            Self::Range { .. } => write!(f, "item={}", range_text(self)),
            Self::Probability(p) => write!(f, "p={p}"),
            Self::AtMs(ms) => write!(f, "at={ms}ms"),
            Self::RatePerS(r) => write!(f, "rate={r}/s"),
        }
    }
}

fn range_text(when: &When) -> String {
    match *when {
        When::Range { first, last, step: 1 } => format!("{first}..{last}"),
        When::Range { first, last, step } => format!("{first}..{last}+{step}"),
        _ => String::new(),
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.fault, self.when)?;
        f.write_str(if self.every_attempt { ",attempts=all" } else { "" })
    }
}

/// `[[strike]]` as it stands in an experiment.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    fault: Fault,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempts: Option<Attempts>,
    when: WhenForm,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attempts {
    All,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WhenForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<ItemForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_s: Option<f64>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "an item is its number, or a text like \"10..1000+50\"")]
enum ItemForm {
    One(u64),
    Many(String),
}

impl TryFrom<Form> for FaultSpec {
    type Error = String;
    fn try_from(form: Form) -> Result<Self, String> {
        let when = match form.when {
            WhenForm { item: Some(ItemForm::One(id)), p: None, at_ms: None, rate_per_s: None } => {
                When::Item(id)
            }
            WhenForm { item: Some(ItemForm::Many(t)), p: None, at_ms: None, rate_per_s: None } => {
                items(&t)?
            }
            WhenForm { item: None, p: Some(p), at_ms: None, rate_per_s: None } => {
                When::Probability(p)
            }
            WhenForm { item: None, p: None, at_ms: Some(ms), rate_per_s: None } => When::AtMs(ms),
            WhenForm { item: None, p: None, at_ms: None, rate_per_s: Some(r) } => When::RatePerS(r),
            _ => {
                return Err(
                    "when needs exactly one of item, p, at_ms and rate_per_s, like { p = 0.01 }"
                        .into(),
                );
            }
        };
        Self { fault: form.fault, when, every_attempt: form.attempts.is_some() }.checked()
    }
}

impl From<FaultSpec> for Form {
    fn from(spec: FaultSpec) -> Self {
        let mut when = WhenForm::default();
        match spec.when {
            When::Item(id) => when.item = Some(ItemForm::One(id)),
            When::Range { .. } => when.item = Some(ItemForm::Many(range_text(&spec.when))),
            When::Probability(p) => when.p = Some(p),
            When::AtMs(ms) => when.at_ms = Some(ms),
            When::RatePerS(r) => when.rate_per_s = Some(r),
        }
        Self { fault: spec.fault, attempts: spec.every_attempt.then_some(Attempts::All), when }
    }
}
