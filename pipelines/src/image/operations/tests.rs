//! Names, the meaning of each operation, and the promise that both libraries give the same bits.

use super::*;
use crate::image::raster::Rect;
use proptest::prelude::*;

#[test]
fn names_round_trip() {
    for name in ["none", "grayscale", "blur:1", "blur:64", "sobel"] {
        assert_eq!(name.parse::<Operation>().unwrap().to_string(), name);
    }
    for name in ["rust", "c"] {
        assert_eq!(name.parse::<Library>().unwrap().to_string(), name);
    }
    assert_eq!(Library::default(), Library::Rust);
}

#[test]
fn what_does_not_exist_is_answered_with_what_does() {
    for name in ["median:2", "resize:1/2", "", "blur", "Sobel", "none:1"] {
        let what = name.parse::<Operation>().unwrap_err().what;
        assert!(what.contains("none, grayscale, blur:R") && what.contains("sobel"), "{what}");
    }
    let what = "decode:0x9".parse::<Operation>().unwrap_err().what;
    let hint =
        if cfg!(feature = "real-cve") { "decode:WIDTHxHEIGHT" } else { "--features real-cve" };
    assert!(what.contains(hint), "{what}");
    for name in ["blur:0", "blur:65", "blur:-1", "blur:x", "blur:"] {
        assert!(name.parse::<Operation>().unwrap_err().what.contains("from 1 to 64"));
    }
    assert!("c++".parse::<Library>().unwrap_err().what.contains("use rust or c"));
}

fn head(width: u32, height: u32, channels: u8, depth: u8) -> TileHead {
    let rect = Rect { x: 0, y: 0, width, height };
    TileHead { item: 0, scene: 0, rect, halo: 0, format: PixelFormat { channels, depth } }
}

fn run(operations: &[Operation], library: Library, head: &TileHead, input: &[u8]) -> Vec<u8> {
    let mut top = Worktop::new();
    let (after, pixels) = top.apply(operations, library, head, input, None).unwrap();
    assert_eq!(pixels.len(), after.bytes());
    pixels.to_vec()
}

/// The definition of a blur, one sample at a time, with 8-bit samples.
fn plain_blur(head: &TileHead, input: &[u8], radius: i64) -> Vec<u8> {
    let (w, h) = (head.across() as i64, head.down() as i64);
    let c = i64::from(head.format.channels);
    let pass = |from: &[u8], dx: i64, dy: i64| -> Vec<u8> {
        let at = |x: i64, y: i64, k: i64| {
            u64::from(from[((y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) * c + k) as usize])
        };
        let n = 2 * radius as u64 + 1;
        let mean = |i: i64| {
            let (x, y, k) = (i / c % w, i / c / w, i % c);
            let sum: u64 = (-radius..=radius).map(|d| at(x + d * dx, y + d * dy, k)).sum();
            ((sum + n / 2) / n) as u8
        };
        (0..w * h * c).map(mean).collect()
    };
    pass(&pass(input, 1, 0), 0, 1)
}

fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let block = |i: usize| {
        *blake3::hash(&[seed.to_le_bytes(), (i as u64).to_le_bytes()].concat()).as_bytes()
    };
    (0..count.div_ceil(32)).flat_map(block).take(count).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn rust_and_c_give_the_same_bits(
        (width, height, channels) in (1_u32..40, 1_u32..40, 1_u8..=4),
        wide: bool,
        radius in 1_u32..=BLUR_RADIUS_MAX,
        order in Just([Operation::Grayscale, Operation::Blur(0), Operation::Sobel, Operation::None])
            .prop_shuffle(),
        count in 0_usize..=4,
        (seed, extreme) in any::<(u64, bool)>(),
    ) {
        let head = head(width, height, channels, if wide { 16 } else { 8 });
        let mut input = bytes(head.bytes(), seed);
        if extreme {
            // Full contrast is where sums are largest.
            input.iter_mut().for_each(|b| *b = if *b < 128 { 0 } else { 255 });
        }
        let operations: Vec<_> = order[..count]
            .iter()
            .map(|o| if *o == Operation::Blur(0) { Operation::Blur(radius) } else { o.clone() })
            .collect();
        let ours = run(&operations, Library::Rust, &head, &input);
        prop_assert_eq!(ours, run(&operations, Library::C, &head, &input));
    }

    #[test]
    fn a_blur_is_what_it_says(
        (width, height, channels) in (1_u32..20, 1_u32..20, 1_u8..=4),
        radius in 1_u32..20,
        seed: u64,
    ) {
        let head = head(width, height, channels, 8);
        let input = bytes(head.bytes(), seed);
        let blurred = run(&[Operation::Blur(radius)], Library::Rust, &head, &input);
        prop_assert_eq!(blurred, plain_blur(&head, &input, i64::from(radius)));
    }
}

#[test]
fn a_flat_tile_stays_flat_under_blur_and_has_no_edges() {
    for (channels, depth) in [(1, 8), (3, 8), (3, 16)] {
        let head = head(17, 9, channels, depth);
        let input = vec![201; head.bytes()];
        for library in [Library::Rust, Library::C] {
            assert_eq!(run(&[Operation::Blur(64)], library, &head, &input), input);
            let edges = run(&[Operation::Sobel], library, &head, &input);
            assert!(edges.iter().all(|e| *e == 0));
        }
    }
}

#[test]
fn a_step_has_an_edge_and_alpha_is_carried() {
    let head = head(4, 1, 2, 8);
    let input = [0, 1, 0, 2, 100, 3, 100, 4];
    // The column sum of a Sobel is 4, and the step lies between the second and the third pixel.
    for library in [Library::Rust, Library::C] {
        assert_eq!(run(&[Operation::Sobel], library, &head, &input), [0, 1, 255, 2, 255, 3, 0, 4]);
    }
}

#[test]
fn grayscale_changes_the_format_and_carries_alpha() {
    let rgba = head(2, 1, 4, 8);
    let input = [255, 255, 255, 7, 255, 0, 0, 9];
    for library in [Library::Rust, Library::C] {
        assert_eq!(run(&[Operation::Grayscale], library, &rgba, &input), [255, 7, 77, 9]);
    }
    assert_eq!(Operation::Grayscale.output(rgba).format, PixelFormat { channels: 2, depth: 8 });
    let grey = head(2, 1, 1, 16);
    assert_eq!(Operation::Grayscale.output(grey), grey);
    assert_eq!(run(&[Operation::Grayscale], Library::C, &grey, &[1, 2, 3, 4]), [1, 2, 3, 4]);
}

#[test]
fn nothing_to_do_still_crosses_into_c_with_the_fault() {
    let head = head(2, 2, 3, 8);
    let mut top = Worktop::new();
    for library in [Library::Rust, Library::C] {
        for operations in [&[][..], &[Operation::None], &[Operation::Sobel, Operation::Blur(1)]] {
            let error = Some(crate::fault::Fault::Error);
            let failure = top.apply(operations, library, &head, &[5; 12], error).unwrap_err();
            assert!(failure.what.contains("code -1"), "{failure}");
            assert!(top.apply(operations, library, &head, &[5; 12], None).is_ok());
        }
        assert_eq!(top.apply(&[], library, &head, &[5; 12], None).unwrap(), (head, &[5; 12][..]));
    }
    assert!(top.apply(&[], Library::Rust, &head, &[5; 11], None).is_err());
}
