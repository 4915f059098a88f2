//! Image pipelines whose items outlive the processes that handle them.
//!
//! ```text
//! producer ──> ledger ──loan──> lane ──errand──> worker            (a process, or the lane's own thread)
//!                ▲               │ ▲               │
//!                │               │ └──── answer ───┘
//!                │          result, copied
//!                │               ▼
//!                └── acked ─── batch handler
//! ```
//!
//! The [ledger](engine::ledger) owns every item; a worker only borrows it. When a worker dies, its loan is
//! void and the item is lent again, until it has had its attempts. So a death costs one item one more
//! attempt, and nothing is lost.
//!
//! # A pipeline
//!
//! Three traits are implemented: a [`Producer`](producer::Producer) is asked for items when there is room,
//! a [`Handler`](handler::Handler) does one item, a [`BatchHandler`](handler::BatchHandler) takes several
//! results at once. Here the handler runs in a thread of this process, and fails once over item 3:
//!
//! ```
//! use pipelines::engine::batcher::BatchInfo;
//! use pipelines::handler::{BatchHandler, Desk, Done, Fates, Handler};
//! use pipelines::message::Failure;
//! use pipelines::pipeline::{Batch, Pipeline, Stage};
//! use pipelines::producer::{Demand, Producer, Supply};
//! use std::num::NonZeroUsize;
//! use std::sync::{Arc, Mutex};
//!
//! /// The numbers below ten; each is its own id.
//! struct Numbers(std::ops::Range<u64>);
//!
//! impl Producer for Numbers {
//!     type Item = u64;
//!     fn produce(&mut self, demand: Demand<'_>) -> Result<Supply<u64>, Failure> {
//!         Ok(Supply::of(self.0.by_ref().take(demand.count()).map(|n| (n, n))))
//!     }
//!     fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
//!         Box::new(|| {}) // `produce` never waits, so there is no wait to end.
//!     }
//! }
//!
//! struct Square;
//!
//! impl Handler for Square {
//!     type Config = ();
//!     type In = u64;
//!     type Out = u64;
//!     fn open((): &()) -> Result<Self, Failure> {
//!         Ok(Self)
//!     }
//!     fn handle(&mut self, n: &u64, desk: &mut Desk<'_>) -> Result<u64, Failure> {
//!         assert!(*n != 3 || desk.attempt > 0, "a panic costs an attempt, not the item");
//!         Ok(n * n)
//!     }
//! }
//!
//! struct Sum(Arc<Mutex<u64>>);
//!
//! impl BatchHandler for Sum {
//!     type Config = Arc<Mutex<u64>>;
//!     type In = u64;
//!     fn open(sum: &Self::Config) -> Result<Self, Failure> {
//!         Ok(Self(sum.clone()))
//!     }
//!     fn handle(
//!         &mut self,
//!         _: &BatchInfo,
//!         batch: &[Done<u64>],
//!         _: &mut Fates<'_>,
//!     ) -> Result<(), Failure> {
//!         *self.0.lock().unwrap() += batch.iter().map(|done| done.out).sum::<u64>();
//!         Ok(())
//!     }
//! }
//!
//! let sum = Arc::new(Mutex::new(0));
//! let tally = Pipeline::from(Numbers(0..10))
//!     .stage(Stage::<Square>::new(()).workers(2))
//!     .batch(Batch::<Sum>::new(sum.clone()).size(4))
//!     .run()?;
//! assert_eq!((tally.produced, tally.done, tally.lost), (10, 10, 0));
//! assert_eq!(*sum.lock().unwrap(), 285);
//! # Ok::<(), Failure>(())
//! ```
//!
//! # The same in processes
//!
//! An abort inside a C library takes its whole process along. [`Stage::isolated`](pipeline::Stage::isolated)
//! gives each worker a process of its own, which is this program started again: the first line of `main`
//! is therefore [`worker::enter`](isolation::worker::enter). What crosses the boundary is
//! [`Portable`](isolation::frame::Portable): a small frame, its bulk in shared memory. For tiles that is
//! [`TileFeed`](image::feed::TileFeed), [`TileWork`](image::job::TileWork) and
//! [`Save`](sink::folder::Save):
//!
//! ```
//! use pipelines::image::{codec::Format, feed::TileFeed, job::{Job, TileWork}, layout::Split};
//! use pipelines::image::operations::{Library, Operation};
//! use pipelines::isolation::worker::{self, role};
//! use pipelines::isolation::{Isolation, segment::Segment};
//! use pipelines::message::Failure;
//! use pipelines::pipeline::{Batch, Pipeline, Stage};
//! use pipelines::sink::{PARTIAL, folder::{Folder, Save}, journal::{Journal, Subject}};
//! use pipelines::source::{Tiles, probe};
//! use std::{path::Path, sync::Arc};
//!
//! /// What `main` would be. `dir` exists and is empty.
//! fn program(dir: &Path) -> Result<(), Failure> {
//!     worker::enter(&[role::<TileWork>()]); // in a worker this never returns
//!     let layout = probe(&["scene.tif".to_owned()], Split::Tiles(256), 1, dir)?;
//!     let format = Format::Png;
//!     let job = Job::new(vec![Operation::Blur(2)], Library::C, format);
//!     let slab = Segment::slab(0, 8, layout.tile_bytes_max())?;
//!     let largest = layout.place(0).expect("it has pixels").head;
//!     let isolation = Isolation::new(vec![slab.clone()], job.result_bytes_max(largest));
//!     Journal::create(dir, &Subject::new())?;
//!     std::fs::create_dir(dir.join(PARTIAL)).map_err(Failure::output)?;
//!     let tiles = TileFeed::new(Tiles::open(&layout)?, slab, |_| false);
//!     let folder = Folder::new(dir.into(), Arc::new(layout), format);
//!     let tally = Pipeline::from(tiles)
//!         .stage(Stage::<TileWork>::new(job).workers(2).isolated(isolation))
//!         .batch(Batch::<Save>::new(folder))
//!         .run()?;
//!     println!("{tally:?}");
//!     Ok(())
//! }
//! ```
//!
//! # Where to go on
//!
//! [`engine`] says how a pipeline runs, [`isolation`] what a worker process is, [`fault`] what can be
//! injected, [`black_box`] what remains of a run when everything else has died. [`plain`] is the same work
//! without any of it, to compare with.

pub mod acknowledger;
pub mod black_box;
pub mod engine;
pub mod fault;
pub mod handler;
pub mod image;
pub mod isolation;
pub mod message;
pub mod pipeline;
pub mod plain;
pub mod pool;
pub mod producer;
pub mod sink;
pub mod source;
