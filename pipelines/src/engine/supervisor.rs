//! The one thread that starts workers. It only receives, and never waits for what it supervises.

use super::books::Books;
use super::reserve::{Event, Intensity, Order, Reserve};
use crate::black_box::What;
use crate::engine::watch::Watch;
use crate::isolation::child::{Child, Plan};
use crate::message::Failure;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::time::Instant;

/// What lanes tell the supervisor.
pub(crate) enum Notice {
    /// A worker was used up: another is wanted in reserve.
    Wanted,
    /// A worker died before it could do anything.
    StillBorn(String),
    /// A worker started well.
    Started,
}

/// How many workers there are to be.
#[derive(Clone, Copy, Default)]
pub(crate) struct Strength {
    /// One for each lane, at once.
    pub(crate) lanes: usize,
    /// In reserve, once the lanes have theirs: starting them earlier would only delay those.
    pub(crate) spares: usize,
}

/// Starts the lanes' workers, then the spares, then one for each that is wanted, until all lanes are gone.
pub(crate) fn supervise<T>(
    plan: &Plan,
    strength: Strength,
    intensity: Intensity,
    notices: &Receiver<Notice>,
    spares: Sender<Child>,
    books: &Books<T>,
    watch: &Watch,
) {
    let mut reserve = Reserve::new(intensity);
    let mut spares = Some(spares);
    let mut orders = Vec::new();
    let mut why = String::new();
    let mut started = 0;
    for _ in 0..strength.lanes {
        reserve.step(Instant::now(), Event::Wanted, &mut orders);
    }
    loop {
        spares = spares.filter(|_| !books.is_stopped());
        while let Some(order) = orders.pop() {
            match (order, &spares) {
                (_, None) => {}
                (Order::GiveUp, _) => books.stop(gave_up(&intensity, &why)),
                (Order::Spawn, Some(spares)) => match Child::spawn(plan) {
                    Ok(child) => {
                        watch.record(What::Spawned, 0, 0, 0, child.pid().into());
                        spares.send(child).ok();
                    }
                    Err(failure) => {
                        why = failure.what;
                        reserve.step(Instant::now(), Event::StillBorn, &mut orders);
                        reserve.step(Instant::now(), Event::Wanted, &mut orders);
                    }
                },
            }
            // Whoever waits for a worker learns that none will come.
            spares = spares.filter(|_| !books.is_stopped());
        }
        let notice = match reserve.deadline() {
            Some(due) => notices.recv_deadline(due),
            None => notices.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let event = match notice {
            Ok(Notice::Wanted) => Event::Wanted,
            Ok(Notice::Started) => {
                started += 1;
                if started == strength.lanes {
                    for _ in 0..strength.spares {
                        reserve.step(Instant::now(), Event::Wanted, &mut orders);
                    }
                }
                Event::Started
            }
            Ok(Notice::StillBorn(words)) => {
                why = words;
                Event::StillBorn
            }
            Err(RecvTimeoutError::Timeout) => Event::Tick,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        reserve.step(Instant::now(), event, &mut orders);
    }
}

fn gave_up(intensity: &Intensity, why: &str) -> Failure {
    let Intensity { restarts, within, .. } = intensity;
    let seconds = within.as_secs();
    let why = if why.is_empty() { "they said nothing" } else { why };
    Failure::engine(format!(
        "workers cannot start: more than {restarts} died within {seconds} s before their first result. \
         The last one: {why}"
    ))
}
