use super::*;
use crate::experiment::Experiment;
use crate::history::{Ending, sample};
use crate::stats::Estimate;
use pipelines::message::Failure;

type Draw = fn(&Experiment, &[History]) -> Result<Figure, Failure>;
const ALL: [Draw; 3] = [progress, recovery, throughput];

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
