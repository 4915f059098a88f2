//! Histories as tables, and back. `results/README.md` says what each column means.
//!
//! A campaign writes the rows of a run as soon as it is over, and its row in `runs.csv` last: it is what makes the run
//! count. A kill, at whatever byte, leaves a row without its end, or rows of a run that does not stand in `runs.csv`.
//! Both are left out, and counted. Anything else that is wrong is damage, and told.
//!
//! What is derived and needs a run's twin stays empty until all runs are there ([`derive`]).

use super::event::EVENTS;
use super::rows::{InjectionRow, ItemRow, ResourceRow, RunRow};
use super::whole::write_whole;
use super::{Checksum, History};
use crate::measure::Twins;
use csv::{ByteRecord, Position, StringRecord};
use pipelines::message::Failure;
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

/// A table of a results folder.
pub(crate) struct Table {
    /// Its file.
    pub(crate) file: &'static str,
    /// Its columns, with commas between.
    pub(crate) columns: &'static str,
    /// Writes what stands in it of one history.
    pub(super) rows: fn(&History, &Twins, &mut Writer) -> csv::Result<()>,
}

pub(super) type Writer = csv::Writer<Vec<u8>>;

const RUN_COLUMNS: &str = "run,block,order_in_block,subject,faults,seed,items,pixels,wall_ns,cpu_ns,\
    throughput_px_per_s,ending,deaths,restarts,orphans,foreign_files,events_missed,foreign_cpu_ns,steal_ns,noisy,\
    outcome_worst";
const INJECTION_COLUMNS: &str = "run,injection,subject,fault,class,item,attempt,point,lane,permanent,armed_ns,\
    reached_ns,fired_ns,error_ns,effect_ns,detected_ns,acted_ns,ready_ns,lent_again_ns,first_ns,accepted_ns,\
    steady_ns,caught_ns,detect_ns,recovery_ns,work_ns,recovery_net_ns,diagnosis,diagnosis_ok,contained_at,\
    restarts,outcome,declared,censored";
const RESOURCE_COLUMNS: &str = "run,t_ns,role,pid,deaths,rss_bytes,fds,threads,cpu_ns";
const ITEM_COLUMNS: &str =
    "run,item,attempts,state,deliveries,lent_ns,done_ns,work_ns,found_blake3,golden_blake3";

const ITEMS: Table = Table {
    file: "items.csv",
    columns: ITEM_COLUMNS,
    rows: |h, _, to| h.items.iter().try_for_each(|i| to.serialize(ItemRow::of(h, i))),
};
const RESOURCES: Table = Table {
    file: "resources.csv",
    columns: RESOURCE_COLUMNS,
    rows: |h, _, to| h.resources.iter().try_for_each(|r| to.serialize(ResourceRow::of(h, r))),
};
const INJECTIONS: Table = Table {
    file: "injections.csv",
    columns: INJECTION_COLUMNS,
    rows: |h, twins, to| {
        h.injections.iter().try_for_each(|i| to.serialize(InjectionRow::of(h, i, twins)))
    },
};
pub(super) const RUNS: Table = Table {
    file: "runs.csv",
    columns: RUN_COLUMNS,
    rows: |h, twins, to| to.serialize(RunRow::of(h, twins)),
};

/// All tables of histories, in the order in which a run is written to them. The last is the one that makes it count.
pub(crate) const TABLES: [Table; 5] = [EVENTS, ITEMS, RESOURCES, INJECTIONS, RUNS];

impl Table {
    /// What stands in it of one history, without the columns.
    pub(super) fn rows(&self, history: &History, twins: &Twins) -> Result<Vec<u8>, Failure> {
        let mut to = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
        (self.rows)(history, twins, &mut to).map_err(Failure::engine)?;
        to.into_inner().map_err(Failure::engine)
    }

    /// The line with its columns.
    pub(super) fn header(&self) -> String {
        format!("{}\n", self.columns)
    }

    fn write_whole(&self, dir: &Path, histories: &[History], twins: &Twins) -> Result<(), Failure> {
        let mut bytes = self.header().into_bytes();
        for history in histories {
            bytes.extend(self.rows(history, twins)?);
        }
        write_whole(dir, self.file, &bytes)
    }
}

