//! A sink that remembers, and fails when it is told to.

use crate::kit::Number;
use pipelines::engine::batcher::BatchInfo;
use pipelines::handler::{BatchHandler, Done, Fates};
use pipelines::image::job::Encoded;
use pipelines::message::{Failure, ItemId};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// A result as bytes, to compare.
pub(crate) trait Keep {
    fn keep(&self) -> Vec<u8>;
}

impl Keep for Number {
    fn keep(&self) -> Vec<u8> {
        self.0.to_le_bytes().to_vec()
    }
}

impl Keep for Encoded {
    fn keep(&self) -> Vec<u8> {
        [&self.pixels_blake3[..], format!("{:?}", self.head).as_bytes(), &self.file].concat()
    }
}

/// Everything that was delivered, in order: (item, attempts, bytes).
pub(crate) type Delivered = Vec<(ItemId, u32, Vec<u8>)>;

/// What the sink is told.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    kept: Arc<Mutex<Delivered>>,
    fails_to_open: bool,
    panics: bool,
    /// It refuses the batch that would make it hold more than this.
    room: Option<usize>,
}

pub(crate) struct Collect<T>(Shelf, PhantomData<fn(T)>);

impl<T: Keep + Send + Sync + 'static> BatchHandler for Collect<T> {
    type Config = Shelf;
    type In = T;
    fn open(shelf: &Shelf) -> Result<Self, Failure> {
        if shelf.fails_to_open {
            return Err(Failure::output("there is no shelf"));
        }
        Ok(Self(shelf.clone(), PhantomData))
    }
    fn handle(
        &mut self,
        _: &BatchInfo,
        batch: &[Done<T>],
        _: &mut Fates<'_>,
    ) -> Result<(), Failure> {
        assert!(!self.0.panics, "the sink panics");
        let mut kept = self.0.kept.lock().unwrap();
        if self.0.room.is_some_and(|room| kept.len() + batch.len() > room) {
            return Err(Failure::output("the shelf is full"));
        }
        kept.extend(batch.iter().map(|done| (done.item, done.attempts, done.out.keep())));
        Ok(())
    }
}

impl Shelf {
    pub(crate) fn with_room(room: usize) -> Self {
        Self { room: Some(room), ..Self::default() }
    }
    pub(crate) fn missing() -> Self {
        Self { fails_to_open: true, ..Self::default() }
    }
    pub(crate) fn panicking() -> Self {
        Self { panics: true, ..Self::default() }
    }
    /// What was delivered so far.
    pub(crate) fn take(&self) -> Delivered {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
