//! A node of a tree while it runs.

use super::spec::{Backoff, Budget, Leaf, Node, Restart, Shutdown, Spec, Strategy};
use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

/// One node. Its supervisor reads its phase, and so needs no messages.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) phase: Phase,
    /// Its restarts in a row.
    pub(super) row: u32,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    Leaf(Worker),
    Tree(Supervisor),
}

/// Where a node is in its life, as its supervisor sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not there, and not to be started by itself.
    Down,
    /// To be started, no sooner than this.
    Owed { due: Instant },
    /// Told to start.
    Starting,
    /// There.
    Up { since: Instant },
    /// Told to leave, and abandoned after this.
    Stopping { until: Option<Instant> },
    /// Its start failed; its supervisor has yet to act on it.
    Failed { why: Why },
    /// Died; its supervisor has yet to act on it.
    Dead { at: Instant, lived: Duration, why: Why, excused: bool },
}

/// Why a node is on its way down, or is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Told,
    Killed,
    Died(Leaf),
    StartFailed(Leaf),
    /// The first supervisor in the chain that gave up, and the leaf it gave up on.
    GaveUp {
        tree: usize,
        leaf: Option<Leaf>,
    },
}

impl Why {
    /// The leaf that it began with, if it was a leaf.
    pub(super) fn leaf(self) -> Option<Leaf> {
        match self {
            Self::Died(leaf) | Self::StartFailed(leaf) => Some(leaf),
            Self::GaveUp { leaf, .. } => leaf,
            Self::Told | Self::Killed => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) leaf: Leaf,
    pub(super) restart: Restart,
    pub(super) shutdown: Shutdown,
    pub(super) incarnation: u32,
}

#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) name: String,
    pub(super) strategy: Strategy,
    pub(super) budget: Budget,
    pub(super) backoff: Backoff,
    /// The children's places among the units.
    pub(super) children: Range<usize>,
    pub(super) work: Work,
    /// The restarts in the window, oldest first.
    pub(super) recent: VecDeque<Instant>,
    /// All restarts there ever were.
    pub(super) restarts: u32,
}

/// What a supervisor is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Starts what is owed and acts on deaths.
    Tending,
    /// Takes the children from this one on down, which are then owed.
    Clearing { from: usize, due: Instant },
    /// Takes all children down, and is then down itself.
    Leaving(Why),
}

impl Supervisor {
    /// Counts a restart. Whether the budget allows it.
    pub(super) fn afford(&mut self, now: Instant) -> bool {
        let within = self.budget.within;
        self.recent.retain(|at| now.saturating_duration_since(*at) <= within);
        let allowed = self.recent.len() < self.budget.restarts as usize;
        if allowed {
            self.recent.push_back(now);
            self.restarts = self.restarts.saturating_add(1);
        }
        allowed
    }
}

/// The nodes breadth first: the root is the first, and the children of each supervisor lie side by side.
pub(super) fn lay_out(spec: Spec) -> Vec<Unit> {
    let mut waiting = VecDeque::from([Node::Tree(spec)]);
    let mut units = Vec::new();
    while let Some(node) = waiting.pop_front() {
        let kind = match node {
            Node::Leaf { leaf, restart, shutdown } => {
                Kind::Leaf(Worker { leaf, restart, shutdown, incarnation: 0 })
            }
            Node::Tree(spec) => {
                let first = units.len() + 1 + waiting.len();
                let children = first..first + spec.children.len();
                waiting.extend(spec.children);
                Kind::Tree(Supervisor {
                    name: spec.name,
                    strategy: spec.strategy,
                    budget: spec.budget,
                    backoff: spec.backoff,
                    children,
                    work: Work::Tending,
                    recent: VecDeque::new(),
                    restarts: 0,
                })
            }
        };
        units.push(Unit { phase: Phase::Down, row: 0, kind });
    }
    units
}
