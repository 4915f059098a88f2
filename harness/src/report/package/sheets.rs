//! The CSV files of a results folder, column by column: types, keys and references. What a column means stands in
//! `results/README.md`.

/// A column: its name and what stands in it.
pub(in crate::report) struct Column {
    pub(in crate::report) name: &'static str,
    pub(super) kind: Kind,
    /// Whether it may be empty: not reached, or not known.
    pub(super) empty: bool,
}

pub(super) enum Kind {
    Integer,
    Number,
    Text,
    Flag,
    /// One of these.
    Word(&'static [&'static str]),
}

/// Columns that name a row of another file, and that file without its ending. They are called the same there.
pub(super) type Reference = (&'static [&'static str], &'static str);

/// A CSV file.
pub(in crate::report) struct Sheet {
    pub(in crate::report) file: &'static str,
    pub(in crate::report) columns: &'static [Column],
    /// The columns that tell its rows apart; none if two may be equal.
    pub(super) key: &'static [&'static str],
    pub(super) refers: &'static [Reference],
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
pub(in crate::report) const RINGS: &[&str] =
    &["item", "lane", "worker", "pool", "pipeline", "subject"];
pub(in crate::report) const OUTCOMES: &[&str] = &[
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
const RUN: Reference = (&["run"], "runs");

/// All CSV files of a results folder, column by column.
pub(in crate::report) const SHEETS: [Sheet; 9] = [
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
            maybe(word("outcome_worst", OUTCOMES)),
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
            text("class"),
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
            maybe(integer("restarts")),
            maybe(word("outcome", OUTCOMES)),
            maybe(flag("declared")),
            maybe(flag("censored")),
        ],
        key: &["run", "injection"],
        // `item` is no reference: of `fork-fails` and `shm-full` it is the number of a start.
        refers: &[RUN],
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
        refers: &[RUN],
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
        refers: &[RUN],
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
        key: &[],
        refers: &[RUN],
    },
    Sheet {
        file: "events.csv",
        columns: &[
            integer("run"),
            integer("seq"),
            integer("t_ns"),
            text("kind"),
            integer("item"),
            integer("attempt"),
            integer("lane"),
            integer("value"),
        ],
        key: &["run", "seq"],
        refers: &[RUN],
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
    Sheet {
        file: "faults.csv",
        columns: &[
            text("subject"),
            text("fault"),
            word("outcome", OUTCOMES),
            maybe(text("diagnosis")),
            integer("injections"),
        ],
        key: &[],
        refers: &[],
    },
];
