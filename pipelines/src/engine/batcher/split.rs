//! What makes a batch full.

/// What a splitter says of one more item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It joins the batch, which goes on.
    Cont,
    /// It joins the batch, which is then full.
    EmitWith,
    /// The batch is full without it. It begins the next one, and the splitter is asked again for it. To a
    /// batch that is still empty this is the same as [`Cut::Cont`].
    EmitBefore,
}

/// A function that is asked of each item in turn, and keeps account of the batch by itself.
pub type Splitter<T> = Box<dyn FnMut(&T) -> Cut + Send>;

/// What makes a batch full.
pub enum Split<T> {
    /// So many items; 0 is taken as 1.
    Count(usize),
    /// What a splitter says. Each batch gets a fresh one, so nothing is carried from batch to batch: that
    /// is what Broadway does, whatever accumulator its splitter returns with `:emit`.
    Custom(Box<dyn Fn() -> Splitter<T> + Send + Sync>),
    /// What one splitter says, for all batches of all keys: what it remembers lives on, as Broadway's
    /// documentation promises.
    Carrying(Splitter<T>),
}

impl<T: 'static> Split<T> {
    /// A ceiling on the sum of what `weight` says of each item, in bytes, pixels or whatever it counts. No
    /// batch passes it, but for an item that does so by itself: that one is a batch alone.
    pub fn weight(max: u64, weight: impl Fn(&T) -> u64 + Clone + Send + Sync + 'static) -> Self {
        Self::Custom(Box::new(move || {
            let (weight, mut sum) = (weight.clone(), None::<u64>);
            Box::new(move |item| {
                let with = sum.unwrap_or(0).saturating_add(weight(item));
                if sum.is_some() && with > max {
                    return Cut::EmitBefore;
                }
                sum = Some(with);
                if with < max { Cut::Cont } else { Cut::EmitWith }
            })
        }))
    }

    /// [`Split::weight`] in bytes.
    pub fn bytes(max: u64, bytes: fn(&T) -> u64) -> Self {
        Self::weight(max, bytes)
    }
}
