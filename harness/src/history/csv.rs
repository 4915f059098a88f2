//! Histories as four files, `runs.csv`, `injections.csv`, `items.csv` and `resources.csv`, and back; `events.csv` is a
//! matter of [`super::event`]. `results/README.md` says what each column means.

use super::rows::{InjectionRow, ItemRow, ResourceRow, RunRow};
use super::{History, whole::write_whole};
use crate::measure::Twins;
use pipelines::message::Failure;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const RUNS: &str = "runs.csv";
const INJECTIONS: &str = "injections.csv";
const ITEMS: &str = "items.csv";
const RESOURCES: &str = "resources.csv";

const RUN_COLUMNS: &str = "run,block,order_in_block,subject,faults,seed,items,pixels,wall_ns,cpu_ns,\
    throughput_px_per_s,ending,deaths,restarts,orphans,foreign_files,events_missed,outcome_worst";
const INJECTION_COLUMNS: &str = "run,injection,subject,fault,class,item,attempt,point,lane,permanent,armed_ns,\
    reached_ns,fired_ns,error_ns,effect_ns,detected_ns,acted_ns,ready_ns,lent_again_ns,first_ns,accepted_ns,\
    steady_ns,caught_ns,detect_ns,recovery_ns,work_ns,recovery_net_ns,diagnosis,diagnosis_ok,contained_at,\
    restarts,outcome,declared,censored";
const RESOURCE_COLUMNS: &str = "run,t_ns,role,pid,deaths,rss_bytes,fds,threads,cpu_ns";
const ITEM_COLUMNS: &str =
    "run,item,attempts,state,deliveries,lent_ns,done_ns,work_ns,found_blake3,golden_blake3";

/// Writes the four files into a folder that exists. Each is written whole and then renamed. What is derived takes the
/// twins among these histories for its measure.
///
/// # Errors
/// The place for the output refuses.
pub fn write(dir: &Path, histories: &[History]) -> Result<(), Failure> {
    let twins = Twins::of(histories);
    let runs = histories.iter().map(|h| RunRow::of(h, &twins));
    let injections =
        histories.iter().flat_map(|h| h.injections.iter().map(|i| InjectionRow::of(h, i, &twins)));
    let items = histories.iter().flat_map(|h| h.items.iter().map(|i| ItemRow::of(h, i)));
    let resources =
        histories.iter().flat_map(|h| h.resources.iter().map(|r| ResourceRow::of(h, r)));
    write_whole(dir, RUNS, &table(RUN_COLUMNS, runs)?)?;
    write_whole(dir, INJECTIONS, &table(INJECTION_COLUMNS, injections)?)?;
    write_whole(dir, ITEMS, &table(ITEM_COLUMNS, items)?)?;
    write_whole(dir, RESOURCES, &table(RESOURCE_COLUMNS, resources)?)
}

/// Reads the four files of a folder. Derived columns are not read: they are computed anew where they are needed.
///
/// # Errors
/// One sentence that names the file, and the line where there is one: it is missing, ends in the middle of a line, a
/// column is missing or is no number, a run stands there twice or not at all.
pub fn read(dir: &Path) -> Result<Vec<History>, Failure> {
    let mut all = Vec::new();
    let mut place = BTreeMap::new();
    for (line, row) in rows::<RunRow>(dir, RUNS, RUN_COLUMNS)? {
        if place.insert(row.run, all.len()).is_some() {
            return Err(parse_error(
                dir,
                RUNS,
                line,
                &format!("run {} stands here twice", row.run),
            ));
        }
        let run = row.run().map_err(|why| parse_error(dir, RUNS, line, &why))?;
        all.push(History::of(run));
    }
    let at = |run: u32, file: &str, line: u64| {
        place.get(&run).copied().ok_or_else(|| {
            parse_error(dir, file, line, &format!("run {run} does not stand in {RUNS}"))
        })
    };
    for (line, row) in rows::<InjectionRow>(dir, INJECTIONS, INJECTION_COLUMNS)? {
        all[at(row.run, INJECTIONS, line)?].injections.push(row.injection());
    }
    for (line, row) in rows::<ItemRow>(dir, ITEMS, ITEM_COLUMNS)? {
        all[at(row.run, ITEMS, line)?].items.push(row.item());
    }
    for (line, row) in rows::<ResourceRow>(dir, RESOURCES, RESOURCE_COLUMNS)? {
        all[at(row.run, RESOURCES, line)?].resources.push(row.resource());
    }
    Ok(all)
}

/// A CSV file: these columns, then a line for each row. The columns are written also if there are no rows, and
/// not at all if there are none.
pub(crate) fn table(
    columns: &str,
    rows: impl IntoIterator<Item = impl Serialize>,
) -> Result<Vec<u8>, Failure> {
    let mut to = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    if !columns.is_empty() {
        to.write_record(columns.split(',')).map_err(Failure::engine)?;
    }
    for row in rows {
        to.serialize(row).map_err(Failure::engine)?;
    }
    to.into_inner().map_err(Failure::engine)
}

/// A sentence about a line of a file that cannot be read as asked.
fn parse_error(dir: &Path, file: &str, line: u64, why: &str) -> Failure {
    Failure::input(format!("{}, line {line}: {why}", dir.join(file).display()))
}

/// The rows of a file, each with its line.
pub(super) fn rows<T: DeserializeOwned>(
    dir: &Path,
    file: &str,
    columns: &str,
) -> Result<Vec<(u64, T)>, Failure> {
    let path = dir.join(file);
    let bytes = fs::read(&path)
        .map_err(|e| Failure::input(format!("{} cannot be read: {e}", path.display())))?;
    let lines = bytes.iter().filter(|b| **b == b'\n').count() as u64;
    if bytes.last() != Some(&b'\n') {
        let why = "the file ends in the middle of this line, so it was not written to its end; \
                   delete the line to judge what is there, or run the experiment again";
        return Err(parse_error(dir, file, lines + 1, why));
    }
    let mut from = csv::Reader::from_reader(bytes.as_slice());
    let header = from.headers().map_err(|e| parse_error(dir, file, 1, &reason(&e)))?.clone();
    // An empty cell and a column that is not there would else look the same.
    if let Some(column) = columns.split(',').find(|c| !header.iter().any(|h| h == *c)) {
        return Err(parse_error(dir, file, 1, &format!("there is no column {column}")));
    }
    let mut all = Vec::new();
    for record in from.records() {
        let line = |e: &csv::Error| e.position().map_or(lines, csv::Position::line);
        let record = record.map_err(|e| parse_error(dir, file, line(&e), &reason(&e)))?;
        let at = record.position().map_or(0, csv::Position::line);
        let row = record
            .deserialize(Some(&header))
            .map_err(|e| parse_error(dir, file, at, &reason(&e)))?;
        all.push((at, row));
    }
    Ok(all)
}

/// What is wrong, without the position in bytes that the crate would add.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("there are {len} fields in place of {expected_len}; was it torn?")
        }
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::Utf8 { .. } => "this is no UTF-8 text".into(),
        other => format!("{other:?}"),
    }
}