/// What of the tables belongs to no finished run, because the campaign was killed while it wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Whole rows of runs that do not stand in `runs.csv`.
    pub rows: u64,
    /// Rows without their end; at most one a table.
    pub torn: u64,
}

/// Writes all tables into a folder that exists. Each is written whole and then renamed.
///
/// # Errors
/// The place for the output refuses.
pub fn write(dir: &Path, histories: &[History]) -> Result<(), Failure> {
    let twins = Twins::of(histories);
    TABLES.iter().try_for_each(|table| table.write_whole(dir, histories, &twins))
}

/// Writes those tables anew that have columns which a run's twin is needed for, when all runs are there.
///
/// # Errors
/// The place for the output refuses.
pub(crate) fn derive(dir: &Path, histories: &[History]) -> Result<(), Failure> {
    let twins = Twins::of(histories);
    [INJECTIONS, RUNS].iter().try_for_each(|table| table.write_whole(dir, histories, &twins))
}

/// Reads the finished runs of a folder, see [`recover`]. Their events are not read: see
/// [`read_events`](super::read_events).
///
/// # Errors
/// Those of [`recover`].
pub fn read(dir: &Path) -> Result<Vec<History>, Failure> {
    recover(dir).map(|(histories, _)| histories)
}

/// Reads the finished runs of a folder, and counts what was left out. Derived columns are not read: they are computed
/// anew where they are needed.
///
/// # Errors
/// One sentence that names the file, and the line where there is one: it is missing, a finished run ends in the middle
/// of a line, a column is missing or is no number, a run stands there twice or not at all.
pub fn recover(dir: &Path) -> Result<(Vec<History>, LeftOut), Failure> {
    let (mut all, mut left_out) = (Vec::new(), LeftOut::default());
    let mut place = BTreeMap::new();
    scan(dir, &RUNS, None, &mut left_out, |line, row: RunRow| {
        if place.insert(row.run, all.len()).is_some() {
            let why = format!("run {} stands here twice", row.run);
            return Err(parse_error(dir, RUNS.file, line, &why));
        }
        let run = row.run().map_err(|why| parse_error(dir, RUNS.file, line, &why))?;
        all.push(History::of(run));
        Ok(())
    })?;
    let finished = |run: u32| place.contains_key(&run);
    scan(dir, &INJECTIONS, Some(&finished), &mut left_out, |_, row: InjectionRow| {
        all[place[&row.run]].injections.push(row.injection());
        Ok(())
    })?;
    scan(dir, &ITEMS, Some(&finished), &mut left_out, |_, row: ItemRow| {
        all[place[&row.run]].items.push(row.item());
        Ok(())
    })?;
    scan(dir, &RESOURCES, Some(&finished), &mut left_out, |_, row: ResourceRow| {
        all[place[&row.run]].resources.push(row.resource());
        Ok(())
    })?;
    Ok((all, left_out))
}

