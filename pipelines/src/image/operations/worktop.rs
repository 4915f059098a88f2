//! Where operations are applied: scratch that is reused, and the one crossing into C.

use super::blur::{self, Divisor};
use super::{Library, Operation, Sample, decode, grayscale, sobel};
use crate::fault::Fault;
use crate::image::native::filter::{Filter, FilterSpec};
use crate::image::native::{self, Kernel};
use crate::image::raster::TileHead;
use crate::message::Failure;

/// The buffers of a worker, reused between tiles.
#[derive(Default)]
pub struct Worktop {
    front: Vec<u8>,
    back: Vec<u8>,
    narrow: Scratch<u8>,
    wide: Scratch<u16>,
    filters: Vec<Filter>,
}

#[derive(Default)]
struct Scratch<S: Sample> {
    blur: blur::Scratch<S>,
    sobel: sobel::Scratch<S>,
}

impl Worktop {
    /// A worktop without memory; it takes what the tiles need.
    pub fn new() -> Self {
        Self::default()
    }

    /// Loads what `operations` need, so that `apply` does not have to.
    ///
    /// # Errors
    /// As [`Filter::load`].
    pub fn load(&mut self, operations: &[Operation]) -> Result<(), Failure> {
        operations.iter().try_for_each(|operation| match operation {
            Operation::Filter(spec) => loaded(&mut self.filters, spec).map(|_| ()),
            _ => Ok(()),
        })
    }

    /// Applies `operations` in order to the tile `input` described by `head`, and gives the result
    /// with its own description. No operations is the same as [`Operation::None`].
    ///
    /// Whatever the library, the item crosses [`native::process`] exactly once with `fault`, before anything
    /// else is done to it: with [`Library::Rust`] as a copy, with [`Library::C`] as its first operation, if
    /// that is no filter.
    ///
    /// # Errors
    /// [`Blame::Item`](crate::message::Blame::Item) when the tile does not have `head.bytes()` bytes,
    /// or the native library or a filter refuses it; as [`Filter::load`] when a filter was not loaded before.
    pub fn apply<'a>(
        &'a mut self,
        operations: &[Operation],
        library: Library,
        head: &TileHead,
        input: &'a [u8],
        fault: Option<Fault>,
    ) -> Result<(TileHead, &'a [u8]), Failure> {
        let Some(input) = input.get(..head.bytes()) else {
            return Err(Failure::item(format!(
                "item {} came with {} bytes instead of {}: this is a bug, report it",
                head.item,
                input.len(),
                head.bytes()
            )));
        };
        let in_c = |operation: &Operation| match library {
            Library::Rust => None,
            Library::C => Kernel::of(operation),
        };
        let mut later = operations;
        let (mut now, mut kernel) = (*head, Kernel::Copy);
        if let Some((first, native)) = operations.first().and_then(|o| Some((o, in_c(o)?))) {
            (now, kernel, later) = (first.output(*head), native, &operations[1..]);
        }
        fit(&mut self.front, now.bytes());
        native::process(kernel, head, input, &mut self.front[..now.bytes()], fault)?;
        for operation in later.iter().filter(|o| **o != Operation::None) {
            let next = operation.output(now);
            fit(&mut self.back, next.bytes());
            match in_c(operation) {
                None => self.step(operation, &now, &next)?,
                Some(kernel) => {
                    let (from, to) = (&self.front[..now.bytes()], &mut self.back[..next.bytes()]);
                    native::process(kernel, &now, from, to, None)?;
                }
            }
            std::mem::swap(&mut self.front, &mut self.back);
            now = next;
        }
        Ok((now, &self.front[..now.bytes()]))
    }

    /// One operation that no kernel does, from `front` to `back`.
    fn step(
        &mut self,
        operation: &Operation,
        now: &TileHead,
        next: &TileHead,
    ) -> Result<(), Failure> {
        let Self { front, back, narrow, wide, filters } = self;
        let (from, to) = (&front[..now.bytes()], &mut back[..next.bytes()]);
        match (operation, now.format.depth) {
            (Operation::None, _) => to.copy_from_slice(from),
            (Operation::Grayscale, _) => grayscale::apply(now, from, to),
            (Operation::Blur(r), 8) => blur::apply(&mut narrow.blur, *r as usize, now, from, to),
            (Operation::Blur(r), _) => blur::apply(&mut wide.blur, *r as usize, now, from, to),
            (Operation::Sobel, 8) => sobel::apply(&mut narrow.sobel, now, from, to),
            (Operation::Sobel, _) => sobel::apply(&mut wide.sobel, now, from, to),
            (Operation::Decode(..), _) => decode::apply(from, next, to)?,
            (Operation::Filter(spec), _) => loaded(filters, spec)?.call(now, from, to)?,
        }
        Ok(())
    }
}

