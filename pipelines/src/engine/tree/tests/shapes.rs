//! What the trees of a pipeline do when one of its processes is killed.

use super::kit::{Desk, all_leaves, ms};
use crate::engine::tree::shapes::{self, Numbering, Process, Sizes};
use crate::engine::tree::{Event, Leaf};

#[test]
fn broadway_survives_three_killed_processors_in_five_seconds() {
    let sizes = Sizes { producers: 2, processors: 4, batchers: vec![2, 1], ..Sizes::default() };
    let leaf = |process| Numbering::new(&sizes).leaf(process).unwrap();
    let (Leaf(victim), producer) = (leaf(Process::Processor(1)), leaf(Process::Producer(0)));
    let mut desk = Desk::up(shapes::broadway(&sizes));
    // Producers 0 and 1 stay; processors 2 to 5, batchers 6 (7 8) and 9 (10), terminator 11 go.
    assert_eq!(
        desk.kill(victim),
        "-5.1 -4.1 -2.1 -11.1 -10.1 -9.1 -8.1 -7.1 -6.1 \
         +2.2 +3.2 +4.2 +5.2 +6.2 +7.2 +8.2 +9.2 +10.2 +11.2"
    );
    for _ in 0..2 {
        desk.wait(ms(1000)).kill(victim);
        assert!(desk.tree.running(producer));
    }
    assert_eq!(desk.tree.restarts().next(), Some(("root", 3)));
    assert!(desk.wait(ms(1000)).kill(victim).ends_with("-1.1 -0.1 gave up processors 3"));

    let mut desk = Desk::up(shapes::broadway(&sizes));
    for _ in 0..8 {
        desk.wait(ms(1667)).kill(victim);
        assert!(desk.tree.running(Leaf(victim)), "four kills span more than five seconds");
    }
}

#[test]
fn broadway_restarts_only_what_belongs_to_a_batcher() {
    let sizes = Sizes { batchers: vec![2, 1], ..Sizes::default() };
    let mut desk = Desk::up(shapes::broadway(&sizes));
    // 0 and 1 produce and process; batchers 2 (3 4) and 5 (6); terminator 7.
    assert_eq!(desk.kill(2), "-4.1 -3.1 +2.2 +3.2 +4.2");
    assert_eq!(desk.kill(3), "-4.2 +3.3 +4.3");
    assert_eq!(desk.kill(7), "+7.2");
    let counts: Vec<_> = desk.tree.restarts().filter(|(_, n)| *n > 0).collect();
    assert_eq!(counts, [("root", 1), ("batcher 0", 2)]);
}

#[test]
fn our_tree_costs_nobody_else_anything() {
    let sizes = Sizes { services: 1, rate_limiter: true, batchers: vec![2], ..Sizes::default() };
    for (leaf, process) in Numbering::new(&sizes).iter() {
        let orders = Desk::up(shapes::okiagari(&sizes, 1)).kill(leaf.0);
        assert_eq!(orders, format!("+{}.2", leaf.0), "{process}");
    }
}

#[test]
fn the_shapes_number_their_leaves_as_the_numbering_does() {
    let sizes = Sizes {
        services: 1,
        rate_limiter: true,
        processors: 3,
        batchers: vec![2, 1],
        ..Sizes::default()
    };
    for spec in [shapes::broadway(&sizes), shapes::okiagari(&sizes, 1)] {
        let homes: Vec<_> = all_leaves(&spec)
            .into_iter()
            .map(|(leaf, _, home)| {
                format!("{} in {home}", Numbering::new(&sizes).process(leaf).unwrap())
            })
            .collect();
        let expected = [
            "service 0 in root",
            "rate limiter in root",
            "producer 0 in producers",
            "processor 0 in processors",
            "processor 1 in processors",
            "processor 2 in processors",
            "batcher 0 in batcher 0",
            "batch processor 0.0 in batch processors 0",
            "batch processor 0.1 in batch processors 0",
            "batcher 1 in batcher 1",
            "batch processor 1.0 in batch processors 1",
            "terminator in root",
        ];
        assert_eq!(homes, expected);
    }
}

#[test]
fn an_application_restarts_a_pipeline_that_gave_up() {
    let mut desk = Desk::up(shapes::application(shapes::broadway(&Sizes::default())));
    for _ in 0..4 {
        desk.kill(1);
    }
    assert_eq!((0..3).map(|n| desk.incarnation(n)).collect::<Vec<_>>(), [2, 5, 5]);
    assert!((0..3).all(|n| desk.tree.running(Leaf(n))));
    (0..11).for_each(|_| drop(desk.kill(1)));
    assert_eq!(desk.ended, None, "16 deaths end it, 4 of the pipeline");
    assert_eq!(desk.kill(1), "-2.16 -0.4 gave up processors 1");
}

#[test]
fn broadway_stops_its_terminator_first_and_its_producers_last() {
    let sizes =
        Sizes { rate_limiter: true, processors: 2, batchers: vec![2, 1], ..Sizes::default() };
    let orders = Desk::up(shapes::broadway(&sizes)).settle(Event::Stop);
    assert_eq!(orders, "-9.1 -8.1 -7.1 -6.1 -5.1 -4.1 -3.1 -2.1 -1.1 -0.1 stopped");
}
