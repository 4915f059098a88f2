//! What the books are locked with: the standard library's locks, or, with the feature `schedules`, those of shuttle,
//! which tries one order of threads after the other. That feature is for the tests in `books/schedules.rs` alone.

#[cfg(feature = "schedules")]
pub(super) use shuttle::sync::{Condvar, Mutex, MutexGuard, atomic::AtomicBool};
#[cfg(not(feature = "schedules"))]
pub(super) use std::sync::{Condvar, Mutex, MutexGuard, atomic::AtomicBool};
