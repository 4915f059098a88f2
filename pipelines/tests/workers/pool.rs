//! A pool whose workers really die.

use crate::limits::{children, descriptors};
use libtest_mimic::Trial;
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::isolation::segment::{Buf, Segment};
use pipelines::message::{Blame, Failure};
use pipelines::pipeline::Stage;
use pipelines::pool::Pool;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::scope;
use std::time::Duration;

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |name: &str, run: fn()| {
        Trial::test(format!("pool::{name}"), move || {
            run();
            assert_eq!(children(), "", "processes are left");
            Ok(())
        })
    };
    vec![
        trial("four_threads_call_at_once", four_threads),
        trial("a_map_keeps_the_order", order),
        trial("a_stream_gives_what_is_finished", stream),
        trial("a_poison_item_fails_alone", poison),
        trial("an_error_is_the_handlers_own", error),
        trial("a_hang_ends_at_the_deadline", hang),
        trial("aborts_by_three_seeds_lose_nothing", seeds),
        trial("bulk_goes_in_by_a_slab_and_may_be_kept", bulk),
        trial("workers_that_cannot_start_fail_every_call", no_start),
        trial("a_dropped_pool_leaves_nothing", dropped),
        trial("threads_do_as_well", threads),
    ]
}

/// What is to be done with a number.
#[derive(Clone, Copy)]
pub(crate) enum How {
    Double,
    Abort,
    /// It aborts in its first attempts, as many as this says.
    AbortFirst(u8),
    Fail,
    Hang,
}

pub(crate) struct Job(How, u64, Option<Buf>);

impl Portable for Job {
    fn lower(&self, to: &mut Writer) {
        let (kind, times) = match self.0 {
            How::Double => (0, 0),
            How::Abort => (1, 0),
            How::AbortFirst(times) => (2, times),
            How::Fail => (3, 0),
            How::Hang => (4, 0),
        };
        to.u8(kind);
        to.u8(times);
        to.u64(self.1);
        to.u8(self.2.is_some().into());
        if let Some(buf) = &self.2 {
            to.buf(buf);
        }
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let how = match (from.u8()?, from.u8()?) {
            (0, _) => How::Double,
            (1, _) => How::Abort,
            (2, times) => How::AbortFirst(times),
            (3, _) => How::Fail,
            (4, _) => How::Hang,
            _ => return Err(Malformed("no such job")),
        };
        let n = from.u64()?;
        let buf = if from.u8()? == 1 { Some(from.buf()?) } else { None };
        Ok(Self(how, n, buf))
    }
}

/// A number, and perhaps bytes.
#[derive(Clone)]
pub(crate) struct Made(u64, Option<Buf>);

impl Portable for Made {
    fn lower(&self, to: &mut Writer) {
        Job(How::Double, self.0, self.1.clone()).lower(to);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let Job(_, n, buf) = Job::lift(from)?;
        Ok(Self(n, buf))
    }
}

/// Doubles numbers, and turns bytes around.
pub(crate) struct Double;

impl Handler for Double {
    /// Whether it opens.
    type Config = bool;
    type In = Job;
    type Out = Made;
    fn open(opens: &bool) -> Result<Self, Failure> {
        if *opens { Ok(Self) } else { Err(Failure::engine("no licence")) }
    }
    fn handle(&mut self, job: &Job, desk: &mut Desk<'_>) -> Result<Made, Failure> {
        match job.0 {
            How::Abort => std::process::abort(),
            How::AbortFirst(times) if desk.attempt < times.into() => std::process::abort(),
            How::Fail => return Err(Failure::item("it does not want to be doubled")),
            How::Hang => loop {
                std::thread::park();
            },
            _ => {}
        }
        let turned = |bytes: &Buf, to: &mut [u8]| {
            to.copy_from_slice(bytes);
            to.reverse();
            Ok(bytes.len())
        };
        let bytes = job.2.as_ref().map(|bytes| desk.write(bytes.len(), |to| turned(bytes, to)));
        Ok(Made(job.1 * 2, bytes.transpose()?))
    }
}

fn stage() -> Stage<Double> {
    Stage::new(true).workers(2)
}

fn pool(slabs: Vec<Arc<Segment>>, result_bytes: usize) -> Pool<Double> {
    Pool::new(stage().isolated(Isolation::new(slabs, result_bytes))).unwrap()
}

fn number(result: Result<Made, Failure>) -> Result<u64, String> {
    result.map(|made| made.0).map_err(|failure| failure.what)
}

fn double(pool: &Pool<Double>, how: How, n: u64) -> Result<u64, String> {
    number(pool.call(Job(how, n, None)))
}

fn four_threads() {
    let pool = pool(vec![], 0);
    scope(|scope| {
        for thread in 0..4 {
            let pool = &pool;
            scope.spawn(move || {
                for n in (0..200).map(|n| thread * 1000 + n) {
                    assert_eq!(double(pool, How::Double, n), Ok(n * 2));
                }
            });
        }
    });
}

fn order() {
    for demand in [1, 64] {
        let demand = NonZeroUsize::new(demand).unwrap();
        let stage = stage().max_demand(demand).isolated(Isolation::new(vec![], 0));
        let pool = Pool::new(stage).unwrap();
        // Every seventh item takes a worker along, so that later ones overtake it.
        let how = |n| if n % 7 == 3 { How::AbortFirst(1) } else { How::Double };
        let all = pool.map((0..300).map(|n| Job(how(n), n, None)));
        let all: Result<Vec<_>, _> = all.into_iter().map(number).collect();
        assert_eq!(all.unwrap(), (0..300).map(|n| n * 2).collect::<Vec<_>>());
        assert!(pool.map([]).is_empty());
    }
}

