//! Nobody who waits for the books is forgotten, in whatever order threads run: shuttle calls it a deadlock when all
//! that are left wait. A failure prints the schedule that shows it.

use super::*;
use crate::acknowledger::Ticket;
use crate::engine::ledger::{Delivery, Loan};
use shuttle::thread;
use std::mem::take;

const ITEMS: u64 = 7;
const LANES: usize = 2;
/// Orders of threads that are tried, for each kind of search.
const SCHEDULES: usize = 3000;

/// A lane's life: what it is lent it accepts and has acknowledged, item by item, until it is dismissed. One that is
/// mortal dies over the first item of its first loan; its successor has to find that again.
fn lane(books: &Books<u64>, lane: usize, mortal: bool) -> Vec<u64> {
    let (leave, mut done) = (Leave::default(), vec![]);
    for incarnation in 1.. {
        let holder = Holder { lane, incarnation };
        books.step(Event::Joined(holder));
        let (mut events, mut orders) = (vec![], vec![]);
        let dismissed = loop {
            books.turn(holder, &mut events, &mut orders, true, &leave);
            let mut lent: Vec<Loan<u64>> = vec![];
            let mut dismissed = false;
            for order in take(&mut orders) {
                match order {
                    Order::Lend(loan) => lent.push(loan),
                    Order::Dismiss => dismissed = true,
                    _ => {}
                }
            }
            if dismissed {
                break true;
            }
            if mortal && incarnation == 1 && !lent.is_empty() {
                books.step(Event::Died(holder));
                break false;
            }
            for entry in lent.iter().flat_map(Loan::items) {
                done.push(entry.id);
                events.push(Event::Accepted { holder, items: 1 });
                events.push(Event::Acked(1));
            }
        };
        if dismissed {
            break;
        }
    }
    done
}

/// A producer's life: as many as it is asked for, until it has no more.
fn feed(books: &Books<u64>) {
    let (leave, mut next) = (Leave::default(), 0);
    while let Some(room) = books.room(&leave) {
        let ids: Vec<u64> = (next..ITEMS).take(room).collect();
        next += ids.len() as u64;
        let items = ids.iter().map(|id| Entry::with_ticket(*id, *id, Ticket::default())).collect();
        books.step(Event::Taken { producer: 0, lane: None, promised: room, items });
        if next == ITEMS {
            break;
        }
    }
    books.step(Event::Drained { producer: 0 });
}

fn run(delivery: Delivery, max_demand: usize, ahead: usize, mortal: bool) {
    let terms = Terms {
        delivery,
        lanes: LANES,
        producers: 1,
        attempts_max: 3,
        max_demand,
        min_demand: max_demand / 2,
        ahead,
        partitioned: false,
    };
    let books = Arc::new(Books::new(terms).expect("a descriptor"));
    let feeder = thread::spawn({
        let books = books.clone();
        move || feed(&books)
    });
    let lanes: Vec<_> = (0..LANES)
        .map(|number| {
            let books = books.clone();
            thread::spawn(move || lane(&books, number, mortal && number == 0))
        })
        .collect();
    feeder.join().expect("it fed");
    let mut done: Vec<u64> = lanes.into_iter().flat_map(|l| l.join().expect("it worked")).collect();
    let (tally, in_flight) = books.tally();
    assert_eq!((tally.produced, in_flight), (ITEMS, 0));
    assert_eq!(tally.done + tally.lost, ITEMS);
    if delivery == Delivery::Lease {
        done.sort_unstable();
        assert_eq!(done, (0..ITEMS).collect::<Vec<_>>(), "each item once");
    }
}

fn every_setting() {
    for (delivery, ahead) in [(Delivery::Lease, 4), (Delivery::HandOver, 0)] {
        for (max_demand, mortal) in [(1, false), (1, true), (3, false), (3, true)] {
            run(delivery, max_demand, ahead, mortal);
        }
    }
}

#[test]
fn nobody_waits_for_ever_whatever_the_order_of_threads() {
    shuttle::check_random(every_setting, SCHEDULES);
}

#[test]
fn nor_when_threads_are_held_up_at_the_worst_of_moments() {
    shuttle::check_pct(every_setting, SCHEDULES, 3);
}
