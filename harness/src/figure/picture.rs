//! The image, with the tiles that were hit: by the number of their attempts, and black where nothing came of them.

use super::scale::{fitted, said};
use super::style::{self, Area, Drawn, Figure, INK, SOFT, WIDTH};
use super::type_face::width;
use crate::picture::Picture;
use crate::stats::Estimate;
use pipelines::message::Failure;
use plotters::prelude::*;
use plotters::style::FontStyle;

/// Panels beside each other, at most; and the most that one is wide and high.
const ABREAST: usize = 5;
const PANEL_PX: i32 = 280;
const GAP: i32 = 14;
/// Height of what is written below a panel, and of the legend.
const WORDS: i32 = 72;
const LEGEND: i32 = 34;
/// The picture behind is drawn in parts of about so many pixels, in so many shades, so that the file stays small.
const PART_PX: i32 = 4;
const SHADES: u32 = 6;

/// By attempts: two, three, more.
const TINTS: [RGBColor; 3] =
    [RGBColor(0x8C, 0xC5, 0xE8), RGBColor(0x2E, 0x86, 0xC1), RGBColor(0x0B, 0x3C, 0x6F)];
const WRONG: RGBColor = RGBColor(0xE6, 0x7E, 0x22);

/// What became of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its file is that of the golden run.
    Right,
    /// Its file is another.
    Wrong,
    /// It was declared failed or set aside.
    Declared,
    /// None of these, and nobody said so.
    Lost,
}

/// A tile of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Attempts begun.
    pub attempts: u32,
    /// What became of it.
    pub fate: Fate,
    /// Whether a fault that was meant for it fired.
    pub struck: bool,
}

/// How pieces lie, in pixels of the image, or, if its size is not known, in pieces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Pieces in a row, at least 1.
    pub columns: u64,
    /// Across and down.
    pub size: (f64, f64),
    /// Across and down, of one that is not at the edge.
    pub piece: (f64, f64),
}

/// One run of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel<'a> {
    /// Whose.
    pub subject: &'a str,
    /// Its tiles, in the order of the source.
    pub pieces: Vec<Piece>,
    /// The share of tiles that came out right over all its runs with faults.
    pub right: Estimate,
}

/// One block.
#[derive(Debug, Clone, PartialEq)]
pub struct Mosaic<'a> {
    /// Which.
    pub block: u32,
    /// How the tiles lie.
    pub grid: Grid,
    /// A run of each subject.
    pub panels: Vec<Panel<'a>>,
    /// What is seen behind.
    pub input: Option<&'a Picture>,
}

/// The figure `picture`: the image once for each subject, with what became of each tile.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn picture(name: &str, mosaic: &Mosaic<'_>) -> Result<Figure, Failure> {
    let Mosaic { block, panels, grid, .. } = mosaic;
    let known = if grid.piece == (1.0, 1.0) { ", row by row" } else { ", where they lie" };
    let explained = format!(
        "{name}: the tiles of the image{known}, after one run of each subject with faults (block {block}, the first that all \
         took part in). A frame (orange on black) is a tile that a fault struck. Below: the same over all runs with faults, mean and 95 % \
         interval (bootstrap over runs; none below 6)."
    );
    let (columns, stride, size) = panel_px(panels.len(), grid);
    let rows = panels.len().div_ceil(columns).max(1) as i32;
    let body = LEGEND + rows * (size.1 + WORDS);
    style::sheet(body as u32, &title(panels), &explained, |area, top| {
        legend(area, top as i32)?;
        for (k, panel) in panels.iter().enumerate() {
            let (column, row) = ((k % columns) as i32, (k / columns) as i32);
            let left = 24 + column * stride;
            let top = top as i32 + LEGEND + row * (size.1 + WORDS);
            let place = Place { left, top, size, stride, grid };
            if let Some(input) = mosaic.input {
                behind(area, &place, input)?;
            }
            tiles(area, &place, panel)?;
            words(area, &place, panel)?;
        }
        Ok(())
    })
}

/// How many panels stand beside each other, from one to the next, and how large each is. A narrow image has as much room
/// for its words as a wide one.
fn panel_px(panels: usize, grid: &Grid) -> (usize, i32, (i32, i32)) {
    let columns = panels.clamp(1, ABREAST);
    let most = (WIDTH as i32 - 48 - GAP * (columns as i32 - 1)) / columns as i32;
    let most = most.min(PANEL_PX);
    let longer = grid.size.0.max(grid.size.1).max(1e-9);
    let px = |side: f64| ((side / longer * f64::from(most)).round() as i32).max(8);
    (columns, most + GAP, (px(grid.size.0), px(grid.size.1)))
}

fn title(panels: &[Panel<'_>]) -> String {
    let right = |p: &Panel<'_>| p.pieces.iter().filter(|p| p.fate == Fate::Right).count();
    let of = |p: &Panel<'_>| format!("{} has {} of {} tiles", p.subject, right(p), p.pieces.len());
    if panels.len() <= 4 {
        return panels.iter().map(of).collect::<Vec<_>>().join(", ");
    }
    let whole = panels.iter().filter(|p| right(p) == p.pieces.len()).count();
    let least = panels.iter().min_by_key(|p| right(p)).map(of).unwrap_or_default();
    format!("{whole} of {} subjects have every tile; the least: {least}", panels.len())
}

/// Where a panel is.
struct Place<'a> {
    left: i32,
    top: i32,
    size: (i32, i32),
    /// To the next panel.
    stride: i32,
    grid: &'a Grid,
}

