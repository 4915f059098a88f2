//! Whether the user's own filters can be loaded, tried before any work begins, in a process that may die of it.

use super::process::Process;
use crate::history::Ending;
use crate::measure::words;
use crate::subject::{self, Spec};
use anyhow::Result;
use pipelines::image::operations::Operation;
use pipelines::message::Failure;
use std::time::{Duration, Instant};

/// How long loading may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Has a process of its own open the handler of `spec`, if there are filters in its job.
///
/// # Errors
/// The input is to blame, and says why, when that process cannot, or dies, or never comes back.
pub fn try_out(spec: &Spec) -> Result<()> {
    let filters = spec.job.operations.iter().filter(|o| matches!(o, Operation::Filter(_)));
    let filters: Vec<_> = filters.map(ToString::to_string).collect();
    if filters.is_empty() {
        return Ok(());
    }
    let mut process = Process::start(subject::TRYOUT, spec)?;
    let until = Instant::now() + PATIENCE;
    let ending = loop {
        let left = until.saturating_duration_since(Instant::now());
        match process.wait(left, None)? {
            Some(ending) => break ending,
            None if left.is_zero() => break Ending::Hang,
            None => {}
        }
    };
    let said = process.stderr_tail();
    let what = match ending {
        Ending::Exit(0) => return Ok(()),
        Ending::Exit(subject::REFUSED) if !said.is_empty() => said,
        ending => {
            let ending = words::ending(&ending);
            format!("loading {} failed: the process that loaded it {ending}", filters.join(" and "))
        }
    };
    Err(Failure::input(what).into())
}
