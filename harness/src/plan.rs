//! Which faults strike whom: a pure function of the specs, a seed, an item and its attempt. Whatever the
//! threads do, in whatever order they ask, the answer is the same, so two subjects given one plan meet the
//! same faults, and a trial can be run again.

mod spec;

pub use spec::{FaultSpec, MAX_AT_MS, MAX_RATE_PER_S, When};

use pipelines::fault::{Fault, Site};
use pipelines::message::ItemId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// No strike of a rate is generated later than this after the start of a trial, in nanoseconds.
pub const HORIZON_NS: u64 = MAX_AT_MS * 1_000_000;
/// No rate generates more strikes than this.
pub const MAX_ARRIVALS: usize = 4096;

/// The layouts that are hashed begin with one of these, so that streams cannot meet.
const ITEM_DOMAIN: &[u8; 16] = b"okiagari item  1";
const TIME_DOMAIN: &[u8; 16] = b"okiagari time  1";

/// The faults of one trial.
///
/// It crosses `exec` as JSON; there each spec is its SPEC text, since a decimal text read by the standard
/// library gives back the very same bits.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// What may strike, in order of precedence.
    #[serde(serialize_with = "as_texts", deserialize_with = "from_texts")]
    pub specs: Vec<FaultSpec>,
    /// Decides every draw.
    pub seed: u64,
}

/// A strike that belongs to a moment, not to an item: it goes to the first item lent after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    /// Nanoseconds since the start of the trial.
    pub at_ns: u64,
    /// What strikes.
    pub fault: Fault,
}

impl FaultPlan {
    /// A plan in which nothing ever strikes.
    pub fn quiet(seed: u64) -> Self {
        Self { specs: Vec::new(), seed }
    }

    /// What strikes here, if anything. The first spec that matches wins;
    /// specs of moments never match here, see [`Self::timed`].
    ///
    /// A probability `p` strikes if `h < p · 2^64`, where `h` is the first eight bytes, little end first, of the
    /// BLAKE3 hash of these 41 bytes: `"okiagari item  1"`, seed (u64), index of the spec (u32), code of the
    /// fault (u8), item (u64), attempt (u32), all little end first.
    pub fn decide(&self, site: &Site) -> Option<Fault> {
        let &Site { item, attempt, .. } = site;
        let strikes = |(index, spec): (usize, &FaultSpec)| {
            let this_attempt = attempt == 0 || spec.every_attempt;
            let hit = match spec.when {
                When::Item(id) => this_attempt && item == id,
                When::Range { first, last, step } => {
                    this_attempt
                        && (first..=last).contains(&item)
                        && (item - first).is_multiple_of(step)
                }
                When::Probability(p) => below(self.draw(index, spec.fault, item, attempt), p),
                When::AtMs(_) | When::RatePerS(_) => false,
            };
            hit.then_some(spec.fault)
        };
        self.specs.iter().enumerate().find_map(strikes)
    }

    /// All strikes that belong to moments, in order of time (equal times: in order of the specs).
    ///
    /// A rate becomes Poisson arrivals: gaps of `-ln(u) / rate` with `u` in (0, 1] from the upper 53 bits of the
    /// hash of `"okiagari time  1"`, seed (u64), index of the spec (u32), code of the fault (u8), number of the
    /// arrival (u64). It ends at [`HORIZON_NS`] or after [`MAX_ARRIVALS`], whichever comes first.
    pub fn timed(&self) -> Vec<Timed> {
        let mut all = Vec::new();
        for (index, spec) in self.specs.iter().enumerate() {
            match spec.when {
                When::AtMs(ms) => {
                    all.push(Timed { at_ns: ms.saturating_mul(1_000_000), fault: spec.fault });
                }
                When::RatePerS(rate) => self.arrivals(index, spec.fault, rate, &mut all),
                When::Item(_) | When::Range { .. } | When::Probability(_) => {}
            }
        }
        all.sort_by_key(|t| t.at_ns);
        all
    }

    fn arrivals(&self, index: usize, fault: Fault, per_s: f64, all: &mut Vec<Timed>) {
        let mut at_ns = 0.0;
        for k in 0..MAX_ARRIVALS as u64 {
            let mut bytes = layout(TIME_DOMAIN, self.seed, index, fault);
            bytes.extend_from_slice(&k.to_le_bytes());
            let u = ((first_eight(&bytes) >> 11) + 1) as f64 / (1u64 << 53) as f64;
            at_ns += -u.ln() / per_s * 1e9;
            if at_ns > HORIZON_NS as f64 {
                return;
            }
            all.push(Timed { at_ns: at_ns as u64, fault });
        }
    }

    fn draw(&self, index: usize, fault: Fault, item: ItemId, attempt: u32) -> u64 {
        let mut bytes = layout(ITEM_DOMAIN, self.seed, index, fault);
        bytes.extend_from_slice(&item.to_le_bytes());
        bytes.extend_from_slice(&attempt.to_le_bytes());
        first_eight(&bytes)
    }
}

fn layout(domain: &[u8; 16], seed: u64, index: usize, fault: Fault) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(41);
    bytes.extend_from_slice(domain);
    bytes.extend_from_slice(&seed.to_le_bytes());
    bytes.extend_from_slice(&(index as u32).to_le_bytes());
    bytes.push(fault.code());
    bytes
}

/// The first eight bytes of the BLAKE3 hash, little end first.
pub(crate) fn first_eight(bytes: &[u8]) -> u64 {
    let hash = blake3::hash(bytes);
    let mut eight = [0; 8];
    eight.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(eight)
}

/// `h < p · 2^64`. The product only moves the exponent, so nothing is rounded; 1 needs the 65th bit.
fn below(h: u64, p: f64) -> bool {
    u128::from(h) < (p * 18_446_744_073_709_551_616.0) as u128
}

fn as_texts<S: Serializer>(specs: &[FaultSpec], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(specs.iter().map(ToString::to_string))
}

fn from_texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<FaultSpec>, D::Error> {
    let texts = Vec::<String>::deserialize(from)?;
    texts.iter().map(|t| t.parse().map_err(serde::de::Error::custom)).collect()
}

#[cfg(test)]
mod tests;
