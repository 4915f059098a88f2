use super::*;
use crate::experiment::Experiment;
use crate::history::{Ending, sample};
use crate::stats::Estimate;
use pipelines::message::Failure;

type Draw = fn(&Experiment, &[History]) -> Result<Figure, Failure>;
const ALL: [Draw; 7] = [progress, recovery, throughput, timeline, distribution, phases, coverage];

fn experiment(name: &str) -> Experiment {
    Experiment::load(name).unwrap()
}

#[test]
fn figures_say_what_they_show() {
    let (e, all) = (experiment("e3-ffi-abort"), sample::comparison(10, 256));
    let svg = progress(&e, &all).unwrap().svg;
    for text in ["okiagari completed 10 of 10 runs", "10 of 10 died: SIGABRT", "tiles done"] {
        assert!(svg.contains(text), "{text}");
    }
    let svg = recovery(&e, &all).unwrap().svg;
    for text in ["okiagari brought back 20 of 20", "10 of 10 never came back", "recovery time, ms"]
    {
        assert!(svg.contains(text), "{text}");
    }
    let svg = throughput(&e, &all).unwrap().svg;
    for text in ["okiagari keeps", "n = 10 blocks", "throughput, Mpx/s", "without faults"] {
        assert!(svg.contains(text), "{text}");
    }
    let said: [(Draw, &[&str]); 4] = [
        (
            timeline,
            &[
                "okiagari gets up again and delivers every tile; baseline does not",
                "of block 1: by its time the middle one of 10",
                "n = 10 twins",
                "80 % of the n fault-free twins",
                "died: SIGABRT after",
                "1 fault, 141 of 256 tiles missing",
            ],
        ),
        (
            distribution,
            &[
                "half of its struck tiles back after 4.80 ms",
                "n = 30 faults",
                "with 95 %",
                "none of n = 10 came back",
            ],
        ),
        (
            phases,
            &[
                "okiagari knows of an abort after 500 µs",
                "n = 20 of 20",
                "95 % interval",
                "none of 10 came back",
            ],
        ),
        (coverage, &["okiagari covers 20 of 20", "one-sided with 95 %", "0 of 10", "86 to 100 %"]),
    ];
    for (draw, texts) in said {
        let svg = draw(&e, &all).unwrap().svg;
        let whole = svg.split("</text>").map(|t| t.rsplit('>').next().unwrap().trim());
        let whole = whole.collect::<Vec<_>>().join(" ");
        for text in texts {
            assert!(whole.contains(text), "{text:?} is not in {whole}");
        }
    }
    for draw in ALL {
        let Figure { svg, png } = draw(&e, &all).unwrap();
        assert_eq!(Figure { svg: svg.clone(), png }, draw(&e, &all).unwrap());
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}

#[test]
fn little_or_strange_data_is_no_reason_to_fail() {
    let quiet = vec![sample::good(0, "okiagari", false, 4)];
    let mut odd = sample::comparison(1, 4);
    odd.truncate(1);
    odd[0].run.wall_ns = 0;
    odd[0].injections[0].fired_ns = Some(u64::MAX / 4);
    odd[0].injections[0].accepted_ns = Some(u64::MAX / 4);
    let mut hung = sample::good(0, "somebody <else>", true, 0);
    hung.run.ending = Ending::Hang;
    for name in ["e1-availability", "e3-ffi-abort"] {
        for all in
            [vec![], quiet.clone(), odd.clone(), vec![hung.clone()], sample::comparison(1, 16)]
        {
            for draw in ALL {
                let svg = draw(&experiment(name), &all).unwrap().svg;
                assert!(!svg.contains("NaN") && !svg.contains("<else>"));
            }
        }
    }
}

#[test]
fn a_picture_shows_the_same_as_the_drawing_twice_as_large() {
    let (e, all) = (experiment("e3-ffi-abort"), sample::comparison(10, 256));
    for draw in ALL {
        let Figure { svg, png } = draw(&e, &all).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let size = format!("width=\"{}\" height=\"{}\"", info.width / 2, info.height / 2);
        assert!(svg.contains(&size), "{size}");
        // White comes first, being the commonest; there is a good deal of other ink, but not too much.
        let inked = pixels.iter().filter(|p| **p != 0).count() as f64 / pixels.len() as f64;
        assert!((0.02..0.5).contains(&inked), "{inked}");
    }
}

#[test]
fn twenty_six_subjects_and_long_names_have_room() {
    let e = experiment("e3-ffi-abort");
    let mut all = sample::comparison(2, 64);
    for k in 0..24 {
        let name = format!("subject-with-a-long-name-{k:02}");
        let again = sample::comparison(1, 64).into_iter().filter(|h| h.run.subject == "okiagari");
        all.extend(again.map(|mut h| {
            h.run.subject.clone_from(&name);
            h
        }));
    }
    for draw in ALL {
        let svg = draw(&e, &all).unwrap().svg;
        assert!(svg.contains("subject-with-a-long-name-23") && !svg.contains("NaN"));
    }
}

#[test]
fn subjects_have_different_colours_as_long_as_there_are_any() {
    let inks = style::colours(&["okiagari", "tool-a", "okiagari-64mib", "tool-b", "tool-c"]);
    let all: std::collections::BTreeSet<_> =
        ["okiagari", "tool-a", "tool-b", "tool-c"].map(&inks).map(|c| (c.0, c.1, c.2)).into();
    assert_eq!(all.len(), 4);
    assert_eq!(inks("okiagari"), inks("okiagari-64mib"));
    assert_eq!(inks("okiagari"), style::colours(&["okiagari"])("okiagari"));
}

#[test]
fn a_subject_that_is_much_slower_leaves_the_others_to_be_seen() {
    let e = experiment("e3-ffi-abort");
    let mut all = sample::comparison(2, 64);
    assert!(!progress(&e, &all).unwrap().svg.contains("logarithmic"));
    let mut slow = sample::good(8, "htpipe", true, 64);
    slow.items.iter_mut().filter_map(|i| i.done_ns.as_mut()).for_each(|ns| *ns *= 50);
    slow.run.wall_ns *= 50;
    all.push(slow);
    let svg = progress(&e, &all).unwrap().svg;
    assert!(svg.contains("ms (logarithmic)") && svg.contains("htpipe completed 1 of 1 runs"));
    // One label a power of ten, from the first tile to the last.
    let labels = ["1", "10", "100", "1,000"].map(|text| format!(">\n{text}\n</text>"));
    assert!(labels.iter().all(|label| svg.contains(label)), "{svg}");
}

#[test]
fn labels_do_not_cover_each_other_and_stay_on_the_sheet() {
    let places = style::spread(&[100, 104, 395, 90], 20, 80, 400);
    let mut sorted = places.clone();
    sorted.sort_unstable();
    assert!(sorted.windows(2).all(|w| w[1] - w[0] >= 20), "{places:?}");
    assert!(places.iter().all(|y| (80..=380).contains(y)), "{places:?}");
}

fn goodput(value: f64) -> Estimate {
    Estimate { n: 8, value: Some(value), interval: Some((value * 0.9, value * 1.1)), method: "" }
}

#[test]
fn a_sweep_marks_where_a_subject_collapses() {
    let points = |at: [f64; 3]| [0.03, 0.3, 3.0].into_iter().zip(at.map(goodput)).collect();
    let lines = [
        Line { subject: "okiagari", points: points([40e6, 50e6, 52e6]), without: Some(53e6) },
        Line { subject: "broadway", points: points([0.4e6, 4e6, 45e6]), without: Some(54e6) },
    ];
    assert_eq!((lines[0].collapse_s(), lines[1].collapse_s()), (None, Some(0.3)));
    let svg = rate("e6-fault-rate", &lines).unwrap().svg;
    for text in
        ["broadway collapses at a fault every 300 ms", "does not collapse", "goodput, Mpx/s"]
    {
        assert!(svg.contains(text), "{text}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
    assert!(rate("e6", &[]).unwrap().svg.contains("There is no sweep to show."));
}

#[test]
fn outcomes_are_named_in_their_cells() {
    let cell = |severity, outcomes: &[(&'static str, u64)]| {
        Some(Cell { outcomes: outcomes.to_vec(), severity })
    };
    let faults = ["abort".to_owned(), "hang".to_owned()];
    let good = [cell(0, &[("recovered", 300)]), cell(0, &[("recovered", 30)])];
    let bad = [cell(3, &[("silent-loss", 10), ("masked", 2), ("recovered", 1)]), None];
    let cells: Vec<_> = good.into_iter().zip(bad).map(|(a, b)| vec![b, a]).collect();
    let svg = outcomes("e3", &faults, &["baseline", "okiagari"], &cells).unwrap().svg;
    for text in ["Through every fault comes okiagari", "silent-loss 10", "masked 2, others", "–"]
    {
        assert!(svg.contains(text), "{text}");
    }
    assert!(outcomes("e3", &[], &[], &[]).unwrap().svg.contains("No fault fired."));
}
