//! A program whose `main` forgot `worker::enter`: each worker would run `main` again, and that would start
//! workers again. The run refuses before the first one is started.

use libtest_mimic::{Arguments, Trial};
use pipelines::black_box::{BlackBox, What};
use pipelines::engine::Watch;
use pipelines::engine::batcher::BatchInfo;
use pipelines::handler::{BatchHandler, Desk, Done, Fates, Handler};
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::isolation::limits::Limits;
use pipelines::isolation::{Budget, Isolation};
use pipelines::message::{Blame, Failure};
use pipelines::pipeline::{Batch, Pipeline, Stage};
use pipelines::producer::{Demand, Producer, Supply};
use std::sync::Arc;
use std::time::Duration;

struct Nothing;

impl Portable for Nothing {
    fn lower(&self, _to: &mut Writer) {}
    fn lift(_from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self)
    }
}

/// Nobody may come so far as to ask it.
struct Source;

impl Producer for Source {
    type Item = Nothing;
    fn produce(&mut self, _demand: Demand<'_>) -> Result<Supply<Nothing>, Failure> {
        panic!("the source was asked")
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        Box::new(|| {})
    }
}

impl Handler for Nothing {
    type Config = ();
    type In = Nothing;
    type Out = Nothing;
    fn open(_config: &()) -> Result<Self, Failure> {
        panic!("a handler was opened")
    }
    fn handle(&mut self, _input: &Nothing, _desk: &mut Desk<'_>) -> Result<Nothing, Failure> {
        panic!("an item was handled")
    }
}

impl BatchHandler for Nothing {
    type Config = ();
    type In = Nothing;
    fn open(_config: &()) -> Result<Self, Failure> {
        panic!("the sink was opened")
    }
    fn handle(
        &mut self,
        _: &BatchInfo,
        _batch: &[Done<Nothing>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        panic!("a batch was handled")
    }
}

fn refuses() {
    let dir = tempfile::tempdir().unwrap();
    let black_box = Arc::new(BlackBox::create(&dir.path().join("box"), 1, true).unwrap());
    let isolation = Isolation {
        budget: Arc::new(Budget::new(1 << 24)),
        spares: 1,
        deadline: Duration::from_secs(1),
        start_deadline: Duration::from_secs(1),
        limits: Limits { memory_max_bytes: 1 << 30, ..Default::default() },
        ..Isolation::new(vec![], 1)
    };
    let refused = Pipeline::from(Source)
        .stage(Stage::<Nothing>::new(()).workers(2).isolated(isolation))
        .batch(Batch::<Nothing>::new(()))
        .watched(Watch::new(black_box.clone(), Box::new(|_| None)))
        .run()
        .expect_err("it refuses");
    assert_eq!(refused.blame, Blame::Engine);
    assert!(refused.what.contains("worker::enter"), "{refused}");
    assert!(black_box.events().iter().all(|e| e.what != What::Spawned));
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let children = std::fs::read_to_string(task.unwrap().path().join("children"));
        assert_eq!(children.unwrap_or_default(), "", "a process was started");
    }
}

fn main() {
    // No `worker::enter` here, which is the point.
    let trial = Trial::test("a_main_without_enter_is_refused", || {
        refuses();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}