impl Place<'_> {
    /// The corners of a piece.
    fn of(&self, piece: usize) -> [(i32, i32); 2] {
        let Grid { columns, size, piece: (wide, high) } = *self.grid;
        let (column, row) = (piece as u64 % columns, piece as u64 / columns);
        let x =
            |at: f64| self.left + (at.min(size.0) / size.0 * f64::from(self.size.0)).round() as i32;
        let y =
            |at: f64| self.top + (at.min(size.1) / size.1 * f64::from(self.size.1)).round() as i32;
        let (column, row) = (column as f64, row as f64);
        [(x(column * wide), y(row * high)), (x((column + 1.0) * wide), y((row + 1.0) * high))]
    }
}

/// The image, pale: parts of a row that look alike are one.
fn behind(area: &Area<'_>, place: &Place<'_>, input: &Picture) -> Drawn {
    let (columns, rows) = ((place.size.0 / PART_PX).max(1), (place.size.1 / PART_PX).max(1));
    let of = |k: i32, all: i32, px: u32| {
        let from = k as u32 * px / all as u32;
        from..((k as u32 + 1) * px / all as u32).max(from + 1)
    };
    let shades: Vec<u32> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (column, row)))
        .map(|(column, row)| {
            input.mean(of(column, columns, input.width_px), of(row, rows, input.height_px)) * SHADES
                / 256
        })
        .collect();
    let shade = |column: i32, row: i32| shades[(row * columns + column) as usize];
    let x = |column: i32| place.left + column * place.size.0 / columns;
    let y = |row: i32| place.top + row * place.size.1 / rows;
    for row in 0..rows {
        let mut from = 0;
        while from < columns {
            let same = (from..columns).take_while(|c| shade(*c, row) == shade(from, row)).count();
            let to = from + same as i32;
            let grey = (0xC4 + shade(from, row) * (0xFF - 0xC4) / (SHADES - 1)) as u8;
            let part = [(x(from), y(row)), (x(to), y(row + 1))];
            area.draw(&Rectangle::new(part, RGBColor(grey, grey, grey).filled()))?;
            from = to;
        }
    }
    Ok(())
}

fn tiles(area: &Area<'_>, place: &Place<'_>, panel: &Panel<'_>) -> Drawn {
    for (k, piece) in panel.pieces.iter().enumerate() {
        let corners = place.of(k);
        draw_piece(area, corners, piece)?;
        let high = corners[1].1 - corners[0].1;
        if piece.attempts > 1 && piece.fate == Fate::Right && high >= 14 {
            let (x, y) = (i32::midpoint(corners[0].0, corners[1].0), corners[0].1 + high / 2);
            let text = piece.attempts.to_string();
            let half = (width(&text, 11.0, FontStyle::Normal) / 2.0) as i32;
            let ink = if piece.attempts > 2 { WHITE } else { INK };
            area.draw_text(&text, &style::plain(11.0, ink), (x - half, y - 7))?;
        }
    }
    let round = [(place.left, place.top), (place.left + place.size.0, place.top + place.size.1)];
    area.draw(&Rectangle::new(round, SOFT))?;
    Ok(())
}

/// A tile, or what stands for one in the legend. One that nothing happened to is left as it is.
fn draw_piece(area: &Area<'_>, [from, to]: [(i32, i32); 2], piece: &Piece) -> Drawn {
    let fill = |ink: RGBColor| Rectangle::new([from, to], ink.filled());
    match (piece.fate, piece.attempts) {
        (Fate::Lost, _) => area.draw(&fill(BLACK))?,
        (Fate::Declared, _) => {
            area.draw(&fill(WHITE))?;
            hatch(area, [from, to])?;
            area.draw(&Rectangle::new([from, to], BLACK))?;
        }
        (Fate::Wrong, _) => {
            area.draw(&fill(WRONG))?;
            for (a, b) in [(from.0, to.0), (to.0, from.0)] {
                area.draw(&PathElement::new([(a, from.1), (b, to.1)], INK.stroke_width(1)))?;
            }
        }
        (Fate::Right, 0 | 1) => {}
        (Fate::Right, attempts) => {
            let tint = TINTS[(attempts as usize - 2).min(TINTS.len() - 1)];
            area.draw(&fill(tint))?;
        }
    }
    if piece.struck {
        let inner = [(from.0 + 1, from.1 + 1), (to.0 - 1, to.1 - 1)];
        let ink = if piece.fate == Fate::Lost { WRONG } else { INK };
        area.draw(&Rectangle::new(inner, ink.stroke_width(1)))?;
    }
    Ok(())
}

