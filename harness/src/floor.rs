//! The least that some things take on this machine. A recovery time means little without it: no recovery is faster
//! than a death and a call.
//!
//! Each number is a median, in nanoseconds, of what a caller sees on the monotonic clock. The list is that of
//! lmbench (McVoy and Staelin, 1996), as far as a pipeline of processes meets it.

use pipelines::handler::{Desk, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::worker::{Role, role};
use pipelines::message::Failure;
use pipelines::pipeline::Stage;
use pipelines::pool::Pool;
use serde::{Deserialize, Serialize};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// Bytes of a tile of 256 × 256 pixels in colour.
const TILE_BYTES: usize = 196_608;
/// So much time passes before each death, or its predecessor's spare would not be ready.
const REST: Duration = Duration::from_millis(10);

/// What this machine takes at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Floor {
    /// Copying a tile of 192 KiB.
    pub copy_ns: u64,
    /// Waking another thread, and being woken by it.
    pub wake_ns: u64,
    /// A call of a worker process that does nothing, from a thread of the same program.
    pub call_ns: u64,
    /// The same, when the worker aborts first: its death, and the call of its successor, which stood ready.
    pub death_and_call_ns: u64,
    /// Starting a program, and waiting for its end.
    pub start_program_ns: u64,
}

/// How often each thing is done. Their median counts.
#[derive(Clone, Copy)]
struct Rounds {
    cheap: usize,
    deaths: usize,
    starts: usize,
}

impl Floor {
    /// Measures for about two seconds.
    ///
    /// # Errors
    /// No worker can be started: this program does not give [`worker`] to `worker::enter`, or the machine refuses.
    pub fn thorough() -> Result<Self, Failure> {
        Self::measured(Rounds { cheap: 1000, deaths: 100, starts: 20 })
    }

    /// Measures for less than half a second. `None` where [`Self::thorough`] fails: results are worth having without
    /// their floor.
    pub(crate) fn brief() -> Option<Self> {
        Self::measured(Rounds { cheap: 200, deaths: 15, starts: 5 }).ok()
    }

    fn measured(rounds: Rounds) -> Result<Self, Failure> {
        // First of all, since without workers nothing else of this program may be started either.
        let stage = Stage::<Echo>::new(()).workers(1).isolated(Isolation::new(vec![], 0));
        let calls = Pool::new(stage)?;
        Ok(Self {
            call_ns: median(rounds.cheap, || timed(|| calls.call(2).map(drop)))?,
            death_and_call_ns: median(rounds.deaths, || {
                std::thread::sleep(REST);
                timed(|| calls.call(1).map(drop))
            })?,
            copy_ns: copy(rounds.cheap)?,
            wake_ns: wake(rounds.cheap)?,
            start_program_ns: median(rounds.starts, || timed(start_this_program))?,
        })
    }
}

/// What the workers do that are measured.
pub fn worker() -> Role {
    role::<Echo>()
}

/// Gives numbers back; dies over the first attempt of an odd one.
struct Echo;

impl Handler for Echo {
    type Config = ();
    type In = u64;
    type Out = u64;
    fn open((): &()) -> Result<Self, Failure> {
        Ok(Self)
    }
    fn handle(&mut self, number: &u64, desk: &mut Desk<'_>) -> Result<u64, Failure> {
        if number % 2 == 1 && desk.attempt == 0 {
            std::process::abort();
        }
        Ok(*number)
    }
}

fn median(
    rounds: usize,
    mut round: impl FnMut() -> Result<Duration, Failure>,
) -> Result<u64, Failure> {
    let mut times = (0..rounds).map(|_| round()).collect::<Result<Vec<_>, _>>()?;
    times.sort_unstable();
    Ok(u64::try_from(times[rounds / 2].as_nanos()).unwrap_or(u64::MAX))
}

fn timed(act: impl FnOnce() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let start = Instant::now();
    act()?;
    Ok(start.elapsed())
}

fn copy(rounds: usize) -> Result<u64, Failure> {
    let (mut to, from) = (vec![0u8; TILE_BYTES], vec![1u8; TILE_BYTES]);
    median(rounds, || {
        timed(|| {
            to.copy_from_slice(std::hint::black_box(&from));
            std::hint::black_box(&mut to);
            Ok(())
        })
    })
}

fn wake(rounds: usize) -> Result<u64, Failure> {
    let ((to, ours), (back, theirs)) = (sync_channel::<()>(1), sync_channel::<()>(1));
    let echo = move || while ours.recv().is_ok() && back.send(()).is_ok() {};
    let gone = || Failure::engine("the thread that answers is gone");
    std::thread::scope(|scope| {
        // When `to` goes at the end of this, so does the thread.
        let to = to;
        std::thread::Builder::new().spawn_scoped(scope, echo).map_err(Failure::engine)?;
        median(rounds, || {
            timed(|| {
                to.send(()).map_err(|_| gone())?;
                theirs.recv().map_err(|_| gone())
            })
        })
    })
}

fn start_this_program() -> Result<(), Failure> {
    let mut program = Command::new(std::env::current_exe().map_err(Failure::engine)?);
    let program = program.arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
    program.stderr(Stdio::null()).status().map(drop).map_err(Failure::engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_our_worker_has_no_floor_and_goes_on() {
        assert_eq!(Floor::brief(), None);
    }

    #[test]
    fn the_median_is_of_what_a_round_took() {
        let mut took = [5, 1, 9, 3, 7].into_iter().map(Duration::from_nanos);
        let rest = || took.next().ok_or_else(|| Failure::engine("asked too often"));
        assert_eq!(median(5, rest).unwrap(), 5);
        assert!(copy(3).unwrap() > 0 && wake(3).unwrap() > 0);
    }
}
