//! What happens when a subject has died: nothing, or it is started again, so often and not more.

use crate::subject::{Again, Spec, foreign};
use anyhow::{Context, Result};
use pipelines::sink::journal::{self, Journal};
use pipelines::sink::quarantine::QUARANTINE;
use std::io::ErrorKind;
use std::path::Path;

/// Deaths of a subject without one more settled item in between, after which it is not started again.
pub const DEATHS_IN_A_ROW_MAX: u32 = 3;
/// How often a subject is started again from zero: an item that kills it each time would never let it end.
pub const RESTARTS_FROM_ZERO_MAX: u64 = 20;

/// Whether it is started once more, after so many deaths without one more item and so many restarts.
pub(super) fn once_more(again: Again, fruitless: u32, restarts: u64) -> bool {
    let fruitful = fruitless < DEATHS_IN_A_ROW_MAX;
    match again {
        Again::Never => false,
        Again::FromZero => fruitful && restarts < RESTARTS_FROM_ZERO_MAX,
        Again::Resume => fruitful,
    }
}

/// Makes the folder ready for one more incarnation.
pub(super) fn make_ready(spec: &Spec) -> Result<()> {
    let Some(story) = journal::read(&spec.dir).map_err(anyhow::Error::new)? else { return Ok(()) };
    if spec.subject.again != Again::FromZero {
        return journal::mend(&spec.dir, &story).map_err(anyhow::Error::new);
    }
    Journal::create(&spec.dir, &story.subject)?;
    for item in 0..spec.layout.items() {
        let Some(place) = spec.layout.place(item) else { break };
        let own = [spec.job.format.extension()];
        let endings = if spec.subject.is_foreign() { &foreign::EXTENSIONS[..] } else { &own };
        for ending in endings {
            gone(&spec.dir.join(spec.layout.file_name(&place, ending)), |p| {
                std::fs::remove_file(p)
            })?;
        }
    }
    gone(&spec.dir.join(QUARANTINE), |p| std::fs::remove_dir_all(p))
}

/// Removes what may not be there.
fn gone(path: &Path, remove: impl Fn(&Path) -> std::io::Result<()>) -> Result<()> {
    match remove(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => {
            Err(e).with_context(|| format!("could not remove {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_gets_further_is_not_started_for_ever() {
        let restarts = |again, fruitless: fn(u64) -> u32| {
            (0..1000).take_while(|n| once_more(again, fruitless(*n), *n)).count() as u64
        };
        assert_eq!(restarts(Again::Never, |_| 0), 0);
        assert_eq!(restarts(Again::Resume, |n| n as u32 + 1), 2, "the third death ends it");
        assert_eq!(restarts(Again::FromZero, |n| n as u32 + 1), 2);
        // From zero each one settles some items anew.
        assert_eq!(restarts(Again::FromZero, |_| 0), RESTARTS_FROM_ZERO_MAX);
        assert_eq!(restarts(Again::Resume, |_| 0), 1000);
    }
}
