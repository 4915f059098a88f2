//! C: what sees a chunk before its items are handled.

use crate::case::Case;
use crate::heard::{data, data_of};
use crate::kit::{both, dummy, life, next, stop};
use crossbeam_channel::{Receiver, Sender, bounded};
use pipelines::engine::running::Running;
use pipelines::engine::settings::Settings;
use pipelines::engine::tree::shapes::Process;
use pipelines::handler::{Desk, Handler};
use pipelines::message::Failure;
use pipelines::pipeline::Stage;
use pipelines::producer::Entry;
use std::num::NonZeroUsize;
use std::sync::Mutex;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::differs(
            "C1",
            "a_chunk_that_is_refused",
            "what prepares a chunk does not give all of it back: all of it fails, the processor lives",
            "it only looks at the items and cannot lose one, but it can refuse them all; by leases each \
             is then tried alone",
            c1,
        ),
        Case::holds(
            "C2",
            "a_preparation_that_panics",
            "what prepares a chunk panics: all of it fails, none is handled, the processor lives; ours \
             tries each alone, and only the culprit fails",
            c2,
        ),
        Case::holds("C3", "a_preparation", "a chunk is prepared once, and then handled", c3),
    ]
}

/// What it is told of.
#[derive(Debug, PartialEq)]
enum Seen {
    Opened,
    Prepared(Vec<i64>),
    Handled(i64),
}

static TELL: Mutex<Vec<Sender<Seen>>> = Mutex::new(Vec::new());

/// Refuses chunks with -1 in them, and panics over those with -2.
struct Careful(Sender<Seen>);

impl Handler for Careful {
    type Config = usize;
    type In = i64;
    type Out = i64;
    fn open(number: &usize) -> Result<Self, Failure> {
        let tell = TELL.lock().unwrap()[*number].clone();
        tell.send(Seen::Opened).unwrap();
        Ok(Self(tell))
    }
    fn prepare(&mut self, chunk: &[Entry<i64>]) -> Result<(), Failure> {
        let items: Vec<_> = chunk.iter().map(|entry| entry.item).collect();
        self.0.send(Seen::Prepared(items.clone())).unwrap();
        assert!(!items.contains(&-2), "boom");
        if items.contains(&-1) { Err(Failure::item("not with -1")) } else { Ok(()) }
    }
    fn handle(&mut self, input: &i64, _: &mut Desk<'_>) -> Result<i64, Failure> {
        self.0.send(Seen::Handled(*input)).unwrap();
        Ok(*input)
    }
}

/// A pipeline that does up to five at one go.
fn careful(settings: Settings) -> (Running<i64>, Receiver<Seen>) {
    let (tell, seen) = bounded(1000);
    let mut all = TELL.lock().unwrap();
    let stage = Stage::<Careful>::new(all.len());
    all.push(tell);
    drop(all);
    let stage = stage.max_demand(NonZeroUsize::new(5).unwrap()).min_demand(0);
    (dummy().settings(settings).stage(stage).start().unwrap(), seen)
}

/// Four items, of which one is bad.
fn check(bad: i64, words: &str) {
    for (_, settings) in both() {
        let original = settings.as_the_original;
        let (running, seen) = careful(settings);
        let heard = running.test_batch(vec![1, bad, 3, 4]).unwrap();
        if original {
            let all = (0..4).map(|n| (n, words.to_owned())).collect();
            assert_eq!(data(&next(&heard)), (vec![], all));
        } else {
            assert_eq!(data_of(&heard, 4), (vec![0, 2, 3], vec![(1, words.to_owned())]));
        }
        let first: Vec<_> = seen.try_iter().collect();
        assert_eq!(first[..2], [Seen::Opened, Seen::Prepared(vec![1, bad, 3, 4])]);
        let handled = |seen: &Seen| matches!(seen, Seen::Handled(_));
        assert_eq!(first.iter().filter(|s| handled(s)).count(), if original { 0 } else { 3 });
        assert!(!first.contains(&Seen::Handled(bad)));
        assert_eq!(life(&running, Process::Processor(0)), 1);
        let heard = running.test_batch(vec![5, 6]).unwrap();
        assert_eq!(data_of(&heard, 2), (vec![0, 1], vec![]));
        stop(running);
    }
}

fn c1() {
    check(-1, "not with -1");
}

fn c2() {
    check(-2, "the handler panicked: boom");
}

fn c3() {
    for (_, settings) in both() {
        let (running, seen) = careful(settings);
        let heard = running.test_batch(vec![1, 2]).unwrap();
        assert_eq!(data(&next(&heard)), (vec![0, 1], vec![]));
        stop(running);
        let all = [Seen::Opened, Seen::Prepared(vec![1, 2]), Seen::Handled(1), Seen::Handled(2)];
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), all);
    }
}
