//! How a pipeline runs: producers, processors, batchers and batch processors under a supervision tree.
//!
//! Pure, and tested without threads: [`ledger`] (who owns each item), [`tree`] (which processes there should
//! be), [`batcher`] (when a batch is full), [`limiter`] (how fast), [`lane`] (what a worker process's signs
//! of life mean), [`reserve`] (which worker processes are to be started). The rest is the shell around them:
//! a supervisor that only receives and alone starts threads and processes, feeders that ask the producers
//! when there is room, a crew of lanes that pull from the ledger, outlets that handle batches.
//!
//! Three [`settings`] of this one engine are compared: Broadway's, HtPipe's, ours.
//!
//! Beside it, for state that several threads share: [`server`], reached by calls and casts.

pub mod batcher;
mod books;
mod crew;
mod feeder;
pub mod hands;
pub mod htpipe;
pub mod lane;
pub mod ledger;
pub mod limiter;
mod outlet;
pub mod reserve;
mod run;
pub mod server;
mod supervisor;
pub mod tree;
mod watch;

pub(crate) use run::{Parts, inline, run};
pub use watch::{Aside, SetAside, Strikes, Watch};
