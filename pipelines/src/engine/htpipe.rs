//! What a caller of HtPipe gets, and when. Pure: calls, a worker's signs and the clock in, orders out.
//!
//! Source: <https://github.com/zeam-vm/ht_pipe>, commit eda3ee2 (2022-08-31), `lib/ht_pipe.ex`, spawn
//! strategy `:os`; measured on two cores with Elixir 1.14 and OTP 25. All callers share one worker, which
//! nobody watches; whatever message comes next in a caller's mailbox is the result of its call.
//!
//! Where the original is worse than is told here, it is spared: callers that meet while there is no worker
//! start one between them (there they end each other's); a call that already has a foreign message in its
//! mailbox is not sent, so that its own reply cannot become the result of the call after it; a call that
//! was given up is forgotten, and its late reply too.

mod original;

pub use original::*;

use std::collections::VecDeque;
use std::time::Instant;

/// What happens. Every event but a death and a start comes from the lane it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A lane begins a call.
    Called {
        /// Which.
        lane: usize,
    },
    /// The reply to a lane's call is there.
    Replied {
        /// Which.
        lane: usize,
    },
    /// Time passed for a lane.
    Tick {
        /// Which.
        lane: usize,
    },
    /// A message of the pipeline around it, meant for the lane's own loop, came into the lane's mailbox.
    Refilled {
        /// Which.
        lane: usize,
    },
    /// The worker that was started can be reached.
    Up,
    /// The worker is dead.
    Died {
        /// Its exit status, as a shell would say it: 134 for an abort.
        status: i32,
    },
}

/// A message that is not for the call that takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    /// The worker's process has ended: `{ref, {output, status}}`.
    Exited {
        /// Its exit status.
        status: i32,
    },
    /// The task that held its port has ended: `{:DOWN, …}`.
    Down,
    /// A refill for the lane's own loop.
    Refill,
}

/// What a call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Its reply.
    Reply,
    /// `nil`.
    Nil,
    /// Somebody else's message.
    Foreign(Mail),
}

/// What is to be done, by the lane whose event it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Start a worker.
    Boot,
    /// Send the call to the worker.
    Send,
    /// The call is over.
    Return(Answer),
}

