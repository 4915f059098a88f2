//! What a slot costs: to take, to write, to share, to give back; and to look whether it is what was written.

use criterion::{Criterion, Throughput};
use pipelines::image::job::Encoded;
use pipelines::isolation::segment::Segment;
use std::hint::black_box;
use std::sync::Arc;

/// The pixels of one 256 x 256 tile in 8-bit RGB.
const TILE_BYTES: usize = 256 * 256 * 3;

fn slots(criterion: &mut Criterion, name: &str, segment: &Arc<Segment>) {
    let mut group = criterion.benchmark_group(name);
    group.bench_function("reserve, freeze, drop", |bench| {
        bench.iter(|| segment.reserve().expect("open").freeze(black_box(TILE_BYTES)));
    });
    let pixels = vec![7; TILE_BYTES];
    group.throughput(Throughput::Bytes(TILE_BYTES as u64));
    group.bench_function("the same with a tile copied in", |bench| {
        bench.iter(|| {
            let mut slot = segment.reserve().expect("open");
            slot.bytes_mut()[..TILE_BYTES].copy_from_slice(black_box(&pixels));
            slot.freeze(TILE_BYTES)
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let segment = |made: Result<Arc<Segment>, _>| made.expect("memory for four tiles");
    slots(&mut criterion, "heap", &segment(Segment::heap(0, 4, TILE_BYTES)));
    slots(&mut criterion, "slab", &segment(Segment::slab(0, 4, TILE_BYTES)));
    let buf = segment(Segment::slab(0, 1, TILE_BYTES)).reserve().expect("open").freeze(TILE_BYTES);
    criterion.bench_function("share a frozen slot", |bench| bench.iter(|| buf.clone()));
    let file = vec![7; TILE_BYTES];
    let mut group = criterion.benchmark_group("checksum");
    group.throughput(Throughput::Bytes(TILE_BYTES as u64));
    group.bench_function("of as many bytes as a tile has", |bench| {
        bench.iter(|| Encoded::sum(black_box(&file), &[7; 32]));
    });
    group.finish();
    criterion.final_summary();
}
