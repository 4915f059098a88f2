//! The trees of a pipeline: the original's, and ours.

pub use super::process::{NoProcess, Numbering, Process};
use super::{Backoff, Budget, Leaf, Node, Restart, Shutdown, Spec, Strategy};
use std::time::Duration;

/// How long a service and the rate limiter have to leave: a `GenServer`'s default.
const SERVER_SHUTDOWN: Duration = Duration::from_secs(5);
/// Broadway's `shutdown` when none is given.
const BROADWAY_SHUTDOWN: Duration = Duration::from_secs(30);
/// The budget of a supervisor that is given none: OTP's restarts, Elixir's window; also Broadway's root.
const USUAL: Budget = Budget { restarts: 3, within: Duration::from_secs(5) };
/// "Either all are running or none": any death is the supervisor's own.
const ALL_OR_NONE: Budget = Budget { restarts: 0, within: Duration::from_secs(5) };
/// Broadway's budget for a batcher and its batch processors.
const BATCHER: Budget = Budget { restarts: 4, within: Duration::from_secs(2) };
/// What each supervisor of ours may spend: enough for a storm of kills, not for a loop.
const OURS: Budget = Budget { restarts: 100, within: Duration::from_secs(5) };

/// How many processes of each kind a pipeline has, and how they leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    /// What is started before the producers.
    pub services: usize,
    /// Whether there is a rate limiter.
    pub rate_limiter: bool,
    /// Copies of the producer.
    pub producers: usize,
    /// Copies of the processor.
    pub processors: usize,
    /// The batchers, each with its number of batch processors.
    pub batchers: Vec<usize>,
    /// How long each process but services and the rate limiter has to leave.
    pub shutdown: Duration,
    /// The root's budget in [`broadway`]: its `max_restarts` and `max_seconds`.
    pub budget: Budget,
}

impl Default for Sizes {
    /// One producer, one processor, and Broadway's times and budget.
    fn default() -> Self {
        Self {
            services: 0,
            rate_limiter: false,
            producers: 1,
            processors: 1,
            batchers: Vec::new(),
            shutdown: BROADWAY_SHUTDOWN,
            budget: USUAL,
        }
    }
}

/// What kind of supervisor one is.
#[derive(Clone, Copy)]
enum Group {
    Root,
    Producers,
    Processors,
    Batchers,
    Batcher,
    BatchProcessors,
}

/// The tree of Broadway 1.3 (`Broadway.Topology`): a dead processor takes all but the producers with it.
pub fn broadway(sizes: &Sizes) -> Spec {
    // n children may be restarted 2n times in n seconds.
    let twice = |n: usize| {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        Budget { restarts: n.saturating_mul(2), within: Duration::from_secs(n.into()) }
    };
    shape(sizes, |group| {
        let (strategy, budget) = match group {
            Group::Root => (Strategy::RestForOne, sizes.budget),
            Group::Producers => (Strategy::OneForOne, twice(sizes.producers)),
            Group::Processors | Group::BatchProcessors => (Strategy::OneForAll, ALL_OR_NONE),
            Group::Batchers => (Strategy::OneForOne, twice(sizes.batchers.len())),
            Group::Batcher => (Strategy::RestForOne, BATCHER),
        };
        (strategy, budget, Backoff::NONE)
    })
}

/// Our tree: the same processes, and a death costs nobody else anything.
pub fn okiagari(sizes: &Sizes, seed: u64) -> Spec {
    let backoff = Backoff {
        first: Duration::from_millis(1),
        most: Duration::from_millis(100),
        jitter: true,
        seed,
    };
    shape(sizes, |_| (Strategy::OneForOne, OURS, backoff))
}

/// A pipeline under an application's supervisor, as in the thesis: it restarts one whose budget is spent.
pub fn application(pipeline: Spec) -> Spec {
    Spec {
        name: "application".to_owned(),
        strategy: Strategy::OneForOne,
        budget: USUAL,
        backoff: Backoff::NONE,
        children: vec![Node::Tree(pipeline)],
    }
}

fn shape(sizes: &Sizes, rule: impl Fn(Group) -> (Strategy, Budget, Backoff)) -> Spec {
    let tree = |group, name: String, children| {
        let (strategy, budget, backoff) = rule(group);
        Spec { name, strategy, budget, backoff, children }
    };
    // Leaves are numbered in the order in which they are made here: see `Numbering`.
    let mut next = 0..;
    let mut leaves = |count: usize, limit: Duration| -> Vec<Node> {
        let shutdown = Shutdown::Within(limit);
        let leaf = |n| Node::Leaf { leaf: Leaf(n), restart: Restart::Permanent, shutdown };
        next.by_ref().take(count).map(leaf).collect()
    };
    let mut children = leaves(sizes.services + usize::from(sizes.rate_limiter), SERVER_SHUTDOWN);
    let mut group =
        |group, name: &str, leaves| children.push(Node::Tree(tree(group, name.into(), leaves)));
    group(Group::Producers, "producers", leaves(sizes.producers, sizes.shutdown));
    group(Group::Processors, "processors", leaves(sizes.processors, sizes.shutdown));
    if !sizes.batchers.is_empty() {
        let batcher = |(n, handlers): (usize, &usize)| {
            let mut pair = leaves(1, sizes.shutdown);
            let handlers = leaves(*handlers, sizes.shutdown);
            pair.push(Node::Tree(tree(
                Group::BatchProcessors,
                format!("batch processors {n}"),
                handlers,
            )));
            Node::Tree(tree(Group::Batcher, format!("batcher {n}"), pair))
        };
        let batchers = sizes.batchers.iter().enumerate().map(batcher).collect();
        group(Group::Batchers, "batchers", batchers);
    }
    children.extend(leaves(1, sizes.shutdown));
    tree(Group::Root, "root".to_owned(), children)
}
