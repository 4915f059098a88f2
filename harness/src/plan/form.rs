//! `[[strike]]` as it stands in an experiment. SPEC text is read into the same form, so that both say the same.

use super::spec::{Attempts, Conditions, FaultSpec, Moment, Trigger, Which};
use pipelines::fault::{Fault, Point};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Form {
    pub(super) fault: Fault,
    /// The same as in `when`, for whoever finds it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<All>,
    pub(super) when: WhenForm,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum All {
    All,
}

/// A trigger and its conditions; what is not there was not given.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WhenForm {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) item: Option<ItemForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tile: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) every_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) jitter: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rate_per_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) point: Option<Point>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<All>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts_below: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) lane: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) above_bytes: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) recovering: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) after_restart: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "an item is its number, or a text like \"10..1000+50\"")]
pub(super) enum ItemForm {
    One(u64),
    Many(String),
}

const ONE_TRIGGER: &str = "it needs exactly one trigger of item, tile, p, at, every and rate (in TOML at_ms, every_ms and \
                           rate_per_s), or a point alone";

impl TryFrom<Form> for FaultSpec {
    type Error = String;
    fn try_from(form: Form) -> Result<Self, String> {
        let Form { fault, attempts, mut when } = form;
        when.attempts = when.attempts.or(attempts);
        let only = Conditions {
            lane: when.lane,
            above_bytes: when.above_bytes,
            recovering: when.recovering,
            after_restart: match when.after_restart {
                Some(0) => return Err("restarts are counted from 1 in after-restart=N".into()),
                n => n.unwrap_or(0),
            },
        };
        let point = when.point.unwrap_or(fault.point());
        Self { fault, point, trigger: when.trigger()?, only }.checked()
    }
}

impl WhenForm {
    fn trigger(&self) -> Result<Trigger, String> {
        let which = [
            self.item.as_ref().map(ItemForm::which),
            self.tile.as_deref().map(tile),
            self.p.map(|p| Ok(Which::Probability(p))),
        ];
        let jitter = self.jitter.unwrap_or(0.0);
        let moment = [
            self.at_ms.map(Moment::AtMs),
            self.every_ms.map(|period_ms| Moment::Every { period_ms, jitter }),
            self.rate_per_s.map(Moment::RatePerS),
        ];
        if self.jitter.is_some() && self.every_ms.is_none() {
            return Err("a jitter goes with every".into());
        }
        let attempts = self.attempts()?;
        let mut which = which.into_iter().flatten();
        let mut moment = moment.into_iter().flatten();
        match (which.next(), moment.next(), which.next().is_some() || moment.next().is_some()) {
            (Some(which), None, false) => {
                let which = which?;
                Ok(Trigger::Item(which, attempts.unwrap_or(which.attempts())))
            }
            (None, None, false) if self.point.is_some() => {
                Ok(Trigger::Item(Which::Each, attempts.unwrap_or(Which::Each.attempts())))
            }
            (None, Some(_), false) if attempts.is_some() => {
                Err("attempts go with an item, not with a moment or a rate".into())
            }
            (None, Some(moment), false) => Ok(Trigger::Moment(moment)),
            _ => Err(ONE_TRIGGER.into()),
        }
    }

    fn attempts(&self) -> Result<Option<Attempts>, String> {
        match (self.attempts, self.attempts_below, self.attempt) {
            (None, None, None) => Ok(None),
            (Some(All::All), None, None) => Ok(Some(Attempts::All)),
            (None, Some(n), None) => Ok(Some(Attempts::Below(n))),
            (None, None, Some(n)) => Ok(Some(Attempts::Only(n))),
            _ => Err("only one of attempts=all, attempts<N and attempt=N can stand there".into()),
        }
    }
}

impl ItemForm {
    fn which(&self) -> Result<Which, String> {
        let text = match self {
            Self::One(id) => return Ok(Which::One(*id)),
            Self::Many(text) => text,
        };
        let Some((first, rest)) = text.split_once("..") else {
            return Ok(Which::One(whole(text)?));
        };
        let (last, step) = rest.split_once('+').unwrap_or((rest, "1"));
        Ok(Which::Range { first: whole(first)?, last: whole(last)?, step: whole(step)? })
    }
}

fn tile(text: &str) -> Result<Which, String> {
    let (row, col) = text.split_once(':').ok_or(format!("the tile {text:?} is not ROW:COL"))?;
    Ok(Which::Tile { row: whole(row)?, col: whole(col)? })
}

/// A number of anything.
pub(super) fn whole<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number from 0"))
}

impl From<FaultSpec> for Form {
    fn from(spec: FaultSpec) -> Self {
        let mut when = WhenForm::default();
        let text = |which: Which| which.to_string().split_once('=').map(|(_, v)| v.to_owned());
        match spec.trigger {
            Trigger::Item(which, attempts) => {
                match which {
                    Which::One(id) => when.item = Some(ItemForm::One(id)),
                    Which::Range { .. } => when.item = text(which).map(ItemForm::Many),
                    Which::Tile { .. } => when.tile = text(which),
                    Which::Each => when.point = Some(spec.point),
                    Which::Probability(p) => when.p = Some(p),
                }
                match attempts {
                    same if same == which.attempts() => {}
                    Attempts::All => when.attempts = Some(All::All),
                    Attempts::Below(n) => when.attempts_below = Some(n),
                    Attempts::Only(n) => when.attempt = Some(n),
                }
            }
            Trigger::Moment(Moment::AtMs(ms)) => when.at_ms = Some(ms),
            Trigger::Moment(Moment::Every { period_ms, jitter }) => {
                when.every_ms = Some(period_ms);
                when.jitter = (jitter > 0.0).then_some(jitter);
            }
            Trigger::Moment(Moment::RatePerS(r)) => when.rate_per_s = Some(r),
        }
        if spec.point != spec.fault.point() {
            when.point = Some(spec.point);
        }
        when.lane = spec.only.lane;
        when.above_bytes = spec.only.above_bytes;
        when.recovering = spec.only.recovering;
        when.after_restart = (spec.only.after_restart > 0).then_some(spec.only.after_restart);
        Self { fault: spec.fault, attempts: None, when }
    }
}
