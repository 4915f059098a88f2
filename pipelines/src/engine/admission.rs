//! Which lanes may work now, so that all workers together stay within one number of bytes. Pure: wishes and ends in,
//! orders out.
//!
//! An item is admitted by its predicted need: what its handler says, and what workers turned out to hold beyond that
//! so far. One that does not fit now waits, in order of arrival, so that a large one is not overtaken for ever. A
//! worker between two items keeps what it took; where that stands in the way of whoever waits, the worker is put down.
//! Whoever waits holds nothing that cannot be taken from it, and one item alone is always admitted: so nobody waits
//! for ever.

use std::collections::VecDeque;

/// What lanes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A lane wants to begin.
    Wanted(Wish),
    /// A lane is done with what it was admitted for, and its worker now holds so many bytes.
    Rested {
        /// Which lane.
        lane: usize,
        /// Private memory of its worker.
        bytes: u64,
    },
    /// A lane has no worker any more, and wants nothing.
    Gone {
        /// Which lane.
        lane: usize,
    },
    /// A worker that was just started holds so many bytes.
    Fresh {
        /// Private memory of it.
        bytes: u64,
    },
}

/// What a lane wants to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Which lane.
    pub lane: usize,
    /// Bytes that the item's handler says it takes.
    pub need: u64,
    /// Bytes that its worker may have at most.
    pub limit: u64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// This lane may begin.
    Admit(usize),
    /// What this lane wants to begin never fits: there is room for so many bytes at most.
    Refuse(usize, u64),
    /// The worker of this lane, which has nothing in hand, is to be ended.
    PutDown(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seat {
    /// No worker; the one that it will take is in reserve.
    Empty,
    /// A worker without an item holds so much.
    Resting(u64),
    /// A worker with an item was admitted with so much.
    Working(u64),
}

/// Who works, who waits.
#[derive(Debug)]
pub struct Admission {
    budget: u64,
    spares: u64,
    seats: Vec<Seat>,
    /// The most that any item of each lane's worker was said to need: it may keep that.
    needed: Vec<u64>,
    waiting: VecDeque<Wish>,
    /// The most that a worker held when it was just started.
    fresh: u64,
    /// The most that a worker held beyond what its items were said to need.
    growth: u64,
}

impl Admission {
    /// Nobody works yet. `budget` is in bytes, for the workers of so many lanes and so many spares.
    pub fn new(budget: u64, lanes: usize, spares: usize) -> Self {
        let (seats, needed) = (vec![Seat::Empty; lanes], vec![0; lanes]);
        let (spares, waiting) = (spares as u64, VecDeque::new());
        Self { budget, spares, seats, needed, waiting, fresh: 0, growth: 0 }
    }

    /// Takes in one event and appends what is to be done.
    pub fn step(&mut self, event: Event, orders: &mut Vec<Order>) {
        match event {
            Event::Wanted(wish) => self.waiting.push_back(wish),
            Event::Rested { lane, bytes } => {
                self.growth = self.growth.max(bytes.saturating_sub(self.needed[lane]));
                self.seats[lane] = Seat::Resting(bytes);
            }
            Event::Gone { lane } => {
                self.vacate(lane);
                self.waiting.retain(|wish| wish.lane != lane);
            }
            Event::Fresh { bytes } => self.fresh = self.fresh.max(bytes),
        }
        while let Some(wish) = self.waiting.front().copied()
            && self.answer(wish, orders)
        {
            self.waiting.pop_front();
        }
    }

    /// Bytes that all workers are counted with.
    pub fn counted(&self) -> u64 {
        let seats = self.seats.iter().map(|seat| self.weight(*seat));
        seats.fold(self.spares.saturating_mul(self.fresh), u64::saturating_add)
    }

    /// Bytes that one item may take while all other workers are fresh.
    fn most(&self) -> u64 {
        let others = self.spares + self.seats.len() as u64 - 1;
        self.budget.saturating_sub(others.saturating_mul(self.fresh))
    }

    fn weight(&self, seat: Seat) -> u64 {
        match seat {
            Seat::Empty => self.fresh,
            Seat::Resting(bytes) | Seat::Working(bytes) => bytes.max(self.fresh),
        }
    }

    fn vacate(&mut self, lane: usize) {
        (self.seats[lane], self.needed[lane]) = (Seat::Empty, 0);
    }

    /// Answers whoever is first in line; false while that has to wait.
    fn answer(&mut self, wish: Wish, orders: &mut Vec<Order>) -> bool {
        let Wish { lane, need, limit } = wish;
        let most = self.most();
        if need.min(limit).max(self.fresh) > most {
            orders.push(Order::Refuse(lane, most));
            return true;
        }
        let bytes = need.saturating_add(self.growth).min(limit).min(most);
        // Its own worker may hold more from before; it can be put down as others can.
        let rests = match self.seats[lane] {
            Seat::Resting(rests) if rests <= most => rests,
            _ => 0,
        };
        let (full, lean) = (bytes.max(rests).max(self.fresh), bytes.max(self.fresh));
        let others = self.counted() - self.weight(self.seats[lane]);
        let spare = |seat: &Seat| match seat {
            Seat::Resting(rests) => rests.saturating_sub(self.fresh),
            _ => 0,
        };
        let apart = self.seats.iter().enumerate().filter(|(other, _)| *other != lane);
        let yielding: u64 = apart.map(|(_, seat)| spare(seat)).sum();
        if others - yielding + lean > self.budget {
            return false;
        }
        // As few are put down as will do, the largest first; its own last, which it would miss most.
        let mut resting: Vec<_> = (0..self.seats.len()).filter(|n| *n != lane).collect();
        resting.sort_by_key(|n| std::cmp::Reverse(spare(&self.seats[*n])));
        let mut over = (others + full).saturating_sub(self.budget);
        let mut given_up = vec![];
        for other in resting.into_iter().take_while(|n| spare(&self.seats[*n]) > 0) {
            if over == 0 {
                break;
            }
            over = over.saturating_sub(spare(&self.seats[other]));
            given_up.push(other);
        }
        let own = matches!(self.seats[lane], Seat::Resting(rests) if rests > most) || over > 0;
        given_up.extend(own.then_some(lane));
        for lane in given_up {
            self.vacate(lane);
            orders.push(Order::PutDown(lane));
        }
        let bytes = if own { lean } else { full };
        self.needed[lane] = self.needed[lane].max(need);
        self.seats[lane] = Seat::Working(bytes);
        orders.push(Order::Admit(lane));
        true
    }
}

#[cfg(test)]
mod tests;
