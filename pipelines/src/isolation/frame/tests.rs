//! What is written is read back; what was cut or made up is refused, and never a panic.

use super::*;
use crate::fault::Fault;
use crate::fault::strike::Strike;
use crate::handler::Route;
use crate::image::job::Encoded;
use crate::image::raster::{PixelFormat, Rect, Tile, TileHead};
use crate::isolation::worker::Errand;
use proptest::prelude::*;

fn head() -> TileHead {
    let rect = Rect { x: 1 << 19, y: 7, width: 3, height: 2 };
    let format = PixelFormat { channels: 3, depth: 16 };
    TileHead { item: u64::MAX - 1, scene: 5, rect, halo: 1, format }
}

fn frozen(segment: &Arc<Segment>, bytes: &[u8]) -> Buf {
    let mut slot = segment.reserve().unwrap();
    slot.bytes_mut()[..bytes.len()].copy_from_slice(bytes);
    slot.freeze(bytes.len())
}

fn frame(value: &impl Portable) -> Vec<u8> {
    let mut writer = Writer::default();
    value.lower(&mut writer);
    assert!(writer.finish().len() <= FRAME_BYTES_MAX / 2);
    writer.finish().to_vec()
}

/// A slab as its worker sees it.
fn reader_of(slab: &Arc<Segment>) -> Arc<Segment> {
    let memory = slab.memory().unwrap().try_clone_to_owned().unwrap();
    Segment::attach_slab(slab.shape(), memory).unwrap()
}

/// Reads `bytes` back whole, and refuses each beginning of them.
fn lift<T: Portable>(bytes: &[u8], slabs: &[Arc<Segment>]) -> T {
    for cut in 0..bytes.len() {
        let mut reader = Reader::new(&bytes[..cut], Memory::Slabs(slabs));
        assert!(T::lift(&mut reader).is_err(), "cut to {cut} of {}", bytes.len());
    }
    let mut reader = Reader::new(bytes, Memory::Slabs(slabs));
    let value = T::lift(&mut reader).unwrap_or_else(|e| panic!("{e:?}"));
    assert_eq!(reader.text(), "", "it leaves nothing unread");
    value
}

#[test]
fn numbers_come_back() {
    let mut writer = Writer::default();
    writer.u8(1);
    writer.u16(0x0203);
    writer.u32(u32::MAX - 1);
    writer.u64(u64::MAX - 2);
    writer.bytes(b"end");
    let mut reader = Reader::new(writer.finish(), Memory::Slabs(&[]));
    assert_eq!((reader.u8(), reader.u16()), (Ok(1), Ok(0x0203)));
    assert_eq!((reader.u32(), reader.u64()), (Ok(u32::MAX - 1), Ok(u64::MAX - 2)));
    assert_eq!((reader.u64(), reader.text()), (Err(Malformed("too short")), "end".into()));
    writer.clear();
    assert!(writer.finish().is_empty());
}

#[test]
fn heads_and_errands_come_back() {
    assert_eq!(lift::<TileHead>(&frame(&head()), &[]), head());
    for fault in [None, Some(Fault::Exit(7)), Some(Fault::Slow(u32::MAX))] {
        let strike = fault.map(|fault| Strike { fault, receipt: 77 });
        let errand = Errand { item: 1 << 40, attempt: 3, strike, route: Route::default() };
        let back: Errand = lift(&frame(&errand), &[]);
        assert_eq!((back.item, back.attempt, back.strike), (1 << 40, 3, strike));
    }
}

