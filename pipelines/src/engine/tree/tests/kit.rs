//! A shell that does what it is told, and random trees.

use crate::engine::tree::{Strategy, *};
use proptest::prelude::*;
use proptest::strategy::Strategy as Generate;
use std::collections::BTreeMap;

pub(super) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn tree(name: &str, strategy: Strategy, restarts: u32, children: Vec<Node>) -> Spec {
    let budget = Budget { restarts, within: ms(5000) };
    Spec { name: name.to_owned(), strategy, budget, backoff: Backoff::NONE, children }
}

pub(super) fn leaf(n: u32) -> Node {
    Node::Leaf { leaf: Leaf(n), restart: Restart::Permanent, shutdown: Shutdown::Within(ms(100)) }
}

pub(super) fn leaves(numbers: std::ops::Range<u32>) -> Vec<Node> {
    numbers.map(leaf).collect()
}

/// Each leaf's number, its node and its supervisor's name.
pub(super) fn all_leaves(spec: &Spec) -> Vec<(Leaf, Node, String)> {
    let below = |node: &Node| match node {
        Node::Leaf { leaf, .. } => vec![(*leaf, node.clone(), spec.name.clone())],
        Node::Tree(spec) => all_leaves(spec),
    };
    spec.children.iter().flat_map(below).collect()
}

/// A tree, its time, and what was ordered: `+1.2` starts leaf 1 for the second time, `-1.2` stops it,
/// `x1.2` abandons it.
pub(super) struct Desk {
    pub(super) tree: Tree,
    pub(super) now: Instant,
    incarnations: BTreeMap<Leaf, u32>,
    pub(super) ended: Option<End>,
}

impl Desk {
    pub(super) fn new(spec: Spec) -> Self {
        let (now, incarnations) = (Instant::now(), BTreeMap::new());
        Self { tree: Tree::new(spec), now, incarnations, ended: None }
    }

    /// One that is up.
    pub(super) fn up(spec: Spec) -> Self {
        let mut desk = Self::new(spec);
        desk.settle(Event::Start);
        desk
    }

    pub(super) fn incarnation(&self, leaf: u32) -> u32 {
        self.incarnations.get(&Leaf(leaf)).copied().unwrap_or(0)
    }

    fn orders(&mut self, event: Event) -> Vec<Order> {
        let mut orders = vec![];
        self.tree.step(self.now, event, &mut orders);
        for order in &orders {
            match order {
                Order::Start { leaf, incarnation } => {
                    self.incarnations.insert(*leaf, *incarnation);
                }
                Order::Ended(end) => assert_eq!(self.ended.replace(end.clone()), None),
                _ => {}
            }
        }
        orders
    }

    /// One event, with nobody answering.
    pub(super) fn step(&mut self, event: Event) -> String {
        self.orders(event).iter().map(render).collect::<Vec<_>>().join(" ")
    }

    /// One event, with everybody doing at once what they are told.
    pub(super) fn settle(&mut self, event: Event) -> String {
        let (mut said, mut log) = (std::collections::VecDeque::from([event]), vec![]);
        while let Some(event) = said.pop_front() {
            for order in self.orders(event) {
                log.push(render(&order));
                match order {
                    Order::Start { leaf, incarnation } => {
                        said.push_back(Event::Started { leaf, incarnation });
                    }
                    Order::Stop { leaf, incarnation } => {
                        said.push_back(Event::Exited { leaf, incarnation, normal: true });
                    }
                    Order::Abandon { .. } | Order::Ended(_) => {}
                }
            }
        }
        log.join(" ")
    }

    pub(super) fn started(&self, leaf: u32) -> Event {
        Event::Started { leaf: Leaf(leaf), incarnation: self.incarnation(leaf) }
    }

    pub(super) fn failed(&self, leaf: u32) -> Event {
        Event::StartFailed { leaf: Leaf(leaf), incarnation: self.incarnation(leaf) }
    }

    pub(super) fn exited(&self, leaf: u32, normal: bool) -> Event {
        Event::Exited { leaf: Leaf(leaf), incarnation: self.incarnation(leaf), normal }
    }

    /// A leaf is killed, everybody else does as told.
    pub(super) fn kill(&mut self, leaf: u32) -> String {
        self.settle(self.exited(leaf, false))
    }

    pub(super) fn wait(&mut self, time: Duration) -> &mut Self {
        self.now += time;
        self
    }
}

fn render(order: &Order) -> String {
    match order {
        Order::Start { leaf, incarnation } => format!("+{}.{incarnation}", leaf.0),
        Order::Stop { leaf, incarnation } => format!("-{}.{incarnation}", leaf.0),
        Order::Abandon { leaf, incarnation } => format!("x{}.{incarnation}", leaf.0),
        Order::Ended(End::GaveUp { tree, leaf }) => {
            format!("gave up {tree} {}", leaf.map_or(-1, |leaf| i64::from(leaf.0)))
        }
        Order::Ended(End::StartFailed { leaf }) => format!("start failed {}", leaf.0),
        Order::Ended(End::Stopped) => "stopped".to_owned(),
        Order::Ended(End::Killed) => "killed".to_owned(),
    }
}

/// Trees up to three levels deep, with few restarts allowed, so that budgets are spent.
pub(super) fn random_tree(backoff: bool) -> impl Generate<Value = Spec> {
    let restart = prop_oneof![
        4 => Just(Restart::Permanent), 1 => Just(Restart::Transient), 1 => Just(Restart::Temporary),
    ];
    let shutdown = prop_oneof![
        4 => (0u64..50).prop_map(|n| Shutdown::Within(ms(n))),
        1 => Just(Shutdown::Brutal), 1 => Just(Shutdown::Infinite),
    ];
    let leaf = (restart, shutdown).prop_map(|(restart, shutdown)| Node::Leaf {
        leaf: Leaf(0),
        restart,
        shutdown,
    });
    let node = leaf.prop_recursive(2, 16, 4, move |node| {
        random_spec(node, 0..4, backoff).prop_map(Node::Tree)
    });
    random_spec(node, 1..6, backoff).prop_map(|mut spec| {
        number(&mut spec, &mut (0..), &mut (0..));
        spec
    })
}

fn random_spec(
    node: impl Generate<Value = Node>,
    children: std::ops::Range<usize>,
    backoff: bool,
) -> impl Generate<Value = Spec> {
    let strategy = prop_oneof![
        Just(Strategy::OneForOne),
        Just(Strategy::OneForAll),
        Just(Strategy::RestForOne)
    ];
    let budget =
        (0u32..6, 0u64..80).prop_map(|(restarts, within)| Budget { restarts, within: ms(within) });
    let wait = Backoff { first: ms(1), most: ms(8), jitter: true, seed: 7 };
    let backoff = if backoff {
        prop_oneof![Just(wait), Just(Backoff::NONE)].boxed()
    } else {
        Just(Backoff::NONE).boxed()
    };
    (strategy, budget, backoff, prop::collection::vec(node, children)).prop_map(
        |(strategy, budget, backoff, children)| Spec {
            name: String::new(),
            strategy,
            budget,
            backoff,
            children,
        },
    )
}

fn number(
    spec: &mut Spec,
    names: &mut std::ops::RangeFrom<u32>,
    numbers: &mut std::ops::RangeFrom<u32>,
) {
    spec.name = format!("tree {}", names.next().unwrap());
    for child in &mut spec.children {
        match child {
            Node::Leaf { leaf, .. } => *leaf = Leaf(numbers.next().unwrap()),
            Node::Tree(spec) => number(spec, names, numbers),
        }
    }
}
