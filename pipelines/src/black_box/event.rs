//! What happened, and when: a list in the black box that its writers only append to.

use super::page::EventSlot;
use super::{BlackBox, now_ns};
use crate::message::{Death, ItemId};
use std::sync::atomic::Ordering::*;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum What {
    /// The item was lent to a worker.
    Lent = 1,
    /// Its result was taken, whole; the value is the handler's own time in ns.
    Accepted = 2,
    /// Its tile is safe; the value is 0.
    Done = 3,
    /// It was declared failed.
    Failed = 4,
    /// It was set aside.
    Quarantined = 5,
    /// The worker that held it died, or the attempt failed; the value is the cause's [`Death::code`].
    Died = 6,
    /// A worker process was started; the value is its process id.
    Spawned = 7,
    /// The first sign that this attempt ends badly, before it is known of what; the value is 0.
    Ailing = 8,
    /// Something was done about a lane that is without its worker or thread: another was taken, or ordered.
    Acted = 9,
    /// A lane can work again: its worker or its thread is ready.
    Ready = 10,
}

impl What {
    /// All of them, with the words that stand for them in files.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Lent, "lent"),
        (Self::Accepted, "accepted"),
        (Self::Done, "done"),
        (Self::Failed, "failed"),
        (Self::Quarantined, "quarantined"),
        (Self::Died, "died"),
        (Self::Spawned, "spawned"),
        (Self::Ailing, "ailing"),
        (Self::Acted, "acted"),
        (Self::Ready, "ready"),
    ];

    fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().map(|(what, _)| what).find(|w| *w as u8 == code)
    }
}

/// One thing that happened, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When, by [`now_ns`].
    pub t_ns: u64,
    /// What.
    pub what: What,
    /// Which item.
    pub item: ItemId,
    /// Which attempt of it, from 0.
    pub attempt: u32,
    /// Which lane.
    pub lane: u8,
    /// See [`What`].
    pub value: u64,
}

impl BlackBox {
    /// Records an event, or, when there is no room left, that there was one.
    pub fn record(&self, what: What, item: ItemId, attempt: u32, lane: usize, value: u64) {
        self.record_at(now_ns(), what, item, attempt, lane, value);
    }

    /// Records an event that was at `t_ns`, a moment ago: by [`now_ns`].
    pub fn record_at(
        &self,
        t_ns: u64,
        what: What,
        item: ItemId,
        attempt: u32,
        lane: usize,
        value: u64,
    ) {
        let header = self.header();
        if matches!(what, What::Done | What::Failed | What::Quarantined) {
            header.settled.fetch_add(1, AcqRel);
        }
        if what == What::Died {
            header.deaths[value as usize % Death::CODES].fetch_add(1, Relaxed);
            self.saw(item, attempt, t_ns);
        }
        self.note_recovery(what, lane, value);
        let number = header.events_next.fetch_add(1, AcqRel) as usize;
        if let Some(slot) = self.event_slots().get(number) {
            slot.t_ns.store(t_ns, Relaxed);
            slot.item.store(item, Relaxed);
            slot.value.store(value, Relaxed);
            slot.attempt.store(attempt, Relaxed);
            slot.lane.store(lane as u8, Relaxed);
            slot.kind.store(what as u8, Release);
        }
    }

    fn event_slots(&self) -> &[EventSlot] {
        self.mapping.slice(self.parts.events_at(), self.parts.events_cap)
    }

    /// All events that there was room for, nearly in the order of their times; a torn one (its writer was killed) is
    /// left out.
    pub fn events(&self) -> Vec<Event> {
        self.events_since(&mut 0)
    }

    /// Those from number `seen` on, which becomes the number of the next: what is new to someone who looks now and then
    /// while a trial runs. One that is being written at this moment is left out.
    pub fn events_since(&self, seen: &mut usize) -> Vec<Event> {
        let read = |slot: &EventSlot| {
            Some(Event {
                what: What::from_code(slot.kind.load(Acquire))?,
                t_ns: slot.t_ns.load(Relaxed),
                item: slot.item.load(Relaxed),
                attempt: slot.attempt.load(Relaxed),
                lane: slot.lane.load(Relaxed),
                value: slot.value.load(Relaxed),
            })
        };
        let written = self.header().events_next.load(Acquire) as usize;
        let new = self.event_slots().iter().take(written).skip(*seen);
        *seen = written;
        new.filter_map(read).collect()
    }

    /// Events that there was no room for.
    pub fn events_missed(&self) -> u64 {
        let next = self.header().events_next.load(Acquire) as usize;
        next.saturating_sub(self.parts.events_cap) as u64
    }
}
