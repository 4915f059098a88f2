//! Luma by BT.601, in fixed point: weights of 8 bits for 8-bit samples, of 16 for 16-bit ones, each
//! summing to a power of two so that white stays white.

use crate::image::raster::TileHead;

const WEIGHTS_8: [u32; 3] = [77, 150, 29];
const WEIGHTS_16: [u32; 3] = [19595, 38470, 7471];

/// Writes the grey values of `input` (as `head` describes it) to `output`, alpha behind each.
pub(super) fn apply(head: &TileHead, input: &[u8], output: &mut [u8]) {
    match (head.format.channels, head.format.depth) {
        (3, 8) => each::<3, 1>(input, output, luma_8),
        (4, 8) => each::<4, 2>(input, output, |p| [luma_8([p[0], p[1], p[2]])[0], p[3]]),
        (3, 16) => each::<6, 2>(input, output, luma_16),
        (4, 16) => each::<8, 4>(input, output, |p| {
            let [low, high] = luma_16([p[0], p[1], p[2], p[3], p[4], p[5]]);
            [low, high, p[6], p[7]]
        }),
        _ => output.copy_from_slice(input),
    }
}

/// Maps each pixel of `IN` bytes to one of `OUT` bytes.
fn each<const IN: usize, const OUT: usize>(
    input: &[u8],
    output: &mut [u8],
    map: impl Fn([u8; IN]) -> [u8; OUT],
) {
    let (pixels, _) = input.as_chunks::<IN>();
    let (greys, _) = output.as_chunks_mut::<OUT>();
    for (grey, pixel) in greys.iter_mut().zip(pixels) {
        *grey = map(*pixel);
    }
}

fn luma_8([r, g, b]: [u8; 3]) -> [u8; 1] {
    let [wr, wg, wb] = WEIGHTS_8;
    [((wr * u32::from(r) + wg * u32::from(g) + wb * u32::from(b) + 128) >> 8) as u8]
}

fn luma_16([r0, r1, g0, g1, b0, b1]: [u8; 6]) -> [u8; 2] {
    let sample = |bytes| u32::from(u16::from_ne_bytes(bytes));
    let [wr, wg, wb] = WEIGHTS_16;
    let sum = wr * sample([r0, r1]) + wg * sample([g0, g1]) + wb * sample([b0, b1]);
    (((sum + 32768) >> 16) as u16).to_ne_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_scale_stay_and_green_weighs_most() {
        for v in [0, 1, 127, 128, 254, 255] {
            assert_eq!(luma_8([v, v, v]), [v]);
        }
        assert_eq!(
            [luma_8([255, 0, 0]), luma_8([0, 255, 0]), luma_8([0, 0, 255])],
            [[77], [149], [29]]
        );
        for v in [0_u16, 1, 32767, 65535] {
            let [low, high] = v.to_ne_bytes();
            assert_eq!(luma_16([low, high, low, high, low, high]), v.to_ne_bytes());
        }
    }
}
