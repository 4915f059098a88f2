//! Where accepted items leave: collected into batches, handled, acknowledged.

use super::batcher::{Batcher, Event as Batching};
use super::books::Books;
use super::ledger::Event;
use super::watch::Watch;
use crate::black_box::What;
use crate::handler::{BatchHandler, Done};
use crate::message::Failure;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// The lanes' end: takes finished items, passes full batches on.
pub(crate) struct Outlet<T> {
    batcher: Mutex<Batcher<Done<T>>>,
    batches: Mutex<Option<Sender<Vec<Done<T>>>>>,
}

impl<T> Outlet<T> {
    pub(crate) fn new(batcher: Batcher<Done<T>>, batches: Sender<Vec<Done<T>>>) -> Self {
        Self { batcher: Mutex::new(batcher), batches: Mutex::new(Some(batches)) }
    }

    /// One step of the batcher; what is full goes on its way, waiting for room if need be.
    fn step(&self, event: Batching<Done<T>>) {
        let mut full = Vec::new();
        let mut batcher = self.batcher.lock().unwrap_or_else(PoisonError::into_inner);
        batcher.step(Instant::now(), event, &mut full);
        drop(batcher);
        if full.is_empty() {
            return;
        }
        let batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for ((_, batch), to) in full.into_iter().zip(batches) {
            // It fails only when the batch handlers are gone, and then the run has stopped.
            to.send(batch).ok();
        }
    }

    pub(crate) fn put(&self, done: Done<T>) {
        self.step(Batching::Item { key: 0, flush: false, item: done });
    }

    /// There will be no more: what is left goes out, and then the batch handlers see the end.
    pub(crate) fn close(&self) {
        self.step(Batching::Flush);
        *self.batches.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The oldest batch, if it has waited long enough.
    fn overdue(&self) -> Option<Vec<Done<T>>> {
        let mut full = Vec::new();
        let mut batcher = self.batcher.lock().unwrap_or_else(PoisonError::into_inner);
        batcher.step(Instant::now(), Batching::Tick, &mut full);
        full.pop().map(|(_, batch)| batch)
    }

    fn deadline(&self) -> Option<Instant> {
        self.batcher.lock().unwrap_or_else(PoisonError::into_inner).deadline()
    }
}

/// One batch handler's life. `outlet` is asked for what is overdue while nothing comes.
pub(crate) fn handle_batches<T, B: BatchHandler<In = B0>, B0>(
    config: &B::Config,
    batches: &Receiver<Vec<Done<B0>>>,
    outlet: &Outlet<B0>,
    books: &Books<T>,
    watch: &Watch,
) {
    let result = B::open(config).and_then(|mut handler| {
        loop {
            // The deadline of a batch that begins after this look is at most `LOOK` too late.
            const LOOK: std::time::Duration = std::time::Duration::from_millis(20);
            let deadline = outlet.deadline();
            let batch = match deadline {
                Some(due) => batches.recv_deadline(due),
                None => batches.recv_timeout(LOOK),
            };
            let batch = match batch {
                Ok(batch) => Some(batch),
                Err(RecvTimeoutError::Timeout) => outlet.overdue(),
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            if let Some(batch) = batch.filter(|_| !books.is_stopped()) {
                one_batch(&mut handler, &batch, books, watch)?;
            }
        }
    });
    if let Err(failure) = result {
        books.stop(failure);
        // Whoever waits for room in the channel goes on, and finds that the run has stopped.
        while batches.recv().is_ok() {}
    }
}

fn one_batch<T, B: BatchHandler>(
    handler: &mut B,
    batch: &[Done<B::In>],
    books: &Books<T>,
    watch: &Watch,
) -> Result<(), Failure> {
    handler.handle(batch)?;
    for done in batch {
        watch.record(What::Done, done.item, done.attempts - 1, 0, 0);
    }
    books.step(Event::Acked { items: batch.len() as u64 });
    Ok(())
}
