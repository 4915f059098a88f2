//! `okiagari floor`: the least that some things take on this machine.

use super::{Exit, say};
use crate::floor::Floor;

pub(super) fn run() -> anyhow::Result<Exit> {
    let floor = Floor::thorough()?;
    let us = |ns: u64| ns as f64 / 1e3;
    say(&format!(
        "The least that this machine takes (medians, in µs):\n\n\
         {:>9.1}  copy a tile of 192 KiB\n\
         {:>9.1}  wake another thread, and be woken by it\n\
         {:>9.1}  call a worker process that does nothing, from a thread of the same program\n\
         {:>9.1}  the same, when it aborts first: its death, and the call to its successor\n\
         {:>9.1}  start a program and wait for its end\n\n\
         A recovery cannot be faster than the death and the call; what it takes more is the item's own work, and waiting \
         for a core.\n",
        us(floor.copy_ns),
        us(floor.wake_ns),
        us(floor.call_ns),
        us(floor.death_and_call_ns),
        us(floor.start_program_ns)
    ));
    Ok(Exit::Good)
}
