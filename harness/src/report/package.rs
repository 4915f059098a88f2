//! `datapackage.json`: what each column of each CSV file is, for programs. It follows the Frictionless Data Package and
//! Table Schema (version 1), which `frictionless validate datapackage.json` checks.
//!
//! Here stand types and keys. What a column means stands in `results/README.md`, and is taken from there.

use crate::experiment::Experiment;
use pipelines::message::Failure;
use serde_json::{Value, json};

pub(super) const FILE: &str = "datapackage.json";
const README: &str = include_str!("../../../results/README.md");

/// A column: its name and what stands in it.
pub(super) struct Column {
    pub(super) name: &'static str,
    kind: Kind,
    /// Whether it may be empty: not reached, or not known.
    empty: bool,
}

enum Kind {
    Integer,
    Number,
    Text,
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
}

/// A CSV file.
pub(super) struct Sheet {
    pub(super) file: &'static str,
    pub(super) columns: &'static [Column],
    /// The columns that tell its rows apart; none if two may be equal.
    key: &'static [&'static str],
    /// Columns that name a row of another file, whose columns are called the same.
    refers: &'static [(&'static [&'static str], &'static str)],
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, empty: false }
}

const fn integer(name: &'static str) -> Column {
    column(name, Kind::Integer)
}

const fn text(name: &'static str) -> Column {
    column(name, Kind::Text)
}

const fn flag(name: &'static str) -> Column {
    column(name, Kind::Flag)
}

