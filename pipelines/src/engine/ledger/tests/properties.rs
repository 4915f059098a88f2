//! Whatever happens, in whatever order: what must always hold.

use super::*;

fn act() -> impl Strategy<Value = Act> {
    let (lane, producer) = (|| 0..LANES, || 0..PRODUCERS);
    let few = || 0usize..5;
    prop_oneof![
        8 => producer().prop_map(Act::Demand),
        8 => (producer(), prop::collection::vec(lane(), 0..7)).prop_map(|(p, l)| Act::Give(p, l)),
        1 => producer().prop_map(Act::Drain),
        1 => producer().prop_map(Act::KillProducer),
        2 => (lane(), few(), prop::option::of(0usize..8)).prop_map(|(l, n, m)| Act::Push(l, n, m)),
        1 => few().prop_map(Act::Unmade),
        3 => lane().prop_map(Act::Join),
        12 => lane().prop_map(Act::Ask),
        10 => (lane(), 1usize..4).prop_map(|(l, n)| Act::Accept(l, n)),
        3 => lane().prop_map(Act::Fail),
        2 => lane().prop_map(Act::Die),
        2 => lane().prop_map(Act::Fall),
        2 => lane().prop_map(Act::Leave),
        1 => lane().prop_map(Act::Haunt),
        4 => (0usize..4, 0u64..20).prop_map(|(how, ms)| Act::Judge(how, ms)),
        4 => few().prop_map(Act::Ack),
        1 => few().prop_map(Act::Spoil),
        1 => few().prop_map(Act::Lose),
        1 => any::<bool>().prop_map(Act::Pause),
        2 => (0u64..10).prop_map(Act::Wait),
    ]
}

fn terms() -> impl Strategy<Value = Terms> {
    let demand = (1usize..7).prop_flat_map(|max| (Just(max), 0..max));
    (any::<bool>(), 1..=LANES, 1..=PRODUCERS, 1u32..4, demand, 0usize..6, any::<bool>()).prop_map(
        |(lease, lanes, producers, attempts_max, (max_demand, min_demand), ahead, partitioned)| {
            let delivery = if lease { Delivery::Lease } else { Delivery::HandOver };
            // Half of all are without anything ahead.
            let ahead = ahead.saturating_sub(2);
            Terms {
                delivery,
                lanes,
                producers,
                attempts_max,
                max_demand,
                min_demand,
                ahead,
                partitioned,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn items_are_conserved_whatever_happens(
        terms in terms(),
        acts in prop::collection::vec(act(), 0..200),
    ) {
        let mut driver = Driver::new(terms);
        for act in acts {
            let lane = match &act {
                Act::Push(lane, ..) | Act::Join(lane) | Act::Ask(lane) | Act::Accept(lane, _)
                | Act::Fail(lane) | Act::Die(lane) | Act::Fall(lane) | Act::Leave(lane)
                | Act::Haunt(lane) => *lane,
                _ => 0,
            };
            let producer = match &act {
                Act::Demand(producer) | Act::Give(producer, _) | Act::Drain(producer)
                | Act::KillProducer(producer) => *producer,
                _ => 0,
            };
            if lane < terms.lanes && producer < terms.producers {
                driver.act(act);
            }
        }
        driver.finish();
    }
}
