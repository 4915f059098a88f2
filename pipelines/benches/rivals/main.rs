//! What a call of an isolated worker costs, and what an abort in one, beside the process pools of Python: the same job,
//! one after the other, in several rounds.
//!
//! Two workers; an item is 196,608 bytes in and as many out, every byte turned over. Cost: many items at once, time on
//! the wall a item. Recovery: from just before `abort()` until the caller has the same item's result, everything else
//! being at rest. The interpreter is `python3`, or `$PYTHON`; it needs `numpy`, and what it lacks of `pebble` and `loky`
//! is left out. This is no criterion bench: it compares programs.

use pipelines::handler::{Desk, Handler};
use pipelines::isolation::Isolation;
use pipelines::isolation::frame::{Malformed, Portable, Reader, Writer};
use pipelines::isolation::segment::{Buf, Segment};
use pipelines::isolation::worker::{self, role};
use pipelines::message::Failure;
use pipelines::pipeline::Stage;
use pipelines::pool::Pool;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

const BYTES: usize = 196_608;
const WORKERS: usize = 2;
const ROUNDS: usize = 3;
const ITEMS: usize = 500;
const ABORTS: usize = 10;
const RIVALS: [&str; 3] = ["ProcessPoolExecutor", "pebble", "loky"];

/// A tile; the first time with this number over one a worker aborts.
struct Tile {
    pixels: Buf,
    aborts: u32,
}

impl Portable for Tile {
    fn lower(&self, to: &mut Writer) {
        to.buf(&self.pixels);
        to.u32(self.aborts);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { pixels: from.buf()?, aborts: from.u32()? })
    }
}

#[derive(Clone)]
struct Turned(Buf);

impl Portable for Turned {
    fn lower(&self, to: &mut Writer) {
        to.buf(&self.0);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.buf().map(Self)
    }
}

/// Turns every byte over; before it aborts it writes down when.
struct Turn(PathBuf);

impl Handler for Turn {
    type Config = PathBuf;
    type In = Tile;
    type Out = Turned;
    fn open(dir: &PathBuf) -> Result<Self, Failure> {
        Ok(Self(dir.clone()))
    }
    fn handle(&mut self, tile: &Tile, desk: &mut Desk<'_>) -> Result<Turned, Failure> {
        if tile.aborts > 0 && desk.attempt == 0 {
            let stamp = self.0.join(tile.aborts.to_string());
            std::fs::write(stamp, now_ns().to_string()).map_err(Failure::item)?;
            std::process::abort();
        }
        let fill = |out: &mut [u8]| {
            for (to, from) in out.iter_mut().zip(tile.pixels.iter()) {
                *to = 255 - from;
            }
            Ok(BYTES)
        };
        desk.write(BYTES, fill).map(Turned)
    }
}

fn now_ns() -> u64 {
    pipelines::black_box::now_ns()
}

/// µs an item, and ms of a recovery.
type Figures = (f64, f64);

fn ours() -> Result<Figures, Failure> {
    let dir = tempfile::tempdir().map_err(Failure::output)?;
    let slab = Segment::slab(0, 16, BYTES)?;
    let isolation = Isolation::new(vec![slab.clone()], BYTES);
    let stage = Stage::<Turn>::new(dir.path().to_owned()).workers(WORKERS).isolated(isolation);
    let pool = Pool::new(stage)?;
    pool.map((0..8).map(|_| tile(&slab, 0)));
    let start = Instant::now();
    let made = pool.map((0..ITEMS).map(|_| tile(&slab, 0)));
    let each_us = start.elapsed().as_secs_f64() * 1e6 / ITEMS as f64;
    for made in made {
        assert!(made?.0.iter().all(|byte| *byte == 248));
    }
    let mut recoveries = vec![];
    for n in 1..=ABORTS as u32 {
        let made = pool.call(tile(&slab, n))?;
        let end = now_ns();
        assert!(made.0.iter().all(|byte| *byte == 248));
        recoveries.push((end - stamp(dir.path(), n)) as f64 / 1e6);
        // The next spare starts meanwhile, as with the others.
        pool.map((0..8).map(|_| tile(&slab, 0)));
    }
    Ok((each_us, median(recoveries)))
}

fn tile(slab: &Arc<Segment>, aborts: u32) -> Tile {
    let mut slot = slab.reserve().expect("the pool is there");
    slot.bytes_mut()[..BYTES].fill(7);
    Tile { pixels: slot.freeze(BYTES), aborts }
}

fn stamp(dir: &Path, n: u32) -> u64 {
    let text = std::fs::read_to_string(dir.join(n.to_string())).expect("it was written");
    text.parse().expect("a number")
}

/// The same with a pool of Python; why not, if not.
fn theirs(pool: &str) -> Result<Figures, String> {
    let python = std::env::var_os("PYTHON").unwrap_or("python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rivals/rivals.py");
    let mut command = Command::new(python);
    let command = command.arg(script).args([pool, &ITEMS.to_string(), &ABORTS.to_string()]);
    let said = command.output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [_, each, recovery] => Ok((
            each.parse().map_err(|_| text.clone())?,
            recovery.parse().map_err(|_| text.clone())?,
        )),
        _ => {
            let why = String::from_utf8_lossy(&said.stderr);
            Err(why.lines().last().unwrap_or("it said nothing").to_owned())
        }
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

fn main() {
    worker::enter(&[role::<Turn>()]);
    let mut table: Vec<(&str, Vec<Figures>)> = vec![("okiagari", vec![])];
    table.extend(RIVALS.map(|rival| (rival, vec![])));
    for _ in 0..ROUNDS {
        for (name, rows) in &mut table {
            let figures = match *name {
                "okiagari" => ours().map_err(|failure| failure.to_string()),
                rival => theirs(rival),
            };
            match figures {
                Ok(figures) => rows.push(figures),
                Err(why) => eprintln!("{name}: {why}"),
            }
        }
    }
    println!("{ROUNDS} rounds, {ITEMS} items of 192 KiB and {ABORTS} aborts each; medians");
    for (name, rows) in table.into_iter().filter(|(_, rows)| !rows.is_empty()) {
        let (each, recovery): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let (each, recovery) = (median(each), median(recovery));
        println!("{name:20} {each:7.0} µs an item {recovery:9.2} ms from abort to result");
    }
}
