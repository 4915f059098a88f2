//! The three settings of the one engine.

use super::ledger::Delivery;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Broadway's default for how long each process may take to leave (its options.ex).
const SHUTDOWN: Duration = Duration::from_secs(30);
/// Broadway's default for how long consumers wait before they turn to a producer that was restarted
/// (`resubscribe_interval` in its options.ex).
const RESUBSCRIBE: Duration = Duration::from_millis(100);
/// Items that a GenStage producer buffers at most; beyond, the oldest are dropped.
const BUFFER: usize = 10_000;

/// A `max_demand` from which on items are taken to be small …
const HANDFUL: usize = 8;
/// … and about so many of them wait.
const CROWD: usize = 1024;

/// The shape of the supervision tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Supervision {
    /// Broadway's tree: one dead processor restarts all of them and all that comes after.
    Broadway,
    /// Each process by itself.
    OneForOne,
}

/// What a user of the engine chooses beside the work: three knobs, each of which can be turned alone,
/// and the times that go with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What a death costs.
    pub delivery: Delivery,
    /// Whom a death concerns.
    pub supervision: Supervision,
    /// Restarts of the highest supervisor within `restarts_within`; one more ends the run.
    pub restarts: u32,
    /// See `restarts`.
    pub restarts_within: Duration,
    /// A supervisor above the pipeline starts it again, three times in five seconds, when it has given
    /// up (as the thesis has it).
    pub application: bool,
    /// How long a drain may take; under [`Supervision::Broadway`] each kind of process in turn.
    pub shutdown: Duration,
    /// A producer that was restarted is not asked before so long.
    pub resubscribe: Duration,
    /// Broadway's defects are kept: see `CONFORMANCE.md`, "differs on purpose".
    pub as_the_original: bool,
}

impl Settings {
    /// Leases, everybody for himself: nothing is lost.
    pub fn okiagari() -> Self {
        Self {
            delivery: Delivery::Lease,
            supervision: Supervision::OneForOne,
            restarts: 100,
            restarts_within: Duration::from_secs(5),
            application: false,
            shutdown: SHUTDOWN,
            resubscribe: Duration::ZERO,
            as_the_original: false,
        }
    }

    /// Hand-over and the exact tree of Broadway 1.3, with its defaults and its defects.
    pub fn broadway() -> Self {
        Self {
            delivery: Delivery::HandOver,
            supervision: Supervision::Broadway,
            restarts: 3,
            restarts_within: Duration::from_secs(5),
            resubscribe: RESUBSCRIBE,
            as_the_original: true,
            ..Self::okiagari()
        }
    }

    /// Items beyond demand that wait for so many lanes.
    pub(crate) fn ahead(&self, lanes: usize, max_demand: usize) -> usize {
        match self.delivery {
            // What waits dies with nobody, so it costs only memory to have it ready. Of items that are asked
            // for by the handful more may wait, so that nobody is woken for a few of them.
            Delivery::Lease if max_demand >= HANDFUL => {
                (32 * lanes * max_demand).min(CROWD).max(4 * lanes * max_demand)
            }
            Delivery::Lease => 2 * lanes * max_demand,
            Delivery::HandOver => 0,
        }
    }

    /// Pushed items beyond which the oldest are dropped without a word.
    pub(crate) fn overflow(&self) -> Option<usize> {
        self.as_the_original.then_some(BUFFER)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::okiagari()
    }
}
