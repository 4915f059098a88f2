//! Which of a pipeline's processes run: supervision, as data. Pure: what happened in, orders out.
//!
//! The semantics are those of OTP's supervisor: starts are sequential and in order, stops sequential and
//! in reverse, a supervisor whose budget is spent stops its children and is then a dead child of its own
//! supervisor. Deaths that happen while a supervisor is busy are acted on afterwards, oldest first, unless
//! the child was stopped or restarted in the meantime. A supervisor that is yet to be told to leave goes on
//! restarting: so a pipeline can be drained although its processes die. Where it differs:
//!
//! - A supervisor told to leave also tells a leaf that has not come up yet. OTP waits until it has.
//! - A killed supervisor takes its children down in order, and only then is it dead to its own. In OTP they
//!   learn of its death all at once, and the restart does not wait for them.
//! - Budgets are counted in exact time, not in whole seconds.
//! - A restart may wait: see [`Backoff`].
//!
//! The shell makes an exit known once for each incarnation it was told to start, as either `StartFailed`
//! or `Exited`. Word of an incarnation that is over, or was abandoned, is ignored.

mod process;
mod rules;
pub mod shapes;
mod spec;
mod unit;

#[cfg(test)]
mod tests;

pub use spec::{Backoff, Budget, Leaf, Node, Restart, Shutdown, Spec, Strategy};

use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use unit::{Kind, Phase, Unit, Why, Work};

/// Where the root is among the units.
const ROOT: usize = 0;

/// What happens to a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The whole tree is to come up. Counts once.
    Start,
    /// A leaf is up.
    Started {
        /// Which.
        leaf: Leaf,
        /// Its how many-th life.
        incarnation: u32,
    },
    /// A leaf could not start. While its supervisor itself starts, that one's start has failed too; at a
    /// restart it is a restart more.
    StartFailed {
        /// Which.
        leaf: Leaf,
        /// Its how many-th life.
        incarnation: u32,
    },
    /// A leaf is gone. One that was not up yet has failed to start.
    Exited {
        /// Which.
        leaf: Leaf,
        /// Its how many-th life.
        incarnation: u32,
        /// Whether it had come to its end; only a transient leaf is judged by it.
        normal: bool,
    },
    /// A leaf is gone, and what it held is to blame, which is counted elsewhere: it alone is restarted, at
    /// once, and no budget pays for it.
    Excused {
        /// Which.
        leaf: Leaf,
        /// Its how many-th life.
        incarnation: u32,
    },
    /// A supervisor is killed. Killing the root ends the tree.
    Kill {
        /// Its name. One that is not there, or is on its way down already, is ignored.
        tree: String,
    },
    /// The whole tree is to leave.
    Stop,
    /// A deadline passed.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Start a leaf.
    Start {
        /// Which.
        leaf: Leaf,
        /// Its how many-th life this is, from 1.
        incarnation: u32,
    },
    /// Ask a leaf to leave.
    Stop {
        /// Which.
        leaf: Leaf,
        /// Its how many-th life.
        incarnation: u32,
    },
    /// A leaf did not leave in time, or is given none: whatever it still does counts for nothing.
    Abandon {
        /// Which.
        leaf: Leaf,
        /// Its how many-th life.
        incarnation: u32,
    },
    /// The whole tree is down, for good. The last order.
    Ended(End),
}

/// How a tree ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// The budgets are spent, up to the root's.
    GaveUp {
        /// The supervisor that gave up first; those above it could not make that good.
        tree: String,
        /// The leaf it gave up on; none if that was a killed supervisor.
        leaf: Option<Leaf>,
    },
    /// The root was killed, or a supervisor below it before the tree was up.
    Killed,
    /// The tree did not come up.
    StartFailed {
        /// The leaf that could not start.
        leaf: Leaf,
    },
}

/// A supervision tree.
#[derive(Debug)]
pub struct Tree {
    /// Breadth first; the children of each supervisor lie side by side.
    units: Vec<Unit>,
    /// Where each leaf is among them.
    leaves: BTreeMap<Leaf, usize>,
    ended: bool,
}

impl Tree {
    /// A tree of which nothing runs yet.
    ///
    /// # Panics
    /// If two leaves have the same number.
    pub fn new(spec: Spec) -> Self {
        let units = unit::lay_out(spec);
        let mut leaves = BTreeMap::new();
        for (id, unit) in units.iter().enumerate() {
            if let Kind::Leaf(worker) = &unit.kind {
                let twin = leaves.insert(worker.leaf, id);
                assert!(twin.is_none(), "two leaves have the number {}", worker.leaf.0);
            }
        }
        Self { units, leaves, ended: false }
    }