fn stream() {
    let pool = pool(vec![], 0);
    // Of two workers one hangs for ever: the rest goes past it.
    let how = |n| if n == 0 { How::Hang } else { How::Double };
    let mut stream = pool.stream((0..50).map(|n| Job(how(n), n, None)));
    let mut places: Vec<_> = stream
        .by_ref()
        .take(49)
        .map(|(place, made)| {
            assert_eq!(number(made), Ok(place as u64 * 2));
            place
        })
        .collect();
    places.sort_unstable();
    assert_eq!(places, (1..50).collect::<Vec<_>>());
}

fn poison() {
    let pool = pool(vec![], 0);
    let how = |n| if n == 5 { How::Abort } else { How::Double };
    let all = pool.map((0..20).map(|n| Job(how(n), n, None)));
    for (n, made) in all.into_iter().map(number).enumerate() {
        match n {
            5 => assert_eq!(made.unwrap_err(), "3 workers died over it, the last of signal 6"),
            _ => assert_eq!(made, Ok(2 * n as u64)),
        }
    }
    let once = stage().attempts(1).isolated(Isolation::new(vec![], 0));
    let once = double(&Pool::new(once).unwrap(), How::Abort, 1);
    assert_eq!(once.unwrap_err(), "1 worker died over it, the last of signal 6");
}

fn error() {
    let made = double(&pool(vec![], 0), How::Fail, 1);
    assert_eq!(made.unwrap_err(), "it does not want to be doubled");
}

fn hang() {
    let isolation = Isolation { deadline: Duration::from_millis(50), ..Isolation::new(vec![], 0) };
    let pool = Pool::new(stage().attempts(2).isolated(isolation)).unwrap();
    let made = double(&pool, How::Hang, 1);
    assert_eq!(made.unwrap_err(), "2 workers died over it, the last of hang");
    assert_eq!(double(&pool, How::Double, 2), Ok(4));
}

fn seeds() {
    for seed in [1, 2, 3u64] {
        let pool = pool(vec![], 0);
        // A number of the seed and the item says how often it takes a worker along: an eighth of them once, an
        // eighth twice, an eighth always.
        let deaths = |n: u64| {
            let mixed = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_mul(2 * seed + 1);
            [1, 2, 3].get((mixed >> 61) as usize).copied().unwrap_or(0)
        };
        let all = pool.map((0..80).map(|n| Job(How::AbortFirst(deaths(n)), n, None)));
        let all: Vec<_> = all.into_iter().map(|made| number(made).ok()).collect();
        let due: Vec<_> = (0..80).map(|n| (deaths(n) < 3).then_some(n * 2)).collect();
        assert_eq!(all, due, "seed {seed}");
        assert!(due.contains(&None) && deaths(0) + deaths(1) + deaths(2) < 9, "seed {seed}");
    }
}

fn bulk() {
    const BYTES: usize = 20_000;
    let slab = Segment::slab(0, 4, BYTES).unwrap();
    let pool = pool(vec![slab.clone()], BYTES);
    let job = |n: u64| {
        let mut slot = slab.reserve().unwrap();
        slot.bytes_mut()[..BYTES].fill(n as u8);
        slot.bytes_mut()[0] = 255;
        Job(How::AbortFirst((n % 9 == 8).into()), n, Some(slot.freeze(BYTES)))
    };
    // Far more results than there are slots for them are kept until the end.
    let all = pool.map((0..100).map(job));
    for (n, made) in all.into_iter().enumerate() {
        let Made(_, Some(bytes)) = made.unwrap() else { panic!("bytes came back") };
        let (last, rest) = bytes.split_last().unwrap();
        assert!(*last == 255 && rest.len() == BYTES - 1 && rest.iter().all(|b| *b == n as u8));
    }
    drop(pool);
    assert!(slab.reserve().is_none(), "nobody waits for what no pool will free");
}

fn no_start() {
    let stage = Stage::<Double>::new(false).isolated(Isolation::new(vec![], 0));
    let pool = Pool::new(stage).unwrap();
    for n in 0..2 {
        let failure = pool.call(Job(How::Double, n, None)).map(|made| made.0).unwrap_err();
        assert_eq!(failure.blame, Blame::Engine);
        assert!(failure.what.contains("no licence"), "{failure}");
    }
}

fn dropped() {
    drop(pool(vec![], 0));
    let before = descriptors();
    let pool = pool(vec![], 0);
    assert_eq!(double(&pool, How::Double, 1), Ok(2));
    assert!(!children().is_empty());
    // Its workers hang, and nobody waits for them any more.
    let mut stream =
        pool.stream((0..9).map(|n| Job(if n == 0 { How::Double } else { How::Hang }, n, None)));
    assert!(stream.next().is_some());
    drop(stream);
    drop(pool);
    assert_eq!((children().as_str(), descriptors()), ("", before));
}

fn threads() {
    let pool = Pool::new(stage().result_bytes(4096)).unwrap();
    let all = pool.map((0..50).map(|n| Job(How::Double, n, None)));
    let all: Result<Vec<_>, _> = all.into_iter().map(number).collect();
    assert_eq!(all.unwrap(), (0..50).map(|n| n * 2).collect::<Vec<_>>());
    assert_eq!(double(&pool, How::Fail, 1).unwrap_err(), "it does not want to be doubled");
}
