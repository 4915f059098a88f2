//! How a pipeline runs.
//!
//! Pure, and tested without threads: [`ledger`] (who owns each item), [`lane`] (what a worker's signs of
//! life mean), [`tree`] (which of a pipeline's processes run), [`reserve`] (which worker processes are to be
//! started), [`batcher`] (when a batch is
//! full). The rest is the shell around them: a supervisor that only receives and alone spawns, a feeder
//! that asks the producer when there is room, a crew of lanes that pull from the ledger, an outlet that
//! handles batches.

pub mod batcher;
mod books;
mod crew;
mod feeder;
pub mod hands;
pub mod lane;
pub mod ledger;
mod outlet;
pub mod reserve;
mod run;
mod supervisor;
pub mod tree;
mod watch;

pub(crate) use run::{Parts, inline, run};
pub use watch::{Aside, SetAside, Strikes, Watch};
