//! Faults that a lane commits, because no worker can: against several workers, or against what it hears of its own.

use super::ChildHands;
use crate::engine::supervisor::Notice;
use crate::engine::watch::Watch;
use crate::fault::{Fault, Point, Site};
use crate::handler::Handler;
use crate::isolation::child::Child;
use crate::message::ItemId;

impl<H: Handler> ChildHands<H> {
    /// A fault that was meant for an item that was just sent: several workers get SIGKILL at once, the one that has it
    /// and waits for that among them.
    pub(super) fn kill_workers(&mut self, holder: &Child, watch: &Watch) {
        for (_, strike) in self.begun.iter_mut().take(self.request.len()).flatten() {
            if let Some(strike) = strike.take_if(|strike| strike.fault.workers_killed() > 0) {
                watch.sign(strike.receipt);
                self.crew.nursery.kill(holder, strike.fault.workers_killed());
            }
        }
    }

    /// A worker died over this item. Whether its lane is not to hear of it; what strikes the supervisor here is sent
    /// to it.
    pub(super) fn is_lost(&self, watch: &Watch, item: ItemId, attempt: u32) -> bool {
        let site = Site { point: Point::Notice, item, attempt, lane: self.lane };
        match watch.pass(site) {
            Some(Fault::SupervisorPanic) => {
                self.crew.notices.send(Notice::Panic).ok();
                false
            }
            fault => fault == Some(Fault::LostNotice),
        }
    }
}
