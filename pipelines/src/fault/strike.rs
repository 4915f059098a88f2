//! A decided fault on its way to the item it is meant for.

use super::{Fault, Point};

/// A fault that rides in a loan: what happens, and which receipt of the black box says that it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// What happens.
    pub fault: Fault,
    /// The receipt to sign before it does.
    pub receipt: u32,
}

impl Strike {
    /// Where it fires.
    pub fn point(&self) -> Point {
        self.fault.entry().point
    }
}
