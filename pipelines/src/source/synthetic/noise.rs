//! Gradient noise in integers: the same on every machine, and the same whatever part is asked for.

use std::sync::LazyLock;

/// Bits of a position within a cell, and of a weight.
const UNIT_BITS: u32 = 12;

/// Where coordinates start, so that a margin left of or above the scene needs no negative numbers.
pub(super) const ORIGIN: u32 = 1 << 24;

/// A part of the plane, in pixels from [`ORIGIN`].
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// Spreads its arguments over 32 bits.
pub(super) fn hash(x: u32, y: u32, salt: u32) -> u32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca6b).rotate_left(13) ^ salt;
    h = (h ^ (h >> 16)).wrapping_mul(0x7feb_352d);
    h = (h ^ (h >> 15)).wrapping_mul(0x846c_a68b);
    h ^ (h >> 16)
}

/// A gradient, each component from -64 to 63.
fn gradient(x: u32, y: u32, salt: u32) -> [i64; 2] {
    let h = hash(x, y, salt);
    [i64::from((h & 127) as i32 - 64), i64::from(((h >> 8) & 127) as i32 - 64)]
}

/// The weights of cells of `2^0` to `2^UNIT_BITS` pixels, by the exponent.
static WEIGHTS: LazyLock<Vec<Vec<i16>>> = LazyLock::new(|| (0..=UNIT_BITS).map(weights).collect());

/// The quintic that blends from one lattice point to the next, for each of `2^cell_bits` positions.
fn weights(cell_bits: u32) -> Vec<i16> {
    let one = 1_i64 << UNIT_BITS;
    let weight = |i: i64| {
        let t = i << (UNIT_BITS - cell_bits);
        let cube = (t * t / one) * t / one;
        (cube * (t * (6 * t - 15 * one) / one + 10 * one) / one) as i16
    };
    (0..1 << cell_bits).map(weight).collect()
}

/// Several octaves of noise, the finer the weaker, all drawn with one salt.
pub(super) struct Noise {
    salt: u32,
    /// Bits of the largest and the smallest cells, in pixels.
    coarsest: u32,
    finest: u32,
}

impl Noise {
    /// Octaves with cells of `2^coarsest` down to `2^finest` pixels, each half as strong as the one
    /// before; the sum stays within ±24000.
    pub(super) fn new(salt: u32, coarsest: u32, finest: u32) -> Self {
        Self { salt, coarsest, finest }
    }

    /// Writes the noise of a window, row by row.
    pub(super) fn fill(&self, window: Window, into: &mut Vec<i32>) {
        into.clear();
        into.resize(window.width * window.height, 0);
        for bits in self.finest..=self.coarsest {
            let salt = hash(bits, 0, self.salt);
            // Lattices of different octaves must not meet at the same points.
            let (dx, dy) = (salt & 0xffff, (salt >> 16) & 0xffff);
            let shifted = Window { x: window.x + dx, y: window.y + dy, ..window };
            octave(salt, bits, self.coarsest - bits, shifted, into);
        }
    }
}

/// Adds one octave, shifted `down`.
fn octave(salt: u32, bits: u32, down: u32, at: Window, into: &mut [i32]) {
    let weights = &WEIGHTS[bits as usize][..];
    let (mask, one) = ((1_u32 << bits) - 1, 1_i64 << UNIT_BITS);
    let first = at.x >> bits;
    let points = ((at.x + at.width as u32 - 1) >> bits) - first + 2;
    let line = |y| (0..points).map(|i| gradient(first + i, y, salt)).collect::<Vec<_>>();
    let mut cell_y = at.y >> bits;
    let (mut above, mut below) = (line(cell_y), line(cell_y + 1));
    for (row, y) in into.chunks_exact_mut(at.width).zip(at.y..) {
        if y >> bits != cell_y {
            cell_y = y >> bits;
            (above, below) = (below, line(cell_y + 1));
        }
        let wy = i64::from(weights[(y & mask) as usize]);
        let ty = i64::from(y & mask) << (UNIT_BITS - bits);
        // Along a row each lattice column is a straight line: (slope, value), 16 times as fine.
        let column = |i: usize| {
            let ([gx0, gy0], [gx1, gy1]) = (above[i], below[i]);
            let slope = (gx0 * one + (gx1 - gx0) * wy) >> 8;
            let value = (gy0 * ty * one + (gy1 * (ty - one) - gy0 * ty) * wy) >> 8;
            (slope, value)
        };
        let (mut rest, mut offset, mut i) = (row, (at.x & mask) as usize, 0);
        let mut left = column(0);
        while !rest.is_empty() {
            let right = column(i + 1);
            let (part, after) = rest.split_at_mut(rest.len().min((1 << bits) - offset));
            segment(part, offset, bits, down, left, right, weights);
            (rest, offset, left, i) = (after, 0, right, i + 1);
        }
    }
}

/// Adds the part of a row that lies in one cell.
fn segment(
    part: &mut [i32],
    offset: usize,
    bits: u32,
    down: u32,
    left: (i64, i64),
    right: (i64, i64),
    weights: &[i16],
) {
    let unit = UNIT_BITS - bits;
    let (step_l, step_r) = ((left.0 << unit) as i32, (right.0 << unit) as i32);
    let offset_px = offset as i32;
    let mut l = left.1 as i32 + step_l * offset_px;
    let mut r = right.1 as i32 + step_r * (offset_px - (1 << bits));
    for (sum, weight) in part.iter_mut().zip(&weights[offset..]) {
        // Both fit into 16 bits, which multiply several times as fast as 32.
        let (a, b) = (l >> 9, r >> 9);
        let blend = i32::from((b - a) as i16) * i32::from(*weight);
        *sum += (2 * a + (blend >> (UNIT_BITS - 1))) >> down;
        l += step_l;
        r += step_r;
    }
}
