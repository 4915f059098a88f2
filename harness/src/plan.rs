//! Which faults strike whom: a pure function of the specs, a seed, a site, and facts that whoever asks brings along.
//! What depends on item and attempt alone is the same whatever the threads do, in whatever order they ask: so two
//! subjects given one plan meet the same faults, and a trial can be run again.

mod form;
mod spec;
mod text;

pub use spec::{
    Attempts, Conditions, FaultSpec, MAX_AT_MS, MAX_RATE_PER_S, Moment, Trigger, Which,
};

use pipelines::black_box::STREAMS_MAX;
use pipelines::fault::{Fault, Point, Site};
use pipelines::message::{Failure, ItemId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// No strike of a rate or a period is generated later than this after the start of a trial, in nanoseconds.
pub const HORIZON_NS: u64 = MAX_AT_MS * 1_000_000;
/// No rate and no period generates more strikes than this.
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

/// What is known of a site beyond itself. Conditions look at it; whoever asks need not know it if none does
/// ([`FaultPlan::asks`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// The item's place in the grid of its scene: row and column.
    pub tile: Option<(u64, u64)>,
    /// Bytes of the item, decoded.
    pub bytes: u64,
    /// Some worker is being replaced.
    pub recovering: bool,
    /// How often the subject was started again.
    pub restarts: u32,
}

/// The moments of one spec. What strikes at one goes to the first item after it that the spec admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Which spec, by its place in the plan.
    pub spec: usize,
    /// Nanoseconds since the start of the trial, in order.
    pub at_ns: Vec<u64>,
}

impl FaultPlan {
    /// A plan in which nothing ever strikes.
    pub fn quiet(seed: u64) -> Self {
        Self { specs: Vec::new(), seed }
    }

    /// Refuses what a black box has no room for.
    ///
    /// # Errors
    /// When more than [`STREAMS_MAX`] of the specs are moments.
    pub fn check(&self) -> Result<(), Failure> {
        let moments = self.specs.iter().filter(|s| matches!(s.trigger, Trigger::Moment(_))).count();
        if moments <= STREAMS_MAX {
            return Ok(());
        }
        Err(Failure::input(format!(
            "{moments} faults have at=, every= or rate=; at most {STREAMS_MAX} can"
        )))
    }

    /// What strikes here, if anything. The first spec that matches wins;
    /// specs of moments never match here, see [`Self::streams`].
    ///
    /// A probability `p` strikes if `h < p · 2^64`, where `h` is the first eight bytes, little end first, of the
    /// BLAKE3 hash of these 41 bytes: `"okiagari item  1"`, seed (u64), index of the spec (u32), code of the
    /// fault (u8), item (u64), attempt (u32), all little end first.
    pub fn decide(&self, site: &Site, facts: &Facts) -> Option<Fault> {
        let &Site { item, attempt, .. } = site;
        let strikes = |(index, spec): (usize, &FaultSpec)| {
            let Trigger::Item(which, attempts) = spec.trigger else { return None };
            let hit = attempts.has(attempt)
                && spec.admits(site, facts)
                && match which {
                    Which::One(id) => item == id,
                    Which::Range { first, last, step } => {
                        (first..=last).contains(&item) && (item - first).is_multiple_of(step)
                    }
                    Which::Tile { row, col } => facts.tile == Some((row, col)),
                    Which::Each => true,
                    Which::Probability(p) => below(self.draw(index, spec.fault, item, attempt), p),
                };
            hit.then_some(spec.fault)
        };
        self.specs.iter().enumerate().find_map(strikes)
    }

    /// First attempts that it strikes, of so many items, as far as item and attempt alone decide.
    pub fn first_attempts(&self, items: u64) -> u64 {
        let struck =
            |item: &u64| self.decide(&Site::lent(*item, 0, 0), &Facts::default()).is_some();
        (0..items).filter(struck).count() as u64
    }

    /// Whether anything of it can strike at this point: what is asked at every point of every item is to cost next to
    /// nothing where it is not.
    pub fn strikes_at(&self, point: Point) -> bool {
        self.specs.iter().any(|spec| spec.point.asked_at() == point)
    }

    /// Whether some spec looks at [`Facts`].
    pub fn asks(&self) -> bool {
        let tile = |s: &FaultSpec| matches!(s.trigger, Trigger::Item(Which::Tile { .. }, _));
        self.specs.iter().any(|spec| spec.only.ask() || tile(spec))
    }

    /// The moments of those specs that have some, each in order of time.
    ///
    /// A rate becomes Poisson arrivals: gaps of `-ln(u) / rate`; a period becomes gaps of `period · (1 + jitter ·
    /// (2u - 1))`. Each `u` lies in (0, 1], from the upper 53 bits of the hash of `"okiagari time  1"`, seed (u64), index of
    /// the spec (u32), code of the fault (u8), number of the arrival (u64). It ends at [`HORIZON_NS`] or after
    /// [`MAX_ARRIVALS`], whichever comes first.
    pub fn streams(&self) -> Vec<Stream> {
        let stream = |(index, spec): (usize, &FaultSpec)| {
            let Trigger::Moment(moment) = spec.trigger else { return None };
            let at_ns = match moment {
                Moment::AtMs(ms) => vec![ms.saturating_mul(1_000_000)],
                Moment::Every { period_ms, jitter } => {
                    let gap = |u: f64| period_ms as f64 * 1e6 * (1.0 + jitter * (2.0 * u - 1.0));
                    self.arrivals(index, spec.fault, gap)
                }
                Moment::RatePerS(rate) => {
                    self.arrivals(index, spec.fault, |u: f64| -u.ln() / rate * 1e9)
                }
            };
            Some(Stream { spec: index, at_ns })
        };
        self.specs.iter().enumerate().filter_map(stream).collect()
    }

    /// Moments with gaps that are drawn.
    fn arrivals(&self, index: usize, fault: Fault, gap_ns: impl Fn(f64) -> f64) -> Vec<u64> {
        let (mut at_ns, mut all) = (0.0, Vec::new());
        for k in 0..MAX_ARRIVALS as u64 {
            let mut bytes = layout(TIME_DOMAIN, self.seed, index, fault);
            bytes.extend_from_slice(&k.to_le_bytes());
            let u = ((first_eight(&bytes) >> 11) + 1) as f64 / (1u64 << 53) as f64;
            at_ns += gap_ns(u);
            if at_ns > HORIZON_NS as f64 {
                break;
            }
            all.push(at_ns as u64);
        }
        all
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
