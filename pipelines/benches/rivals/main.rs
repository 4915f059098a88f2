//! What a call of an isolated worker costs, and what an abort in one, beside the process pools of Python and the crate
//! procspawn: the same job, one after the other, in several rounds.
//!
//! Two workers; an item is 196,608 bytes in and as many out, every byte turned over. Cost: many items at once, time on
//! the wall a item. Recovery: from just before `abort()` until the caller has the same item's result, everything else
//! being at rest. The interpreter is `python3`, or `$PYTHON`; it needs `numpy`, and what it lacks of `pebble` and `loky`
//! is left out. procspawn is built with the feature `rivals` only. `--table FILE` writes the table, whose columns
//! `results/README.md` explains. This is no criterion bench: it compares programs.

#[cfg(feature = "rivals")]
mod procspawn;

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
const ROUNDS: usize = 5;
const ITEMS: usize = 500;
const ABORTS: usize = 10;
const RIVALS: [&str; 4] = ["procspawn", "ProcessPoolExecutor", "pebble", "loky"];
const COLUMNS: &str = "rival,version,item_us,item_low_us,item_high_us,recovery_us,recovery_low_us,recovery_high_us,\
                       rounds,items,aborts";

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

/// What a pool did in one round.
struct Round {
    version: String,
    item_us: f64,
    /// One for each abort.
    recoveries_us: Vec<f64>,
}

fn ours() -> Result<Round, Failure> {
    let dir = tempfile::tempdir().map_err(Failure::output)?;
    let slab = Segment::slab(0, 16, BYTES)?;
    let isolation = Isolation::new(vec![slab.clone()], BYTES);
    let stage = Stage::<Turn>::new(dir.path().to_owned()).workers(WORKERS).isolated(isolation);
    let pool = Pool::new(stage)?;
    pool.map((0..8).map(|_| tile(&slab, 0)));
    let start = Instant::now();
    let made = pool.map((0..ITEMS).map(|_| tile(&slab, 0)));
    let item_us = start.elapsed().as_secs_f64() * 1e6 / ITEMS as f64;
    for made in made {
        assert!(made?.0.iter().all(|byte| *byte == 248));
    }
    let mut recoveries_us = vec![];
    for n in 1..=ABORTS as u32 {
        let made = pool.call(tile(&slab, n))?;
        let end = now_ns();
        assert!(made.0.iter().all(|byte| *byte == 248));
        recoveries_us.push((end - stamp(dir.path(), n)) as f64 / 1e3);
        // The next spare starts meanwhile, as with the others.
        pool.map((0..8).map(|_| tile(&slab, 0)));
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Round { version, item_us, recoveries_us })
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
fn in_python(pool: &str) -> Result<Round, String> {
    let python = std::env::var_os("PYTHON").unwrap_or("python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/rivals/rivals.py");
    let mut command = Command::new(python);
    let command = command.arg(script).args([pool, &ITEMS.to_string(), &ABORTS.to_string()]);
    let said = command.output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let [_, version, item, recoveries @ ..] = &text.split_whitespace().collect::<Vec<_>>()[..]
    else {
        let why = String::from_utf8_lossy(&said.stderr);
        return Err(why.lines().last().unwrap_or("it said nothing").to_owned());
    };
    let number = |text: &str| text.parse::<f64>().map_err(|e| format!("{text}: {e}"));
    Ok(Round {
        version: (*version).to_owned(),
        item_us: number(item)?,
        recoveries_us: recoveries.iter().map(|it| number(it)).collect::<Result<_, _>>()?,
    })
}

fn round(name: &str) -> Result<Round, String> {
    match name {
        "okiagari" => ours().map_err(|failure| failure.to_string()),
        #[cfg(feature = "rivals")]
        "procspawn" => procspawn::round(),
        #[cfg(not(feature = "rivals"))]
        "procspawn" => Err("left out: it is there with --features rivals".to_owned()),
        pool => in_python(pool),
    }
}

/// Median, lowest and highest.
fn spread(mut numbers: Vec<f64>) -> [f64; 3] {
    numbers.sort_by(f64::total_cmp);
    [numbers[numbers.len() / 2], numbers[0], numbers[numbers.len() - 1]]
}

/// What one pool did, as a line for people and a row of the table.
fn summary(name: &str, rounds: &[Round]) -> (String, String) {
    let version = &rounds[0].version;
    let item = spread(rounds.iter().map(|round| round.item_us).collect());
    let recovery = spread(rounds.iter().flat_map(|r| r.recoveries_us.clone()).collect());
    let line = format!(
        "{name:20} {version:8} {:7.0} µs an item ({:.0} to {:.0}) {:9.2} ms from abort to result ({:.2} to {:.2})",
        item[0],
        item[1],
        item[2],
        recovery[0] / 1e3,
        recovery[1] / 1e3,
        recovery[2] / 1e3
    );
    let numbers = [item, recovery].concat();
    let numbers: Vec<_> = numbers.iter().map(|number| format!("{number:.1}")).collect();
    let row = format!(
        "{name},{version},{},{},{},{}",
        numbers.join(","),
        rounds.len(),
        rounds.len() * ITEMS,
        rounds.len() * ABORTS
    );
    (line, row)
}

fn main() {
    #[cfg(feature = "rivals")]
    procspawn::init();
    worker::enter(&[role::<Turn>()]);
    let file = std::env::args().skip_while(|word| word != "--table").nth(1);
    let mut table: Vec<(&str, Vec<Round>)> = vec![("okiagari", vec![])];
    table.extend(RIVALS.map(|rival| (rival, vec![])));
    for _ in 0..ROUNDS {
        for (name, rounds) in &mut table {
            match round(name) {
                Ok(round) => rounds.push(round),
                Err(why) => eprintln!("{name}: {why}"),
            }
        }
    }
    println!(
        "{ROUNDS} rounds, {ITEMS} items of 192 KiB and {ABORTS} aborts each; median (lowest to highest)"
    );
    let mut table_rows = format!("{COLUMNS}\n");
    for (name, rounds) in table.iter().filter(|(_, rounds)| !rounds.is_empty()) {
        let (line, row) = summary(name, rounds);
        println!("{line}");
        table_rows.push_str(&format!("{row}\n"));
    }
    if let Some(file) = file {
        // Cargo runs a bench in the folder of its package.
        std::fs::write(&file, table_rows).unwrap_or_else(|e| panic!("could not write {file}: {e}"));
    }
}
