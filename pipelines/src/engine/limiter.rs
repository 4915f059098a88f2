//! How many items may go now. Pure: time and weights in, permission out.
//!
//! A limiter has an allowance an interval, in items, in bytes or in both; everybody who asks shares it.
//! An item that weighs more than a whole interval's bytes passes when nothing of them is used. What it
//! weighs beyond them is owed by the intervals after it, so that the mean rate holds.

use crate::message::Failure;
use std::time::{Duration, Instant};

/// When what was used becomes free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// All of it at the end of each interval, as in Broadway. Around such an end, twice the allowance may
    /// pass within one interval's time.
    Window,
    /// Little by little: a token bucket that holds one interval's allowance, which is its burst.
    Bucket,
}

/// How much may pass in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    items: Option<u64>,
    bytes: Option<u64>,
    interval: Duration,
}

impl Rate {
    /// At most so many items and so many bytes in each interval; `None` is no limit.
    ///
    /// # Errors
    /// When the interval is zero, when nothing is limited, or when nothing could ever pass.
    pub fn new(
        items: Option<u64>,
        bytes: Option<u64>,
        interval: Duration,
    ) -> Result<Self, Failure> {
        let wrong = if interval.is_zero() {
            "an interval of 0; give a longer one"
        } else if items == Some(0) {
            "0 items in an interval, so that none could pass; allow at least 1, or leave the limit out"
        } else if bytes == Some(0) {
            "0 bytes in an interval, so that none could pass; allow at least 1, or leave the limit out"
        } else if (items, bytes) == (None, None) {
            "neither items nor bytes; limit at least one of them"
        } else {
            return Ok(Self { items, bytes, interval });
        };
        Err(Failure::input(format!("the rate limit has {wrong}")))
    }

    /// Items in an interval at most, if they are limited.
    pub fn items(&self) -> Option<u64> {
        self.items
    }
    /// Bytes in an interval at most, if they are limited.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }
    /// How long an interval is.
    pub fn interval(&self) -> Duration {
        self.interval
    }
    /// In nanoseconds; none is longer than 584 years.
    fn nanos(&self) -> u128 {
        self.interval.as_nanos().min(u64::MAX.into())
    }
}

/// What was used of one allowance, in units × the interval's nanoseconds: each nanosecond frees
/// `allowance` of them, so nothing is ever rounded.
#[derive(Debug, Clone, Copy)]
struct Meter {
    allowance: u128,
    used: u128,
}

impl Meter {
    fn new(allowance: u64) -> Self {
        Self { allowance: allowance.into(), used: 0 }
    }
    /// How much has to become free before `weight` may pass.
    fn excess(&self, weight: u64, nanos: u128) -> u128 {
        let (room, weight) = (self.allowance * nanos, u128::from(weight) * nanos);
        if weight > room {
            self.used
        } else {
            self.used.saturating_add(weight).saturating_sub(room)
        }
    }
    fn charge(&mut self, weight: u64, nanos: u128) {
        self.used = self.used.saturating_add(u128::from(weight) * nanos);
    }
    fn free(&mut self, nanos: u128) {
        self.used = self.used.saturating_sub(self.allowance.saturating_mul(nanos));
    }
    /// What was used under one rate counts under the next, but as no more than the whole of it.
    fn carry(&mut self, old: Meter, old_nanos: u128, nanos: u128) {
        self.used = old.used.div_ceil(old_nanos).min(self.allowance) * nanos;
    }
}

/// Gives permission at a limited rate.
#[derive(Debug, Clone)]
pub struct Limiter {
    kind: Kind,
    rate: Rate,
    /// The rate from the end of this interval on.
    next_rate: Option<Rate>,
    items: Option<Meter>,
    bytes: Option<Meter>,
    /// When the current interval began.
    began: Instant,
    /// Until when what became free is counted.
    counted: Instant,
}

impl Limiter {
    /// One whose first interval begins now, with nothing used.
    pub fn new(now: Instant, kind: Kind, rate: Rate) -> Self {
        Self {
            kind,
            rate,
            next_rate: None,
            items: rate.items.map(Meter::new),
            bytes: rate.bytes.map(Meter::new),
            began: now,
            counted: now,
        }
    }

