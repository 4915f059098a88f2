//! The words in shared memory that a lane and its worker talk by.
//!
//! With the feature `schedules`, which is for the tests in `line/schedules.rs` alone, shuttle may let another thread go
//! on before each access to one.

/// A word of 32 bits that another process may read, write, and wait for.
#[cfg(not(feature = "schedules"))]
pub(super) type Word = std::sync::atomic::AtomicU32;
#[cfg(feature = "schedules")]
pub(super) use interrupted::Word;

#[cfg(feature = "schedules")]
mod interrupted {
    use std::sync::atomic::{AtomicU32, Ordering};

    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub(in crate::isolation) struct Word(AtomicU32);

    /// Here another thread may go on: shuttle's own words are no words of shared memory, but touching one is the moment
    /// at which it decides.
    fn point() {
        shuttle::sync::atomic::AtomicU32::new(0).load(Ordering::SeqCst);
    }

    impl Word {
        pub(in crate::isolation) const fn new(value: u32) -> Self {
            Self(AtomicU32::new(value))
        }
        pub(in crate::isolation) fn load(&self, ordering: Ordering) -> u32 {
            point();
            self.0.load(ordering)
        }
        pub(in crate::isolation) fn store(&self, value: u32, ordering: Ordering) {
            point();
            self.0.store(value, ordering);
        }
        pub(in crate::isolation) fn fetch_add(&self, value: u32, ordering: Ordering) -> u32 {
            point();
            self.0.fetch_add(value, ordering)
        }
        /// Not a point: a signal handler calls it.
        pub(in crate::isolation) fn fetch_or(&self, value: u32, ordering: Ordering) -> u32 {
            self.0.fetch_or(value, ordering)
        }
        pub(in crate::isolation) fn as_ptr(&self) -> *mut u32 {
            self.0.as_ptr()
        }
    }
}
