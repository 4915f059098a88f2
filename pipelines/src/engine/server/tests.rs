//! The server among real threads. A wait that should not happen is given an hour or a minute, so that a
//! server that forgets somebody shows as a timeout and not as a pass.

use super::*;
use crossbeam_channel::TryRecvError;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Answers a number with its square, and does what it is told.
struct Clerk {
    kept: Vec<(u64, Caller<u64>)>,
    told: Vec<u64>,
    at_the_end: Sender<(Ending, Vec<u64>)>,
    last_words: Option<&'static str>,
}

struct Plan {
    init: fn() -> Result<(), Failure>,
    last_words: Option<&'static str>,
    at_the_end: Sender<(Ending, Vec<u64>)>,
}

enum Ask {
    Square(u64),
    /// Keeps the caller; the second one kept lets both have their answers, the later one first.
    Keep(u64),
    GiveAway(Sender<Caller<u64>>),
    LetGo,
    Panic,
    CallYourself(Handle<Clerk>, Sender<CallError>),
}

enum Tell {
    Note(u64),
    /// Says that it is in the callback, and stays until the sender is gone.
    Block(Sender<()>, Receiver<Infallible>),
    CastToYourself(Handle<Clerk>, Sender<Result<(), CallError>>),
    Own(Server<Clerk>),
    End,
    Panic,
}

impl Service for Clerk {
    type Config = Plan;
    type Call = Ask;
    type Reply = u64;
    type Cast = Tell;

    fn init(plan: &Plan) -> Result<Self, Failure> {
        (plan.init)()?;
        let (at_the_end, last_words) = (plan.at_the_end.clone(), plan.last_words);
        Ok(Self { kept: vec![], told: vec![], at_the_end, last_words })
    }

    fn call(&mut self, request: Ask, from: Caller<u64>) -> Flow {
        match request {
            Ask::Square(n) => from.reply(n * n),
            Ask::Keep(n) => {
                self.kept.push((n, from));
                if self.kept.len() == 2 {
                    self.kept.drain(..).rev().for_each(|(n, from)| from.reply(n * n));
                }
            }
            Ask::GiveAway(to) => to.send(from).unwrap(),
            Ask::LetGo => {}
            Ask::Panic => panic!("asked to {}", "panic"),
            Ask::CallYourself(myself, answer) => {
                answer.send(myself.call(Ask::Square(2), HOUR).unwrap_err()).unwrap();
                from.reply(0);
            }
        }
        Flow::Continue
    }

    fn cast(&mut self, request: Tell) -> Flow {
        match request {
            Tell::Note(n) => self.told.push(n),
            Tell::Block(entered, until) => {
                entered.send(()).unwrap();
                until.recv().unwrap_err();
            }
            Tell::CastToYourself(myself, answer) => {
                answer.send(myself.cast(Tell::Note(1))).unwrap();
                answer.send(myself.cast(Tell::Note(2))).unwrap();
            }
            Tell::Own(server) => {
                server.wait();
            }
            Tell::End => return Flow::End,
            Tell::Panic => panic!("told to"),
        }
        Flow::Continue
    }

    fn terminate(&mut self, why: &Ending) {
        self.at_the_end.send((why.clone(), std::mem::take(&mut self.told))).ok();
        if let Some(words) = self.last_words {
            panic!("{words}");
        }
    }
}

type End = Receiver<(Ending, Vec<u64>)>;

fn plan() -> (Plan, End) {
    let (at_the_end, end) = bounded(1);
    (Plan { init: || Ok(()), last_words: None, at_the_end }, end)
}

fn clerk(mailbox: usize) -> (Server<Clerk>, Handle<Clerk>, End) {
    let (plan, end) = plan();
    let server = Server::start("clerk", plan, mailbox).unwrap();
    let handle = server.handle();
    (server, handle, end)
}

/// Keeps the server in a callback until what is returned is dropped.
fn block(handle: &Handle<Clerk>) -> Sender<Infallible> {
    let ((entered, inside), (gate, until)) = (bounded(1), bounded(0));
    handle.cast(Tell::Block(entered, until)).unwrap();
    inside.recv().unwrap();
    gate
}