/// Slanting lines, every four pixels.
fn hatch(area: &Area<'_>, [from, to]: [(i32, i32); 2]) -> Drawn {
    let (wide, high) = (to.0 - from.0, to.1 - from.1);
    for at in (0..wide + high).step_by(4) {
        // From the left or lower edge to the upper or right one.
        let start = (from.0 + (at - high).max(0), from.1 + at.min(high));
        let end = (from.0 + at.min(wide), from.1 + (at - wide).max(0));
        area.draw(&PathElement::new([start, end], BLACK.stroke_width(1)))?;
    }
    Ok(())
}

/// What each look means.
fn legend(area: &Area<'_>, top: i32) -> Drawn {
    let piece = |attempts, fate, struck| Piece { attempts, fate, struck };
    let all = [
        ("done at once", piece(1, Fate::Right, false)),
        ("2 attempts", piece(2, Fate::Right, false)),
        ("3", piece(3, Fate::Right, false)),
        ("4 or more", piece(4, Fate::Right, false)),
        ("struck", piece(1, Fate::Right, true)),
        ("declared or set aside", piece(1, Fate::Declared, false)),
        ("lost", piece(1, Fate::Lost, false)),
        ("wrong", piece(1, Fate::Wrong, false)),
    ];
    let mut x = 24;
    for (word, piece) in all {
        let corners = [(x, top), (x + 16, top + 16)];
        draw_piece(area, corners, &piece)?;
        area.draw(&Rectangle::new(corners, SOFT))?;
        area.draw_text(word, &style::plain(13.0, INK), (x + 22, top))?;
        x += 22 + width(word, 13.0, FontStyle::Normal) as i32 + 22;
    }
    Ok(())
}

/// Of a hundred, to a tenth.
fn percent(share: f64) -> String {
    style::tick((share * 1000.0).round() / 10.0)
}

/// Below a panel: whose it is, and how many tiles came out right.
fn words(area: &Area<'_>, place: &Place<'_>, panel: &Panel<'_>) -> Drawn {
    let (x, y) = (place.left, place.top + place.size.1 + 6);
    let count = |of: fn(&Piece) -> bool| panel.pieces.iter().filter(|p| of(p)).count();
    let (text, px) = fitted(panel.subject, 13.0, f64::from(place.stride - GAP), FontStyle::Bold);
    let name = style::bold(px, style::colour(panel.subject));
    area.draw_text(&text, &name, (x, y))?;
    let right = count(|p| p.fate == Fate::Right);
    let struck = count(|p| p.struck);
    let lines = [
        format!("{right} of {} right, {struck} struck", panel.pieces.len()),
        format!("{} %, n = {}", said(&panel.right, percent), panel.right.n),
    ];
    for (k, line) in lines.iter().enumerate() {
        area.draw_text(line, &style::plain(11.0, INK), (x, y + 19 + 15 * k as i32))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mosaic<'a>(panels: usize, items: usize, input: Option<&'a Picture>) -> Mosaic<'a> {
        let fates = [Fate::Right, Fate::Wrong, Fate::Declared, Fate::Lost];
        let piece = |k: usize| Piece {
            attempts: k as u32 % 6,
            fate: fates[k % 4],
            struck: k.is_multiple_of(3),
        };
        let panel = |_| Panel {
            subject: "a-subject-with-a-rather-long-name",
            pieces: (0..items).map(piece).collect(),
            right: Estimate { n: 31, value: Some(0.25), interval: Some((0.2, 0.3)), method: "" },
        };
        Mosaic {
            block: 7,
            grid: Grid { columns: 4, size: (1000.0, 700.0), piece: (256.0, 256.0) },
            panels: (0..panels).map(panel).collect(),
            input,
        }
    }

    #[test]
    fn it_says_how_many_tiles_are_there_with_and_without_the_image_behind() {
        let input =
            Picture { width_px: 100, height_px: 70, grey: (0..7000).map(|k| k as u8).collect() };
        for input in [None, Some(&input)] {
            let drawn = picture("e3", &mosaic(2, 12, input)).unwrap();
            for text in [
                "has 3 of 12 tiles",
                "block 7",
                "3 of 12 right, 4 struck",
                "25 (20 to 30) %, n = 31",
            ] {
                assert!(drawn.svg.contains(text), "{text}: {}", drawn.svg);
            }
            assert_eq!(Ok(drawn), picture("e3", &mosaic(2, 12, input)));
        }
        // A picture that is cut short, many subjects, and nothing at all.
        let torn = Picture { grey: vec![], ..input };
        for (panels, items) in [(26, 12), (1, 0), (0, 0)] {
            let svg = picture("e7", &mosaic(panels, items, Some(&torn))).unwrap().svg;
            assert!(!svg.contains("NaN") && svg.len() < 400_000, "{}", svg.len());
        }
    }

    #[test]
    fn pieces_cover_the_image_and_no_more() {
        let Mosaic { grid, .. } = mosaic(1, 12, None);
        let place = Place { left: 10, top: 20, size: (200, 140), stride: 214, grid: &grid };
        assert_eq!(place.of(0), [(10, 20), (61, 71)]);
        assert_eq!(place.of(11), [(164, 122), (210, 160)], "those at the edges are smaller");
    }
}
