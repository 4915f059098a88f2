//! Where items come from, whatever the producer's type: it can be made, asked, drained, closed.

use super::leave::Leave;
use crate::message::Failure;
use crate::producer::{Demand, Entry, Instance, Producer, Supply};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What came of asking.
pub(crate) enum Given<T> {
    /// Items, and events that could not be made into items.
    Items(Vec<Entry<T>>, Vec<Entry<Failure>>),
    Idle(Duration),
    Drained,
}

/// A producer of any type, with its transformers.
pub(crate) trait Well<T>: Send {
    /// A transformer that fails over one event fails that event, or, if not `mended`, panics.
    fn produce(
        &mut self,
        most: NonZeroUsize,
        leave: &Leave,
        mended: bool,
    ) -> Result<Given<T>, Failure>;
    fn prepare_for_draining(&mut self, mended: bool) -> Given<T>;
    fn closer(&self) -> Box<dyn Fn() + Send + Sync>;
}

/// Makes a well, for each life of a producer.
pub(crate) type Dig<T> = Box<dyn Fn(&Instance) -> Result<Box<dyn Well<T>>, Failure> + Send + Sync>;

struct Plain<P>(P);

impl<P: Producer> Well<P::Item> for Plain<P> {
    fn produce(
        &mut self,
        most: NonZeroUsize,
        leave: &Leave,
        _mended: bool,
    ) -> Result<Given<P::Item>, Failure> {
        Ok(match self.0.produce(Demand::until(most, leave))? {
            Supply::Items(items) => Given::Items(items, vec![]),
            Supply::Idle(wait) => Given::Idle(wait),
            Supply::Drained => Given::Drained,
        })
    }
    fn prepare_for_draining(&mut self, _mended: bool) -> Given<P::Item> {
        Given::Items(self.0.prepare_for_draining(), vec![])
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        self.0.closer()
    }
}

/// A well that can be dug once.
pub(crate) fn once<P: Producer>(producer: P) -> Dig<P::Item> {
    let producer = Mutex::new(Some(producer));
    Box::new(move |_| {
        let producer = producer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let once =
            "this producer died and cannot be made again; name one that can, by `produced_by`";
        Ok(Box::new(Plain(producer.ok_or_else(|| Failure::engine(once))?)))
    })
}

/// A well that can be dug again.
pub(crate) fn again<P: Producer>(
    make: impl Fn(&Instance) -> Result<P, Failure> + Send + Sync + 'static,
) -> Dig<P::Item> {
    Box::new(move |instance| Ok(Box::new(Plain(make(instance)?))))
}

type Transform<T, U> = std::sync::Arc<dyn Fn(T) -> Result<U, Failure> + Send + Sync>;

struct Transformed<T, U> {
    well: Box<dyn Well<T>>,
    transform: Transform<T, U>,
}

impl<T, U> Transformed<T, U> {
    fn made(&self, given: Given<T>, mended: bool) -> Given<U> {
        let (raw, mut failed) = match given {
            Given::Items(raw, failed) => (raw, failed),
            Given::Idle(wait) => return Given::Idle(wait),
            Given::Drained => return Given::Drained,
        };
        let mut items = Vec::with_capacity(raw.len());
        for Entry { id, item, ticket, route } in raw {
            let result = catch_unwind(AssertUnwindSafe(|| (self.transform)(item)));
            let panicked = |words| Failure::item(format!("the transformer panicked: {words}"));
            let result = result.unwrap_or_else(|payload| Err(panicked(super::words(&*payload))));
            match result {
                Ok(item) => items.push(Entry { id, item, ticket, route }),
                Err(failure) if mended => failed.push(Entry { id, item: failure, ticket, route }),
                Err(failure) => std::panic::resume_unwind(Box::new(failure.what)),
            }
        }
        Given::Items(items, failed)
    }
}

impl<T: Send + 'static, U: Send + 'static> Well<U> for Transformed<T, U> {
    fn produce(
        &mut self,
        most: NonZeroUsize,
        leave: &Leave,
        mended: bool,
    ) -> Result<Given<U>, Failure> {
        let given = self.well.produce(most, leave, mended)?;
        Ok(self.made(given, mended))
    }
    fn prepare_for_draining(&mut self, mended: bool) -> Given<U> {
        let given = self.well.prepare_for_draining(mended);
        self.made(given, mended)
    }
    fn closer(&self) -> Box<dyn Fn() + Send + Sync> {
        self.well.closer()
    }
}

/// What another well gives, made into something else.
pub(crate) fn transformed<T: Send + 'static, U: Send + 'static>(
    dig: Dig<T>,
    transform: impl Fn(T) -> Result<U, Failure> + Send + Sync + 'static,
) -> Dig<U> {
    let transform: Transform<T, U> = std::sync::Arc::new(transform);
    Box::new(move |instance| {
        let (well, transform) = (dig(instance)?, transform.clone());
        Ok(Box::new(Transformed { well, transform }))
    })
}

#[cfg(test)]
mod tests;
