//! The image with what became of each of its tiles, as the figure of it wants it.

use super::ablation::share_right;
use crate::experiment::{Experiment, Workload};
use crate::figure::{Fate, Grid, Mosaic, Panel, Piece};
use crate::history::{History, Item, Run};
use crate::picture::Picture;
use std::collections::{BTreeMap, BTreeSet};

/// Of more subjects nobody looks at a picture each.
const MOST_PANELS: usize = 16;

/// A panel for each subject of the first block in which all of them ran with faults (the first of all, if there is no
/// such). `None` if nothing happened to any tile there, or there are too many subjects.
pub(super) fn of<'a>(
    experiment: &Experiment,
    histories: &'a [History],
    input: Option<&'a Picture>,
) -> Option<Mosaic<'a>> {
    let struck: Vec<_> = histories.iter().filter(|h| h.run.faults).collect();
    let mut blocks: BTreeMap<u32, BTreeMap<&str, &History>> = BTreeMap::new();
    for h in &struck {
        blocks.entry(h.run.block).or_default().insert(&h.run.subject, h);
    }
    let names: BTreeSet<_> = struck.iter().map(|h| &*h.run.subject).collect();
    if names.len() > MOST_PANELS {
        return None;
    }
    let whole = blocks.iter().find(|(_, runs)| runs.len() == names.len());
    let (block, runs) = whole.or(blocks.iter().next())?;
    let hit = |h: &&&History| h.fired().next().is_some() || h.items.iter().any(|i| !i.right());
    runs.values().find(hit)?;
    let first = &runs.values().next()?.run;
    let panel = |(subject, h): (&&'a str, &&History)| {
        let all: Vec<_> = struck.iter().filter(|h| h.run.subject == *subject).copied().collect();
        Panel { subject, pieces: pieces(h), right: share_right(&all) }
    };
    Some(Mosaic {
        block: *block,
        grid: grid(&experiment.workload, first, input),
        panels: runs.iter().map(panel).collect(),
        input,
    })
}

fn pieces(h: &History) -> Vec<Piece> {
    let struck: BTreeSet<_> = h.fired().map(|i| i.item).collect();
    let fate = |i: &Item| match (i.right(), i.wrong(), i.declared()) {
        (true, ..) => Fate::Right,
        (_, true, _) => Fate::Wrong,
        (.., true) => Fate::Declared,
        _ => Fate::Lost,
    };
    let piece =
        |i: &Item| Piece { attempts: i.attempts, fate: fate(i), struck: struck.contains(&i.item) };
    h.items.iter().map(piece).collect()
}

/// How the items lie: by the size of a computed scene; else by the proportions of the picture that is stored and the
/// number of pixels; else in rows of a square.
fn grid(workload: &Workload, run: &Run, input: Option<&Picture>) -> Grid {
    let computed = workload.input.strip_prefix("synthetic:").and_then(|size| {
        let (width, height) = size.split_once('x')?;
        Some((width.parse::<u32>().ok()?, height.parse::<u32>().ok()?))
    });
    let size = computed.map(|(w, h)| (f64::from(w), f64::from(h))).or_else(|| {
        let picture = input?;
        let proportion = f64::from(picture.width_px) / f64::from(picture.height_px);
        let width = (run.pixels as f64 * proportion).sqrt();
        Some((width, run.pixels as f64 / width.max(1.0)))
    });
    let side = |px: u32| f64::from(px.max(1));
    let found = size.and_then(|(width, height)| match (workload.strips, workload.tile_px()) {
        (Some(rows), _) => {
            Some(Grid { columns: 1, size: (width, height), piece: (width, side(rows)) })
        }
        (_, Some(tile)) => {
            let columns = columns(run.items, width / side(tile))?;
            Some(Grid { columns, size: (width, height), piece: (side(tile), side(tile)) })
        }
        _ => None,
    });
    let fits = |grid: &Grid| {
        let rows = run.items.div_ceil(grid.columns.max(1)) as f64;
        ((rows - 1.0) * grid.piece.1) < grid.size.1
    };
    found.filter(fits).unwrap_or_else(|| {
        let columns = (run.items as f64).sqrt().ceil().max(1.0) as u64;
        let rows = run.items.div_ceil(columns).max(1);
        Grid { columns, size: (columns as f64, rows as f64), piece: (1.0, 1.0) }
    })
}

