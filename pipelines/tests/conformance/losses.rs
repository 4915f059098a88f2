//! X1–X6: what kills cost, as it was measured of the original, and what they cost here.

use crate::case::Case;
use crate::hand::{Hand, demanding, me};
use crate::kit::{Closure, PATIENCE, stage, ticket};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use pipelines::acknowledger::{Heard, Ticket};
use pipelines::engine::event::{Ending, Event};
use pipelines::engine::running::Report;
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::message::{Failure, ItemId, Tally};
use pipelines::pipeline::{Pipeline, Staged};
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::cell::Cell;
use std::collections::VecDeque;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Items of a run.
pub(crate) const ITEMS: u64 = 2000;
/// What a handler takes.
const WORK: Duration = Duration::from_micros(100);
/// Runs of a case, each with its kill elsewhere.
const SEEDS: u64 = 8;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::holds(
            "X1",
            "a_kill_costs_20_at_2_x_10",
            "one of two processors with max_demand 10 is killed: exactly 20 of 2,000 are not acked",
            x1,
        ),
        Case::holds(
            "X2",
            "a_kill_costs_200_at_2_x_100",
            "with max_demand 100 it is exactly 200",
            x2,
        ),
        Case::holds("X3", "a_kill_costs_2_at_2_x_1", "with max_demand 1 it is exactly 2", x3),
        Case::holds(
            "X4",
            "the_fourth_kill_in_five_seconds_ends_it",
            "three kills cost 60 and do not end it; at the fourth the supervisor gives up",
            x4,
        ),
        Case::holds(
            "X5",
            "ours_loses_nothing_by_the_same_kills",
            "under the same kills every item is done and acked exactly once, and none fails",
            x5,
        ),
        Case::holds(
            "X6",
            "ours_goes_on_after_20_kills_in_a_row",
            "twenty kills, one right after the other, do not end it and cost nothing",
            x6,
        ),
    ]
}

thread_local! {
    /// The how many-th life of its processors a thread is in, from 0, once it has met the other one.
    static LIFE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Where two processors meet before their first item in each life, so that both are at work, each with all
/// that it asks for, when one of them is killed.
struct Meeting {
    came: AtomicUsize,
    door: (Sender<()>, Receiver<()>),
}

impl Meeting {
    fn life(&self) -> usize {
        LIFE.get().unwrap_or_else(|| {
            let life = self.came.fetch_add(1, Ordering::SeqCst) / 2;
            select! {
                send(self.door.0, ()) -> met => met.unwrap(),
                recv(self.door.1) -> met => met.unwrap(),
                default(PATIENCE) => panic!("the other processor does not come"),
            }
            LIFE.set(Some(life));
            life
        })
    }
}

/// The kills of a run.
struct Kills {
    /// From these items on the next one that is handled kills.
    due: Mutex<VecDeque<u64>>,
    total: usize,
    /// Under Broadway's tree both processors begin each life together.
    meeting: Option<Meeting>,
}

impl Kills {
    /// Whether this item kills now. What is left of a former life kills nobody.
    fn strikes(&self, item: ItemId) -> bool {
        let life = self.meeting.as_ref().map(Meeting::life);
        let mut due = self.due.lock().unwrap();
        let mine = life.is_none_or(|life| life == self.total - due.len());
        due.pop_front_if(|at| mine && *at <= item).is_some()
    }

    /// Whether everybody who was killed is at work again.
    fn are_over(&self) -> bool {
        let lives = |meeting: &Meeting| meeting.came.load(Ordering::SeqCst) / 2;
        self.due.lock().unwrap().is_empty()
            && self.meeting.as_ref().is_none_or(|meeting| lives(meeting) > self.total)
    }
}

/// Counts on until it has given so many items and the kills are over, always as many as it is asked for: a
/// slow machine may finish its items before it restarts anybody.
struct Long {
    next: u64,
    kills: Arc<Kills>,
    to: Ticket,
}

impl Producer for Long {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        let end = if self.kills.are_over() { ITEMS.max(self.next) } else { u64::MAX };
        let to = end.min(self.next + demand.count() as u64);
        let entry = |id| Entry::with_ticket(id, id as i64, self.to.clone());
        let items: Vec<_> = (self.next..to).map(entry).collect();
        self.next = to;
        Ok(if items.is_empty() { Supply::Drained } else { Supply::Items(items) })
    }
}

/// Whom an item kills.
#[derive(Clone, Copy, PartialEq)]
enum Victim {
    /// The processor that has it in hand.
    Own,
    /// The other processor.
    Sibling,
}

/// What came of a run.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    /// How often each item was acknowledged as done; none ever failed.
    pub(crate) acks: Vec<u32>,
    pub(crate) told: Vec<(Instant, Event)>,
}

/// About what an image operation on a small tile takes.
pub(crate) fn work() {
    let until = Instant::now() + WORK;
    while Instant::now() < until {
        spin_loop();
    }
}

