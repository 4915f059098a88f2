use super::*;
use crate::subject::{Knobs, Program, Subject};
use pipelines::fault::Fault;

pub(super) const GOOD: &str = r#"
name     = "mine"
question = "Does it?"
seed     = 0x5eed
blocks   = 10

[workload]
input = "synthetic:512x512"
tile  = 128
operation = ["blur:2"]

[[strike]]
fault = "abort"
when  = { item = "10..1000+50" }
attempts = "all"

[subject.baseline]
[subject.okiagari]
spares = 1
deadline_ms = 2000

[expect]
okiagari = { nothing-lost = "holds" }
"#;

pub(super) fn error(text: &str) -> String {
    Experiment::parse(text, "mine.toml").unwrap_err().to_string()
}

#[test]
fn the_embedded_experiments_are_sound_and_named_as_their_files() {
    for (name, _) in Experiment::embedded() {
        let e = Experiment::load(name).unwrap();
        assert_eq!(&e.name, name);
        let file = format!("{}/../experiments/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(Experiment::load(&file).unwrap(), e);
    }
    for (name, _) in Experiment::of_the_thesis() {
        let e = Experiment::load(name).unwrap();
        assert_eq!(e.workload.ballast_mib, 0);
        assert!(e.subject.keys().any(|s| s.starts_with("baseline")), "{name} has a control");
        assert!(e.subject.keys().any(|s| s.starts_with("okiagari")), "{name} has us");
    }
    let big = Experiment::load("e3-big-worker").unwrap();
    assert!(big.subject.keys().eq(["baseline", "okiagari"]));
    assert_eq!((big.workload.ballast_mib, big.strike[0].fault), (1024, Fault::Abort));
    let controls =
        Experiment::embedded().iter().filter(|e| Experiment::load(e.0).unwrap().is_control());
    assert!(
        controls.map(|e| e.0).eq(["e1-availability", "e4-speed", "a-a", "e9-isolation-cost"]),
        "the CVE's pictures differ"
    );
    assert_eq!(Experiment::load("e3-ffi-abort").unwrap().strike[0].to_string(), "abort@p=0.04");
    let files =
        std::fs::read_dir(format!("{}/../experiments", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let claims = |f: &std::fs::DirEntry| f.file_name() == "claims.toml";
    let files =
        files.filter(|f| f.as_ref().unwrap().path().extension().is_some_and(|e| e == "toml"));
    assert_eq!(
        files.filter(|f| !claims(f.as_ref().unwrap())).count(),
        Experiment::embedded().len(),
        "a file in experiments/ is not embedded"
    );
}

#[test]
fn an_experiment_survives_being_written() {
    let e = Experiment::parse(GOOD, "mine.toml").unwrap();
    assert_eq!(e.subject["okiagari"].deadline_ms, Some(2000));
    assert_eq!(e.workload.tile_px(), Some(128));
    let again = Experiment::parse(&toml::to_string(&e).unwrap(), "mine.toml").unwrap();
    assert_eq!(again, e);
}

#[test]
fn limits_are_those_of_the_file() {
    let text = "spares = 1\nmemory_max_mib = 64\ncpu_max_s = 7\nfiles_max = 32\nfile_size_max_mib = 3\n\
                recycle_items = 9\nrecycle_age_s = 60\nrecycle_growth_mib = 5";
    let e = Experiment::parse(&GOOD.replacen("spares = 1", text, 1), "mine.toml").unwrap();
    let seconds = Duration::from_secs;
    let limits = Limits {
        memory_max_bytes: 64 << 20,
        cpu_max: Some(seconds(7)),
        files_max: Some(32),
        file_max_bytes: Some(3 << 20),
    };
    let recycling =
        Recycling { items: Some(9), age: Some(seconds(60)), growth_bytes: Some(5 << 20) };
    let options = &e.subject["okiagari"];
    assert_eq!((options.limits(), options.recycling()), (limits, recycling));
    let plain = &e.subject["baseline"];
    assert_eq!((plain.limits(), plain.recycling()), Default::default());
}

#[test]
fn what_is_wrong_is_named_with_file_line_and_key() {
    for (from, to, parts) in [
        ("blocks   = 10", "blocks = true", &["mine.toml, line 5", "blocks", "boolean"][..]),
        ("blocks   = 10", "blocks = 0", &["mine.toml, line 5: blocks is 0", "1 to 1000"]),
        ("blocks   = 10", "blocks = 1001", &["line 5: blocks is 1001"]),
        ("blocks   = 10", "blox = 10", &["line 5", "unknown field `blox`"]),
        ("blocks   = 10", "", &["mine.toml", "missing field `blocks`"]),
        ("tile  = 128", "tiles = 1", &["line 9", "unknown field `tiles`"]),
        ("tile  = 128", "tile = 0", &["line 9: tile must be at least 1"]),
        ("tile  = 128", "tile = 1\nstrips = 2", &["strips and tile cannot both be given"]),
        ("operation = ", "library = 'go'\noperation = ", &["library must be"]),
        ("operation = ", "format = 'jpeg:0'\noperation = ", &["format must be"]),
        (
            "[subject.baseline]",
            "[subject.nobody]",
            &[
                "line 17: subject.nobody is no known subject",
                "baseline, restart, resume, broadway, htpipe, okiagari",
            ],
        ),
        (
            "deadline_ms = 2000",
            "deadline_ms = 0",
            &["line 20: subject.okiagari.deadline_ms must be at least 1"],
        ),
        (
            "tile  = 128",
            "ballast_mib = 512",
            &["subject.okiagari.memory_max_mib is 512, but must be more than ballast_mib"],
        ),
        ("tile  = 128", "ballast_mib = 65537", &["line 9: ballast_mib must be at most 65536"]),
        (
            "spares = 1",
            "memory_max_mib = 15",
            &["subject.okiagari.memory_max_mib must be at least 16"],
        ),
        ("spares = 1", "files_max = 3", &["subject.okiagari.files_max must be at least 16"]),
        ("spares = 1", "recycle_items = 0", &["subject.okiagari.recycle_items must be at least 1"]),
        ("spares = 1", "blocks = 0", &["subject.okiagari.blocks must be at least 1"]),
        ("deadline_ms = 2000", "deadline = 2", &["unknown field `deadline`"]),
        (
            "nothing-lost",
            "nothing-missing",
            &["line 23", "unknown variant `nothing-missing`", "nothing-lost"],
        ),
        ("\"holds\"", "\"held\"", &["line 23", "unknown variant `held`"]),
        ("okiagari = {", "plain = {", &["line 23: expect.plain expects something of a subject"]),
        ("10..1000", "10...1000", &["line 1", "\".1000\" is not a whole number"]),
        ("fault = \"abort\"", "fault = \"burp\"", &["line 13", "no fault called \"burp\""]),
        ("[workload]", "[workload", &["mine.toml, line 7"]),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let error = error(&GOOD.replacen(from, to, 1));
        for part in parts {
            assert!(error.contains(part), "{to}: {error}");
        }
        assert!(!error.contains('\n'), "{error}");
    }
}

/// The mistake in a subject's table.
fn mistake(table: &str) -> String {
    error(&GOOD.replacen("[subject.baseline]", table, 1))
}

#[test]
fn a_subject_of_ones_own_is_another_with_its_knobs_turned() {
    let text = "[subject.baseline]\n[subject.mine]\nlike = \"okiagari\"\nisolation = \"thread\"\n\
                [subject.yours]\nlike = \"broadway\"\ndelivery = \"lease\"\nagain = \"from-zero\"\n\
                [subject.ours]\nlike = \"baseline\"\nagain = \"resume\"\n\
                [subject.hers]\nsupervision = \"broadway\"";
    let e = Experiment::parse(&GOOD.replacen("[subject.baseline]", text, 1), "mine.toml").unwrap();
    let subject = |name: &str| e.subject_called(name).unwrap();
    let named = |name: &str| name.parse::<Subject>().unwrap();
    let knobs = |name: &str| named(name).knobs().unwrap();
    let (mine, yours, ours) = (subject("mine"), subject("yours"), subject("ours"));
    assert_eq!(mine.knobs(), Some(Knobs { isolation: Isolation::Thread, ..knobs("okiagari") }));
    assert_eq!((mine.again, &*mine.name), (Again::Resume, "mine"));
    assert_eq!(yours.knobs(), Some(Knobs { delivery: Delivery::Lease, ..knobs("broadway") }));
    assert_eq!(yours.again, Again::FromZero);
    assert_eq!((ours.program, ours.again), (Program::Plain, Again::Resume));
    let hers = subject("hers").knobs();
    assert_eq!(hers, Some(Knobs { supervision: Supervision::Broadway, ..knobs("okiagari") }));
    assert_eq!(subject("baseline"), named("baseline"));
    let again = Experiment::parse(&toml::to_string(&e).unwrap(), "mine.toml").unwrap();
    assert_eq!(again, e);
}

#[test]
fn what_makes_no_sense_in_a_subject_is_refused_in_a_sentence() {
    let command = "[subject.mine]\ncommand = [\"p\", \"{input}\", \"{out}\"]";
    for (table, part) in [
        ("[subject.okiagari2]", "is no known subject"),
        ("[subject.baseline]\nagain = \"resume\"", "again cannot be given to baseline"),
        ("[subject.htpipe]\nisolation = \"thread\"", "isolation cannot be given to htpipe"),
        ("[subject.mine]\nlike = \"noone\"", "like is no subject: there is no subject called"),
        ("[subject.mine]\nlike = \"resume\"\ndelivery = \"lease\"", "is a knob of the engine"),
        (
            "[subject.mine]\nlike = \"htpipe\"\nisolation = \"process\"",
            "isolation cannot be \"process\" in what is like broadway or htpipe",
        ),
        (
            "[subject.mine]\ndelivery = \"hand-over\"\nattempts = 2",
            "attempts must be 1 under hand-over",
        ),
        ("[subject.mine]\nisolation = \"thread\"\nsandbox = true", "sandbox means nothing"),
        ("[subject.mine]\nisolation = \"shared\"\nspares = 1", "spares means nothing"),
        ("[subject.mine]\nisolation = \"thread\"\ncgroup = \"own\"", "cgroup means nothing"),
        ("[subject.mine]\ndelivery = \"hope\"", "unknown variant `hope`"),
        ("[subject.mine]\ncommand = []", "command is empty"),
        ("[subject.mine]\ncommand = [\"p\", \"{out}\"]", "must have {input} or {input_ppm}"),
        ("[subject.mine]\ncommand = [\"p\", \"{input}\"]", "must have {out}"),
        (
            "[subject.mine]\ncommand = [\"p\", \"{input}\", \"{out}\", \"{tiles}\"]",
            "has a {tiles}, which nobody knows; there are {input}, {input_ppm}, {out}",
        ),
        (&format!("{command}\nlike = \"okiagari\""), "like means nothing to a command"),
        (&format!("{command}\nspares = 3"), "spares means nothing to a command"),
    ] {
        let error = mistake(table);
        assert!(error.contains(part), "{table}: {error}");
        assert!(!error.contains('\n'), "{error}");
    }
    let strips = GOOD.replacen("tile  = 128", "strips = 9", 1);
    let error = error(&strips.replacen("[subject.baseline]", command, 1));
    assert!(error.contains("works on tiles of one picture"), "{error}");
    let inside = GOOD.replacen("\"abort\"", "\"hang\"", 1);
    let error = self::error(&inside.replacen("[subject.baseline]", command, 1));
    assert!(error.contains("cannot be struck by hang, which is no signal"), "{error}");
    for (when, condition) in [
        ("lane = 0, item = 3", "a lane"),
        ("item = 3, lane = 1", "a lane"),
        ("tile = \"1:1\"", "a tile by its row"),
    ] {
        let blind = GOOD.replacen("{ item = \"10..1000+50\" }", &format!("{{ {when} }}"), 1);
        let error = self::error(&blind.replacen("[subject.baseline]", command, 1));
        assert!(error.contains(&format!("never struck where {condition}")), "{when}: {error}");
    }
    assert!(
        Experiment::parse(&GOOD.replacen("[subject.baseline]", command, 1), "mine.toml").is_ok()
    );
}

#[test]
fn a_file_is_named_as_its_experiment_and_a_wrong_name_gets_a_list() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.toml");
    std::fs::write(&path, GOOD).unwrap();
    let error = Experiment::load(path.to_str().unwrap()).unwrap_err().to_string();
    assert!(error.contains("name is \"mine\", but must be that of the file, \"other\""), "{error}");
    let error = Experiment::load("e9").unwrap_err().to_string();
    assert!(error.contains("e3-ffi-abort"), "{error}");
    let error = Experiment::load("nowhere/e9.toml").unwrap_err().to_string();
    assert!(error.contains("cannot be read"), "{error}");
}

#[test]
fn a_schedule_is_random_but_decided_and_fair() {
    let e = Experiment::parse(GOOD, "mine.toml").unwrap();
    let schedule = e.schedule();
    assert_eq!(schedule, e.schedule());
    assert_eq!(schedule.len(), 40);
    assert!(schedule.iter().zip(0..).all(|(t, run)| t.run == run && t.block == run / 4));
    let mut seeds = Vec::new();
    let mut orders = Vec::new();
    for block in schedule.chunks(4) {
        assert!(block.iter().all(|t| t.seed == block[0].seed));
        seeds.push(block[0].seed);
        orders.push(block.iter().map(|t| (t.subject.as_str(), t.faults)).collect::<Vec<_>>());
        let mut who = orders[orders.len() - 1].clone();
        who.sort_unstable();
        assert_eq!(
            who,
            [("baseline", false), ("baseline", true), ("okiagari", false), ("okiagari", true)]
        );
    }
    seeds.sort_unstable();
    seeds.dedup();
    orders.sort();
    orders.dedup();
    assert_eq!(seeds.len(), 10);
    assert!(orders.len() > 5, "{orders:?}");
    let other = Experiment { seed: 2, ..e.clone() };
    assert_ne!(other.schedule(), schedule);
    assert_eq!(e.small().schedule(), schedule[..12]);
    for trial in &schedule {
        assert_eq!(e.plan(trial).specs.len(), usize::from(trial.faults));
    }
}

#[test]
fn a_slow_subject_takes_part_in_few_blocks_and_changes_nothing_for_the_others() {
    let all = Experiment::parse(GOOD, "mine.toml").unwrap();
    let few =
        GOOD.replace("[subject.baseline]", "[subject.baseline]\n[subject.htpipe]\nblocks = 2");
    let few = Experiment::parse(&few, "mine.toml").unwrap();
    let blocks = |e: &Experiment| -> Vec<u32> {
        e.schedule().iter().filter(|t| t.subject == "htpipe").map(|t| t.block).collect()
    };
    assert_eq!(blocks(&few), [0, 0, 1, 1]);
    assert_eq!(blocks(&few.small()), [0, 0]);
    assert_eq!((few.small().blocks, few.blocks), (SMALL_BLOCKS, 10));
    let others = |e: &Experiment| -> Vec<_> {
        let others = e.schedule().into_iter().filter(|t| t.subject != "htpipe");
        others.map(|t| (t.block, t.subject, t.faults, t.seed)).collect()
    };
    assert_eq!(others(&few), others(&all));
}

#[test]
fn a_sweep_makes_a_block_of_each_point_and_item_and_repeats_them_all() {
    let strike =
        "[[strike]]\nfault = \"abort\"\nwhen  = { item = \"10..1000+50\" }\nattempts = \"all\"\n";
    let text = |sweep: &str| GOOD.replace(strike, sweep).replace("blocks   = 10", "blocks   = 2");
    let sweep =
        "[sweep]\nfault = \"kill-subject\"\npoints = [\"write\", \"rename\"]\nitems = [3, 7, 9]\n";
    let e = Experiment::parse(&text(sweep), "mine.toml").unwrap();
    assert_eq!(e.blocks_in_all(), 2 * 2 * 3);
    let trials = e.schedule();
    assert_eq!(trials.len(), 2 * 2 * 3 * 2 * 2, "two subjects, each with its twin");
    for trial in &trials {
        let (cell, specs) = (trial.block as usize % 6, e.plan(trial).specs);
        let texts: Vec<_> = specs.iter().map(ToString::to_string).collect();
        let (point, item) = (["write", "rename"][cell / 3], [3, 7, 9][cell % 3]);
        let expected = format!("kill-subject@item={item},point={point}");
        assert_eq!(texts, if trial.faults { vec![expected] } else { vec![] });
    }
    assert_eq!(toml::from_str::<Experiment>(&toml::to_string(&e).unwrap()).unwrap(), e);
    // All points that the fault can be moved to, and those where an abort is at home.
    let all = "[sweep]\nfault = \"kill-subject\"\nitems = [3]\n";
    assert_eq!(
        Experiment::parse(&text(all), "mine.toml").unwrap().blocks_in_all(),
        2 * 9,
        "all but native, output and line"
    );
    let one = "[sweep]\nfault = \"segfault\"\nitems = [3]\n";
    assert_eq!(Experiment::parse(&text(one), "mine.toml").unwrap().blocks_in_all(), 2);
    for (faults, part) in [
        (
            "[sweep]\nfault = \"segfault\"\npoints = [\"write\"]\nitems = [3]\n",
            "segfault strikes at the point native",
        ),
        ("[sweep]\nfault = \"stop\"\nitems = []\n", "sweep.items"),
        ("[sweep]\nfault = \"stop\"\npoints = [\"wrote\"]\nitems = [1]\n", "no point called"),
    ] {
        let why = error(&text(faults));
        assert!(why.contains(part), "{why}");
    }
    assert!(
        error(&text(&format!("{strike}{sweep}")))
            .contains("give one of strike, sweep and schedule")
    );
    let both = format!("schedule = \"a.csv\"\n{GOOD}");
    assert!(error(&both).contains("give one of strike, sweep and schedule"));
    let many: Vec<_> = (0..600).map(|n| n.to_string()).collect();
    let many = format!("[sweep]\nfault = \"segfault\"\nitems = [{}]\n", many.join(", "));
    assert!(error(&text(&many)).contains("makes 1200 blocks"));
}
