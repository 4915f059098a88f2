//! How a pipeline runs: producers, processors, batchers and batch processors under a supervision tree.
//!
//! Pure, and tested without threads: [`ledger`] (who owns each item), [`tree`] (which processes there should
//! be), [`batcher`] (when a batch is full), [`limiter`] (how fast), [`lane`] (what a worker process's signs
//! of life mean), [`reserve`] (which worker processes are to be started), [`admission`] (whether there is memory). The rest is the shell around them:
//! a supervisor that only receives and alone starts threads and processes, feeders that ask the producers
//! when there is room, a crew of lanes that pull from the ledger, outlets that handle batches.
//!
//! Three [`settings`] of this one engine are compared: Broadway's, HtPipe's, ours.
//!
//! Beside it, for state that several threads share: [`server`], reached by calls and casts.

mod acker;
pub mod admission;
pub mod batcher;
mod books;
mod crew;
mod dock;
pub mod event;
mod feeder;
mod gate;
pub mod hands;
pub mod htpipe;
pub mod judge;
mod keeper;
pub mod lane;
pub mod leave;
pub mod ledger;
pub mod limiter;
mod locks;
pub(crate) mod outlet;
mod pace;
pub mod registry;
pub mod reserve;
pub mod roster;
mod run;
pub mod running;
pub mod server;
pub mod service;
pub mod settings;
mod spare;
pub(crate) mod start;
mod supervisor;
pub mod tree;
mod watch;
pub(crate) mod well;

pub use watch::{Aside, SetAside, Strikes, Watch};

use crate::message::ItemId;
use event::{Event, Observer};
use judge::Decision;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// What a panic said.
pub(crate) fn words(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it panicked without words".to_owned())
}

/// Asks whoever decides about an item that failed. If that panics, the item failed.
fn judged<O>(
    observer: &Observer,
    item: ItemId,
    decide: impl FnOnce() -> Decision<O>,
) -> Decision<O> {
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(decide));
    let panic = result.as_ref().err().map(|payload| words(&**payload));
    let decision = result.unwrap_or(Decision::Fail);
    let (name, took) = (decision.name(), start.elapsed());
    observer.tell(|| Event::FailureJudged { item, decision: name, panic, took });
    decision
}
