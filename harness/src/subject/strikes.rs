//! The plan as a run asks it: what it decides is armed in the black box first.

use crate::plan::{Facts, FaultPlan, Stream};
use pipelines::black_box::BlackBox;
use pipelines::engine::Strikes;
use pipelines::fault::strike::Strike;
use pipelines::fault::{Fault, Site};
use pipelines::message::ItemId;
use std::sync::Arc;

/// Where an item lies in the grid of its scene, and its decoded bytes.
pub(crate) type Tile = (Option<(u64, u64)>, u64);

/// A plan, and what it is told of the run.
pub(crate) struct Asked<T> {
    pub(crate) plan: FaultPlan,
    pub(crate) black_box: Arc<BlackBox>,
    /// How often the subject was started before.
    pub(crate) restarts: u32,
    pub(crate) tile: T,
}

impl<T: Fn(ItemId) -> Tile + Send + Sync + 'static> Asked<T> {
    pub(crate) fn strikes(self) -> Box<Strikes> {
        let (streams, asks) = (self.plan.streams(), self.plan.asks());
        Box::new(move |site| {
            let facts = if asks { self.facts(site) } else { Facts::default() };
            let decided = self.plan.decide(site, &facts);
            let fault = decided.or_else(|| self.claim(&streams, site, &facts))?;
            let receipt = self.black_box.arm(fault, site)?;
            Some(Strike { fault, receipt })
        })
    }

    fn facts(&self, site: &Site) -> Facts {
        let (tile, bytes) = (self.tile)(site.item);
        let recovering = self.black_box.is_recovering();
        Facts { tile, bytes, recovering, restarts: self.restarts }
    }

    /// The fault of the earliest moment that has come, is not taken, and may strike here.
    fn claim(&self, streams: &[Stream], site: &Site, facts: &Facts) -> Option<Fault> {
        if streams.is_empty() {
            return None;
        }
        let now_ns = self.black_box.elapsed_ns();
        let spec = |stream: &Stream| &self.plan.specs[stream.spec];
        loop {
            let here = streams.iter().enumerate().filter(|(_, s)| spec(s).admits(site, facts));
            let due = here.filter_map(|(n, stream)| {
                let moment = self.black_box.unclaimed(n)?;
                let at_ns = *stream.at_ns.get(moment)?;
                (at_ns <= now_ns).then_some((at_ns, n, moment))
            });
            let (_, n, moment) = due.min()?;
            if self.black_box.claim(n, moment) {
                return Some(spec(&streams[n]).fault);
            }
        }
    }
}
