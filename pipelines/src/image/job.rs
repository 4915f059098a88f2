//! The image job as a handler: cross into C, operate, encode.

use super::codec::Format;
use super::operations::{Library, Operation, Worktop};
use super::raster::{PixelFormat, Rect, Tile, TileHead};
use crate::fault::{Fault, flip};
use crate::handler::{Desk, Handler};
use crate::isolation::frame::{Malformed, Portable, Reader, Writer};
use crate::isolation::segment::Buf;
use crate::message::Failure;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What is done with each tile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Applied in order; none at all leaves the pixels as they are.
    pub operations: Vec<Operation>,
    /// Whose implementation of them. Either way each tile crosses one C call.
    pub library: Library,
    /// How the result is encoded.
    pub format: Format,
    /// Bytes of private memory that each handler fills when it is opened and never looks at: what a worker
    /// weighs. 0 for work that is not an experiment.
    pub ballast_bytes: usize,
}

impl Job {
    /// One without ballast.
    pub fn new(operations: Vec<Operation>, library: Library, format: Format) -> Self {
        Self { operations, library, format, ballast_bytes: 0 }
    }
    /// The tile that this job makes of one like `head`.
    pub fn output(&self, head: TileHead) -> TileHead {
        self.operations.iter().fold(head, |head, operation| operation.output(head))
    }
    /// Bytes that the encoded result of a tile like `head` takes at most.
    pub fn result_bytes_max(&self, head: TileHead) -> usize {
        self.format.bytes_max(&self.output(head))
    }
    /// Bytes of private memory that a tile like `head` takes, as near as is known: two buffers that operations take
    /// turns in, one that an operation may want for itself, and the file before it is written.
    pub fn need_bytes(&self, head: TileHead) -> usize {
        let steps = self.operations.iter().scan(head, |head, operation| {
            *head = operation.output(*head);
            Some(head.bytes())
        });
        let largest = steps.fold(head.bytes(), usize::max);
        3 * largest + self.result_bytes_max(head)
    }
}

/// An encoded tile, ready to be saved.
#[derive(Clone)]
pub struct Encoded {
    /// The tile after its operations.
    pub head: TileHead,
    /// BLAKE3 of its pixels before encoding.
    pub pixels_blake3: [u8; 32],
    /// The encoded file.
    pub file: Buf,
    /// Made by whoever encoded it, compared by whoever takes it out of shared memory: see [`Encoded::sum`].
    pub sum: u32,
}

impl Encoded {
    /// The checksum (CRC-32) of an encoded file and the checksum of its pixels. It finds each bit that flips between the
    /// handler and whoever takes its result, and costs some 4 µs a side for a file of 192 KiB: memory errors are looked for,
    /// not forgers.
    pub fn sum(file: &[u8], pixels_blake3: &[u8; 32]) -> u32 {
        let mut sum = crc32fast::Hasher::new();
        sum.update(file);
        sum.update(pixels_blake3);
        sum.finalize()
    }
}

/// A job with the memory that it reuses from tile to tile.
pub struct TileWork {
    job: Job,
    top: Worktop,
    _ballast: Vec<u8>,
}

impl Handler for TileWork {
    type Config = Job;
    type In = Tile;
    type Out = Encoded;

    /// A user's library is opened once, and not by each worker.
    fn preload(job: &Job) -> Result<(), Failure> {
        Worktop::default().load(&job.operations)
    }

    fn need(job: &Job, tile: &Tile) -> u64 {
        job.need_bytes(tile.head) as u64
    }

    fn open(job: &Job) -> Result<Self, Failure> {
        let mut ballast = Vec::new();
        let heavy = |_| Failure::engine(format!("no room for {} B of ballast", job.ballast_bytes));
        ballast.try_reserve_exact(job.ballast_bytes).map_err(heavy)?;
        // Not with zeros: those could be pages that the kernel has yet to give.
        ballast.resize(job.ballast_bytes, 1);
        let mut top = Worktop::default();
        top.load(&job.operations)?;
        Ok(Self { job: job.clone(), top, _ballast: ballast })
    }

    fn handle(&mut self, tile: &Tile, desk: &mut Desk<'_>) -> Result<Encoded, Failure> {
        let Self { job: Job { operations, library, format, .. }, top, .. } = self;
        let (mut head, pixels) =
            desk.native(|fault| top.apply(operations, *library, &tile.head, &tile.pixels, fault))?;
        let struck = desk.output();
        let (item, mut pixels) = (head.item, Cow::Borrowed(pixels));
        if struck == Some(Fault::FlipOutput) {
            flip(pixels.to_mut(), item);
        }
        let (pixels_blake3, mut sum) = (*blake3::hash(&pixels).as_bytes(), 0);
        let file = desk.write(format.bytes_max(&head), |out| {
            let len = format.encode(&head, &pixels, out)?;
            sum = Encoded::sum(&out[..len], &pixels_blake3);
            if struck == Some(Fault::FlipFile) {
                flip(&mut out[..len], item);
            }
            Ok(len)
        })?;
        if struck == Some(Fault::FlipHead) {
            head.item ^= 1;
        }
        Ok(Encoded { head, pixels_blake3, file, sum })
    }
}

impl Portable for TileHead {
    fn lower(&self, to: &mut Writer) {
        let Self { item, scene, rect, halo, format } = *self;
        to.u64(item);
        [scene, rect.x, rect.y, rect.width, rect.height].into_iter().for_each(|n| to.u32(n));
        to.u16(halo);
        to.u8(format.channels);
        to.u8(format.depth);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            item: from.u64()?,
            scene: from.u32()?,
            rect: Rect { x: from.u32()?, y: from.u32()?, width: from.u32()?, height: from.u32()? },
            halo: from.u16()?,
            format: PixelFormat { channels: from.u8()?, depth: from.u8()? },
        })
    }
}

impl Portable for Tile {
    fn lower(&self, to: &mut Writer) {
        self.head.lower(to);
        to.buf(&self.pixels);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (head, pixels) = (TileHead::lift(from)?, from.buf()?);
        // A made-up head may describe more bytes than can be counted.
        if head.row_bytes().checked_mul(head.down()) != Some(pixels.len()) {
            return Err(Malformed("a tile with too few or too many pixels"));
        }
        Ok(Self { head, pixels })
    }
}

impl Portable for Encoded {
    fn lower(&self, to: &mut Writer) {
        self.head.lower(to);
        to.bytes(&self.pixels_blake3);
        to.u32(self.sum);
        to.buf(&self.file);
    }
    fn lift(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (head, pixels_blake3, sum) = (TileHead::lift(from)?, from.array()?, from.u32()?);
        if from.item().is_some_and(|item| item != head.item) {
            return Err(Malformed("a tile that is another item's"));
        }
        let file = from.buf()?;
        if Self::sum(&file, &pixels_blake3) != sum {
            return Err(Malformed("a file that is not what its checksum is of"));
        }
        Ok(Self { head, pixels_blake3, file, sum })
    }
}
