//! What a node does by itself, given its own phase and its children's.
//!
//! Each rule makes one move and is asked again until no node has a move left. So no move can be forgotten
//! because something else happened first: what is to be done is read off the phases, not remembered.

use super::spec::{Restart, Shutdown, Strategy};
use super::unit::{Kind, Phase, Supervisor, Why, Work};
use super::{Order, Tree};
use std::ops::Range;
use std::time::{Duration, Instant};

/// How far children that are to go down have come.
enum Cleared {
    /// All are down.
    Done,
    /// One more was seen to.
    Moved,
    /// One has been told to leave and has not left.
    Waiting,
}

impl Tree {
    /// Makes one move of one node. Whether there was any.
    pub(super) fn advance(&mut self, id: usize, now: Instant, orders: &mut Vec<Order>) -> bool {
        let phase = self.units[id].phase;
        let supervisor = match &self.units[id].kind {
            Kind::Leaf(worker) => {
                let Phase::Stopping { until: Some(until) } = phase else { return false };
                let (leaf, incarnation) = (worker.leaf, worker.incarnation);
                if now >= until {
                    self.units[id].phase = Phase::Down;
                    orders.push(Order::Abandon { leaf, incarnation });
                }
                return now >= until;
            }
            Kind::Tree(supervisor) => supervisor,
        };
        if !matches!(phase, Phase::Starting | Phase::Up { .. } | Phase::Stopping { .. }) {
            return false;
        }
        let children = supervisor.children.clone();
        match supervisor.work {
            Work::Tending => self.tend(id, children, now, orders),
            Work::Clearing { from, due } => match self.clear(from..children.end, now, orders) {
                Cleared::Done => {
                    self.owe(from..children.end, due);
                    self.supervisor(id).work = Work::Tending;
                    true
                }
                cleared => matches!(cleared, Cleared::Moved),
            },
            Work::Leaving(why) => match self.clear(children, now, orders) {
                Cleared::Done => {
                    self.leave(id, why, now, orders);
                    true
                }
                cleared => matches!(cleared, Cleared::Moved),
            },
        }
    }

    /// One move of a supervisor that keeps its children going.
    fn tend(
        &mut self,
        id: usize,
        children: Range<usize>,
        now: Instant,
        orders: &mut Vec<Order>,
    ) -> bool {
        let starting = self.units[id].phase == Phase::Starting;
        let phases = || children.clone().map(|child| (child, self.units[child].phase));
        if phases().any(|(_, phase)| phase == Phase::Starting) {
            return false;
        }
        let failed = phases().find_map(|(child, phase)| match phase {
            Phase::Failed { why } => Some((child, why)),
            _ => None,
        });
        let owed = phases().find(|(_, phase)| matches!(phase, Phase::Owed { due } if *due <= now));
        let dead = phases().filter_map(|(child, phase)| match phase {
            Phase::Dead { at, lived, why, excused } => Some((at, child, lived, why, excused)),
            _ => None,
        });
        let dead = dead.min_by_key(|(at, child, ..)| (*at, *child));
        if let Some((child, why)) = failed {
            if starting {
                self.supervisor(id).work = Work::Leaving(why);
            } else {
                self.fail(id, child, why, now);
            }
        } else if let Some((child, _)) = owed {
            self.start(child, now, orders);
        } else if starting {
            self.units[id].phase = Phase::Up { since: now };
        } else if let Some((_, child, _, _, true)) = dead {
            self.units[child].phase = Phase::Owed { due: now };
        } else if let Some((_, child, lived, why, false)) = dead {
            self.make_good(id, child, lived, why, now);
        } else {
            return false;
        }
        true
    }

    /// A restart failed: that is one more death. Where the order matters, those after it wait for it.
    fn fail(&mut self, id: usize, child: usize, why: Why, now: Instant) {
        self.units[child].phase =
            Phase::Dead { at: now, lived: Duration::ZERO, why, excused: false };
        let supervisor = self.supervisor(id);
        if supervisor.strategy != Strategy::OneForOne {
            let later = child + 1..supervisor.children.end;
            for unit in &mut self.units[later] {
                if matches!(unit.phase, Phase::Owed { .. }) {
                    unit.phase = Phase::Down;
                }
            }
        }
    }

