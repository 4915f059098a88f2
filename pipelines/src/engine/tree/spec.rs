//! A supervision tree as it is written down.

use std::time::Duration;

/// What a supervisor does when one of its children dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Restarts that child.
    OneForOne,
    /// Stops the others, the last first, and restarts all, the first first.
    OneForAll,
    /// Stops the later ones, the last first, and restarts from the dead one on.
    RestForOne,
}

/// How many restarts a supervisor allows itself: OTP's intensity and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Budget {
    /// So many restarts within the window are allowed; the next one is not made, and the supervisor gives up.
    pub restarts: u32,
    /// The window. A restart exactly as old as this still counts. OTP counts whole seconds; here time is exact.
    pub within: Duration,
}

/// How long a restart waits. Siblings that go down with the dead child are stopped at once.
///
/// The first restart in a row is immediate, the second waits `first`, each further one twice as long as the
/// one before. A child that ran for longer than `most` begins a new row. OTP never waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Backoff {
    /// The wait before the second restart in a row; zero for no waits at all.
    pub first: Duration,
    /// No wait is longer than this.
    pub most: Duration,
    /// Whether a wait is shortened by up to a half, so that those who died together do not return together.
    pub jitter: bool,
    /// What the jitter is drawn from, together with the number of the restart.
    pub seed: u64,
}

impl Backoff {
    /// Restarts are immediate, as in OTP.
    pub const NONE: Self =
        Self { first: Duration::ZERO, most: Duration::ZERO, jitter: false, seed: 0 };

    /// The wait before a restart that has `before` others before it in its row, when it is the
    /// `count`-th one of its supervisor. Depends on nothing else.
    pub fn wait(&self, before: u32, count: u32) -> Duration {
        let Some(doublings) = before.checked_sub(1) else { return Duration::ZERO };
        let wait = self.first.saturating_mul(2u32.saturating_pow(doublings)).min(self.most);
        if !self.jitter {
            return wait;
        }
        let mut hash = blake3::Hasher::new();
        hash.update(&self.seed.to_le_bytes()).update(&count.to_le_bytes());
        let draw = u32::from_le_bytes(*hash.finalize().as_bytes().first_chunk().expect("32 bytes"));
        wait.mul_f64(1.0 - 0.5 * f64::from(draw) / f64::from(u32::MAX))
    }
}

/// Which exits of a leaf its supervisor makes good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Restart {
    /// Every exit.
    Permanent,
    /// Every exit that was not normal.
    Transient,
    /// None; and once down, it stays down when its siblings are restarted.
    Temporary,
}

/// How long a leaf has to leave once it was told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shutdown {
    /// So long; then it is abandoned.
    Within(Duration),
    /// No time: it is not asked, but abandoned at once.
    Brutal,
    /// As long as it takes.
    Infinite,
}

/// The number of a leaf, unique in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leaf(pub u32);

/// A child of a supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A process that works.
    Leaf {
        /// Its number.
        leaf: Leaf,
        /// Which of its exits are made good.
        restart: Restart,
        /// How long it has to leave.
        shutdown: Shutdown,
    },
    /// Another supervisor. It is permanent, and has as long to leave as its children need.
    Tree(Spec),
}

/// A supervisor and all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// Its name, unique in the tree.
    pub name: String,
    /// What it does when a child dies.
    pub strategy: Strategy,
    /// How often it may.
    pub budget: Budget,
    /// How long it waits before.
    pub backoff: Backoff,
    /// Its children, in the order of their start.
    pub children: Vec<Node>,
}