#[test]
fn messages_are_taken_in_order_one_at_a_time() {
    let (server, handle, end) = clerk(2);
    for n in 0..100 {
        handle.cast(Tell::Note(n)).unwrap();
        assert_eq!(handle.call(Ask::Square(n), HOUR), Ok(n * n));
    }
    drop(server);
    assert_eq!(end.recv(), Ok((Ending::Stopped, (0..100).collect())));
}

#[test]
fn a_failing_init_is_a_failed_start_with_its_words() {
    let (mut failing, end) = plan();
    failing.init = || Err(Failure::input("no paper"));
    let ended = |_| panic!("this never ran");
    let failure = Server::<Clerk>::start_watched("clerk", failing, 1, ended).err().unwrap();
    assert_eq!(failure, Failure::input("no paper"));
    assert_eq!(end.recv().ok(), None, "nothing was made, nothing is terminated");

    let (mut panicking, _end) = plan();
    panicking.init = || panic!("no pencils");
    let failure = Server::<Clerk>::start_watched("clerk", panicking, 1, ended).err().unwrap();
    assert_eq!(failure.what, "the server \"clerk\" could not start: no pencils");

    let failure = Server::<Clerk>::start("a\0b", plan().0, 1).err().unwrap();
    assert!(failure.what.contains("NUL"), "{failure}");
}

#[test]
fn a_call_to_a_dead_server_errors_at_once() {
    let (server, handle, _end) = clerk(4);
    assert!(handle.is_alive());
    handle.stop();
    handle.stop();
    assert_eq!(server.wait(), Ending::Stopped);
    assert!(!handle.is_alive());
    assert_eq!(handle.call(Ask::Square(1), Duration::MAX), Err(CallError::Dead));
    assert_eq!(handle.cast(Tell::Note(1)), Err(CallError::Dead));
    assert_eq!(handle.try_cast(Tell::Note(1)), Err(CallError::Dead));
}

#[test]
fn a_panic_frees_every_caller_at_once() {
    // With no room for what terminate says, it waits until the callers were told.
    let (at_the_end, end) = bounded(0);
    let server = Server::start("clerk", Plan { at_the_end, ..plan().0 }, 8).unwrap();
    let handle: Handle<Clerk> = server.handle();
    let (to, given) = bounded(1);
    let kept = handle.post(Ask::Keep(1), None).unwrap();
    let elsewhere = handle.post(Ask::GiveAway(to), None).unwrap();
    let caller = given.recv().unwrap();
    let gate = block(&handle);
    let culprit = handle.post(Ask::Panic, None).unwrap();
    let queued = handle.post(Ask::Square(3), None).unwrap();
    drop(gate);
    for answers in [&culprit, &kept, &elsewhere, &queued] {
        assert_eq!(handle.answer(answers, None), Err(CallError::Dead));
        assert!(!handle.is_alive());
    }
    caller.reply(9);
    assert_eq!(end.recv().unwrap().0, Ending::Panicked("asked to panic".into()));
    assert_eq!(server.wait(), Ending::Panicked("asked to panic".into()));
}

#[test]
fn a_late_reply_is_dropped_and_answers_no_later_call() {
    let (_server, handle, _end) = clerk(4);
    // Taken and kept: its answer comes while the next call waits, and before that one's own.
    assert_eq!(handle.call(Ask::Keep(1), Duration::from_millis(1)), Err(CallError::Timeout));
    assert_eq!(handle.call(Ask::Keep(2), HOUR), Ok(4));
    // Still in the mailbox when its caller leaves.
    let gate = block(&handle);
    assert_eq!(handle.call(Ask::Square(5), Duration::ZERO), Err(CallError::Timeout));
    drop(gate);
    for n in 6..20 {
        assert_eq!(handle.call(Ask::Square(n), HOUR), Ok(n * n));
    }
}

