//! The same semantics once more, as plain recursion over a tree in which everything is done at once.

use super::kit::{Desk, all_leaves, ms, random_tree};
use crate::engine::tree::{Strategy, *};
use proptest::prelude::*;

enum Model {
    Leaf { leaf: Leaf, restart: Restart, incarnation: u32, up: bool },
    Tree { spec: Spec, made: Vec<Instant>, up: bool, children: Vec<Model> },
}

/// Who is hit: a leaf, which exits normally or not, or a supervisor.
#[derive(Clone)]
enum Target {
    Leaf(Leaf, bool),
    Tree(String),
}

enum Hit {
    Missed,
    MadeGood,
    Dead { gave_up: Option<String>, leaf: Option<Leaf> },
}

impl Model {
    fn new(node: Node) -> Self {
        match node {
            Node::Leaf { leaf, restart, .. } => {
                Self::Leaf { leaf, restart, incarnation: 0, up: false }
            }
            Node::Tree(spec) => {
                let children = spec.children.iter().cloned().map(Self::new).collect();
                Self::Tree { spec, made: vec![], up: false, children }
            }
        }
    }

    fn start(&mut self) {
        match self {
            Self::Leaf { incarnation, up, .. } => (*incarnation, *up) = (*incarnation + 1, true),
            Self::Tree { made, up, children, .. } => {
                made.clear();
                *up = true;
                children.iter_mut().for_each(Self::start);
            }
        }
    }

    fn stop(&mut self) {
        match self {
            Self::Leaf { up, .. } => *up = false,
            Self::Tree { up, children, .. } => {
                *up = false;
                children.iter_mut().for_each(Self::stop);
            }
        }
    }

    fn hit(&mut self, target: &Target, now: Instant) -> Hit {
        let (spec, made, children) = match self {
            Self::Leaf { leaf, restart, up, .. } => {
                let Target::Leaf(hit, normal) = target else { return Hit::Missed };
                if hit != leaf {
                    return Hit::Missed;
                }
                let ends =
                    *restart == Restart::Temporary || *restart == Restart::Transient && *normal;
                let counts = std::mem::take(up) && !ends;
                let dead = Hit::Dead { gave_up: None, leaf: Some(*leaf) };
                return if counts { dead } else { Hit::MadeGood };
            }
            Self::Tree { spec, made, children, up } => {
                if matches!(target, Target::Tree(name) if *name == spec.name) && *up {
                    self.stop();
                    return Hit::Dead { gave_up: None, leaf: None };
                }
                (spec, made, children)
            }
        };
        for n in 0..children.len() {
            let (gave_up, leaf) = match children[n].hit(target, now) {
                Hit::Missed => continue,
                Hit::MadeGood => return Hit::MadeGood,
                Hit::Dead { gave_up, leaf } => (gave_up, leaf),
            };
            made.retain(|at| now - *at <= spec.budget.within);
            if made.len() == spec.budget.restarts as usize {
                let gave_up = gave_up.or(Some(spec.name.clone()));
                self.stop();
                return Hit::Dead { gave_up, leaf };
            }
            made.push(now);
            let hit = match spec.strategy {
                Strategy::OneForOne => n..n + 1,
                Strategy::OneForAll => 0..children.len(),
                Strategy::RestForOne => n..children.len(),
            };
            for child in &mut children[hit] {
                child.stop();
                if !matches!(child, Self::Leaf { restart: Restart::Temporary, .. }) {
                    child.start();
                }
            }
            return Hit::MadeGood;
        }
        Hit::Missed
    }

    fn state(&self, states: &mut Vec<(Leaf, u32, bool)>) {
        match self {
            Self::Leaf { leaf, incarnation, up, .. } => states.push((*leaf, *incarnation, *up)),
            Self::Tree { children, .. } => children.iter().for_each(|child| child.state(states)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn whoever_is_hit_the_same_leaves_run_in_the_same_life(
        spec in random_tree(false),
        hits in prop::collection::vec((0usize..200, prop::bool::weighted(0.2), 0u64..40), 1..40),
    ) {
        let (mut desk, mut model) = (Desk::up(spec.clone()), Model::new(Node::Tree(spec.clone())));
        model.start();
        let (leaves, trees) = (all_leaves(&spec), desk.tree.restarts().count());
        for (pick, normal, gap) in hits {
            desk.wait(ms(gap));
            let target = match leaves.get(pick % leaves.len().max(1)) {
                Some((leaf, ..)) if pick < 180 => Target::Leaf(*leaf, normal),
                // Seldom the root; some are not there.
                _ => Target::Tree(format!("tree {}", usize::from(pick < 197) + pick % trees)),
            };
            desk.settle(match target.clone() {
                Target::Leaf(leaf, normal) => desk.exited(leaf.0, normal),
                Target::Tree(tree) => Event::Kill { tree },
            });
            let end = match model.hit(&target, desk.now) {
                Hit::Dead { gave_up: Some(tree), leaf } => Some(End::GaveUp { tree, leaf }),
                Hit::Dead { .. } => Some(End::Killed),
                _ => None,
            };
            prop_assert_eq!(&desk.ended, &end);
            let mut states = vec![];
            model.state(&mut states);
            for (leaf, incarnation, up) in states {
                prop_assert_eq!(desk.incarnation(leaf.0), incarnation, "leaf {}", leaf.0);
                prop_assert_eq!(desk.tree.running(leaf), up, "leaf {}", leaf.0);
            }
            if end.is_some() { break; }
        }
    }
}
