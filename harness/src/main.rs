//! The command `okiagari`.

use harness::{cli, floor, subject};
use pipelines::image::job::TileWork;
use pipelines::isolation::worker;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Workers and subjects are this program again; neither returns from its line.
    worker::enter(&[worker::role::<TileWork>(), floor::worker()]);
    subject::enter();
    cli::main()
}