#[test]
fn a_caller_let_go_is_told_and_one_given_away_is_answered() {
    let (_server, handle, _end) = clerk(4);
    assert_eq!(handle.call(Ask::LetGo, HOUR), Err(CallError::Unanswered));
    let (to, given) = bounded::<Caller<u64>>(1);
    let helper = thread::spawn(move || given.recv().unwrap().reply(77));
    assert_eq!(handle.call(Ask::GiveAway(to), HOUR), Ok(77));
    helper.join().unwrap();
    // A helper that panics is not the server: its caller is let go.
    let (to, given) = bounded::<Caller<u64>>(1);
    let helper = thread::spawn(move || {
        let _caller = given.recv().unwrap();
        panic!("a helper's panic");
    });
    assert_eq!(handle.call(Ask::GiveAway(to), HOUR), Err(CallError::Unanswered));
    assert!(helper.join().is_err() && handle.is_alive());
}

#[test]
fn a_server_cannot_wait_for_itself() {
    let (server, handle, end) = clerk(1);
    let (answer, answers) = bounded(2);
    let call = Ask::CallYourself(handle.clone(), answer);
    assert_eq!(handle.call(call, HOUR), Ok(0));
    assert_eq!(answers.recv(), Ok(CallError::Itself));

    let (answer, answers) = bounded(2);
    handle.cast(Tell::CastToYourself(handle.clone(), answer)).unwrap();
    assert_eq!(answers.recv(), Ok(Ok(())));
    assert_eq!(answers.recv(), Ok(Err(CallError::Itself)), "its mailbox is full");

    handle.cast(Tell::Own(server)).unwrap();
    let (ending, told) = end.recv().unwrap();
    assert_eq!(ending, Ending::Panicked("a server cannot wait for itself".into()));
    assert_eq!(told, [1]);
}

#[test]
fn a_full_mailbox_holds_its_senders_back() {
    let (server, handle, end) = clerk(1);
    let gate = block(&handle);
    handle.try_cast(Tell::Note(0)).unwrap();
    assert_eq!(handle.try_cast(Tell::Note(9)), Err(CallError::Busy));
    let soon = Duration::from_millis(1);
    assert_eq!(handle.call(Ask::Square(1), soon), Err(CallError::Timeout));
    let sender = handle.clone();
    let waiting = thread::spawn(move || (1..50).try_for_each(|n| sender.cast(Tell::Note(n))));
    drop(gate);
    assert_eq!(waiting.join().unwrap(), Ok(()));
    handle.cast(Tell::End).unwrap();
    assert_eq!(server.wait(), Ending::Normal);
    assert_eq!(end.recv().unwrap().1, (0..50).collect::<Vec<_>>());
}

#[test]
fn death_frees_whoever_waits_for_room() {
    for mailbox in [0, 1] {
        let (server, handle, _end) = clerk(mailbox);
        let gate = block(&handle);
        let senders: Vec<_> = (0..4)
            .map(|n| {
                let handle = handle.clone();
                thread::spawn(move || match n % 2 {
                    0 => handle.call(Ask::Square(n), HOUR).err(),
                    // One more than the mailbox holds, so that one waits or is told.
                    _ => (0..2).find_map(|_| handle.cast(Tell::Note(n)).err()),
                })
            })
            .collect();
        handle.stop();
        drop(gate);
        assert_eq!(server.wait(), Ending::Stopped);
        for sender in senders {
            assert_eq!(sender.join().unwrap(), Some(CallError::Dead));
        }
    }
}

