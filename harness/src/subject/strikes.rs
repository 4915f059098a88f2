//! The plan as a run asks it: what it decides is armed in the black box first.

use crate::plan::{Facts, FaultPlan, Stream};
use pipelines::black_box::{BlackBox, Receipt};
use pipelines::engine::Strikes;
use pipelines::fault::strike::Strike;
use pipelines::fault::{Fault, Point, Site};
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
        let here = Point::ALL.map(|point| self.plan.strikes_at(point));
        Box::new(move |site| {
            if !here[site.point as usize] {
                return None;
            }
            let facts = if asks { self.facts(site) } else { Facts::default() };
            let decided = self.plan.decide(site, &facts);
            let fault = decided.or_else(|| self.claim(&streams, site, &facts))?;
            if !site.point.rides() && self.struck(fault, site) {
                return None;
            }
            let receipt = self.black_box.arm(fault, site)?;
            Some(Strike { fault, receipt })
        })
    }

    /// It has struck here before. No attempt is counted at the points that the subject itself passes, so that one who is
    /// started again would be struck by the same once more.
    fn struck(&self, fault: Fault, site: &Site) -> bool {
        let key = (fault, site.point, site.item, site.attempt);
        let same = |r: &Receipt| (r.fault, r.point, r.item, r.attempt) == key;
        self.black_box.read_receipts().iter().any(|r| same(r) && r.fired_ns.is_some())
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
                let come = stream.at_ns.get(moment..)?.partition_point(|at_ns| *at_ns <= now_ns);
                (come > 0).then(|| (stream.at_ns[moment], n, moment, moment + come))
            });
            let (_, n, moment, next) = due.min()?;
            // Those that came while nothing was lent would have struck nobody: all that are due are one.
            if self.black_box.claim(n, moment, next) {
                return Some(spec(&streams[n]).fault);
            }
        }
    }
}
