//! Which named pipelines run in this process.

use crate::message::Failure;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Stop = Box<dyn Fn() + Send>;

static RUNNING: Mutex<BTreeMap<String, Stop>> = Mutex::new(BTreeMap::new());

fn lock() -> MutexGuard<'static, BTreeMap<String, Stop>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name that is taken for as long as this lives.
pub(super) struct Name(String);

impl Name {
    /// Takes a name.
    pub(super) fn take(name: &str, stop: Stop) -> Result<Self, Failure> {
        if name.is_empty() {
            return Err(Failure::input("a pipeline's name is empty; give it one, or none at all"));
        }
        let mut running = lock();
        if running.contains_key(name) {
            let what =
                format!("a pipeline called '{name}' is running already; wait until it has ended");
            return Err(Failure::engine(what));
        }
        running.insert(name.to_owned(), stop);
        Ok(Self(name.to_owned()))
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        lock().remove(&self.0);
    }
}

/// The names of all that run, sorted. Those without a name are not among them.
pub fn all_running() -> Vec<String> {
    lock().keys().cloned().collect()
}

/// Stops one by its name, as [`Handle::stop`](super::running::Handle::stop) does; false when none is
/// called so.
pub fn stop(name: &str) -> bool {
    lock().get(name).map(|stop| stop()).is_some()
}
