//! When a batch is full. Pure: items and time in, batches out.
//!
//! Each key collects a batch of its own, and with partitions each partition of a key. A batch begins with
//! its first item, and so does its timer, which later items do not reset. It ends when the [`Split`] says
//! so, when its timer runs out, when an item asks to be flushed, when too many batches are open, or at the
//! end. Inside a key and partition the order is that of arrival.

mod info;
mod split;

pub use info::{BatchInfo, Trigger};
pub use split::{Cut, Split, Splitter};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// What happens to a batcher.
pub enum Event<T> {
    /// One more item: a list of one.
    Item {
        /// Whose batch it joins.
        key: u64,
        /// Whether that batch goes out at once.
        flush: bool,
        /// The item.
        item: T,
    },
    /// Items that came together, each with its key and whether to flush. Neighbours that share a key and
    /// partition are a run. If one of a run asks to be flushed, the batch goes out when the run ends.
    Items(Vec<(u64, bool, T)>),
    /// Time passed.
    Tick,
    /// There will be no more items for now: give out what there is.
    Flush,
}

/// A key and, if the batcher has partitions, a partition.
type Place = (u64, Option<usize>);

/// Full batches, in the order in which they went out.
type Batches<T> = Vec<(BatchInfo, Vec<T>)>;

/// How many partitions, and the number whose remainder is an item's partition.
type Partitions<T> = (usize, Box<dyn Fn(&T) -> u64 + Send + Sync>);

/// A batch that is not full yet.
struct Open<T> {
    place: Place,
    /// `None` when it is too far away for the clock.
    due: Option<Instant>,
    items: Vec<T>,
    splitter: Option<Splitter<T>>,
}

/// Collects items into batches.
pub struct Batcher<T> {
    number: u8,
    split: Split<T>,
    within: Duration,
    keys_max: usize,
    partitions: Option<Partitions<T>>,
    at_end: Trigger,
    /// By serial number: the oldest is the first, and the first that is due. If the clock steps back, younger
    /// ones wait for it.
    open: BTreeMap<u64, Open<T>>,
    /// The serial number of each place's open batch.
    serials: HashMap<Place, u64>,
    /// The one that an item joined last.
    hot: Option<(Place, u64)>,
    next: u64,
    len: usize,
    /// The length of the batch that went out last: room for as many is made in the next.
    typical: usize,
}

impl<T> Batcher<T> {
    /// An empty one, number 0, whose batches wait for `within` at most. There is no bound on keys, there are
    /// no partitions, and what [`Event::Flush`] gives out says [`Trigger::Drain`].
    pub fn new(split: Split<T>, within: Duration) -> Self {
        Self {
            number: 0,
            split,
            within,
            keys_max: usize::MAX,
            partitions: None,
            at_end: Trigger::Drain,
            open: BTreeMap::new(),
            serials: HashMap::new(),
            hot: None,
            next: 0,
            len: 0,
            typical: 0,
        }
    }

    /// Its number in the pipeline, which its batches carry.
    pub fn number(mut self, number: u8) -> Self {
        self.number = number;
        self
    }
    /// So many batches are open at most, at least 1; for one more, the oldest goes out. `None` is no bound,
    /// as in Broadway.
    pub fn keys_max(mut self, keys: Option<usize>) -> Self {
        self.keys_max = keys.map_or(usize::MAX, |keys| keys.max(1));
        self
    }
    /// Items are also kept apart by `number(item) % count`; a `count` of 0 is taken as 1.
    pub fn partitions(
        mut self,
        count: usize,
        number: impl Fn(&T) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.partitions = Some((count.max(1), Box::new(number)));
        self
    }
    /// What [`Event::Flush`] gives out says this: in Broadway [`Trigger::Flush`].
    pub fn at_end(mut self, trigger: Trigger) -> Self {
        self.at_end = trigger;
        self
    }

