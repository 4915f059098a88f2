//! What became of each kind of fault under each subject: a table with colours.

use super::style::{self, Area, Drawn, Figure, INK, LABEL_PX, SOFT, WIDTH};
use pipelines::message::Failure;
use plotters::prelude::*;

/// Height of a row, and room left of the cells for the names of faults.
const ROW: u32 = 54;
const LEFT: u32 = 190;

/// What became of one kind of fault under one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Each outcome with how often it was seen, the worst first.
    pub outcomes: Vec<(&'static str, u64)>,
    /// How bad the worst is: 0 as it should be, 1 late or with less than before, 2 something was lost and said so, 3
    /// something was lost or wrong and nobody said so.
    pub severity: usize,
}

/// From as it should be to silent harm: blue to dark red by way of yellow, told apart by anybody and in grey print.
const INKS: [RGBColor; 4] = [
    RGBColor(0xD7, 0xE8, 0xF3),
    RGBColor(0xFB, 0xEF, 0xC0),
    RGBColor(0xF3, 0xB4, 0x7C),
    RGBColor(0xB4, 0x4A, 0x3C),
];

/// The figure `outcomes`: a row for each fault, a column for each subject; a cell names the worst outcome, and
/// how often each was seen.
///
/// # Errors
/// Only if the drawing itself fails, which is the engine's fault.
pub fn outcomes(
    name: &str,
    faults: &[String],
    subjects: &[&str],
    cells: &[Vec<Option<Cell>>],
) -> Result<Figure, Failure> {
    let harmless = |column: usize| {
        let seen = || cells.iter().filter_map(move |row| row[column].as_ref());
        seen().count() > 0 && seen().all(|cell| cell.severity == 0)
    };
    let sound: Vec<_> = (0..subjects.len()).filter(|c| harmless(*c)).map(|c| subjects[c]).collect();
    let title = match sound.len() {
        0 => "No subject comes through every fault".to_owned(),
        _ => format!("Through every fault comes {}", sound.join(" and ")),
    };
    let explained = format!(
        "{name}: what became of the faults that fired. A cell's colour is its worst outcome, from light (as it should be) \
         to dark (something was lost or wrong, and nobody said so); behind each outcome stands how often it was seen."
    );
    let height = ROW * faults.len().max(1) as u32 + 60;
    style::sheet(height, &title, &explained, |area, top| {
        if faults.is_empty() || subjects.is_empty() {
            return style::say_nothing(area, top, "No fault fired.");
        }
        table(area, top, faults, subjects, cells)
    })
}

fn table(
    area: &Area<'_>,
    top: u32,
    faults: &[String],
    subjects: &[&str],
    cells: &[Vec<Option<Cell>>],
) -> Drawn {
    let width = (WIDTH - LEFT - 24) / subjects.len() as u32;
    let x = |column: usize| (LEFT + width * column as u32) as i32;
    let inks = style::colours(subjects);
    for (column, subject) in subjects.iter().enumerate() {
        let at = (x(column) + 8, top as i32 + 4);
        area.draw_text(subject, &style::bold(LABEL_PX, inks(subject)), at)?;
    }
    for (row, fault) in faults.iter().enumerate() {
        let y = (top + 30 + ROW * row as u32) as i32;
        area.draw_text(fault, &style::plain(LABEL_PX, INK), (24, y + 16))?;
        for (column, cell) in cells[row].iter().enumerate() {
            let at = (x(column), y);
            match cell {
                Some(cell) => draw_cell(area, cell, at, width as i32)?,
                None => area.draw_text("–", &style::plain(14.0, SOFT), (at.0 + 8, at.1 + 16))?,
            }
        }
    }
    Ok(())
}

fn draw_cell(area: &Area<'_>, cell: &Cell, (x, y): (i32, i32), width: i32) -> Drawn {
    let severity = cell.severity.min(INKS.len() - 1);
    let ink = if severity == INKS.len() - 1 { WHITE } else { INK };
    let rect =
        Rectangle::new([(x, y), (x + width - 4, y + ROW as i32 - 4)], INKS[severity].filled());
    area.draw(&rect)?;
    for (line, (word, count)) in cell.outcomes.iter().take(2).enumerate() {
        let text = match (line, cell.outcomes.len()) {
            (1, 3..) => format!("{word} {count}, others"),
            _ => format!("{word} {count}"),
        };
        let type_of = if line == 0 { style::bold(13.0, ink) } else { style::plain(12.0, ink) };
        area.draw_text(&text, &type_of, (x + 8, y + 7 + 20 * line as i32))?;
    }
    Ok(())
}
