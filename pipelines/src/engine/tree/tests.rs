//! What each strategy does, by table.

mod chaos;
mod kit;
mod oracle;
mod shapes;

use super::*;
use kit::{Desk, leaf, leaves, ms, tree};

/// Root 0..2 with groups of two leaves each below it: 0, (1 2), (3 4), 5.
fn nested(strategy: Strategy, group: Strategy, restarts: u32) -> Spec {
    let inner = |name, n| Node::Tree(tree(name, group, restarts, leaves(n)));
    tree("root", strategy, 3, vec![leaf(0), inner("a", 1..3), inner("b", 3..5), leaf(5)])
}

#[test]
fn a_tree_starts_in_order_one_after_the_other() {
    let mut desk = Desk::new(nested(Strategy::OneForOne, Strategy::OneForAll, 0));
    assert_eq!(desk.step(Event::Start), "+0.1");
    assert_eq!(desk.step(Event::Start), "", "it starts once");
    for n in 0..5 {
        assert!(!desk.tree.running(Leaf(n)));
        assert_eq!(desk.step(desk.started(n)), format!("+{}.1", n + 1));
        assert!(desk.tree.running(Leaf(n)));
    }
    assert_eq!(desk.step(desk.started(5)), "");
    assert_eq!(desk.tree.deadline(), None);
}

#[test]
fn each_strategy_restarts_whom_it_says() {
    let table = [
        (Strategy::OneForOne, 1, "+1.2"),
        (Strategy::OneForAll, 1, "-3.1 -2.1 -0.1 +0.2 +1.2 +2.2 +3.2"),
        (Strategy::RestForOne, 1, "-3.1 -2.1 +1.2 +2.2 +3.2"),
        (Strategy::RestForOne, 0, "-3.1 -2.1 -1.1 +0.2 +1.2 +2.2 +3.2"),
        (Strategy::RestForOne, 3, "+3.2"),
    ];
    for (strategy, dead, orders) in table {
        assert_eq!(Desk::up(tree("root", strategy, 1, leaves(0..4))).kill(dead), orders);
    }
}

#[test]
fn a_group_is_restarted_as_a_whole_by_the_one_above() {
    let table = [
        (Strategy::OneForOne, "-2.1 +1.2 +2.2"),
        (Strategy::RestForOne, "-2.1 -5.1 -4.1 -3.1 +1.2 +2.2 +3.2 +4.2 +5.2"),
        (Strategy::OneForAll, "-2.1 -5.1 -4.1 -3.1 -0.1 +0.2 +1.2 +2.2 +3.2 +4.2 +5.2"),
    ];
    for (strategy, orders) in table {
        let spec = nested(strategy, Strategy::OneForAll, 0);
        assert_eq!(Desk::up(spec.clone()).kill(1), orders);
        let killed = orders.replacen("-2.1", "-2.1 -1.1", 1);
        assert_eq!(Desk::up(spec).settle(Event::Kill { tree: "a".into() }), killed);
    }
}

#[test]
fn exits_are_made_good_as_the_leaf_wants() {
    for (restart, normal, orders) in [
        (Restart::Permanent, true, "+0.2"),
        (Restart::Transient, true, ""),
        (Restart::Transient, false, "+0.2"),
        (Restart::Temporary, false, ""),
    ] {
        let shutdown = Shutdown::Infinite;
        let child = Node::Leaf { leaf: Leaf(0), restart, shutdown };
        let mut desk = Desk::up(tree("root", Strategy::OneForOne, 1, vec![child, leaf(1)]));
        assert_eq!(desk.settle(desk.exited(0, normal)), orders);
    }
    // A temporary one is stopped with the others, and not started again; an ended transient one is.
    let (temporary, transient) = (Restart::Temporary, Restart::Transient);
    let node = |n, restart| Node::Leaf { leaf: Leaf(n), restart, shutdown: Shutdown::Infinite };
    let children = vec![node(0, transient), node(1, temporary), leaf(2)];
    let mut desk = Desk::up(tree("root", Strategy::OneForAll, 1, children));
    desk.settle(desk.exited(0, true));
    assert_eq!(desk.kill(2), "-1.1 +0.2 +2.2");
}

#[test]
fn a_restart_as_old_as_the_window_still_counts() {
    for (gap, orders) in
        [(ms(5000), "-1.1 gave up root 0"), (ms(5000) + Duration::from_nanos(1), "+0.3")]
    {
        let mut desk = Desk::up(tree("root", Strategy::OneForOne, 1, leaves(0..2)));
        assert_eq!(desk.kill(0), "+0.2");
        assert_eq!(desk.wait(gap).kill(0), orders);
    }
}