    /// When a `Tick` is due, if ever: no later than `within` after the first item of any open batch.
    pub fn deadline(&self) -> Option<Instant> {
        self.open.first_key_value().and_then(|(_, batch)| batch.due)
    }
    /// How many items it holds.
    pub fn len(&self) -> usize {
        self.len
    }
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// What it holds, each with its key: batch by batch in the order in which they began, and inside a batch
    /// in order of arrival. A batcher that takes in the same anew holds the same.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.open.values().flat_map(|batch| batch.items.iter().map(|item| (batch.place.0, item)))
    }
    /// Drops what it holds, and says how many items that were.
    pub fn clear(&mut self) -> usize {
        self.open.clear();
        self.serials.clear();
        self.hot = None;
        std::mem::take(&mut self.len)
    }

    /// Takes in one event, and appends the batches that went out.
    ///
    /// # Panics
    /// When a splitter or the partitions' function panics. The item it was asked of, and the rest of its
    /// list, are dropped then; what was collected before is kept.
    pub fn step(&mut self, now: Instant, event: Event<T>, batches: &mut Batches<T>) {
        match event {
            Event::Item { key, flush, item } => self.list(now, [(key, flush, item)], batches),
            Event::Items(items) => self.list(now, items, batches),
            Event::Tick => {
                while self.deadline().is_some_and(|due| due <= now) {
                    self.emit_oldest(Trigger::Timeout, batches);
                }
            }
            Event::Flush => {
                while !self.open.is_empty() {
                    self.emit_oldest(self.at_end, batches);
                }
            }
        }
    }

    fn list(
        &mut self,
        now: Instant,
        items: impl IntoIterator<Item = (u64, bool, T)>,
        batches: &mut Batches<T>,
    ) {
        // Where the run is that goes out at its end.
        let mut urgent: Option<Place> = None;
        for (key, flush, item) in items {
            let place =
                (key, self.partitions.as_ref().map(|(n, f)| (f(&item) % *n as u64) as usize));
            if let Some(ended) = urgent.take_if(|urgent| *urgent != place) {
                self.emit_at(ended, Trigger::Flush, batches);
            }
            let cut = self.add(now, place, item, batches);
            // A batch that was full took the wish along.
            let still = urgent.is_some() && cut == Cut::Cont;
            urgent = (still || flush && cut != Cut::EmitWith).then_some(place);
        }
        if let Some(ended) = urgent {
            self.emit_at(ended, Trigger::Flush, batches);
        }
    }

    /// Puts an item where it belongs, and says what that did.
    fn add(&mut self, now: Instant, place: Place, item: T, batches: &mut Batches<T>) -> Cut {
        let serial = self.find(place).unwrap_or_else(|| self.begin(now, place, batches));
        self.hot = Some((place, serial));
        let batch = self.open.get_mut(&serial).expect("what has a serial number is open");
        let cut = match (&mut self.split, &mut batch.splitter) {
            (Split::Carrying(splitter), _) | (_, Some(splitter)) => splitter(&item),
            (Split::Count(n), None) if batch.items.len() + 1 < *n => Cut::Cont,
            (_, None) => Cut::EmitWith,
        };
        if cut == Cut::EmitBefore && !batch.items.is_empty() {
            self.emit(serial, Trigger::Size, batches);
            // The batch it now joins is empty: this goes no deeper.
            return match self.add(now, place, item, batches) {
                Cut::EmitWith => Cut::EmitWith,
                _ => Cut::EmitBefore,
            };
        }
        batch.items.push(item);
        self.len += 1;
        if cut != Cut::EmitWith {
            return Cut::Cont;
        }
        self.emit(serial, Trigger::Size, batches);
        cut
    }

    fn find(&self, place: Place) -> Option<u64> {
        match self.hot {
            Some((hot, serial)) if hot == place => Some(serial),
            _ => self.serials.get(&place).copied(),
        }
    }

    fn begin(&mut self, now: Instant, place: Place, batches: &mut Batches<T>) -> u64 {
        if self.open.len() >= self.keys_max {
            self.emit_oldest(Trigger::Keys, batches);
        }
        let splitter = match &self.split {
            Split::Custom(make) => Some(make()),
            Split::Count(_) | Split::Carrying(_) => None,
        };
        let (due, items) = (now.checked_add(self.within), Vec::with_capacity(self.typical));
        let serial = self.next;
        self.next += 1;
        self.open.insert(serial, Open { place, due, items, splitter });
        self.serials.insert(place, serial);
        serial
    }

    fn emit_oldest(&mut self, trigger: Trigger, batches: &mut Batches<T>) {
        if let Some((&serial, _)) = self.open.first_key_value() {
            self.emit(serial, trigger, batches);
        }
    }

    fn emit_at(&mut self, place: Place, trigger: Trigger, batches: &mut Batches<T>) {
        if let Some(serial) = self.find(place) {
            self.emit(serial, trigger, batches);
        }
    }

    fn emit(&mut self, serial: u64, trigger: Trigger, batches: &mut Batches<T>) {
        let Some(Open { place, items, .. }) = self.open.remove(&serial) else { return };
        self.serials.remove(&place);
        self.hot = None;
        let ((key, partition), size) = (place, items.len());
        // A batch whose first item's splitter panicked is empty.
        if size > 0 {
            self.len -= size;
            self.typical = size;
            batches
                .push((BatchInfo { batcher: self.number, key, partition, size, trigger }, items));
        }
    }
}

#[cfg(test)]
mod tests;
