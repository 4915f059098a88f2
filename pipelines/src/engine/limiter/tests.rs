//! The limiter by table, after Broadway's own tests (N1, N2, N5, N6), and its promises over any time.

use super::Kind::{Bucket, Window};
use super::*;
use proptest::prelude::*;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn items(items: u64, millis: u64) -> Rate {
    Rate::new(Some(items), None, ms(millis)).expect("it is a rate")
}

fn bytes(bytes: u64, millis: u64) -> Rate {
    Rate::new(None, Some(bytes), ms(millis)).expect("it is a rate")
}

/// Asks for all of them, again whenever the limiter says so: when how many went.
fn pass(limiter: &mut Limiter, start: Instant, mut weights: &[u64]) -> Vec<(u64, usize)> {
    let (mut now, mut groups) = (start, Vec::new());
    while let [first, ..] = weights {
        if let Some(next) = limiter.next(now, *first) {
            assert!(next > now);
            assert_eq!(limiter.take(next - Duration::from_nanos(1), weights), 0);
            now = next;
        }
        let went = limiter.take(now, weights);
        assert!(went > 0, "it was the time to ask again");
        groups.push(((now - start).as_millis() as u64, went));
        weights = &weights[went..];
    }
    groups
}

#[test]
fn n1_the_exact_quota_passes_and_the_next_item_after_the_reset() {
    let start = Instant::now();
    let mut limiter = Limiter::new(start, Window, items(1, 10_000));
    assert_eq!(limiter.take(start, &[0]), 1);
    assert!(!limiter.is_open(start));
    assert_eq!(limiter.take(start + ms(9_999), &[0]), 0);
    assert_eq!(limiter.next(start, 0), Some(start + ms(10_000)));
    assert_eq!(limiter.take(start + ms(10_000), &[0]), 1);
}

#[test]
fn n2_items_over_the_quota_pass_in_groups() {
    let start = Instant::now();
    let table = [
        (Window, vec![(0, 2), (50, 2), (100, 1)]),
        (Bucket, vec![(0, 2), (25, 1), (50, 1), (75, 1)]),
    ];
    for (kind, groups) in table {
        let mut limiter = Limiter::new(start, kind, items(2, 50));
        assert_eq!(pass(&mut limiter, start, &[0; 5]), groups, "{kind:?}");
    }
}

#[test]
fn n5_an_update_is_in_force_at_the_end_of_the_interval_or_with_reset_now() {
    let start = Instant::now();
    let at = |millis| start + ms(millis);
    for kind in [Window, Bucket] {
        let mut limiter = Limiter::new(start, kind, items(1, 10_000));
        assert_eq!(limiter.rate(), items(1, 10_000));
        assert_eq!(limiter.take(start, &[0; 9]), 1);
        limiter.update(at(1), items(5, 20_000), false);
        assert_eq!(limiter.rate(), items(5, 20_000));
        assert_eq!(limiter.take(at(9_999), &[0; 9]), 0);
        assert_eq!(limiter.next(at(9_999), 0), Some(at(10_000)));
        assert_eq!(limiter.take(at(10_000), &[0; 9]), 5);
        assert!(!limiter.is_open(at(10_001)));
        limiter.update(at(10_001), items(3, 50), true);
        assert_eq!(limiter.take(at(10_001), &[0; 9]), 3);
        assert_eq!(limiter.take(at(10_051), &[0; 9]), 3);
    }
}

#[test]
fn the_rate_set_last_is_the_one_that_counts() {
    let start = Instant::now();
    let at = |millis| start + ms(millis);
    let mut limiter = Limiter::new(start, Window, items(1, 100));
    limiter.update(start, items(7, 100), false);
    limiter.update(start, items(2, 100), false);
    assert_eq!(limiter.take(at(100), &[0; 9]), 2);
    limiter.update(at(110), items(7, 100), false);
    limiter.update(at(120), items(4, 100), true);
    assert_eq!(limiter.take(at(120), &[0; 9]), 4);
    assert_eq!(limiter.take(at(220), &[0; 9]), 4, "the reset made the earlier update void");
}

#[test]
fn a_bucket_keeps_across_an_update_what_was_used() {
    let start = Instant::now();
    let mut limiter = Limiter::new(start, Bucket, bytes(100, 100));
    limiter.update(start, bytes(1_000, 100), false);
    // 100 bytes are used at the end of the interval, so 900 are left and 10 a millisecond come.
    assert_eq!(limiter.take(start + ms(99), &[99]), 1);
    assert_eq!(limiter.take(start + ms(100), &[2, 901]), 1);
    assert_eq!(limiter.next(start + ms(100), 901), Some(start + Duration::from_micros(100_100)));
    // Nobody waits longer than one new interval for what was used under the old rate.
    let mut limiter = Limiter::new(start, Bucket, bytes(1_000_000, 100));
    limiter.update(start, bytes(10, 100), false);
    assert_eq!(limiter.take(start + ms(99), &[1_000_000]), 1);
    assert_eq!(limiter.next(start + ms(100), 10), Some(start + ms(200)));
}

#[test]
fn n6_a_rate_that_cannot_be_is_refused_with_what_to_do() {
    let table = [
        (Some(1), None, 0, "an interval of 0; give a longer one"),
        (None, None, 1, "limit at least one"),
        (Some(0), None, 1, "0 items in an interval"),
        (Some(1), Some(0), 1, "0 bytes in an interval"),
    ];
    for (items, bytes, millis, what) in table {
        let failure = Rate::new(items, bytes, ms(millis)).expect_err("it cannot be");
        assert!(failure.what.contains(what), "{failure}");
        assert_eq!(failure.blame, crate::message::Blame::Input);
    }
    let rate = Rate::new(Some(3), Some(4), ms(5)).expect("it is a rate");
    assert_eq!((rate.items(), rate.bytes(), rate.interval()), (Some(3), Some(4), ms(5)));
}

