//! A box blur in two passes, each with running sums, so its cost does not depend on the radius.

use super::{Sample, pad};
use crate::image::raster::TileHead;

/// Divides by a box's width `n` without a division.
///
/// With `m = ceil(2^k / n)` and `e = m * n - 2^k < n`, `x * m >> k` equals `x / n` exactly as long as
/// `x * e < 2^k`. A sum of `n` samples plus `n / 2` is below `(max + 1/2) * n`, so for 8 bits and odd
/// `n <= 129` it suffices that `k = 16 + floor(log2 n)`, and `m` still has 16 bits; for 16 bits,
/// `k = 32`.
#[derive(Clone, Copy)]
pub(super) struct Divisor {
    /// `m` above.
    pub(super) multiplier: u32,
    /// `k` above, less the sample's 16 or 32.
    pub(super) shift: u32,
    /// What turns rounding down into rounding to nearest.
    pub(super) half: u32,
}

/// The scratch of a blur, reused from tile to tile.
#[derive(Default)]
pub(super) struct Scratch<S: Sample> {
    row: Vec<S>,
    sums: Vec<S::Sum>,
    /// The tile after the horizontal pass.
    plane: Vec<S>,
}

/// Blurs `input` (as `head` describes it) into `output` with `radius` pixels on each side.
pub(super) fn apply<S: Sample>(
    scratch: &mut Scratch<S>,
    radius: usize,
    head: &TileHead,
    input: &[u8],
    output: &mut [u8],
) {
    let (channels, height) = (usize::from(head.format.channels), head.down());
    let samples = head.across() * channels;
    let by = S::divisor(2 * radius as u32 + 1);
    scratch.row.resize(samples + 2 * radius * channels, S::default());
    scratch.sums.resize(samples, S::Sum::default());
    scratch.plane.resize(samples * height, S::default());
    let Scratch { row, sums, plane } = scratch;
    for (y, across) in plane.chunks_exact_mut(samples).enumerate() {
        pad(head, input, y, radius, row);
        // A constant number of channels lets the compiler keep the running sums in registers.
        match channels {
            1 => sum_along::<S, 1>(row, sums, radius),
            2 => sum_along::<S, 2>(row, sums, radius),
            3 => sum_along::<S, 3>(row, sums, radius),
            _ => sum_along::<S, 4>(row, sums, radius),
        }
        for (sample, sum) in across.iter_mut().zip(sums.iter()) {
            *sample = S::divide(*sum, by);
        }
    }
    sum_down(plane, sums, &mut row[..samples], (radius, height), by, output);
}

/// Sums of `2 * radius + 1` neighbours along a padded row, one running sum a channel.
fn sum_along<S: Sample, const C: usize>(row: &[S], sums: &mut [S::Sum], radius: usize) {
    let n = 2 * radius + 1;
    let (pixels, _) = row.as_chunks::<C>();
    let (sums, _) = sums.as_chunks_mut::<C>();
    let mut running = [S::Sum::default(); C];
    for pixel in &pixels[..n] {
        for c in 0..C {
            running[c] = S::slide(running[c], pixel[c], S::default());
        }
    }
    let [first, rest @ ..] = sums else { return };
    *first = running;
    for ((sum, enter), leave) in rest.iter_mut().zip(&pixels[n..]).zip(pixels) {
        for c in 0..C {
            running[c] = S::slide(running[c], enter[c], leave[c]);
        }
        *sum = running;
    }
}

/// The vertical pass: all columns at once, row by row.
fn sum_down<S: Sample>(
    plane: &[S],
    sums: &mut [S::Sum],
    row: &mut [S],
    (radius, height): (usize, usize),
    by: Divisor,
    output: &mut [u8],
) {
    let samples = row.len();
    let line = |y: usize| {
        let y = y.min(height - 1);
        &plane[y * samples..(y + 1) * samples]
    };
    sums.fill(S::Sum::default());
    for k in 0..=2 * radius {
        for (sum, enter) in sums.iter_mut().zip(line(k.saturating_sub(radius))) {
            *sum = S::slide(*sum, *enter, S::default());
        }
    }
    let bytes = output.len() / height;
    for (y, out) in output.chunks_exact_mut(bytes).enumerate() {
        for (sample, sum) in row.iter_mut().zip(sums.iter()) {
            *sample = S::divide(*sum, by);
        }
        S::store(row, out);
        let (enter, leave) = (line(y + radius + 1), line(y.saturating_sub(radius)));
        for ((sum, enter), leave) in sums.iter_mut().zip(enter).zip(leave) {
            *sum = S::slide(*sum, *enter, *leave);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_divisors_are_exact() {
        for radius in 1..=super::super::BLUR_RADIUS_MAX {
            let n = 2 * radius + 1;
            for sum in 0..=255 * n {
                let mean = ((sum + n / 2) / n) as u8;
                assert_eq!(u8::divide(sum as u16, u8::divisor(n)), mean, "{sum} / {n}");
            }
            for sum in (0..=65535 * n).step_by(997).chain(65530 * n..=65535 * n) {
                let mean = ((sum + n / 2) / n) as u16;
                assert_eq!(u16::divide(sum, u16::divisor(n)), mean, "{sum} / {n}");
            }
        }
    }
}