    /// Acts on the death of a child: counts it and decides who is to be restarted, or gives up.
    fn make_good(&mut self, id: usize, child: usize, lived: Duration, why: Why, now: Instant) {
        let supervisor = self.supervisor(id);
        if !supervisor.afford(now) {
            let tree = if let Why::GaveUp { tree, .. } = why { tree } else { id };
            supervisor.work = Work::Leaving(Why::GaveUp { tree, leaf: why.leaf() });
            return;
        }
        let (strategy, backoff, count) =
            (supervisor.strategy, supervisor.backoff, supervisor.restarts);
        let first = supervisor.children.start;
        let row = if lived > backoff.most { 0 } else { self.units[child].row };
        self.units[child].row = row.saturating_add(1);
        let due = now + backoff.wait(row, count);
        let from = match strategy {
            Strategy::OneForOne => return self.units[child].phase = Phase::Owed { due },
            Strategy::OneForAll => first,
            Strategy::RestForOne => child,
        };
        self.supervisor(id).work = Work::Clearing { from, due };
    }

    /// Takes one of `children` a step further down: the last one that is not down yet.
    fn clear(
        &mut self,
        mut children: Range<usize>,
        now: Instant,
        orders: &mut Vec<Order>,
    ) -> Cleared {
        let Some(child) = children.rfind(|child| self.units[*child].phase != Phase::Down) else {
            return Cleared::Done;
        };
        match self.units[child].phase {
            Phase::Stopping { .. } => return Cleared::Waiting,
            Phase::Starting | Phase::Up { .. } => self.stop(child, now, orders),
            // What died while its supervisor was about to stop it is no further restart.
            _ => self.units[child].phase = Phase::Down,
        }
        Cleared::Moved
    }

    /// These are to be started, in order. Temporary ones are not.
    fn owe(&mut self, children: Range<usize>, due: Instant) {
        for unit in &mut self.units[children] {
            if !matches!(&unit.kind, Kind::Leaf(worker) if worker.restart == Restart::Temporary) {
                unit.phase = Phase::Owed { due };
            }
        }
    }

    /// Starts a node; a supervisor starts as a new one, with its whole budget.
    pub(super) fn start(&mut self, id: usize, now: Instant, orders: &mut Vec<Order>) {
        let unit = &mut self.units[id];
        unit.phase = Phase::Starting;
        let children = match &mut unit.kind {
            Kind::Leaf(worker) => {
                worker.incarnation += 1;
                let (leaf, incarnation) = (worker.leaf, worker.incarnation);
                return orders.push(Order::Start { leaf, incarnation });
            }
            Kind::Tree(supervisor) => {
                supervisor.recent.clear();
                supervisor.work = Work::Tending;
                supervisor.children.clone()
            }
        };
        for child in &mut self.units[children] {
            (child.phase, child.row) = (Phase::Owed { due: now }, 0);
        }
    }

    /// Tells a node to leave, also one that has not come up yet.
    pub(super) fn stop(&mut self, id: usize, now: Instant, orders: &mut Vec<Order>) {
        let unit = &mut self.units[id];
        let mut until = None;
        match &mut unit.kind {
            Kind::Leaf(worker) => {
                let (leaf, incarnation) = (worker.leaf, worker.incarnation);
                match worker.shutdown {
                    Shutdown::Brutal => {
                        unit.phase = Phase::Down;
                        return orders.push(Order::Abandon { leaf, incarnation });
                    }
                    Shutdown::Within(limit) => until = now.checked_add(limit),
                    Shutdown::Infinite => {}
                }
                orders.push(Order::Stop { leaf, incarnation });
            }
            Kind::Tree(supervisor) => {
                if !matches!(supervisor.work, Work::Leaving(_)) {
                    supervisor.work = Work::Leaving(Why::Told);
                }
            }
        }
        unit.phase = Phase::Stopping { until };
    }

    /// A supervisor whose children are all down goes down itself.
    fn leave(&mut self, id: usize, why: Why, now: Instant, orders: &mut Vec<Order>) {
        let unit = &mut self.units[id];
        unit.phase = match unit.phase {
            Phase::Starting => Phase::Failed { why },
            Phase::Up { since } => Phase::Dead {
                at: now,
                lived: now.saturating_duration_since(since),
                why,
                excused: false,
            },
            _ => Phase::Down,
        };
        if id == super::ROOT {
            self.end(why, orders);
        }
    }

    fn supervisor(&mut self, id: usize) -> &mut Supervisor {
        match &mut self.units[id].kind {
            Kind::Tree(supervisor) => supervisor,
            Kind::Leaf(_) => unreachable!("only supervisors have children"),
        }
    }
}