#[test]
fn bytes_are_limited_and_the_order_is_kept() {
    let start = Instant::now();
    type Groups = &'static [(u64, usize)];
    let table: [(Kind, &[u64], Groups); 7] = [
        (Window, &[4, 6, 1], &[(0, 2), (100, 1)]),
        (Window, &[4, 7, 1], &[(0, 1), (100, 2)]), // the 1 would fit, but does not overtake the 7
        (Window, &[25, 1], &[(0, 1), (200, 1)]),   // what it weighs beyond 10 is owed
        (Window, &[1, 25, 10], &[(0, 1), (100, 1), (400, 1)]),
        (Bucket, &[4, 6, 1], &[(0, 2), (10, 1)]),
        (Bucket, &[1, 25, 10], &[(0, 1), (10, 1), (260, 1)]),
        (Bucket, &[0, 10, 0, 0], &[(0, 4)]),
    ];
    for (kind, weights, groups) in table {
        let mut limiter = Limiter::new(start, kind, bytes(10, 100));
        assert_eq!(pass(&mut limiter, start, weights), groups, "{kind:?} {weights:?}");
    }
}

#[test]
fn items_and_bytes_both_have_to_be_free() {
    let start = Instant::now();
    let rate = Rate::new(Some(2), Some(10), ms(100)).expect("it is a rate");
    let mut limiter = Limiter::new(start, Window, rate);
    let groups = [(0, 2), (100, 1), (200, 2)];
    assert_eq!(pass(&mut limiter, start, &[1, 1, 6, 5, 5]), groups);
}

#[test]
fn r25_a_clock_that_jumps_neither_panics_nor_grants_twice() {
    let start = Instant::now() + ms(10_000);
    for kind in [Window, Bucket] {
        let mut limiter = Limiter::new(start, kind, items(2, 50));
        assert_eq!(limiter.take(start, &[0; 9]), 2);
        for back in [1, 49, 50, 51, 9_000] {
            assert_eq!(limiter.take(start - ms(back), &[0; 9]), 0, "{kind:?}");
            assert!(limiter.next(start - ms(back), 0).is_some_and(|next| next > start));
        }
        limiter.update(start - ms(9_000), items(3, 50), true);
        assert_eq!(limiter.take(start - ms(9_000), &[0; 9]), 3);
        assert_eq!(limiter.take(start, &[0; 9]), 0);
        // A jump ahead is worth one interval, however far it goes.
        assert_eq!(limiter.take(start + Duration::from_secs(1 << 40), &[0; 9]), 3);
    }
}

#[test]
fn extremes_do_not_overflow() {
    let start = Instant::now();
    for kind in [Window, Bucket] {
        for interval in [Duration::from_nanos(1), Duration::MAX] {
            for most in [1, u64::MAX] {
                let rate = Rate::new(Some(u64::MAX), Some(most), interval).expect("it is a rate");
                let mut limiter = Limiter::new(start, kind, rate);
                assert_eq!(limiter.take(start, &[u64::MAX, 1]), 1);
                assert!(limiter.next(start, u64::MAX).is_some_and(|next| next > start));
                limiter.update(start, items(1, 1), false);
                limiter.take(start + ms(1), &[u64::MAX; 3]);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_more_passes_than_was_promised(
        bucket in any::<bool>(),
        (most, most_bytes) in (1u64..6, 1u64..40),
        interval in 1u64..60,
        asks in prop::collection::vec((0u64..40, prop::collection::vec(0u64..20, 0..8)), 1..60),
    ) {
        let start = Instant::now();
        let kind = if bucket { Bucket } else { Window };
        let rate = Rate::new(Some(most), Some(most_bytes), ms(interval)).expect("it is a rate");
        let mut limiter = Limiter::new(start, kind, rate);
        let (mut millis, mut went) = (0, Vec::new());
        for (wait, weights) in asks {
            millis += wait;
            let now = start + ms(millis);
            let taken = limiter.take(now, &weights);
            went.extend(weights[..taken].iter().map(|weight| (millis, *weight)));
            if let Some(refused) = weights.get(taken) {
                let next = limiter.next(now, *refused).expect("it was refused");
                prop_assert_eq!(limiter.clone().take(next, &[*refused]), 1);
                let before = next - Duration::from_nanos(1);
                prop_assert_eq!(limiter.clone().take(before, &[*refused]), 0);
            }
        }
        for (first, (from, _)) in went.iter().enumerate() {
            for last in first..went.len() {
                let (to, _) = went[last];
                let span = &went[first..=last];
                // Allowances that the span can have seen: one that was there, and what came since.
                let intervals = to / interval - from / interval + 1;
                let allowed = |most: u64| match kind {
                    Window => most * intervals,
                    Bucket => most + most * (to - from) / interval,
                };
                prop_assert!(span.len() as u64 <= allowed(most));
                // An item that is heavier than the allowance goes on credit, once.
                let (heaviest, sum) = (span.iter().map(|s| s.1).max(), span.iter().map(|s| s.1).sum::<u64>());
                let credit = heaviest.unwrap_or(0).saturating_sub(most_bytes);
                prop_assert!(sum <= allowed(most_bytes) + credit);
            }
        }
    }
}