/// A run of two processors with its kills.
fn run(settings: Settings, demand: (usize, usize), victim: Victim, due: &[u64]) -> Outcome {
    let came = AtomicUsize::new(0);
    let meeting = settings.as_the_original.then(|| Meeting { came, door: bounded(0) });
    let due_now = Mutex::new(due.iter().copied().collect());
    let kills = Arc::new(Kills { due: due_now, total: due.len(), meeting });
    let (hand, (to, heard), strikes) = (Hand::default(), ticket(), kills.clone());
    let killer = hand.clone();
    let stage = stage(move |n, desk| {
        let strikes = strikes.strikes(desk.item);
        match (me(), victim) {
            _ if !strikes => {}
            (_, Victim::Own) => killer.kill_me(desk),
            (Process::Processor(0), _) => killer.kill(Process::Processor(1)),
            _ => killer.kill(Process::Processor(0)),
        }
        work();
        Ok(*n)
    });
    let long = move |_: &Instance| Ok(Long { next: 0, kills: kills.clone(), to: to.clone() });
    let stage = demanding(stage, demand.0, demand.1).workers(2);
    outcome(Pipeline::produced_by(1, long).settings(settings).stage(stage), &hand, &heard)
}

/// Runs it, and reaches it meanwhile.
pub(crate) fn outcome(staged: Staged<Closure>, hand: &Hand, heard: &Receiver<Heard>) -> Outcome {
    let told = Arc::<Mutex<Vec<(Instant, Event)>>>::default();
    let notes = told.clone();
    let staged = staged.observed(move |event| {
        notes.lock().unwrap().push((Instant::now(), event.clone()));
    });
    let running = staged.start().unwrap();
    hand.reach(&running);
    let report = running.wait();
    let mut acks = vec![0; report.tally.produced as usize];
    for heard in heard.try_iter() {
        assert!(heard.failed.is_empty());
        heard.done.iter().for_each(|acked| acks[acked.item as usize] += 1);
    }
    let told = std::mem::take(&mut *told.lock().unwrap());
    Outcome { report, acks, told }
}

impl Outcome {
    /// Exactly so many were not acked, and they are known to be lost; the others were, once.
    pub(crate) fn check_lost(&self, lost: u64, name: &str) {
        let produced = self.report.tally.produced;
        assert!(produced >= ITEMS);
        let tally = Tally { produced, done: produced - lost, lost, ..Tally::default() };
        assert_eq!(self.report.tally, tally, "{name}");
        assert_eq!((self.report.left.items(), self.report.failure.as_ref()), (0, None), "{name}");
        let never = self.acks.iter().filter(|acks| **acks == 0).count() as u64;
        assert_eq!(never, lost, "{name}");
        assert!(self.acks.iter().all(|acks| *acks <= 1), "{name}");
    }

    fn count(&self, what: impl Fn(&Event) -> bool) -> usize {
        self.told.iter().filter(|(_, event)| what(event)).count()
    }
}

/// An item in the middle of a run, another one for each seed.
fn somewhere(seed: u64) -> u64 {
    300 + (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) % 1000
}

/// Who is killed, by seed.
fn victim(seed: u64) -> Victim {
    if seed.is_multiple_of(2) { Victim::Own } else { Victim::Sibling }
}

fn kills_cost(lost: u64, demand: (usize, usize)) {
    for seed in 0..SEEDS {
        let at = somewhere(seed);
        let outcome = run(Settings::broadway(), demand, victim(seed), &[at]);
        outcome.check_lost(lost, &format!("killed at {at}"));
    }
}

fn x1() {
    kills_cost(20, (10, 5));
}

fn x2() {
    kills_cost(200, (100, 50));
}

fn x3() {
    kills_cost(2, (1, 0));
}

fn x4() {
    let kills = [300, 600, 900, 1200];
    let three = run(Settings::broadway(), (10, 5), Victim::Own, &kills[..3]);
    three.check_lost(60, "three kills");
    let four = run(Settings::broadway(), (10, 5), Victim::Own, &kills);
    let failure = four.report.failure.as_ref().expect("it ended").what.as_str();
    assert!(failure.contains("the supervisor of the processors gave up"), "{failure}");
    assert_eq!(four.count(|event| matches!(event, Event::GaveUp { .. })), 1);
    let Tally { produced, done, lost, .. } = four.report.tally;
    assert_eq!(produced, done + lost + four.report.left.items());
    assert!((65..=80).contains(&lost), "{lost}");
}

fn x5() {
    for demand in [(10, 5), (100, 50), (1, 0)] {
        for seed in 0..SEEDS / 2 {
            let at = [somewhere(seed)];
            run(Settings::okiagari(), demand, victim(seed), &at).check_lost(0, "ours, one kill");
        }
        let kills = [300, 600, 900, 1200];
        run(Settings::okiagari(), demand, Victim::Own, &kills).check_lost(0, "ours, four kills");
    }
}

fn x6() {
    for demand in [(10, 5), (1, 0)] {
        let kills: Vec<_> = (500..520).collect();
        let outcome = run(Settings::okiagari(), demand, Victim::Own, &kills);
        outcome.check_lost(0, "20 kills");
        let killed =
            |event: &Event| matches!(event, Event::ProcessEnded { ending: Ending::Killed, .. });
        assert_eq!(outcome.count(killed), 20);
    }
}