/// The filter of this spec, loaded if it is not yet.
fn loaded<'a>(filters: &'a mut Vec<Filter>, spec: &FilterSpec) -> Result<&'a Filter, Failure> {
    let at = match filters.iter().position(|f| f.spec() == spec) {
        Some(at) => at,
        None => {
            filters.push(Filter::load(spec)?);
            filters.len() - 1
        }
    };
    Ok(&filters[at])
}

/// Makes room for `bytes`. It never shrinks: clearing what a smaller tile left would cost a pass.
fn fit(buffer: &mut Vec<u8>, bytes: usize) {
    if buffer.len() < bytes {
        buffer.resize(bytes, 0);
    }
}

impl Sample for u8 {
    type Sum = u16;
    fn load(bytes: &[u8], samples: &mut [Self]) {
        samples.copy_from_slice(bytes);
    }
    fn store(samples: &[Self], bytes: &mut [u8]) {
        bytes.copy_from_slice(samples);
    }
    fn slide(sum: u16, enter: Self, leave: Self) -> u16 {
        sum.wrapping_add(u16::from(enter)).wrapping_sub(u16::from(leave))
    }
    fn divide(sum: u16, by: Divisor) -> Self {
        let x = u32::from(sum.wrapping_add(by.half as u16));
        // The shift is masked so that no check for an overlong one keeps the loop from vectorising.
        ((x.wrapping_mul(by.multiplier) >> 16) as u16 >> (by.shift & 15)) as Self
    }
    fn divisor(n: u32) -> Divisor {
        let shift = n.ilog2();
        Divisor { multiplier: (1_u32 << (16 + shift)).div_ceil(n), shift, half: n / 2 }
    }
    fn edge(around: [Self; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = around.map(i16::from);
        let (gx, gy) = (c + 2 * e + h - a - 2 * d - f, f + 2 * g + h - a - 2 * b - c);
        (gx.abs() + gy.abs()).min(255) as Self
    }
}

impl Sample for u16 {
    type Sum = u32;
    fn load(bytes: &[u8], samples: &mut [Self]) {
        for (sample, bytes) in samples.iter_mut().zip(bytes.as_chunks().0) {
            *sample = Self::from_ne_bytes(*bytes);
        }
    }
    fn store(samples: &[Self], bytes: &mut [u8]) {
        for (sample, bytes) in samples.iter().zip(bytes.as_chunks_mut().0) {
            *bytes = sample.to_ne_bytes();
        }
    }
    fn slide(sum: u32, enter: Self, leave: Self) -> u32 {
        sum.wrapping_add(u32::from(enter)).wrapping_sub(u32::from(leave))
    }
    fn divide(sum: u32, by: Divisor) -> Self {
        ((u64::from(sum.wrapping_add(by.half)) * u64::from(by.multiplier)) >> 32) as Self
    }
    fn divisor(n: u32) -> Divisor {
        Divisor { multiplier: (1_u64 << 32).div_ceil(u64::from(n)) as u32, shift: 0, half: n / 2 }
    }
    fn edge(around: [Self; 8]) -> Self {
        let [a, b, c, d, e, f, g, h] = around.map(i32::from);
        let (gx, gy) = (c + 2 * e + h - a - 2 * d - f, f + 2 * g + h - a - 2 * b - c);
        (gx.abs() + gy.abs()).min(65535) as Self
    }
}
