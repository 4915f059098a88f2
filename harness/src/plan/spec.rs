//! One fault and when it strikes, as data, and which of its parts go together.

use super::Facts;
use pipelines::fault::{Entry, Fault, Point, Site, TABLE};
use pipelines::message::ItemId;
use pipelines::pipeline::WORKERS_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The latest moment a strike can be set to, in milliseconds after the start: a day.
pub const MAX_AT_MS: u64 = 86_400_000;
/// The highest rate, in strikes per second.
pub const MAX_RATE_PER_S: f64 = 1_000_000.0;

/// A fault and when it strikes: a trigger, and conditions that all must hold. `okiagari faults` shows how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "super::form::Form", into = "super::form::Form")]
pub struct FaultSpec {
    /// What strikes.
    pub fault: Fault,
    /// Where it fires: as the table says, or a point that it can be moved to ([`Fault::strikes_at`]).
    pub point: Point,
    /// What makes it strike.
    pub trigger: Trigger,
    /// What must hold, too.
    pub only: Conditions,
}

/// What makes a fault strike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Trigger {
    /// An item, at some of its attempts.
    Item(Which, Attempts),
    /// A moment. It goes to the first item after it that passes the fault's point and meets the conditions.
    Moment(Moment),
}

/// Which items.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Which {
    /// This one.
    One(ItemId),
    /// Each `step`-th item from `first` to `last`, both inclusive, as in strace's `when=first..last+step`.
    Range {
        /// The first item struck.
        first: ItemId,
        /// No item after this one is struck; it is itself if the steps reach it.
        last: ItemId,
        /// From one struck item to the next, at least 1.
        step: u64,
    },
    /// The tile at this place of its scene's grid; in an input of several scenes one in each.
    Tile {
        /// Row of the grid, from 0.
        row: u64,
        /// Column of the grid, from 0.
        col: u64,
    },
    /// Each that passes the point.
    Each,
    /// With this probability (0 to 1), drawn for each attempt.
    Probability(f64),
}

/// Which attempts of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempts {
    /// All: a poison item. What a probability has if nothing else is said.
    All,
    /// The first so many (at least 1): a fault that passes. All triggers but a probability have 1 if nothing else is said.
    Below(u32),
    /// This one alone, from 0.
    Only(u32),
}

/// When, whatever the items do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    /// Once, this many milliseconds after the start.
    AtMs(u64),
    /// Again and again. Each pause is drawn anew, evenly from `period_ms` · (1 ± `jitter`), as Erlang's chaos_monkey
    /// does it with ± 30 %.
    Every {
        /// The mean pause in milliseconds, at least 1.
        period_ms: u64,
        /// How much a pause may differ from it, as a share: 0 to 1.
        jitter: f64,
    },
    /// At random moments, so many per second in the mean.
    RatePerS(f64),
}

/// What must hold for a fault to strike, beside its trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Conditions {
    /// The item is in this lane's hands.
    pub lane: Option<usize>,
    /// The tile has more bytes than this, decoded.
    pub above_bytes: Option<u64>,
    /// Some worker is being replaced: it died, and its lane has had no result since.
    pub recovering: bool,
    /// The subject was started again at least so often (0: always).
    pub after_restart: u32,
}

impl Which {
    /// The attempts that are meant where nothing is said of them.
    pub(super) fn attempts(self) -> Attempts {
        if matches!(self, Self::Probability(_)) { Attempts::All } else { Attempts::Below(1) }
    }
}

impl Attempts {
    /// Whether this attempt (from 0) is among them.
    pub fn has(self, attempt: u32) -> bool {
        match self {
            Self::All => true,
            Self::Below(n) => attempt < n,
            Self::Only(n) => attempt == n,
        }
    }
}

impl Conditions {
    /// Whether the world has to be looked at, beyond the site.
    pub(super) fn ask(&self) -> bool {
        self.above_bytes.is_some() || self.recovering || self.after_restart > 0
    }

    fn hold(&self, site: &Site, facts: &Facts) -> bool {
        self.lane.is_none_or(|lane| site.lane == lane)
            && self.above_bytes.is_none_or(|bytes| facts.bytes > bytes)
            && (!self.recovering || facts.recovering)
            && facts.restarts >= self.after_restart
    }

    fn check(&self, point: Point) -> Result<(), String> {
        use Point::{Acknowledge, Decode, Journal, Rename, Write};
        match self.lane {
            Some(lane) if lane >= WORKERS_MAX => {
                Err(format!("lanes are numbered from 0 to {}, not {lane}", WORKERS_MAX - 1))
            }
            Some(_) if matches!(point, Decode | Write | Rename | Journal | Acknowledge) => {
                Err(format!("no lane passes the point {point}, so that lane= cannot stand there"))
            }
            _ => Ok(()),
        }
    }
}

