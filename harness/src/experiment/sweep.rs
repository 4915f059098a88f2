//! A sweep: one fault at each of some crash points for each of some items, systematically instead of at random, as ALICE
//! (Pillai et al., OSDI 2014) does it with the crash states of a file system.

use super::Experiment;
use crate::plan::{Attempts, Conditions, FaultSpec, Trigger, Which};
use pipelines::fault::{Fault, Point};
use pipelines::message::ItemId;
use serde::{Deserialize, Serialize};

/// `[sweep]` in an experiment. It makes a block of each point and item, in this order: all items at the first point, and
/// so on; `blocks` says how often that is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sweep {
    /// What strikes, once a run: at the first attempt of the run's item.
    pub fault: Fault,
    /// At which points. Not given: all that the fault can strike at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Point>,
    /// Which items (at least one).
    pub items: Vec<ItemId>,
}

impl Sweep {
    /// What strikes in each block of one repetition.
    pub fn specs(&self) -> Vec<FaultSpec> {
        let all = || Point::ALL.into_iter().filter(|p| self.fault.strikes_at(*p)).collect();
        let points = if self.points.is_empty() { all() } else { self.points.clone() };
        let of = |point: Point| {
            self.items.iter().map(move |item| FaultSpec {
                fault: self.fault,
                point,
                trigger: Trigger::Item(Which::One(*item), Attempts::Below(1)),
                only: Conditions::default(),
            })
        };
        points.into_iter().flat_map(of).collect()
    }

    fn blocks(&self) -> u32 {
        u32::try_from(self.specs().len()).unwrap_or(u32::MAX)
    }
}

impl Experiment {
    /// Blocks in all: `blocks`, or so many of each point and item of a sweep.
    pub fn blocks_in_all(&self) -> u32 {
        self.blocks.saturating_mul(self.sweep.as_ref().map_or(1, Sweep::blocks))
    }

    /// The faults of a block.
    pub(super) fn specs(&self, block: u32) -> Vec<FaultSpec> {
        let Some(sweep) = &self.sweep else { return self.strike.clone() };
        let mut specs = sweep.specs();
        let n = block as usize % specs.len().max(1);
        specs.drain(..).skip(n).take(1).collect()
    }
}
