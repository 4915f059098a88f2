//! What crosses a process boundary: one small datagram a message, its bulk in shared memory.
//!
//! A dying worker may write anything, so that reading a frame never trusts it: every length and slot is
//! checked, and what a worker claims to have written is copied before anybody looks at it.

use super::segment::{Buf, Segment};
use crate::message::ItemId;
use std::sync::Arc;

/// Bytes a frame may have; a larger datagram is garbage.
pub const FRAME_BYTES_MAX: usize = 1024;

/// A frame that does not hold what it should.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// A type that can cross a process boundary.
pub trait Portable: Sized {
    /// Writes itself, at most a few hundred bytes; bulk goes as [`Buf`].
    fn lower(&self, to: &mut Writer);
    /// Reads itself back.
    ///
    /// # Errors
    /// When the frame is too short or points outside its memory.
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed>;
}

/// A frame being written.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

macro_rules! numbers {
    ($($type:ident)*) => {
        impl Writer { $(
            #[doc = concat!("Appends one `", stringify!($type), "`, little-endian.")]
            pub fn $type(&mut self, value: $type) {
                self.bytes.extend_from_slice(&value.to_le_bytes());
            }
        )* }
        impl Reader<'_> { $(
            #[doc = concat!("Reads one `", stringify!($type), "`.")]
            ///
            /// # Errors
            /// When the frame ends before it.
            pub fn $type(&mut self) -> Result<$type, Malformed> {
                Ok($type::from_le_bytes(self.array()?))
            }
        )* }
        $(impl Portable for $type {
            fn lower(&self, to: &mut Writer) {
                to.$type(*self);
            }
            fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
                from.$type()
            }
        })*
    };
}
numbers!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);

impl Writer {
    /// Appends bytes as they are; the reader has to know how many.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }
    /// Appends where a buffer lies; its bytes stay where they are.
    pub fn buf(&mut self, buf: &Buf) {
        let (segment, slot, len) = buf.address();
        self.u16(segment);
        self.u32(slot);
        self.u32(len);
    }
    pub(crate) fn finish(&self) -> &[u8] {
        &self.bytes
    }
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Where the buffers of a frame are looked up.
pub(crate) enum Memory<'a> {
    /// In a worker: slabs that it reads.
    Slabs(&'a [Arc<Segment>]),
    /// In the supervisor: the worker's outbox, copied into `into`.
    Outbox {
        /// What the worker writes.
        from: &'a Segment,
        /// Where its bytes are copied to.
        into: &'a Arc<Segment>,
    },
}

/// A frame being read.
pub struct Reader<'a> {
    bytes: &'a [u8],
    memory: Memory<'a>,
    copied: bool,
    item: Option<ItemId>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], memory: Memory<'a>) -> Self {
        Self { bytes, memory, copied: false, item: None }
    }
    /// The same, of a frame that has to be about this item.
    pub(crate) fn about(self, item: ItemId) -> Self {
        Self { item: Some(item), ..self }
    }
    /// The item that this is the result for, where that is known: what a result says of itself is a claim.
    pub fn item(&self) -> Option<ItemId> {
        self.item
    }
    /// Reads `N` bytes as they are.
    ///
    /// # Errors
    /// When the frame ends before them.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(Malformed("too short"))?;
        self.bytes = rest;
        Ok(*head)
    }
    /// Reads where a buffer lies, and takes hold of it.
    ///
    /// # Errors
    /// When it lies outside its memory.
    pub fn buf(&mut self) -> Result<Buf, Malformed> {
        let (number, slot, len) = (self.u16()?, self.u32()?, self.u32()?);
        let buf = match &self.memory {
            Memory::Slabs(slabs) => slabs.get(number as usize).and_then(|s| s.frozen(slot, len)),
            Memory::Outbox { from, into } => {
                self.copied = true;
                from.copy_out(slot, len, into)
            }
        };
        buf.ok_or(Malformed("a buffer outside its memory"))
    }
    /// It has copied out of an outbox, and so taken a slot.
    pub(crate) fn has_copied(&self) -> bool {
        self.copied
    }
    /// The rest of the frame, as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes).into_owned()
    }
}

#[cfg(test)]
mod tests;
