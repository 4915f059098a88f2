//! Faults that really take what a machine has. None takes more than this process may have or gives itself: what is
//! short is short here, and not for the rest of the machine.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::fs::File;
use std::hint::{black_box, spin_loop};
use std::time::{Duration, Instant};

/// Memory is taken in pieces of this size.
const PIECE_BYTES: usize = 4 << 20;
/// What a process without a limit on its memory still gets before it is refused more.
const HEADROOM_BYTES: u64 = 128 << 20;
/// Descriptors that a process still gets before it is refused more.
const HEADROOM_FILES: u64 = 32;
/// Threads that burn, for each core: with one alone a worker would still have half of it.
const BURNERS_PER_CORE: usize = 4;

/// Takes memory, and writes to it, until no more is given; and then does what Rust does, which is to abort.
pub(super) fn memory() -> ! {
    limit(Resource::Data, HEADROOM_BYTES.saturating_add(data_bytes()));
    loop {
        std::mem::forget(black_box(vec![1u8; PIECE_BYTES]));
    }
}

/// Opens files until no more may be opened. They stay open as long as the process lives.
pub(super) fn descriptors() {
    let open = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64;
    limit(Resource::Nofile, HEADROOM_FILES + open);
    while let Ok(file) = File::open("/dev/null") {
        std::mem::forget(file);
    }
}

/// Keeps every core busy for so long, beside whatever else is done.
pub(super) fn processors(time: Duration) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let until = Instant::now() + time;
    for _ in 0..cores * BURNERS_PER_CORE {
        let burn = move || {
            while Instant::now() < until {
                spin_loop();
            }
        };
        // A machine that has no more threads is starved enough.
        std::thread::Builder::new().name("burner".to_owned()).spawn(burn).ok();
    }
}

/// Calls itself until the stack is used up.
#[expect(unconditional_recursion, reason = "it is the fault")]
pub(super) fn stack(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    room[depth as usize % 64] + stack(black_box(depth + 1)) + room[0]
}

/// Lowers a limit of this process to `most`, unless it is that low.
fn limit(resource: Resource, most: u64) {
    let now = getrlimit(resource);
    let current = now.current.map_or(most, |now| now.min(most));
    setrlimit(resource, Rlimit { current: Some(current), ..now }).ok();
}

/// What counts against the limit on this process's data.
fn data_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}
