use super::*;
use proptest::prelude::*;
use std::time::Duration;

const ABORT: Event = Event::Died { status: 134 };
const EXITED: Answer = Answer::Foreign(Mail::Exited { status: 134 });
const DOWN: Answer = Answer::Foreign(Mail::Down);

/// Calls on a clock that moves by itself.
struct Desk {
    calls: Calls,
    start: Instant,
    now: Instant,
    /// How long a worker takes to start; `None` when it never does.
    boots_in: Option<Duration>,
    comes_up: Option<Instant>,
    boots: u32,
    sent: u32,
}

/// What the worker does with the call that it is sent.
#[derive(Clone, Copy)]
enum Does {
    Reply,
    Abort,
    Hang,
}

impl Desk {
    fn new(lanes: usize) -> Self {
        let (calls, start) = (Calls::new(HtPipe::ORIGINAL, lanes), Instant::now());
        let boots_in = Some(Duration::from_millis(480));
        Self { calls, start, now: start, boots_in, comes_up: None, boots: 0, sent: 0 }
    }

    fn warm(lanes: usize) -> Self {
        let mut desk = Self::new(lanes);
        desk.call(0, Does::Reply);
        desk.start = desk.now;
        desk
    }

    fn step(&mut self, event: Event) -> Vec<Order> {
        if self.comes_up.is_some_and(|at| self.now >= at) {
            self.comes_up = None;
            self.calls.step(self.now, Event::Up, &mut vec![]);
        }
        let mut orders = vec![];
        self.calls.step(self.now, event, &mut orders);
        self.boots += orders.iter().filter(|o| **o == Order::Boot).count() as u32;
        if orders.contains(&Order::Boot) {
            self.comes_up = self.boots_in.map(|d| self.now + d);
        }
        orders
    }

    fn tick(&mut self, lane: usize) -> Vec<Order> {
        self.now = self.now.max(self.calls.deadline(lane).expect("in a call"));
        self.step(Event::Tick { lane })
    }

    /// One call from beginning to end: what it returns, and ms since the start.
    fn call(&mut self, lane: usize, does: Does) -> (Answer, u128) {
        let (mut orders, mut sent) = (self.step(Event::Called { lane }), false);
        loop {
            sent |= orders.contains(&Order::Send);
            if let Some(Order::Return(answer)) = orders.last() {
                self.sent += u32::from(sent);
                return (*answer, (self.now - self.start).as_millis());
            }
            orders = match (self.calls.heed(lane), does) {
                (Heed { reply: true, .. }, Does::Reply) if sent => {
                    self.step(Event::Replied { lane })
                }
                (Heed { death: true, .. }, Does::Abort) if sent => self.step(ABORT),
                _ => self.tick(lane),
            };
        }
    }
}

#[test]
fn a_warm_call_takes_a_sleep() {
    let mut desk = Desk::warm(1);
    desk.call(0, Does::Reply);
    let before = desk.now;
    assert_eq!(desk.call(0, Does::Reply).0, Answer::Reply);
    assert_eq!(desk.now - before, CALL_SLEEP);
}

#[test]
fn the_first_call_of_a_worker_is_lost() {
    let mut desk = Desk::new(2);
    // 1000 ms of looking, 480 rounded up to a look, the sleep, the timeout.
    assert_eq!(desk.call(0, Does::Reply), (Answer::Nil, 1000 + 500 + 100 + 5000));
    // Measured: 6589.
    assert_eq!(desk.call(0, Does::Reply), (Answer::Reply, 6700));
    assert_eq!(desk.call(1, Does::Reply), (Answer::Reply, 6800), "nobody else pays for it");
    assert_eq!((desk.boots, desk.sent), (1, 2));
}

#[test]
fn a_death_costs_its_call_and_two_innocent_ones() {
    let mut desk = Desk::warm(1);
    assert_eq!(desk.call(0, Does::Abort), (EXITED, 100));
    // This one starts the next worker, and would be lost if it waited for its reply.
    assert_eq!(desk.call(0, Does::Reply), (DOWN, 100 + 1000 + 500 + 100));
    assert_eq!(desk.call(0, Does::Reply), (Answer::Nil, 1700 + 100 + 5000));
    // Measured: 6775.
    assert_eq!(desk.call(0, Does::Reply), (Answer::Reply, 6900));
    assert_eq!(desk.boots, 2);
}

#[test]
fn only_the_starter_is_told_of_a_death() {
    let mut desk = Desk::warm(3);
    for lane in 0..3 {
        assert_eq!(desk.step(Event::Called { lane }), [Order::Send]);
    }
    (0..3).for_each(|lane| drop(desk.tick(lane)));
    let heeds = [0, 1, 2].map(|lane| desk.calls.heed(lane).death);
    assert_eq!(heeds, [true, false, false]);
    desk.step(ABORT);
    assert_eq!(desk.tick(0), [Order::Return(EXITED)]);
    assert_eq!((desk.now - desk.start).as_millis(), 100);
    assert_eq!(desk.tick(1), [Order::Return(Answer::Nil)]);
    assert_eq!(desk.tick(2), [Order::Return(Answer::Nil)]);
    assert_eq!((desk.now - desk.start).as_millis(), 5100);
    // Who starts the next worker loses a call to it; the messages are waiting for who started the last.
    assert_eq!(desk.call(1, Does::Reply).0, Answer::Nil);
    assert_eq!(desk.call(2, Does::Reply).0, Answer::Reply);
    assert_eq!(desk.call(0, Does::Reply).0, DOWN);
    assert_eq!(desk.call(0, Does::Reply).0, Answer::Reply);
}