    /// The rate that was set last; it may be in force only from the end of this interval on.
    pub fn rate(&self) -> Rate {
        self.next_rate.unwrap_or(self.rate)
    }

    /// Sets the rate: from the end of this interval on, or with `reset` from now on, in a new interval of
    /// which nothing is used.
    pub fn update(&mut self, now: Instant, rate: Rate, reset: bool) {
        if reset {
            *self = Self::new(now.max(self.counted), self.kind, rate);
        } else {
            self.settle(now);
            self.next_rate = Some(rate);
        }
    }

    /// How many of the items that weigh so many bytes may go now, from the first on. They count as gone.
    pub fn take(&mut self, now: Instant, weights: &[u64]) -> usize {
        self.settle(now);
        weights.iter().take_while(|weight| self.admit(**weight)).count()
    }

    /// When an item of so many bytes may go, if nobody goes before it; `None`: it may go now. If another
    /// rate is in force by then, it is no more than the time to ask again.
    pub fn next(&self, now: Instant, weight: u64) -> Option<Instant> {
        let mut then = self.clone();
        then.settle(now);
        let wait = then.wait(weight);
        let due = match then.kind {
            _ if wait == 0 => return None,
            Kind::Bucket => after(then.counted, wait),
            Kind::Window => {
                let nanos = then.rate.nanos();
                after(then.began, wait.div_ceil(nanos).saturating_mul(nanos))
            }
        };
        Some(if then.next_rate.is_some() { due.min(then.end()) } else { due })
    }

    /// Whether an item may go now, be it of one byte.
    pub fn is_open(&self, now: Instant) -> bool {
        self.next(now, 1).is_none()
    }

    fn admit(&mut self, weight: u64) -> bool {
        let admitted = self.wait(weight) == 0;
        if admitted {
            let nanos = self.rate.nanos();
            self.items.iter_mut().for_each(|meter| meter.charge(1, nanos));
            self.bytes.iter_mut().for_each(|meter| meter.charge(weight, nanos));
        }
        admitted
    }

    /// Nanoseconds that have to be counted before an item of this weight may go.
    fn wait(&self, weight: u64) -> u128 {
        let nanos = self.rate.nanos();
        let wait = |meter: &Option<Meter>, weight| {
            meter.map_or(0, |meter| meter.excess(weight, nanos).div_ceil(meter.allowance))
        };
        wait(&self.items, 1).max(wait(&self.bytes, weight))
    }

    fn end(&self) -> Instant {
        after(self.began, self.rate.nanos())
    }

    /// Brings the meters up to now. A clock that stepped back stands still until it has caught up.
    fn settle(&mut self, now: Instant) {
        let end = self.end();
        if let Some(rate) = self.next_rate.take_if(|_| end <= now) {
            self.count(end);
            let old = std::mem::replace(self, Self::new(end, self.kind, rate));
            let (old_nanos, nanos) = (old.rate.nanos(), rate.nanos());
            for (new, old) in [(&mut self.items, old.items), (&mut self.bytes, old.bytes)] {
                if let (Some(new), Some(old)) = (new, old) {
                    new.carry(old, old_nanos, nanos);
                }
            }
        }
        self.count(now);
    }

    /// Counts what has become free until `now`.
    fn count(&mut self, now: Instant) {
        let nanos = self.rate.nanos();
        let whole = now.saturating_duration_since(self.began).as_nanos() / nanos * nanos;
        let passed = now.saturating_duration_since(self.counted).as_nanos();
        self.began = after(self.began, whole);
        self.counted = self.counted.max(now);
        let free = match self.kind {
            Kind::Window => whole,
            Kind::Bucket => passed,
        };
        for meter in self.items.iter_mut().chain(&mut self.bytes) {
            meter.free(free);
        }
    }
}

/// So many nanoseconds later; what is further away than the clock goes is 584 years later at most.
fn after(from: Instant, nanos: u128) -> Instant {
    from + Duration::from_nanos(nanos.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
