//! A producer that is fed by its test, and pipelines that are up.

use crate::kit::{find, observer};
use crossbeam_channel::{Receiver, Sender, bounded};
use pipelines::acknowledger::Ticket;
use pipelines::engine::event::Event;
use pipelines::engine::running::Running;
use pipelines::handler::Handler;
use pipelines::message::Failure;
use pipelines::pipeline::{Pipeline, Staged};
use pipelines::producer::{Demand, Entry, Instance, Producer, Supply};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Starts it, and waits until all of it is up; gives it with what it tells of itself from then on.
pub(crate) fn up<H: Handler<In = i64>>(staged: Staged<H>) -> (Running<i64>, Receiver<Event>) {
    let (observe, told) = observer();
    let running = staged.observed(observe).start().unwrap();
    find(&told, |event| (*event == Event::Started).then_some(()));
    (running, told)
}

/// Gives the lists that a test feeds it, each at one go.
struct Fed {
    food: Receiver<Vec<i64>>,
    next: Arc<AtomicU64>,
    to: Ticket,
}

impl Producer for Fed {
    type Item = i64;
    fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<i64>, Failure> {
        let Ok(list) = self.food.try_recv() else {
            demand.wait(Duration::from_millis(1));
            return Ok(Supply::Idle(Duration::ZERO));
        };
        let first = self.next.fetch_add(list.len() as u64, Ordering::SeqCst);
        let entry = |(id, item)| Entry::with_ticket(id, item, self.to.clone());
        Ok(Supply::Items((first..).zip(list).map(entry).collect()))
    }
}

/// A pipeline whose producer is fed by the test; what is fed outlives the producer. Ids count from 0.
pub(crate) fn fed(to: Ticket) -> (Pipeline<i64>, Sender<Vec<i64>>) {
    let (feed, food) = bounded(1000);
    let next = Arc::<AtomicU64>::default();
    let make =
        move |_: &Instance| Ok(Fed { food: food.clone(), next: next.clone(), to: to.clone() });
    (Pipeline::produced_by(1, make), feed)
}
