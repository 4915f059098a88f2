//! Edges: the absolute horizontal and vertical gradients of each channel, added and clamped.

use super::{Sample, pad};
use crate::image::raster::TileHead;

/// The scratch of a Sobel: four padded rows, reused from tile to tile.
#[derive(Default)]
pub(super) struct Scratch<S: Sample> {
    up: Vec<S>,
    mid: Vec<S>,
    down: Vec<S>,
    out: Vec<S>,
}

/// Writes the edges of `input` (as `head` describes it) to `output`.
pub(super) fn apply<S: Sample>(
    scratch: &mut Scratch<S>,
    head: &TileHead,
    input: &[u8],
    output: &mut [u8],
) {
    let channels = usize::from(head.format.channels);
    let (samples, last) = (head.across() * channels, head.down() - 1);
    let Scratch { up, mid, down, out } = scratch;
    for row in [&mut *up, &mut *mid, &mut *down] {
        row.resize(samples + 2 * channels, S::default());
    }
    out.resize(samples, S::default());
    pad(head, input, 0, 1, up);
    pad(head, input, 0, 1, mid);
    for (y, bytes) in output.chunks_exact_mut(head.row_bytes()).enumerate() {
        pad(head, input, (y + 1).min(last), 1, down);
        edges(up, mid, down, out, channels);
        if head.format.has_alpha() {
            let alphas = mid[2 * channels - 1..].iter().step_by(channels);
            for (out, alpha) in out[channels - 1..].iter_mut().step_by(channels).zip(alphas) {
                *out = *alpha;
            }
        }
        S::store(out, bytes);
        std::mem::swap(up, mid);
        std::mem::swap(mid, down);
    }
}

/// One row of edges from three padded rows.
fn edges<S: Sample>(up: &[S], mid: &[S], down: &[S], out: &mut [S], channels: usize) {
    // Slices of one known length, so that the loop needs no bounds checks.
    let n = out.len();
    let shifted = |row, by: usize| {
        let row: &[S] = row;
        &row[by * channels..by * channels + n]
    };
    let (up0, up1, up2) = (shifted(up, 0), shifted(up, 1), shifted(up, 2));
    let (mid0, mid2) = (shifted(mid, 0), shifted(mid, 2));
    let (down0, down1, down2) = (shifted(down, 0), shifted(down, 1), shifted(down, 2));
    for i in 0..n {
        let around = [up0[i], up1[i], up2[i], mid0[i], mid2[i], down0[i], down1[i], down2[i]];
        out[i] = S::edge(around);
    }
}
