//! Any tree under a shell that answers late, out of order or not at all.

use super::kit::{all_leaves, ms, random_tree};
use crate::engine::tree::unit::Work;
use crate::engine::tree::{
    Budget, End, Event, Instant, Kind, Leaf, Node, Order, ROOT, Restart, Spec, Tree, Why,
};
use proptest::prelude::*;

/// What a leaf's present life is really like.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Life {
    Gone,
    Starting,
    Up,
    Asked,
}

struct Real {
    leaf: Leaf,
    permanent: bool,
    supervisor: String,
    incarnation: u32,
    life: Life,
}

struct World {
    tree: Tree,
    now: Instant,
    real: Vec<Real>,
    ended: Option<End>,
    budget: Budget,
    /// When the root restarted something: counted here by what it says it did.
    root_restarts: Vec<Instant>,
    gave_up: bool,
}

impl World {
    fn new(spec: &Spec) -> Self {
        let real = |(leaf, node, supervisor)| Real {
            leaf,
            permanent: matches!(node, Node::Leaf { restart: Restart::Permanent, .. }),
            supervisor,
            incarnation: 0,
            life: Life::Gone,
        };
        Self {
            tree: Tree::new(spec.clone()),
            now: Instant::now(),
            real: all_leaves(spec).into_iter().map(real).collect(),
            ended: None,
            budget: spec.budget,
            root_restarts: vec![],
            gave_up: false,
        }
    }

    fn step(&mut self, event: Event) {
        let (mut orders, said) = (vec![], event.clone());
        self.tree.step(self.now, event, &mut orders);
        for order in orders {
            assert_eq!(self.ended, None, "{order:?} after the end");
            match order {
                Order::Start { leaf, incarnation } => self.start(leaf, incarnation),
                Order::Stop { leaf, incarnation } => {
                    let at = self.at(leaf, incarnation);
                    assert!(matches!(self.real[at].life, Life::Starting | Life::Up), "{said:?}");
                    assert!(
                        !self.siblings(at).any(|s| s.life == Life::Asked),
                        "one is stopped at a time"
                    );
                    self.real[at].life = Life::Asked;
                }
                Order::Abandon { leaf, incarnation } => {
                    let at = self.at(leaf, incarnation);
                    assert_ne!(self.real[at].life, Life::Gone);
                    self.real[at].life = Life::Gone;
                }
                Order::Ended(end) => {
                    assert!(self.real.iter().all(|real| real.life == Life::Gone));
                    self.ended = Some(end);
                }
            }
        }
        self.count();
        for real in &self.real {
            assert_eq!(self.tree.running(real.leaf), real.life == Life::Up, "{:?}", real.leaf);
        }
        assert!(
            self.tree.deadline().is_none_or(|due| due > self.now),
            "a tick would change nothing"
        );
    }

    fn start(&mut self, leaf: Leaf, incarnation: u32) {
        let at = self.real.iter().position(|real| real.leaf == leaf).unwrap();
        let busy = |real: &Real| matches!(real.life, Life::Starting | Life::Asked);
        assert!(!self.siblings(at).any(busy), "one is started at a time");
        let real = &mut self.real[at];
        assert_eq!(real.life, Life::Gone, "{leaf:?} would be there twice");
        assert_eq!(real.incarnation + 1, incarnation);
        (real.incarnation, real.life) = (incarnation, Life::Starting);
    }

    /// The root gives up if and only if its budget was spent when one more death came.
    fn count(&mut self) {
        let made = self.tree.restarts().next().unwrap().1 as usize;
        self.root_restarts.resize(made, self.now);
        let recent = |at: &&Instant| self.now.duration_since(**at) <= self.budget.within;
        let recent = self.root_restarts.iter().filter(recent).count();
        assert!(recent <= self.budget.restarts as usize, "the budget was exceeded unnoticed");
        let Kind::Tree(root) = &self.tree.units[ROOT].kind else { unreachable!() };
        if matches!(root.work, Work::Leaving(Why::GaveUp { .. })) && !self.gave_up {
            self.gave_up = true;
            assert_eq!(recent, self.budget.restarts as usize, "there was some left");
        }
    }