/// The checksums of the golden run that this run was judged by, by item; empty if it is not finished.
///
/// # Errors
/// Those of [`recover`].
pub(crate) fn golden(dir: &Path, run: u32) -> Result<Vec<Option<Checksum>>, Failure> {
    let mut all = Vec::new();
    scan(dir, &ITEMS, Some(&|_| true), &mut LeftOut::default(), |_, row: ItemRow| {
        if row.run == run {
            all.push(row.item().golden_blake3);
        }
        Ok(())
    })?;
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
pub(super) fn parse_error(dir: &Path, file: &str, line: u64, why: &str) -> Failure {
    Failure::input(format!("{}, line {line}: {why}", dir.join(file).display()))
}

/// Gives the rows of finished runs, each with its line, and returns how many bytes they and what stands before them
/// take. Without `finished` a run is finished if its row is whole. One row is held at a time.
///
/// # Errors
/// Those of [`recover`], and those of `each`.
pub(super) fn scan<T: DeserializeOwned>(
    dir: &Path,
    table: &Table,
    finished: Option<&dyn Fn(u32) -> bool>,
    left_out: &mut LeftOut,
    mut each: impl FnMut(u64, T) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut from = Rows::open(dir, table)?;
    let mut good_bytes = from.reader.position().byte();
    let mut stray: Option<(u64, u32)> = None;
    // Bytes: what was torn may end in the middle of a character.
    let mut record = ByteRecord::new();
    while from.reader.read_byte_record(&mut record).map_err(|e| from.bad(&e))? {
        let line = record.position().map_or(0, Position::line);
        let wrong = |why: &str| parse_error(dir, table.file, line, why);
        let run = record.get(from.run).and_then(|text| str::from_utf8(text).ok()?.parse().ok());
        let counts = |run: u32| finished.is_none_or(|finished| finished(run));
        if from.is_torn(&record) {
            // Of a run that counts, every row was whole before it did: then it is no kill that tore it.
            if record.len() > from.run + 1 && finished.is_some() && run.is_some_and(counts) {
                return Err(wrong(
                    "the file ends in the middle of this line, though its run is finished: delete the line to judge \
                     what is there, or run the experiment again with --overwrite",
                ));
            }
            left_out.torn += 1;
            continue;
        }
        let (found, expected) = (record.len(), from.header.len());
        if found != expected {
            return Err(wrong(&format!(
                "there are {found} fields in place of {expected}; was it torn?"
            )));
        }
        let text = StringRecord::from_byte_record(record.clone())
            .map_err(|_| wrong("this is no UTF-8 text"))?;
        let row = text.deserialize(Some(&from.header)).map_err(|e| wrong(&reason(&e)))?;
        match (run.filter(|run| counts(*run)), stray) {
            (Some(_), None) => {
                each(line, row)?;
                good_bytes = from.reader.position().byte();
            }
            // Only the last run that was begun can be unfinished: no row of a finished one comes after it.
            (Some(_), Some((line, run))) => {
                let why = format!("run {run} does not stand in {}", RUNS.file);
                return Err(parse_error(dir, table.file, line, &why));
            }
            (None, _) => {
                left_out.rows += 1;
                stray = stray.or(Some((line, run.unwrap_or_default())));
            }
        }
    }
    Ok(good_bytes)
}

/// A table's file, being read.
struct Rows<'a> {
    dir: &'a Path,
    table: &'a Table,
    reader: csv::Reader<BufReader<File>>,
    header: StringRecord,
    /// The column that says which run a row belongs to.
    run: usize,
    bytes: u64,
    /// Whether the file ends with the end of a line.
    ended: bool,
}

impl<'a> Rows<'a> {
    fn open(dir: &'a Path, table: &'a Table) -> Result<Self, Failure> {
        let path = dir.join(table.file);
        let opened = || -> std::io::Result<(File, u64, bool)> {
            let (mut file, mut last) = (File::open(&path)?, [0]);
            let bytes = file.metadata()?.len();
            file.seek(SeekFrom::Start(bytes.saturating_sub(1)))?;
            let ended = bytes > 0 && file.read(&mut last)? == 1 && last == *b"\n";
            file.rewind()?;
            Ok((file, bytes, ended))
        };
        let (file, bytes, ended) = opened()
            .map_err(|e| Failure::input(format!("{} cannot be read: {e}", path.display())))?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(BufReader::new(file));
        let header =
            reader.headers().map_err(|e| parse_error(dir, table.file, 1, &reason(&e)))?.clone();
        // An empty cell and a column that is not there would else look the same.
        if let Some(column) = table.columns.split(',').find(|c| !header.iter().any(|h| h == *c)) {
            return Err(parse_error(dir, table.file, 1, &format!("there is no column {column}")));
        }
        let run = header.iter().position(|h| h == "run").unwrap_or_default();
        Ok(Self { dir, table, reader, header, run, bytes, ended })
    }

    /// Whether the row that was just read is the last, and lacks its end.
    fn is_torn(&self, record: &ByteRecord) -> bool {
        let last = self.reader.position().byte() >= self.bytes;
        last && (!self.ended || record.len() < self.header.len())
    }

    fn bad(&self, error: &csv::Error) -> Failure {
        let line = error.position().map_or(0, Position::line);
        parse_error(self.dir, self.table.file, line, &reason(error))
    }
}

/// What is wrong, without the position in bytes that the crate would add.
fn reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
        csv::ErrorKind::Utf8 { .. } => "this is no UTF-8 text".into(),
        other => format!("{other:?}"),
    }
}
