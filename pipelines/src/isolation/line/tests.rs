//! A worker may write anything, anywhere that it can, at any time; and nobody who waits is forgotten.

use super::*;
use crate::engine::hands::child::{outcome, read};
use crate::engine::lane::{Event, Lane, Order};
use crate::handler::{Desk, Handler, Route};
use crate::isolation::frame::{Malformed, Memory, Portable, Reader, Writer};
use crate::isolation::segment::Buf;
use crate::isolation::worker::answer;
use std::collections::HashSet;

/// Its results are bytes.
struct Bytes(Buf);

impl Portable for Bytes {
    fn lower(&self, to: &mut Writer) {
        to.buf(&self.0);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.buf().map(Self)
    }
}

struct Nobody;

impl Handler for Nobody {
    type Config = ();
    type In = u64;
    type Out = Bytes;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, _: &u64, _: &mut Desk<'_>) -> Result<Bytes, Failure> {
        Err(Failure::item("it is never called"))
    }
}

/// Numbers of a seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    fn below(&mut self, most: u64) -> u64 {
        self.roll() % most
    }
    /// A number near which something may go wrong.
    fn word(&mut self) -> u32 {
        let edge =
            [0, 1, 2, 3, 127, 128, 1024, 1025, 1 << 16, 1 << 31, u32::MAX][self.below(11) as usize];
        if self.below(4) == 0 { self.roll() as u32 } else { edge }
    }
}

/// An answer as it should be.
fn right(item: u64, attempt: u32, dice: &mut Dice) -> Vec<u8> {
    let mut to = Writer::default();
    to.u8([answer::DONE, answer::FAILED, answer::PANICKED][dice.below(3) as usize]);
    to.u64(item);
    to.u32(attempt);
    to.u64(1000);
    Route::default().lower(&mut to);
    to.u16(OUTBOX);
    to.u32(dice.below(OUTBOX_SLOTS_MIN as u64) as u32);
    to.u32(dice.below(4097) as u32);
    to.finish().to_vec()
}

/// What a worker gone mad makes of an answer.
fn spoil(frame: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(3) {
        let at = dice.below(frame.len().max(1) as u64) as usize;
        match dice.below(5) {
            0 => frame.truncate(at),
            1 => frame.resize(dice.below(1 + FRAME_BYTES_MAX as u64) as usize, 0x5a),
            2 if at + 4 <= frame.len() => {
                frame[at..at + 4].copy_from_slice(&dice.word().to_le_bytes());
            }
            3 => frame.iter_mut().for_each(|byte| *byte = dice.roll() as u8),
            _ if at < frame.len() => frame[at] ^= 1 << dice.below(8),
            _ => {}
        }
    }
}

/// Writes where only a worker writes.
fn scribble(there: &Control, dice: &mut Dice) {
    let (said, will) = (&there.words().said, &there.words().will);
    for _ in 0..=dice.below(4) {
        let word = dice.word();
        match dice.below(10) {
            0 => said.state.store(word, SeqCst),
            1 => said.begun.store(word, SeqCst),
            2 => said.answered.store(word, SeqCst),
            3 => said.turn.store(word, SeqCst),
            4 => said.sleeps.store(word, SeqCst),
            5 => will.stack_len.store(word, SeqCst),
            6 => will.signal.store(word.cast_signed(), SeqCst),
            7 => will.exit.store(word.cast_signed(), SeqCst),
            8 => will.refused_call.store(word, SeqCst),
            _ => there.write_answer_of(dice.word(), &[0xa5; 64], dice.word()),
        }
    }
}

/// The lane's view of it: nothing of this may panic, or believe more than what was sent.
fn look(lane: &mut LaneEnd, frame: &mut [u8; FRAME_BYTES_MAX]) -> Result<Option<usize>, ()> {
    assert!(lane.begun() <= lane.outstanding());
    let _ = (lane.state(), lane.excuse().len() <= 3 * FRAME_BYTES_MAX);
    assert!(lane.testament(None).read().stack.len() <= super::super::control::STACK_BYTES);
    let got = lane.answer(frame);
    assert!(got.is_err() || got.is_ok_and(|len| len.is_none_or(|len| len <= FRAME_BYTES_MAX)));
    got
}

/// Whether the lane accepts this answer for the item that it waits for.
fn accepts(frame: &[u8], item: u64, attempt: u32) -> bool {
    let (now, long, mut orders) = (Instant::now(), Duration::from_secs(9), Vec::new());
    let mut lane = Lane::new(now, long, long);
    for event in [Event::Ready, Event::Sent { item, attempt }] {
        lane.step(now, event, &mut orders);
    }
    orders.clear();
    lane.step(now, read(frame), &mut orders);
    orders.contains(&Order::Accept)
}

/// Says which round it was that failed.
struct Round(u64);

impl Drop for Round {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {SEED:#x}, round {}", self.0);
        }
    }
}

const SEED: u64 = 0x5eed_0011;