impl FaultSpec {
    /// Whether it may strike at this site, whatever its trigger says.
    pub(crate) fn admits(&self, site: &Site, facts: &Facts) -> bool {
        self.point.asked_at() == site.point && self.only.hold(site, facts)
    }

    /// Itself, if its parts go together.
    ///
    /// # Errors
    /// Why they do not, as a part of a sentence.
    pub fn checked(self) -> Result<Self, String> {
        if !self.fault.strikes_at(self.point) {
            let can = TABLE.iter().filter(|e| e.fault.strikes_at(self.point)).map(Entry::usage);
            let can: Vec<_> = can.collect();
            let (fault, home, point) = (self.fault, self.fault.point(), self.point);
            return Err(format!(
                "{fault} strikes at the point {home}, and not at {point}, where these can: {}",
                can.join(", ")
            ));
        }
        self.trigger.check()?;
        self.only.check(self.point)?;
        Ok(self)
    }
}

impl Trigger {
    fn check(&self) -> Result<(), String> {
        match *self {
            Self::Item(_, Attempts::Below(0)) => Err("attempts<0 leaves no attempt".into()),
            Self::Item(Which::Probability(p), _) if !(0.0..=1.0).contains(&p) => {
                Err(format!("a probability lies between 0 and 1 (or 0% and 100%), not at {p}"))
            }
            Self::Item(Which::Range { first, last, .. }, _) if last < first => {
                Err(format!("the range of items ends at {last}, before it begins at {first}"))
            }
            Self::Item(Which::Range { step: 0, .. }, _) => {
                Err("a step of 0 never leaves the first item".into())
            }
            Self::Moment(Moment::AtMs(ms) | Moment::Every { period_ms: ms, .. })
                if ms > MAX_AT_MS =>
            {
                Err(format!("{ms} ms is later than a day ({MAX_AT_MS} ms)"))
            }
            Self::Moment(Moment::Every { period_ms: 0, .. }) => {
                Err("a period of 0 ms would be all the time".into())
            }
            Self::Moment(Moment::Every { jitter, .. }) if !(0.0..=1.0).contains(&jitter) => {
                Err(format!("a jitter lies between 0 and 1 (or 0% and 100%), not at {jitter}"))
            }
            Self::Moment(Moment::RatePerS(r)) if !(r > 0.0 && r <= MAX_RATE_PER_S) => Err(format!(
                "a rate lies above 0 and at most at {MAX_RATE_PER_S} per second, not {r}"
            )),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::One(id) => write!(f, "item={id}"),
            Self::Range { first, last, step: 1 } => write!(f, "item={first}..{last}"),
            Self::Range { first, last, step } => write!(f, "item={first}..{last}+{step}"),
            Self::Tile { row, col } => write!(f, "tile={row}:{col}"),
            Self::Each => Ok(()),
            Self::Probability(p) => write!(f, "p={p}"),
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::AtMs(ms) => write!(f, "at={ms}ms"),
            Self::Every { period_ms, jitter: 0.0 } => write!(f, "every={period_ms}ms"),
            Self::Every { period_ms, jitter } => write!(f, "every={period_ms}ms±{jitter}"),
            Self::RatePerS(r) => write!(f, "rate={r}/s"),
        }
    }
}

impl fmt::Display for FaultSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = vec![];
        match self.trigger {
            Trigger::Item(Which::Each, _) => {}
            Trigger::Item(which, _) => parts.push(which.to_string()),
            Trigger::Moment(moment) => parts.push(moment.to_string()),
        }
        if parts.is_empty() || self.point != self.fault.point() {
            parts.push(format!("point={}", self.point));
        }
        match self.trigger {
            Trigger::Item(which, attempts) if attempts != which.attempts() => {
                parts.push(match attempts {
                    Attempts::All => "attempts=all".into(),
                    Attempts::Below(n) => format!("attempts<{n}"),
                    Attempts::Only(n) => format!("attempt={n}"),
                });
            }
            _ => {}
        }
        let Conditions { lane, above_bytes, recovering, after_restart } = self.only;
        parts.extend(lane.map(|lane| format!("lane={lane}")));
        parts.extend(above_bytes.map(|bytes| format!("bytes>{bytes}")));
        parts.extend(recovering.then(|| "when=recovering".to_owned()));
        parts.extend((after_restart > 0).then(|| format!("after-restart={after_restart}")));
        write!(f, "{}@{}", self.fault, parts.join(","))
    }
}
