//! What a pipeline needs beside itself: started before its producers, supervised with them.

use super::event::Ending;
use super::leave::{Leave, Told};
use crate::message::Failure;
use std::sync::Arc;
use std::time::Duration;

/// Where a service is: it says that it is up, and hears that it is to go.
pub struct Here<'a> {
    pub(crate) leave: &'a Leave,
    pub(crate) started: &'a dyn Fn(),
}

impl Here<'_> {
    /// It is up: what comes after it may start.
    pub fn started(&mut self) {
        (self.started)();
    }
    /// Waits at most so long; true as soon as it is to go.
    pub fn wait(&self, within: Duration) -> bool {
        self.leave.wait(within)
    }
}

type Body = dyn Fn(&mut Here<'_>) -> Result<(), Failure> + Send + Sync;

/// A child of the pipeline's tree that is not part of the flow. When it ends, it is restarted; under
/// [`Supervision::Broadway`](super::settings::Supervision::Broadway) everything else with it.
#[derive(Clone)]
pub struct Service(Arc<Body>);

impl Service {
    /// `body` runs in a thread of its own: it says when it is [`Here::started`], and returns soon after
    /// [`Here::wait`] was true.
    pub fn new(
        body: impl Fn(&mut Here<'_>) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(body))
    }

    pub(crate) fn run(&self, here: &mut Here<'_>) -> Ending {
        let result = (self.0)(here);
        match (result, here.leave.told()) {
            (_, Told::Die) => Ending::Killed,
            (_, Told::Leave) => Ending::Left,
            (Ok(()), _) => Ending::Panicked("it ended by itself".to_owned()),
            (Err(failure), _) => Ending::Panicked(failure.what),
        }
    }
}