    fn at(&self, leaf: Leaf, incarnation: u32) -> usize {
        let same = |real: &Real| real.leaf == leaf && real.incarnation == incarnation;
        self.real.iter().position(same).expect("it is the present life")
    }

    fn siblings(&self, at: usize) -> impl Iterator<Item = &Real> {
        let others =
            self.real.iter().enumerate().filter(move |(n, _)| *n != at).map(|(_, real)| real);
        others.filter(move |real| real.supervisor == self.real[at].supervisor)
    }

    /// One of the leaves with such a life.
    fn pick(&self, pick: usize, life: Life) -> Option<usize> {
        let those: Vec<_> = (0..self.real.len()).filter(|at| self.real[*at].life == life).collect();
        (!those.is_empty()).then(|| those[pick % those.len()])
    }

    fn answer_start(&mut self, at: usize, well: bool) {
        let real = &mut self.real[at];
        let (leaf, incarnation) = (real.leaf, real.incarnation);
        // A leaf that was asked to leave before it was up may still say that it is up.
        if real.life == Life::Starting {
            real.life = if well { Life::Up } else { Life::Gone };
        }
        let started = Event::Started { leaf, incarnation };
        self.step(if well { started } else { Event::StartFailed { leaf, incarnation } });
    }

    fn exit(&mut self, at: usize, normal: bool) {
        let real = &mut self.real[at];
        real.life = Life::Gone;
        let (leaf, incarnation) = (real.leaf, real.incarnation);
        self.step(Event::Exited { leaf, incarnation, normal });
    }

    fn act(&mut self, (kind, pick, wait): (u8, usize, u64)) {
        let (starting, up) = (self.pick(pick, Life::Starting), self.pick(pick, Life::Up));
        let asked = self.pick(pick, Life::Asked);
        match (kind, starting, asked, up) {
            (0..=11, Some(at), ..) => self.answer_start(at, true),
            (12, Some(at), ..) => self.answer_start(at, false),
            (13, Some(at), ..) => self.exit(at, pick % 2 == 0),
            (14..=19, _, Some(at), _) => self.exit(at, pick % 2 == 0),
            (20, _, Some(at), _) => self.answer_start(at, true),
            (21..=30, _, _, Some(at)) => self.exit(at, kind == 30),
            // Seldom the root.
            (31, ..) => self.step(Event::Kill { tree: format!("tree {}", pick % 13) }),
            (32, ..) if !self.real.is_empty() => {
                let real = &self.real[pick % self.real.len()];
                let (leaf, incarnation) = (real.leaf, real.incarnation.wrapping_sub(1));
                self.step(Event::Exited { leaf, incarnation, normal: false });
            }
            (33..=35, ..) => {
                self.now = self.tree.deadline().unwrap_or(self.now);
                self.step(Event::Tick);
            }
            _ => {
                self.now += ms(wait);
                self.step(Event::Tick);
            }
        }
    }

    /// Everybody answers well, until nothing is left to answer or to wait for.
    fn settle(&mut self) {
        for _ in 0..10_000 {
            if let Some(at) = self.pick(0, Life::Asked) {
                self.exit(at, true);
            } else if let Some(at) = self.pick(0, Life::Starting) {
                self.answer_start(at, true);
            } else if let Some(due) = self.tree.deadline() {
                self.now = due;
                self.step(Event::Tick);
            } else {
                return;
            }
        }
        panic!("it does not come to rest");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn nobody_is_lost_or_doubled_and_no_budget_exceeded(
        spec in random_tree(true),
        actions in prop::collection::vec((0u8..40, 0usize..100, 0u64..30), 0..120),
        rises in prop::bool::weighted(0.8),
        stop in 0usize..400,
    ) {
        let mut world = World::new(&spec);
        world.step(Event::Start);
        if rises { world.settle(); }
        for (n, action) in actions.into_iter().enumerate() {
            world.act(action);
            if n == stop { world.step(Event::Stop); }
        }
        world.settle();
        for real in &world.real {
            let lost = real.permanent && real.life != Life::Up;
            prop_assert!(!lost || world.ended.is_some(), "{:?} is lost", real.leaf);
        }
        world.step(Event::Stop);
        world.settle();
        prop_assert!(world.ended.is_some(), "it was told to stop");
        prop_assert!(world.real.iter().all(|real| real.life == Life::Gone));
    }
}
