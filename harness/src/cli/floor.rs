//! `okiagari floor`: the least that some things take on this machine. A recovery time means little without it.

use super::{Exit, say};
use anyhow::{Context, Result};
use pipelines::handler::{Desk, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::worker::{Role, role};
use pipelines::message::Failure;
use pipelines::pipeline::Stage;
use pipelines::pool::Pool;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// Bytes of a tile of 256 × 256 pixels in colour.
const TILE_BYTES: usize = 196_608;

/// What the workers of this command do.
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

pub(super) fn run() -> Result<Exit> {
    let pool = || Pool::new(Stage::<Echo>::new(()).workers(1).isolated(Isolation::new(vec![], 0)));
    let calls = pool()?;
    let call = median(1000, || calls.call(2).map(drop))?;
    let death = median(100, || {
        // So that the last one's spare is ready.
        std::thread::sleep(Duration::from_millis(10));
        let start = Instant::now();
        calls.call(1)?;
        Ok(start.elapsed())
    })?;
    let (mut to, from) = (vec![0u8; TILE_BYTES], vec![1u8; TILE_BYTES]);
    let copy = median(1000, || {
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&mut to);
        Ok(())
    })?;
    let started = median(20, || start_this_program().map_err(Failure::engine))?;
    let wake = wake()?;
    let us = |time: Duration| time.as_secs_f64() * 1e6;
    say(&format!(
        "The least that this machine takes (medians, in µs):\n\n\
         {:>9.1}  copy a tile of 192 KiB\n\
         {:>9.1}  wake another thread, and be woken by it\n\
         {:>9.1}  call a worker process that does nothing, from a thread of the same program\n\
         {:>9.1}  the same, when it aborts first: its death, and the call to its successor\n\
         {:>9.1}  start a program and wait for its end\n\n\
         A recovery cannot be faster than the death and the call; what it takes more is the item's own work, and waiting \
         for a core.\n",
        us(copy),
        us(wake),
        us(call),
        us(death),
        us(started)
    ));
    Ok(Exit::Good)
}

/// What one of `rounds` takes. A round that says how long it took is believed.
fn median<T: Took>(
    rounds: usize,
    mut round: impl FnMut() -> Result<T, Failure>,
) -> Result<Duration> {
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let start = Instant::now();
        let took = round()?.took();
        times.push(took.unwrap_or_else(|| start.elapsed()));
    }
    times.sort_unstable();
    Ok(times[rounds / 2])
}

trait Took {
    fn took(self) -> Option<Duration>;
}

impl Took for () {
    fn took(self) -> Option<Duration> {
        None
    }
}

impl Took for Duration {
    fn took(self) -> Option<Duration> {
        Some(self)
    }
}

fn wake() -> Result<Duration> {
    let ((to, ours), (back, theirs)) = (sync_channel::<()>(1), sync_channel::<()>(1));
    let echo = std::thread::spawn(move || while ours.recv().is_ok() && back.send(()).is_ok() {});
    let gone = |_| Failure::engine("the thread that answers is gone");
    let round = median(1000, || {
        to.send(()).map_err(|_| Failure::engine("the thread that answers is gone"))?;
        theirs.recv().map_err(gone)
    })?;
    drop(to);
    echo.join().ok().context("the thread that answers panicked")?;
    Ok(round)
}

fn start_this_program() -> std::io::Result<()> {
    let mut program = Command::new(std::env::current_exe()?);
    let program = program.arg("--version").stdin(Stdio::null()).stdout(Stdio::null());
    program.stderr(Stdio::null()).status().map(drop)
}
