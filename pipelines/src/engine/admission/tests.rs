use super::*;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn step(admission: &mut Admission, event: Event) -> Vec<Order> {
    let mut orders = vec![];
    admission.step(event, &mut orders);
    orders
}

fn wants(lane: usize, need: u64) -> Event {
    Event::Wanted(Wish { lane, need: need * MIB, limit: 512 * MIB })
}

fn rests(lane: usize, mib: u64) -> Event {
    Event::Rested { lane, bytes: mib * MIB }
}

#[test]
fn what_does_not_fit_waits_in_order_and_is_not_overtaken() {
    let mut all = Admission::new(100 * MIB, 3, 0);
    assert_eq!(step(&mut all, wants(0, 60)), [Order::Admit(0)]);
    assert_eq!(step(&mut all, wants(1, 60)), []);
    assert_eq!(step(&mut all, wants(2, 10)), [], "it would fit, but it came later");
    assert_eq!(step(&mut all, Event::Gone { lane: 0 }), [Order::Admit(1), Order::Admit(2)]);
}

#[test]
fn what_never_fits_is_refused_and_holds_nobody_up() {
    let mut all = Admission::new(100 * MIB, 2, 1);
    step(&mut all, Event::Fresh { bytes: 5 * MIB });
    assert_eq!(step(&mut all, wants(0, 91)), [Order::Refuse(0, 90 * MIB)]);
    assert_eq!(step(&mut all, wants(0, 90)), [Order::Admit(0)]);
    // A worker is held to its limit, whatever is said of the item.
    let held = Wish { lane: 1, need: 1 << 40, limit: 5 * MIB };
    assert_eq!(step(&mut all, Event::Wanted(held)), [Order::Admit(1)]);
}

#[test]
fn what_workers_turned_out_to_hold_counts_for_the_next() {
    let mut all = Admission::new(100 * MIB, 2, 0);
    assert_eq!(step(&mut all, wants(0, 10)), [Order::Admit(0)]);
    assert_eq!(step(&mut all, rests(0, 50)), []);
    // 10 + 40 each: both fit, and not one more byte.
    assert_eq!(step(&mut all, wants(0, 10)), [Order::Admit(0)]);
    assert_eq!(step(&mut all, wants(1, 10)), [Order::Admit(1)]);
    assert_eq!(all.counted(), 100 * MIB);
    assert_eq!(step(&mut all, rests(1, 60)), []);
    assert_eq!(step(&mut all, wants(1, 10)), [], "the other one still works");
    assert_eq!(step(&mut all, rests(0, 50)), [Order::PutDown(0), Order::Admit(1)]);
}

#[test]
fn what_a_worker_keeps_of_a_large_item_is_no_growth() {
    let mut all = Admission::new(100 * MIB, 2, 0);
    for mib in [60, 1] {
        assert_eq!(step(&mut all, wants(0, mib)), [Order::Admit(0)]);
        assert_eq!(step(&mut all, rests(0, 62)), []);
    }
    // It is 2 MiB more than was said.
    assert_eq!(step(&mut all, wants(1, 36)), [Order::Admit(1)]);
    assert_eq!(all.counted(), 100 * MIB);
}

#[test]
fn who_rests_on_too_much_is_put_down_for_who_waits() {
    let mut all = Admission::new(100 * MIB, 3, 0);
    for (lane, mib) in [(0, 30), (1, 50), (2, 10)] {
        assert_eq!(step(&mut all, wants(lane, mib)), [Order::Admit(lane)]);
    }
    for (lane, mib) in [(0, 30), (1, 50), (2, 10)] {
        assert_eq!(step(&mut all, rests(lane, mib)), []);
    }
    assert_eq!(step(&mut all, wants(2, 60)), [Order::PutDown(1), Order::Admit(2)]);
    assert_eq!(all.counted(), 90 * MIB);
}

/// What happens next: who it is about, and how much.
fn doings() -> impl Strategy<Value = Vec<(u8, usize, u64)>> {
    prop::collection::vec((0u8..8, 0usize..5, 0u64..150), 1..300)
}

/// What a lane of the test is at.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Rest,
    Waiting,
    Work,
}

fn obey(orders: &[Order], at: &mut [At]) {
    for order in orders {
        match *order {
            Order::Admit(lane) => {
                assert!(at[lane] == At::Waiting, "only who waits is admitted, and once");
                at[lane] = At::Work;
            }
            Order::Refuse(lane, _) => {
                assert!(at[lane] == At::Waiting);
                at[lane] = At::Rest;
            }
            Order::PutDown(lane) => assert!(at[lane] != At::Work, "nobody is put down at work"),
        }
    }
}

proptest! {
    /// Whatever comes: nobody is admitted beyond the budget, and when those at work are done, so is everybody.
    #[test]
    fn never_above_the_budget_and_everybody_is_answered(
        doings in doings(),
        lanes in 1usize..5,
        spares in 0usize..3,
    ) {
        let budget = 100 * MIB;
        let mut all = Admission::new(budget, lanes, spares);
        let mut at = vec![At::Rest; lanes];
        for (what, lane, mib) in doings {
            let lane = lane % lanes;
            let event = match (what, at[lane]) {
                (0, _) => Event::Fresh { bytes: mib % 30 * MIB },
                (1, At::Rest) => Event::Gone { lane },
                (_, At::Rest) => { at[lane] = At::Waiting; wants(lane, mib) }
                (1, At::Work) => { at[lane] = At::Rest; Event::Gone { lane } }
                (_, At::Work) => { at[lane] = At::Rest; rests(lane, mib) }
                (1, At::Waiting) => { at[lane] = At::Rest; Event::Gone { lane } }
                (_, At::Waiting) => continue,
            };
            let orders = step(&mut all, event);
            obey(&orders, &mut at);
            if orders.iter().any(|order| matches!(order, Order::Admit(_))) {
                prop_assert!(all.counted() <= budget, "{} MiB", all.counted() / MIB);
            }
        }
        while let Some(lane) = at.iter().position(|at| *at == At::Work) {
            at[lane] = At::Rest;
            let orders = step(&mut all, rests(lane, 70));
            obey(&orders, &mut at);
        }
        prop_assert!(at.iter().all(|at| *at == At::Rest), "somebody waits, and nobody works");
    }
}
