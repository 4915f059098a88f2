//! How a pipeline runs.
//!
//! Pure, and tested without threads: [`ledger`] (who owns each item), [`lane`] (what a worker's signs of
//! life mean), [`tree`] (which workers there should be), [`batcher`] (when a batch is full), [`htpipe`]
//! (what a caller of HtPipe gets, to compare with). The rest is the shell around them: a supervisor that
//! only receives and alone spawns, a feeder that asks the producer when there is room, a crew of lanes
//! that pull from the ledger, an outlet that handles batches.

pub mod batcher;
mod books;
mod crew;
mod feeder;
pub mod hands;
pub mod htpipe;
pub mod lane;
pub mod ledger;
mod outlet;
mod run;
mod supervisor;
pub mod tree;
mod watch;

pub(crate) use run::{Parts, inline, run};
pub use watch::{Aside, SetAside, Strikes, Watch};