/// What a lane looks at while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heed {
    /// Its reply. It goes before a death that is seen at the same time.
    pub reply: bool,
    /// The worker's death: only its starter is told.
    pub death: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    /// No worker can be reached; at `until` one is started, if `boots`, or `nil` returned.
    Connecting {
        look: Instant,
        until: Instant,
        boots: bool,
    },
    Sleeping {
        until: Instant,
    },
    Receiving {
        since: Instant,
        until: Instant,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Worker {
    None,
    Booting { starter: usize },
    Up { starter: usize, still_lost: u32 },
}

#[derive(Debug)]
struct Caller {
    phase: Phase,
    mailbox: VecDeque<Mail>,
}

/// The calls of all lanes, and the one worker that they share.
#[derive(Debug)]
pub struct Calls {
    original: HtPipe,
    worker: Worker,
    callers: Vec<Caller>,
}

impl Calls {
    /// So many lanes, and no worker yet.
    pub fn new(original: HtPipe, lanes: usize) -> Self {
        let caller = || Caller { phase: Phase::Idle, mailbox: VecDeque::new() };
        let callers = std::iter::repeat_with(caller).take(lanes).collect();
        Self { original, worker: Worker::None, callers }
    }

    /// When a lane's `Tick` is due; `None` when it is not in a call.
    pub fn deadline(&self, lane: usize) -> Option<Instant> {
        let caller = &self.callers[lane];
        match caller.phase {
            Phase::Idle => None,
            Phase::Connecting { look, until, .. } => Some(look.min(until)),
            Phase::Sleeping { until } => Some(until),
            Phase::Receiving { since, .. } if !caller.mailbox.is_empty() => Some(since),
            Phase::Receiving { until, .. } => Some(until),
        }
    }

    /// What a lane looks at until then.
    pub fn heed(&self, lane: usize) -> Heed {
        let reply = matches!(self.callers[lane].phase, Phase::Receiving { .. });
        Heed { reply, death: reply && self.starter() == Some(lane) }
    }

    fn starter(&self) -> Option<usize> {
        match self.worker {
            Worker::None => None,
            Worker::Booting { starter } | Worker::Up { starter, .. } => Some(starter),
        }
    }

    /// Takes in one event and appends what is to be done.
    pub fn step(&mut self, now: Instant, event: Event, orders: &mut Vec<Order>) {
        match event {
            Event::Up => {
                if let Worker::Booting { starter } = self.worker {
                    self.worker =
                        Worker::Up { starter, still_lost: self.original.first_calls_lost };
                }
            }
            Event::Died { status } => self.bury(status),
            Event::Refilled { lane } => self.callers[lane].mailbox.push_back(Mail::Refill),
            Event::Called { lane } => {
                let HtPipe { connect_poll, connect_wait, .. } = self.original;
                let (look, until) = (now + connect_poll, now + connect_wait);
                self.callers[lane].phase = Phase::Connecting { look, until, boots: true };
                if matches!(self.worker, Worker::Up { .. }) {
                    self.send(now, lane, orders);
                }
            }
            Event::Replied { lane } => {
                if matches!(self.callers[lane].phase, Phase::Receiving { .. }) {
                    self.end(lane, Answer::Reply, orders);
                }
            }
            Event::Tick { lane } => self.tick(now, lane, orders),
        }
    }

    fn tick(&mut self, now: Instant, lane: usize, orders: &mut Vec<Order>) {
        match self.callers[lane].phase {
            Phase::Idle => {}
            Phase::Connecting { look, until, boots } => {
                self.connect(now, lane, (look, until, boots), orders);
            }
            Phase::Sleeping { until } => {
                if now >= until {
                    let until = now + self.original.call_timeout;
                    self.callers[lane].phase = Phase::Receiving { since: now, until };
                }
            }
            Phase::Receiving { until, .. } => {
                if let Some(mail) = self.callers[lane].mailbox.pop_front() {
                    self.end(lane, Answer::Foreign(mail), orders);
                } else if now >= until {
                    self.end(lane, Answer::Nil, orders);
                }
            }
        }
    }

    /// One look for a worker.
    fn connect(
        &mut self,
        now: Instant,
        lane: usize,
        (look, until, boots): (Instant, Instant, bool),
        orders: &mut Vec<Order>,
    ) {
        if now < look.min(until) {
            return;
        }
        let HtPipe { connect_poll, boot_wait, .. } = self.original;
        let next = now + connect_poll;
        let connecting = match (self.worker, boots) {
            (Worker::Up { .. }, _) => return self.send(now, lane, orders),
            (_, boots) if now < until => Phase::Connecting { look: next, until, boots },
            (_, false) => return self.end(lane, Answer::Nil, orders),
            (worker, true) => {
                if worker == Worker::None {
                    self.worker = Worker::Booting { starter: lane };
                    orders.push(Order::Boot);
                }
                Phase::Connecting { look: next, until: now + boot_wait, boots: false }
            }
        };
        self.callers[lane].phase = connecting;
    }

    /// Sends a call, unless its fate is sealed: it would take a message that is there already, or be lost.
    fn send(&mut self, now: Instant, lane: usize, orders: &mut Vec<Order>) {
        let Worker::Up { still_lost, .. } = &mut self.worker else { return };
        let caller = &mut self.callers[lane];
        caller.phase = Phase::Sleeping { until: now + self.original.call_sleep };
        if !caller.mailbox.is_empty() {
            return;
        }
        match still_lost.checked_sub(1) {
            Some(rest) => *still_lost = rest,
            None => orders.push(Order::Send),
        }
    }

    /// Nobody learns of a death but whoever started the worker, and that by messages it does not know.
    fn bury(&mut self, status: i32) {
        if let Some(starter) = self.starter() {
            let HtPipe { wrong_after_death, first_calls_lost, .. } = self.original;
            let downs = wrong_after_death.saturating_sub(first_calls_lost);
            let mailbox = &mut self.callers[starter].mailbox;
            mailbox.push_back(Mail::Exited { status });
            mailbox.extend((0..downs).map(|_| Mail::Down));
        }
        self.worker = Worker::None;
    }

    fn end(&mut self, lane: usize, answer: Answer, orders: &mut Vec<Order>) {
        self.callers[lane].phase = Phase::Idle;
        orders.push(Order::Return(answer));
    }
}

#[cfg(test)]
mod tests;