#[test]
fn stopping_goes_in_reverse_and_waits_for_each() {
    let mut desk = Desk::up(nested(Strategy::OneForOne, Strategy::OneForOne, 1));
    assert_eq!(desk.step(Event::Stop), "-5.1");
    assert_eq!(desk.step(desk.exited(0, false)), "", "its supervisor is leaving");
    assert_eq!(desk.step(desk.exited(1, false)), "+1.2", "its group has not been told yet");
    for (gone, next) in [(5, "-4.1"), (4, "-3.1"), (3, "-2.1"), (2, "-1.2"), (1, "stopped")] {
        assert_eq!(desk.step(desk.exited(gone, true)), next);
    }
    assert_eq!(desk.step(Event::Stop), "");
    assert_eq!(
        Desk::new(tree("root", Strategy::OneForAll, 0, leaves(0..1))).step(Event::Stop),
        "stopped"
    );
}

#[test]
fn a_leaf_that_does_not_leave_in_time_is_abandoned() {
    let mut desk = Desk::up(tree("root", Strategy::OneForAll, 1, leaves(0..3)));
    assert_eq!(desk.step(desk.exited(0, false)), "-2.1");
    assert_eq!(desk.tree.deadline(), Some(desk.now + ms(100)));
    assert_eq!(desk.wait(ms(99)).step(Event::Tick), "");
    assert_eq!(desk.wait(ms(1)).step(Event::Tick), "x2.1 -1.1");
    assert_eq!(desk.step(desk.exited(2, false)), "", "it is not there any more");
    assert_eq!(desk.step(desk.exited(1, true)), "+0.2");
    assert_eq!(desk.settle(desk.started(0)), "+1.2 +2.2");
    assert_eq!(desk.step(Event::Exited { leaf: Leaf(2), incarnation: 1, normal: false }), "");

    let brutal =
        Node::Leaf { leaf: Leaf(0), restart: Restart::Permanent, shutdown: Shutdown::Brutal };
    let mut desk = Desk::up(tree("root", Strategy::OneForAll, 1, vec![brutal]));
    assert_eq!(desk.step(Event::Stop), "x0.1 stopped");
}

#[test]
fn a_tree_that_cannot_start_ends() {
    let mut desk = Desk::new(nested(Strategy::OneForOne, Strategy::OneForAll, 9));
    desk.step(Event::Start);
    desk.step(desk.started(0));
    desk.step(desk.started(1));
    assert_eq!(desk.step(desk.failed(2)), "-1.1", "a group that starts spends no budget");
    assert_eq!(desk.settle(desk.exited(1, true)), "-0.1 start failed 2");
}

#[test]
fn a_failed_restart_is_a_restart_more() {
    // One for all: everybody who was up again is stopped once more.
    let mut desk = Desk::up(tree("root", Strategy::OneForAll, 2, leaves(0..3)));
    assert_eq!(desk.step(desk.exited(2, false)), "-1.1");
    assert_eq!(desk.step(desk.exited(1, false)), "-0.1");
    assert_eq!(desk.step(desk.exited(0, false)), "+0.2");
    assert_eq!(desk.step(desk.started(0)), "+1.2");
    assert_eq!(desk.step(desk.failed(1)), "-0.2");
    assert_eq!(desk.step(desk.exited(0, true)), "+0.3");
    assert_eq!(desk.step(desk.failed(0)), "gave up root 0");

    // Rest for one: those before it stay, those after it wait.
    let mut desk = Desk::up(tree("root", Strategy::RestForOne, 2, leaves(0..4)));
    desk.step(desk.exited(1, false));
    desk.step(desk.exited(3, true));
    desk.step(desk.exited(2, true));
    assert_eq!(desk.step(desk.started(1)), "+2.2");
    assert_eq!(desk.step(desk.failed(2)), "+2.3");
    assert_eq!(desk.settle(desk.started(2)), "+3.2");

    // In a group, at the restart of that group: the one above counts it.
    let mut desk = Desk::up(nested(Strategy::OneForOne, Strategy::OneForAll, 0));
    desk.step(desk.exited(1, false));
    assert_eq!(desk.step(desk.exited(2, true)), "+1.2");
    assert_eq!(desk.step(desk.failed(1)), "+1.3");
    assert_eq!(desk.step(desk.failed(1)), "+1.4");
    assert_eq!(desk.step(desk.failed(1)), "-5.1");
}

#[test]
fn deaths_while_busy_are_acted_on_afterwards_and_once() {
    let mut desk = Desk::up(tree("root", Strategy::OneForOne, 9, leaves(0..3)));
    assert_eq!(desk.step(desk.exited(1, false)), "+1.2");
    desk.wait(ms(1));
    assert_eq!(desk.step(desk.exited(2, false)), "", "a start is under way");
    desk.wait(ms(1));
    assert_eq!(desk.step(desk.exited(0, false)), "");
    assert_eq!(desk.step(desk.started(1)), "+2.2", "the oldest first");
    assert_eq!(desk.step(desk.started(2)), "+0.2");

    let mut desk = Desk::up(tree("root", Strategy::OneForAll, 1, leaves(0..3)));
    assert_eq!(desk.step(desk.exited(2, false)), "-1.1");
    assert_eq!(desk.step(desk.exited(0, false)), "", "it would have been stopped next");
    assert_eq!(desk.settle(desk.exited(1, false)), "+0.2 +1.2 +2.2");
    assert_eq!(desk.tree.restarts().next(), Some(("root", 1)));
}