/// The number of columns that divides the items and is next to how many tiles fit, the last of them in part.
fn columns(items: u64, fit: f64) -> Option<u64> {
    let far = |columns: &u64| (*columns as f64 - (fit + 0.5)).abs();
    let all = (1..=items).filter(|columns| items.is_multiple_of(*columns));
    all.min_by(|a, b| far(a).total_cmp(&far(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{State, sample};

    fn workload(input: &str, strips: Option<u32>) -> Workload {
        let mut workload = Experiment::load("e3-ffi-abort").unwrap().workload;
        (workload.input, workload.tile, workload.strips) = (input.into(), Some(256), strips);
        if strips.is_some() {
            workload.tile = None;
        }
        workload
    }

    fn run(pixels: u64, items: u64) -> Run {
        Run { pixels, ..sample::good(0, "okiagari", true, items).run }
    }

    #[test]
    fn the_grid_is_that_of_the_input_or_of_a_square() {
        let picture = |width_px, height_px| Picture { width_px, height_px, grey: vec![] };
        let (wide, plain) = (picture(256, 151), None);
        for (input, strips, pixels, items, picture, columns, piece) in [
            ("synthetic:1000x500", None, 500_000, 8, plain, 4, 256.0),
            ("synthetic:1024x512", None, 524_288, 8, plain, 4, 256.0),
            // 1,700 by 1,003 pixels: 7 columns, 4 rows.
            ("a.png", None, 1_705_100, 28, Some(&wide), 7, 256.0),
            ("a.png", None, 1_705_100, 28, plain, 6, 1.0),
            ("synthetic:1000x500", Some(100), 500_000, 5, plain, 1, 1000.0),
            ("pictures:512", None, 512, 512, plain, 23, 1.0),
            // What does not fit is not believed.
            ("synthetic:100x100", None, 500_000, 97, plain, 10, 1.0),
        ] {
            let found = grid(&workload(input, strips), &run(pixels, items), picture);
            assert_eq!((found.columns, found.piece.0), (columns, piece), "{input}");
        }
    }

    #[test]
    fn a_piece_says_what_became_of_it() {
        let mut h = sample::good(0, "okiagari", true, 6);
        sample::recover(&mut h, 0, 1, 1_000_000);
        (h.items[2].state, h.items[2].found_blake3) = (State::Lost, None);
        (h.items[3].state, h.items[3].found_blake3) = (State::Quarantined, None);
        h.items[4].found_blake3 = h.items[0].found_blake3;
        let found = pieces(&h);
        let fates: Vec<_> = found.iter().map(|p| p.fate).collect();
        use Fate::{Declared, Lost, Right, Wrong};
        assert_eq!(fates, [Right, Right, Lost, Declared, Wrong, Right]);
        assert_eq!(found[1], Piece { attempts: 2, fate: Right, struck: true });
    }

    #[test]
    fn the_block_is_the_first_that_all_subjects_have() {
        let experiment = Experiment::load("e3-ffi-abort").unwrap();
        let mut all = sample::comparison(3, 64);
        all.retain(|h| h.run.block > 0 || h.run.subject == "okiagari");
        let found = of(&experiment, &all, None).unwrap();
        assert_eq!((found.block, found.panels.len()), (1, 2));
        assert_eq!(found.panels[1].right.n, 3, "over all its runs");
        // Nothing happened, or nothing ran.
        let quiet: Vec<_> = (0..8).map(|k| sample::good(k, "okiagari", k % 2 == 0, 4)).collect();
        assert!(of(&experiment, &quiet, None).is_none() && of(&experiment, &[], None).is_none());
    }
}
