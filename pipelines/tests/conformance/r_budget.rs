//! R: how often a process may die.

use crate::case::Case;
use crate::kit::{both, dummy, ended, find, next, observer, pass, started};
use crate::r_siblings::VICTIM;
use crate::waits::{is_up, until_life};
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::tree::shapes::{self, Numbering, Sizes};
use pipelines::engine::tree::{self, End, Leaf, Order, Tree};
use std::time::{Duration, Instant};

pub(crate) fn cases() -> Vec<Case> {
    vec![Case::holds(
        "R5",
        "the_budget_is_spent",
        "the fourth kill in five seconds is the end, or not; slower ones never are",
        r5,
    )]
}

fn r5() {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let (observe, told) = observer();
        let running = dummy().settings(settings).stage(pass()).observed(observe).start().unwrap();
        is_up(&told);
        for life in 1..=4 {
            until_life(&running, VICTIM, life);
            assert_eq!(next(&running.test_message(life.into()).unwrap()).done.len(), 1);
            assert!(running.kill(VICTIM));
            assert_eq!(ended(&told, VICTIM), Ending::Killed);
        }
        if original {
            let failure = running.wait().failure.expect("it has given up");
            assert!(failure.what.contains("gave up"), "{failure}");
            let gave_up = |event: &Event| matches!(event, Event::GaveUp { .. }).then_some(());
            find(&told, gave_up);
        } else {
            assert_eq!(started(&told, VICTIM), 5);
            crate::kit::stop(running);
        }
    }
    slowly();
}

/// Kills that are just too far apart, on the tree itself: they cost the original all that is in flight,
/// each time and for ever, and are never noticed.
fn slowly() {
    let sizes = Sizes { processors: 2, ..Sizes::default() };
    let leaf = Numbering::new(&sizes).leaf(VICTIM).unwrap();
    // The window holds a restart that is exactly as old as it: three in it are allowed.
    for (apart_ms, ends) in [(1_666, true), (1_667, false), (5_001, false)] {
        let mut shop = Shop::open(Tree::new(shapes::broadway(&sizes)));
        let mut kills = 0;
        while shop.end.is_none() && kills < 50 {
            let incarnation = shop.lives[&leaf];
            shop.tell(tree::Event::Exited { leaf, incarnation, normal: false });
            shop.now += Duration::from_millis(apart_ms);
            kills += 1;
        }
        assert_eq!((shop.end.is_some(), kills), (ends, if ends { 4 } else { 50 }), "{apart_ms} ms");
    }
}

/// Does at once what a tree orders.
struct Shop {
    tree: Tree,
    now: Instant,
    lives: std::collections::BTreeMap<Leaf, u32>,
    end: Option<End>,
}

impl Shop {
    fn open(tree: Tree) -> Self {
        let mut shop = Self { tree, now: Instant::now(), lives: Default::default(), end: None };
        shop.tell(tree::Event::Start);
        shop
    }
    fn tell(&mut self, event: tree::Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut orders = Vec::new();
            self.tree.step(self.now, event, &mut orders);
            for order in orders {
                match order {
                    Order::Start { leaf, incarnation } => {
                        self.lives.insert(leaf, incarnation);
                        events.push_back(tree::Event::Started { leaf, incarnation });
                    }
                    Order::Stop { leaf, incarnation } => {
                        events.push_back(tree::Event::Exited { leaf, incarnation, normal: true });
                    }
                    Order::Abandon { .. } => {}
                    Order::Ended(end) => self.end = Some(end),
                }
            }
        }
    }
}
