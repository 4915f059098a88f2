//! Whatever comes, in whatever order: what must always hold.

use super::*;

#[derive(Debug, Clone)]
enum Act {
    One(u64, bool),
    List(Vec<(u64, bool)>),
    Wait(u64),
    Flush,
    Clear,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let entry = || (0u64..4, prop::bool::weighted(0.1));
    let act = prop_oneof![
        6 => entry().prop_map(|(key, flush)| Act::One(key, flush)),
        6 => prop::collection::vec(entry(), 0..12).prop_map(Act::List),
        4 => (0u64..80).prop_map(Act::Wait),
        1 => Just(Act::Flush),
        1 => Just(Act::Clear),
    ];
    prop::collection::vec(act, 0..60)
}

/// An item is its id and a weight from 0 to 14.
type Weighed = (u64, u64);

fn split(kind: u8, max: u64) -> Split<Weighed> {
    match kind {
        0 => Split::Count(max as usize),
        1 => Split::bytes(max, |item| item.1),
        _ => {
            // Anything at all, so that every cut falls into every situation.
            let mut n = max;
            Split::Carrying(Box::new(move |item| {
                n = n.wrapping_mul(31).wrapping_add(item.0);
                [Cut::Cont, Cut::Cont, Cut::EmitWith, Cut::EmitBefore][(n >> 3) as usize % 4]
            }))
        }
    }
}

const WITHIN: Duration = Duration::from_millis(50);

/// What the batcher should hold: each place's items in order of arrival, with their arrival.
struct Account {
    held: BTreeMap<Place, VecDeque<(Weighed, Instant)>>,
    partitions: u64,
    next: u64,
    now: Instant,
}

impl Account {
    fn arrive(&mut self, key: u64) -> Weighed {
        let item = (self.next, self.next * 7 % 15);
        self.next += 1;
        let partition = (self.partitions > 0).then(|| (item.0 % self.partitions) as usize);
        self.held.entry((key, partition)).or_default().push_back((item, self.now));
        item
    }
    fn event(&mut self, act: Act) -> Event<Weighed> {
        match act {
            Act::One(key, flush) => Event::Item { key, flush, item: self.arrive(key) },
            Act::List(list) => {
                let entry = |(key, flush)| (key, flush, self.arrive(key));
                Event::Items(list.into_iter().map(entry).collect())
            }
            Act::Wait(millis) => {
                self.now += ms(millis);
                Event::Tick
            }
            Act::Flush | Act::Clear => Event::Flush,
        }
    }
    /// The batch is what its place held longest.
    fn leave(&mut self, info: BatchInfo, items: &[Weighed]) -> Result<(), TestCaseError> {
        let place = (info.key, info.partition);
        let held = self.held.get_mut(&place).expect("something was put there");
        let first = held.front().map(|(_, arrived)| *arrived);
        let oldest: Vec<_> = held.drain(..items.len()).map(|(item, _)| item).collect();
        prop_assert_eq!(&oldest[..], items);
        prop_assert!(info.size == items.len() && info.size > 0);
        if info.trigger == Trigger::Timeout {
            prop_assert!(first.is_some_and(|first| self.now >= first + WITHIN));
        }
        Ok(())
    }
    fn check(&self, batcher: &Batcher<Weighed>) -> Result<(), TestCaseError> {
        let mut held: Vec<_> = self.held.values().flatten().map(|(item, _)| *item).collect();
        let mut inside: Vec<_> = batcher.iter().map(|(_, item)| *item).collect();
        prop_assert_eq!(batcher.len(), held.len());
        held.sort_unstable();
        inside.sort_unstable();
        prop_assert_eq!(inside, held);
        let firsts = self.held.values().filter_map(VecDeque::front);
        let due = firsts.map(|(_, arrived)| *arrived + WITHIN).min();
        prop_assert_eq!(batcher.deadline(), due);
        let live = self.held.values().filter(|held| !held.is_empty()).count();
        prop_assert!(live <= batcher.keys_max);
        Ok(())
    }
}

proptest! {
    #[test]
    fn every_item_comes_out_once_in_order_and_in_time(
        (kind, max) in (0u8..3, 0u64..12),
        keys in prop::option::of(1usize..5),
        partitions in 0u64..3,
        acts in acts(),
    ) {
        let mut batcher = Batcher::new(split(kind, max), WITHIN).keys_max(keys);
        if partitions > 0 {
            batcher = batcher.partitions(partitions as usize, |item| item.0);
        }
        let now = Instant::now();
        let mut account = Account { held: BTreeMap::new(), partitions, next: 0, now };
        for act in acts {
            if matches!(act, Act::Clear) {
                let held: usize = account.held.values().map(VecDeque::len).sum();
                prop_assert_eq!(batcher.clear(), held);
                account.held.clear();
            }
            let (flushed, ticked) = (matches!(act, Act::Flush), matches!(act, Act::Wait(_)));
            let (event, mut batches) = (account.event(act), Vec::new());
            batcher.step(account.now, event, &mut batches);
            for (info, items) in batches {
                account.leave(info, &items)?;
                let bytes: u64 = items.iter().map(|item| item.1).sum();
                prop_assert!(kind != 0 || items.len() as u64 <= max.max(1));
                prop_assert!(kind != 1 || bytes <= max || items.len() == 1);
            }
            account.check(&batcher)?;
            prop_assert!(!flushed || batcher.is_empty());
            prop_assert!(!ticked || batcher.deadline().is_none_or(|due| due > account.now));
        }
    }

    #[test]
    fn what_it_holds_can_be_put_into_another(kind in 0u8..2, max in 1u64..12, acts in acts()) {
        let make = || Batcher::new(split(kind, max), WITHIN);
        let mut batcher = make();
        let now = Instant::now();
        let mut account = Account { held: BTreeMap::new(), partitions: 0, next: 0, now };
        for act in acts {
            let event = account.event(act);
            batcher.step(account.now, event, &mut Vec::new());
        }
        let (mut other, mut batches) = (make(), Vec::new());
        for (key, item) in batcher.iter() {
            other.step(now, Event::Item { key, flush: false, item: *item }, &mut batches);
        }
        prop_assert!(batches.is_empty());
        let mut wanted = Vec::new();
        batcher.step(now, Event::Flush, &mut wanted);
        other.step(now, Event::Flush, &mut batches);
        prop_assert_eq!(batches, wanted);
    }
}