    /// When a `Tick` is due, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        let next = |unit: &Unit| match &unit.kind {
            Kind::Leaf(_) => match unit.phase {
                Phase::Stopping { until } => until,
                _ => None,
            },
            Kind::Tree(supervisor) => {
                let phases =
                    || self.units[supervisor.children.clone()].iter().map(|unit| unit.phase);
                // While it waits for a child to start, it starts no other.
                let waits =
                    supervisor.work == Work::Tending && !phases().any(|p| p == Phase::Starting);
                let due = phases()
                    .filter_map(|p| if let Phase::Owed { due } = p { Some(due) } else { None });
                due.min().filter(|_| waits)
            }
        };
        self.units.iter().filter_map(next).min()
    }

    /// Takes in one event and appends what is to be done, in this order. `now` never goes back.
    pub fn step(&mut self, now: Instant, event: Event, orders: &mut Vec<Order>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start if self.units[ROOT].phase == Phase::Down => self.start(ROOT, now, orders),
            Event::Started { leaf, incarnation } => {
                if let Some(unit) = self.unit(leaf, incarnation)
                    && unit.phase == Phase::Starting
                {
                    unit.phase = Phase::Up { since: now };
                }
            }
            Event::StartFailed { leaf, incarnation } => {
                self.gone(now, leaf, incarnation, false, false);
            }
            Event::Exited { leaf, incarnation, normal } => {
                self.gone(now, leaf, incarnation, normal, false);
            }
            Event::Excused { leaf, incarnation } => self.gone(now, leaf, incarnation, false, true),
            Event::Kill { tree } => self.kill(&tree),
            Event::Stop if self.units[ROOT].phase == Phase::Down => self.end(Why::Told, orders),
            Event::Stop => self.stop(ROOT, now, orders),
            Event::Start | Event::Tick => {}
        }
        // Children come after their supervisors, so that what happened to them is made known upwards first.
        while (0..self.units.len()).rev().any(|id| self.advance(id, now, orders)) {}
    }

    /// Whether a leaf is up: started, and neither gone nor told to leave.
    pub fn running(&self, leaf: Leaf) -> bool {
        let phase = self.leaves.get(&leaf).map(|id| self.units[*id].phase);
        matches!(phase, Some(Phase::Up { .. }))
    }

    /// Each supervisor's name and how many restarts it ever made, the root first, then level by level.
    pub fn restarts(&self) -> impl Iterator<Item = (&str, u32)> {
        self.units.iter().filter_map(|unit| match &unit.kind {
            Kind::Tree(supervisor) => Some((supervisor.name.as_str(), supervisor.restarts)),
            Kind::Leaf(_) => None,
        })
    }

    /// The leaf, if this is its present life.
    fn unit(&mut self, leaf: Leaf, incarnation: u32) -> Option<&mut Unit> {
        let unit = &mut self.units[*self.leaves.get(&leaf)?];
        matches!(&unit.kind, Kind::Leaf(worker) if worker.incarnation == incarnation)
            .then_some(unit)
    }

    fn gone(&mut self, now: Instant, leaf: Leaf, incarnation: u32, normal: bool, excused: bool) {
        let Some(unit) = self.unit(leaf, incarnation) else { return };
        let Kind::Leaf(worker) = &unit.kind else { return };
        let restart = match worker.restart {
            Restart::Permanent => true,
            Restart::Transient => !normal,
            Restart::Temporary => false,
        };
        unit.phase = match unit.phase {
            Phase::Starting => Phase::Failed { why: Why::StartFailed(leaf) },
            Phase::Up { since } if restart => {
                let lived: Duration = now.saturating_duration_since(since);
                Phase::Dead { at: now, lived, why: Why::Died(leaf), excused }
            }
            Phase::Up { .. } | Phase::Stopping { .. } => Phase::Down,
            phase => phase,
        };
    }

    fn kill(&mut self, name: &str) {
        for unit in &mut self.units {
            if let Kind::Tree(supervisor) = &mut unit.kind
                && supervisor.name == name
                && matches!(unit.phase, Phase::Starting | Phase::Up { .. })
                && !matches!(supervisor.work, Work::Leaving(_))
            {
                supervisor.work = Work::Leaving(Why::Killed);
            }
        }
    }

    fn end(&mut self, why: Why, orders: &mut Vec<Order>) {
        self.ended = true;
        orders.push(Order::Ended(match why {
            Why::Told => End::Stopped,
            Why::Killed => End::Killed,
            Why::Died(leaf) => End::GaveUp { tree: self.name(ROOT), leaf: Some(leaf) },
            Why::StartFailed(leaf) => End::StartFailed { leaf },
            Why::GaveUp { tree, leaf } => End::GaveUp { tree: self.name(tree), leaf },
        }));
    }

    fn name(&self, id: usize) -> String {
        match &self.units[id].kind {
            Kind::Tree(supervisor) => supervisor.name.clone(),
            Kind::Leaf(_) => String::new(),
        }
    }
}