const fn word(name: &'static str, words: &'static [&'static str]) -> Column {
    column(name, Kind::Word(words))
}

const fn maybe(column: Column) -> Column {
    Column { empty: true, ..column }
}

const ANSWERS: &[&str] = &["holds", "broken", "unknown"];
pub(super) const CLASSES: &[&str] = &[
    "crash",
    "exit",
    "hang",
    "memory",
    "protocol",
    "gray",
    "value",
    "error",
    "supervisor",
    "source",
    "sink",
    "resource",
    "control",
];
pub(super) const EVENTS: &[&str] = &[
    "lent",
    "accepted",
    "done",
    "failed",
    "quarantined",
    "died",
    "spawned",
    "ailing",
    "acted",
    "ready",
];
/// The worst first.
pub(super) const OUTCOMES: &[&str] = &[
    "invalid",
    "catastrophic",
    "sdc",
    "silent-loss",
    "abort",
    "hang",
    "declared-loss",
    "duplicated",
    "degraded",
    "recovered-late",
    "recovered",
    "masked",
    "not-activated",
];
pub(super) const RINGS: &[&str] = &["item", "lane", "worker", "pool", "pipeline", "subject"];

/// All CSV files of a results folder, column by column.
pub(super) const SHEETS: [Sheet; 9] = [
    Sheet {
        file: "runs.csv",
        columns: &[
            integer("run"),
            integer("block"),
            integer("order_in_block"),
            text("subject"),
            flag("faults"),
            integer("seed"),
            integer("items"),
            integer("pixels"),
            integer("wall_ns"),
            maybe(integer("cpu_ns")),
            integer("throughput_px_per_s"),
            text("ending"),
            integer("deaths"),
            integer("restarts"),
            integer("orphans"),
            integer("foreign_files"),
            integer("events_missed"),
            maybe(integer("foreign_cpu_ns")),
            maybe(integer("steal_ns")),
            maybe(flag("noisy")),
            word("outcome_worst", OUTCOMES),
        ],
        key: &["run"],
        refers: &[],
    },
    Sheet {
        file: "injections.csv",
        columns: &[
            integer("run"),
            integer("injection"),
            text("subject"),
            text("fault"),
            word("class", CLASSES),
            integer("item"),
            integer("attempt"),
            text("point"),
            integer("lane"),
            flag("permanent"),
            integer("armed_ns"),
            maybe(integer("reached_ns")),
            maybe(integer("fired_ns")),
            maybe(integer("error_ns")),
            maybe(integer("effect_ns")),
            maybe(integer("detected_ns")),
            maybe(integer("acted_ns")),
            maybe(integer("ready_ns")),
            maybe(integer("lent_again_ns")),
            maybe(integer("first_ns")),
            maybe(integer("accepted_ns")),
            maybe(integer("steady_ns")),
            maybe(integer("caught_ns")),
            maybe(integer("detect_ns")),
            maybe(integer("recovery_ns")),
            maybe(integer("work_ns")),
            maybe(integer("recovery_net_ns")),
            maybe(text("diagnosis")),
            maybe(flag("diagnosis_ok")),
            maybe(word("contained_at", RINGS)),
            integer("restarts"),
            word("outcome", OUTCOMES),
            flag("declared"),
            maybe(flag("censored")),
        ],
        key: &["run", "injection"],
        refers: &[(&["run"], "runs"), (&["run", "item"], "items")],
    },
    Sheet {
        file: "schedule.csv",
        columns: &[
            integer("run"),
            text("fault"),
            text("point"),
            integer("item"),
            integer("attempt"),
            integer("lane"),
            integer("at_ns"),
            flag("fired"),
        ],
        key: &[],
        refers: &[(&["run"], "runs"), (&["run", "item"], "items")],
    },
    Sheet {
        file: "items.csv",
        columns: &[
            integer("run"),
            integer("item"),
            integer("attempts"),
            word("state", &["done", "failed", "quarantined", "lost"]),
            integer("deliveries"),
            maybe(integer("lent_ns")),
            maybe(integer("done_ns")),
            maybe(integer("work_ns")),
            maybe(text("found_blake3")),
            text("golden_blake3"),
        ],
        key: &["run", "item"],
        refers: &[(&["run"], "runs")],
    },
    Sheet {
        file: "resources.csv",
        columns: &[
            integer("run"),
            integer("t_ns"),
            word("role", &["subject", "worker"]),
            integer("pid"),
            integer("deaths"),
            integer("rss_bytes"),
            integer("fds"),
            integer("threads"),
            integer("cpu_ns"),
        ],
        key: &["run", "t_ns", "pid"],
        refers: &[(&["run"], "runs")],
    },
    Sheet {
        file: "events.csv",
        columns: &[
            integer("run"),
            integer("seq"),
            integer("t_ns"),
            word("kind", EVENTS),
            integer("item"),
            integer("attempt"),
            integer("lane"),
            integer("value"),
        ],
        key: &["run", "seq"],
        refers: &[(&["run"], "runs")],
    },
    Sheet {
        file: "measures.csv",
        columns: &[
            text("experiment"),
            text("subject"),
            flag("faults"),
            text("measure"),
            text("unit"),
            integer("n"),
            maybe(column("estimate", Kind::Number)),
            maybe(column("low", Kind::Number)),
            maybe(column("high", Kind::Number)),
            text("method"),
        ],
        key: &["experiment", "subject", "faults", "measure"],
        refers: &[],
    },
    Sheet {
        file: "faults.csv",
        columns: &[
            text("subject"),
            text("fault"),
            word("outcome", OUTCOMES),
            maybe(text("diagnosis")),
            integer("injections"),
        ],
        // What tells rows apart may be empty, which a key must not be.
        key: &[],
        refers: &[],
    },
    Sheet {
        file: "claims.csv",
        columns: &[
            text("claim"),
            text("subject"),
            word("expected", ANSWERS),
            word("observed", ANSWERS),
            word("held", &["yes", "no", "unknown"]),
            integer("runs"),
            maybe(text("detail")),
        ],
        key: &["claim", "subject"],
        refers: &[],
    },
];

/// The file.
///
/// # Errors
/// None that an experiment can cause; the writer's own are the engine's.
pub(super) fn json(experiment: &Experiment) -> Result<Vec<u8>, Failure> {
    let package = json!({
        "profile": "tabular-data-package",
        "name": experiment.name.to_lowercase(),
        "title": experiment.question,
        "version": env!("CARGO_PKG_VERSION"),
        "resources": SHEETS.iter().map(resource).collect::<Vec<_>>(),
    });
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
