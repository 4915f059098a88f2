//! When a claim passes.

use serde::Deserialize;
use std::fmt;
use std::str::FromStr;

/// A rule, as it stands in a claim: `lower >= 0.99`, `upper <= 1.05`, `upper <= 2 ms`, `holds`, `broken`. Times have a unit
/// and are compared as nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Rule {
    /// The lower bound is at least this.
    Lower(f64),
    /// The upper bound is at most this.
    Upper(f64),
    /// The promise was kept in every run.
    Holds,
    /// The promise was broken.
    Broken,
}

impl Rule {
    /// Whether it is for an oracle, not for a measure.
    pub fn is_of_a_promise(self) -> bool {
        matches!(self, Self::Holds | Self::Broken)
    }

    /// What an interval says to this rule: `Some(true)` if all of it keeps the rule, `Some(false)` if all of it breaks
    /// the rule, `None` if it does both, or if the rule is not about a number.
    pub fn met_by(self, (low, high): (f64, f64)) -> Option<bool> {
        match self {
            Self::Lower(x) if low >= x => Some(true),
            Self::Lower(x) if high < x => Some(false),
            Self::Upper(x) if high <= x => Some(true),
            Self::Upper(x) if low > x => Some(false),
            _ => None,
        }
    }

    /// What stands on its right, in the unit of its measure.
    pub fn limit(self) -> Option<f64> {
        match self {
            Self::Lower(x) | Self::Upper(x) => Some(x),
            Self::Holds | Self::Broken => None,
        }
    }
}

impl FromStr for Rule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "the rule {text:?} is none of lower >= X, upper <= X, holds and broken; X may have a unit of time"
            )
        };
        let words: Vec<_> = text.split_whitespace().collect();
        let (rule, rest): (fn(f64) -> Self, _) = match words.as_slice() {
            ["holds"] => return Ok(Self::Holds),
            ["broken"] => return Ok(Self::Broken),
            ["lower", ">=", rest @ ..] => (Self::Lower, rest),
            ["upper", "<=", rest @ ..] => (Self::Upper, rest),
            _ => return Err(wrong()),
        };
        let (number, factor) = match rest {
            [number] => (number, 1.0),
            [number, "ns"] => (number, 1.0),
            [number, "us" | "µs"] => (number, 1e3),
            [number, "ms"] => (number, 1e6),
            [number, "s"] => (number, 1e9),
            _ => return Err(wrong()),
        };
        let value: f64 = number.parse().map_err(|_| wrong())?;
        if value.is_finite() { Ok(rule(value * factor)) } else { Err(wrong()) }
    }
}

impl TryFrom<String> for Rule {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lower(x) => write!(f, "lower >= {x}"),
            Self::Upper(x) => write!(f, "upper <= {x}"),
            Self::Holds => f.write_str("holds"),
            Self::Broken => f.write_str("broken"),
        }
    }
}
