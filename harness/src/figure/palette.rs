//! Pictures of at most 256 colours, which take a third of the room.

use std::collections::HashMap;

/// Most colours that a byte can name.
const MOST: usize = 256;
/// At most one pixel in so many may change its colour; in a photograph it would be seen.
const CHANGED: usize = 50;

type Colour = [u8; 3];

/// The commonest colours of a picture, and for each of its pixels the place of the one that is nearest to it. Flat areas keep
/// their colour exactly; what is rounded are shades at the edges of lines. `None` of a picture with too many colours for that.
pub(super) fn indexed(rgb: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let pixels = rgb.as_chunks::<3>().0;
    let mut counts: HashMap<Colour, usize> = HashMap::new();
    for same in pixels.chunk_by(|a, b| a == b) {
        *counts.entry(same[0]).or_default() += same.len();
    }
    let mut colours: Vec<_> = counts.into_iter().collect();
    // Also by colour, since a map has no order.
    colours.sort_unstable_by_key(|(colour, n)| (std::cmp::Reverse(*n), *colour));
    let changed: usize = colours.iter().skip(MOST).map(|(_, n)| n).sum();
    if changed * CHANGED > pixels.len() {
        return None;
    }
    let colours: Vec<_> = colours.into_iter().map(|(colour, _)| colour).collect();
    let kept = &colours[..colours.len().min(MOST)];
    let place: HashMap<_, _> = colours.iter().map(|c| (*c, nearest(kept, *c))).collect();
    let mut indices = Vec::with_capacity(pixels.len());
    for same in pixels.chunk_by(|a, b| a == b) {
        indices.resize(indices.len() + same.len(), place[&same[0]]);
    }
    Some((kept.concat(), indices))
}

fn nearest(kept: &[Colour], colour: Colour) -> u8 {
    let far = |other: &Colour| -> u32 {
        other.iter().zip(colour).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    (0..=u8::MAX).zip(kept).min_by_key(|(_, other)| far(other)).map_or(0, |(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_colours_stay_as_they_are_and_rare_ones_become_their_neighbours() {
        // 260 shades, of which the first 256 are there twice.
        let shade = |k: u32| [0, (k / 256) as u8 * 100, (k % 256) as u8];
        let pixels: Vec<_> = (0..256).chain(0..260).map(shade).collect();
        let (palette, indices) = indexed(&pixels.concat()).unwrap();
        assert_eq!((palette.len(), indices.len()), (3 * 256, pixels.len()));
        for (pixel, index) in pixels.iter().zip(&indices) {
            let at = 3 * usize::from(*index);
            assert_eq!([0, 0, pixel[2]], palette[at..at + 3], "{pixel:?}");
        }
        assert_eq!(indexed(&[9, 9, 9, 9, 9, 9]), Some((vec![9, 9, 9], vec![0, 0])));
        let many: Vec<_> = (0..300).map(shade).collect();
        assert_eq!(indexed(&many.concat()), None);
    }
}