#[test]
fn whatever_a_worker_writes_its_lane_believes_only_what_it_asked_for() {
    const ROUNDS: u64 = 10_000;
    let results = Segment::heap(0, 2, 4096).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    let mut ends = None;
    for round in 0..ROUNDS {
        let _round = Round(round);
        let dice = &mut Dice(SEED + round);
        // A page serves one worker; one that made no sense is given up.
        let (lane, there): &mut (LaneEnd, Control) = ends.get_or_insert_with(|| {
            let lane = LaneEnd::new(OUTBOX_SLOTS_MIN, 4096).unwrap();
            let memory = lane.other_end().0[0].unwrap().try_clone_to_owned().unwrap();
            (lane, Control::attach(memory).unwrap())
        });
        let (item, attempt) = (dice.below(1000), dice.below(3) as u32);
        let mut request = Request::default();
        assert!(request.push(&[0; 16]));
        lane.send(&request);
        let mut frame = right(item, attempt, dice);
        if dice.below(5) > 0 {
            spoil(&mut frame, dice);
        }
        let said = &there.words().said;
        there.write_answer(said.answered.load(SeqCst), &frame);
        said.answered.fetch_add(1, SeqCst);
        let scribbles = dice.below(3) == 0;
        if scribbles {
            scribble(there, dice);
        }
        let mut copy = [0; FRAME_BYTES_MAX];
        let got = look(lane, &mut copy);
        let ok = match got {
            Ok(Some(len)) if accepts(&copy[..len], item, attempt) => {
                let claims = (&copy[1..9], &copy[9..13]);
                let due = (&item.to_le_bytes()[..], &attempt.to_le_bytes()[..]);
                assert_eq!(claims, due, "another's result");
                let memory = Memory::Outbox { from: &lane.outbox, into: &results };
                let made = outcome::<Nobody>(item, attempt, Reader::new(&copy[..len], memory));
                if let Some(Ok((bytes, _))) = made.as_ref().map(|made| &made.result) {
                    assert!(bytes.0.len() <= 4096);
                }
                made.is_some()
            }
            _ => false,
        };
        *(if ok { &mut accepted } else { &mut refused }) += 1;
        if ok && !scribbles {
            lane.take();
        } else {
            ends = None;
        }
        assert!(results.free() == 2, "a slot is left behind");
    }
    assert!(accepted > ROUNDS / 10 && refused > ROUNDS / 10, "{accepted} and {refused}");
}

/// The words of one direction, and where its two sides are: who waits (`wait`), and who says `left` more things
/// (`turn`). Each number of a side is one access to memory that the other can see.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Model {
    turn: u8,
    said: u8,
    sleeps: bool,
    waiter: (u8, u8),
    asleep: bool,
    left: u8,
    speaker: (u8, bool),
}

/// Every state that can come of this one by one access.
fn steps(model: Model, careless: bool) -> Vec<Model> {
    let mut next = vec![];
    let mut m = model;
    match (m.waiter.0, m.asleep) {
        (_, true) => {}
        (0, _) => m.waiter = (1, m.turn),
        // Everything is said that it waits for: it is through.
        (1, _) => m.waiter.0 = if m.said == 2 { 9 } else { 2 },
        (2, _) => (m.sleeps, m.waiter.0) = (true, 3),
        // The kernel compares and puts to sleep in one.
        (3, _) => (m.asleep, m.waiter.0) = (m.turn == m.waiter.1, 4),
        (4, _) => (m.sleeps, m.waiter.0) = (false, 0),
        _ => {}
    }
    next.extend((m != model).then_some(m));
    let mut m = model;
    match m.speaker.0 {
        0 if m.left > 0 => (m.said, m.left, m.speaker.0) = (m.said + 1, m.left - 1, 1),
        1 if careless => m.speaker = (2, m.sleeps),
        1 => (m.turn, m.speaker.0) = (m.turn + 1, 2),
        2 if careless => (m.turn, m.speaker.0) = (m.turn + 1, 3),
        2 => m.speaker = (3, m.sleeps),
        3 => (m.asleep, m.speaker.0) = (m.asleep && !m.speaker.1, 0),
        _ => {}
    }
    next.extend((m != model).then_some(m));
    next
}

/// Whether there is an order of accesses after which somebody sleeps for ever.
fn sleeps_for_ever(careless: bool) -> bool {
    let start = Model {
        turn: 0,
        said: 0,
        sleeps: false,
        waiter: (0, 0),
        asleep: false,
        left: 2,
        speaker: (0, false),
    };
    let (mut open, mut seen) = (vec![start], HashSet::new());
    while let Some(model) = open.pop() {
        let next = steps(model, careless);
        if next.is_empty() && model.waiter.0 != 9 {
            return true;
        }
        open.extend(next.into_iter().filter(|model| seen.insert(*model)));
    }
    false
}

#[test]
fn who_waits_is_woken_in_every_order_of_accesses() {
    assert!(!sleeps_for_ever(false));
    assert!(sleeps_for_ever(true), "who looks whether somebody sleeps before turning forgets him");
}
