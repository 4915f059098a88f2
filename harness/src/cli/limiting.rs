//! The options of `okiagari run` that say what a worker may take, and when it is replaced.

use super::run::positive_duration;
use crate::experiment::{FILES_MIN, MEMORY_MIN_MIB};
use bytesize::ByteSize;
use clap::Args;
use pipelines::isolation::cgroup;
use pipelines::isolation::limits::{Limits, Recycling};
use pipelines::message::Failure;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Args)]
pub(super) struct Limiting {
    /// Memory that each worker may have; what it asks for beyond that it does not get, an item over which it dies of
    /// that is tried once more alone with twice as much
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = memory)]
    memory_max: ByteSize,
    /// Memory that everything together may take: tiles that are read, done and waiting to be written, and all workers.
    /// Where those could take more, tiles wait for each other; one that can never fit fails [default: three quarters of
    /// the machine's memory, or of what its control group leaves it]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    memory_budget: Option<ByteSize>,
    /// A control group (version 2) in which each worker gets one of its own, with --memory-max for all memory that it
    /// holds: the path of one that was delegated to this user, or `own` for the one that this program was started in
    /// (okiagari only)
    #[arg(long, value_name = "PATH")]
    cgroup: Option<PathBuf>,
    /// Processor time of a worker's whole life, in whole seconds; then SIGXCPU ends it, at the expense of the item that
    /// it is at: let --recycle-items or --recycle-age replace it before
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    cpu_max: Option<Duration>,
    /// Files that a worker may have open, its own dozen included; opening one more fails, and what comes of that is up
    /// to the operation
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(FILES_MIN..))]
    files_max: Option<u64>,
    /// The size of a file that a worker writes; beyond it SIGXFSZ ends the worker
    #[arg(long, value_name = "SIZE")]
    file_size_max: Option<ByteSize>,
    /// Replace a worker after so many items; none of them is charged
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    recycle_items: Option<u64>,
    /// Replace a worker of this age once it has finished what it is at
    #[arg(long, value_name = "TIME", value_parser = positive_duration)]
    recycle_age: Option<Duration>,
    /// Replace a worker that has grown by so much since its first item, once it has finished what it is at
    #[arg(long, value_name = "SIZE", value_parser = growth)]
    recycle_growth: Option<ByteSize>,
}

impl Limiting {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            memory_max_bytes: self.memory_max.as_u64(),
            cpu_max: self.cpu_max,
            files_max: self.files_max,
            file_max_bytes: self.file_size_max.map(|size| size.as_u64()),
        }
    }

    pub(super) fn memory_budget_bytes(&self) -> Option<u64> {
        self.memory_budget.map(|size| size.as_u64())
    }

    /// Where workers get control groups.
    pub(super) fn cgroup(&self) -> Result<Option<PathBuf>, Failure> {
        self.cgroup.as_deref().map(cgroup::named).transpose()
    }

    pub(super) fn recycling(&self) -> Recycling {
        Recycling {
            items: self.recycle_items,
            age: self.recycle_age,
            growth_bytes: self.recycle_growth.map(|size| size.as_u64()),
        }
    }
}

fn memory(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse()?;
    let least = ByteSize::mib(MEMORY_MIN_MIB);
    if size >= least {
        Ok(size)
    } else {
        Err(format!("with less than {least} a worker cannot even start"))
    }
}

fn growth(text: &str) -> Result<ByteSize, String> {
    let size: ByteSize = text.parse()?;
    if size.as_u64() > 0 { Ok(size) } else { Err("it must be at least one byte".to_owned()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let time = positive_duration(text)?;
    match time.subsec_nanos() {
        0 => Ok(time),
        _ => Err("the kernel counts whole seconds: write 1s, 10s or 2m".to_owned()),
    }
}