#[test]
fn every_ending_is_told_and_terminated() {
    let (at_end, ended) = bounded(1);
    type Act = fn(&Handle<Clerk>);
    let cases: [(Act, Option<&'static str>, Ending); 6] = [
        (|h| h.stop(), None, Ending::Stopped),
        (|h| h.cast(Tell::End).unwrap(), None, Ending::Normal),
        (|h| h.cast(Tell::Panic).unwrap(), None, Ending::Panicked("told to".into())),
        (|h| h.stop(), Some("ouch"), Ending::Panicked("ouch".into())),
        (|h| h.cast(Tell::End).unwrap(), Some("ouch"), Ending::Panicked("ouch".into())),
        // The first panic is the cause.
        (|h| h.cast(Tell::Panic).unwrap(), Some("ouch"), Ending::Panicked("told to".into())),
    ];
    for (end_it, last_words, expected) in cases {
        let (mut plan, end) = plan();
        plan.last_words = last_words;
        let at_end = at_end.clone();
        let told = move |ending| at_end.send(ending).unwrap();
        let server = Server::<Clerk>::start_watched("clerk", plan, 1, told).unwrap();
        end_it(&server.handle());
        assert_eq!(ended.recv().unwrap(), expected);
        assert_eq!(server.wait(), expected);
        assert!(end.try_recv().is_ok(), "terminate ran");
    }
}

#[test]
fn a_dropped_server_is_stopped_and_waited_for() {
    let (server, handle, end) = clerk(1);
    let gate = block(&handle);
    let (gone, seen) = bounded(1);
    let dropper = thread::spawn(move || {
        drop(server);
        gone.send(()).unwrap();
    });
    assert_eq!(seen.try_recv(), Err(TryRecvError::Empty), "the callback is still at work");
    drop(gate);
    seen.recv().unwrap();
    assert_eq!(end.try_recv(), Ok((Ending::Stopped, vec![])));
    assert_eq!(handle.call(Ask::Square(1), HOUR), Err(CallError::Dead));
    dropper.join().unwrap();
}

/// A small generator of numbers, so that a seed says everything.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % n
    }
}

/// Calls and casts until the server is dead; the first of all kills it after some calls. Returns how many
/// answers it had.
fn customer(me: u64, seed: u64, handle: &Handle<Clerk>) -> u64 {
    let mut dice = Dice(seed * 31 + me);
    let kill_at = if me == 0 { dice.below(60) } else { u64::MAX };
    let mut answers = 0;
    for turn in 0.. {
        if turn == kill_at {
            match dice.below(3) {
                0 => handle.stop(),
                1 => handle.cast(Tell::Panic).unwrap(),
                _ => handle.cast(Tell::End).unwrap(),
            }
        }
        let n = me << 24 | turn;
        let hurry = dice.below(4) == 0;
        let timeout = if hurry { Duration::from_micros(dice.below(40)) } else { MINUTE };
        let called = match dice.below(4) {
            0 => handle.cast(Tell::Note(n)).map(|()| n * n),
            1 => handle.call(Ask::Keep(n), timeout),
            _ => handle.call(Ask::Square(n), timeout),
        };
        match called {
            Ok(answer) => assert_eq!(answer, n * n, "seed {seed}: the answer to another call"),
            Err(CallError::Timeout) if hurry => continue,
            Err(error) => {
                assert_eq!(error, CallError::Dead, "seed {seed}, turn {turn}");
                assert!(!handle.is_alive());
                assert_eq!(handle.call(Ask::Square(n), HOUR), Err(CallError::Dead));
                break;
            }
        }
        answers += 1;
    }
    answers
}

#[test]
fn every_call_is_answered_or_fails_whenever_the_server_dies() {
    const CUSTOMERS: u64 = 4;
    let mut answers = 0;
    for seed in 0..400 {
        let (server, handle, end) = clerk(seed as usize % 4);
        let together = Barrier::new(CUSTOMERS as usize);
        answers += thread::scope(|scope| {
            let work = |me| {
                let (handle, together) = (handle.clone(), &together);
                scope.spawn(move || {
                    together.wait();
                    customer(me, seed, &handle)
                })
            };
            let customers: Vec<_> = (0..CUSTOMERS).map(work).collect();
            customers.into_iter().map(|c| c.join().unwrap()).sum::<u64>()
        });
        let ending = server.wait();
        assert_eq!(end.recv().unwrap().0, ending);
    }
    assert!(answers > 400, "the servers lived long enough to answer: {answers}");
}
