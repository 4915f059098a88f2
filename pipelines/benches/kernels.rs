//! The thesis's question of speed without any pipeline around it: each operation in Rust against the same in C, bit for
//! bit equal, on one tile of 256 x 256 pixels in 8-bit RGB. They take turns, since a machine's mood lasts longer than a
//! round, and what is told is the median of the ratios of neighbours.

use pipelines::image::operations::{Library, Operation, Worktop};
use pipelines::image::raster::{PixelFormat, Rect, TileHead};
use std::hint::black_box;
use std::time::Instant;

const EDGE_PX: u32 = 256;
/// Rounds of each operation and library; fewer with `--quick`.
const ROUNDS: usize = 2001;
const ROUNDS_QUICK: usize = 301;

fn main() {
    let quick = std::env::args().any(|word| word == "--quick");
    let rounds = if quick { ROUNDS_QUICK } else { ROUNDS };
    let rect = Rect { x: 0, y: 0, width: EDGE_PX, height: EDGE_PX };
    let head = TileHead { item: 0, scene: 0, rect, halo: 0, format: PixelFormat::RGB8 };
    // Not one value for all pixels, and the same on each machine.
    let pixels: Vec<u8> =
        (0..head.bytes() as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    println!("{:<12} {:>9} {:>9}  C ÷ Rust, medians of {rounds}", "operation", "Rust, µs", "C, µs");
    for text in ["none", "grayscale", "blur:2", "blur:16", "sobel"] {
        let operations: Vec<Operation> = vec![text.parse().expect("an operation")];
        let mut top = Worktop::new();
        let mut once = |library| {
            let start = Instant::now();
            black_box(
                top.apply(&operations, library, &head, black_box(&pixels), None).expect("it fits"),
            );
            start.elapsed().as_secs_f64()
        };
        let pairs: Vec<_> = (0..rounds).map(|_| (once(Library::Rust), once(Library::C))).collect();
        let of = |f: fn(&(f64, f64)) -> f64| median(pairs.iter().map(f).collect());
        let (rust, c, ratio) = (of(|p| p.0) * 1e6, of(|p| p.1) * 1e6, of(|p| p.1 / p.0));
        println!("{text:<12} {rust:>9.1} {c:>9.1}  {ratio:.3}");
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
