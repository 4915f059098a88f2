//! Both ends of a line as they are, in thousands of orders of their accesses to the page: nobody sleeps for ever, and no
//! answer is lost or taken twice. shuttle decides before each access who goes on; `word.rs` and `sleepers.rs` let it.
//! All accesses are in one order here, as on x86-64: what weaker memory allows is not tried.

use super::super::control::Words;
use super::*;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, Runner, thread};
use std::cell::Cell;

/// Orders that are tried at random.
const SCHEDULES: usize = 3000;
/// Orders in which threads are held up: the planted defect shows in about one of four thousand.
const HELD_UP: usize = 10 * SCHEDULES;
/// Of the searches that have to find it, so that luck has no say.
const PLANTED_SEED: u64 = 1;
/// Items of each request.
const REQUESTS: [usize; 3] = [1, 3, 2];

thread_local! {
    /// A defect to be found: whoever turns a word looks first whether somebody sleeps. shuttle runs all threads of a
    /// test in one.
    static CARELESS: Cell<bool> = const { Cell::new(false) };
}

pub(super) fn is_careless() -> bool {
    CARELESS.get()
}

pub(super) fn turn_carelessly(word: &Word, sleeps: &Word) {
    let somebody = sleeps.load(SeqCst) != 0;
    word.fetch_add(1, SeqCst);
    if somebody {
        futex::wake_all(word);
    }
}

/// What befalls a worker.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Lives,
    /// It dies when it has given so many answers.
    DiesAfter(u32),
}

/// A worker's life: each item is answered with its own bytes. After every other item it wants its outbox empty.
fn work(control: &'static Control, fate: Fate) {
    let mut end = WorkerEnd::new(control);
    end.is(State::Ready);
    for _ in REQUESTS {
        let (mut frames, items) = end.request();
        for n in 0..items {
            if fate == Fate::DiesAfter(end.answered) {
                // As the kernel does it.
                let life = &control.words().life.word;
                life.store(OWNER_DIED, SeqCst);
                return futex::wake_all(life);
            }
            end.begin();
            end.answer(frames.next().expect("a frame for each item"));
            end.tell(n + 1 == items);
            if n % 2 == 1 && n + 1 < items {
                end.wait_until_taken();
            }
        }
    }
}

const FAR: Duration = Duration::from_secs(3600);

/// Waits for an answer and takes it; `None` if the worker died before it gave one.
fn take(lane: &mut LaneEnd, bell: &Bell) -> Option<u8> {
    let mut frame = [0; FRAME_BYTES_MAX];
    let mut died = false;
    loop {
        match lane.answer(&mut frame).expect("it makes sense") {
            Some(len) => {
                assert_eq!(len, 1);
                lane.take();
                return Some(frame[0]);
            }
            None if died => return None,
            None => {}
        }
        // What it said before it died comes first.
        died = lane.wait(Instant::now() + FAR, bell) == Woken::Died;
    }
}

/// A lane's life: sends each request and takes its answers, as long as the worker lives. What it took.
fn lend(lane: &mut LaneEnd, bell: &Bell) -> Vec<u8> {
    let (mut taken, mut next) = (vec![], 0u8);
    for items in REQUESTS {
        let mut request = Request::default();
        for _ in 0..items {
            assert!(request.push(&[next]));
            next += 1;
        }
        lane.send(&request);
        for left in (1..=items).rev() {
            assert_eq!(lane.outstanding(), left);
            match take(lane, bell) {
                Some(answer) => taken.push(answer),
                None => return taken,
            }
        }
    }
    taken
}

/// A lane whose worker has nothing to say waits, and a bell is rung.
fn wait_for_the_bell(lane: &mut LaneEnd) {
    let bell = Arc::new(Bell::new().expect("a descriptor"));
    let ringer = thread::spawn({
        let bell = bell.clone();
        move || bell.ring()
    });
    while lane.wait(Instant::now() + FAR, &bell) != Woken::Bell {}
    ringer.join().expect("it rang");
}

/// The lane's end of a page as it is at first.
fn fresh(control: &Arc<Control>) -> LaneEnd {
    let Words { asked, said, life, .. } = control.words();
    let asked = [&asked.turn, &asked.requests, &asked.items, &asked.taken, &asked.sleeps];
    let said = [&said.turn, &said.state, &said.begun, &said.answered, &said.sleeps];
    for word in asked.into_iter().chain(said) {
        word.store(0, SeqCst);
    }
    life.word.store(1, SeqCst);
    let outbox = Segment::heap(0, 1, 1).expect("a page");
    let (seen, sent, shown, taken, deaf) = (0, 0, 0, 0, false);
    LaneEnd { control: control.clone(), outbox, seen, sent, shown, taken, deaf }
}

/// A lane and its worker, whatever befalls them.
fn every_fate(control: &'static Arc<Control>) {
    let all = REQUESTS.iter().sum::<usize>() as u8;
    for fate in [Fate::Lives, Fate::DiesAfter(0), Fate::DiesAfter(2), Fate::DiesAfter(5)] {
        let mut lane = fresh(control);
        let bell = Bell::new().expect("a descriptor");
        let worker = thread::spawn(move || work(control, fate));
        if fate == Fate::Lives {
            wait_for_the_bell(&mut lane);
        }
        let taken = lend(&mut lane, &bell);
        let due = if let Fate::DiesAfter(answers) = fate { answers as u8 } else { all };
        assert_eq!(taken, (0..due).collect::<Vec<_>>(), "each answer once, in order");
        assert_eq!(lane.begun(), 0, "what is begun is answered");
        worker.join().expect("it worked");
    }
}

/// A page of this test's own: shuttle runs one order after the other, and a worker keeps its page for ever.
fn page() -> &'static Arc<Control> {
    Box::leak(Box::new(Arc::new(Control::new().expect("a page"))))
}

#[test]
fn no_answer_is_lost_and_nobody_forgotten_in_whatever_order_both_ends_go_on() {
    let control = page();
    shuttle::check_random(move || every_fate(control), SCHEDULES);
}

#[test]
fn nor_when_one_is_held_up_at_the_worst_of_moments() {
    let control = page();
    shuttle::check_pct(move || every_fate(control), HELD_UP, 3);
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_lost_wake_up_is_found() {
    let control = page();
    CARELESS.set(true);
    let orders = RandomScheduler::new_from_seed(PLANTED_SEED, SCHEDULES);
    Runner::new(orders, Config::default()).run(move || every_fate(control));
}

#[test]
#[should_panic(expected = "deadlock")]
fn a_lost_wake_up_is_found_by_holding_threads_up_too() {
    let control = page();
    CARELESS.set(true);
    let orders = PctScheduler::new_from_seed(PLANTED_SEED, 3, HELD_UP);
    Runner::new(orders, Config::default()).run(move || every_fate(control));
}
