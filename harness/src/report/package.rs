//! `datapackage.json`: what each column of each CSV file is, for programs. It follows the Frictionless Data Package and
//! Table Schema (version 1), which `frictionless validate datapackage.json` checks.
//!
//! What a column means stands in `results/README.md`, and is taken from there.

mod sheets;

pub(super) use sheets::SHEETS;
#[cfg(test)]
pub(super) use sheets::{OUTCOMES, RINGS};

use crate::experiment::Experiment;
use crate::picture;
use pipelines::message::Failure;
use serde_json::{Value, json};
use sheets::{Column, Kind, Sheet};

pub(super) const FILE: &str = "datapackage.json";
const README: &str = include_str!("../../../results/README.md");

/// The file; `pictured` says whether a picture of the input stands beside it.
///
/// # Errors
/// None that an experiment can cause; the writer's own are the engine's.
pub(super) fn json(experiment: &Experiment, pictured: bool) -> Result<Vec<u8>, Failure> {
    let mut package = json!({
        "profile": "tabular-data-package",
        "name": experiment.name.to_lowercase(),
        "title": experiment.question,
        "version": env!("CARGO_PKG_VERSION"),
        "resources": SHEETS.iter().map(resource).collect::<Vec<_>>(),
    });
    if pictured {
        package["image"] = picture::FILE.into();
    }
    let mut text = serde_json::to_vec_pretty(&package).map_err(Failure::engine)?;
    text.push(b'\n');
    Ok(text)
}

fn resource(sheet: &Sheet) -> Value {
    let refers = sheet.refers.iter().map(|(fields, resource)| {
        json!({ "fields": fields, "reference": { "resource": resource, "fields": fields } })
    });
    let fields = sheet.columns.iter().map(|c| field(sheet.file, c));
    let mut schema = json!({
        "fields": fields.collect::<Vec<_>>(),
        "missingValues": [""],
    });
    if !sheet.key.is_empty() {
        schema["primaryKey"] = sheet.key.into();
    }
    let refers: Vec<_> = refers.collect();
    if !refers.is_empty() {
        schema["foreignKeys"] = refers.into();
    }
    json!({
        "profile": "tabular-data-resource",
        "name": sheet.file.trim_end_matches(".csv"),
        "path": sheet.file,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": schema,
    })
}

fn field(file: &str, column: &Column) -> Value {
    let kind = match column.kind {
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Text | Kind::Word(_) => "string",
        Kind::Flag => "boolean",
    };
    let mut field = json!({
        "name": column.name,
        "type": kind,
        "description": meaning(file, column.name).unwrap_or_default(),
        "constraints": { "required": !column.empty },
    });
    if let Kind::Word(words) = column.kind {
        field["constraints"]["enum"] = words.into();
    }
    if let Some(unit) = unit(column.name) {
        field["unit"] = unit.into();
    }
    field
}

/// The unit in which a column's name ends.
fn unit(name: &str) -> Option<&'static str> {
    let units = [("_px_per_s", "px/s"), ("_bytes", "B"), ("_ms", "ms"), ("_ns", "ns"), ("_s", "s")];
    units.iter().find(|(end, _)| name.ends_with(end)).map(|(_, unit)| *unit)
}

/// What `results/README.md` says of a column, in plain words.
pub(super) fn meaning(file: &str, column: &str) -> Option<String> {
    let (_, section) = README.split_once(&format!("\n## `{file}`"))?;
    let section = section.split("\n## ").next()?;
    let name = format!("`{column}`");
    section
        .lines()
        .find_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            cells.next()?.contains(&name).then(|| cells.next())?
        })
        .map(|words| words.trim_end_matches(" |").replace('`', ""))
}
