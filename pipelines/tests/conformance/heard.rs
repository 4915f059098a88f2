//! What the cases hear of single items, in words.

use crate::kit::next;
use crossbeam_channel::Receiver;
use pipelines::acknowledger::{Acked, Heard};

/// What tickets carried of what was acknowledged in one call, as done and as failed with why. For items of
/// `test_batch` that is their place in it.
pub(crate) fn data(heard: &Heard) -> (Vec<u64>, Vec<(u64, String)>) {
    let why = |acked: &Acked| (acked.data, acked.failure.as_ref().unwrap().what.clone());
    (heard.done.iter().map(|a| a.data).collect(), heard.failed.iter().map(why).collect())
}

/// The same of as many calls as it takes to hear of so many items, sorted.
pub(crate) fn data_of(heard: &Receiver<Heard>, items: usize) -> (Vec<u64>, Vec<(u64, String)>) {
    let (mut done, mut failed) = (vec![], vec![]);
    while done.len() + failed.len() < items {
        let (more_done, more_failed) = data(&next(heard));
        done.extend(more_done);
        failed.extend(more_failed);
    }
    done.sort_unstable();
    failed.sort();
    (done, failed)
}