#[test]
fn tiles_and_results_come_back_with_their_bytes() {
    let slab = Segment::slab(0, 4, 4096).unwrap();
    let slabs = [reader_of(&slab)];
    let pixels: Vec<u8> = (0..head().bytes() as u8).collect();
    let tile = Tile { head: head(), pixels: frozen(&slab, &pixels) };
    let back: Tile = lift(&frame(&tile), &slabs);
    assert_eq!((back.head, &*back.pixels), (head(), &pixels[..]));
    let short = Tile { head: head(), pixels: frozen(&slab, &pixels[1..]) };
    let bytes = frame(&short);
    assert!(Tile::lift(&mut Reader::new(&bytes, Memory::Slabs(&slabs))).is_err());

    let file = frozen(&slab, b"a file");
    let sum = Encoded::sum(&file, &[7; 32]);
    let encoded = Encoded { head: head(), pixels_blake3: [7; 32], file, sum };
    let back: Encoded = lift(&frame(&encoded), &slabs);
    assert_eq!((back.head, back.pixels_blake3, &*back.file), (head(), [7; 32], &b"a file"[..]));
    let of = |item| {
        Encoded::lift(&mut Reader::new(&frame(&encoded), Memory::Slabs(&slabs)).about(item)).is_ok()
    };
    assert!(of(head().item) && !of(head().item ^ 1), "a tile of another item is none of this one");
    // Of what the checksum is of, every bit counts: the file's, the pixels' checksum's, its own.
    for bit in 0..8 * 6 {
        let mut bytes = b"a file".to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let encoded = Encoded { file: frozen(&slab, &bytes), ..encoded.clone() };
        assert!(Encoded::lift(&mut Reader::new(&frame(&encoded), Memory::Slabs(&slabs))).is_err());
    }
    let head_bytes = frame(&head()).len();
    for bit in 8 * head_bytes..8 * (head_bytes + 32 + 4) {
        let mut bytes = frame(&encoded);
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(Encoded::lift(&mut Reader::new(&bytes, Memory::Slabs(&slabs))).is_err(), "{bit}");
    }
    let elsewhere = Reader::new(&frame(&encoded), Memory::Slabs(&[])).buf();
    assert!(elsewhere.is_err(), "a segment that there is not");
}

/// Where the bytes of a made-up frame say that its buffer lies: often somewhere that exists.
fn address() -> impl Strategy<Value = Vec<u8>> {
    let near = (0u16..3, 0u32..4, prop_oneof![0u32..64, 4090u32..4100, any::<u32>()]);
    near.prop_map(|(segment, slot, len)| {
        let mut writer = Writer::default();
        writer.u16(segment);
        writer.u32(slot);
        writer.u32(len);
        writer.finish().to_vec()
    })
}

proptest! {
    #[test]
    fn noise_is_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let reader = || Reader::new(&bytes, Memory::Slabs(&[]));
        prop_assert!(Tile::lift(&mut reader()).is_err());
        prop_assert!(Encoded::lift(&mut reader()).is_err());
        Errand::lift(&mut reader()).ok();
        TileHead::lift(&mut reader()).ok();
    }

    #[test]
    fn a_made_up_head_or_place_is_never_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 32),
        hash in prop::collection::vec(any::<u8>(), 32),
        address in address(),
    ) {
        let slab = Segment::slab(0, 2, 4096).unwrap();
        let slabs = [reader_of(&slab)];
        let outbox = Segment::outbox(0, 2, 4096).unwrap();
        let into = Segment::heap(0, 1, 4096).unwrap();
        let (tile, encoded) = ([&bytes[..], &address].concat(), [&bytes[..], &hash, &[0; 4], &address].concat());
        for frame in [&tile, &encoded] {
            for memory in [Memory::Slabs(&slabs), Memory::Outbox { from: &outbox, into: &into }] {
                if let Ok(tile) = Tile::lift(&mut Reader::new(frame, memory)) {
                    prop_assert_eq!(tile.pixels.len(), tile.head.bytes());
                }
            }
            for memory in [Memory::Slabs(&slabs), Memory::Outbox { from: &outbox, into: &into }] {
                if let Ok(encoded) = Encoded::lift(&mut Reader::new(frame, memory)) {
                    prop_assert!(encoded.file.len() <= 4096);
                }
            }
        }
    }
}