#[test]
fn stop_and_kill_win_over_a_restart() {
    let mut desk = Desk::up(tree("root", Strategy::OneForAll, 9, leaves(0..3)));
    desk.step(desk.exited(2, false));
    assert_eq!(desk.step(Event::Stop), "", "1 has been told already");
    assert_eq!(desk.settle(desk.exited(1, true)), "-0.1 stopped");

    let mut desk = Desk::up(tree("root", Strategy::OneForOne, 9, leaves(0..2)));
    desk.step(desk.exited(0, false));
    assert_eq!(desk.step(Event::Kill { tree: "root".into() }), "-1.1");
    assert_eq!(
        desk.step(desk.exited(1, true)),
        "-0.2",
        "it is not up yet, and is told all the same"
    );
    assert_eq!(desk.step(desk.started(0)), "");
    assert_eq!(desk.step(desk.exited(0, true)), "killed");
}

#[test]
fn restarts_in_a_row_wait_ever_longer_and_hold_up_nobody_else() {
    let mut spec = tree("root", Strategy::OneForOne, 99, leaves(0..2));
    spec.backoff = Backoff { first: ms(1), most: ms(4), jitter: false, seed: 0 };
    let mut desk = Desk::up(spec);
    let mut waits = vec![];
    for _ in 0..5 {
        let before = desk.now;
        if desk.kill(0).is_empty() {
            desk.now = desk.tree.deadline().unwrap();
            assert!(desk.settle(Event::Tick).starts_with("+0."));
        }
        waits.push(desk.now - before);
    }
    assert_eq!(waits, [0, 1, 2, 4, 4].map(ms));
    assert_eq!(desk.kill(0), "");
    assert_eq!(desk.kill(1), "+1.2", "the other one has a row of its own");
    desk.now = desk.tree.deadline().unwrap();
    desk.settle(Event::Tick);
    assert_eq!(desk.wait(ms(5)).kill(0), "+0.8", "it ran longer than the longest wait");
}

#[test]
fn siblings_are_stopped_before_the_wait() {
    let mut spec = tree("root", Strategy::OneForAll, 99, leaves(0..2));
    spec.backoff = Backoff { first: ms(10), most: ms(10), jitter: false, seed: 0 };
    let mut desk = Desk::up(spec);
    assert_eq!(desk.kill(0), "-1.1 +0.2 +1.2");
    assert_eq!(desk.kill(0), "-1.2");
    assert_eq!(desk.tree.deadline(), Some(desk.now + ms(10)));
    assert_eq!(desk.step(Event::Stop), "stopped");
}

#[test]
fn jitter_takes_up_to_a_half_and_is_always_the_same() {
    let backoff = Backoff { first: ms(8), most: ms(8), jitter: true, seed: 3 };
    let waits: Vec<_> = (0..100).map(|count| backoff.wait(1, count)).collect();
    assert!(waits.iter().all(|wait| (ms(4)..=ms(8)).contains(wait)));
    assert!(waits.iter().any(|wait| *wait < ms(5)) && waits.iter().any(|wait| *wait > ms(7)));
    assert_eq!(waits, (0..100).map(|count| backoff.wait(1, count)).collect::<Vec<_>>());
    assert_eq!(backoff.wait(0, 5), Duration::ZERO);
    assert_eq!(Backoff::NONE.wait(9, 9), Duration::ZERO);
}

#[test]
fn the_first_reason_to_end_is_the_one_told() {
    let kill = || Event::Kill { tree: "root".into() };
    for (first, second, end) in [
        (None, Event::Stop, "gave up root 0"),
        (None, kill(), "gave up root 0"),
        (Some(kill()), Event::Stop, "killed"),
        (Some(Event::Stop), kill(), "stopped"),
    ] {
        let mut desk = Desk::up(tree("root", Strategy::OneForOne, 0, leaves(0..2)));
        assert_eq!(desk.step(first.unwrap_or(desk.exited(0, false))), "-1.1");
        assert_eq!(desk.step(second), "");
        let mut orders = desk.step(desk.exited(1, true));
        if desk.ended.is_none() {
            orders = desk.step(desk.exited(0, true));
        }
        assert_eq!(orders, end);
        for event in [Event::Start, Event::Stop, kill(), Event::Tick] {
            assert_eq!(desk.step(event), "", "the end is the end");
        }
    }
}