#[test]
fn a_death_while_its_starter_is_idle_waits_in_the_mailbox() {
    let mut desk = Desk::warm(2);
    desk.step(ABORT);
    let answers = [0; 4].map(|lane| desk.call(lane, Does::Reply).0);
    assert_eq!(answers, [EXITED, DOWN, Answer::Nil, Answer::Reply]);
}

#[test]
fn a_reply_that_came_before_the_death_is_taken_first() {
    let mut desk = Desk::warm(1);
    desk.step(Event::Called { lane: 0 });
    desk.tick(0);
    desk.step(ABORT);
    assert_eq!(desk.step(Event::Replied { lane: 0 }), [Order::Return(Answer::Reply)]);
    assert_eq!(desk.call(0, Does::Reply).0, EXITED);
}

#[test]
fn a_hang_is_nil_and_costs_nobody_else() {
    let mut desk = Desk::warm(2);
    assert_eq!(desk.call(1, Does::Hang), (Answer::Nil, 5100));
    assert_eq!(desk.call(1, Does::Reply).0, Answer::Reply);
    assert_eq!(desk.boots, 1);
}

#[test]
fn a_worker_that_comes_too_late_is_found_by_the_next_call() {
    let mut desk = Desk::new(1);
    desk.boots_in = Some(Duration::from_millis(1050));
    assert_eq!(desk.call(0, Does::Reply), (Answer::Nil, 2000));
    assert_eq!(desk.call(0, Does::Reply), (Answer::Nil, 2000 + 100 + 100 + 5000));
    assert_eq!((desk.call(0, Does::Reply).0, desk.boots), (Answer::Reply, 1));
}

#[test]
fn callers_that_meet_without_a_worker_start_one_between_them() {
    let mut desk = Desk::new(2);
    desk.step(Event::Called { lane: 0 });
    desk.step(Event::Called { lane: 1 });
    let mut sent = 0;
    for _ in 0..100 {
        for lane in 0..2 {
            if desk.calls.deadline(lane).is_some() {
                sent += desk.tick(lane).iter().filter(|o| **o == Order::Send).count();
            }
        }
    }
    assert_eq!((desk.boots, sent), (1, 1), "the first of the two is lost");
}

#[test]
fn a_refill_is_a_result() {
    let mut desk = Desk::warm(1);
    desk.step(Event::Refilled { lane: 0 });
    assert_eq!(desk.call(0, Does::Reply).0, Answer::Foreign(Mail::Refill));
    assert_eq!(desk.call(0, Does::Reply).0, Answer::Reply);
}

proptest! {
    /// Whatever happens, a call ends once, in bounded time, and is sent at most once and never to nobody.
    #[test]
    fn every_call_ends_once(events in prop::collection::vec((0usize..3, 0u8..7, 0u64..700), 1..300)) {
        let mut desk = Desk::new(3);
        desk.boots_in = None;
        let (mut open, mut up) = ([None::<(Instant, bool)>; 3], false);
        // A refill a tick may come; a call takes one message.
        let longest = CONNECT_WAIT + BOOT_WAIT + CALL_SLEEP + CALL_TIMEOUT;
        for (lane, kind, wait_ms) in events {
            let due = (0..3).filter_map(|lane| Some((desk.calls.deadline(lane)?, lane))).min();
            let next = desk.now + Duration::from_millis(wait_ms);
            let (lane, event) = match (due, kind) {
                (Some((due, lane)), _) if due <= next => {
                    desk.now = desk.now.max(due);
                    (lane, Event::Tick { lane })
                }
                (_, 0 | 1) if open[lane].is_none() => (lane, Event::Called { lane }),
                (_, 2) => (lane, Event::Replied { lane }),
                (_, 3) => (lane, Event::Up),
                (_, 4) => (lane, ABORT),
                _ => (lane, Event::Tick { lane }),
            };
            if let Event::Called { .. } = event {
                open[lane] = Some((desk.now, false));
            }
            up = match event {
                Event::Up => up || desk.calls.starter().is_some(),
                ABORT => false,
                _ => up,
            };
            let replied = matches!(event, Event::Replied { .. });
            for order in desk.step(event) {
                let call = open[lane].as_mut().expect("orders are for calls");
                match order {
                    Order::Boot => prop_assert!(!up),
                    Order::Send => prop_assert!(up && !std::mem::replace(&mut call.1, true)),
                    Order::Return(answer) => {
                        prop_assert!((answer == Answer::Reply) == replied);
                        prop_assert!(desk.now - call.0 <= longest + 2 * CONNECT_POLL);
                        open[lane] = None;
                    }
                }
            }
            for (lane, call) in open.iter().enumerate() {
                prop_assert_eq!(call.is_some(), desk.calls.deadline(lane).is_some());
            }
        }
    }
}
