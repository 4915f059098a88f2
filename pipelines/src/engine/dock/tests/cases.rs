//! Single cases, each by its story.

use super::*;

const ONE: Setup = Setup { lease: true, workers: 1, partitioned: false, size: 2 };

impl Driver {
    fn put(&mut self, items: usize) {
        self.act(Act::Put(vec![(0, false); items]));
    }

    /// What a worker is lent when it asks.
    fn lends(&mut self, worker: usize) -> Vec<ItemId> {
        self.act(Act::Ask(worker));
        self.hands[worker].as_deref().map_or(vec![], ids)
    }

    fn trigger(&self, worker: usize) -> Trigger {
        self.hands[worker].as_ref().expect("it holds a batch").info.trigger
    }
}

#[test]
fn a_batch_whose_worker_died_is_lent_to_the_next_as_it_was_and_first() {
    let mut driver = Driver::new(Setup { workers: 2, ..ONE });
    driver.put(6);
    assert_eq!(driver.lends(0), [0, 1]);
    driver.act(Act::Leave(0));
    assert_eq!(driver.lends(1), [0, 1]);
    driver.act(Act::Join(1));
    assert_eq!(driver.lends(1), [0, 1], "a new life ends the former one");
    driver.act(Act::Handle(1));
    assert_eq!(driver.lends(1), [2, 3]);
    driver.finish();
}

#[test]
fn a_batch_of_a_partition_waits_for_its_own_worker() {
    let mut driver = Driver::new(Setup { workers: 2, partitioned: true, ..ONE });
    driver.put(8);
    assert_eq!(driver.lends(0), [0, 2]);
    driver.act(Act::Leave(0));
    assert_eq!(driver.lends(1), [1, 3]);
    driver.act(Act::Handle(1));
    assert_eq!(driver.lends(1), [5, 7]);
    driver.act(Act::Join(0));
    assert_eq!(driver.lends(0), [0, 2]);
    driver.finish();
}

#[test]
fn handed_over_a_batch_dies_with_its_worker_and_no_other() {
    let mut driver = Driver::new(Setup { lease: false, ..ONE });
    driver.put(4);
    assert_eq!(driver.lends(0), [0, 1]);
    driver.act(Act::Leave(0));
    driver.act(Act::Join(0));
    assert_eq!((driver.lends(0), driver.count(At::Lost)), (vec![2, 3], 2));
    driver.finish();
}

#[test]
fn a_dead_batcher_takes_along_what_it_held_under_hand_over_only() {
    for lease in [true, false] {
        let mut driver = Driver::new(Setup { lease, ..ONE });
        driver.put(5);
        assert_eq!(driver.lends(0), [0, 1]);
        driver.act(Act::Later(0, 10));
        driver.act(Act::KillBatcher);
        assert_eq!(driver.count(At::Lost), if lease { 0 } else { 4 });
        assert!(!driver.dock.is_full());
        driver.put(1);
        assert!(driver.dock.is_full(), "who brings more waits for the next batcher");
        driver.act(Act::Handle(0));
        assert_eq!(driver.lends(0), if lease { vec![2, 3] } else { vec![] });
        driver.act(Act::StartBatcher);
        assert!(!driver.dock.is_full());
        driver.act(Act::Handle(0));
        assert_eq!(driver.lends(0), if lease { vec![4, 6] } else { vec![] });
        driver.finish();
    }
}

#[test]
fn it_is_full_with_one_batch_more_than_workers() {
    let mut driver = Driver::new(Setup { workers: 2, ..ONE });
    driver.put(5);
    assert!(!driver.dock.is_full());
    driver.put(1);
    assert!(driver.dock.is_full());
    driver.act(Act::Ask(0));
    assert!(!driver.dock.is_full());
    driver.finish();
}

#[test]
fn a_batch_that_is_begun_goes_out_in_time_or_at_the_close() {
    let mut driver = Driver::new(ONE);
    driver.put(1);
    driver.act(Act::Wait(19));
    assert!(driver.lends(0).is_empty());
    driver.act(Act::Wait(1));
    assert_eq!((driver.lends(0), driver.trigger(0)), (vec![0], Trigger::Timeout));
    driver.act(Act::Handle(0));
    driver.put(1);
    driver.act(Act::Close);
    assert_eq!((driver.lends(0), driver.trigger(0)), (vec![1], Trigger::Drain));
    driver.act(Act::Later(0, 5));
    driver.act(Act::Handle(0));
    driver.put(1);
    assert_eq!((driver.lends(0), driver.trigger(0)), (vec![3], Trigger::Drain), "it comes late");
    driver.act(Act::Handle(0));
    assert!(!driver.ask(0), "one is still to come");
    driver.act(Act::Wait(4));
    assert!(driver.lends(0).is_empty(), "it is not yet time");
    driver.act(Act::Wait(1));
    assert_eq!((driver.lends(0), driver.trigger(0)), (vec![2], Trigger::Drain));
    driver.act(Act::Handle(0));
    assert!(driver.ask(0));
}

#[test]
fn a_batcher_that_comes_back_after_the_close_gives_out_what_came_meanwhile() {
    let mut driver = Driver::new(ONE);
    driver.act(Act::KillBatcher);
    driver.put(1);
    driver.act(Act::Close);
    assert!(!driver.ask(0));
    driver.act(Act::StartBatcher);
    assert_eq!((driver.lends(0), driver.trigger(0)), (vec![0], Trigger::Drain));
    driver.finish();
}

#[test]
fn a_splitter_that_panics_costs_the_item_it_was_asked_of_and_the_rest_of_its_list() {
    let split = || {
        Box::new(|done: &Done<()>| {
            assert_ne!(done.item, 2, "on purpose");
            crate::engine::batcher::Cut::Cont
        }) as crate::engine::batcher::Splitter<Done<()>>
    };
    let batcher = Batcher::new(Split::Custom(Box::new(split)), WITHIN);
    let mut dock = Dock::new(Delivery::Lease, batcher, 1, false);
    let (now, mut orders) = (Instant::now(), vec![]);
    dock.step(now, Event::BatcherStarted, &mut orders);
    let items = (0..5).map(|item| Done::new(item, 1, ())).collect();
    dock.step(now, Event::Put(items), &mut orders);
    assert!(matches!(orders[..], [Order::Lost(3)]));
    assert_eq!(dock.held(), (2, 0));
    dock.step(now, Event::Put(vec![Done::new(5, 1, ())]), &mut orders);
    assert_eq!((dock.held(), orders.len()), ((3, 0), 1));
}
